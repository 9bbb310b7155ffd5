package oauth1_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gopassport/passport"
	inputs "github.com/gopassport/passport/internal/hostile"
	"github.com/gopassport/passport/strategies/oauth1"
)

// hostile is what becomes of an entry of the corpus, whose input is a reply of
// the service (at) or an answer through the browser; or a reason why it does not apply.
type hostile struct {
	at     string
	code   passport.Code
	status int
	path   string // of the answer; "" for where the flow began
	good   bool   // it is the good answer, and is followed by the same
	spent  bool   // the flow
	reason string
}

var corpus = map[string]hostile{
	"oauth1/request-token reply: callback_confirmed false":                    {at: "/request_token", code: passport.CodeProvider, status: 502},
	"oauth1/request-token reply: no token":                                    {at: "/request_token", code: passport.CodeProvider, status: 502},
	"oauth1/request-token reply: json":                                        {at: "/request_token", code: passport.CodeProvider, status: 502},
	"oauth1/callback: no oauth_token":                                         {code: passport.CodeCallback, status: 400},
	"oauth1/callback: empty oauth_verifier":                                   {code: passport.CodeCallback, status: 400, spent: true},
	"oauth1/callback: denied":                                                 {code: passport.CodeDenied, status: 403, spent: true},
	"oauth1/callback: denied of another flow":                                 {code: passport.CodeFlowMissing, status: 400},
	"oauth1/callback: duplicate oauth_token":                                  {code: passport.CodeCallback, status: 400},
	"oauth1/callback: duplicate oauth_verifier":                               {code: passport.CodeCallback, status: 400},
	"oauth1/callback: oauth_token of the login strategy at the link strategy": {code: passport.CodeFlowStrategy, status: 400, path: "/connect/tw-link"},
	"oauth1/callback: OAuth2 code at an OAuth1 callback":                      {code: passport.CodeCallback, status: 400},
	"oauth1/callback: replayed":                                               {good: true, code: passport.CodeFlowMissing, status: 400, spent: true},
	"oauth1/callback: oauth_token case changed":                               {code: passport.CodeFlowMissing, status: 400},
	"oauth1/access-token reply: no token":                                     {at: "/access_token", code: passport.CodeProvider, status: 502, spent: true},
	"oauth1/access-token reply: 401 with Authorization echoed":                {at: "/access_token", code: passport.CodeProvider, status: 502, spent: true},
	"logging/OAuth1 error":                                                    {at: "/access_token", code: passport.CodeProvider, status: 502, spent: true},

	"resource/100000 OAuth1 BEGINs": {reason: "limiting the rate of requests is the application's, or its proxy's; what must not begin asks the service for nothing: TestNoRequestTokenIsAskedForWhereNoFlowMayBegin"},
}

func TestHostile(t *testing.T) {
	inputs.Run(t, corpus, func(t *testing.T, e inputs.Entry, c hostile) {
		if c.reason != "" {
			t.Skip(c.reason)
		}
		c.run(t, e.Input)
	})
}

func (c hostile) run(t *testing.T, input string) {
	p, s := newApp(t), newService(t)
	p.login("tw-login", oauth1.New(s.configFor("login"), keep))
	p.connect("tw-link", oauth1.New(s.configFor("link"), keep))
	if c.at != "" {
		c.misbehave(s, input)
	}
	b := p.Browser()
	w := b.Get("/login/tw-login", "same-origin")
	if c.at == "/request_token" {
		p.Want("the beginning", w, c.code, c.status)
		if w.Header().Get("Location") != "" {
			t.Error("the person is sent there")
		}
		return
	}
	good, path := s.allow(t, w.Header().Get("Location")), c.path
	if path == "" {
		path = "/login/tw-login"
	}
	answer := good
	switch {
	case c.good:
		p.Want("the first time", b.End(path, good), "", 0)
	case c.at == "":
		token := tokenIn(t, w.Header().Get("Location"))
		answer = inputs.Expand(input, func(string) string { return url.QueryEscape(token) })
	}
	before := s.count("/access_token")
	p.Want("the answer", b.End(path, answer), c.code, c.status)
	if asked := s.count("/access_token") > before; asked != (c.at == "/access_token") {
		t.Errorf("the service was asked: %v", asked)
	}
	s.does(c.at, nil)
	after := passport.Code("")
	if c.spent {
		after = passport.CodeFlowMissing
	}
	p.Want("the good answer afterwards", b.End("/login/tw-login", good), after, 400)
}

// misbehave makes the service reply as an entry says.
func (c hostile) misbehave(s *service, input string) {
	status := http.StatusOK
	rest, unauthorized := strings.CutPrefix(input, "{{status:401}}")
	if unauthorized || strings.HasPrefix(input, "401 ") {
		status = http.StatusUnauthorized
	}
	s.does(c.at, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(rest + strings.Repeat("\nCANARY "+r.Header.Get("Authorization"), status/401))) // echoed, as some do
	})
}
