package passport_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/gorilla/sessions"

	"github.com/gopassport/passport"
)

// counted is a gorilla store that counts its Saves.
type counted struct {
	sessions.Store
	saves atomic.Int64
}

func (c *counted) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(c, name)
}

// New makes the session one of c's own, so that its Save comes here, too.
func (c *counted) New(r *http.Request, name string) (*sessions.Session, error) {
	inner, err := c.Store.New(r, name)
	if inner == nil {
		return nil, err
	}
	s := sessions.NewSession(c, name)
	s.ID, s.Values, s.Options, s.IsNew = inner.ID, inner.Values, inner.Options, inner.IsNew
	return s, err
}

func (c *counted) Save(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
	c.saves.Add(1)
	return c.Store.Save(r, w, s)
}

// keeping is a site whose logins are kept in one of the stores.
type keeping struct {
	*site
	t     *testing.T
	store *counted // nil: the default
	dir   string   // of a store with files
}

// onEachStore runs a test on the stores that design.md names.
func onEachStore(t *testing.T, test func(*testing.T, *keeping)) {
	t.Helper()
	for _, tc := range []struct {
		name  string
		store func(dir string) sessions.Store
	}{
		{"the default", nil},
		{"CookieSessions", func(string) sessions.Store { return passport.CookieSessions(newKey()) }},
		{"a stock gorilla CookieStore", func(string) sessions.Store { return sessions.NewCookieStore(newKey(), newKey()) }},
		{"a gorilla FilesystemStore", func(dir string) sessions.Store { return sessions.NewFilesystemStore(dir, newKey()) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := &keeping{t: t, dir: t.TempDir()}
			k.site = newSite(t, func(c *passport.Config) {
				if tc.store != nil {
					k.store = &counted{Store: tc.store(k.dir)}
					c.Sessions = passport.GorillaSessions(k.store, "session")
				}
			})
			test(t, k)
		})
	}
}

// login is all there is of a browser's login: the cookie, what the store has on disk,
// and how often it was saved.
type login struct {
	cookie, files string
	saves         int64
}

func (k *keeping) login(b *browser) login {
	k.t.Helper()
	l := login{}
	for _, c := range b.jar {
		if c.MaxAge != 600 { // all but the flows
			l.cookie += c.Name + "=" + c.Value + ";"
		}
	}
	names, _ := filepath.Glob(filepath.Join(k.dir, "*"))
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			k.t.Fatal(err)
		}
		l.files += fmt.Sprintf("%s:%x;", name, content)
	}
	if k.store != nil {
		l.saves = k.store.saves.Load()
	}
	return l
}

// touched tells whether an answer sets a login cookie.
func touched(r *reply, l login) bool {
	for _, c := range r.cookies {
		if len(c.Name) < len(l.cookie) && l.cookie[:len(c.Name)+1] == c.Name+"=" {
			return true
		}
	}
	return false
}

// The table of design.md, the column of Authorize.
func TestAuthorizeLeavesUserAndLoginExactlyAsTheyWere(t *testing.T) {
	onEachStore(t, func(t *testing.T, k *keeping) {
		k.connect("twitter-authz")
		k.mount("/go", k.Authorize("github", passport.SuccessRedirect("/done"), passport.FailureRedirect("/account")))
		b := newBrowser(t, k).as("alice")
		before := k.login(b)
		if before.cookie == "" || k.store != nil && before.saves == 0 {
			t.Fatal("nobody is logged in, or the store's Save is not seen")
		}
		untouched := func(what string, r *reply) *reply {
			t.Helper()
			equal(t, what+": the login", k.login(b), before)
			equal(t, what+": Set-Cookie names the login", touched(r, before), false)
			return r
		}

		begun := untouched("begin", b.get("/connect/twitter-authz"))
		equal(t, "status of begin", begun.status, http.StatusFound)
		untouched("callback", b.back("/connect/twitter-authz", begun.state(), "42")).wants(200, "user alice, account 42")

		begun = untouched("begin, redirecting", b.get("/go"))
		done := untouched("callback, redirecting", b.back("/go", begun.state(), "43"))
		equal(t, "after success", done.location, "/done")
		refused := untouched("callback, refused", b.back("/go", "bogus", "44"))
		equal(t, "after a refusal", refused.location, "/account")

		equal(t, "wrapped handlers that ran", k.ran.Load(), 1)
		untouched("next page", b.get("/me")).wants(200, "user alice, account -")
	})
}

// The column of Authenticate.
func TestAuthenticateMakesTheValueTheUserAndRenewsTheLogin(t *testing.T) {
	for _, who := range []string{"alice", "bob"} {
		t.Run("alice becomes "+who, func(t *testing.T) {
			onEachStore(t, func(t *testing.T, k *keeping) {
				k.site.login("google")
				b := newBrowser(t, k).as("alice")
				before := k.login(b)
				old := *b

				begun := b.get("/login/google")
				equal(t, "the login after begin", k.login(b), before)
				equal(t, "Set-Cookie of begin names the login", touched(begun, before), false)

				done := b.back("/login/google", begun.state(), who).wants(200, "user "+who+", account -")
				equal(t, "Set-Cookie of the callback names the login", touched(done, before), true)
				equal(t, "the cookie is as it was", k.login(b).cookie == before.cookie, false)
				b.get("/me").wants(200, "user "+who+", account -")
				if k.dir != "" && before.files != "" {
					old.get("/me").wants(200, "user -, account -")
				}
			})
		})
	}
}

func TestAuthenticateRedirectsInPlaceOfTheHandler(t *testing.T) {
	onEachStore(t, func(t *testing.T, k *keeping) {
		k.site.login("google", passport.SuccessRedirect("/home"), passport.FailureRedirect("/sorry"))
		b := newBrowser(t, k)
		equal(t, "after a refusal", b.back("/login/google", "bogus", "bob").location, "/sorry")
		equal(t, "cookies after a refusal", len(b.jar), 0)
		equal(t, "after success", b.back("/login/google", b.begin("/login/google"), "bob").location, "/home")
		equal(t, "wrapped handlers that ran", k.ran.Load(), 0)
		b.get("/me").wants(200, "user bob, account -")
	})
}

func TestAuthorizeGivesAVisitorNoSession(t *testing.T) {
	onEachStore(t, func(t *testing.T, k *keeping) {
		k.connect("twitter-authz")
		b := newBrowser(t, k)
		state := b.begin("/connect/twitter-authz")
		b.back("/connect/twitter-authz", state, "42").wants(200, "user -, account 42")
		equal(t, "the login", k.login(b), login{})
		equal(t, "cookies left", len(b.jar), 0)
	})
}

// The seed's routes: one strategy, FailureRedirect, and a message for the page.
func TestAuthorizeLeavesAMessageWithoutTouchingTheLogin(t *testing.T) {
	onEachStore(t, func(t *testing.T, k *keeping) {
		k.connect("github", passport.FailureRedirect("/account"), passport.FailureMessage(""))
		k.mux.HandleFunc("/account", func(w http.ResponseWriter, r *http.Request) {
			messages, err := k.Messages(w, r)
			_, _ = fmt.Fprint(w, messages, err)
		})
		b := newBrowser(t, k).as("alice")
		before := k.login(b)

		denied := b.get("/connect/github/callback?error=access_denied&state="+b.begin("/connect/github"), from("cross-site"))
		equal(t, "after a no", denied.location, "/account")
		equal(t, "Set-Cookie names the login", touched(denied, before), false)
		b.get("/account").wants(200, "[You said no.] <nil>")
		b.get("/account").wants(200, "[] <nil>")
		equal(t, "the login", k.login(b), before)
		equal(t, "calls to the provider", k.hits(), 0)
	})
}

// Association in verify, the seed's second pattern: a strategy knows who is logged in.
func TestAStrategySeesTheUser(t *testing.T) {
	s := newSite(t)
	var seen []string
	s.Use("associate", passport.StrategyFunc(func(r *http.Request, _ *passport.Attempt) (passport.Result, error) {
		u, ok := passport.UserFrom[*user](r.Context())
		if !ok {
			return passport.Success{Value: &user{"new"}}, nil
		}
		seen = append(seen, u.id)
		return passport.Success{Value: u}, nil
	}))
	s.login("associate")
	s.connect("associate")

	b := newBrowser(t, s).as("alice")
	b.get("/login/associate").wants(200, "user alice, account -")
	b.get("/connect/associate").wants(200, "user alice, account alice")
	equal(t, "users seen", fmt.Sprint(seen), "[alice alice]")
	newBrowser(t, s).get("/connect/associate").wants(200, "user -, account new")
	newBrowser(t, s).get("/login/associate").wants(200, "user new, account -")
}

// Authorize wraps routes that are outside of Session, too.
func TestAuthorizeRestoresTheUserWithoutSession(t *testing.T) {
	s := newSite(t)
	s.connect("github")
	b := newBrowser(t, s).as("alice")
	b.handler = s.mux
	state := b.begin("/connect/github")
	b.back("/connect/github", state, "42").wants(200, "user alice, account 42")
}
