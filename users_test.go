package passport_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/gopassport/passport"
)

func TestWhatLoadSays(t *testing.T) {
	down := errors.New("dial tcp: connection refused")
	for _, c := range []struct {
		name   string
		user   *user
		err    error
		status int
		code   passport.Code
	}{
		{"a user", &user{"alice"}, nil, 200, ""},
		{"nobody", nil, passport.ErrNoUser, 200, ""},
		{"nobody, with words around it", nil, fmt.Errorf("users: %w", passport.ErrNoUser), 200, ""},
		{"nobody beside a user", &user{"alice"}, passport.ErrNoUser, 200, ""},
		{"an error", nil, down, 503, passport.CodeUserLoad},
		{"an error beside a user", &user{"alice"}, down, 503, passport.CodeUserLoad},
		{"neither", nil, nil, 500, passport.CodeUserLoad},
		{"a time-out", nil, context.DeadlineExceeded, 503, passport.CodeUserLoad},
	} {
		s := newSite(t, func(config *passport.Config) {
			config.Users = passport.Users[*user]{
				Key:  func(u *user) string { return u.id },
				Load: func(context.Context, string) (*user, error) { return c.user, c.err },
			}
		})
		s.mount("/private", s.RequireUser("/login"))
		b := newBrowser(t, s).as("alice")
		before := len(b.jar)
		res := b.get("/me")
		equal(t, c.name+": status", res.status, c.status)
		switch {
		case c.code != "":
			equal(t, c.name+": code", res.code(), c.code)
			equal(t, c.name+": the login is kept", len(b.jar), before)
			equal(t, c.name+": the cause is found", c.err == nil || errors.Is(s.last().Err, c.err), true)
			b.get("/private").refused(c.status, c.code)
		case c.err != nil:
			equal(t, c.name+": the user", res.body, "user -, account -")
			equal(t, c.name+": the login is forgotten", len(b.jar), 0)
		default:
			equal(t, c.name+": the user", res.body, "user alice, account -")
		}
	}
}

func TestLoadIsGivenTheRequestsContext(t *testing.T) {
	type key struct{}
	var value any
	var cancelled error
	s := newSite(t, func(c *passport.Config) {
		c.Users = passport.Users[*user]{
			Key: func(u *user) string { return u.id },
			Load: func(ctx context.Context, id string) (*user, error) {
				value, cancelled = ctx.Value(key{}), ctx.Err()
				return &user{id}, nil
			},
		}
	})
	b := newBrowser(t, s).as("alice")
	b.get("/me", func(r *http.Request) {
		ctx, cancel := context.WithCancel(context.WithValue(r.Context(), key{}, "traced"))
		cancel()
		*r = *r.WithContext(ctx)
	})
	equal(t, "a value of the context", value, any("traced"))
	equal(t, "its end", cancelled, context.Canceled)
}

type number int

func TestUsersOfOtherTypes(t *testing.T) {
	byValue := func(c *passport.Config) {
		c.Users = passport.Users[user]{
			Key:  func(u user) string { return u.id },
			Load: func(_ context.Context, id string) (user, error) { return user{id}, nil },
		}
	}
	byInterface := func(c *passport.Config) {
		c.Users = passport.Users[fmt.Stringer]{
			Key:  func(u fmt.Stringer) string { return u.String() },
			Load: func(_ context.Context, id string) (fmt.Stringer, error) { return &user{id}, nil },
		}
	}
	byNumber := func(c *passport.Config) {
		c.Users = passport.Users[number]{
			Key:  func(n number) string { return fmt.Sprint(int(n)) },
			Load: func(context.Context, string) (number, error) { return 0, nil },
		}
	}
	for _, c := range []struct {
		name   string
		option option
		user   any
		want   string
	}{
		{"a struct", byValue, user{"1"}, "{1}"},
		{"an interface", byInterface, &user{"1"}, "1"},
		{"a number, which is zero", byNumber, number(0), "0"},
	} {
		auth := newRegistry(t, c.option)
		var found any
		b := newBrowser(t, auth.Session(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/in" {
				if err := auth.Login(w, r, c.user); err != nil {
					t.Errorf("%s: %v", c.name, err)
				}
			}
			found, _ = passport.UserFrom[any](r.Context())
		})))
		b.get("/in")
		b.get("/")
		equal(t, c.name, fmt.Sprint(found), c.want)
	}
}

func TestAUserFromIsOfItsTypeOnly(t *testing.T) {
	s := newSite(t)
	b := newBrowser(t, s.Session(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/in" {
			s.by(w, s.Login(w, r, &user{"alice"}))
		}
		_, pointer := passport.UserFrom[*user](r.Context())
		_, value := passport.UserFrom[user](r.Context())
		_, other := passport.UserFrom[*account](r.Context())
		_, stringer := passport.UserFrom[fmt.Stringer](r.Context())
		_, anything := passport.UserFrom[any](r.Context())
		_, _ = fmt.Fprint(w, pointer, value, other, stringer, anything)
	})))
	equal(t, "nobody", b.get("/").body, "false false false false false")
	equal(t, "at once", b.get("/in").body, "true false false true true")
	equal(t, "later", b.get("/").body, "true false false true true")
}

func TestUsersMayBeAskedAtOnce(t *testing.T) {
	s := newSite(t)
	h := s.Session(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		done := make(chan bool)
		for range 4 {
			go func() { passport.UserFrom[*user](r.Context()); done <- true }()
		}
		s.by(w, s.Login(w, r, &user{"bob"}))
		s.by(w, s.Logout(w, r))
		for range 4 {
			<-done
		}
	}))
	newBrowser(t, h).get("/")
}
