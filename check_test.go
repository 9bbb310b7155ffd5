package passport_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/gopassport/passport"
)

// checking is a handler that says what Check decides.
func checking(s *site, name string, opts ...passport.Option) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		result, err := s.Check(w, r, name, opts...)
		u, _ := passport.UserFrom[*user](r.Context())
		switch v := result.(type) {
		case passport.Success:
			_, _ = fmt.Fprintf(w, "success %v %v, user %v", v.Value, v.Info, u)
		case passport.Redirect:
			http.Redirect(w, r, v.URL, v.Status)
		case passport.Pass:
			_, _ = fmt.Fprint(w, "pass")
		default:
			var e *passport.Error
			if !errors.As(err, &e) {
				_, _ = fmt.Fprintf(w, "%T %v", result, err)
				return
			}
			w.WriteHeader(e.Status)
			_, _ = fmt.Fprintf(w, "%s %s %q", e.Code, e.Strategy, e.Challenges)
		}
	})
}

func TestCheckDecidesAndDoesNotAct(t *testing.T) {
	for _, c := range []struct {
		name     string
		strategy passport.Strategy
		status   int
		body     string
	}{
		{"a success", always(passport.Success{Value: &user{"alice"}, Info: "hi"}), 200, "success alice hi, user bob"},
		{"a pass", passed, 200, "pass"},
		{"a failure", askBasic, 401, `credentials_rejected known ["Basic realm=\"x\""]`},
		{"a failure with a status", locked, 403, `credentials_rejected known ["Locked"]`},
		{"a refusal with a code", denied, 403, `access_denied known []`},
		{"a fault", broken, 500, `strategy_fault known []`},
		{"no result", always(nil), 500, `strategy_fault known []`},
		{"a panic", passport.StrategyFunc(func(*http.Request, *passport.Attempt) (passport.Result, error) { panic("x") }), 500, `strategy_panic known []`},
	} {
		s := newSite(t)
		s.Use("known", c.strategy)
		s.mux.Handle("/check", checking(s, "known", passport.SuccessRedirect("/in"), passport.FailureRedirect("/out"), passport.SuccessMessage("x"), passport.FailureMessage("x")))
		b := newBrowser(t, s).as("bob")
		res := b.get("/check").wants(c.status, c.body)
		equal(t, c.name+": cookies set", len(res.cookies), 0)
		equal(t, c.name+": a challenge of its own", res.header.Get("WWW-Authenticate"), "")
		equal(t, c.name+": the login", b.me(), "bob")
	}
}

func TestCheckTriesTheStrategiesOfAChain(t *testing.T) {
	s := newSite(t)
	s.Use("basic", askBasic)
	s.Use("bearer", askBearer)
	s.Use("alice", alice)
	s.mux.Handle("/all", checking(s, "basic", passport.Or("bearer"), passport.Or("alice")))
	s.mux.Handle("/two", checking(s, "basic", passport.Or("bearer")))
	b := newBrowser(t, s)
	b.get("/all").wants(http.StatusOK, "success alice <nil>, user <nil>")
	b.get("/two").wants(http.StatusUnauthorized, `credentials_rejected basic ["Basic realm=\"x\"" "Bearer"]`)
}

func TestCheckOfAFlow(t *testing.T) {
	s := newSite(t)
	h := checking(s, "github")
	s.mux.Handle("/check", h)
	s.mux.Handle("/check/callback", h)
	b := newBrowser(t, s).as("bob")
	res := b.get("/check")
	equal(t, "cookies of a beginning", len(res.cookies), 1)
	equal(t, "Cache-Control", res.header.Get("Cache-Control"), "no-store")
	end := b.back("/check", res.state(), "alice").wants(http.StatusOK, "success alice <nil>, user bob")
	equal(t, "cookies of an end, the flow's removal", len(end.cookies), 1)
	equal(t, "flows left", len(b.flows()), 0)
	equal(t, "the login", b.me(), "bob")
	b.back("/check", res.state(), "alice").wants(http.StatusBadRequest, `flow_missing github []`)
}

func TestCheckIsForLoginsAndNotForAccounts(t *testing.T) {
	s := newSite(t)
	h := checking(s, "github")
	s.mux.Handle("/check", h)
	s.mux.Handle("/check/callback", h)
	s.connect("github")
	b := newBrowser(t, s)
	b.back("/check", b.begin("/connect/github"), "1").wants(http.StatusBadRequest, "flow_purpose github []")
}

func TestCheckRefusesAFormOfAnotherSite(t *testing.T) {
	s := newSite(t)
	s.mux.Handle("/check", checking(s, "password"))
	s.mux.Handle("/api", checking(s, "password", passport.NoSession()))
	b := newBrowser(t, s)
	b.post("/check", sesame("alice")).wants(http.StatusOK, "success alice <nil>, user <nil>")
	b.post("/check", sesame("alice"), from("cross-site")).wants(http.StatusForbidden, "cross_site  []")
	b.post("/api", sesame("alice"), from("cross-site")).wants(http.StatusOK, "success alice <nil>, user <nil>")
}

func TestCheckOfWhatIsNotSetUp(t *testing.T) {
	s := newSite(t)
	s.Use("known", alice)
	for name, h := range map[string]http.Handler{
		"a name that nobody registered": checking(s, "nobody"),
		"one in a chain":                checking(s, "known", passport.Or("nobody")),
		"options that cannot be":        checking(s, "known", passport.NoSession(), passport.KeepSessionInfo()),
		"a redirect elsewhere":          checking(s, "known", passport.SuccessRedirect("//evil.test")),
	} {
		res := newBrowser(t, h).get("/")
		equal(t, name, fmt.Sprint(res.status, " ", res.body), "500 configuration  []")
	}
}

func TestCheckOutsideOfSession(t *testing.T) {
	s := newSite(t)
	s.Use("flow", passport.StrategyFunc(func(r *http.Request, _ *passport.Attempt) (passport.Result, error) {
		u, ok := passport.UserFrom[*user](r.Context())
		return passport.Success{Value: fmt.Sprint(u, ok)}, nil
	}))
	s.mux.Handle("/check", checking(s, "flow"))
	b := newBrowser(t, s).as("bob")
	b.handler = s.mux
	equal(t, "the strategy sees who is logged in", b.get("/check").body, "success bob true <nil>, user <nil>")
	s.fail(errors.New("down"))
	b.get("/check").wants(http.StatusServiceUnavailable, "user_load  []")
}

func TestCheckThenLogin(t *testing.T) {
	s := newSite(t)
	s.mux.HandleFunc("/sign-in", func(w http.ResponseWriter, r *http.Request) {
		result, err := s.Check(w, r, "password")
		success, ok := result.(passport.Success)
		if err != nil || !ok {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		s.by(w, s.Login(w, r, success.Value))
		show(w, r)
	})
	b := newBrowser(t, s)
	b.post("/sign-in", url.Values{}).wants(http.StatusUnauthorized, "no\n")
	b.post("/sign-in", sesame("alice")).wants(http.StatusOK, "user alice, account -")
	equal(t, "the next request", b.me(), "alice")
}

func TestCheckTellsObserveOfRefusalsAndFaults(t *testing.T) {
	s := newSite(t)
	s.Use("broken", broken)
	s.Use("form", form)
	for name, kind := range map[string]string{"broken": "fault", "form": "refusal"} {
		newBrowser(t, checking(s, name)).get("/")
		e := s.last()
		equal(t, name, e.Kind+" "+e.Strategy, kind+" "+name)
	}
}

func TestAnUnknownNameIsNoLoginEither(t *testing.T) {
	s := newSite(t)
	result, err := s.Check(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), "nobody")
	if result != nil || err == nil {
		t.Errorf("Check gives %v, %v", result, err)
	}
}
