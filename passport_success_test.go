package passport_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gopassport/passport"
)

// granted is more about a log-in: what Passport calls auth info.
type granted struct{ Client, Scope, Name string }

// transformed is how Info is changed: by a strategy around another.
func transformed(s passport.Strategy, change func(*http.Request, granted) (any, error)) passport.StrategyFunc {
	return func(r *http.Request, a *passport.Attempt) (passport.Result, error) {
		result, err := s.Authenticate(r, a)
		success, ok := result.(passport.Success)
		if !ok || err != nil {
			return result, err
		}
		old, _ := success.Info.(granted)
		success.Info, err = change(r, old)
		if err != nil {
			return nil, err
		}
		return success, nil
	}
}

var withToken = aliceWith(granted{Client: "1", Scope: "read"})

func TestPassportTransformAuthInfo(t *testing.T) {
	named := func(name string) func(*http.Request, granted) (any, error) {
		return func(_ *http.Request, old granted) (any, error) { return granted{Client: old.Client, Name: name}, nil }
	}
	same := func(_ *http.Request, old granted) (any, error) { return old, nil }
	for _, c := range []struct {
		name     string
		strategy passport.Strategy
		status   int
		want     string
	}{
		{"TAI-1 Info arrives as it is", withToken, 200, "info {1 read }"},
		{"TAI-2 a strategy around it replaces Info wholly", transformed(withToken, named("App")), 200, "info {1  App}"},
		{"TAI-3 its error is a fault", transformed(withToken, func(*http.Request, granted) (any, error) { return nil, errDown }), 500, "strategy_fault"},
		{"TAI-4 its panic is a fault", transformed(withToken, func(*http.Request, granted) (any, error) { panic("x") }), 500, "strategy_panic"},
		{"TAI-5 Info may become of another type", transformed(withToken, func(_ *http.Request, old granted) (any, error) { return "scope " + old.Scope, nil }), 200, "info scope read"},
		{"TAI-6 of several, each sees what the one inside made", transformed(transformed(withToken, same), named("Two")), 200, "info {1  Two}"},
		{"TAI-7 it is given the request", transformed(withToken, func(r *http.Request, _ granted) (any, error) { return granted{Name: r.URL.Path}, nil }), 200, "info {  /foo}"},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			s := newSite(t, shelf.option)
			s.Use("s", c.strategy)
			s.mux.Handle("/foo", s.Authenticate("s")(http.HandlerFunc(info)))
			b := newBrowser(t, s)
			res := b.get("/foo")
			if res.status != c.status || !strings.Contains(res.body, c.want) {
				t.Errorf("%d %q, want %d and %q", res.status, res.body, c.status, c.want)
			}
			equal(t, "the next request", b.me(), map[int]string{200: "alice", 500: "-"}[c.status])
		})
	}
}

func TestPassportSuccess(t *testing.T) {
	row(t, "SUC-1 the handler runs with the user", func(t *testing.T, shelf shelf) {
		s, b := newRoute(t, shelf, alice)
		b.get("/in").wants(http.StatusOK, "user alice, account -")
		equal(t, "handlers that ran", s.ran.Load(), 1)
		equal(t, "the next request", b.me(), "alice")
	})
	for _, c := range []struct {
		name string
		info any
		want string
	}{
		{"SUC-2 Authorize is what sets an account", 5, "user -, account 1, info 5"},
		{"SUC-3 an account without Info", nil, "user -, account 1"},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			s := newSite(t, shelf.option)
			s.Use("s", always(passport.Success{Value: &account{"1"}, Info: c.info}))
			s.mux.Handle("/account", s.Authorize("s")(http.HandlerFunc(info)))
			b := newBrowser(t, s)
			b.get("/account").wants(http.StatusOK, c.want)
			equal(t, "the next request", b.me(), "-")
		})
	}
	row(t, "SUC-4 a route gives the strategy parameters", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.Use("s", passport.StrategyFunc(func(_ *http.Request, a *passport.Attempt) (passport.Result, error) {
			return passport.Success{Value: &user{"alice with " + a.Param("scope")}}, nil
		}))
		s.mount("/email", s.Authenticate("s", passport.Param("scope", "email")))
		s.mount("/none", s.Authenticate("s"))
		b := newBrowser(t, s)
		b.get("/email").wants(http.StatusOK, "user alice with email, account -")
		b.get("/none").wants(http.StatusOK, "user alice with , account -")
	})
	row(t, "SUC-5 a redirect takes the handler's place", func(t *testing.T, shelf shelf) {
		s, b := newRoute(t, shelf, alice, passport.SuccessRedirect("/home"))
		b.get("/in").sent(http.StatusFound, "/home")
		newBrowser(t, s).post("/in", nil).sent(http.StatusSeeOther, "/home")
		equal(t, "handlers that ran", s.ran.Load(), 0)
		equal(t, "the next request", b.me(), "alice")
	})
	row(t, "SUC-6 the return target is used once", func(t *testing.T, shelf shelf) {
		s, b := newRoute(t, shelf, alice, passport.SuccessReturnToOrRedirect("/default"))
		s.mount("/private", s.RequireUser("/login"))
		b.get("/private?tab=1").sent(http.StatusFound, "/login")
		b.get("/in").sent(http.StatusFound, "/private?tab=1")
		equal(t, "the next request", b.me(), "alice")
		b.get("/in").sent(http.StatusFound, "/default")
	})
	row(t, "SUC-7 without a return target the default is", func(t *testing.T, shelf shelf) {
		_, b := newRoute(t, shelf, alice, passport.SuccessReturnToOrRedirect("/default"))
		b.get("/in").sent(http.StatusFound, "/default")
		equal(t, "the next request", b.me(), "alice")
	})
	row(t, "SUC-8 a login that cannot be kept is a fault", func(t *testing.T, shelf shelf) {
		endless := always(passport.Success{Value: &user{strings.Repeat("a", 5000)}, Info: 5})
		seen := "OnError is not called"
		s, b := newRoute(t, shelf, endless, passport.SuccessRedirect("/home"), passport.FailureRedirect("/login"), passport.OnError(func(w http.ResponseWriter, r *http.Request, err error) {
			var e *passport.Error
			u, isUser := passport.UserFrom[*user](r.Context())
			_, isInfo := passport.InfoFrom[any](r.Context())
			seen = fmt.Sprint(errors.As(err, &e) && e.Code == passport.CodeSessionTooLarge, u, isUser, isInfo)
			w.WriteHeader(e.Status)
		}))
		equal(t, "status", b.get("/in").status, http.StatusInternalServerError)
		equal(t, "code, user and Info", seen, "true <nil> false false")
		equal(t, "handlers that ran", s.ran.Load(), 0)
		equal(t, "cookies", len(b.jar), 0)
	})
}

func TestPassportSuccessInfo(t *testing.T) {
	client := func(_ *http.Request, old granted) (any, error) { old.Name = "App"; return old, nil }
	failing := func(*http.Request, granted) (any, error) { return nil, errDown }
	for _, c := range []struct {
		name     string
		strategy passport.Strategy
		status   int
		body     string // or the code
		after    string // the person at the next request
	}{
		{"INF-1 Info reaches the handler", withToken, 200, "user alice, account -, info {1 read }", "alice"},
		{"INF-2 Info that a strategy around it changed", transformed(withToken, client), 200, "user alice, account -, info {1 read App}", "alice"},
		{"INF-3 where that fails, nobody is logged in", transformed(withToken, failing), 500, "strategy_fault", "-"},
		{"INF-4 without Info there is none", alice, 200, "user alice, account -", "alice"},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			s := newSite(t, shelf.option)
			s.Use("s", c.strategy)
			s.mux.Handle("/in", s.Authenticate("s")(http.HandlerFunc(info)))
			b := newBrowser(t, s)
			if res := b.get("/in"); c.status == http.StatusOK {
				res.wants(c.status, c.body)
			} else {
				res.fails(c.status, passport.Code(c.body))
			}
			equal(t, "the next request", b.me(), c.after)
		})
	}
}

func TestPassportSuccessCallback(t *testing.T) {
	for name, opts := range map[string][]passport.Option{
		"SCB-1 Check gives user and Info, and does nothing": nil,
		"SCB-2 the same with options":                       {passport.SuccessRedirect("/home"), passport.SuccessMessage("Welcome!"), passport.Param("scope", "email")},
	} {
		row(t, name, func(t *testing.T, shelf shelf) {
			s := newSite(t, shelf.option)
			s.Use("s", aliceWith("Welcome!"))
			s.mux.Handle("/check", checking(s, "s", opts...))
			b := newBrowser(t, s)
			res := b.get("/check").wants(http.StatusOK, "success alice Welcome!, user <nil>")
			equal(t, "cookies set", len(res.cookies), 0)
			equal(t, "the next request", b.me(), "-")
		})
	}
}

// A flash has a type and a message; Messages are messages. What Passport flashes under
// whatever type is left as a message here, after the session was renewed.
func TestPassportSuccessFlash(t *testing.T) {
	const own = "" // leaves the strategy's own message
	for _, c := range []struct {
		name string
		info any    // the strategy's own message
		text string // of SuccessMessage
		want string
	}{
		{"SFL-1 the strategy's message", "Welcome!", own, `["Welcome!"]`},
		{"SFL-2 the strategy's message, where Passport has a type for it", "Welcome!", own, `["Welcome!"]`},
		{"SFL-3 the route's message", "Welcome!", "Login complete", `["Login complete"]`},
		{"SFL-4 the route's message, named so", "Welcome!", "OK", `["OK"]`},
		{"SFL-5 the route's message, where Passport has a type for it", "Welcome!", "Last login was yesterday", `["Last login was yesterday"]`},
		{"SFL-6 the message of a strategy that gives it a type", "Hello", own, `["Hello"]`},
		{"SFL-7 the same, where the route gives another type", "Hello", own, `["Hello"]`},
		{"SFL-8 the route's message before that of such a strategy", "Hello", "Success!", `["Success!"]`},
		{"SFL-9 the route's message before that of such a strategy, named so", "Hello", "Okay", `["Okay"]`},
		{"SFL-10 the route's message before that of such a strategy, with a type", "Hello", "Last login was yesterday", `["Last login was yesterday"]`},
		{"SFL-11 Info that is a text", "Greetings", own, `["Greetings"]`},
		{"SFL-12 Info that is a text, where Passport has a type for it", "Greetings", own, `["Greetings"]`},
		{"SFL-13 the route's message before such a text", "Greetings", "Login complete", `["Login complete"]`},
		{"SFL-14 the route's message before such a text, named so", "Greetings", "OK", `["OK"]`},
		{"SFL-15 the route's message before such a text, with a type", "Greetings", "Last login was yesterday", `["Last login was yesterday"]`},
		{"SFL-16 no message of the strategy's", nil, own, `[]`},
		{"SFL-17 no message of the strategy's, where Passport has a type for it", nil, own, `[]`},
		{"SFL-18 the route's message where the strategy has none", nil, "Login complete", `["Login complete"]`},
		{"SFL-19 the route's message where the strategy has none, named so", nil, "OK", `["OK"]`},
		{"SFL-20 the route's message where the strategy has none, with a type", nil, "Last login was yesterday", `["Last login was yesterday"]`},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			_, b := newRoute(t, shelf, aliceWith(c.info), passport.SuccessRedirect("/home"), passport.SuccessMessage(c.text))
			b.get("/in").sent(http.StatusFound, "/home")
			equal(t, "the person", b.me(), "alice")
			equal(t, "messages", b.get("/messages").body, c.want)
			equal(t, "messages, read again", b.get("/messages").body, "[]")
		})
	}
}

func TestPassportSuccessMessage(t *testing.T) {
	type more struct{ Message, Scope string }
	for _, c := range []struct {
		name   string
		info   any
		before bool // a message is there already
		text   string
		want   string
	}{
		{"SMS-1 the route's message", "Welcome!", false, "Login complete", `["Login complete"]`},
		{"SMS-2 messages add up", "Welcome!", true, "Login complete", `["I exist!" "Login complete"]`},
		{"SMS-3 the strategy's message", "Welcome!", false, "", `["Welcome!"]`},
		{"SMS-4 Info that is more than a text stays out of the browser", more{"Welcome!", "read"}, false, "", `[]`},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			s, b := newRoute(t, shelf, aliceWith(c.info), passport.SuccessRedirect("/home"), passport.SuccessMessage(c.text))
			s.Use("first", form)
			s.mount("/first", s.Authenticate("first", passport.FailureRedirect("/login"), passport.FailureMessage("I exist!")))
			if c.before {
				b.get("/first").sent(http.StatusFound, "/login")
			}
			b.get("/in").sent(http.StatusFound, "/home")
			equal(t, "the person", b.me(), "alice")
			equal(t, "messages", b.get("/messages").body, c.want)
		})
	}
}

func TestPassportSuccessMulti(t *testing.T) {
	for _, c := range []struct {
		name  string
		chain strategies
		want  string
	}{
		{"SMU-1 the first success wins", strategies{alice, bob}, "alice"},
		{"SMU-2 a failure before it is forgotten", strategies{askBasic, bob}, "bob"},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			s := newSite(t, shelf.option)
			s.chain(slices.Clone(c.chain))
			b := newBrowser(t, s)
			res := b.get("/chain").wants(http.StatusOK, "user "+c.want+", account -")
			equal(t, "challenges", res.challenges(), "")
			equal(t, "the next request", b.me(), c.want)
		})
	}
}
