package oauth2_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/testapp"
	"github.com/gopassport/passport/strategies/oauth2"
)

// TestPassport shows what happens here in the situations of testdata/rows.txt, by their ids.
// Rows of one situation share a case.
func TestPassport(t *testing.T) {
	cases := map[string]func(*testing.T){
		"O2C-1":                              rowName,
		"O2C-2 O2C-3 O2C-4 O2C-5 O2C-7":      rowWiring,
		"O2C-6":                              rowPublic,
		"O2R-1":                              rowNoRedirect,
		"O2R-2 O2R-3":                        TestTheAuthorizationRequestSaysExactlyThis,
		"O2R-4 O2R-5 O2U-1 O2U-2":            TestARouteSaysWhatMoreIsAskedFor,
		"O2R-6":                              TestACommaMayStandBetweenScopes,
		"O2R-7 O2R-8 O2R-9 O2S-3 O2S-4 OG-2": rowReserved,
		"O2R-10 O2R-11 O2R-12 O2N-4 O2D-7":   TestTheQueryOfTheEndpointStaysUnlessWeSayItToo,
		"O2X-1 O2X-2 O2X-3 O2X-4 O2X-5 O2X-6 O2X-7 O2X-8 O2X-9 O2X-10": rowFixedRedirect,
		"O2S-1 O2S-2 O2N-5 O2D-8 O2P-7 O2P-14 O2U-6":                   rowGrant,
		"O2S-5 O2S-6 O2S-7": rowReply,
		"O2F-1 O2F-2":       TestVerifyDecides,
		"O2F-3 O2F-4 O2F-5 O2F-6 O2F-7 O2T-3 O2T-4 O2T-5 OG-6": rowErrors,
		"O2E-1":                   rowUnreachable,
		"O2E-2":                   TestAProvidersErrorCanBeReached,
		"O2E-3 O2E-4 O2E-5 O2U-4": rowTokenErrors,
		"O2E-6 O2E-7":             TestVerifyDecides,
		"O2N-1 O2D-1 O2P-2 O2P-11 O2P-12 O2P-13 OG-1 OG-9": rowState,
		"O2N-2 O2N-6 O2D-5 O2D-10 O2P-6 O2P-9":             rowSession,
		"O2N-3 O2N-10 O2D-6 O2D-14 O2P-10 O2P-20":          rowNoSession,
		"O2N-7 O2D-11 O2P-17 O2N-8 O2D-12 O2P-18":          TestACallbackThatComesTwiceEndsOneFlow,
		"O2N-9 O2D-13 O2P-19":                              rowTampered,
		"O2K-1 O2K-4":                                      rowStore,
		"O2K-2 O2K-3 O2K-5 O2K-6":                          rowStoreFails,
		"O2P-16":                                           rowNoVerifier,
		"O2B-1 O2B-2 OG-8":                                 TestAnAnswerIsPostedOnlyWhereThatWasAskedFor,
		"O2U-7":                                            rowProfileFails,
		"OG-3":                                             TestACallbackThatComesTwiceEndsOneFlow,
		"OG-4":                                             TestAFlowEndsForWhoBeganIt,
		"OG-7":                                             rowPostedError,
		"OG-10":                                            TestTheIssuerOfAnAnswer,
	}
	for ids, run := range cases {
		for id := range strings.FieldsSeq(ids) {
			t.Run(id, run)
		}
	}
}

func rowName(t *testing.T) {
	p, s := newApp(t), newService(t)
	p.connect("forge", oauth2.New(s.config(), keep))
	p.connect("another", oauth2.New(s.configFor("another"), keep))
	b := p.Browser()
	p.Want("by any name", b.End("/connect/another", s.allow(b.Begin("/connect/another"))), "", 0)
}

func rowWiring(t *testing.T) {
	for _, change := range []func(*oauth2.Config){
		func(c *oauth2.Config) { c.AuthorizationURL = "" }, func(c *oauth2.Config) { c.TokenURL = "" },
		func(c *oauth2.Config) { c.ClientID = "" }, func(c *oauth2.Config) { *c = oauth2.Config{} },
	} {
		config := good()
		change(&config)
		panics(t, func() { oauth2.New(config, keep) })
	}
	panics(t, func() { oauth2.New[*account](good(), nil) })
}

func rowPublic(t *testing.T) {
	config := good()
	config.ClientSecret = ""
	panics(t, func() { oauth2.New(config, keep) })
	config.Auth = oauth2.PublicClient
	oauth2.New(config, keep) // does not panic
}

func rowNoRedirect(t *testing.T) {
	config := good()
	config.RedirectURL = ""
	if text := panics(t, func() { oauth2.New(config, keep) }); !strings.Contains(text, "RedirectURL is empty") {
		t.Error(text)
	}
}

func rowReserved(t *testing.T) {
	auth := newApp(t).Auth
	auth.Use("forge", oauth2.New(good(), keep))
	panics(t, func() { auth.Authorize("forge", passport.Param("state", "foo123")) })
	panics(t, func() { auth.Authorize("forge", passport.Param("redirect_uri", "https://app.example/other")) })
}

func rowFixedRedirect(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		p, s := forge(t, nil)
		b := p.Browser()
		r := httptest.NewRequest("GET", scheme+"://app.example/connect/forge", nil)
		for name, value := range map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "same-origin", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example"} {
			r.Header.Set(name, value)
		}
		to := b.Send(r).Header().Get("Location")
		if query(t, to).Get("redirect_uri") != redirectURL {
			t.Errorf("%s: %s", scheme, to)
		}
		back := httptest.NewRequest("GET", scheme+"://app.example/connect/forge?"+s.allow(to), nil)
		p.Want(scheme, b.Send(back), "", 0)
		if s.form.Get("redirect_uri") != redirectURL {
			t.Errorf("%s: %v", scheme, s.form)
		}
	}
}

func rowGrant(t *testing.T) {
	p, s := forge(t, nil)
	b := p.Browser()
	answer := s.allow(b.Begin("/connect/forge"))
	before := len(b.Cookies)
	p.Want("a flow", b.End("/connect/forge", answer), "", 0)
	form, g := s.form, p.linked.Grant
	code, _ := url.ParseQuery(answer)
	if form.Get("grant_type") != "authorization_code" || form.Get("code") != code.Get("code") || form.Get("redirect_uri") != redirectURL || len(form.Get("code_verifier")) != 43 {
		t.Errorf("%v", form)
	}
	if g.Token().AccessToken != "CANARY-TOKEN-1" || g.Token().RefreshToken != "CANARY-REFRESH-0" || g.Profile.Text("login") != "octocat" || len(b.Cookies) != before-1 {
		t.Errorf("%v; %d cookies after %d", g, len(b.Cookies), before)
	}
}

func rowReply(t *testing.T) {
	p, s := newApp(t), newService(t)
	s.on("/token", says(200, jsonType, `{"access_token":"CANARY-TOKEN-1","token_type":"bearer","team":"t-1"}`))
	p.connect("forge", oauth2.New(s.config(), func(r *http.Request, g oauth2.Grant) (*account, error) {
		return &account{ID: r.URL.Path + g.Reply.Text("team")}, nil
	}))
	p.Want("a flow", flow(p, s, ""), "", 0)
	if p.linked.ID != "/connect/forget-1" {
		t.Errorf("%q", p.linked.ID)
	}
}

func rowErrors(t *testing.T) {
	p, s := forge(t, nil)
	for name, want := range map[string]struct {
		code   passport.Code
		status int
	}{
		"access_denied": {passport.CodeDenied, 403}, "invalid_scope": {passport.CodeProvider, 502}, "server_error": {passport.CodeProvider, 502},
		"temporarily_unavailable": {passport.CodeProviderUnavailable, 503},
	} {
		for _, more := range []string{"", "&error_description=CANARY", "&error_description=CANARY&error_uri=https%3A%2F%2FCANARY"} {
			b := p.Browser()
			state := "&state=" + query(t, b.Begin("/connect/forge")).Get("state")
			p.Want("before the state", b.End("/connect/forge", "error="+name+more), passport.CodeCallback, 400)
			p.Want(name+more, b.End("/connect/forge", "error="+name+more+state), want.code, want.status)
			if !strings.Contains(p.Last().Error(), name) {
				t.Errorf("%v does not say %s", p.Last(), name)
			}
		}
	}
	if s.count("/token") > 0 {
		t.Error("a token was asked for")
	}
}

func rowUnreachable(t *testing.T) {
	p, s := forge(t, nil, func(c *oauth2.Config) {
		c.Client = &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) { return nil, errUnreachable })}
	})
	p.Want("unreachable", flow(p, s, ""), passport.CodeProvider, 502)
	if !errors.Is(p.Last(), errUnreachable) || p.linked != nil {
		t.Errorf("%v", p.Last())
	}
}

var errUnreachable = errors.New("CANARY")

func rowTokenErrors(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"status 400": says(400, jsonType, `{"some":"CANARY"}`), "status 500": says(500, "text/plain", "Invalid CANARY"), "status 200": says(200, jsonType, `{"token_type":"bearer"}`),
	} {
		p, s := forge(t, nil)
		s.on("/token", h)
		p.Want(name, flow(p, s, ""), passport.CodeProvider, 502)
		if !strings.Contains(p.Last().Error(), name) || p.linked != nil {
			t.Errorf("%s: %v", name, p.Last())
		}
	}
}

func rowState(t *testing.T) {
	p, _ := forge(t, nil)
	b := p.Browser()
	q := query(t, b.Begin("/connect/forge"))
	if len(q.Get("state")) != 43 || len(q.Get("code_challenge")) != 43 || q.Get("code_challenge_method") != "S256" || len(b.Cookies) != 1 {
		t.Errorf("%v, %d cookies", q, len(b.Cookies))
	}
}

func rowSession(t *testing.T) {
	p, s := forge(t, nil)
	b := p.Browser()
	b.LogIn("alice")
	before := values(b)
	answer := s.allow(b.Begin("/connect/forge"))
	if !slices.Contains(values(b), before[0]) {
		t.Error("the beginning changed the session")
	}
	p.Want("a flow", b.End("/connect/forge", answer), "", 0)
	if after := values(b); !slices.Equal(before, after) {
		t.Errorf("%q became %q", before, after)
	}
}

func values(b *testapp.Browser) (all []string) {
	for _, c := range b.Cookies {
		all = append(all, c.Value)
	}
	return all
}

func rowNoSession(t *testing.T) {
	p, s := forge(t, nil)
	b := p.Browser() // nobody
	p.Want("a flow", b.End("/connect/forge", s.allow(b.Begin("/connect/forge"))), "", 0)
	if len(b.Cookies) > 0 {
		t.Errorf("a session was made: %v", b.Cookies)
	}
}

func rowTampered(t *testing.T) {
	p, s := forge(t, nil)
	b := p.Browser()
	answer := s.allow(b.Begin("/connect/forge"))
	for _, c := range b.Cookies {
		c.Value = c.Value[:len(c.Value)/2]
	}
	p.Want("tampered", b.End("/connect/forge", answer), passport.CodeFlowMissing, 400)
}

// store is a FlowStore that fails on demand.
type store struct {
	mu         sync.Mutex
	flows      map[string][]byte
	puts, took int
	fail       func() error
}

func (s *store) Put(_ context.Context, id string, flow []byte, _ time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.puts++
	s.flows[id] = bytes.Clone(flow)
	return s.failure()
}

func (s *store) Take(_ context.Context, id string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took++
	flow, ok := s.flows[id]
	if delete(s.flows, id); !ok {
		return nil, passport.ErrNoFlow
	}
	return flow, s.failure()
}

func (s *store) failure() error {
	if s.fail == nil {
		return nil
	}
	return s.fail()
}

// stored is an application with a FlowStore.
func stored(t *testing.T) (*app, *service, *store) {
	t.Helper()
	s, flows := newService(t), &store{flows: map[string][]byte{}}
	p := newApp(t, func(c *passport.Config) {
		c.Flows, c.Users, c.Subject = flows, nil, func(*http.Request) (string, bool) { return "", false }
	})
	p.connect("forge", oauth2.New(s.config(), keep))
	return p, s, flows
}

func rowStore(t *testing.T) {
	p, s, flows := stored(t)
	p.Want("a flow", flow(p, s, ""), "", 0)
	if flows.puts != 1 || flows.took != 1 || len(flows.flows) > 0 {
		t.Errorf("put %d times, taken %d times, %d left", flows.puts, flows.took, len(flows.flows))
	}
}

func rowStoreFails(t *testing.T) {
	for name, fail := range map[string]func() error{"an error": func() error { return errors.New("CANARY") }, "a panic": func() error { panic("CANARY") }} {
		p, s, flows := stored(t)
		flows.fail = fail
		w := p.Browser().Send(testapp.Navigation("GET", "/connect/forge", "same-origin"))
		if w.Code < 500 || w.Header().Get("Location") != "" {
			t.Errorf("%s at the beginning: %d %v", name, w.Code, w.Header())
		}
		flows.fail = nil
		b := p.Browser()
		answer := s.allow(b.Begin("/connect/forge"))
		flows.fail = fail
		if w := b.End("/connect/forge", answer); w.Code < 500 || s.count("/token") > 0 {
			t.Errorf("%s at the callback: %d", name, w.Code)
		}
	}
}

func rowNoVerifier(t *testing.T) {
	p, s := newApp(t), newService(t)
	strategy, state := oauth2.New(s.config(), keep), strings.Repeat("s", 43)
	p.connect("forge", passport.StrategyFunc(func(r *http.Request, a *passport.Attempt) (passport.Result, error) {
		if r.URL.RawQuery != "" {
			return strategy.Authenticate(r, a)
		}
		return passport.Redirect{URL: s.URL}, a.Save(state, struct{}{})
	}))
	b := p.Browser()
	b.Begin("/connect/forge")
	p.Want("no verifier", b.End("/connect/forge", "code=c&state="+state), passport.CodeCallback, 400)
	if s.count("/token") > 0 {
		t.Error("a token was asked for")
	}
}

func rowProfileFails(t *testing.T) {
	p, s := newApp(t), newService(t)
	s.on("/me", says(500, "text/plain", "CANARY"))
	p.connect("forge", oauth2.New(s.config(), func(*http.Request, oauth2.Grant) (*account, error) {
		t.Error("verify was called")
		return nil, nil
	}))
	p.Want("a profile that fails", flow(p, s, ""), passport.CodeProvider, 502)
}

func rowPostedError(t *testing.T) {
	p, _ := forge(t, nil, func(c *oauth2.Config) { c.FormPost = true })
	b := p.Browser()
	state := query(t, b.Begin("/connect/forge")).Get("state")
	r := httptest.NewRequest("POST", "https://app.example/connect/forge", strings.NewReader("error=access_denied&state="+state))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	p.Want("posted", b.Send(r), passport.CodeDenied, 403)
}
