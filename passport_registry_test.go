package passport_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gopassport/passport"
)

// selfNamed is a strategy that brings a name along, as Passport's do.
type selfNamed struct{ passport.StrategyFunc }

func (selfNamed) Name() string { return "default" }

func TestPassportRegistry(t *testing.T) {
	has := func(p *passport.Registry, name string) bool {
		return sentence(func() { p.Authenticate(name) }) == ""
	}
	t.Run("REG-1 a name is given where a strategy is registered, and nowhere else", func(t *testing.T) {
		p := newRegistry(t)
		panicking{"a strategy's own name", func() { p.Use("", selfNamed{alice}) }, `Use(""): a name is`}.check(t)
		equal(t, "under its own name", has(p, "default"), false)
	})
	t.Run("REG-2 a strategy is found under the name it is given", func(t *testing.T) {
		p := newRegistry(t)
		p.Use("foo", alice)
		equal(t, "foo", has(p, "foo"), true)
	})
	t.Run("REG-3 the given name counts, not the strategy's own", func(t *testing.T) {
		p := newRegistry(t)
		p.Use("bar", selfNamed{alice})
		equal(t, "bar", has(p, "bar"), true)
		equal(t, "default", has(p, "default"), false)
	})
	t.Run("REG-4 a strategy without a name is refused at registration", func(t *testing.T) {
		panicking{"no name", func() { newRegistry(t).Use("", alice) }, `Use(""): a name is 1 to 64 of`}.check(t)
	})
	t.Run("REG-5 what is registered stays", func(t *testing.T) {
		p := newRegistry(t)
		p.Use("one", alice)
		p.Use("two", bob)
		panicking{"the name again", func() { p.Use("one", bob) }, `Use("one"): the name is taken`}.check(t)
		equal(t, "one and two", has(p, "one") && has(p, "two"), true)
		if _, ok := any(p).(interface{ Unuse(name string) }); ok {
			t.Error("a registered strategy can be taken away from the routes that it serves")
		}
	})
	t.Run("AUT-2 an unknown name is a mistake in wiring", func(t *testing.T) {
		p := newRegistry(t)
		panicking{"Authenticate", func() { p.Authenticate("foo") }, `passport: Authenticate("foo"): no such strategy`}.check(t)
		panicking{"Authorize", func() { p.Authorize("foo") }, `passport: Authorize("foo"): no such strategy`}.check(t)
		result, err := p.Check(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), "foo")
		var e *passport.Error
		if !errors.As(err, &e) || e.Code != passport.CodeConfiguration || result != nil {
			t.Errorf("Check of a name that comes from a request: %v, %v", result, err)
		}
	})
	t.Run("STG-1 a strategy that verifies nothing", func(t *testing.T) {
		for name, nothing := range map[string]passport.Strategy{"nil": nil, "a nil function": passport.StrategyFunc(nil), "a nil pointer": (*provider)(nil)} {
			panicking{name, func() { newRegistry(t).Use("abstract", nothing) }, "the strategy is nil"}.check(t)
		}
		s := newSite(t)
		s.Use("abstract", struct{ passport.Strategy }{}) // its Authenticate is nobody's
		s.login("abstract", passport.FailureRedirect("/login"))
		newBrowser(t, s).get("/login/abstract").fails(http.StatusInternalServerError, passport.CodeStrategyPanic)
	})
}

// stack is a framework whose middleware has the type that everybody's has.
type stack []func(http.Handler) http.Handler

func (s stack) then(h http.Handler) http.Handler {
	for _, wrap := range slices.Backward(s) {
		h = wrap(h)
	}
	return h
}

func TestPassportFramework(t *testing.T) {
	row(t, "FRM-1 a framework takes the middleware as it is", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.Use("foo", always(passport.Success{Value: &account{"1"}}))
		b := newBrowser(t, stack{s.Session, s.Authorize("foo")}.then(http.HandlerFunc(show)))
		b.get("/").wants(http.StatusOK, "user -, account 1")
	})
	row(t, "FRM-2 a framework with handlers of its own wraps them", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.Use("foo", always(passport.Success{Value: &account{"1"}}))
		type handler func(http.ResponseWriter, *http.Request) error
		adapt := func(h handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.by(w, h(w, r)) })
		}
		s.mux.Handle("/account", s.Authorize("foo")(adapt(func(w http.ResponseWriter, r *http.Request) error { show(w, r); return nil })))
		newBrowser(t, s).as("alice").get("/account").wants(http.StatusOK, "user alice, account 1")
	})
}

func TestPassportMiddleware(t *testing.T) {
	row(t, "MID-2 nothing needs to be initialized, and nothing is written", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		for name, h := range map[string]http.Handler{"beside Session": s.mux, "under Session": s} {
			b := newBrowser(t, h)
			res := b.get("/me").wants(http.StatusOK, "user -, account -")
			equal(t, name+": cookies set", len(res.cookies), 0)
		}
	})
	row(t, "MID-3 the type of a user takes the place of a named slot", func(t *testing.T, shelf shelf) {
		b := newBrowser(t, twoRegistries(t, shelf.option))
		b.get("/admins/1")
		equal(t, "an admin", b.get("/").body, "user -, admin 1")
	})
	row(t, "MID-4 authenticate sets the user", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.Use("success", alice)
		s.mux.Handle("/in", s.Authenticate("success")(http.HandlerFunc(info)))
		newBrowser(t, s).get("/in").wants(http.StatusOK, "user alice, account -")
	})
	row(t, "MID-5 an instance gets a name before it is used", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		panicking{"no name yet", func() { s.Authenticate("instance") }, "no such strategy"}.check(t)
		s.Use("instance", alice)
		s.mux.Handle("/in", s.Authenticate("instance")(http.HandlerFunc(info)))
		newBrowser(t, s).get("/in").wants(http.StatusOK, "user alice, account -")
	})
	row(t, "MID-6 authorize sets the account and leaves the user alone", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.Use("success", always(passport.Success{Value: &account{"1"}}))
		s.mux.Handle("/account", s.Authorize("success")(http.HandlerFunc(info)))
		b := newBrowser(t, s)
		res := b.get("/account").wants(http.StatusOK, "user -, account 1")
		equal(t, "cookies set", len(res.cookies), 0)
		login := shelf.login(b.as("alice")).Value
		res = b.get("/account").wants(http.StatusOK, "user alice, account 1")
		equal(t, "cookies set, with a login", len(res.cookies), 0)
		equal(t, "the login", shelf.login(b).Value, login)
	})
	row(t, "MID-7 without Info there is none", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.Use("quiet", always(passport.Success{Value: &account{"1"}}))
		s.Use("info", always(passport.Success{Value: &account{"1"}, Info: 5}))
		s.mux.Handle("/quiet", s.Authorize("quiet")(http.HandlerFunc(info)))
		s.mux.Handle("/info", s.Authorize("info")(http.HandlerFunc(info)))
		b := newBrowser(t, s)
		b.get("/quiet").wants(http.StatusOK, "user -, account 1")
		b.get("/info").wants(http.StatusOK, "user -, account 1, info 5")
	})
	row(t, "MID-8 a login is restored, and the session is kept", func(t *testing.T, shelf shelf) {
		b := newBrowser(t, newSite(t, shelf.option)).as("alice")
		before := shelf.login(b).Value
		res := b.get("/me").wants(http.StatusOK, "user alice, account -")
		equal(t, "cookies set", len(res.cookies), 0)
		equal(t, "the cookie", shelf.login(b).Value, before)
		equal(t, "once more", b.me(), "alice")
	})
}

// usersOf replaces how users are kept.
func usersOf[T any](key func(T) string, load func(context.Context, string) (T, error)) option {
	return func(c *passport.Config) { c.Users = passport.Users[T]{Key: key, Load: load} }
}

func byID(u *user) string                                   { return u.id }
func everybody(_ context.Context, id string) (*user, error) { return &user{id}, nil }

func TestPassportSerializeUser(t *testing.T) {
	always := func(key string) func(*user) string { return func(*user) string { return key } }
	first := func(all ...func(*user) string) func(*user) string {
		return func(u *user) string {
			for _, key := range all {
				if k := key(u); k != "" {
					return k
				}
			}
			return ""
		}
	}
	admins := func(u *user) string {
		if id, ok := strings.CutPrefix(u.id, "admin "); ok {
			return id
		}
		return ""
	}
	t.Run("SER-1 without Users nobody can be kept", func(t *testing.T) {
		p := passport.New(passport.Config{})
		p.Use("alice", alice)
		panicking{"Authenticate", func() { p.Authenticate("alice") }, "there is no Config.Users to keep the login with"}.check(t)
		var e *passport.Error
		err := p.Login(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), &user{"alice"})
		equal(t, "Login is a fault", errors.As(err, &e) && e.Code == passport.CodeConfiguration, true)
	})
	for _, c := range []struct {
		name string
		key  func(*user) string
		want string // what Load is given at the next request
	}{
		{"SER-2 a session keeps the key", byID, "1"},
		{"SER-3 the key may be 0", always("0"), "0"},
		{"SER-9 of several keys the application takes the first", first(always(""), always("two"), always("three")), "two"},
		{"SER-10 where the second has none, the third", first(always(""), always(""), always("three")), "three"},
		{"SER-11 where the second is for users of another kind, the third", first(always(""), admins, always("three")), "three"},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			var asked string
			s := newSite(t, shelf.option, usersOf(c.key, func(_ context.Context, key string) (*user, error) {
				asked = key
				return &user{"alice"}, nil
			}))
			b := newBrowser(t, s).as("1")
			equal(t, "the person", b.me(), "alice")
			equal(t, "the key", asked, c.want)
		})
	}
	for _, c := range []struct {
		name string
		user any
	}{
		{"SER-4 an empty key is a fault", &user{""}},
		{"SER-5 nobody is no user", (*user)(nil)},
		{"SER-6 what is no user is a fault", "alice"},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			s := newSite(t, shelf.option)
			var e *passport.Error
			s.mux.HandleFunc("/odd", func(w http.ResponseWriter, r *http.Request) {
				if err := s.Login(w, r, c.user); !errors.As(err, &e) || e.Code != passport.CodeUserKey || e.Status != 500 {
					t.Errorf("the error is %v", err)
				}
			})
			b := newBrowser(t, s).as("bob")
			equal(t, "cookies set", len(b.get("/odd").cookies), 0)
			equal(t, "the person", b.me(), "bob")
			equal(t, "there was an error", e != nil, true)
		})
	}
	row(t, "SER-7 a user without a key stops the login", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option, usersOf(func(u *user) string { return strings.TrimPrefix(u.id, "unsaved") }, everybody))
		s.Use("unsaved", said(passport.Success{Value: &user{"unsaved"}}, nil))
		s.login("unsaved", passport.FailureRedirect("/login"))
		b := newBrowser(t, s)
		b.get("/login/unsaved").fails(http.StatusInternalServerError, passport.CodeUserKey)
		equal(t, "handlers that ran", s.ran.Load(), 0)
		equal(t, "cookies", len(b.jar), 0)
	})
	row(t, "SER-8 a Key that panics is a fault of that request", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option, usersOf(func(u *user) string {
			if u.id == "alice" {
				panic("token=CANARY")
			}
			return u.id
		}, everybody))
		s.Use("alice", alice)
		s.login("alice", passport.FailureRedirect("/login"))
		b := newBrowser(t, s).as("bob")
		equal(t, "the panic", sentence(func() {
			b.get("/login/alice").fails(http.StatusInternalServerError, passport.CodeUserKey)
		}), "")
		equal(t, "the person", b.me(), "bob")
		equal(t, "handlers that ran", s.ran.Load(), 0)
	})
	row(t, "SER-12 what of the request matters, the strategy puts into the user", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.Use("s", passport.StrategyFunc(func(r *http.Request, _ *passport.Attempt) (passport.Result, error) {
			return passport.Success{Value: &user{"alice at " + r.URL.Path}}, nil
		}))
		s.mount("/foo", s.Authenticate("s"))
		b := newBrowser(t, s)
		b.get("/foo")
		equal(t, "the person", b.me(), "alice at /foo")
	})
}

func TestPassportDeserializeUser(t *testing.T) {
	t.Run("DES-1 without Load there is no registry", func(t *testing.T) {
		panicking{"New", func() {
			passport.New(passport.Config{Keys: [][]byte{newKey()}, Users: passport.Users[*user]{Key: byID}})
		}, "Config.Users for *passport_test.user lacks Key or Load"}.check(t)
	})
	// loads asks one after the other, as long as they have no answer.
	loads := func(all ...func(string) (*user, error)) func(context.Context, string) (*user, error) {
		return func(_ context.Context, key string) (*user, error) {
			for _, load := range all {
				if u, err := load(key); u != nil || err != nil {
					return u, err
				}
			}
			return nil, nil
		}
	}
	gives := func(u *user, err error) func(string) (*user, error) {
		return func(string) (*user, error) { return u, err }
	}
	pass, two, three := gives(nil, nil), gives(&user{"two"}, nil), gives(&user{"three"}, nil)
	gone, goneToo := gives(nil, passport.ErrNoUser), gives(nil, fmt.Errorf("users: %w", passport.ErrNoUser))
	for _, c := range []struct {
		name   string
		load   func(context.Context, string) (*user, error)
		status int
		want   string // the person, or the code
		kept   bool   // the login is still there afterwards
	}{
		{"DES-2 a login is restored", everybody, 200, "alice", true},
		{"DES-3 a user who is gone is logged out", loads(gone), 200, "-", false},
		{"DES-4 a nil user is a fault, and no logout", loads(pass), 500, "user_load", true},
		{"DES-5 no answer at all is a fault", loads(), 500, "user_load", true},
		{"DES-6 an error is a fault", loads(gives(nil, errDown)), 503, "user_load", true},
		{"DES-7 a panic is a fault", loads(func(string) (*user, error) { panic("token=CANARY") }), 500, "user_load", true},
		{"DES-8 of several places the first that knows the user", loads(pass, two, three), 200, "two", true},
		{"DES-9 where the second does not, the third", loads(pass, pass, three), 200, "three", true},
		{"DES-10 where two have nothing, the third", loads(pass, gives((*user)(nil), nil), three), 200, "three", true},
		{"DES-11 a user who is gone in the second is gone", loads(pass, gone, three), 200, "-", false},
		{"DES-12 the same with words around it", loads(pass, goneToo, three), 200, "-", false},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			var load func(context.Context, string) (*user, error)
			s := newSite(t, shelf.option, usersOf(byID, func(ctx context.Context, key string) (*user, error) { return load(ctx, key) }))
			b := newBrowser(t, s).as("alice")
			load = c.load
			var res *reply
			if text := sentence(func() { res = b.get("/me") }); text != "" {
				t.Fatalf("the request panics: %s", text)
			}
			want := "user " + c.want + ", account -"
			if c.status != http.StatusOK {
				want = c.want
			}
			if res.status != c.status || !strings.Contains(res.body, want) {
				t.Errorf("%d %q, want %d and %q", res.status, res.body, c.status, want)
			}
			load = everybody
			after := map[bool]string{true: "alice", false: "-"}[c.kept]
			equal(t, "the person, when Load works again", b.me(), after)
		})
	}
	row(t, "DES-13 Load is given the request's context", func(t *testing.T, shelf shelf) {
		type path struct{}
		var seen any
		s := newSite(t, shelf.option, usersOf(byID, func(ctx context.Context, key string) (*user, error) {
			seen = ctx.Value(path{})
			return &user{key}, nil
		}))
		b := newBrowser(t, s).as("alice")
		b.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), path{}, r.URL.Path)))
		})
		equal(t, "the person", b.me(), "alice")
		equal(t, "what Load sees", seen, any("/me"))
	})
}
