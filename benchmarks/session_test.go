package benchmarks_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/gorilla/sessions"

	"github.com/gopassport/passport"
)

// A request without a login: neither the users nor a store may be asked.
func BenchmarkAnonymous(b *testing.B) {
	b.Run("bare", bare)
	b.Run("passport", func(b *testing.B) {
		measure(b, newRegistry(nil).Session(http.HandlerFunc(done)), visit())
	})
	b.Run("passport_gorilla", func(b *testing.B) {
		measure(b, newRegistry(passport.GorillaSessions(untouchable{b}, "session")).Session(http.HandlerFunc(done)), visit())
	})
}

// untouchable is a store that nobody should ask.
type untouchable struct{ b *testing.B }

func (s untouchable) Get(*http.Request, string) (*sessions.Session, error) {
	s.b.Fatal("the store was asked for a session that nobody has")
	return nil, nil
}

func (s untouchable) New(r *http.Request, name string) (*sessions.Session, error) {
	return s.Get(r, name)
}

func (s untouchable) Save(r *http.Request, _ http.ResponseWriter, _ *sessions.Session) error {
	_, err := s.Get(r, "")
	return err
}

// A request with a login; the handler asks who it is, and must get an answer.
func BenchmarkRestored(b *testing.B) {
	b.Run("bare", bare)
	b.Run("floor", func(b *testing.B) {
		f := newFloor()
		measure(b, f.middleware(greet(b, byKey)), visit(f.cookie(userKey)))
	})
	b.Run("passport", func(b *testing.B) { restored(b, newRegistry(nil)) })
	b.Run("passport_CookieSessions", func(b *testing.B) {
		restored(b, newRegistry(passport.GorillaSessions(passport.CookieSessions([]byte(secret)), "session")))
	})
	gob := sessions.NewCookieStore([]byte(secret))
	auth := newRegistry(passport.GorillaSessions(gob, "session"))
	b.Run("passport_gob", func(b *testing.B) { restored(b, auth) })
	b.Run("gorilla_Get", func(b *testing.B) { measure(b, fresh(getOnly(b, gob)), visit(logIn(b, auth)...)) })
	b.Run("gorilla", func(b *testing.B) { measure(b, fresh(gorilla(gob, greet(b, byKey))), visit(gorillaCookie(b, gob))) })
	b.Run("scs", func(b *testing.B) {
		manager := scs.New() // with its store in memory
		manager.Lifetime = 14 * 24 * time.Hour
		measure(b, scsHandler(manager, greet(b, byKey)), visit(scsCookie(b, manager)))
	})
}

// byKey is where floors and peers put the user, for want of a place of their own.
func byKey(ctx context.Context) (*user, bool) {
	u, ok := ctx.Value(floorUser{}).(*user)
	return u, ok
}

// greet is the application's handler.
func greet(b *testing.B, who func(context.Context) (*user, bool)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if u, ok := who(r.Context()); !ok || u.Name != "ada" {
			b.Fatal("the login was not restored")
		}
		done(w, r)
	}
}

func restored(b *testing.B, auth *passport.Registry) {
	measure(b, auth.Session(greet(b, passport.UserFrom[*user])), visit(logIn(b, auth)...))
}

func logIn(b *testing.B, auth *passport.Registry) []*http.Cookie {
	b.Helper()
	w := httptest.NewRecorder()
	if err := auth.Login(w, visit(), &user{"ada"}); err != nil {
		b.Fatal(err)
	}
	return w.Result().Cookies()
}

// getOnly is the least that a program with gorilla's sessions does.
func getOnly(b *testing.B, store sessions.Store) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s, err := store.Get(r, "session"); err != nil || s.IsNew {
			b.Fatal("there is no session", err)
		}
		done(w, r)
	}
}

// gorilla is what applications write by hand on a store of gorilla's.
func gorilla(store sessions.Store, next http.HandlerFunc) http.HandlerFunc {
	people := newPeople()
	return func(w http.ResponseWriter, r *http.Request) {
		s, _ := store.Get(r, "session")
		key, _ := s.Values["user"].(string)
		next(w, r.WithContext(context.WithValue(r.Context(), floorUser{}, people[key])))
	}
}

func gorillaCookie(b *testing.B, store sessions.Store) *http.Cookie {
	b.Helper()
	w, r := httptest.NewRecorder(), visit()
	s, _ := store.New(r, "session")
	s.Values["user"] = userKey
	if err := s.Save(r, w); err != nil {
		b.Fatal(err)
	}
	return w.Result().Cookies()[0]
}

// scsHandler is what applications write by hand on scs.
func scsHandler(manager *scs.SessionManager, next http.HandlerFunc) http.Handler {
	people := newPeople()
	return manager.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u := people[manager.GetString(r.Context(), "user")]
		next(w, r.WithContext(context.WithValue(r.Context(), floorUser{}, u)))
	}))
}

func scsCookie(b *testing.B, manager *scs.SessionManager) *http.Cookie {
	b.Helper()
	w := httptest.NewRecorder()
	manager.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		manager.Put(r.Context(), "user", userKey)
		done(w, r)
	})).ServeHTTP(w, visit())
	return w.Result().Cookies()[0]
}
