package hostile_test

import (
	"testing"

	"github.com/gopassport/passport/internal/hostile"
)

// Each runner takes what is good, so that what it refuses is refused for what the entry
// has wrong.
func TestWhatIsGoodIsTaken(t *testing.T) {
	for name, c := range map[string]struct {
		run   func(*testing.T, hostile.Entry) string
		entry hostile.Entry
		want  string
	}{
		"a set of keys":     {keySets, hostile.Entry{Input: `{"keys":[{"kty":"RSA","kid":"k1","n":"{{n}}","e":"AQAB"}]}`}, "accept"},
		"metadata":          {discoveries, hostile.Entry{Input: `{}`, Expect: "accept"}, "accept: "},
		"userinfo":          {userinfos, hostile.Entry{Input: `{"sub":"s1"}`, Expect: "accept"}, "accept"},
		"a token reply":     {tokenReplies, hostile.Entry{Input: "HTTP/1.1 200 OK\nContent-Type: application/json\n\n" + `{"access_token":"at","token_type":"Bearer","id_token":"{{idtoken}}"}`}, "accept"},
		"a profile of goth": {gothReplies, hostile.Entry{Input: `{"id":42,"login":"x"}`}, "{42 <nil>}, <nil>"},
		"an OAuth 1 answer": {oauth1s, hostile.Entry{Name: "callback: good", Input: "oauth_token={{rt}}&oauth_verifier={{verifier}}"}, "accept"},
		"an OAuth 1 reply":  {oauth1s, hostile.Entry{Name: "access-token reply: good", Input: "oauth_token=T&oauth_token_secret=S"}, "reject"}, // the profile knows no such token
		"a Bearer token":    {headers, hostile.Entry{Area: "bearer", Input: "Authorization: Bearer good"}, "accept"},
		"an issuer":         {issuers, hostile.Entry{Input: "https://op.example"}, "accept"},
		"a path":            {redirects, hostile.Entry{Input: "/ok"}, "accept"},
	} {
		got := c.run(t, c.entry)
		if len(got) > len(c.want) && c.want == "accept: " {
			got = got[:len(c.want)]
		}
		if got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
