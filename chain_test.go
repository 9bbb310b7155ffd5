package passport_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gopassport/passport"
)

// said is a strategy that returns these two.
func said(result passport.Result, err error) passport.StrategyFunc {
	return func(*http.Request, *passport.Attempt) (passport.Result, error) { return result, err }
}

var (
	// bob is a strategy that lets everybody in as him.
	bob = always(passport.Success{Value: &user{"bob"}})

	askBasic  = always(passport.Failure{Message: "No name.", Challenge: `Basic realm="x"`})
	askBearer = always(passport.Failure{Message: "No token.", Challenge: "Bearer"})
	form      = always(passport.Failure{Message: "Fill in the form."})
	locked    = always(passport.Failure{Message: "Locked.", Challenge: "Locked", Status: 403})
	long      = always(passport.Failure{Message: "Too long.", Challenge: "Long", Status: 413})
	broken    = said(nil, errors.New("the database is down"))
	denied    = said(nil, &passport.Error{Code: passport.CodeDenied, Status: 403, Message: "You said no."})
	passed    = always(passport.Pass{})
	away      = always(passport.Redirect{URL: "https://provider.example/"})
)

// chain registers strategies and makes a route of them, /chain and /account.
func (s *site) chain(strategies []passport.Strategy, opts ...passport.Option) {
	for i, strategy := range strategies {
		name := fmt.Sprintf("s%d", i)
		s.Use(name, strategy)
		if i > 0 {
			opts = append(opts, passport.Or(name))
		}
	}
	s.mount("/chain", s.Authenticate("s0", opts...))
	s.mount("/account", s.Authorize("s0", opts...))
}

type strategies = []passport.Strategy

func TestAChainOfStrategies(t *testing.T) {
	const user, none = "user alice, account -", "user -, account -"
	for _, c := range []struct {
		name       string
		chain      strategies
		status     int
		body       string // or the code
		challenges string
	}{
		{"a success", strategies{alice}, 200, user, ""},
		{"the first success wins", strategies{alice, bob}, 200, user, ""},
		{"a success after failures", strategies{askBasic, form, alice, bob}, 200, user, ""},
		{"a success after a refusal with a code", strategies{denied, alice}, 200, user, ""},
		{"a success before a fault", strategies{alice, broken}, 200, user, ""},
		{"a pass", strategies{passed}, 200, none, ""},
		{"a pass after failures", strategies{askBasic, askBearer, passed}, 200, none, ""},
		{"a pass before a success", strategies{passed, alice}, 200, none, ""},
		{"a redirect after a failure", strategies{askBasic, away}, 302, "", ""},
		{"a redirect before a success", strategies{away, alice}, 302, "", ""},
		{"a fault", strategies{broken}, 500, "strategy_fault", ""},
		{"a fault after a failure", strategies{askBasic, broken}, 500, "strategy_fault", ""},
		{"a fault before a success", strategies{broken, alice}, 500, "strategy_fault", ""},
		{"a fault before a pass", strategies{askBasic, broken, passed}, 500, "strategy_fault", ""},
		{"a failure", strategies{form}, 401, "credentials_rejected", ""},
		{"a failure with a challenge", strategies{askBasic}, 401, "credentials_rejected", `Basic realm="x"`},
		{"challenges in the order of the strategies", strategies{askBasic, form, askBearer}, 401, "credentials_rejected", `Basic realm="x"|Bearer`},
		{"the same, the other way round", strategies{askBearer, askBasic}, 401, "credentials_rejected", `Bearer|Basic realm="x"`},
		{"a failure that sets its status", strategies{locked}, 403, "credentials_rejected", "Locked"},
		{"the first status wins, with its challenge only", strategies{askBasic, locked, long, askBearer}, 403, "credentials_rejected", "Locked"},
		{"the first status wins, the other way round", strategies{askBasic, long, locked}, 413, "credentials_rejected", "Long"},
		{"a 401 that was set wins as well", strategies{form, always(passport.Failure{Status: 401, Challenge: "Set"}), locked}, 401, "credentials_rejected", "Set|Locked"},
		{"a refusal with a code has a status", strategies{askBasic, denied}, 403, "access_denied", ""},
	} {
		s := newSite(t)
		s.chain(c.chain)
		res := newBrowser(t, s).get("/chain")
		got := res.body
		if res.status >= 400 {
			got = string(res.code())
		}
		if res.status != c.status || got != c.body || strings.Join(res.header["Www-Authenticate"], "|") != c.challenges {
			t.Errorf("%s: %d %q, challenges %q; want %d %q, %q", c.name, res.status, got, res.header["Www-Authenticate"], c.status, c.body, c.challenges)
		}
		if runs := int64(1); (s.ran.Load() == runs) != (c.status == 200) {
			t.Errorf("%s: the handler ran %d times", c.name, s.ran.Load())
		}
	}
}

func TestAStrategyOfAChainRunsOnlyAfterFailures(t *testing.T) {
	var order []string
	noting := func(name string, then passport.StrategyFunc) passport.StrategyFunc {
		return func(r *http.Request, a *passport.Attempt) (passport.Result, error) {
			order = append(order, name+" as "+a.Strategy())
			return then(r, a)
		}
	}
	s := newSite(t)
	s.chain(strategies{noting("one", askBasic), noting("two", denied), noting("three", alice), noting("four", bob)})
	newBrowser(t, s).get("/chain")
	equal(t, "the order", strings.Join(order, ", "), "one as s0, two as s1, three as s2")
}

func TestTheMessageOfAChainIsTheFirstThatThereIs(t *testing.T) {
	for _, c := range []struct {
		name  string
		chain strategies
		want  string
	}{
		{"two failures", strategies{form, askBasic}, `["Fill in the form."]`},
		{"a failure without a message first", strategies{always(passport.Failure{}), askBasic}, `["No name."]`},
		{"a failure, then one that sets the status", strategies{form, locked}, `["Fill in the form."]`},
	} {
		s := newNotes(t)
		s.chain(c.chain, passport.FailureRedirect("/login"), passport.FailureMessage(""))
		b := newBrowser(t, s)
		equal(t, c.name+": sent to", b.get("/chain").location, "/login")
		equal(t, c.name, b.get("/messages").body, c.want)
	}
}

func TestWhatIsNoResultIsAFault(t *testing.T) {
	for _, c := range []struct {
		name   string
		result passport.Result
	}{
		{"nothing", nil},
		{"a success with nobody", passport.Success{}},
		{"a success with a nil pointer", passport.Success{Value: (*user)(nil)}},
		{"a success with a nil map", passport.Success{Value: map[string]string(nil)}},
		{"a pointer to a success", &passport.Success{Value: &user{"alice"}}},
		{"a pointer to a failure", &passport.Failure{}},
		{"a nil pointer to a success", (*passport.Success)(nil)},
		{"a type around a result", struct{ passport.Pass }{}},
		{"a failure with the status 200", passport.Failure{Status: 200}},
		{"a failure with the status 302", passport.Failure{Status: 302}},
		{"a failure with the status 500", passport.Failure{Status: 500}},
		{"a failure with a negative status", passport.Failure{Status: -1}},
		{"a redirect to nowhere", passport.Redirect{}},
		{"a redirect with the status 307, which repeats forms", passport.Redirect{URL: "https://provider.example/", Status: 307}},
		{"a redirect with the status 200", passport.Redirect{URL: "https://provider.example/", Status: 200}},
		{"a redirect by another scheme", passport.Redirect{URL: "javascript:alert(1)"}},
		{"a redirect without a scheme", passport.Redirect{URL: "//provider.example/"}},
		{"a redirect to a page beside", passport.Redirect{URL: "page"}},
		{"a redirect with a line in it", passport.Redirect{URL: "https://provider.example/\r\nX: y"}},
		{"a redirect with a space", passport.Redirect{URL: "https://provider.example/a b"}},
		{"a redirect with a backslash in its path", passport.Redirect{URL: `https://provider.example/\evil.test`}},
		{"a redirect with a backslash", passport.Redirect{URL: `https://provider.example\@evil.test/`}},
	} {
		s := newSite(t)
		s.chain(strategies{said(c.result, nil), alice}, passport.FailureRedirect("/login"))
		b := newBrowser(t, s)
		for _, path := range []string{"/chain", "/account"} {
			res := b.get(path).refused(http.StatusInternalServerError, passport.CodeStrategy)
			equal(t, c.name+": cookies set", len(res.cookies), 0)
		}
		equal(t, c.name+": handlers that ran", s.ran.Load(), 0)
		equal(t, c.name+": the event", s.last().Kind, "fault")
	}
}

func TestARedirectOfAStrategy(t *testing.T) {
	for _, c := range []struct {
		name   string
		method string
		result passport.Redirect
		status int
	}{
		{"GET", "GET", passport.Redirect{URL: "https://provider.example/?a=b"}, 302},
		{"GET with a status", "GET", passport.Redirect{URL: "https://provider.example/?a=b", Status: 303}, 303},
		{"POST", "POST", passport.Redirect{URL: "https://provider.example/"}, 303},
		{"POST with a status", "POST", passport.Redirect{URL: "https://provider.example/", Status: 302}, 302},
		{"a provider of development", "GET", passport.Redirect{URL: "http://localhost:8081/authorize"}, 302},
		{"a page of this site", "GET", passport.Redirect{URL: "/second-factor?x=1"}, 302},
	} {
		s := newSite(t)
		s.chain(strategies{always(c.result)})
		res := newBrowser(t, s).get("/chain", method(c.method))
		if res.status != c.status || res.location != c.result.URL || res.header.Get("Content-Length") != "0" || res.body != "" {
			t.Errorf("%s: %d %q %q; want %d %q", c.name, res.status, res.location, res.body, c.status, c.result.URL)
		}
	}
}

func TestAPanicInAStrategyIsAFaultOfThatRequest(t *testing.T) {
	type secret struct{ token string }
	var none map[string]int
	for _, c := range []struct {
		name  string
		panic func()
		shown string // of the text in the log
	}{
		{"a text", func() { panic("token=CANARY") }, "a value of type string"},
		{"an error", func() { panic(errors.New("token=CANARY")) }, "a value of type *errors.errorString"},
		{"a struct", func() { panic(secret{"CANARY"}) }, "secret"},
		{"a runtime error", func() { none["CANARY"] = 1 }, "assignment to entry in nil map"},
		{"nil", func() { panic(nil) }, "panic"},
	} {
		s := newSite(t)
		s.chain(strategies{askBasic, passport.StrategyFunc(func(*http.Request, *passport.Attempt) (passport.Result, error) {
			c.panic()
			return nil, nil
		}), alice}, passport.FailureRedirect("/login"))
		b := newBrowser(t, s).as("bob")
		for _, path := range []string{"/chain", "/account"} {
			b.get(path).refused(http.StatusInternalServerError, passport.CodeStrategyPanic)
		}
		e := s.last()
		text := e.Err.Error() + fmt.Sprintf("%v %+v", e.Err, e)
		if e.Kind != "fault" || e.Strategy != "s1" || strings.Contains(text, "CANARY") || !strings.Contains(text, c.shown) {
			t.Errorf("%s: the event is %s", c.name, text)
		}
		equal(t, c.name+": handlers that ran", s.ran.Load(), 0)
		equal(t, c.name+": the login", b.me(), "bob")
	}
}

func TestAnAbortedRequestStaysAborted(t *testing.T) {
	s := newSite(t)
	s.chain(strategies{passport.StrategyFunc(func(*http.Request, *passport.Attempt) (passport.Result, error) { panic(http.ErrAbortHandler) })})
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("the panic is %v, want http.ErrAbortHandler", v)
		}
	}()
	newBrowser(t, s).get("/chain")
	t.Error("nothing panics")
}

func TestAPanicInTheHandlerIsTheHandlers(t *testing.T) {
	s := newSite(t)
	s.Use("alice", alice)
	h := s.Session(s.Authenticate("alice")(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("the handler's") })))
	equal(t, "the panic", sentence(func() { newBrowser(t, h).get("/") }), "the handler's")
}

func TestAStrategyServesManyRequestsAtOnce(t *testing.T) {
	s := newSite(t)
	shared := &passport.Error{Code: passport.CodeDenied, Status: 403, Message: "No."}
	s.chain(strategies{said(nil, shared), passport.StrategyFunc(func(r *http.Request, _ *passport.Attempt) (passport.Result, error) {
		if id := r.URL.Query().Get("id"); id != "" {
			return passport.Success{Value: &user{id}}, nil
		}
		return nil, shared
	})})
	done := make(chan bool)
	for i := range 8 {
		go func() {
			defer func() { done <- true }()
			b, id := newBrowser(t, s), fmt.Sprint("user", i)
			for range 20 {
				b.get("/chain?id="+id).wants(http.StatusOK, "user "+id+", account -")
				b.get("/chain").refused(http.StatusForbidden, passport.CodeDenied)
			}
		}()
	}
	for range 8 {
		<-done
	}
	equal(t, "the strategy's own error is left as it was", shared.Strategy, "")
}

func TestTheInfoOfASuccess(t *testing.T) {
	type token struct{ scopes []string }
	for _, c := range []struct {
		name string
		info any
		want string
	}{
		{"none", nil, " false; {[]} false; map[] false"},
		{"a text", "welcome", "welcome true; {[]} false; map[] false"},
		{"a struct that cannot be compared", token{[]string{"a"}}, " false; {[a]} true; map[] false"},
		{"a map", map[string]int{"a": 1}, " false; {[]} false; map[a:1] true"},
	} {
		s := newSite(t)
		s.Use("known", always(passport.Success{Value: &user{"alice"}, Info: c.info}))
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text, isText := passport.InfoFrom[string](r.Context())
			tok, isToken := passport.InfoFrom[token](r.Context())
			m, isMap := passport.InfoFrom[map[string]int](r.Context())
			_, _ = fmt.Fprintf(w, "%s %v; %v %v; %v %v", text, isText, tok, isToken, m, isMap)
		})
		s.mux.Handle("/user", s.Authenticate("known")(h))
		s.mux.Handle("/account", s.Authorize("known")(h))
		s.mux.Handle("/neither", h)
		b := newBrowser(t, s)
		equal(t, c.name+" of a login", b.get("/user").body, c.want)
		equal(t, c.name+" of a connection", b.get("/account").body, c.want)
		equal(t, "elsewhere", b.get("/neither").body, " false; {[]} false; map[] false")
	}
}

func TestAnAccountAndAUserOfTheWrongType(t *testing.T) {
	s := newSite(t)
	s.Use("account", always(passport.Success{Value: &account{"1"}}))
	s.Use("text", always(passport.Success{Value: "1"}))
	for _, name := range []string{"account", "text"} {
		s.mux.Handle("/"+name, s.Authorize(name)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a, ok := passport.AccountFrom[*account](r.Context())
			u, isUser := passport.AccountFrom[*user](r.Context())
			text, isText := passport.AccountFrom[string](r.Context())
			_, userIsAccount := passport.UserFrom[*account](r.Context())
			who, _ := passport.UserFrom[*user](r.Context())
			stringer, _ := passport.UserFrom[fmt.Stringer](r.Context())
			_, _ = fmt.Fprintf(w, "%v %v, %v %v, %q %v, %v %v %v", a != nil, ok, u != nil, isUser, text, isText, userIsAccount, who, stringer)
		})))
	}
	b := newBrowser(t, s).as("alice")
	equal(t, "a struct", b.get("/account").body, `true true, false false, "" false, false alice alice`)
	equal(t, "a text", b.get("/text").body, `false false, false false, "1" true, false alice alice`)
	ctx := context.Background()
	if _, ok := passport.UserFrom[*user](ctx); ok {
		t.Error("a context of nobody's has a user")
	}
	if _, ok := passport.AccountFrom[any](ctx); ok {
		t.Error("a context of nobody's has an account")
	}
	if _, ok := passport.InfoFrom[any](ctx); ok {
		t.Error("a context of nobody's has an Info")
	}
}

func TestAnAccountIsForItsRouteOnly(t *testing.T) {
	s := newSite(t)
	s.Use("account", always(passport.Success{Value: &account{"1"}, Info: "connected"}))
	s.Use("alice", alice)
	inner := s.Authenticate("alice", passport.NoSession())(http.HandlerFunc(show))
	b := newBrowser(t, s.Session(s.Authorize("account")(inner)))
	b.get("/").wants(http.StatusOK, "user alice, account 1")
	b.handler = s.Session(s.Authenticate("alice", passport.NoSession())(s.Authorize("account")(http.HandlerFunc(show))))
	b.get("/").wants(http.StatusOK, "user alice, account 1")
	b.handler = s.Session(s.Authenticate("alice", passport.NoSession())(http.HandlerFunc(show)))
	b.get("/").wants(http.StatusOK, "user alice, account -")
}

func TestTheWayAFormTakesThroughAChain(t *testing.T) {
	s := newSite(t)
	s.chain(strategies{askBasic, passport.StrategyFunc(password)})
	b := newBrowser(t, s)
	b.post("/chain", sesame("alice")).wants(http.StatusOK, "user alice, account -")
	b.post("/chain", url.Values{"user": {"alice"}, "password": {"wrong"}}).refused(http.StatusUnauthorized, passport.CodeRejected)
}
