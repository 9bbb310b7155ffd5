package oauth1_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/testapp"
	"github.com/gopassport/passport/strategies/oauth1"
)

func newKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestAnAccountIsConnectedWithEverySignature(t *testing.T) {
	key := newKey(t)
	for signature, c := range map[oauth1.Signature]struct {
		method string
		key    *rsa.PrivateKey
	}{
		"":                {"HMAC-SHA1", nil},
		oauth1.HMACSHA1:   {"HMAC-SHA1", nil},
		oauth1.HMACSHA256: {"HMAC-SHA256", nil},
		oauth1.RSASHA1:    {"RSA-SHA1", key},
		oauth1.RSASHA256:  {"RSA-SHA256", key},
	} {
		t.Run(c.method+string(signature), func(t *testing.T) {
			p, s := world(t, func(config *oauth1.Config) { config.Signature, config.PrivateKey = signature, c.key })
			s.method, s.public = c.method, &key.PublicKey
			w := p.through(s, "/connect/op")
			p.Want("the callback", w, "", 0)
			if !strings.Contains(w.Body.String(), "ID:9007199254740993 Name:octocat") { // not …992: no float64
				t.Errorf("%s", w.Body)
			}
			if len(s.refused) > 0 || s.count("/request_token") != 1 || s.count("/access_token") != 1 || s.count("/me") != 1 {
				t.Errorf("asked %v, refused %v", s.hits, s.refused)
			}
		})
	}
}

func TestAWrongSignatureIsAFaultThatSaysSo(t *testing.T) {
	p, s := world(t, func(c *oauth1.Config) { c.ConsumerSecret = "CANARY-OTHER" })
	p.Want("the beginning", p.through(s, "/connect/op"), passport.CodeProvider, http.StatusBadGateway)
	if text := p.Last().Error(); !strings.Contains(text, "the request for a request token to ") || !strings.HasSuffix(text, ": status 401: the service refuses: signature_invalid") {
		t.Errorf("the error is %s", text)
	}
}

func TestAnAddressWithoutAPathIsSignedAsItIsSent(t *testing.T) {
	p, s := newApp(t), newService(t)
	c := s.config()
	c.Profile = oauth1.JSONProfile(s.URL, "id")
	p.connect("op", oauth1.New(c, keep))
	p.Want("no such page", p.through(s, "/connect/op"), passport.CodeProvider, http.StatusBadGateway)
	if len(s.refused) > 0 || s.count("/") != 1 {
		t.Errorf("asked %v, refused %v", s.hits, s.refused)
	}
}

func TestSomebodyLogsIn(t *testing.T) {
	p, s := newApp(t), newService(t)
	p.login("op", oauth1.New(s.config(), keep))
	b := p.Browser()
	p.Want("the callback", b.End("/login/op", s.allow(t, b.Begin("/login/op"))), "", 0)
	if len(b.Cookies) != 1 {
		t.Errorf("beside the login there is %v", b.Cookies)
	}
}

func TestTheSecretOfARequestTokenIsReadableNowhere(t *testing.T) {
	p, s := world(t)
	b := p.Browser()
	location := b.Begin("/connect/op")
	token := tokenIn(t, location)
	secret := s.secrets[token]
	if len(b.Cookies) != 1 || strings.Contains(location, "secret") {
		t.Errorf("sent to %s with %v", location, b.Cookies)
	}
	for _, c := range b.Cookies {
		text := c.Name + c.Value
		for _, e := range []*base64.Encoding{base64.RawURLEncoding, base64.StdEncoding} {
			plain, err := e.DecodeString(c.Value)
			text += string(plain) + fmt.Sprint(err)
		}
		if strings.Contains(text, secret) || strings.Contains(text, token) || len(c.Name)+len(c.Value) > 800 {
			t.Errorf("the cookie is %v", c)
		}
	}
}

func TestNoRequestTokenIsAskedForWhereNoFlowMayBegin(t *testing.T) {
	p, s := world(t)
	b := p.Browser()
	p.Want("from another site", b.Get("/connect/op", "cross-site"), passport.CodeCrossSite, http.StatusForbidden)
	for name, change := range map[string]func(*http.Request){
		"HEAD":       func(r *http.Request) { r.Method = http.MethodHead },
		"a prefetch": func(r *http.Request) { r.Header.Set("Sec-Purpose", "prefetch") },
		"an image": func(r *http.Request) {
			r.Header.Set("Sec-Fetch-Mode", "no-cors")
			r.Header.Set("Sec-Fetch-Dest", "image")
		},
	} {
		r := testapp.Navigation("GET", "/connect/op", "same-origin")
		change(r)
		if w := b.Send(r); w.Code < 400 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	if n := s.count("/request_token"); n != 0 {
		t.Errorf("the service was asked %d times", n)
	}
}

func TestAnAnswerEndsTheFlowOfItsTokenAndNoOther(t *testing.T) {
	for name, c := range map[string]struct {
		answer string // RT is the request token
		code   passport.Code
		status int
		spent  bool // the flow
	}{
		"another token":                          {"oauth_token=OTHER&oauth_verifier=v", passport.CodeFlowMissing, 400, false},
		"the token and more":                     {"oauth_token=RTx&oauth_verifier=v", passport.CodeFlowMissing, 400, false},
		"no token":                               {"oauth_verifier=v", passport.CodeCallback, 400, false},
		"an empty token":                         {"oauth_token=&oauth_verifier=v", passport.CodeCallback, 400, false},
		"two tokens":                             {"oauth_token=RT&oauth_token=RT&oauth_verifier=v", passport.CodeCallback, 400, false},
		"two verifiers":                          {"oauth_token=RT&oauth_verifier=v&oauth_verifier=w", passport.CodeCallback, 400, false},
		"no verifier":                            {"oauth_token=RT", passport.CodeCallback, 400, true},
		"an empty verifier":                      {"oauth_token=RT&oauth_verifier=", passport.CodeCallback, 400, true},
		"another verifier":                       {"oauth_token=RT&oauth_verifier=v", passport.CodeProvider, 502, true},
		"denied, as Twitter says it":             {"denied=RT", passport.CodeDenied, 403, true},
		"denied, of another flow":                {"denied=OTHER", passport.CodeFlowMissing, 400, false},
		"denied and the token at once":           {"denied=RT&oauth_token=RT", passport.CodeCallback, 400, false},
		"user_refused":                           {"oauth_problem=user_refused&oauth_token=RT", passport.CodeDenied, 403, true},
		"permission_denied":                      {"oauth_problem=permission_denied&oauth_token=RT", passport.CodeDenied, 403, true},
		"user_refused without a token":           {"oauth_problem=user_refused", passport.CodeDenied, 403, false},
		"a problem of the service":               {"oauth_problem=token_expired&oauth_token=RT&oauth_verifier=v", passport.CodeProvider, 502, true},
		"a problem without a token":              {"oauth_problem=token_expired", passport.CodeCallback, 400, false},
		"a code":                                 {"code=c&state=s", passport.CodeCallback, 400, false},
		"a code whose state is the token":        {"code=c&state=RT", passport.CodeCallback, 400, false},
		"an error of OAuth 2":                    {"error=access_denied&state=RT", passport.CodeCallback, 400, false},
		"the good answer and a code":             {"code=c&oauth_token=RT&oauth_verifier=v", passport.CodeCallback, 400, false},
		"an access token":                        {"access_token=x&oauth_token=RT&oauth_verifier=v", passport.CodeCallback, 400, false},
		"a token with a line break":              {"oauth_token=RT%0a&oauth_verifier=v", passport.CodeCallback, 400, false},
		"a token that is longer than any may be": {"oauth_verifier=v&oauth_token=" + strings.Repeat("x", 513), passport.CodeCallback, 400, false},
	} {
		p, s := world(t)
		b := p.Browser()
		location := b.Begin("/connect/op")
		token := strings.NewReplacer("/", "%2F", "+", "%2B").Replace(tokenIn(t, location))
		p.Want(name, b.End("/connect/op", strings.ReplaceAll(c.answer, "RT", token)), c.code, c.status)
		if called := s.count("/access_token") > 0; called != (c.code == passport.CodeProvider && strings.Contains(name, "verifier")) {
			t.Errorf("%s: the service was asked: %v", name, s.hits)
		}
		after := b.End("/connect/op", s.allow(t, location))
		if c.spent {
			p.Want(name+": the good answer afterwards", after, passport.CodeFlowMissing, 400)
		} else {
			p.Want(name+": the good answer afterwards", after, "", 0)
		}
	}
}

// An answer of OAuth 1 is GET; a posted one counts as well, where it is posted whole.
func TestAPostedAnswerIsReadFromTheBodyAlone(t *testing.T) {
	p, s := world(t)
	b := p.Browser()
	answer := s.allow(t, b.Begin("/connect/op"))
	r := testapp.Navigation("GET", "/connect/op?"+answer, "same-origin")
	r.Method = http.MethodPost
	p.Want("in the address of a POST", b.Send(r), passport.CodeCallback, 400)
	p.Want("as it should be", b.End("/connect/op", answer), "", 0)
}

func TestAFlowIsBoundToItsBrowserItsPersonItsPurposeAndItsName(t *testing.T) {
	p, s := world(t)
	p.connect("other", oauth1.New(s.configFor("other"), keep))
	p.login("login", oauth1.New(s.configFor("login"), keep))
	begin := func() (*testapp.Browser, string) {
		b := p.Browser()
		b.LogIn(&account{ID: "alice"})
		return b, s.allow(t, b.Begin("/connect/op"))
	}
	for name, c := range map[string]struct {
		meanwhile func(b *testapp.Browser) *testapp.Browser
		path      string
		code      passport.Code
		status    int
	}{
		"nothing happens":              {func(b *testapp.Browser) *testapp.Browser { return b }, "/connect/op", "", 0},
		"another browser":              {func(*testapp.Browser) *testapp.Browser { x := p.Browser(); x.LogIn(&account{ID: "alice"}); return x }, "/connect/op", passport.CodeFlowMissing, 400},
		"somebody else is logged in":   {func(b *testapp.Browser) *testapp.Browser { b.LogIn(&account{ID: "bob"}); return b }, "/connect/op", passport.CodeFlowUser, 403},
		"nobody is logged in any more": {func(b *testapp.Browser) *testapp.Browser { b.LogOut(); return b }, "/connect/op", passport.CodeFlowUser, 401},
		"another registration":         {func(b *testapp.Browser) *testapp.Browser { return b }, "/connect/other", passport.CodeFlowStrategy, 400},
		"a log-in":                     {func(b *testapp.Browser) *testapp.Browser { return b }, "/login/login", passport.CodeFlowStrategy, 400},
	} {
		b, answer := begin()
		before := s.count("/access_token")
		p.Want(name, c.meanwhile(b).End(c.path, answer), c.code, c.status)
		if asked := s.count("/access_token") > before; asked != (c.code == "") {
			t.Errorf("%s: the service was asked: %v", name, asked)
		}
	}
}

func TestTwoRegistrationsAndSeveralTabsDoNotMix(t *testing.T) {
	p, s := world(t)
	p.connect("other", oauth1.New(s.configFor("other"), keep))
	b := p.Browser()
	first, second, third := s.allow(t, b.Begin("/connect/op")), s.allow(t, b.Begin("/connect/other")), s.allow(t, b.Begin("/connect/op"))
	p.Want("crossed", b.End("/connect/other", first), passport.CodeFlowStrategy, 400)
	p.Want("the third", b.End("/connect/op", third), "", 0)
	p.Want("the second", b.End("/connect/other", second), "", 0)
	p.Want("the first", b.End("/connect/op", first), "", 0)
	p.Want("the first again", b.End("/connect/op", first), passport.CodeFlowMissing, 400)
}

func TestFlowsAtOnceDoNotDisturbEachOther(t *testing.T) {
	p, s := world(t)
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range 8 {
				p.Want("a flow", p.through(s, "/connect/op"), "", 0)
			}
		})
	}
	group.Wait()
	if len(s.refused) > 0 || len(s.nonces) != 3*16*8 {
		t.Errorf("%d nonces; refused %v", len(s.nonces), s.refused)
	}
}

func TestARouteAddsTheParametersThatConfigNames(t *testing.T) {
	p, s := newApp(t), newService(t)
	c := s.config()
	c.RouteParams = []string{"screen_name", "lang", "force_login"}
	c.Endpoint.RequestURL += "?scope=read+write&x=%C3%A9"
	c.Endpoint.AuthorizeURL += "?foo=bar&lang=en"
	strategy := oauth1.New(c, keep)
	c.RouteParams[0] = "changed afterwards"
	p.connect("op", strategy, passport.Param("screen_name", "octo cat&oauth_token=x"), passport.Param("lang", "fr"))
	b := p.Browser()
	location := b.Begin("/connect/op?screen_name=x&foo=x&force_login=1")
	token := tokenIn(t, location)
	if want := "foo=bar&lang=fr&oauth_token=" + strings.NewReplacer("/", "%2F", "+", "%2B").Replace(token) + "&screen_name=octo+cat%26oauth_token%3Dx"; !strings.HasSuffix(location, "/authorize?"+want) {
		t.Errorf("sent to %s, want …?%s", location, want)
	}
	if got := s.queries["/request_token"].Encode(); got != "scope=read+write&x=%C3%A9" { // and it was signed, or there were no token
		t.Errorf("the request token was asked for with %q", got)
	}
	p.Want("the callback", b.End("/connect/op", s.allow(t, location)), "", 0)
}

func TestARefusalOfVerifyIsShownAndAFaultIsNot(t *testing.T) {
	s := newService(t)
	for name, c := range map[string]struct {
		value  *account
		err    error
		code   passport.Code
		status int
		text   string
	}{
		"nobody":   {nil, nil, passport.CodeRejected, 401, "This account cannot be used here."},
		"a Reject": {nil, passport.Reject("You are not on the list."), passport.CodeRejected, 401, "You are not on the list."},
		"an error": {nil, http.ErrBodyNotAllowed, passport.CodeStrategy, 500, "strategy_fault: "},
	} {
		p := newApp(t)
		p.connect("op", oauth1.New(s.config(), func(*http.Request, oauth1.Grant) (*account, error) { return c.value, c.err }))
		w := p.through(s, "/connect/op")
		p.Want(name, w, c.code, c.status)
		if !strings.HasSuffix(w.Body.String(), c.text) {
			t.Errorf("%s: %s", name, w.Body)
		}
	}
}
