package oidc_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gopassport/passport"
)

// jwks is a key set with what is to be wrong about the provider's key.
func jwks(changes ...func(map[string]any)) func() (int, string) {
	jwk := rsaKey().jwk()
	both(changes...)(jwk)
	return func() (int, string) {
		return http.StatusOK, string(must(json.Marshal(map[string]any{"keys": []any{jwk}})))
	}
}

func body(status int, text string) func() (int, string) {
	return func() (int, string) { return status, text }
}

// private is a key set with a private key.
func private() (int, string) {
	return http.StatusOK, string(must(json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: ecKey().key, KeyID: "e1", Algorithm: "ES256"}}})))
}

func TestAKeyIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name string
		jwks func() (int, string)
		key  signing
		code passport.Code
	}{
		{"for encryption", jwks(set("use", "enc")), rsaKey(), passport.CodeMetadata},
		{"with its private half", private, ecKey(), passport.CodeMetadata},
		{"with a part of its private half", jwks(set("d", "AQAB")), rsaKey(), passport.CodeMetadata},
		{"RSA with 1024 bits", published(smallRSA()), smallRSA(), passport.CodeMetadata},
		{"RSA with the exponent 1", jwks(set("e", "AQ")), rsaKey(), passport.CodeMetadata},
		{"RSA with an even exponent", jwks(set("e", "BA")), rsaKey(), passport.CodeMetadata},
		{"a shared secret", body(200, `{"keys":[{"kty":"oct","kid":"k1","k":"U0VDUkVU"}]}`), rsaKey(), passport.CodeMetadata},
		{"of no kind", body(200, `{"keys":[{"kid":"k1"}]}`), rsaKey(), passport.CodeMetadata},
		{"no keys", body(200, `{"keys":[]}`), rsaKey(), passport.CodeMetadata},
		{"no list of keys", body(200, `{}`), rsaKey(), passport.CodeMetadata},
		{"keys twice", body(200, `{"keys":[],"keys":[]}`), rsaKey(), passport.CodeMetadata},
		{"one of 65", published(slices.Repeat([]signing{rsaKey()}, 65)...), rsaKey(), passport.CodeMetadata},
		{"null", body(200, `null`), rsaKey(), passport.CodeMetadata},
		{"HTML", body(200, `<html>`), rsaKey(), passport.CodeMetadata},
		{"404", body(404, `{}`), rsaKey(), passport.CodeMetadata},
		{"for another algorithm", jwks(set("alg", "RS512")), rsaKey(), signature},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProvider(t)
			p.key, p.jwks = tc.key, tc.jwks
			newApp(t, p).refused(tc.code, 502)
		})
	}
}

func TestKeysThatCannotBeUsedAreLeftOut(t *testing.T) {
	p := newProvider(t)
	p.jwks = func() (int, string) {
		good := string(must(json.Marshal(rsaKey().jwk())))
		return 200, `{"keys":[{"kty":"new"},7,{"kty":"RSA","n":"","e":""},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},` + good + `]}`
	}
	newApp(t, p).accepted()
}

func TestTheKeysAreDownAndRecover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		p.jwks = body(503, "")
		a := newApp(t, p)
		a.refused(passport.CodeProviderUnavailable, 503)
		if a.err.RetryAfter == 0 {
			t.Error("there is no RetryAfter")
		}
		p.jwks = nil
		time.Sleep(time.Second)
		a.accepted()
		if p.hit("/jwks") != 2 {
			t.Errorf("asked %d times", p.hit("/jwks"))
		}
	})
}

// The keys rotate; a thousand people come back at once.
func TestARotationIsOneFetchForAThousandCallbacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		a := newApp(t, p)
		a.accepted()
		p.rotate(ecKey())
		p.before = func(_ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/jwks" {
				time.Sleep(time.Second) // until all have arrived
			}
			return false
		}
		callbacks := make([]*http.Request, 1000)
		for i := range callbacks {
			a.jar = map[string]*http.Cookie{}
			r := httptest.NewRequest(http.MethodGet, "https://app.test/callback?"+p.authorize(a.begin()).Encode(), nil)
			for _, c := range a.jar {
				r.AddCookie(c)
			}
			r.Header.Set("Accept", "text/html")
			callbacks[i] = r
		}
		var wg sync.WaitGroup
		for _, r := range callbacks {
			wg.Go(func() {
				w := httptest.NewRecorder()
				a.routes["/callback"].ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					t.Errorf("status %d", w.Code)
				}
			})
		}
		wg.Wait()
		if p.hit("/jwks") != 2 {
			t.Errorf("the keys were fetched %d times, want once before and once after the rotation", p.hit("/jwks"))
		}
	})
}

// A thousand tokens with keys that nobody knows do not make a thousand requests (R60).
func TestUnknownKeysAreLookedForOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		n := 0
		p.header = func(h map[string]any) { n++; h["kid"] = fmt.Sprint("k", n+1) }
		a := newApp(t, p)
		for range 1000 {
			a.jar = map[string]*http.Cookie{}
			a.refused(signature, 502)
		}
		if p.hit("/jwks") != 2 {
			t.Errorf("the keys were fetched %d times", p.hit("/jwks"))
		}
		p.header = nil
		a.accepted() // the good keys are still there
		a.jar = map[string]*http.Cookie{}
		p.rotate(ecKey()) // within the minute, a new key is not found
		a.refused(signature, 502)
		time.Sleep(time.Minute)
		a.accepted()
		if p.hit("/jwks") != 3 {
			t.Errorf("the keys were fetched %d times", p.hit("/jwks"))
		}
	})
}

// A signature that is wrong with a key that is known may mean that the key changed and kept
// its name. A thousand such tokens do not make a thousand requests, either (R60).
func TestBadSignaturesOfAKnownKeyFetchTheKeysOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		a := newApp(t, p)
		a.accepted()
		p.idToken = func(good string) any { return tampered(good) }
		for minute := range 3 {
			for range 100 {
				a.jar = map[string]*http.Cookie{}
				a.refused(signature, 502)
			}
			if p.hit("/jwks") != minute+2 {
				t.Errorf("minute %d: the keys were fetched %d times", minute, p.hit("/jwks"))
			}
			time.Sleep(time.Minute)
		}
		p.idToken = nil
		a.jar = map[string]*http.Cookie{}
		a.accepted() // the good keys are still there
	})
}

// The provider takes another key and calls it what it called the old one.
func TestAKeyThatChangesAndKeepsItsNameIsFoundAtOnce(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p)
	a.accepted()
	p.rotate(otherRSA())
	a.jar = map[string]*http.Cookie{}
	a.accepted()
	if w := logout(a, nil, otherRSA().jwt(logoutHeader(otherRSA()), must(json.Marshal(logoutClaims())))); w.Code != 200 {
		t.Errorf("a logout token: status %d", w.Code)
	}
	if p.hit("/jwks") != 2 {
		t.Errorf("the keys were fetched %d times", p.hit("/jwks"))
	}
}

// Who can send logout tokens does not use up what log-ins may fetch.
func TestForgedLogoutTokensDoNotKeepLoginsFromNewKeys(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p)
	a.accepted()
	forged := otherRSA()
	forged.kid = "forged"
	if w := logout(a, nil, forged.jwt(logoutHeader(forged), must(json.Marshal(logoutClaims())))); w.Code != 400 {
		t.Fatal(w.Code)
	}
	p.rotate(ecKey())
	a.jar = map[string]*http.Cookie{}
	a.accepted()
	if p.hit("/jwks") != 3 {
		t.Errorf("the keys were fetched %d times", p.hit("/jwks"))
	}
}

// Where tokens name no key, a failure asks again, too.
func TestARotationWithoutNames(t *testing.T) {
	p := newProvider(t)
	p.header = unset("kid")
	a := newApp(t, p)
	a.accepted()
	p.rotate(otherRSA())
	a.jar = map[string]*http.Cookie{}
	a.accepted()
}

// While the keys are down, a token that needs new ones is no forgery.
func TestAnUnknownKeyWhileTheKeysAreDown(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p)
	a.accepted()
	p.rotate(ecKey())
	p.jwks = body(503, "")
	a.jar = map[string]*http.Cookie{}
	a.refused(passport.CodeProviderUnavailable, 503)
	p.rotate(rsaKey())
	a.jar = map[string]*http.Cookie{}
	a.accepted() // the keys that are known still serve
}

// Who just heard that the keys are down does not ask again for another reason.
func TestKeysThatAreDownAreLeftInPeace(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p)
	a.accepted()
	p.rotate(ecKey())
	p.jwks = body(503, "")
	a.jar = map[string]*http.Cookie{}
	a.refused(passport.CodeProviderUnavailable, 503)
	if w := logout(a, nil, ecKey().jwt(logoutHeader(ecKey()), must(json.Marshal(logoutClaims())))); w.Code != 400 || p.hit("/jwks") != 2 {
		t.Errorf("status %d; the keys were fetched %d times", w.Code, p.hit("/jwks"))
	}
}
