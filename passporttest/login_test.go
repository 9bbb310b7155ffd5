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

func TestARequestWithUserAccountAndInfoInAnyOrder(t *testing.T) {
	loadable := true
	auth := members(&loadable)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who(w, r)
		info, ok := passport.InfoFrom[string](r.Context())
		fmt.Fprintf(w, " %s %t", info, ok)
	})
	with := map[rune]func(*http.Request) *http.Request{
		'u': func(r *http.Request) *http.Request { return passporttest.WithUser(t, auth, r, &user{"alice"}) },
		'a': func(r *http.Request) *http.Request { return passporttest.WithAccount(t, r, "account 42") },
		'i': func(r *http.Request) *http.Request { return passporttest.WithInfo(t, r, "info") },
		'j': func(r *http.Request) *http.Request { return passporttest.WithInfo(t, r, "other") },
		'n': func(r *http.Request) *http.Request { return passporttest.WithInfo(t, r, nil) },
	}
	for order, want := range map[string]string{
		"uai": "200 alice account 42 info true",
		"uia": "200 alice account 42 info true",
		"aui": "200 alice account 42 info true",
		"aiu": "200 alice account 42 info true",
		"iua": "200 alice account 42 info true",
		"iau": "200 alice account 42 info true",
		"ui":  "200 alice  info true",
		"iu":  "200 alice  info true",
		"ai":  "200 - account 42 info true",
		"i":   "200 -  info true",
		"ij":  "200 -  other true",
		"ain": "200 - account 42  false",
		"ua":  "200 alice account 42  false",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		for _, step := range order {
			r = with[step](r)
		}
		if got := serve(handler, r); got != want {
			t.Errorf("%s: %s, want %s", order, got, want)
		}
		if got := serve(auth.Session(handler), r); got != want {
			t.Errorf("%s, under Session: %s, want %s", order, got, want)
		}
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

func TestALogInThatTheBrowserDoesNotKeepEndsTheTest(t *testing.T) {
	loadable := true
	storing := func(c *http.Cookie) *passport.Registry {
		return passport.New(passport.Config{Keys: [][]byte{newKey()}, Sessions: only{c}, Users: passport.Users[*user]{
			Key:  func(u *user) string { return u.id },
			Load: func(_ context.Context, id string) (*user, error) { return &user{id}, nil },
		}})
	}
	for name, c := range map[string]struct {
		auth     *passport.Registry
		at, want string // "" where somebody is logged in
	}{
		"by plain http":                 {members(&loadable), "http://app.example/", "is Secure, and http://app.example/ is plain http: log in at an address of https, or of localhost"},
		"by https":                      {members(&loadable), app + "/", ""},
		"by plain http on this machine": {members(&loadable), "http://localhost:8080/", ""},
		"a store without cookies":       {storing(nil), app + "/", "no cookie was set"},
		"a cookie of somebody else's":   {storing(&http.Cookie{Name: "sid", Value: "1", Domain: "evil.example"}), app + "/", `does not take or keep ["sid=1; Domain=evil.example"]`},
		"a cookie that is over":         {storing(&http.Cookie{Name: "sid", MaxAge: -1}), app + "/", "does not take or keep"},
		"a cookie of a path":            {storing(&http.Cookie{Name: "sid", Value: "1", Path: "/in"}), app + "/in", ""},
	} {
		got := complains(t, func(tb testing.TB) {
			b := passporttest.NewBrowser(tb)
			b.LogIn(c.auth, c.at, &user{"alice"})
			if len(b.Cookies(c.at)) == 0 {
				tb.Errorf("nobody is logged in")
			}
		})
		if !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// only is a store of sessions that sets one cookie, and keeps nothing.
type only struct{ cookie *http.Cookie }

func (s only) Load(*http.Request) (passport.Session, error) { return s, nil }

func (only) Get(string) (string, bool) { return "", false }
func (only) Set(_, _ string)           {}
func (only) Delete(string)             {}
func (only) Clear()                    {}
func (only) Renew() error              { return nil }

func (s only) Save(w http.ResponseWriter, _ *http.Request) error {
	if s.cookie != nil {
		http.SetCookie(w, s.cookie)
	}
	return nil
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
