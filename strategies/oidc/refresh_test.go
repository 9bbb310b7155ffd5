package oidc_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/oidc"
)

func wantsCode(t *testing.T, err error, code passport.Code) {
	t.Helper()
	var e *passport.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("%v, want %s", err, code)
	}
	secretFree(t, err.Error())
}

func TestARefreshedIDTokenIsChecked(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(p *provider)
		code   passport.Code
	}{
		{"in order", func(*provider) {}, ""},
		{"none", func(p *provider) { p.token = unset("id_token") }, ""},
		{"another's sub", func(p *provider) { p.claims = set("sub", "victim") }, passport.CodeSubjectMismatch},
		{"no sub", func(p *provider) { p.claims = unset("sub") }, passport.CodeSubject},
		{"another's issuer", func(p *provider) { p.claims = set("iss", "https://evil.test") }, passport.CodeIDTokenIssuer},
		{"another client's", func(p *provider) { p.claims = set("aud", "other") }, audience},
		{"expired", func(p *provider) { p.claims = set("exp", in(-120)) }, late},
		{"another nonce", func(p *provider) { p.claims = set("nonce", "n") }, passport.CodeIDTokenNonce},
		{"a bad signature", badSignature, signature},
		{"another access token's at_hash", func(p *provider) { p.claims = set("at_hash", hashOf("TOKENCANARY-access")) }, passport.CodeIDTokenHash},
		{"its at_hash", func(p *provider) { p.claims = set("at_hash", hashOf("TOKENCANARY-access-2")) }, ""},
		{"no text", func(p *provider) { p.token = set("id_token", 7) }, passport.CodeProvider},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProvider(t)
				who := newApp(t, p).accepted()
				source := who.TokenSource(t.Context())
				if token := must(source.Token()); token.AccessToken != "TOKENCANARY-access" || p.hit("/token") != 1 {
					t.Fatal("a good token was refreshed")
				}
				time.Sleep(2 * time.Hour)
				tc.change(p)
				for range 2 { // what is refused is not given the second time either
					token, err := source.Token()
					if tc.code != "" {
						wantsCode(t, err, tc.code)
						continue
					}
					if err != nil || token.AccessToken != "TOKENCANARY-access-2" || p.hit("/token") != 2 {
						t.Fatalf("%v after %d token requests", err, p.hit("/token"))
					}
				}
			})
		})
	}
}

// The nonce of the log-in may come again.
func TestARefreshedIDTokenMayRepeatTheNonce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		who := newApp(t, p).accepted()
		var nonce string
		if err := who.Claim("nonce", &nonce); err != nil || nonce == "" {
			t.Fatal(err)
		}
		p.claims = set("nonce", nonce)
		time.Sleep(2 * time.Hour)
		must(who.TokenSource(t.Context()).Token())
	})
}

func TestATokenThatWasKeptIsRefreshedForItsSubjectOnly(t *testing.T) {
	p := newProvider(t)
	s := newApp(t, p).strategy
	kept := &oauth2.Token{AccessToken: "old", RefreshToken: "TOKENCANARY-refresh", Expiry: time.Now().Add(-time.Hour)}
	token := must(s.TokenSource(t.Context(), "s1", kept).Token())
	if token.AccessToken != "TOKENCANARY-access-2" || kept.AccessToken != "old" {
		t.Errorf("%q", token.AccessToken)
	}
	_, err := s.TokenSource(t.Context(), "s2", kept).Token()
	wantsCode(t, err, passport.CodeSubjectMismatch)
	_, err = s.TokenSource(t.Context(), "s1", nil).Token()
	wantsCode(t, err, passport.CodeProvider)
}

func TestAClientBearsTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		p.before = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/api" {
				_, _ = w.Write([]byte(r.Header.Get("Authorization")))
			}
			return r.URL.Path == "/api"
		}
		client := newApp(t, p).accepted().Client(t.Context())
		for _, want := range []string{"Bearer TOKENCANARY-access", "Bearer TOKENCANARY-access-2"} {
			reply := must(client.Get(issuer + "/api"))
			got := make([]byte, 100)
			n, _ := reply.Body.Read(got)
			if string(got[:n]) != want {
				t.Errorf("%q, want %q", got[:n], want)
			}
			time.Sleep(2 * time.Hour)
		}
	})
}

// An application's tests make identities of their own.
func TestAnIdentityWithoutAProvider(t *testing.T) {
	who := oidc.Identity{Issuer: issuer, Subject: "s1"}
	var v string
	if who.Token().AccessToken != "" || who.IDToken() != "" || who.Claim("x", &v) != nil {
		t.Error("it has something")
	}
	if token, err := who.TokenSource(t.Context()).Token(); err != nil || token.AccessToken != "" {
		t.Error("it has a token")
	}
}
