package main

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/markbates/goth"
	"golang.org/x/crypto/bcrypt"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/accounts"
	"github.com/gopassport/passport/examples/connect/store"
	"github.com/gopassport/passport/strategies/gothprovider"
	"github.com/gopassport/passport/strategies/local"
)

//go:embed templates/*.html
var templates embed.FS

//go:embed static/style.css
var styleSheet []byte

// config is what an application is made of.
type config struct {
	Base     string                              // where browsers see it, such as http://127.0.0.1:8080
	Keys     [][]byte                            // for passport.Config, and to seal the accounts' tokens
	Store    *store.Store                        // users and accounts
	GitHub   func(callback string) goth.Provider // makes the provider for one callback
	Twitter  func(callback string) goth.Provider
	Calendar string            // the address of the calendar service
	Calls    http.RoundTripper // makes the calls to the calendar; nil: http.DefaultTransport
	Pictures []string          // where the providers' pictures come from: origins, for the Content-Security-Policy
	Services []string          // where the services ask people: origins, for the same
	Cost     int               // of hashing a password; 0: bcrypt.DefaultCost

	// Recently is how long ago people may have logged in when they change how they
	// log in, or what is connected: a session that was left open does neither. 0: 15
	// minutes.
	Recently time.Duration
}

// app is the application.
type app struct {
	auth     *passport.Registry
	store    *store.Store
	accounts *accounts.Accounts
	calendar *calendar
	pages    *template.Template
	base     *url.URL
	pictures []string
	services []string
	recently time.Duration
	cost     int
	dummy    []byte // what the passwords of unknown users are compared with
}

// newApp makes the application. Close the store after the last request.
func newApp(cfg config) (http.Handler, error) {
	a := &app{store: cfg.Store, cost: cmp.Or(cfg.Cost, bcrypt.DefaultCost)}
	var err error
	if a.base, err = url.Parse(cfg.Base); err != nil {
		return nil, fmt.Errorf("the application's address: %w", err)
	}
	if a.pages, err = template.ParseFS(templates, "templates/*.html"); err != nil {
		return nil, err
	}
	if a.dummy, err = bcrypt.GenerateFromPassword([]byte("nobody's password"), a.cost); err != nil {
		return nil, err
	}
	a.pictures, a.services, a.recently = cfg.Pictures, cfg.Services, cmp.Or(cfg.Recently, 15*time.Minute)
	a.calendar = newCalendar(cfg)
	a.accounts = a.keeper(cfg)
	a.auth = a.registry(cfg)
	return a.routes(), nil
}

// registry names the ways to log in, and to connect an account.
func (a *app) registry(cfg config) *passport.Registry {
	auth := passport.New(passport.Config{
		Keys: cfg.Keys,
		Users: passport.Users[*store.User]{
			Key:  (*store.User).Key,
			Load: a.loadUser,
			// A new password ends the logins under the old one.
			Stamp: func(u *store.User) string { return string(u.PasswordHash) },
		},
		OnError: a.onError,
	})
	auth.Use("password", local.New(a.checkPassword))

	// Strategies that connect: the account is the handler's to keep.
	auth.Use("twitter-authz", gothprovider.New(cfg.Twitter(cfg.Base+"/connect/twitter/callback"), accountAt("twitter")))
	auth.Use("github-authz", gothprovider.New(cfg.GitHub(cfg.Base+"/connect/github/callback"), accountAt("github")))
	auth.Use("calendar-authz", a.calendar.first)
	auth.Use("calendar-again", a.calendar.again)

	// One strategy that does both: it logs in, and connects where somebody is
	// logged in already. The other lets those log in again who have no password.
	auth.Use("github", gothprovider.New(cfg.GitHub(cfg.Base+"/auth/github/callback"), a.logInOrConnect))
	auth.Use("github-again", gothprovider.New(cfg.GitHub(cfg.Base+"/auth/github/again/callback"), a.logInAgain))
	return auth
}

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	page := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, h) }
	member := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, a.auth.RequireUser("/login")(h)) }

	page("GET /{$}", a.home)
	page("GET /signup", a.signUpPage)
	page("POST /signup", a.signUp)
	page("GET /login", a.logInPage)
	page("POST /logout", a.logOut)
	page("GET /style.css", style)
	member("GET /settings", a.settings)
	mux.Handle("POST /settings/password", a.recent(http.HandlerFunc(a.setPassword))) // a first password is a new way in
	mux.Handle("POST /settings/disconnect", a.recent(http.HandlerFunc(a.disconnect)))

	page("GET /login/again", a.logInAgainPage)
	for _, path := range []string{"/login", "/login/again"} {
		mux.Handle("POST "+path, a.logIn("password", "/settings", path))
	}
	a.gitHubRoutes(mux)
	a.connectRoutes(mux)
	return a.atBase(a.secure(http.NewCrossOriginProtection().Handler(a.auth.Session(mux))))
}

// logIn logs people in with a strategy, and leads them where they wanted to go.
func (a *app) logIn(strategy, success, failure string) http.Handler {
	return a.auth.Authenticate(strategy,
		passport.SuccessReturnToOrRedirect(success), passport.FailureRedirect(failure), passport.FailureMessage(""),
	)(http.NotFoundHandler()) // success redirects, so nothing gets there
}

func (a *app) gitHubRoutes(mux *http.ServeMux) {
	both := a.logIn("github", "/settings?notice="+string(noticeGitHub), "/login")
	mux.Handle("GET /auth/github", either(both, a.recent(both))) // of who is logged in, it connects
	mux.Handle("GET /auth/github/callback", both)
	again := a.logIn("github-again", "/settings", "/login/again")
	mux.Handle("GET /auth/github/again", again)
	mux.Handle("GET /auth/github/again/callback", again)
}

// connectRoutes are those that lead to another service and back. What has begun
// may end: a flow lives for ten minutes.
func (a *app) connectRoutes(mux *http.ServeMux) {
	for _, service := range []string{"twitter", "github", "calendar"} {
		connect := a.connect(service + "-authz")(http.HandlerFunc(a.saveAccount))
		mux.Handle("GET /connect/"+service, membersOnly(a.recent(connect)))
		mux.Handle("GET /connect/"+service+"/callback", membersOnly(connect))
	}
	mux.Handle("GET /connect/calendar/again", membersOnly(a.recent(a.connectAgain())))
	mux.Handle("GET /connect/calendar/tasks", membersOnly(a.recent(a.connectAgain(scopeTasks))))
	mux.Handle("GET /connect/calendar/again/callback", membersOnly(a.connect("calendar-again")(http.HandlerFunc(a.saveAgain))))
}

func (a *app) connect(strategy string, options ...passport.Option) func(http.Handler) http.Handler {
	return a.auth.Authorize(strategy, append(options, passport.FailureRedirect("/settings"), passport.FailureMessage(""))...)
}

// recent asks people to log in again where they did so some time ago. What they
// wanted goes on then.
func (a *app) recent(next http.Handler) http.Handler {
	return a.auth.RequireRecentLogin(a.recently, "/login/again")(next)
}

// membersOnly sends visitors to the settings, which send them to the log-in
// and back. RequireUser would bring them back to the middle of a flow.
func membersOnly(next http.Handler) http.Handler {
	return either(http.RedirectHandler("/settings", http.StatusFound), next)
}

func either(visitor, member http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := passport.UserFrom[*store.User](r.Context()); ok {
			member.ServeHTTP(w, r)
			return
		}
		visitor.ServeHTTP(w, r)
	})
}

// atBase moves people to the address that the providers send them back to:
// the cookies of http://localhost would not arrive at http://127.0.0.1.
func (a *app) atBase(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != a.base.Host {
			http.Redirect(w, r, a.base.String(), http.StatusFound)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// policy is a Content-Security-Policy. Chromium applies form-action to the
// redirects that follow a form as well, so that a page whose form may lead to
// another site names it.
func (a *app) policy(formAction ...string) string {
	self := func(others []string) string { return strings.Join(append([]string{"'self'"}, others...), " ") }
	return "default-src 'none'; style-src 'self'; img-src " + self(a.pictures) + "; form-action " + self(formAction) + "; base-uri 'none'; frame-ancestors 'none'"
}

// secure sets what every answer carries, and bounds what every request brings.
func (a *app) secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", a.policy())
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		next.ServeHTTP(w, r)
	})
}

func (a *app) loadUser(ctx context.Context, key string) (*store.User, error) {
	id, err := strconv.ParseInt(key, 10, 64)
	if err != nil {
		return nil, passport.ErrNoUser
	}
	user, err := a.store.User(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, passport.ErrNoUser
	}
	return user, err
}
