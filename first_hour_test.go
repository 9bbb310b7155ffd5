package passport_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/strategies/local"
	"github.com/gopassport/passport/strategies/oauth2"
)

// These are the mistakes of the first hour, each made on purpose. docs/first-hour.md has
// them for people; the tests pin what these people get to see.

// newcomer is an application of somebody who began an hour ago.
type newcomer struct {
	auth     *passport.Registry
	provider *passporttest.Provider
	heard    events
	routes   http.Handler // without Session
}

const itsCallback = "http://127.0.0.1:8080/connect/github/callback"

// newNewcomer registers callback with the provider, and lets the application use itsCallback.
func newNewcomer(t *testing.T, callback string, opts ...option) *newcomer {
	t.Helper()
	n := &newcomer{provider: passporttest.NewProvider(t, passporttest.ProviderConfig{RedirectURIs: []string{callback}})}
	n.auth = newRegistry(t, append(opts, func(c *passport.Config) { c.Observe = n.heard.add })...)
	n.auth.Use("password", local.New(func(_ *http.Request, name, _ string) (*user, error) { return &user{name}, nil }))
	n.auth.Use("github", n.strategy(itsCallback))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", who)
	mux.Handle("GET /private", n.auth.RequireUser("")(http.HandlerFunc(who)))
	mux.Handle("POST /login", n.auth.Authenticate("password", passport.SuccessRedirect("/"))(http.NotFoundHandler()))
	connect := n.auth.Authorize("github")(http.HandlerFunc(who))
	mux.Handle("GET /connect/github", connect)
	mux.Handle("GET /connect/github/callback", connect)
	n.routes = mux
	return n
}

func (n *newcomer) strategy(callback string) *oauth2.Strategy {
	return oauth2.New(oauth2.Config{
		ClientID: n.provider.ClientID, ClientSecret: n.provider.ClientSecret, Auth: oauth2.SecretPost,
		AuthorizationURL: n.provider.At(passporttest.Authorize), TokenURL: n.provider.At(passporttest.Token),
		RedirectURL: callback, Profile: oauth2.JSONProfile(n.provider.At(passporttest.Userinfo), "sub"),
	}, func(_ *http.Request, g oauth2.Grant) (*account, error) { return &account{g.Subject}, nil })
}

func who(w http.ResponseWriter, r *http.Request) {
	u, _ := passport.UserFrom[*user](r.Context())
	a, _ := passport.AccountFrom[*account](r.Context())
	_, _ = fmt.Fprint(w, "user ", u, ", account ", a)
}

// at is a browser that sees the application at origins, with Session around it or without.
func (n *newcomer) at(t *testing.T, app http.Handler, origins ...string) *passporttest.Browser {
	t.Helper()
	browser := passporttest.NewBrowser(t)
	for _, origin := range origins {
		browser.Serve(origin, app)
	}
	return browser
}

// logs checks the code and the text of the last event.
func (n *newcomer) logs(t *testing.T, code passport.Code, texts ...string) {
	t.Helper()
	last := n.heard.last()
	equal(t, "the code", last.Code, code)
	for _, text := range texts {
		if last.Err == nil || !strings.Contains(last.Err.Error(), text) {
			t.Errorf("the log says %q, and nothing of %q", last.Err, text)
		}
	}
}

func logInAt(browser *passporttest.Browser, origin, name string) *passporttest.Page {
	return browser.From(origin+"/login").Post("/login", url.Values{"username": {name}, "password": {"sesame"}})
}

func TestTheFirstHourEverythingIsRight(t *testing.T) {
	n := newNewcomer(t, itsCallback)
	browser := n.at(t, n.auth.Session(n.routes), "http://127.0.0.1:8080")
	equal(t, "after the log-in", logInAt(browser, "http://127.0.0.1:8080", "alice").Body, "user alice, account <nil>")
	equal(t, "connected", browser.Walk("http://127.0.0.1:8080/connect/github").Body, "user alice, account 1001")
}

func TestTheFirstHourTheCallbackHasAnotherHost(t *testing.T) {
	n := newNewcomer(t, itsCallback)
	browser := n.at(t, n.auth.Session(n.routes), "http://127.0.0.1:8080", "http://localhost:8080")
	page := browser.Walk("http://localhost:8080/connect/github")
	equal(t, "status", page.Status, http.StatusBadRequest)
	n.logs(t, passport.CodeFlowMissing, "the browser sent no flow at all", "under another host name (localhost is not 127.0.0.1)", "plain http")
}

func TestTheFirstHourPlainHTTPOnANamedHost(t *testing.T) {
	t.Run("a callback at such a host ends the program", func(t *testing.T) {
		n := newNewcomer(t, itsCallback)
		wantPanic(t, func() { n.strategy("http://app.test/connect/github/callback") }, "RedirectURL is not https (plain http is for loopback hosts only)")
	})
	t.Run("so does such an origin", func(t *testing.T) {
		wantPanic(t, func() { passport.New(passport.Config{Origins: []string{"http://app.test"}}) }, "http only on a loopback host")
	})
	t.Run("connecting is refused", func(t *testing.T) {
		n := newNewcomer(t, itsCallback)
		page := n.at(t, n.auth.Session(n.routes), "http://app.test").Walk("http://app.test/connect/github")
		equal(t, "status", page.Status, http.StatusForbidden)
		n.logs(t, passport.CodeCrossSite, "an account is connected from a page of the application")
	})
	t.Run("a login does not stay", func(t *testing.T) {
		n := newNewcomer(t, itsCallback)
		browser := n.at(t, n.auth.Session(n.routes), "http://app.test")
		equal(t, "after the log-in", logInAt(browser, "http://app.test", "alice").Body, "user <nil>, account <nil>")
		equal(t, "status", browser.Open("http://app.test/private").Status, http.StatusUnauthorized)
		n.logs(t, passport.CodeUnauthenticated)
	})
}

func TestTheFirstHourAProxyChangesTheHost(t *testing.T) {
	for _, test := range []struct {
		origins []string
		secure  bool // the login's cookie
		begins  int  // the status where a browser without Fetch Metadata begins to connect
	}{
		{nil, false, http.StatusForbidden},
		{[]string{"https://app.example"}, true, http.StatusFound},
	} {
		n := newNewcomer(t, itsCallback, func(c *passport.Config) { c.Origins = test.origins })
		app := n.auth.Session(n.routes)
		browser := n.at(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Host, r.TLS = "127.0.0.1:9001", nil
			app.ServeHTTP(w, r)
		}), "https://app.example")
		page := browser.From("https://app.example/login")
		page.Post("/login", url.Values{"username": {"alice"}, "password": {"sesame"}})
		cookies := browser.Cookies("https://app.example")
		if len(cookies) != 1 || strings.HasPrefix(cookies[0].Name, "__Host-") != test.secure {
			t.Errorf("with the origins %q the cookies are %v", test.origins, cookies)
		}
		browser.Header = http.Header{"Sec-Fetch-Site": nil, "Sec-Fetch-Mode": nil, "Sec-Fetch-Dest": nil}
		browser.Manual = true
		equal(t, "connecting", browser.Follow("https://app.example/connect/github").Status, test.begins)
	}
}

// Nothing can tell UserFrom that somebody forgot Session. The registry's own middleware
// works without it.
func TestTheFirstHourSessionIsMissing(t *testing.T) {
	n := newNewcomer(t, itsCallback)
	browser := n.at(t, n.routes, "http://127.0.0.1:8080")
	equal(t, "a handler after the log-in", logInAt(browser, "http://127.0.0.1:8080", "alice").Body, "user <nil>, account <nil>")
	equal(t, "under RequireUser", browser.Open("http://127.0.0.1:8080/private").Body, "user alice, account <nil>")
	equal(t, "under Authorize", browser.Walk("http://127.0.0.1:8080/connect/github").Body, "user alice, account 1001")
}

func TestTheFirstHourAnotherTypeIsAskedFor(t *testing.T) {
	n := newNewcomer(t, itsCallback)
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, value := passport.UserFrom[user](r.Context())
		_, pointer := passport.UserFrom[*user](r.Context())
		_, _ = fmt.Fprint(w, value, pointer)
	})
	browser := n.at(t, n.auth.Session(app), "http://127.0.0.1:8080")
	browser.LogIn(n.auth, "http://127.0.0.1:8080/", &user{"alice"})
	equal(t, "found as a user and as a *user", browser.Open("http://127.0.0.1:8080/").Body, "false true")
}

func TestTheFirstHourARouteNamesNoStrategy(t *testing.T) {
	n := newNewcomer(t, itsCallback)
	wantPanic(t, func() { n.auth.Authorize("githbu") }, `passport: Authorize("githbu"): no such strategy; have "github", "password"`)
}

func TestTheFirstHourNoBrowserBegins(t *testing.T) {
	n := newNewcomer(t, itsCallback)
	browser := n.at(t, n.auth.Session(n.routes), "http://127.0.0.1:8080")
	browser.Header = http.Header{"Sec-Fetch-Site": nil, "Sec-Fetch-Mode": nil, "Sec-Fetch-Dest": nil, "Accept": {"*/*"}, "User-Agent": {"curl"}}
	equal(t, "curl's status", browser.Follow("http://127.0.0.1:8080/connect/github").Status, http.StatusUnauthorized)
	n.logs(t, passport.CodeNavigation)
	browser.Header["Sec-Fetch-Site"], browser.Header["Sec-Fetch-Mode"] = []string{"same-origin"}, []string{"navigate"}
	equal(t, "with two headers", browser.Follow("http://127.0.0.1:8080/connect/github").Body, "user <nil>, account 1001")
}

func TestTheFirstHourTheKey(t *testing.T) {
	users := (&people{}).store()
	for name, test := range map[string]struct {
		keys [][]byte
		want string
	}{
		"is forgotten": {nil, "Config.Keys is empty; make one with crypto/rand, 32 bytes, and keep it where secrets are kept"},
		"is too short": {[][]byte{[]byte("secret")}, "Config.Keys[0] "},
		"is all zeros": {[][]byte{make([]byte, 32)}, "Config.Keys[0] "},
	} {
		t.Run(name, func(t *testing.T) {
			wantPanic(t, func() { passport.New(passport.Config{Keys: test.keys, Users: users}) }, test.want)
		})
	}
	t.Run("is another one after each start", func(t *testing.T) {
		before, after := newNewcomer(t, itsCallback), newNewcomer(t, itsCallback)
		browser := before.at(t, before.auth.Session(before.routes), "http://127.0.0.1:8080")
		logInAt(browser, "http://127.0.0.1:8080", "alice")
		browser.Manual = true
		answer := browser.Follow("http://127.0.0.1:8080/connect/github").Next()
		browser.Serve("http://127.0.0.1:8080", after.auth.Session(after.routes))
		equal(t, "the login", browser.Open("http://127.0.0.1:8080/").Body, "user <nil>, account <nil>")
		equal(t, "the flow", answer.Next().Status, http.StatusBadRequest)
		after.logs(t, passport.CodeFlowMissing, "with a retired key")
	})
}

func TestTheFirstHourTheProviderHasAnotherRedirectURI(t *testing.T) {
	t.Run("and says so on a page of its own", func(t *testing.T) {
		n := newNewcomer(t, "http://127.0.0.1:8080/callback")
		page := n.at(t, n.auth.Session(n.routes), "http://127.0.0.1:8080").Walk("http://127.0.0.1:8080/connect/github")
		equal(t, "where the person is left", "http://"+page.URL.Host, n.provider.URL)
		equal(t, "status", page.Status, http.StatusBadRequest)
		equal(t, "the last that the application knows", n.heard.last().Kind, "begin")
	})
	t.Run("and sends the person back with an error of its own", func(t *testing.T) {
		n := newNewcomer(t, itsCallback)
		n.provider.EditResponse(passporttest.Authorize, func(r *passporttest.Reply) {
			r.Params.Del("code")
			r.Params.Set("error", "redirect_uri_mismatch") // GitHub's
		})
		n.at(t, n.auth.Session(n.routes), "http://127.0.0.1:8080").Walk("http://127.0.0.1:8080/connect/github")
		n.logs(t, passport.CodeProvider, "the provider answered")
	})
	t.Run("and says so when it is asked for the token", func(t *testing.T) {
		n := newNewcomer(t, itsCallback)
		n.provider.EditResponse(passporttest.Token, func(r *passporttest.Reply) {
			r.Status, r.Body = http.StatusBadRequest, []byte(`{"error":"invalid_grant","error_description":"redirect_uri"}`)
		})
		n.at(t, n.auth.Session(n.routes), "http://127.0.0.1:8080").Walk("http://127.0.0.1:8080/connect/github")
		n.logs(t, passport.CodeProvider, "the request for a token", "status 400", "invalid_grant")
	})
}

func TestTheFirstHourACookieIsTooLarge(t *testing.T) {
	t.Run("of a session", func(t *testing.T) {
		store := passport.CookieSessions(newKey())
		n := newNewcomer(t, itsCallback, func(c *passport.Config) { c.Sessions = passport.GorillaSessions(store, "session") })
		fill := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			session, err := store.Get(r, "session")
			if err != nil {
				t.Error(err)
			}
			session.Values["cart"] = strings.Repeat("apple ", 1000)
			n.routes.ServeHTTP(w, r)
		})
		n.auth.Use("keep", passport.StrategyFunc(func(*http.Request, *passport.Attempt) (passport.Result, error) {
			return passport.Success{Value: &user{"alice"}}, nil
		}))
		keep := n.auth.Authenticate("keep", passport.KeepSessionInfo())(http.HandlerFunc(who))
		n.routes = keep
		page := n.at(t, n.auth.Session(fill), "http://127.0.0.1:8080").Open("http://127.0.0.1:8080/")
		equal(t, "status", page.Status, http.StatusInternalServerError)
		n.logs(t, passport.CodeSessionTooLarge, "the limit is 4096")
	})
	t.Run("of a flow", func(t *testing.T) {
		n := newNewcomer(t, itsCallback)
		n.auth.Use("large", passport.StrategyFunc(func(_ *http.Request, a *passport.Attempt) (passport.Result, error) {
			return passport.Redirect{URL: "https://provider.example/"}, a.Save("state", strings.Repeat("x", 1000))
		}))
		page := n.at(t, n.auth.Authorize("large")(n.routes), "http://127.0.0.1:8080").Follow("http://127.0.0.1:8080/")
		equal(t, "status", page.Status, http.StatusInternalServerError)
		n.logs(t, passport.CodeFlowTooLarge, "a cookie of", "the limit is 800", "keep less in Save, or set Config.Flows")
	})
}

// A refusal is for the log of who looks for it. docs/first-hour.md says how.
func TestTheFirstHourTheLogCanBeReadInTheDefaultConfiguration(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	for level, want := range map[slog.Level]bool{slog.LevelInfo: false, slog.LevelDebug: true} {
		log.Reset()
		slog.SetDefault(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level})))
		n := newNewcomer(t, itsCallback)
		auth := passport.New(passport.Config{Keys: [][]byte{newKey()}})
		auth.Use("github", n.strategy(itsCallback))
		browser := n.at(t, auth.Authorize("github")(http.HandlerFunc(who)), "http://127.0.0.1:8080", "http://localhost:8080")
		browser.Walk("http://localhost:8080/connect/github")
		equal(t, level.String()+" shows the refusal", strings.Contains(log.String(), "flow_missing"), want)
	}
}

// The page for people has what these tests have.
func TestTheFirstHourIsDocumented(t *testing.T) {
	page, err := os.ReadFile("docs/first-hour.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []passport.Code{
		passport.CodeFlowMissing, passport.CodeCrossSite, passport.CodeNavigation, passport.CodeUnauthenticated,
		passport.CodeProvider, passport.CodeSessionTooLarge, passport.CodeFlowTooLarge,
	} {
		if !strings.Contains(string(page), "errors.md#"+string(code)) {
			t.Errorf("docs/first-hour.md has no link to %s", code)
		}
	}
}

// wantPanic checks the sentence with which a program ends.
func wantPanic(t *testing.T, f func(), want string) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
			t.Errorf("panics with %q, without %q", got, want)
		}
	}()
	f()
	t.Errorf("does not panic; wanted %q", want)
}

func TestFirstHourRequireUserAroundTheLoginPageLoops(t *testing.T) {
	const page = "http://127.0.0.1:8080/login"
	n := newNewcomer(t, itsCallback)
	b := passporttest.NewBrowser(t)
	b.Manual = true
	around := n.auth.RequireUser("/login")
	for name, c := range map[string]struct {
		routes http.Handler
		loops  bool
	}{
		"around it, too":    {around(http.HandlerFunc(who)), true},
		"around the others": {http.HandlerFunc(who), false},
	} {
		b.Serve("http://127.0.0.1:8080", c.routes)
		shown := b.Open(page)
		for range 3 {
			if loops := shown.Location() == "/login"; loops != c.loops {
				t.Fatalf("%s: %d to %q", name, shown.Status, shown.Location())
			}
			if c.loops {
				shown = shown.Next()
			}
		}
	}
}
