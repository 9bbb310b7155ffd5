package oauth2_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopassport/passport"
	inputs "github.com/gopassport/passport/internal/hostile"
	"github.com/gopassport/passport/internal/testapp"
	"github.com/gopassport/passport/strategies/oauth2"
)

// hostile is what becomes of an entry of the corpus: the code of the last answer ("" for an
// account), how often a token was asked for, and whether the pending flow is still good
// afterwards.
type hostile struct {
	code   passport.Code
	status int
	hits   int
	kept   bool
	reason string // why it does not apply
}

func refused(code passport.Code, status int) hostile { return hostile{code: code, status: status} }

// untouched is a refusal that spends no flow.
func untouched(code passport.Code, status int) hostile {
	return hostile{code: code, status: status, kept: true}
}

var (
	accepted  = hostile{hits: 1}
	malformed = untouched(passport.CodeCallback, 400)
	bad       = hostile{code: passport.CodeProvider, status: 502, hits: 1}
)

var corpus = map[string]hostile{
	"state/good":                                     accepted,
	"state/missing state":                            malformed,
	"state/state of another browser":                 untouched(passport.CodeFlowMissing, 400),
	"state/session without flow cookie":              untouched(passport.CodeFlowMissing, 400),
	"state/state with flipped case":                  untouched(passport.CodeFlowMissing, 400),
	"state/state prefix":                             untouched(passport.CodeFlowMissing, 400),
	"state/state plus space":                         untouched(passport.CodeFlowMissing, 400),
	"state/state plus newline":                       malformed,
	"state/state 8 KiB":                              malformed,
	"state/state undefined":                          untouched(passport.CodeFlowMissing, 400),
	"state/state null":                               untouched(passport.CodeFlowMissing, 400),
	"state/State upper-case name":                    malformed,
	"state/replay after success":                     {code: passport.CodeFlowMissing, status: 400, hits: 1},
	"state/replay after failure":                     refused(passport.CodeFlowMissing, 400),
	"state/clock moved back":                         {reason: "the engine keeps the time of a flow, and its tests move the clock"},
	"state/state of login strategy at link strategy": untouched(passport.CodeFlowStrategy, 400),

	"callback-params/no parameters":               untouched(passport.CodeCrossSite, 403), // it would begin a flow, and comes from nowhere
	"callback-params/state only":                  refused(passport.CodeCallback, 400),
	"callback-params/duplicate code":              malformed,
	"callback-params/code 64 KiB":                 malformed,
	"callback-params/code with CRLF":              malformed,
	"callback-params/code with NUL":               malformed,
	"callback-params/code non-ASCII":              malformed,
	"callback-params/error without state":         malformed,
	"callback-params/error access_denied":         refused(passport.CodeDenied, 403),
	"callback-params/error_description script":    refused(passport.CodeProvider, 502),
	"callback-params/error_description 100 KiB":   malformed,
	"callback-params/error_uri javascript":        refused(passport.CodeProvider, 502),
	"callback-params/access_token in query":       refused(passport.CodeCallback, 400),
	"callback-params/id_token in query":           refused(passport.CodeCallback, 400),
	"callback-params/redirect_uri in query":       accepted, // and not looked at: the service compares what is sent
	"callback-params/code_verifier in query":      accepted,
	"callback-params/client_id in query":          accepted,
	"callback-params/iss trailing slash":          refused(passport.CodeIssuer, 400),
	"callback-params/iss upper-case host":         refused(passport.CodeIssuer, 400),
	"callback-params/iss default port":            refused(passport.CodeIssuer, 400),
	"callback-params/iss twice":                   malformed,
	"callback-params/iss on error response wrong": refused(passport.CodeIssuer, 400),
	"callback-params/bad percent escape":          malformed,
	"callback-params/semicolon separator":         malformed,
	"callback-params/plus and %20 in code":        {code: passport.CodeProvider, status: 502, hits: 1}, // sent on as "a b", which the service does not know
	"callback-params/JARM response":               malformed,

	"callback-method/POST: body and query disagree":                      untouched(passport.CodeCallback, 400),
	"callback-method/GET with a body":                                    untouched(passport.CodeCrossSite, 403),
	"callback-method/HEAD callback":                                      untouched(passport.CodeMethod, 405),
	"callback-method/prefetched callback":                                untouched(passport.CodePrefetch, 403),
	"callback-method/callback as image":                                  untouched(passport.CodeNavigation, 403),
	"callback-method/form_post: multipart":                               untouched(passport.CodeCallback, 400),
	"callback-method/form_post: text/plain":                              untouched(passport.CodeCallback, 400),
	"callback-method/form_post: wrong Origin":                            {reason: "the engine bounces every form from elsewhere; the flow's cookie and state decide, not the Origin (docs/security.md)"},
	"callback-method/Sec-Fetch-Site none (chain began from a typed URL)": accepted,

	"oauth2-token-reply/good":                         accepted,
	"oauth2-token-reply/empty body":                   bad,
	"oauth2-token-reply/null":                         bad,
	"oauth2-token-reply/array":                        bad,
	"oauth2-token-reply/string":                       bad,
	"oauth2-token-reply/number":                       bad,
	"oauth2-token-reply/truncated":                    bad,
	"oauth2-token-reply/html":                         bad,
	"oauth2-token-reply/no access_token":              bad,
	"oauth2-token-reply/empty access_token":           bad,
	"oauth2-token-reply/access_token null":            bad,
	"oauth2-token-reply/access_token with space":      bad,
	"oauth2-token-reply/token_type mac":               bad,
	"oauth2-token-reply/token_type missing":           bad,
	"oauth2-token-reply/token_type object":            bad,
	"oauth2-token-reply/id_token number":              bad,
	"oauth2-token-reply/id_token null":                bad,
	"oauth2-token-reply/id_token object":              bad,
	"oauth2-token-reply/200 with error":               bad,
	"oauth2-token-reply/400 invalid_grant":            bad,
	"oauth2-token-reply/401 invalid_client":           bad,
	"oauth2-token-reply/204":                          bad,
	"oauth2-token-reply/duplicate access_token keys":  bad,
	"oauth2-token-reply/ACCESS_TOKEN key":             bad,
	"oauth2-token-reply/JSON as text/plain":           bad,
	"oauth2-token-reply/form reply":                   bad,
	"oauth2-token-reply/1 GiB body":                   bad,
	"oauth2-token-reply/slow body, one byte a second": {code: passport.CodeProviderTimeout, status: 504, hits: 1},
	"oauth2-token-reply/never answers":                {code: passport.CodeProviderTimeout, status: 504, hits: 1},
	"oauth2-token-reply/nesting 100000 deep":          bad,
	"oauth2-token-reply/expires_in negative":          bad,
	"oauth2-token-reply/expires_in string junk":       bad,
	"oauth2-token-reply/redirect 307 to another host": bad,
	"oauth2-token-reply/redirect 308 to another host": bad,
}

func TestHostile(t *testing.T) {
	inputs.Run(t, corpus, func(t *testing.T, e inputs.Entry, c hostile) {
		switch {
		case c.reason != "":
			t.Skip(c.reason)
		case e.Area == "oauth2-token-reply":
			c.reply(t, e.Input)
		default:
			c.callback(t, e.Input)
		}
	})
}

// world is alice's browser, who is about to come back, and what the corpus calls things.
type world struct {
	app     *app
	service *service
	alice   *testapp.Browser
	query   url.Values // the good answer
	login   string     // the state of a flow of the strategy that logs in
	bob     string     // the state of bob's flow
}

func newWorld(t *testing.T) *world {
	t.Helper()
	p, s := forge(t, nil, func(c *oauth2.Config) { c.Issuer = "https://op.test" })
	p.connect("forge-login", oauth2.New(s.configFor("login"), keep))
	v := &world{app: p, service: s, alice: p.Browser()}
	v.alice.LogIn("alice")
	v.login = query(t, v.alice.Begin("/connect/forge-login")).Get("state")
	v.query, _ = url.ParseQuery(s.allow(v.alice.Begin("/connect/forge")))
	bob := p.Browser()
	bob.LogIn("bob")
	v.bob = query(t, bob.Begin("/connect/forge")).Get("state")
	return v
}

// routes are those of the corpus, and the one that stands for them here.
var routes = strings.NewReplacer("/connect/op/callback", "/connect/forge", "/auth/op/callback", "/connect/forge", "/connect/apple/callback", "/connect/forge")

// request makes the request of an entry.
func (v *world) request(t *testing.T, input string) *http.Request {
	t.Helper()
	r, err := inputs.Request(routes.Replace(inputs.Expand(input, func(name string) string {
		switch name {
		case "code", "state":
			return v.query.Get(name)
		case "state:bob":
			return v.bob
		case "state:alice@op-login":
			return v.login
		case "iss":
			return "https://op.test"
		case "session:alice", "flow:alice", "flow:anon":
			return "x=y" // the browser adds its own
		}
		t.Fatalf("what is %s?", name)
		return ""
	})))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "app.example"
	r.Header.Del("Cookie")
	if r.Header.Get("Sec-Fetch-Mode") == "" {
		r.Header.Set("Accept", "text/html")
	}
	if r.Method == http.MethodPost && r.Header.Get("Origin") == "" {
		r.Header.Set("Sec-Fetch-Site", "same-origin") // as the engine's bounce makes of it
	}
	if !strings.Contains(input, "{{flow:") {
		for name := range v.alice.Cookies {
			if !strings.Contains(name, "session") {
				delete(v.alice.Cookies, name)
			}
		}
	}
	return r
}

// callback sends an entry's request in place of the good one.
func (c hostile) callback(t *testing.T, input string) {
	v := newWorld(t)
	jar := maps.Clone(v.alice.Cookies)
	var r *http.Request
	var w *httptest.ResponseRecorder
	for one := range strings.SplitSeq(input, "---\n") {
		r = v.request(t, one)
		w = v.alice.Send(r)
	}
	if r.Method == http.MethodHead { // has no body to look at
		if w.Code != c.status {
			t.Errorf("status %d, want %d", w.Code, c.status)
		}
	} else {
		v.app.Want("the answer", w, c.code, c.status)
	}
	if hits := v.service.count("/token"); hits != c.hits {
		t.Errorf("the token endpoint was asked %d times, want %d", hits, c.hits)
	}
	if c.hits > 0 && c.code == "" && (v.service.form.Get("redirect_uri") != redirectURL || strings.Contains(v.service.form.Encode(), "evil") || strings.Contains(v.service.form.Encode(), "ATTACKER")) {
		t.Errorf("the token request says %v", v.service.form)
	}
	for _, text := range []string{"<script", "javascript:", "evil"} {
		if strings.Contains(w.Body.String(), text) {
			t.Errorf("the answer has %s: %s", text, w.Body)
		}
	}
	if len(v.alice.Cookies) < 2 { // the entry came without the flow's cookie: the good one follows with it
		v.alice.Cookies = jar
	}
	after := v.alice.End("/connect/forge", v.query.Encode())
	if good := after.Code == http.StatusOK; good != c.kept && c.hits == 0 {
		t.Errorf("the flow was kept: %v (%d %s), want %v", good, after.Code, after.Body, c.kept)
	}
}

// reply answers the token request with an entry. Where that takes long, time is made up.
func (c hostile) reply(t *testing.T, input string) {
	if strings.Contains(input, "{{hang}}") || strings.Contains(input, "{{slow") {
		synctest.Test(t, func(t *testing.T) { c.late(t, strings.Contains(input, "{{slow")) })
		return
	}
	p, s := forge(t, nil)
	s.on("/token", func(w http.ResponseWriter, _ *http.Request) { write(w, input) })
	s.on("/me", says(200, jsonType, `{"id":1}`))
	p.Want("the answer", flow(p, s, ""), c.code, c.status)
	if hits := s.count("/token"); hits != c.hits {
		t.Errorf("the token endpoint was asked %d times, want %d", hits, c.hits)
	}
	if s.count("/steal") > 0 || c.code != "" && s.count("/me") > 0 {
		t.Error("the flow went on")
	}
}

// write sends a reply of the corpus.
func write(w http.ResponseWriter, input string) {
	reply := inputs.Response(strings.NewReplacer("{{idtoken}}", "a.b.c", "{{code}}", "CANARY").Replace(input))
	maps.Copy(w.Header(), reply.Header)
	w.WriteHeader(reply.StatusCode)
	_, _ = io.Copy(w, reply.Body) // they may have enough of it
}

// late is a service that takes its time.
func (c hostile) late(t *testing.T, slow bool) {
	p := newApp(t)
	config := good()
	asked := 0
	config.Client = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		asked++
		if !slow {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {jsonType}}, Body: &drip{r}, Request: r}, nil
	})}
	p.connect("forge", oauth2.New(config, keep))
	b, began := p.Browser(), time.Now()
	w := b.End("/connect/forge", "code=c&state="+query(t, b.Begin("/connect/forge")).Get("state"))
	p.Want("the answer", w, c.code, c.status)
	if took := time.Since(began); took > 16*time.Second || took < 14*time.Second || asked != c.hits {
		t.Errorf("it took %v; asked %d times", took, asked)
	}
}

// drip is a body that comes one byte a second, as long as the request lasts.
type drip struct{ r *http.Request }

func (d *drip) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
		p[0] = ' '
		return 1, nil
	case <-d.r.Context().Done():
		return 0, d.r.Context().Err()
	}
}

func (*drip) Close() error { return nil }
