package oidc_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/oidc"
)

func withUserinfo(c *oidc.Config) { c.Userinfo = true }

func TestUserinfoIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name  string
		reply func(http.ResponseWriter)
		code  passport.Code
	}{
		{"another's sub", says(200, "application/json", `{"sub":"victim"}`), passport.CodeSubjectMismatch},
		{"no sub", says(200, "application/json", `{"email":"a@example.org"}`), passport.CodeSubjectMismatch},
		{"sub a number", says(200, "application/json", `{"sub":1}`), passport.CodeSubjectMismatch},
		{"sub in a list", says(200, "application/json", `{"sub":["s1"]}`), passport.CodeSubjectMismatch},
		{"sub twice", says(200, "application/json", `{"sub":"victim","sub":"s1"}`), passport.CodeProvider},
		{"Sub", says(200, "application/json", `{"sub":"s1","Sub":"victim"}`), passport.CodeProvider},
		{"an e-mail address in another spelling", says(200, "application/json", `{"sub":"s1","Email":"a@example.org"}`), passport.CodeProvider},
		{"null", says(200, "application/json", `null`), passport.CodeProvider},
		{"two objects", says(200, "application/json", `{"sub":"s1"}{"sub":"s1"}`), passport.CodeProvider},
		{"signed", says(200, "application/jwt", `eyJ.e30.x`), passport.CodeProvider},
		{"HTML", says(200, "text/html", `{"sub":"s1"}`), passport.CodeProvider},
		{"401", says(401, "application/json", `{"sub":"s1"}`), passport.CodeProvider},
		{"500", says(500, "application/json", `{"sub":"s1"}`), passport.CodeProvider},
		{"204", says(204, "application/json", ``), passport.CodeProvider},
		{"a redirect", func(w http.ResponseWriter) { w.Header().Set("Location", issuer+"/x"); w.WriteHeader(302) }, passport.CodeProvider},
		{"2 MiB", says(200, "application/json", `{"sub":"s1","x":"`+strings.Repeat("x", 2<<20)+`"}`), passport.CodeProvider},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProvider(t)
			p.userinfo = tc.reply
			newApp(t, p, withUserinfo).refused(tc.code, http.StatusBadGateway)
			if p.hit("/userinfo") != 1 {
				t.Errorf("asked %d times", p.hit("/userinfo"))
			}
		})
	}
}

func TestUserinfoIsAskedForOnlyWhereItIsConfigured(t *testing.T) {
	p := newProvider(t)
	who := newApp(t, p).accepted()
	if p.hit("/userinfo") != 0 || who.Email != "" {
		t.Errorf("asked %d times", p.hit("/userinfo"))
	}
	who = newApp(t, p, withUserinfo).accepted()
	if p.hit("/userinfo") != 1 || who.Email != "alice@example.org" || who.Name != "Alice" || who.EmailVerified == nil || !*who.EmailVerified {
		t.Errorf("asked %d times: %s", p.hit("/userinfo"), who.Email)
	}
}

func TestWhatAnIdentitySays(t *testing.T) {
	yes, no, unknown := "yes", "no", "unknown"
	for _, tc := range []struct {
		name, userinfo           string
		claims                   func(map[string]any)
		email, verified, whoName string
	}{
		{"all from userinfo", `{"sub":"s1","name":"Bob","email":"b@example.org","email_verified":false}`, nil, "b@example.org", no, "Bob"},
		{"verified in a text", `{"sub":"s1","email":"b@example.org","email_verified":"true"}`, nil, "b@example.org", yes, ""},
		{"not verified in a text", `{"sub":"s1","email":"b@example.org","email_verified":"false"}`, nil, "b@example.org", no, ""},
		{"verified 1", `{"sub":"s1","email":"b@example.org","email_verified":1}`, nil, "b@example.org", unknown, ""},
		{"nothing said", `{"sub":"s1","email":"b@example.org"}`, nil, "b@example.org", unknown, ""},
		{"the ID token's address comes first", `{"sub":"s1","name":"Bob","email":"b@example.org","email_verified":true}`, set("email", "a@example.org"), "a@example.org", unknown, "Bob"},
		{"verified is not taken from another document", `{"sub":"s1","email":"b@example.org"}`, set("email_verified", true), "b@example.org", unknown, ""},
		{"protocol claims of userinfo count for nothing", `{"sub":"s1","iss":"https://evil.test","aud":"x","exp":1,"sid":"evil","auth_time":1}`, set("sid", "session-1"), "", unknown, ""},
		{"two @", `{"sub":"s1","email":"a@b@example.org","email_verified":true}`, nil, "", unknown, ""},
		{"no @", `{"sub":"s1","email":"example.org","email_verified":true}`, nil, "", unknown, ""},
		{"a wide @", `{"sub":"s1","email":"a＠example.org","email_verified":true}`, nil, "", unknown, ""},
		{"a wide @ beside another", `{"sub":"s1","email":"a＠evil.test@example.org","email_verified":true}`, nil, "", unknown, ""},
		{"a line end", `{"sub":"s1","email":"a@example.org\r\nBcc: b@example.org","email_verified":true}`, nil, "", unknown, ""},
		{"a space", `{"sub":"s1","email":"a @example.org"}`, nil, "", unknown, ""},
		{"no text", `{"sub":"s1","email":["a@example.org"],"name":7,"picture":{}}`, nil, "", unknown, ""},
		{"a long name", `{"sub":"s1","name":"` + strings.Repeat("ü", 2000) + `"}`, nil, "", unknown, strings.Repeat("ü", 512)},
		{"markup is data", `{"sub":"s1","name":"<b>"}`, nil, "", unknown, "<b>"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProvider(t)
			p.userinfo, p.claims = says(200, "application/json; charset=utf-8", tc.userinfo), tc.claims
			who := newApp(t, p, withUserinfo).accepted()
			verified := unknown
			if who.EmailVerified != nil {
				verified = map[bool]string{true: yes, false: no}[*who.EmailVerified]
			}
			if who.Email != tc.email || verified != tc.verified || who.Name != tc.whoName || who.Issuer != issuer || who.SessionID == "evil" || !who.AuthTime.IsZero() {
				t.Errorf("e-mail %q (%s), name %q, issuer %q", who.Email, verified, who.Name, who.Issuer)
			}
		})
	}
}

func TestOnlyAddressesOfPicturesAreKept(t *testing.T) {
	for given, want := range map[string]string{
		"https://op.test/a.png": "https://op.test/a.png", "http://op.test/a.png": "http://op.test/a.png",
		"javascript:alert(1)": "", "data:image/png;base64,AA==": "", "/a.png": "", "//evil.test/a.png": "", "https:a.png": "",
		"https://op.test/" + strings.Repeat("a", 1024): "",
	} {
		p := newProvider(t)
		p.claims = set("picture", given)
		if who := newApp(t, p).accepted(); who.Picture != want {
			t.Errorf("%s became %q", given, who.Picture)
		}
	}
}

func TestMoreOfAnIdentity(t *testing.T) {
	p := newProvider(t)
	authTime := in(-100)
	p.claims = both(set("sid", "session-1"), set("auth_time", authTime), set("roles", []string{"admin"}), set("team", "red"))
	p.userinfo = says(200, "application/json", `{"sub":"s1","team":"blue","phone":"1"}`)
	p.token = set("scope", "openid email")
	who := newApp(t, p, withUserinfo).accepted()
	var roles []string
	var team, phone string
	var number int
	if err := who.Claim("roles", &roles); err != nil || len(roles) != 1 || roles[0] != "admin" {
		t.Errorf("%v, %v", roles, err)
	}
	if err := who.Claim("team", &team); err != nil || team != "red" {
		t.Errorf("the ID token comes first: %q, %v", team, err)
	}
	if err := who.Claim("phone", &phone); err != nil || phone != "1" {
		t.Errorf("%q, %v", phone, err)
	}
	if err := who.Claim("nothing", &number); err != nil || number != 0 {
		t.Errorf("%d, %v", number, err)
	}
	if err := who.Claim("team", &number); err == nil || strings.Contains(err.Error(), "red") {
		t.Errorf("%v", err)
	}
	if who.SessionID != "session-1" || !who.AuthTime.Equal(time.Unix(authTime, 0)) || strings.Join(who.Scopes, " ") != "openid email" {
		t.Errorf("%q %v %v", who.SessionID, who.AuthTime, who.Scopes)
	}
	if who.Token().AccessToken != "TOKENCANARY-access" || strings.Count(who.IDToken(), ".") != 2 {
		t.Error("the tokens are not there")
	}
}
