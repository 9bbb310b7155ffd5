package oidc_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"testing"
)

// Whatever a provider signs: where it is accepted, a strict reader finds in it what the
// application was told.
func FuzzIDToken(f *testing.F) {
	f.Add(`{"iss":"https://op.test","aud":"client-1","sub":"s1","iat":NOW,"exp":LATER,"nonce":"NONCE"}`, `{"alg":"RS256","kid":"k1"}`)
	f.Add(`{"iss":"https://op.test","aud":["client-1"],"sub":"s1","Sub":"s2","nonce":"NONCE"}`, `{"alg":"none"}`)
	f.Add(`[`, `{"alg":"RS256","crit":[]}`)
	f.Fuzz(func(t *testing.T, payload, header string) {
		p := newProvider(t)
		p.payload = func(claims map[string]any) []byte {
			var mine map[string]any
			if json.Unmarshal([]byte(payload), &mine) != nil {
				return []byte(payload)
			}
			good := maps.Clone(claims)
			maps.Copy(good, mine)
			for _, name := range []string{"iat", "exp", "nonce"} { // else no input comes far
				good[name] = claims[name]
			}
			return must(json.Marshal(good))
		}
		p.header = func(h map[string]any) {
			var mine map[string]any
			if json.Unmarshal([]byte(header), &mine) == nil && mine != nil {
				clear(h)
				maps.Copy(h, mine)
			}
		}
		a := newApp(t, p)
		a.login()
		if a.who != nil && (a.who.Issuer != issuer || a.who.Subject == "" || len(a.who.Subject) > 255) {
			t.Errorf("%v", a.who)
		}
		if a.who == nil && a.err == nil {
			t.Error("neither a person nor an error")
		}
	})
}

// Whatever a provider publishes about itself: where it is accepted, everything that is
// called is https.
func FuzzMetadata(f *testing.F) {
	f.Add(`{"issuer":"https://op.test","authorization_endpoint":"https://op.test/a","token_endpoint":"https://op.test/t","jwks_uri":"https://op.test/k"}`)
	f.Add(`{"issuer":"https://op.test","authorization_endpoint":"http://op.test/a?state=1"}`)
	f.Add(`{"issuer":null,"scopes_supported":7}`)
	f.Fuzz(func(t *testing.T, document string) {
		p := newProvider(t)
		p.before = at(discovery, says(200, "application/json", document))
		a := newApp(t, p)
		location := a.get("/login").Header.Get("Location")
		if location == "" {
			if a.err == nil {
				t.Error("neither an address nor an error")
			}
			return
		}
		if u, err := url.Parse(location); err != nil || u.Scheme != "https" || len(u.Query()["state"]) != 1 || u.Query().Get("client_id") != clientID {
			t.Errorf("%s, %v", location, err)
		}
	})
}

// Whatever a provider publishes as its keys, nothing panics, and no token of somebody
// else's is good.
func FuzzKeys(f *testing.F) {
	f.Add(`{"keys":[{"kty":"RSA","kid":"k1","n":"AQAB","e":"AQAB"}]}`)
	f.Add(`{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`)
	f.Add(`{"keys":[null,[],{"kty":"OKP","crv":"Ed25519","x":"AA"}]}`)
	f.Fuzz(func(t *testing.T, set string) {
		p := newProvider(t)
		p.jwks = body(200, set)
		a := newApp(t, p)
		a.login()
		if a.who != nil {
			t.Errorf("a key of %q verified it", set)
		}
	})
}

// Whatever is posted as a logout token, only a signed one ends logins.
func FuzzLogoutToken(f *testing.F) {
	f.Add("logout_token=a.b.c")
	f.Add("logout_token=eyJhbGciOiJub25lIn0.e30.")
	f.Add("logout_token=%zz&x")
	a := newApp(f, newProvider(f))
	f.Fuzz(func(t *testing.T, form string) {
		h := a.strategy.BackchannelLogout(nothing)
		if w := postForm(h, form); w.Code != 400 {
			t.Errorf("status %d", w.Code)
		}
	})
}
