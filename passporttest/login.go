package passporttest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"

	"github.com/gopassport/passport"
)

// WithUser is the request as somebody's who is logged in: [passport.UserFrom] gives the
// user, and the session's cookie is there, so it can be served to a handler alone or to
// the whole application. Nothing is loaded until the application does so. For a [Browser]
// that is logged in, see [Browser.LogIn].
//
// It fails the test where the user cannot be logged in.
func WithUser(tb testing.TB, auth *passport.Registry, r *http.Request, user any) *http.Request {
	tb.Helper()
	as, cookies := logIn(tb, auth, r, user)
	for _, c := range cookies {
		as.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	return as
}

// logIn gives the request with its user, and the cookies that were set.
func logIn(tb testing.TB, auth *passport.Registry, r *http.Request, user any) (as *http.Request, cookies []*http.Cookie) {
	tb.Helper()
	w := httptest.NewRecorder()
	var err error
	auth.Session(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		as, err = r, auth.Login(w, r, user)
	})).ServeHTTP(w, r.Clone(r.Context()))
	if as == nil || err != nil {
		tb.Fatalf("passporttest: nobody could be logged in: %v %d %s", err, w.Code, w.Body)
	}
	return as, w.Result().Cookies()
}

// WithAccount is the request as Authorize hands it over: [passport.AccountFrom] gives the
// account. It is for a handler alone. Together with [WithUser], before or after it, it is
// what a handler that stores accounts sees.
//
// It fails the test where the account is nil.
func WithAccount(tb testing.TB, r *http.Request, account any) *http.Request {
	tb.Helper()
	info, _ := passport.InfoFrom[any](r.Context())
	return with(tb, r, passport.Success{Value: account, Info: info})
}

// WithInfo is the request of a handler that asks [passport.InfoFrom] what else a strategy
// found; nil is nothing. Without WithAccount there is no account, unless somebody asks for
// one of any type. It is for a handler alone, and goes together with [WithUser] and
// [WithAccount] in any order.
func WithInfo(tb testing.TB, r *http.Request, info any) *http.Request {
	tb.Helper()
	account, ok := passport.AccountFrom[any](r.Context())
	if !ok {
		account = noAccount{}
	}
	return with(tb, r, passport.Success{Value: account, Info: info})
}

// noAccount stands where there is none: Authorize does not go without. Nobody can ask for a
// type that is not exported, but who asks for any.
type noAccount struct{}

// with is the request after a strategy found this. The registry is another than the
// application's, so a user that is there stays, and one may come later.
func with(tb testing.TB, r *http.Request, found passport.Success) (as *http.Request) {
	tb.Helper()
	auth := passport.New(passport.Config{Observe: func(context.Context, passport.Event) {}})
	auth.Use("account", passport.StrategyFunc(func(*http.Request, *passport.Attempt) (passport.Result, error) { return found, nil }))
	connect := auth.Authorize("account")(http.HandlerFunc(func(_ http.ResponseWriter, seen *http.Request) { as = r.WithContext(seen.Context()) }))
	w := httptest.NewRecorder()
	connect.ServeHTTP(w, httptest.NewRequestWithContext(r.Context(), http.MethodGet, "/", nil))
	if as == nil {
		tb.Fatalf("passporttest: WithAccount: %d %s; the account is nil?", w.Code, w.Body)
	}
	return as
}

// LogIn logs somebody in at an address of the application, without a form: the browser
// gets the session's cookie. The address says what the application is served under, and
// so whether the browser takes the cookie: by https, or on this machine.
//
// It fails the test where the user cannot be logged in, and where the browser does not
// take the cookie.
func (b *Browser) LogIn(auth *passport.Registry, address string, user any) {
	b.t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, address, nil)
	for _, c := range b.Cookies(address) {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	_, cookies := logIn(b.t, auth, r, user)
	if at := b.parse(nil, address); !slices.ContainsFunc(cookies, func(c *http.Cookie) bool { return lasts(at, c) }) {
		b.t.Fatalf("passporttest: Browser.LogIn: nobody is logged in: %s", untaken(at, cookies))
	}
	b.SetCookies(address, cookies...)
}

// lasts tells whether a browser takes a cookie, and not to forget it.
func lasts(from *url.URL, c *http.Cookie) bool {
	k, ok := accept(from, c)
	return ok && !k.over()
}

// untaken is why a browser takes none of the cookies.
func untaken(at *url.URL, cookies []*http.Cookie) string {
	for _, c := range cookies {
		if c.Secure && !trustworthy(at) {
			return fmt.Sprintf("the cookie %s is Secure, and %s is plain http: log in at an address of https, or of localhost", c.Name, at)
		}
	}
	if len(cookies) == 0 {
		return "no cookie was set"
	}
	return fmt.Sprintf("a browser at %s does not take or keep %q", at, cookies)
}
