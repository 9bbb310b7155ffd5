package oidc_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/oidc"
)

// conformance are the tests for relying parties of the OpenID Foundation's conformance
// suite, as far as they are about the code flow: its plans basic, config, form_post and
// refresh token, the code-flow members of its comprehensive plan, and back-channel logout.
// Here as there the provider does as a test says, and the application must go on or stop.
type conformance struct {
	name   string
	change func(p *provider)
	config func(c *oidc.Config)
	code   passport.Code // "": the application must go on
}

// basic is the plan oidcc-client-basic-certification-test-plan, and the members of
// oidcc-client-test-plan beyond it.
func basic() []conformance {
	return []conformance{
		{name: "oidcc-client-test"},
		{name: "oidcc-client-test-invalid-iss", change: func(p *provider) { p.claims = set("iss", issuer+"/invalid") }, code: passport.CodeIDTokenIssuer},
		{name: "oidcc-client-test-missing-sub", change: func(p *provider) { p.claims = unset("sub") }, code: passport.CodeSubject},
		{name: "oidcc-client-test-invalid-aud", change: func(p *provider) { p.claims = set("aud", clientID+"1") }, code: audience},
		{name: "oidcc-client-test-missing-iat", change: func(p *provider) { p.claims = unset("iat") }, code: late},
		{name: "oidcc-client-test-kid-absent-single-jwks", change: func(p *provider) { p.header = unset("kid") }},
		{name: "oidcc-client-test-kid-absent-multiple-jwks", change: func(p *provider) { p.header, p.also = unset("kid"), []signing{otherRSA(), ecKey()} }},
		{name: "oidcc-client-test-idtoken-sig-rs256"},
		{name: "oidcc-client-test-idtoken-sig-none", change: unsignedToken, code: signature},
		{name: "oidcc-client-test-invalid-sig-rs256", change: badSignature, code: signature},
		{name: "oidcc-client-test-invalid-sig-es256", change: func(p *provider) { p.key = ecKey(); badSignature(p) }, code: signature},
		{name: "oidcc-client-test-invalid-sig-hs256", change: func(p *provider) { p.header = both(set("alg", "HS256"), unset("kid")) }, code: signature},
		{name: "oidcc-client-test-userinfo-invalid-sub", change: func(p *provider) { p.userinfo = says(200, "application/json", `{"sub":"s1invalid"}`) }, config: withUserinfo, code: passport.CodeSubjectMismatch},
		{name: "oidcc-client-test-userinfo-bearer-header", config: withUserinfo}, // the provider takes the token from there only
		{name: "oidcc-client-test-nonce-invalid", change: func(p *provider) { p.claims = set("nonce", "invalid") }, code: passport.CodeIDTokenNonce},
		{name: "oidcc-client-test-client-secret-basic", change: onlySecretBasic},
		{name: "oidcc-client-test-missing-aud", change: func(p *provider) { p.claims = unset("aud") }, code: audience},
		{name: "oidcc-client-test-invalid-athash", change: func(p *provider) { p.claims = set("at_hash", hashOf("another")) }, code: passport.CodeIDTokenHash},
		{name: "oidcc-client-test-missing-athash"}, // optional in the code flow
	}
}

func badSignature(p *provider) { p.idToken = func(good string) any { return tampered(good) } }

func unsignedToken(p *provider) {
	p.header = both(set("alg", "none"), unset("kid"))
	p.idToken = func(good string) any { return good[:strings.LastIndex(good, ".")+1] }
}

func onlySecretBasic(p *provider) {
	p.before = func(w http.ResponseWriter, r *http.Request) bool {
		id, password, _ := r.BasicAuth()
		if r.URL.Path != "/token" || id == clientID && password == secret {
			return false
		}
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
}

func (c conformance) app(t *testing.T, more ...func(*oidc.Config)) *app {
	p := newProvider(t)
	if c.change != nil {
		c.change(p)
	}
	if c.config != nil {
		more = append(more, c.config)
	}
	return newApp(t, p, more...)
}

func (c conformance) judge(t *testing.T, a *app, reply *http.Response) {
	t.Helper()
	if c.code != "" {
		a.wants(reply, c.code, http.StatusBadGateway)
		return
	}
	if a.who == nil || reply.StatusCode != http.StatusOK {
		t.Errorf("%d: %v", reply.StatusCode, a.err)
	}
}

func TestConformanceBasic(t *testing.T) {
	for _, c := range basic() {
		t.Run(c.name, func(t *testing.T) {
			a := c.app(t)
			c.judge(t, a, a.login())
		})
	}
	t.Run("oidcc-client-test-scope-userinfo-claims", func(t *testing.T) {
		a := newApp(t, newProvider(t), withUserinfo, func(c *oidc.Config) { c.Scopes = []string{"profile", "email"} })
		location := a.begin()
		a.callback(a.op.authorize(location))
		if scope := must(url.Parse(location)).Query().Get("scope"); scope != "openid profile email" || a.who == nil || a.who.Email == "" || a.who.Name == "" {
			t.Errorf("scope %q, %v", scope, a.err)
		}
	})
}

// The plan oidcc-client-formpost-basic-certification-test-plan is the basic one with
// response_mode=form_post.
func TestConformanceFormPost(t *testing.T) {
	for _, c := range basic() {
		t.Run(c.name, func(t *testing.T) {
			a := c.app(t, formPost)
			c.judge(t, a, a.post(a.op.authorize(a.begin())))
		})
	}
	t.Run("oidcc-client-test-form-post-error", func(t *testing.T) {
		p := newProvider(t)
		p.answer = func(v url.Values) { v.Del("code"); v.Set("error", "access_denied") }
		a := newApp(t, p, formPost)
		a.wants(a.post(p.authorize(a.begin())), passport.CodeDenied, http.StatusForbidden)
	})
}

// The plan oidcc-client-config-certification-test-plan.
func TestConformanceConfig(t *testing.T) {
	t.Run("oidcc-client-test-discovery-openid-config", func(t *testing.T) {
		p := newProvider(t)
		newApp(t, p).begin()
		if p.hit("/.well-known/openid-configuration") != 1 {
			t.Errorf("%v", p.hits)
		}
	})
	t.Run("oidcc-client-test-discovery-jwks-uri-keys", func(t *testing.T) {
		p := newProvider(t)
		newApp(t, p).accepted()
		if p.hit("/jwks") != 1 {
			t.Errorf("%v", p.hits)
		}
	})
	t.Run("oidcc-client-test-discovery-issuer-mismatch", func(t *testing.T) {
		p := newProvider(t)
		p.metadata = set("issuer", issuer+"/INVALID")
		a := newApp(t, p)
		a.wants(a.get("/login"), passport.CodeMetadata, http.StatusBadGateway)
	})
	t.Run("oidcc-client-test-signing-key-rotation", func(t *testing.T) {
		p := newProvider(t)
		a := newApp(t, p)
		a.accepted()
		p.rotate(ecKey())
		a.accepted()
	})
	t.Run("oidcc-client-test-signing-key-rotation-just-before-signing", func(t *testing.T) {
		p := newProvider(t)
		a := newApp(t, p)
		a.accepted()
		answer := p.authorize(a.begin())
		p.rotate(ecKey())
		if reply := a.callback(answer); reply.StatusCode != http.StatusOK {
			t.Error(a.err)
		}
	})
}

// The plan oidcc-client-refreshtoken-test-plan.
func TestConformanceRefresh(t *testing.T) {
	for _, tc := range []struct {
		name   string
		claims func(map[string]any)
		code   passport.Code
	}{
		{"oidcc-client-test-refresh-token", nil, ""},
		{"oidcc-client-test-refresh-token-invalid-issuer", set("iss", issuer+"/invalid"), passport.CodeIDTokenIssuer},
		{"oidcc-client-test-refresh-token-invalid-sub", set("sub", "s1invalid"), passport.CodeSubjectMismatch},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProvider(t)
				who := newApp(t, p).accepted()
				p.claims = tc.claims
				time.Sleep(2 * time.Hour)
				token, err := who.TokenSource(t.Context()).Token()
				if tc.code == "" {
					if err != nil || token.AccessToken != "TOKENCANARY-access-2" {
						t.Errorf("%v", err)
					}
					return
				}
				wantsCode(t, err, tc.code)
			})
		})
	}
}

// The tests of back-channel logout.
func TestConformanceBackchannelLogout(t *testing.T) {
	const prefix = "oidcc-client-test-rp-backchannel-rpinitlogout"
	for _, tc := range []struct {
		name           string
		header, claims func(map[string]any)
		status         int
	}{
		{prefix, nil, nil, 200},
		{prefix + "-alg-none", set("alg", "none"), nil, 400},
		{prefix + "-no-event", nil, unset("events"), 400},
		{prefix + "-with-nonce", nil, set("nonce", "n"), 400},
		{prefix + "-wrong-alg", set("alg", "HS256"), nil, 400},
		{prefix + "-wrong-aud", nil, set("aud", clientID+"1"), 400},
		{prefix + "-wrong-event", nil, set("events", map[string]any{logoutEvent + "1": map[string]any{}}), 400},
		{prefix + "-wrong-iss", nil, set("iss", issuer+"1"), 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newApp(t, newProvider(t))
			token := rsaKey().jwt(change(logoutHeader(rsaKey()), tc.header), must(json.Marshal(change(logoutClaims(), tc.claims))))
			if w := logout(a, nil, token); w.Code != tc.status {
				t.Errorf("status %d, want %d", w.Code, tc.status)
			}
		})
	}
}
