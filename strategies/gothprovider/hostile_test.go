package gothprovider_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gopassport/passport"
	inputs "github.com/gopassport/passport/internal/hostile"
	"github.com/gopassport/passport/internal/testapp"
	"github.com/gopassport/passport/strategies/gothprovider"
)

// hostile is what becomes of an entry of the corpus: an error, an account (no code), or a
// reason why it does not apply.
type hostile struct {
	code   passport.Code
	status int
	spent  bool // the flow, by a callback
	reason string
}

var (
	taken    = hostile{spent: true}
	broken   = hostile{code: passport.CodeProvider, status: 502}
	crashed  = hostile{code: passport.CodeProviderPanic, status: 502}
	nobody   = hostile{code: passport.CodeSubject, status: 502}
	late     = hostile{code: passport.CodeProviderTimeout, status: 504}
	unlike   = hostile{code: passport.CodeCallback, status: 400}
	unlikeIt = hostile{code: passport.CodeCallback, status: 400, spent: true} // once the flow was found
	again    = hostile{code: passport.CodeFlowMissing, status: 400, spent: true}
	astray   = hostile{code: passport.CodeFlowStrategy, status: 400}
	unknown  = hostile{code: passport.CodeFlowMissing, status: 400}
	refused  = hostile{code: passport.CodeDenied, status: 403, spent: true}
	trouble  = hostile{code: passport.CodeProvider, status: 502, spent: true}
	another  = hostile{code: passport.CodeIssuer, status: 400, spent: true}
	framed   = hostile{code: passport.CodeNavigation, status: 403}
)

var corpus = map[string]hostile{
	"goth-reply/any: {}":                                                         {reason: "TestTheTableOfProvidersIsTrue and TestOddRepliesOfEveryProvider have it for each provider"},
	`goth-reply/any: {"id":""}`:                                                  nobody,
	`goth-reply/any: {"id":"undefined"}`:                                         nobody,
	`goth-reply/any: {"id":"<nil>"}`:                                             nobody,
	`goth-reply/any: {"id":"\u0000"}`:                                            nobody,
	`goth-reply/any: {"id":-1}`:                                                  nobody,
	`goth-reply/tumblr: {"response":{"user":{}}}`:                                crashed,
	`goth-reply/xero: {"Organisations":[]}`:                                      crashed,
	`goth-reply/slack: {"user_id":"\u0000","user":"x"}`:                          crashed,
	"goth-reply/bitly: {{reset}}":                                                crashed,
	"goth-reply/steam: ns:http://specs.openid.net/auth/2.0":                      broken,
	"goth-reply/steam: ns:http://specs.openid.net/auth/2.0\nerror:oops\n":        broken,
	`goth-reply/dingtalk: {"accessToken":"short"}`:                               {reason: "goth 1.82 has no dingtalk yet"},
	`goth-reply/dingtalk: {"accessToken":"0123456789ab","corpId":""}`:            {reason: "goth 1.82 has no dingtalk yet"},
	`goth-reply/fitbit: {"access_token":"a","token_type":"bearer"}`:              crashed,
	`goth-reply/apple: {"access_token":"a","token_type":"bearer"}`:               nobody,
	`goth-reply/openidConnect: {"access_token":"a","token_type":"bearer","id_to`: broken,

	"oauth2-token-reply/good":                                                 taken,
	"oauth2-token-reply/empty body":                                           broken,
	"oauth2-token-reply/null":                                                 broken,
	"oauth2-token-reply/array":                                                broken,
	"oauth2-token-reply/string":                                               broken,
	"oauth2-token-reply/number":                                               broken,
	"oauth2-token-reply/truncated":                                            broken,
	"oauth2-token-reply/html":                                                 broken,
	"oauth2-token-reply/no access_token":                                      broken,
	"oauth2-token-reply/empty access_token":                                   broken,
	"oauth2-token-reply/access_token null":                                    broken,
	"oauth2-token-reply/access_token with space":                              broken,
	"oauth2-token-reply/token_type mac":                                       broken,
	"oauth2-token-reply/token_type missing":                                   taken,
	"oauth2-token-reply/token_type object":                                    broken,
	"oauth2-token-reply/id_token number":                                      broken,
	"oauth2-token-reply/id_token null":                                        broken,
	"oauth2-token-reply/id_token object":                                      broken,
	"oauth2-token-reply/200 with error":                                       broken,
	"oauth2-token-reply/400 invalid_grant":                                    broken,
	"oauth2-token-reply/401 invalid_client":                                   broken,
	"oauth2-token-reply/204":                                                  broken,
	"oauth2-token-reply/duplicate access_token keys":                          broken,
	"oauth2-token-reply/ACCESS_TOKEN key":                                     broken,
	"oauth2-token-reply/JSON as text/plain":                                   broken,
	"oauth2-token-reply/form reply":                                           taken,
	"oauth2-token-reply/1 GiB body":                                           broken,
	"oauth2-token-reply/slow body, one byte a second":                         late,
	"oauth2-token-reply/never answers":                                        late,
	"oauth2-token-reply/nesting 100000 deep":                                  broken,
	"oauth2-token-reply/expires_in negative":                                  broken,
	"oauth2-token-reply/expires_in string junk":                               broken,
	"oauth2-token-reply/redirect 307 to another host":                         broken,
	"oauth2-token-reply/redirect 308 to another host":                         broken,
	"oauth1/request-token reply: callback_confirmed false":                    {reason: "goth asks with a client of its own and does not look at it, so nobody can tell (documentation of the package); the verifier is required all the same"},
	"oauth1/request-token reply: no token":                                    broken,
	"oauth1/request-token reply: json":                                        broken,
	"oauth1/callback: no oauth_token":                                         unlike,
	"oauth1/callback: empty oauth_verifier":                                   unlikeIt,
	"oauth1/callback: denied":                                                 refused,
	"oauth1/callback: denied of another flow":                                 unknown,
	"oauth1/callback: duplicate oauth_token":                                  unlike,
	"oauth1/callback: duplicate oauth_verifier":                               unlike,
	"oauth1/callback: oauth_token of the login strategy at the link strategy": astray,
	"oauth1/callback: OAuth2 code at an OAuth1 callback":                      unknown,
	"oauth1/callback: replayed":                                               again,
	"oauth1/callback: oauth_token case changed":                               unknown,
	"oauth1/access-token reply: no token":                                     broken,
	"oauth1/access-token reply: 401 with Authorization echoed":                broken,
	"state/good":                                                         taken,
	"state/missing state":                                                unlike,
	"state/state of another browser":                                     unknown,
	"state/session without flow cookie":                                  unknown,
	"state/state with flipped case":                                      unknown,
	"state/state prefix":                                                 unknown,
	"state/state plus space":                                             unknown,
	"state/state plus newline":                                           unlike,
	"state/state 8 KiB":                                                  unlike,
	"state/state undefined":                                              unknown,
	"state/state null":                                                   unknown,
	"state/State upper-case name":                                        unlike,
	"state/replay after success":                                         again,
	"state/replay after failure":                                         again,
	"state/clock moved back":                                             {reason: "the engine compares times; its own tests move the clock"},
	"state/state of login strategy at link strategy":                     astray,
	"callback-params/no parameters":                                      {reason: "a request without any parameter begins a flow, where the engine allows that; this one comes from no page of the application (cross_site)"},
	"callback-params/state only":                                         unlikeIt,
	"callback-params/duplicate code":                                     unlike,
	"callback-params/code 64 KiB":                                        unlike,
	"callback-params/code with CRLF":                                     unlike,
	"callback-params/code with NUL":                                      unlike,
	"callback-params/code non-ASCII":                                     unlike,
	"callback-params/error without state":                                unlike,
	"callback-params/error access_denied":                                refused,
	"callback-params/error_description script":                           trouble,
	"callback-params/error_description 100 KiB":                          unlike,
	"callback-params/error_uri javascript":                               trouble,
	"callback-params/access_token in query":                              unlikeIt,
	"callback-params/id_token in query":                                  unlikeIt,
	"callback-params/redirect_uri in query":                              taken,
	"callback-params/code_verifier in query":                             taken,
	"callback-params/client_id in query":                                 taken,
	"callback-params/iss trailing slash":                                 another,
	"callback-params/iss upper-case host":                                another,
	"callback-params/iss default port":                                   another,
	"callback-params/iss twice":                                          unlike,
	"callback-params/iss on error response wrong":                        another,
	"callback-params/bad percent escape":                                 unlike,
	"callback-params/semicolon separator":                                unlike,
	"callback-params/plus and %20 in code":                               trouble,
	"callback-params/JARM response":                                      unlike,
	"callback-method/POST: body and query disagree":                      unlike,
	"callback-method/GET with a body":                                    {reason: "a body counts for nothing with GET, so this is a request without parameters, as above"},
	"callback-method/HEAD callback":                                      {code: passport.CodeMethod, status: 405},
	"callback-method/prefetched callback":                                {code: passport.CodePrefetch, status: 403},
	"callback-method/callback as image":                                  framed,
	"callback-method/form_post: multipart":                               unlike,
	"callback-method/form_post: text/plain":                              unlike,
	"callback-method/form_post: wrong Origin":                            {reason: "a provider's page may be anywhere, so the engine takes up a small form from everywhere; it ends a flow that began in this browser, or nothing (TestAppleEndsWithAFormPostedFromItsSite)"},
	"callback-method/Sec-Fetch-Site none (chain began from a typed URL)": taken,
}

func TestHostile(t *testing.T) {
	runs := map[string]func(*testing.T, inputs.Entry, hostile){
		"goth-reply": replied, "oauth2-token-reply": exchanged, "oauth1": byToken, "state": called, "callback-params": called, "callback-method": called,
	}
	inputs.Run(t, corpus, func(t *testing.T, e inputs.Entry, c hostile) {
		if c.reason != "" {
			t.Skip(c.reason)
		}
		runs[e.Area](t, e, c)
	})
}

// replied gives a provider an odd profile, or an odd token where its profile is none;
// "any" stands for all that ask for one.
func replied(t *testing.T, e inputs.Entry, c hostile) {
	name, _, _ := strings.Cut(e.Name, ": ")
	reply := text(http.StatusOK, "application/json", e.Input)
	if e.Input == "{{reset}}" {
		reply = func(*http.Request) (*http.Response, error) { return nil, errReset }
	}
	step := stepProfile
	if strings.Contains(e.Input, "access_token") || name == "steam" {
		step = stepToken
	}
	for _, each := range every(t, "https://app.example/callback") {
		world := serving(each.name)
		world.odd = map[string]odd{step: reply}
		switch {
		case each.name == name:
			j := travel(t.Context(), t, each, world)
			j.app.Want(each.name, j.end, c.code, c.status)
		case name == "any" && !idInToken(each.name):
			if j := travel(t.Context(), t, each, world); j.end.Code != http.StatusBadGateway || j.app.Last() == nil {
				t.Errorf("%s: %d %s, %v", each.name, j.end.Code, j.end.Body, j.app.Last())
			}
		}
	}
}

// exchanged gives a provider an odd token. Those of ID tokens go to providers that look
// at them.
func exchanged(t *testing.T, e inputs.Entry, c hostile) {
	names := []string{"github"}
	if strings.HasPrefix(e.Name, "id_token") {
		names = []string{"apple", "openidConnect"}
	}
	for _, name := range names {
		ctx, cancel := context.WithCancel(t.Context())
		world := serving(name)
		world.odd = map[string]odd{stepToken: wire(e.Input, cancel)}
		j := travel(ctx, t, fresh(t, name, "https://app.example/callback"), world)
		cancel()
		if len(names) == 1 {
			j.app.Want(e.Name, j.end, c.code, c.status)
		} else if j.end.Code != http.StatusBadGateway || j.app.Last() == nil {
			t.Errorf("%s: %d %s, %v", name, j.end.Code, j.end.Body, j.app.Last())
		}
		if len(world.strayed) > 0 || c.code != "" && world.of(stepProfile).calls > 0 {
			t.Errorf("%s went on: %v", name, world.strayed)
		}
	}
}

// wire is a reply as it stands in the corpus. One that takes forever calls cancel.
func wire(input string, cancel func()) odd {
	text := strings.NewReplacer("evil.test", "evil.example", "{{code}}", "CANARY", "{{idtoken}}", "CANARY").Replace(input)
	return func(r *http.Request) (*http.Response, error) {
		reply := inputs.Response(text)
		if strings.Contains(text, "{{slow:") || strings.Contains(text, "{{hang}}") {
			reply.Body = io.NopCloser(readerFunc(func([]byte) (int, error) {
				cancel()
				<-r.Context().Done()
				return 0, r.Context().Err()
			}))
		}
		reply.Request = r
		return reply, nil
	}
}

// byToken is an odd reply, or an odd answer, to goth's Twitter.
func byToken(t *testing.T, e inputs.Entry, c hostile) {
	world := serving("twitter")
	what, _, _ := strings.Cut(e.Name, ":")
	if step := map[string]string{"request-token reply": stepBegin, "access-token reply": stepToken}[what]; step != "" {
		reply := text(http.StatusOK, "text/plain", e.Input)
		if echoed, is := strings.CutPrefix(e.Input, "{{status:401}}"); is {
			reply = text(http.StatusUnauthorized, "text/plain", echoed+"CANARY")
		}
		world.odd = map[string]odd{step: reply}
		j := travel(t.Context(), t, fresh(t, "twitter", "https://app.example/callback"), world)
		j.app.Want(e.Name, j.end, c.code, c.status)
		return
	}
	p := newApp(t)
	for _, name := range []string{"twitter", "login"} {
		p.connect(name, gothprovider.New(fresh(t, "twitter", "https://app.example/callback/"+name).provider, keep))
	}
	everybody.Store(world)
	defer everybody.Store(nil)
	b := p.Browser()
	for _, name := range []string{"login", "twitter"} {
		world.request = "rt-of-" + name
		world.at(stepBegin)
		b.Begin("/connect/" + name)
	}
	world.at(stepToken)
	answer, twice := strings.CutSuffix(e.Input, " (twice)")
	answer = strings.NewReplacer("{{rt}}", "rt-of-twitter", "{{rt:tw-login}}", "rt-of-login", "{{swapcase:rt}}", "RT-OF-TWITTER").Replace(answer)
	w := b.End("/connect/twitter", answer)
	if twice {
		p.Want("the first time", w, "", 0)
		w = b.End("/connect/twitter", answer)
	}
	p.Want(e.Name, w, c.code, c.status)
	if calls := world.of(stepToken).calls; calls > 0 != twice {
		t.Errorf("the service was asked %d times", calls)
	}
	c.left(p, b.End("/connect/twitter", "oauth_token=rt-of-twitter&oauth_verifier=V"))
}

// left checks what became of the flow.
func (c hostile) left(p *app, after *httptest.ResponseRecorder) {
	p.T.Helper()
	if c.spent {
		p.Want("the good answer afterwards", after, passport.CodeFlowMissing, 400)
	} else {
		p.Want("the good answer afterwards", after, "", 0)
	}
}

// called is an odd answer to GitHub's flow of alice.
func called(t *testing.T, e inputs.Entry, c hostile) {
	var opts []gothprovider.Option
	const issuer = "https://op.test"
	if strings.HasPrefix(e.Name, "iss ") {
		opts = append(opts, gothprovider.Issuer(issuer))
	}
	p, s := githubApp(t, opts...)
	other := s.github()
	other.CallbackURL += "/login"
	p.connect("login", gothprovider.New(other, keep))
	alice, bob := p.Browser(), p.Browser()
	flow := func(b *testapp.Browser, name string) (code, state string) {
		answer := parseQuery("?" + s.allow(t, b.Begin("/connect/"+name)))
		return answer.Get("code"), answer.Get("state")
	}
	code, state := flow(alice, "github")
	_, foreign := flow(bob, "github")
	_, login := flow(alice, "login")
	names := map[string]string{"code": code, "state": state, "state:bob": foreign, "state:alice@op-login": login, "iss": issuer}
	var w *httptest.ResponseRecorder
	for text := range strings.SplitSeq(e.Input, "---\n") {
		b := alice
		if !strings.Contains(text, "{{flow:") {
			b = p.Browser()
		}
		w = from(t, b, inputs.Expand(text, func(name string) string { return names[name] }))
	}
	p.Want(e.Name, w, c.code, c.status)
	p.Secretless(e.Name, w, state, "<script", "javascript:")
	hits := 0
	if c.code == "" || e.Name == "replay after success" {
		hits = 1
	}
	if s.count("/user") != hits {
		t.Errorf("%d profiles were asked for, want %d", s.count("/user"), hits)
	}
	good := url.Values{"code": {code}, "state": {state}}
	if opts != nil {
		good.Set("iss", issuer)
	}
	c.left(p, alice.End("/connect/github", good.Encode()))
}

// routes are those of the corpus, and the one that stands for them here.
var routes = strings.NewReplacer("/connect/op/callback", "/connect/github", "/auth/op/callback", "/connect/github", "/connect/apple/callback", "/connect/github")

// from sends a request of the corpus, with the browser's cookies in place of its own.
func from(t *testing.T, b *testapp.Browser, text string) *httptest.ResponseRecorder {
	t.Helper()
	r, err := inputs.Request(routes.Replace(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Del("Cookie")
	if r.Header.Get("Sec-Fetch-Site") == "" && !strings.Contains(text, "Accept") { // the corpus leaves out what every browser says
		r.Header.Set("Accept", "text/html")
	}
	return b.Send(r)
}
