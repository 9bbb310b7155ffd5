package oidc_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/oidc"
)

// set changes one claim, or a member of a header.
func set(name string, value any) func(map[string]any) {
	return func(m map[string]any) { m[name] = value }
}

func unset(name string) func(map[string]any) { return func(m map[string]any) { delete(m, name) } }

func in(seconds int64) int64 { return time.Now().Unix() + seconds }

const (
	malformed = passport.CodeIDTokenMalformed
	signature = passport.CodeIDTokenSignature
	audience  = passport.CodeIDTokenAudience
	late      = passport.CodeIDTokenTime
)

func TestAnIDTokenIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(p *provider)
		code   passport.Code
	}{
		{"none at all", func(p *provider) { p.token = unset("id_token") }, malformed},
		{"an empty one", func(p *provider) { p.idToken = func(string) any { return "" } }, malformed},
		{"one dot", func(p *provider) { p.idToken = func(string) any { return "a.b" } }, malformed},
		{"four dots: encrypted", func(p *provider) { p.idToken = func(good string) any { return good + ".a.b" } }, malformed},
		{"a header in another alphabet", func(p *provider) { p.idToken = func(string) any { return "e30+.e30.x" } }, malformed},
		{"a header that is a list", func(p *provider) { p.idToken = func(string) any { return b64([]byte(`["alg"]`)) + ".e30.x" } }, malformed},
		{"a header with a member twice", func(p *provider) {
			p.idToken = func(string) any { return b64([]byte(`{"alg":"RS256","alg":"none"}`)) + ".e30.x" }
		}, malformed},
		{"a signature in another alphabet", func(p *provider) { p.idToken = func(good string) any { return good[:len(good)-3] + "+/=" } }, malformed},
		{"larger than 64 KiB", func(p *provider) { p.claims = set("x", strings.Repeat("x", 64<<10)) }, malformed},
		{"crit", func(p *provider) { p.header = set("crit", []string{"exp"}) }, malformed},
		{"typ at+jwt", func(p *provider) { p.header = set("typ", "at+jwt") }, malformed},
		{"typ application/at+JWT", func(p *provider) { p.header = set("typ", "application/at+JWT") }, malformed},
		{"typ logout+jwt", func(p *provider) { p.header = set("typ", "logout+jwt") }, malformed},
		{"typ secevent+jwt", func(p *provider) { p.header = set("typ", "secevent+jwt") }, malformed},
		{"typ a number", func(p *provider) { p.header = set("typ", 1) }, malformed},
		{"events", func(p *provider) { p.claims = set("events", map[string]any{}) }, malformed},
		{"claims of another type", func(p *provider) { p.claims = set("_claim_names", 7) }, malformed},

		{"alg none", func(p *provider) { p.header = set("alg", "none") }, signature},
		{"alg NoNe", func(p *provider) { p.header = set("alg", "NoNe") }, signature},
		{"alg none without a signature", func(p *provider) {
			p.header = set("alg", "none")
			p.idToken = func(good string) any { return good[:strings.LastIndex(good, ".")+1] }
		}, signature},
		{"no alg", func(p *provider) { p.header = unset("alg") }, signature},
		{"HS256 with the client secret", func(p *provider) { p.header = set("alg", "HS256") }, signature},
		{"an algorithm that the metadata does not name", func(p *provider) { p.header = set("alg", "PS256") }, signature},
		{"a bad signature", func(p *provider) { p.idToken = func(good string) any { return tampered(good) } }, signature},
		{"another's key of the same kid", func(p *provider) { p.key = otherRSA(); p.also = nil; p.jwks = published(rsaKey()) }, signature},
		{"an unknown kid", func(p *provider) { p.header = set("kid", "zz") }, signature},
		{"a key of its own (jwk)", func(p *provider) {
			p.header = set("jwk", otherRSA().jwk())
			p.key = otherRSA()
			p.jwks = published(rsaKey())
		}, signature},
		{"an RSA key for an EC algorithm", func(p *provider) { p.header = set("alg", "ES256") }, signature},
		{"a key for another algorithm", func(p *provider) {
			p.jwks = published(signing{rsaKey().kid, "RS512", rsaKey().key})
		}, signature},

		{"another issuer", func(p *provider) { p.claims = set("iss", "https://evil.test") }, passport.CodeIDTokenIssuer},
		{"a slash more", func(p *provider) { p.claims = set("iss", issuer+"/") }, passport.CodeIDTokenIssuer},
		{"no scheme", func(p *provider) { p.claims = set("iss", "op.test") }, passport.CodeIDTokenIssuer},
		{"no issuer", func(p *provider) { p.claims = unset("iss") }, passport.CodeIDTokenIssuer},
		{"an issuer in a list", func(p *provider) { p.claims = set("iss", []string{issuer}) }, passport.CodeIDTokenIssuer},

		{"no audience", func(p *provider) { p.claims = unset("aud") }, audience},
		{"an empty audience", func(p *provider) { p.claims = set("aud", []string{}) }, audience},
		{"another audience", func(p *provider) { p.claims = set("aud", "other") }, audience},
		{"an audience in an object", func(p *provider) { p.claims = set("aud", map[string]any{"a": clientID}) }, audience},
		{"an audience with a number", func(p *provider) { p.claims = set("aud", []any{clientID, 1}) }, audience},
		{"an untrusted audience beside us", func(p *provider) { p.claims = both(set("aud", []string{clientID, "other"}), set("azp", clientID)) }, audience},
		{"azp another client", func(p *provider) { p.claims = set("azp", "other") }, audience},
		{"azp no text", func(p *provider) { p.claims = set("azp", []string{clientID}) }, audience},

		{"expired", func(p *provider) { p.claims = set("exp", in(-61)) }, late},
		{"no exp", func(p *provider) { p.claims = unset("exp") }, late},
		{"exp a text", func(p *provider) { p.claims = set("exp", fmt.Sprint(in(60))) }, late},
		{"exp true", func(p *provider) { p.claims = set("exp", true) }, late},
		{"exp in eleven years", func(p *provider) { p.claims = set("exp", in(11*365*24*3600)) }, late},
		{"exp larger than any number", func(p *provider) { p.claims = set("exp", json.RawMessage("1e999")) }, late},
		{"no iat", func(p *provider) { p.claims = unset("iat") }, late},
		{"iat null", func(p *provider) { p.claims = set("iat", nil) }, late},
		{"iat in the future", func(p *provider) { p.claims = set("iat", in(120)) }, late},
		{"iat two hours ago", func(p *provider) { p.claims = set("iat", in(-7200)) }, late},
		{"nbf in the future", func(p *provider) { p.claims = set("nbf", in(120)) }, late},
		{"nbf a text", func(p *provider) { p.claims = set("nbf", "0") }, late},

		{"another nonce", func(p *provider) { p.claims = set("nonce", "n") }, passport.CodeIDTokenNonce},
		{"no nonce", func(p *provider) { p.claims = unset("nonce") }, passport.CodeIDTokenNonce},
		{"an empty nonce", func(p *provider) { p.claims = set("nonce", "") }, passport.CodeIDTokenNonce},

		{"no sub", func(p *provider) { p.claims = unset("sub") }, passport.CodeSubject},
		{"an empty sub", func(p *provider) { p.claims = set("sub", "") }, passport.CodeSubject},
		{"sub null", func(p *provider) { p.claims = set("sub", nil) }, passport.CodeSubject},
		{"sub a number", func(p *provider) { p.claims = set("sub", 1) }, passport.CodeSubject},
		{"sub 0", func(p *provider) { p.claims = set("sub", "0") }, passport.CodeSubject},
		{"sub of 256 characters", func(p *provider) { p.claims = set("sub", strings.Repeat("s", 256)) }, passport.CodeSubject},
		{"sub with an umlaut", func(p *provider) { p.claims = set("sub", "ü1") }, passport.CodeSubject},
		{"sub with NUL", func(p *provider) { p.claims = set("sub", "a\x00") }, passport.CodeSubject},

		{"another token's at_hash", func(p *provider) { p.claims = set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA") }, passport.CodeIDTokenHash},
		{"an empty at_hash", func(p *provider) { p.claims = set("at_hash", "") }, passport.CodeIDTokenHash},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProvider(t)
			tc.change(p)
			a := newApp(t, p, func(c *oidc.Config) { c.Userinfo = true })
			a.refused(tc.code, http.StatusBadGateway)
			if p.hit("/token") != 1 || p.hit("/userinfo") != 0 {
				t.Errorf("asked for %d tokens and %d userinfos", p.hit("/token"), p.hit("/userinfo"))
			}
		})
	}
}

// both changes twice.
func both(fs ...func(map[string]any)) func(map[string]any) {
	return func(m map[string]any) {
		for _, f := range fs {
			f(m)
		}
	}
}

// published is a key set in place of the provider's own.
func published(keys ...signing) func() (int, string) {
	var all []any
	for _, k := range keys {
		all = append(all, k.jwk())
	}
	return func() (int, string) {
		return http.StatusOK, string(must(json.Marshal(map[string]any{"keys": all})))
	}
}

func TestAnIDTokenIsAccepted(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(p *provider)
		config func(c *oidc.Config)
	}{
		{"ES256", func(p *provider) { p.key = ecKey() }, nil},
		{"EdDSA", func(p *provider) { p.key = edKey() }, nil},
		{"no typ", func(p *provider) { p.header = unset("typ") }, nil},
		{"no kid, one key", func(p *provider) { p.header = unset("kid") }, nil},
		{"no kid, several keys", func(p *provider) { p.header, p.jwks = unset("kid"), published(ecKey(), otherRSA(), rsaKey()) }, nil},
		{"a key whose alg is not said", func(p *provider) {
			jwk := rsaKey().jwk()
			delete(jwk, "alg")
			p.jwks = func() (int, string) {
				return 200, string(must(json.Marshal(map[string]any{"keys": []any{jwk}})))
			}
		}, nil},
		{"its at_hash", func(p *provider) { p.claims = set("at_hash", hashOf("TOKENCANARY-access")) }, nil},
		{"one audience in a list", func(p *provider) { p.claims = set("aud", []string{clientID}) }, nil},
		{"azp this client", func(p *provider) { p.claims = set("azp", clientID) }, nil},
		{"a trusted audience", func(p *provider) { p.claims = both(set("aud", []string{"api", clientID}), set("azp", clientID)) }, func(c *oidc.Config) { c.Audiences = []string{"api"} }},
		{"times with a fraction", func(p *provider) { p.claims = set("exp", float64(in(60))+0.5) }, nil},
		{"clocks that differ a little", func(p *provider) { p.claims = both(set("exp", in(-50)), set("iat", in(50)), set("nbf", in(50))) }, nil},
		{"sub of 255 characters", func(p *provider) { p.claims = set("sub", strings.Repeat("s", 255)) }, nil},
		{"claims that nobody knows", func(p *provider) { p.claims = set("https://example.org/roles", []string{"admin"}) }, nil},
		{"metadata that names no algorithms", func(p *provider) { p.metadata = unset("id_token_signing_alg_values_supported") }, nil},
		{"distributed claims, which are not fetched", func(p *provider) {
			p.claims = both(set("_claim_names", map[string]string{"groups": "s"}), set("_claim_sources", map[string]any{"s": map[string]string{"endpoint": issuer + "/groups"}}))
		}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProvider(t)
			tc.change(p)
			a := newApp(t, p, func(c *oidc.Config) {
				if tc.config != nil {
					tc.config(c)
				}
			})
			a.accepted()
			if p.hit("/groups") != 0 {
				t.Error("somebody fetched a distributed claim")
			}
		})
	}
}

func hashOf(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return b64(sum[:16])
}

func TestATrustedAudienceNeedsAnAzp(t *testing.T) {
	p := newProvider(t)
	p.claims = set("aud", []string{"api", clientID})
	a := newApp(t, p, func(c *oidc.Config) { c.Audiences = []string{"api"} })
	a.refused(audience, http.StatusBadGateway)
}

func TestOnlyConfiguredAlgorithmsAreAccepted(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p, func(c *oidc.Config) { c.Algorithms = []string{"ES256"} })
	a.refused(signature, http.StatusBadGateway)
	p.key = ecKey()
	newApp(t, p, func(c *oidc.Config) { c.Algorithms = []string{"ES256"} }).accepted()
}

// The person must have logged in lately, where the application asks for that: by its
// configuration or on a route.
func TestAuthTimeIsCheckedWhereMaxAgeWasAskedFor(t *testing.T) {
	for _, tc := range []struct {
		name     string
		max      time.Duration
		param    string
		authTime any
		code     passport.Code
	}{
		{"not asked", 0, "", nil, ""},
		{"not asked, and long ago", 0, "", in(-86400), ""},
		{"lately", time.Minute, "", in(-100), ""},
		{"too long ago", time.Minute, "", in(-200), late},
		{"not said", time.Minute, "", nil, late},
		{"in the future", time.Minute, "", in(500), late},
		{"a text", time.Minute, "", fmt.Sprint(in(0)), late},
		{"asked by the route", 0, "60", in(-200), late},
		{"the route asks for less", time.Minute, "600", in(-200), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProvider(t)
			if tc.authTime != nil {
				p.claims = set("auth_time", tc.authTime)
			}
			a := newApp(t, p, func(c *oidc.Config) { c.MaxAge = tc.max })
			a.route("/fresh")
			if tc.param != "" {
				a.route("/fresh", passport.Param("max_age", tc.param))
			}
			location := a.begin("/fresh")
			asked := strings.Contains(location, "max_age=")
			if asked != (tc.max > 0 || tc.param != "") {
				t.Errorf("max_age in %s", location)
			}
			reply := a.callback(p.authorize(location))
			if tc.code == "" && reply.StatusCode != http.StatusOK {
				t.Fatalf("%v", a.err)
			}
			if tc.code != "" {
				a.wants(reply, tc.code, http.StatusBadGateway)
			}
		})
	}
}

func TestACRIsCheckedWhereItWasAskedFor(t *testing.T) {
	for _, tc := range []struct{ name, acr, code string }{
		{"the best", "phr", ""},
		{"another that will do", "mfa", ""},
		{"none that was asked for", "pwd", "access_denied"},
		{"none", "", "access_denied"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProvider(t)
			if tc.acr != "" {
				p.claims = set("acr", tc.acr)
			}
			a := newApp(t, p)
			a.route("/strong", oidc.ACRValues("phr", "mfa"))
			reply := a.callback(p.authorize(a.begin("/strong")))
			if tc.code == "" {
				if reply.StatusCode != http.StatusOK {
					t.Fatal(a.err)
				}
				return
			}
			a.wants(reply, passport.Code(tc.code), http.StatusForbidden)
		})
	}
}
