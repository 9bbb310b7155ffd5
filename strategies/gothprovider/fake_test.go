package gothprovider_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/markbates/goth"
	"golang.org/x/oauth2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/gothprovider"
)

// fake is a goth.Provider whose every step a test can replace.
type fake struct {
	begin     func(state string) (goth.Session, error)
	unmarshal func(string) (goth.Session, error)
	authorize func(goth.Params) (string, error)
	fetch     func() (goth.User, error)
	calls     []string
}

func (f *fake) Name() string                                 { return "fake" }
func (f *fake) SetName(string)                               {}
func (f *fake) Debug(bool)                                   {}
func (f *fake) RefreshTokenAvailable() bool                  { return false }
func (f *fake) RefreshToken(string) (*oauth2.Token, error)   { return nil, nil }
func (f *fake) BeginAuth(state string) (goth.Session, error) { return f.begin(state) }
func (f *fake) FetchUser(goth.Session) (goth.User, error)    { return f.fetch() }
func (f *fake) UnmarshalSession(s string) (goth.Session, error) {
	if f.unmarshal != nil {
		return f.unmarshal(s)
	}
	session := &fakeSession{}
	return session, json.Unmarshal([]byte(s), session)
}

// fakeSession marshals as that of goth's OAuth 1 providers.
type fakeSession struct {
	AuthURL      string
	AccessToken  *fakeToken
	RequestToken *fakeToken
	ExpiresAt    string
}

type fakeToken struct{ Token, Secret string }

func (s *fakeSession) GetAuthURL() (string, error) { return s.AuthURL, nil }
func (s *fakeSession) Marshal() string {
	b, _ := json.Marshal(s)
	return string(b)
}

func (s *fakeSession) Authorize(p goth.Provider, params goth.Params) (string, error) {
	return p.(*shared).authorize(params)
}

// shared is what the strategy copies; all copies share the fake.
type shared struct{ *fake }

func oauth2Session(state string) (goth.Session, error) {
	return &fakeSession{AuthURL: "https://op.example/authorize?state=" + state}, nil
}

// newFake is a provider where all goes well, by OAuth 2.
func newFake() *shared {
	return &shared{&fake{
		begin:     oauth2Session,
		authorize: func(goth.Params) (string, error) { return "token", nil },
		fetch:     func() (goth.User, error) { return goth.User{UserID: "42"}, nil },
	}}
}

// fakeTwitter is one where all goes well, by OAuth 1. Its request tokens are T1, T2, …
func fakeTwitter() *shared {
	p, n := newFake(), 0
	p.begin = func(string) (goth.Session, error) {
		n++
		token := fmt.Sprintf("T%d", n)
		p.calls = append(p.calls, "request_token")
		return &fakeSession{AuthURL: "https://op.example/authorize?oauth_token=" + token, RequestToken: &fakeToken{token, "CANARY"}}, nil
	}
	p.authorize = func(params goth.Params) (string, error) {
		p.calls = append(p.calls, "access_token")
		return "token of " + params.Get("oauth_verifier"), nil
	}
	return p
}

func TestAUserIDThatStandsForNobodyIsAnError(t *testing.T) {
	for _, c := range []struct {
		id   string
		code passport.Code
	}{
		{"42", ""}, {"a b", ""}, {"00", ""}, {"Ünicøde", ""}, {"nullable", ""},
		{"", passport.CodeSubject}, {"0", passport.CodeSubject}, {"-1", passport.CodeSubject}, {" ", passport.CodeSubject}, {"\u2003", passport.CodeSubject},
		{"<nil>", passport.CodeSubject}, {"null", passport.CodeSubject}, {"NULL", passport.CodeSubject}, {"undefined", passport.CodeSubject},
		{" 0 ", passport.CodeSubject}, {"\x00", passport.CodeSubject}, {"42\n", passport.CodeSubject}, {"4\x7f2", passport.CodeSubject},
	} {
		p, provider := newApp(t), newFake()
		provider.fetch = func() (goth.User, error) { return goth.User{UserID: c.id}, nil }
		p.connect("fake", gothprovider.New(provider, keep))
		b := p.Browser()
		state := parse(t, b.Begin("/connect/fake")).Query().Get("state")
		p.Want(fmt.Sprintf("%q", c.id), b.End("/connect/fake", "code=c&state="+state), c.code, 502)
	}
}

// steps are the places in which goth can go wrong, each with what replaces it.
func steps(p *shared, wrong func()) map[string]func() {
	return map[string]func(){
		"BeginAuth":        func() { p.begin = func(string) (goth.Session, error) { wrong(); return nil, nil } },
		"UnmarshalSession": func() { p.unmarshal = func(string) (goth.Session, error) { wrong(); return nil, nil } },
		"Authorize":        func() { p.authorize = func(goth.Params) (string, error) { wrong(); return "", nil } },
		"FetchUser":        func() { p.fetch = func() (goth.User, error) { wrong(); return goth.User{}, nil } },
	}
}

// through runs a flow as far as it goes, and gives the error.
func through(t *testing.T, provider goth.Provider, opts ...gothprovider.Option) *passport.Error {
	t.Helper()
	p := newApp(t)
	p.connect("fake", gothprovider.New(provider, keep, opts...))
	b := p.Browser()
	w := b.Get("/connect/fake", "same-origin")
	if w.Code == 302 {
		w = b.End("/connect/fake", "code=CANARY-CODE&state="+parse(t, w.Header().Get("Location")).Query().Get("state"))
	}
	p.Secretless("the whole flow", w)
	return p.Last()
}

func TestAPanicOfGothIsAnErrorThatSaysWhere(t *testing.T) {
	var empty []string
	for name := range steps(newFake(), nil) {
		for what, c := range map[string]struct {
			wrong func()
			want  string
		}{
			"a text":          {func() { panic("CANARY") }, "a value of type string"},
			"an error":        {func() { panic(errors.New("CANARY")) }, "a value of type *errors.errorString"},
			"a missing field": {func() { _ = map[string]any{}["CANARY"].(string) }, "interface conversion: interface {} is nil, not string"},
			"an index":        {func() { _ = empty[0] }, "index out of range [0] with length 0"},
		} {
			provider := newFake()
			steps(provider, c.wrong)[name]()
			err := through(t, provider)
			if err == nil || err.Code != passport.CodeProviderPanic || err.Status != 502 || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "gothprovider_test.") {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
	}
}

func TestGothThatGivesNothingIsAnError(t *testing.T) {
	for name := range steps(newFake(), nil) {
		provider := newFake()
		steps(provider, func() {})[name]()
		want := passport.CodeProvider
		if name == "FetchUser" {
			want = passport.CodeSubject
		}
		if err := through(t, provider); err == nil || err.Code != want || err.Status != 502 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGothThatEndsItsGoroutineIsAnError(t *testing.T) {
	for name := range steps(newFake(), nil) {
		provider := newFake()
		steps(provider, runtime.Goexit)[name]()
		if err := through(t, provider); err == nil || err.Code != passport.CodeProvider {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGothThatHangsWithoutAClientOfOursIsLeftBehind(t *testing.T) {
	for name := range steps(newFake(), nil) {
		provider, release := newFake(), make(chan struct{})
		steps(provider, func() { <-release })[name]()
		if err := through(t, provider, gothprovider.Timeout(timeout)); err == nil || err.Code != passport.CodeProviderTimeout || err.Status != 504 {
			t.Errorf("%s: %v", name, err)
		}
		close(release)
	}
}

func TestAnAuthorizationAddressThatNamesNoFlowIsAFaultOfTheProgram(t *testing.T) {
	for name, address := range map[string]string{
		"nothing":                          "https://op.example/authorize",
		"another state":                    "https://op.example/authorize?state=x",
		"our state and another":            "https://op.example/authorize?state=STATE&state=x",
		"a request token and no session":   "https://op.example/authorize?oauth_token=T",
		"a request token and a bad state":  "https://op.example/authorize?oauth_token=S&state=x",
		"an address that does not parse":   "https://op.example/%zz",
		"an empty address":                 "",
		"another token than the session's": "https://op.example/authorize?oauth_token=OTHER",
	} {
		provider := newFake()
		provider.begin = func(state string) (goth.Session, error) {
			s := &fakeSession{AuthURL: strings.ReplaceAll(address, "STATE", state)}
			if strings.Contains(address, "OTHER") || strings.Contains(address, "=S") {
				s.RequestToken = &fakeToken{"S", "CANARY"}
			}
			return s, nil
		}
		if err := through(t, provider); err == nil || err.Code != passport.CodeConfiguration || err.Status != 500 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGothGetsOnlyTheParametersThatItMaySee(t *testing.T) {
	p, provider := newApp(t), newFake()
	p.connect("fake", gothprovider.New(provider, keep))
	b := p.Browser()
	state := parse(t, b.Begin("/connect/fake")).Query().Get("state")
	provider.authorize = func(params goth.Params) (string, error) {
		if got, want := params.(url.Values).Encode(), "code=c&state="+state; got != want {
			t.Errorf("goth sees %s, want %s", got, want)
		}
		return "token", nil
	}
	p.Want("everything", b.End("/connect/fake", "code=c&state="+state+"&code_verifier=x&redirect_uri=x&oauth_verifier=x&token=x&hmac=x&shop=x&iss=x&openid.mode=x"), "", 0)
}

func TestASessionThatIsNoJSONIsKeptWhole(t *testing.T) {
	provider, kept := newFake(), ""
	provider.begin = func(state string) (goth.Session, error) {
		return plainSession{"https://op.example/?state=" + state}, nil
	}
	provider.unmarshal = func(s string) (goth.Session, error) {
		kept = s
		return &fakeSession{}, nil
	}
	if err := through(t, provider); err != nil || kept != `a "session"` {
		t.Errorf("kept %q, %v", kept, err)
	}
}

func TestASessionThatHoldsSomethingIsKeptAfterOthersThatHeldNothing(t *testing.T) {
	p, provider, n := newApp(t), newFake(), 0
	var seen []string
	provider.begin = func(state string) (goth.Session, error) {
		s := &fakeSession{AuthURL: "https://op.example/?state=" + state}
		if n++; n%2 == 0 {
			s.ExpiresAt = fmt.Sprint(n)
		}
		return s, nil
	}
	provider.unmarshal = func(s string) (goth.Session, error) {
		seen = append(seen, s)
		return &fakeSession{}, nil
	}
	p.connect("fake", gothprovider.New(provider, keep))
	b := p.Browser()
	for range 4 {
		p.Want("a flow", b.End("/connect/fake", "code=c&state="+parse(t, b.Begin("/connect/fake")).Query().Get("state")), "", 0)
	}
	if got := strings.Join(seen, " "); got != `{} {"ExpiresAt":"2"} {} {"ExpiresAt":"4"}` {
		t.Errorf("goth gets %s", got)
	}
}

type plainSession struct{ address string }

func (s plainSession) GetAuthURL() (string, error)                          { return s.address, nil }
func (s plainSession) Marshal() string                                      { return `a "session"` }
func (s plainSession) Authorize(goth.Provider, goth.Params) (string, error) { return "", nil }

func TestASessionThatDoesNotFitIsAFaultThatSaysSo(t *testing.T) {
	provider := newFake()
	provider.begin = func(state string) (goth.Session, error) {
		return &fakeSession{AuthURL: "https://op.example/?state=" + state, ExpiresAt: strings.Repeat("x", 1000)}, nil
	}
	if err := through(t, provider); err == nil || err.Code != passport.CodeFlowTooLarge || err.Status != 500 {
		t.Errorf("%v", err)
	}
}

func TestOAuth1EndsWithTheTokenItBeganWith(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		code   passport.Code
		status int
		spent  bool // the flow T1
	}{
		"right":                            {"oauth_token=T1&oauth_verifier=v", "", 0, true},
		"another token":                    {"oauth_token=OTHER&oauth_verifier=v", passport.CodeFlowMissing, 400, false},
		"the token in another case":        {"oauth_token=t1&oauth_verifier=v", passport.CodeFlowMissing, 400, false},
		"no token":                         {"oauth_verifier=v", passport.CodeCallback, 400, false},
		"two tokens":                       {"oauth_token=T1&oauth_token=T1&oauth_verifier=v", passport.CodeCallback, 400, false},
		"two verifiers":                    {"oauth_token=T1&oauth_verifier=v&oauth_verifier=w", passport.CodeCallback, 400, false},
		"no verifier":                      {"oauth_token=T1", passport.CodeCallback, 400, true},
		"an empty verifier":                {"oauth_token=T1&oauth_verifier=", passport.CodeCallback, 400, true},
		"denied":                           {"denied=T1", passport.CodeDenied, 403, true},
		"denied, of another flow":          {"denied=OTHER", passport.CodeFlowMissing, 400, false},
		"a problem, and the token":         {"oauth_problem=user_refused&oauth_token=T1", passport.CodeDenied, 403, true},
		"a problem, and no token":          {"oauth_problem=user_refused", passport.CodeDenied, 403, false},
		"a problem of the service":         {"oauth_problem=token_expired&oauth_token=T1&oauth_verifier=v", passport.CodeProvider, 502, true},
		"a code":                           {"code=c&state=s", passport.CodeFlowMissing, 400, false},
		"a code whose state is the token":  {"code=c&state=T1", passport.CodeCallback, 400, true},
		"an error that names the token":    {"error=access_denied&state=T1", passport.CodeCallback, 400, true},
		"the token and a code":             {"code=c&state=T1&oauth_token=T1&oauth_verifier=v", passport.CodeCallback, 400, true},
		"the token as a state, by itself":  {"state=T1", passport.CodeCallback, 400, true},
		"denied and the token at once":     {"denied=T1&oauth_token=T1", passport.CodeCallback, 400, false},
		"an oauth_token with a line break": {"oauth_token=T1%0a&oauth_verifier=v", passport.CodeCallback, 400, false},
	} {
		p, provider := newApp(t), fakeTwitter()
		p.connect("twitter", gothprovider.New(provider, keep))
		b := p.Browser()
		if location := b.Begin("/connect/twitter"); location != "https://op.example/authorize?oauth_token=T1" {
			t.Fatalf("sent to %s", location)
		}
		p.Want(name, b.End("/connect/twitter", c.answer), c.code, c.status)
		if called := strings.Contains(strings.Join(provider.calls, " "), "access_token"); called != (c.code == "") {
			t.Errorf("%s: the service was asked: %v", name, provider.calls)
		}
		after := b.End("/connect/twitter", "oauth_token=T1&oauth_verifier=v")
		if c.spent {
			p.Want(name+": the good answer afterwards", after, passport.CodeFlowMissing, 400)
		} else {
			p.Want(name+": the good answer afterwards", after, "", 0)
		}
	}
}

func TestAnOAuth1FlowKeepsTheRequestTokenAndNothingElse(t *testing.T) {
	p, provider := newApp(t), fakeTwitter()
	provider.unmarshal = func(s string) (goth.Session, error) {
		if s != `{"RequestToken":{"Token":"T1","Secret":"CANARY"}}` {
			t.Errorf("goth gets %s", s)
		}
		return &fakeSession{}, nil
	}
	p.connect("twitter", gothprovider.New(provider, keep))
	b := p.Browser()
	b.Begin("/connect/twitter")
	for _, c := range b.Cookies {
		if strings.Contains(c.Value, "CANARY") {
			t.Errorf("the secret is readable in %v", c)
		}
	}
	p.Want("the callback", b.End("/connect/twitter", "oauth_token=T1&oauth_verifier=v"), "", 0)
}

func TestNoRequestTokenIsAskedForWhereNoFlowMayBegin(t *testing.T) {
	p, provider := newApp(t), fakeTwitter()
	p.connect("twitter", gothprovider.New(provider, keep))
	b := p.Browser()
	p.Want("from another site", b.Get("/connect/twitter", "cross-site"), passport.CodeCrossSite, 403)
	if len(provider.calls) != 0 {
		t.Errorf("the service was asked: %v", provider.calls)
	}
}

func TestTwoRegistrationsOfAnOAuth1ProviderDoNotMix(t *testing.T) {
	p, provider := newApp(t), fakeTwitter()
	for _, name := range []string{"twitter", "twitter-authz"} {
		p.connect(name, gothprovider.New(provider, keep))
	}
	b := p.Browser()
	b.Begin("/connect/twitter")
	b.Begin("/connect/twitter-authz")
	p.Want("crossed", b.End("/connect/twitter-authz", "oauth_token=T1&oauth_verifier=v"), passport.CodeFlowStrategy, 400)
	p.Want("the first", b.End("/connect/twitter", "oauth_token=T1&oauth_verifier=v"), "", 0)
	p.Want("the second", b.End("/connect/twitter-authz", "oauth_token=T2&oauth_verifier=v"), "", 0)
}

func TestARequestTokenThatIsNotToBeHadIsAFaultOfTheProvider(t *testing.T) {
	provider := newFake()
	provider.begin = func(string) (goth.Session, error) { return nil, errors.New("Authorization: OAuth CANARY") }
	if err := through(t, provider); err == nil || err.Code != passport.CodeProvider || err.Status != 502 {
		t.Errorf("%v", err)
	}
}

// careless is a provider that looks at no status.
type careless struct {
	*fake
	HTTPClient *http.Client
	url        string
}

type carelessSession struct{ fakeSession }

func (p *careless) UnmarshalSession(string) (goth.Session, error) { return &carelessSession{}, nil }

func (s *carelessSession) Authorize(p goth.Provider, _ goth.Params) (string, error) {
	return "token", p.(*careless).ask("/one", "/two")
}

func (p *careless) FetchUser(goth.Session) (goth.User, error) {
	return goth.User{UserID: "42"}, p.ask("/three", "/four")
}

func (p *careless) ask(paths ...string) error {
	for _, path := range paths {
		if _, err := p.HTTPClient.Get(p.url + path); err != nil { // and nobody closes the body
			return err
		}
	}
	return nil
}

func TestAReplyWithABadStatusIsNoTokenAndNoProfileWhateverGothSays(t *testing.T) {
	for bad, want := range map[string]passport.Code{
		"none":   "",
		"/one":   "", // a first try, of how the client authenticates
		"/two":   passport.CodeProvider,
		"/three": passport.CodeProvider,
		"/four":  "", // more about the person, which is not needed
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == bad {
				w.WriteHeader(http.StatusInternalServerError)
			}
		}))
		p := newApp(t)
		p.connect("careless", gothprovider.New(&careless{fake: newFake().fake, url: server.URL}, keep))
		b := p.Browser()
		state := parse(t, b.Begin("/connect/careless")).Query().Get("state")
		p.Want("500 at "+bad, b.End("/connect/careless", "code=c&state="+state), want, 502)
		server.Close()
	}
}
