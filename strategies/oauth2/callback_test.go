package oauth2_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/testapp"
	"github.com/gopassport/passport/strategies/oauth2"
)

// R42: RFC 9207.
func TestTheIssuerOfAnAnswer(t *testing.T) {
	set := func(issuer string, required bool) func(*oauth2.Config) {
		return func(c *oauth2.Config) { c.Issuer, c.RequireIssuer = issuer, required }
	}
	for _, c := range []struct {
		name   string
		change func(*oauth2.Config)
		more   string
		code   passport.Code
	}{
		{"known, and named", set(issuer, false), "&iss=" + url.QueryEscape(issuer), ""},
		{"known, and not named", set(issuer, false), "", ""},
		{"known, and another is named", set(issuer, false), "&iss=https%3A%2F%2Fevil.example", passport.CodeIssuer},
		{"known, and named with nothing", set(issuer, false), "&iss=", passport.CodeIssuer},
		{"required, and named", set(issuer, true), "&iss=" + url.QueryEscape(issuer), ""},
		{"required, and not named", set(issuer, true), "", passport.CodeIssuer},
		{"not known, and named", set("", false), "&iss=" + url.QueryEscape(issuer), ""},
	} {
		p, s := forge(t, nil, c.change)
		p.Want(c.name, flow(p, s, c.more), c.code, http.StatusBadRequest)
		if c.code != "" && s.count("/token") > 0 {
			t.Errorf("%s: a token was asked for", c.name)
		}
	}
}

// The issuer that was asked is the one that must answer, whatever the program says now.
func TestAFlowEndsWithTheIssuerItBeganWith(t *testing.T) {
	p, s := newApp(t), newService(t)
	now := ""
	p.connect("forge", passport.StrategyFunc(func(r *http.Request, a *passport.Attempt) (passport.Result, error) {
		config := s.config()
		config.Issuer = now
		return oauth2.New(config, keep).Authenticate(r, a)
	}))
	for _, c := range [][2]string{{issuer, ""}, {"", issuer}, {issuer, "https://evil.example"}} {
		b := p.Browser()
		now = c[0]
		answer := s.allow(b.Begin("/connect/forge"))
		now = c[1]
		p.Want(fmt.Sprintf("%q", c), b.End("/connect/forge", answer+"&iss="+url.QueryEscape(now)), passport.CodeIssuer, http.StatusBadRequest)
	}
	if s.count("/token") > 0 {
		t.Error("a token was asked for")
	}
}

// R34, R48.
func TestAnAnswerIsPostedOnlyWhereThatWasAskedFor(t *testing.T) {
	p, s := forge(t, nil, func(c *oauth2.Config) { c.FormPost = true })
	b := p.Browser()
	to := b.Begin("/connect/forge")
	if query(t, to).Get("response_mode") != "form_post" {
		t.Error(to)
	}
	p.Want("asked for", b.Posted("/connect/forge", query(t, "?"+s.allow(to))), "", 0)
	p, s = forge(t, nil)
	b = p.Browser()
	p.Want("not asked for", b.Posted("/connect/forge", query(t, "?"+s.allow(b.Begin("/connect/forge")))), passport.CodeCallback, http.StatusBadRequest)
	if s.count("/token") > 0 {
		t.Error("a token was asked for")
	}
}

// R36, R37.
func TestACallbackThatComesTwiceEndsOneFlow(t *testing.T) {
	p, s := forge(t, nil)
	b := p.Browser()
	first, second := s.allow(b.Begin("/connect/forge")), s.allow(b.Begin("/connect/forge"))
	p.Want("an unknown state", b.End("/connect/forge", "code=x&state=bogus"), passport.CodeFlowMissing, http.StatusBadRequest)
	p.Want("the second", b.End("/connect/forge", second), "", 0)
	p.Want("the second again", b.End("/connect/forge", second), passport.CodeFlowMissing, http.StatusBadRequest)
	p.Want("the first", b.End("/connect/forge", first), "", 0)
	if s.count("/token") != 2 {
		t.Errorf("a token was asked for %d times", s.count("/token"))
	}
}

// R16: a code does not fit another flow.
func TestACodeFitsItsOwnFlowOnly(t *testing.T) {
	p, s := forge(t, nil)
	mallory, bob := p.Browser(), p.Browser()
	stolen, _ := url.ParseQuery(s.allow(mallory.Begin("/connect/forge")))
	own, _ := url.ParseQuery(s.allow(bob.Begin("/connect/forge")))
	own.Set("code", stolen.Get("code"))
	p.Want("a stolen code", bob.End("/connect/forge", own.Encode()), passport.CodeProvider, http.StatusBadGateway)
}

// R39, R72, R40: who is logged in, in which browser, with which strategy.
func TestAFlowEndsForWhoBeganIt(t *testing.T) {
	p, s := forge(t, nil)
	p.connect("other", oauth2.New(s.configFor("other"), keep))
	for name, c := range map[string]struct {
		end  func(b *testapp.Browser, answer string) *httptest.ResponseRecorder
		code passport.Code
		is   int
	}{
		"another browser": {func(_ *testapp.Browser, answer string) *httptest.ResponseRecorder {
			return p.Browser().End("/connect/forge", answer)
		}, passport.CodeFlowMissing, 400},
		"another strategy": {func(b *testapp.Browser, answer string) *httptest.ResponseRecorder {
			return b.End("/connect/other", answer)
		}, passport.CodeFlowStrategy, 400},
		"another user": {func(b *testapp.Browser, answer string) *httptest.ResponseRecorder {
			b.LogIn("bob")
			return b.End("/connect/forge", answer)
		}, passport.CodeFlowUser, 403},
	} {
		b := p.Browser()
		b.LogIn("alice")
		p.Want(name, c.end(b, s.allow(b.Begin("/connect/forge"))), c.code, c.is)
	}
	if s.count("/token") > 0 {
		t.Error("a token was asked for")
	}
}

func TestVerifyDecides(t *testing.T) {
	type verify = func(*http.Request, oauth2.Grant) (*account, error)
	for name, c := range map[string]struct {
		verify verify
		code   passport.Code
		status int
	}{
		"nobody":     {func(*http.Request, oauth2.Grant) (*account, error) { return nil, nil }, passport.CodeRejected, 401},
		"a reject":   {func(*http.Request, oauth2.Grant) (*account, error) { return nil, passport.Reject("no") }, passport.CodeRejected, 401},
		"a fault":    {func(*http.Request, oauth2.Grant) (*account, error) { return nil, context.DeadlineExceeded }, passport.CodeStrategy, 500},
		"a panic":    {func(*http.Request, oauth2.Grant) (*account, error) { panic("CANARY") }, passport.CodeStrategyPanic, 500},
		"an account": {keep, "", 0},
	} {
		p, s := newApp(t), newService(t)
		p.connect("forge", oauth2.New(s.config(), c.verify))
		p.Want(name, flow(p, s, ""), c.code, c.status)
	}
}

func TestAPersonWhoSaysNoIsRefusedAndNotShownTheirWords(t *testing.T) {
	p, s := forge(t, nil)
	for name, c := range map[string]struct {
		answer string
		code   passport.Code
		status int
	}{
		"denied":      {"error=access_denied&error_description=CANARY&error_uri=https://CANARY", passport.CodeDenied, 403},
		"unavailable": {"error=temporarily_unavailable", passport.CodeProviderUnavailable, 503},
		"a scope":     {"error=invalid_scope", passport.CodeProvider, 502},
		"unknown":     {"error=CANARY", passport.CodeProvider, 502},
	} {
		b := p.Browser()
		state := query(t, b.Begin("/connect/forge")).Get("state")
		p.Want(name, b.End("/connect/forge", c.answer+"&state="+state), c.code, c.status)
		p.Want(name+" again", b.End("/connect/forge", "code=c&state="+state), passport.CodeFlowMissing, 400)
	}
	if s.count("/token") > 0 {
		t.Error("a token was asked for")
	}
}

// A provider that misbehaves (R120 to R122, R126, R131), at the token and at the profile.
func TestAServiceThatMisbehaves(t *testing.T) {
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the other host was asked") }))
	defer evil.Close()
	for name, h := range map[string]http.HandlerFunc{
		"500":                    says(500, "text/plain", "CANARY"),
		"503 with JSON":          says(503, jsonType, `{"error":"CANARY"}`),
		"a page":                 says(200, "text/html", "<p>CANARY"),
		"a page that says JSON":  says(200, jsonType, "<p>CANARY"),
		"null":                   says(200, jsonType, "null"),
		"a list":                 says(200, jsonType, `[{"id":1}]`),
		"nothing":                says(200, jsonType, ""),
		"two objects":            says(200, jsonType, `{"id":1}{"id":2}`),
		"JSON that says text":    says(200, "text/plain", `{"id":1,"access_token":"CANARY","token_type":"bearer"}`),
		"JSON that says nothing": says(200, "", `{"id":1,"access_token":"CANARY","token_type":"bearer"}`),
		"the subject twice":      says(200, jsonType, `{"id":1,"id":2,"access_token":"CANARY","access_token":"CANARY","token_type":"bearer"}`),
		"50 MB": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", jsonType)
			_, _ = io.CopyN(w, blanks{}, 50<<20)
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, evil.URL+"/?x=CANARY", http.StatusTemporaryRedirect)
		},
		"a reset": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"half a reply": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", jsonType)
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, `{"id":1`)
		},
	} {
		for _, path := range []string{"/token", "/me"} {
			p, s := forge(t, nil)
			s.on(path, h)
			p.Want(name+" at "+path, flow(p, s, ""), passport.CodeProvider, http.StatusBadGateway)
			if s.count("/token") != 1 || path == "/token" && s.count("/me") > 0 {
				t.Errorf("%s: asked %d times for a token, %d for a profile", name, s.count("/token"), s.count("/me"))
			}
			if text := p.Last().Error(); !strings.Contains(text, strings.TrimPrefix(s.URL, "http://")) {
				t.Errorf("%s at %s: the error does not say whom it is about: %s", name, path, text)
			}
		}
	}
}

type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// R49: a browser that goes away ends all that is done for it.
func TestABrowserThatGoesAwayEndsTheCalls(t *testing.T) {
	for _, path := range []string{"/token", "/me", "/par"} {
		p, s := forge(t, nil, func(c *oauth2.Config) {
			if path == "/par" {
				c.PushURL = strings.Replace(c.TokenURL, "/token", "/par", 1)
			}
		})
		arrived, gone := make(chan bool), make(chan bool)
		s.on(path, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // a server sees the end of a connection when it has read what was sent
			close(arrived)
			<-r.Context().Done()
			close(gone)
		})
		b, r := p.Browser(), testapp.Navigation("GET", "/connect/forge", "same-origin")
		if path != "/par" {
			r = testapp.Navigation("GET", "/connect/forge?"+s.allow(b.Begin("/connect/forge")), "cross-site")
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-arrived
			cancel()
		}()
		p.Want(path, b.Send(r.WithContext(ctx)), passport.CodeProviderTimeout, http.StatusGatewayTimeout)
		select {
		case <-gone:
		case <-time.After(10 * time.Second):
			t.Errorf("%s: the call goes on", path)
		}
	}
}

func TestTheTimeoutIsForAllCallsTogether(t *testing.T) {
	p, s := forge(t, nil, func(c *oauth2.Config) { c.Timeout = 50 * time.Millisecond })
	s.on("/me", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	p.Want("a profile that hangs", flow(p, s, ""), passport.CodeProviderTimeout, http.StatusGatewayTimeout)
}

// R145.
func TestFailedFlowsLeaveNothingRunning(t *testing.T) {
	p, s := forge(t, nil)
	s.on("/token", says(500, jsonType, `{}`))
	for range 10 {
		flow(p, s, "")
	}
	before := runtime.NumGoroutine()
	for range 100 {
		flow(p, s, "")
	}
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before+5; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

func TestManyFlowsAtOnceDoNotDisturbEachOther(t *testing.T) {
	p, s := forge(t, nil)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 5 {
				p.Want("a flow", flow(p, s, ""), "", 0)
			}
		})
	}
	all.Wait()
	if s.count("/me") != 80 {
		t.Errorf("%d profiles", s.count("/me"))
	}
}
