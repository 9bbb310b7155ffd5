package oidc_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gopassport/passport"
	inputs "github.com/gopassport/passport/internal/hostile"
	"github.com/gopassport/passport/strategies/oidc"
)

// hostile is what becomes of an entry of the corpus: an error with a code and,
// where another rule might refuse it as well, words of its text; or an identity.
type hostile struct {
	code   passport.Code // "" for none
	text   string
	config func(*oidc.Config)
	who    func(*oidc.Identity) bool
}

var corpus = map[string]hostile{
	"oidc-idtoken/good":     {},
	"oidc-idtoken/iss case": {code: passport.CodeIDTokenIssuer}, "oidc-idtoken/iss without scheme": {code: passport.CodeIDTokenIssuer},
	"oidc-idtoken/missing aud": {code: audience}, "oidc-idtoken/aud object": {code: audience}, "oidc-idtoken/aud prefix of client id": {code: audience},
	"oidc-idtoken/aud two entries, azp other (go-oidc accepts)": {code: audience, text: "azp", config: func(c *oidc.Config) { c.Audiences = []string{"other"} }},
	"oidc-idtoken/azp other, single aud (go-oidc accepts)":      {code: audience, text: "azp"},
	"oidc-idtoken/missing sub (go-oidc accepts)":                {code: passport.CodeSubject}, "oidc-idtoken/sub 256 chars (go-oidc accepts)": {code: passport.CodeSubject},
	"oidc-idtoken/sub with newline (go-oidc accepts)": {code: passport.CodeSubject}, "oidc-idtoken/sub only spaces": {code: passport.CodeSubject},
	"oidc-idtoken/expired": {code: late, text: "expired"}, "oidc-idtoken/exp negative": {code: late, text: "expired"}, "oidc-idtoken/exp zero": {code: late, text: "expired"},
	"oidc-idtoken/exp 1e18 (go-oidc accepts)": {code: late, text: "ten years"}, "oidc-idtoken/exp 1e300": {code: late, text: "ten years"},
	"oidc-idtoken/exp true": {code: late, text: "no number"}, "oidc-idtoken/missing iat (go-oidc accepts)": {code: late, text: "no iat"},
	"oidc-idtoken/iat ten years old (go-oidc accepts)": {code: late, text: "more than an hour ago"},
	"oidc-idtoken/auth_time too old for max_age":       {code: late, text: "auth_time", config: func(c *oidc.Config) { c.MaxAge = time.Hour }},
	"oidc-idtoken/nonce array":                         {code: passport.CodeIDTokenNonce},
	"oidc-idtoken/alg None":                            {code: signature}, "oidc-idtoken/alg nOnE with signature": {code: signature}, "oidc-idtoken/alg missing": {code: signature},
	"oidc-idtoken/alg HS256 signed with the client secret": {code: signature}, "oidc-idtoken/alg RS256 bad signature": {code: signature},
	"oidc-idtoken/unknown kid": {code: signature}, "oidc-idtoken/kid path traversal": {code: signature}, "oidc-idtoken/kid SQL": {code: signature},
	"oidc-idtoken/x5c header": {code: malformed}, "oidc-idtoken/crit header": {code: malformed, text: "crit"},
	"oidc-idtoken/typ at+jwt (go-oidc accepts)": {code: malformed, text: "typ"}, "oidc-idtoken/logout token as id token (go-oidc accepts)": {code: malformed, text: "event"},
	"oidc-idtoken/at_hash wrong":                   {code: passport.CodeIDTokenHash},
	"oidc-idtoken/_claim_names to an internal URL": {who: func(who *oidc.Identity) bool { var s string; return who.Claim("groups", &s) == nil && s == "" }},
	"oidc-idtoken/payload array":                   {code: malformed}, "oidc-idtoken/payload string": {code: malformed}, "oidc-idtoken/payload empty": {code: malformed},
	"oidc-idtoken/duplicate sub (go-oidc takes the last)": {code: malformed, text: "twice"}, "oidc-idtoken/duplicate iss (go-oidc takes the last)": {code: malformed, text: "twice"},
	"oidc-idtoken/SUB instead of sub (go-oidc accepts as sub)": {code: malformed, text: "spelling"}, "oidc-idtoken/sub then Sub (go-oidc returns victim)": {code: malformed, text: "spelling"},
	"oidc-idtoken/nesting 20000 deep": {code: malformed}, "oidc-idtoken/1 MiB claim": {code: passport.CodeProvider, text: "1 MiB"},
	"oidc-idtoken/raw token: empty": {code: malformed}, "oidc-idtoken/raw token: two parts": {code: malformed}, "oidc-idtoken/raw token: standard base64 alphabet": {code: malformed},
	"oidc-idtoken/raw token: padding": {code: malformed}, "oidc-idtoken/raw token: JSON general serialisation, two signatures": {code: malformed},

	"oidc-userinfo/sub differs": {code: passport.CodeSubjectMismatch}, "oidc-userinfo/sub number": {code: passport.CodeSubjectMismatch},
	"oidc-userinfo/null": {code: passport.CodeProvider}, "oidc-userinfo/array": {code: passport.CodeProvider}, "oidc-userinfo/401": {code: passport.CodeProvider, text: "status 401"},
	"oidc-userinfo/overrides iss/aud/exp": {who: func(who *oidc.Identity) bool {
		var iss, aud string
		return who.Issuer == issuer && who.Claim("iss", &iss) == nil && iss == issuer && who.Claim("aud", &aud) == nil && aud == clientID
	}},
	"oidc-userinfo/email_verified string":       {who: func(who *oidc.Identity) bool { return who.Email == "a@x" && *who.EmailVerified }},
	"oidc-userinfo/email_verified string false": {who: func(who *oidc.Identity) bool { return who.Email == "a@x" && !*who.EmailVerified }},
	"oidc-userinfo/email_verified 1":            {who: func(who *oidc.Identity) bool { return who.Email == "a@x" && who.EmailVerified == nil }},
	"oidc-userinfo/email with fullwidth @":      {who: func(who *oidc.Identity) bool { return who.Email == "" && who.EmailVerified == nil }},
	"oidc-userinfo/email with CRLF":             {who: func(who *oidc.Identity) bool { return who.Email == "" && who.EmailVerified == nil }},
	"oidc-userinfo/name 1 MiB":                  {who: func(who *oidc.Identity) bool { return who.Name == strings.Repeat("n", 1024) }},
	"oidc-userinfo/name with script":            {who: func(who *oidc.Identity) bool { return who.Name == "<script>alert(1)</script>" }},

	"oidc-discovery/issuer mismatch": {code: passport.CodeMetadata, text: "issuer"}, "oidc-discovery/issuer trailing slash": {code: passport.CodeMetadata, text: "issuer"},
	"oidc-discovery/issuer missing": {code: passport.CodeMetadata, text: "issuer"}, "oidc-discovery/http token endpoint": {code: passport.CodeMetadata, text: "token_endpoint is not https"},
	"oidc-discovery/authorization_endpoint with own state": {code: passport.CodeMetadata, text: "authorization_endpoint has a parameter"},
	"oidc-discovery/jwks_uri missing":                      {code: passport.CodeMetadata, text: "jwks_uri is missing"},
	"oidc-discovery/algs only none":                        {code: passport.CodeMetadata, text: "no algorithm"},

	"oidc-jwks/no keys": {code: passport.CodeMetadata}, "oidc-jwks/RSA e=1": {code: passport.CodeMetadata}, "oidc-jwks/use enc (go-oidc accepts)": {code: passport.CodeMetadata},
	"oidc-jwks/alg differs from header": {code: signature}, "oidc-jwks/two keys, same kid, one good": {}, "oidc-jwks/private key published": {code: passport.CodeMetadata},
}

func TestHostile(t *testing.T) {
	inputs.Run(t, corpus, func(t *testing.T, e inputs.Entry, c hostile) {
		p := newProvider(t)
		arm(p, e)
		c.run(t, p)
	})
}

func (c hostile) run(t *testing.T, p *provider) {
	a := newApp(t, p, func(config *oidc.Config) {
		config.Userinfo = true
		if c.config != nil {
			c.config(config)
		}
	})
	reply := a.get("/login")
	if location := reply.Header.Get("Location"); location != "" {
		reply = a.callback(p.authorize(location))
	}
	if c.code == "" {
		if a.who == nil || c.who != nil && !c.who(a.who) {
			t.Errorf("%d, %v, %v", reply.StatusCode, a.err, a.who)
		}
		return
	}
	a.wants(reply, c.code, http.StatusBadGateway)
	if !strings.Contains(a.err.Error(), c.text) {
		t.Errorf("refused for another reason: %v", a.err)
	}
}

// arm makes the provider send what an entry says.
func arm(p *provider, e inputs.Entry) {
	switch e.Area {
	case "oidc-idtoken":
		armToken(p, e.Input)
	case "oidc-userinfo":
		status := 200
		if e.Input == "{{status:401}}" {
			status = 401
		}
		p.userinfo = says(status, "application/json", expand(e.Input, nil))
	case "oidc-discovery":
		p.metadata = func(m map[string]any) { // the rest of it is in order, so that one thing is wrong
			must(0, json.Unmarshal([]byte(e.Input), &m))
			if member, ok := strings.CutSuffix(e.Name, " missing"); ok {
				delete(m, member)
			}
		}
	case "oidc-jwks":
		p.jwks = body(200, expand(e.Input, nil))
	}
}

func armToken(p *provider, input string) {
	var e struct {
		Header map[string]any  `json:"header"`
		Claims json.RawMessage `json:"claims"`
		Raw    *string         `json:"payload_raw"`
	}
	if json.Unmarshal([]byte(input), &e) != nil {
		p.idToken = func(good string) any { return expand(input, map[string]any{"good": good}) }
		return
	}
	p.header = func(h map[string]any) {
		clear(h)
		maps.Copy(h, e.Header)
		delete(h, "_sig")
	}
	p.payload = func(claims map[string]any) []byte {
		if e.Raw != nil {
			return []byte(expand(*e.Raw, claims))
		}
		return []byte(expand(quoted.ReplaceAllString(string(e.Claims), "$1"), claims))
	}
	if e.Header["_sig"] == "bad" {
		p.idToken = func(good string) any { return tampered(good) }
	}
}

var quoted = regexp.MustCompile(`"(\{\{now[^}]*\}\})"`) // times are numbers

// expand fills in the macros of an entry.
func expand(input string, claims map[string]any) string {
	return inputs.Expand(input, func(name string) string {
		if offset, is := strings.CutPrefix(name, "now"); is {
			n, _ := strconv.ParseInt(offset, 10, 64) // none is 0
			return fmt.Sprint(in(n))
		}
		switch name {
		case "iss":
			return issuer
		case "cid":
			return clientID
		case "nonce":
			return claims["nonce"].(string)
		case "n":
			return rsaKey().jwk()["n"].(string)
		case "other":
			return otherRSA().jwk()["n"].(string)
		case "jws-json-general:good,bad":
			good := strings.Split(claims["good"].(string), ".")
			bad := strings.Split(tampered(claims["good"].(string)), ".")
			return fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q},{"protected":%q,"signature":%q}]}`,
				good[1], good[0], good[2], bad[0], bad[2])
		}
		return "{{" + name + "}}"
	})
}
