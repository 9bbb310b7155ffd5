package oidc_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// BenchmarkBegin: what it costs to send a person to the provider, the flow's cookie with it.
func BenchmarkBegin(b *testing.B) {
	a := newApp(b, newProvider(b))
	a.begin()
	r := httptest.NewRequest(http.MethodGet, "https://app.test/login", nil)
	r.Header.Set("Accept", "text/html")
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		a.routes["/login"].ServeHTTP(w, r)
		if w.Code != http.StatusFound {
			b.Fatal(w.Code)
		}
	}
}

// BenchmarkCallback: code, token, ID token and login, with a provider in memory, whose own
// work (the signature above all) counts, too.
func BenchmarkCallback(b *testing.B) {
	p := newProvider(b)
	a := newApp(b, p)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		clear(a.jar)
		answer := p.authorize(a.begin())
		b.StartTimer()
		if reply := a.callback(answer); reply.StatusCode != http.StatusOK {
			b.Fatal(a.err)
		}
	}
}

// BenchmarkCallbackByHand is the same with x/oauth2 and go-oidc alone, and fewer checks.
func BenchmarkCallbackByHand(b *testing.B) {
	p := newProvider(b)

	client := &http.Client{Transport: p}
	ctx := oidc.ClientContext(context.Background(), client)
	found, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		b.Fatal(err)
	}
	config := oauth2.Config{ClientID: clientID, ClientSecret: secret, RedirectURL: redirect, Endpoint: found.Endpoint()}
	config.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	verifier := found.Verifier(&oidc.Config{ClientID: clientID})
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		pkce := oauth2.GenerateVerifier()
		answer := p.authorize(config.AuthCodeURL("state", oauth2.S256ChallengeOption(pkce), oidc.Nonce("nonce")))
		b.StartTimer()
		token, err := config.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(pkce))
		if err != nil {
			b.Fatal(err)
		}
		raw, _ := token.Extra("id_token").(string)
		if id, err := verifier.Verify(ctx, raw); err != nil || id.Nonce != "nonce" {
			b.Fatal(err)
		}
	}
}
