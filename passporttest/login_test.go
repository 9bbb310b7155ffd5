package passporttest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
)

// members is a registry whose users cannot be loaded until loadable.
func members(loadable *bool) *passport.Registry {
	return passport.New(passport.Config{
		Keys:    [][]byte{newKey()},
		Observe: func(context.Context, passport.Event) {},
		Users: passport.Users[*user]{
			Key: func(u *user) string { return u.id },
			Load: func(_ context.Context, id string) (*user, error) {
				if !*loadable {
					return nil, passporttest.ErrDown
				}
				return &user{id}, nil
			},
		},
	})
}

func who(w http.ResponseWriter, r *http.Request) {
	u, _ := passport.UserFrom[*user](r.Context())
	a, _ := passport.AccountFrom[string](r.Context())
	if u == nil {
		u = &user{"-"}
	}
	fmt.Fprintf(w, "%s %s", u.id, a)
}

func serve(h http.Handler, r *http.Request) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return fmt.Sprint(w.Code, " ", w.Body)
}

func TestARequestOfSomebody(t *testing.T) {
	loadable := false
	auth := members(&loadable)
	handler := http.HandlerFunc(who)
	bare := httptest.NewRequest("GET", "/me", nil)
	r := passporttest.WithUser(t, auth, bare, &user{"alice"})
	if got := serve(handler, r); got != "200 alice " {
		t.Errorf("a handler alone: %s", got)
	}
	if got := serve(auth.Session(auth.RequireUser("/login")(handler)), r); got != "200 alice " {
		t.Errorf("under Session: %s", got)
	}
	cookies := httptest.NewRequest("GET", "/me", nil)
	cookies.Header["Cookie"] = r.Header["Cookie"]
	if got := serve(auth.Session(handler), cookies); !strings.HasPrefix(got, "503") {
		t.Errorf("by its cookies alone, with the users' table down: %s", got)
	}
	loadable = true
	if got := serve(auth.Session(handler), cookies); got != "200 alice " {
		t.Errorf("by its cookies alone: %s", got)
	}
	if len(bare.Cookies()) != 0 || serve(handler, bare) != "200 - " {
		t.Errorf("the test's own request was changed: %v", bare.Header)
	}
}

func TestARequestWithAnAccount(t *testing.T) {
	loadable := true
	handler := http.HandlerFunc(who)
	r := passporttest.WithUser(t, members(&loadable), httptest.NewRequest("POST", "/connect/x?a=b", nil), &user{"alice"})
	both := passporttest.WithAccount(t, r, "account 42")
	if got := serve(handler, both); got != "200 alice account 42" || both.URL.RawQuery != "a=b" || both.Method != "POST" {
		t.Errorf("%s %s", got, both.URL)
	}
	if got := serve(handler, passporttest.WithAccount(t, httptest.NewRequest("GET", "/", nil), "x")); got != "200 - x" {
		t.Errorf("nobody's: %s", got)
	}
}

func TestABrowserOfSomebody(t *testing.T) {
	loadable := true
	auth := members(&loadable)
	b := passporttest.NewBrowser(t)
	b.Serve(app, auth.Session(http.HandlerFunc(who)))
	b.LogIn(auth, app+"/", &user{"alice"})
	if got := b.Open(app + "/").Body; got != "alice " {
		t.Errorf("%s", got)
	}
	b.LogIn(auth, app+"/", &user{"bob"})
	if got := b.Open(app + "/").Body; got != "bob " {
		t.Errorf("%s", got)
	}
}

func TestWhatCannotBeEndsTheTest(t *testing.T) {
	loadable := true
	r := httptest.NewRequest("GET", "/", nil)
	for name, c := range map[string]struct {
		do   func(testing.TB)
		want string
	}{
		"a user of another kind": {func(tb testing.TB) { passporttest.WithUser(tb, members(&loadable), r, "alice") }, "nobody could be logged in"},
		"no users at all":        {func(tb testing.TB) { passporttest.WithUser(tb, passport.New(passport.Config{}), r, "alice") }, "nobody could be logged in"},
		"no account":             {func(tb testing.TB) { passporttest.WithAccount(tb, r, nil) }, "the account is nil"},
	} {
		if got := complains(t, c.do); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
