package oidc_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Issue 4, "Speed": to begin costs at most 1.5 times what somebody pays who writes it by
// hand, and the callback at most 1.3 times what x/oauth2 and go-oidc cost alone.
//
//	go test -bench . -run ^$ ./strategies/oidc

func BenchmarkBegin(b *testing.B) {
	b.Run("floor", func(b *testing.B) { begin(b, byHand(b)) })
	b.Run("strategy", func(b *testing.B) {
		a := newApp(b, newProvider(b))
		a.begin() // the metadata is there afterwards
		begin(b, a.routes["/login"])
	})
}

func begin(b *testing.B, h http.Handler) {
	b.Helper()
	r := httptest.NewRequest(http.MethodGet, "https://app.test/login", nil)
	r.Header.Set("Accept", "text/html")
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusFound {
			b.Fatal(w.Code)
		}
	}
}

// byHand begins a flow with x/oauth2 and one sealed cookie.
func byHand(b *testing.B) http.HandlerFunc {
	b.Helper()
	config := oauth2.Config{ClientID: clientID, RedirectURL: redirect, Scopes: []string{"openid"}, Endpoint: oauth2.Endpoint{AuthURL: issuer + "/authorize"}}
	aead := must(cipher.NewGCM(must(aes.NewCipher([]byte("0123456789abcdef0123456789abcdef")))))
	return func(w http.ResponseWriter, r *http.Request) {
		state, nonce, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
		flow, _ := json.Marshal(map[string]string{"state": state, "nonce": nonce, "verifier": verifier})
		seal := make([]byte, aead.NonceSize(), 512)
		_, _ = rand.Read(seal)
		sealed := aead.Seal(seal, seal, flow, []byte("__Host-flow"))
		http.SetCookie(w, &http.Cookie{
			Name: "__Host-flow", Value: base64.RawURLEncoding.EncodeToString(sealed), Path: "/", MaxAge: 600, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		})
		http.Redirect(w, r, config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier), oidc.Nonce(nonce)), http.StatusFound)
	}
}

// The provider's own work counts in both: it is in the same process, and signs with
// Ed25519, which takes little of the time. All flows have begun before.
func BenchmarkCallback(b *testing.B) {
	b.Run("floor", func(b *testing.B) {
		p := newProvider(b)
		p.key = edKey()
		ctx := oidc.ClientContext(context.Background(), &http.Client{Transport: p})
		found := must(oidc.NewProvider(ctx, issuer))
		config := oauth2.Config{ClientID: clientID, ClientSecret: secret, RedirectURL: redirect, Endpoint: found.Endpoint()}
		config.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
		verifier, pkce := found.Verifier(&oidc.Config{ClientID: clientID}), oauth2.GenerateVerifier()
		codes := make([]string, b.N)
		for i := range codes {
			codes[i] = p.authorize(config.AuthCodeURL("state", oauth2.S256ChallengeOption(pkce), oidc.Nonce("nonce"))).Get("code")
		}
		b.ReportAllocs()
		b.ResetTimer()
		for _, code := range codes {
			token := must(config.Exchange(ctx, code, oauth2.VerifierOption(pkce)))
			raw, _ := token.Extra("id_token").(string)
			if id, err := verifier.Verify(ctx, raw); err != nil || id.Nonce != "nonce" {
				b.Fatal(err)
			}
		}
	})
	b.Run("strategy", func(b *testing.B) {
		p := newProvider(b)
		p.key = edKey()
		a := newApp(b, p)
		a.accepted() // metadata and keys are there afterwards, as in the floor
		callbacks := make([]*http.Request, b.N)
		for i := range callbacks {
			clear(a.jar)
			callbacks[i] = httptest.NewRequest(http.MethodGet, "https://app.test/callback?"+p.authorize(a.begin()).Encode(), nil)
			for _, c := range a.jar {
				callbacks[i].AddCookie(c)
			}
		}
		b.ReportAllocs()
		b.ResetTimer()
		for _, r := range callbacks {
			w := httptest.NewRecorder()
			a.routes["/callback"].ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				b.Fatal(a.err)
			}
		}
	})
}
