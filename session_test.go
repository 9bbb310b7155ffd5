package passport_test

import (
	"context"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	texttemplate "text/template"
	"time"

	"github.com/gorilla/sessions"

	"github.com/gopassport/passport"
)

// shelf is a place where logins are kept. What holds of logins holds on each.
type shelf struct {
	name    string
	option  option
	cookie  string         // a part of the cookie's name
	values  sessions.Store // where the application can keep values, too; nil: nowhere
	revokes bool           // a login and a logout end the copies of a cookie
}

// shelves makes one of each. Where the folder and the keys are the same, they share all.
func shelves(dir string, keys ...[]byte) []shelf {
	var pairs [][]byte
	for _, key := range keys {
		pairs = append(pairs, key, key)
	}
	safe, stock, files := passport.CookieSessions(keys...), sessions.NewCookieStore(pairs...), sessions.NewFilesystemStore(dir, pairs...)
	in := func(store sessions.Store) option {
		return func(c *passport.Config) { c.Sessions = passport.GorillaSessions(store, "session") }
	}
	return []shelf{
		{"sealed cookies", func(c *passport.Config) { c.Keys = keys }, "passport-login", nil, false},
		{"CookieSessions", in(safe), "session", safe, false},
		{"gorilla's CookieStore", in(stock), "session", stock, false},
		{"gorilla's FilesystemStore", in(files), "session", files, true},
	}
}

func onEachShelf(t *testing.T, test func(*testing.T, shelf)) {
	t.Helper()
	for _, shelf := range shelves(t.TempDir(), newKey()) {
		t.Run(shelf.name, func(t *testing.T) { test(t, shelf) })
	}
}

// login is the cookie of the login that a browser has; nil for none.
func (s shelf) login(b *browser) *http.Cookie {
	for _, c := range b.jar {
		if strings.Contains(c.Name, s.cookie) {
			return c
		}
	}
	return nil
}

// thief is a browser with a copy of all cookies.
func (b *browser) thief() *browser {
	return &browser{t: b.t, handler: b.handler, jar: slices.Clone(b.jar)}
}

// me is who the application takes the browser's person for.
func (b *browser) me() string {
	b.t.Helper()
	res := b.get("/me")
	if res.status != http.StatusOK {
		b.t.Errorf("/me answers %d %q", res.status, res.body)
	}
	who, _, _ := strings.Cut(strings.TrimPrefix(res.body, "user "), ",")
	return who
}

func TestALoginIsRestored(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.login("password")
		b, other := newBrowser(t, s), newBrowser(t, s)
		b.post("/login/password", map[string][]string{"user": {"alice"}, "password": {"sesame"}}).wants(http.StatusOK, "user alice, account -")
		equal(t, "the next request", b.me(), "alice")
		equal(t, "another browser", other.me(), "-")
		b.handler = newSite(t, shelf.option)
		equal(t, "the same browser at another machine", b.me(), "alice")
	})
}

func TestALogoutEndsTheLogin(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		b := newBrowser(t, s).as("alice")
		thief := b.thief()
		res := b.get("/logout").wants(http.StatusOK, "")
		equal(t, "cookies of a login afterwards", shelf.login(b), nil)
		equal(t, "cookies that the logout sets", len(res.cookies), 1)
		equal(t, "the person afterwards", b.me(), "-")
		if shelf.revokes {
			equal(t, "a copy of the cookie", thief.me(), "-")
		}
		equal(t, "a login afterwards", b.as("bob").me(), "bob")
	})
}

func TestAUserIsSeenAtOnce(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		var seen []string
		look := func(r *http.Request) {
			u, _ := passport.UserFrom[*user](r.Context())
			seen = append(seen, fmt.Sprint(u))
		}
		s.mux.HandleFunc("/all", func(w http.ResponseWriter, r *http.Request) {
			look(r)
			s.by(w, s.Login(w, r, &user{"bob"}))
			look(r)
			s.by(w, s.Logout(w, r))
			look(r)
		})
		newBrowser(t, s).as("alice").get("/all")
		equal(t, "before, after a login, after a logout", strings.Join(seen, " "), "alice bob <nil>")
	})
}

func TestACookieThatIsNoLogin(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.connect("github")
		s.mux.Handle("/private", s.RequireUser("/login")(http.HandlerFunc(show)))
		b := newBrowser(t, s).as("alice")
		b.begin("/connect/github")
		visitor := newBrowser(t, s)
		visitor.get("/private")
		stranger := newBrowser(t, newSite(t, func(c *passport.Config) {
			for _, other := range shelves(t.TempDir(), newKey()) {
				if other.name == shelf.name {
					other.option(c)
				}
			}
		})).as("alice")
		good := shelf.login(b)
		values := map[string]string{
			"an empty one":                     "",
			"one letter":                       "a",
			"what is no base64":                "!%$",
			"one cut short":                    good.Value[:len(good.Value)-1],
			"one cut in the middle":            good.Value[:len(good.Value)/2],
			"one cut in front":                 good.Value[1:],
			"one with more behind":             good.Value + "AAAA",
			"one twice":                        good.Value + good.Value,
			"one in another case":              strings.ToUpper(good.Value),
			"one under foreign keys":           shelf.login(stranger).Value,
			"the cookie of a flow":             b.flows()[0].Value,
			"the cookie of notes":              visitor.cookie("passport-notes"),
			"one longer than a browser keeps":  strings.Repeat("a", 4097),
			"one longer than any header":       strings.Repeat("a", 1<<20),
			"a good one and more than is kept": good.Value + strings.Repeat("A", 4096),
			"one that is no UTF-8":             "\xff\xfe",
			"one with a NUL":                   good.Value + "\x00",
		}
		for i := range len(good.Value) - 4 {
			changed := byte('A')
			if good.Value[i] == 'A' {
				changed = 'B'
			}
			values[fmt.Sprintf("one with letter %d changed", i)] = good.Value[:i] + string(changed) + good.Value[i+1:]
		}
		for name, value := range values {
			if value == "" && name != "an empty one" {
				t.Fatalf("there is no value for %s", name)
			}
			cookie := header("Cookie", good.Name+"="+value)
			newBrowser(t, s).get("/me", cookie).wants(http.StatusOK, "user -, account -")
			newBrowser(t, s).get("/private", cookie, fetch).refused(http.StatusUnauthorized, passport.CodeUnauthenticated)
			b := newBrowser(t, s)
			b.get("/as/bob", cookie).wants(http.StatusOK, "")
			equal(t, "a login in place of "+name, b.me(), "bob")
		}
		renamed := header("Cookie", "x"+good.Name+"="+good.Value)
		newBrowser(t, s).get("/me", renamed).wants(http.StatusOK, "user -, account -")
	})
}

func TestTwoLoginCookies(t *testing.T) {
	s := newSite(t)
	alice, alice2, bob := newBrowser(t, s).as("alice"), newBrowser(t, s).as("alice"), newBrowser(t, s).as("bob")
	name, junk := alice.jar[0].Name, "junk"
	a, a2, b := alice.jar[0].Value, alice2.jar[0].Value, bob.jar[0].Value
	for _, c := range []struct {
		name   string
		values []string
		want   string
	}{
		{"junk before the good one", []string{junk, a}, "alice"},
		{"junk after the good one", []string{a, junk}, "alice"},
		{"an empty one before the good one", []string{"", a}, "alice"},
		{"much junk before the good one", append(slices.Repeat([]string{junk}, 100), a), "alice"},
		{"two of the same user", []string{a, a2}, "alice"},
		{"one twice", []string{a, a}, "alice"},
		{"two of different users", []string{a, b}, "-"},
		{"two of different users, the other way round", []string{b, a}, "-"},
		{"three, two of them of the same user", []string{a, a2, b}, "-"},
		{"three, the first and the last of the same user", []string{a, b, a2}, "-"},
		{"four, of two users in turn", []string{a, b, a2, b}, "-"},
	} {
		line := ""
		for _, value := range c.values {
			line += "; " + name + "=" + value
		}
		one, lines := line[2:], strings.Split(line[2:], "; ")
		res := newBrowser(t, s).get("/me", header("Cookie", one))
		equal(t, c.name, res.body, "user "+c.want+", account -")
		res = newBrowser(t, s).get("/me", header("Cookie", lines...))
		equal(t, c.name+", a header each", res.body, "user "+c.want+", account -")
	}
}

func TestAPlantedCookieIsNeverAFault(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		b := newBrowser(t, s).as("alice")
		name := shelf.login(b).Name
		for _, value := range []string{"", "junk", strings.Repeat("a", 8000), "\xff"} {
			res := b.thief().get("/me", header("Cookie", name+"="+value))
			if res.status != http.StatusOK || res.body != "user alice, account -" && res.body != "user -, account -" {
				t.Errorf("%.10q before the good one: %d %q, want alice or nobody", value, res.status, res.body)
			}
		}
	})
}

func TestALoginLastsForItsLifetimeWhateverTheStore(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, shelf.option, func(c *passport.Config) { c.Lifetime = time.Hour })
			days := newBrowser(t, newSite(t, shelf.option)).as("carol")
			b, again := newBrowser(t, s).as("alice"), newBrowser(t, s).as("bob")
			time.Sleep(30 * time.Minute)
			equal(t, "after half of it", b.me(), "alice")
			equal(t, "a second login after half of it", again.as("bob").me(), "bob")
			time.Sleep(30*time.Minute - time.Second)
			equal(t, "a second before its end", b.me(), "alice")
			time.Sleep(time.Second)
			equal(t, "at its end", b.me(), "-")
			equal(t, "the second login at the end of the first", again.me(), "bob")
			time.Sleep(30 * time.Minute)
			equal(t, "the second login at its end", again.me(), "-")
			time.Sleep(14*24*time.Hour - 91*time.Minute)
			equal(t, "a minute before the end of 14 days", days.me(), "carol")
			time.Sleep(time.Minute)
			equal(t, "after 14 days", days.me(), "-")
		})
	})
}

func TestALoginFromTheFuture(t *testing.T) {
	for _, c := range []struct {
		ahead time.Duration
		want  string
	}{{30 * time.Second, "alice"}, {2 * time.Minute, "-"}, {24 * time.Hour, "-"}, {25 * 365 * 24 * time.Hour, "-"}} {
		onEachShelf(t, func(t *testing.T, shelf shelf) {
			var b *browser
			synctest.Test(t, func(t *testing.T) { // every bubble begins at the same time
				time.Sleep(c.ahead)
				b = newBrowser(t, newSite(t, shelf.option)).as("alice")
			})
			synctest.Test(t, func(t *testing.T) {
				b = &browser{t: t, handler: newSite(t, shelf.option), jar: b.jar}
				equal(t, fmt.Sprintf("a login by a clock that is %v ahead", c.ahead), b.me(), c.want)
			})
		})
	}
}

func TestKeysAreRotated(t *testing.T) {
	dir, old, young := t.TempDir(), newKey(), newKey()
	before, during, after := shelves(dir, old), shelves(dir, young, old), shelves(dir, young)
	for i, shelf := range before {
		t.Run(shelf.name, func(t *testing.T) {
			both, only := newSite(t, during[i].option), newSite(t, after[i].option)
			b := newBrowser(t, newSite(t, shelf.option)).as("alice")
			b.handler = both
			equal(t, "with both keys", b.me(), "alice")
			b.handler = only
			equal(t, "without the old key", b.me(), "-")
			b.handler = both
			equal(t, "still with both", b.as("bob").me(), "bob")
			equal(t, "cookies after a login with both", len(b.jar), 1)
			b.handler = only
			equal(t, "a login with both, without the old key", b.me(), "bob")

			b = newBrowser(t, newSite(t, shelf.option)).as("carol")
			b.handler = both
			b.get("/logout").wants(http.StatusOK, "")
			equal(t, "cookies after a logout with both", len(b.jar), 0)
		})
	}
}

// drawer is a session store in memory, the parts of which can fail.
type drawer struct {
	records           map[string]map[string]string
	load, renew, save error
	loads, saves, ids int
}

func (d *drawer) option(c *passport.Config) { c.Sessions = d }

func (d *drawer) Load(r *http.Request) (passport.Session, error) {
	d.loads++
	if d.load != nil {
		return nil, d.load
	}
	s := &drawn{drawer: d, values: map[string]string{}}
	if c, err := r.Cookie("drawer"); err == nil && d.records[c.Value] != nil {
		s.id = c.Value
		maps.Copy(s.values, d.records[s.id])
	}
	return s, nil
}

type drawn struct {
	*drawer
	id     string
	values map[string]string
}

func (s *drawn) Get(key string) (string, bool) { v, ok := s.values[key]; return v, ok }
func (s *drawn) Set(key, value string)         { s.values[key] = value }
func (s *drawn) Delete(key string)             { delete(s.values, key) }
func (s *drawn) Clear()                        { clear(s.values) }

func (s *drawn) Renew() error {
	if s.renew == nil {
		delete(s.records, s.id)
		s.id = ""
	}
	return s.renew
}

func (s *drawn) Save(w http.ResponseWriter, _ *http.Request) error {
	s.saves++
	if s.save != nil {
		return s.save
	}
	if s.id == "" {
		s.ids++
		s.id = fmt.Sprint("id", s.ids)
	}
	s.records[s.id] = s.values
	http.SetCookie(w, &http.Cookie{Name: "drawer", Value: s.id, MaxAge: len(s.values) - 1})
	return nil
}

func newDrawer() *drawer { return &drawer{records: map[string]map[string]string{}} }

func TestASessionStoreOfOnesOwn(t *testing.T) {
	d := newDrawer()
	s := newSite(t, d.option)
	b := newBrowser(t, s).as("alice")
	thief := b.thief()
	saves := d.saves
	equal(t, "a login", b.me(), "alice")
	equal(t, "saves because somebody looked", d.saves-saves, 0)
	equal(t, "another login", b.as("bob").me(), "bob")
	equal(t, "the old identity", thief.me(), "-")
	b.get("/logout")
	equal(t, "a logout", b.me(), "-")
}

func TestAStoreThatIsDownIsAFault(t *testing.T) {
	down := errors.New("connection refused")
	for _, c := range []struct {
		name   string
		break_ func(*drawer, *site)
		status int
		code   passport.Code
	}{
		{"the session cannot be loaded", func(d *drawer, _ *site) { d.load = down }, 503, passport.CodeSessionStore},
		{"the user cannot be loaded", func(_ *drawer, s *site) { s.fail(down) }, 503, passport.CodeUserLoad},
	} {
		d := newDrawer()
		s := newSite(t, d.option)
		s.login("github")
		s.connect("google", passport.FailureRedirect("/"))
		s.mount("/private", s.RequireUser("/login"))
		b := newBrowser(t, s).as("alice")
		c.break_(d, s)
		for _, handler := range []http.Handler{s, s.mux} {
			b.handler = handler
			for _, path := range []string{"/private", "/login/github", "/connect/google"} {
				res := b.get(path).refused(c.status, c.code)
				equal(t, c.name+": cookies of "+path, len(res.cookies), 0)
				b.get(path, fetch).refused(c.status, c.code)
			}
		}
		b.handler = s
		b.get("/me").refused(c.status, c.code)
		equal(t, c.name+": handlers that ran", s.ran.Load(), 0)
		var e *passport.Error
		equal(t, c.name+": the error is a *passport.Error", errors.As(s.last().Err, &e), true)
		equal(t, c.name+": its cause is found", errors.Is(s.last().Err, down), true)
		d.load = nil
		s.fail(nil)
		equal(t, c.name+": afterwards", b.me(), "alice")
	}
}

func TestALoginThatCannotBeKeptIsNone(t *testing.T) {
	down := errors.New("connection refused")
	for _, c := range []struct {
		name   string
		break_ func(*drawer)
	}{
		{"Load", func(d *drawer) { d.load = down }},
		{"Renew", func(d *drawer) { d.renew = down }},
		{"Save", func(d *drawer) { d.save = down }},
	} {
		d := newDrawer()
		s := newSite(t, d.option)
		var seen string
		s.login("password", passport.FailureRedirect("/login"), passport.OnError(func(w http.ResponseWriter, r *http.Request, err error) {
			u, _ := passport.UserFrom[*user](r.Context())
			seen = fmt.Sprint(u)
			var e *passport.Error
			if !errors.As(err, &e) || e.Code != passport.CodeSessionStore || !errors.Is(err, down) {
				t.Errorf("%s: the error is %v", c.name, err)
			}
			w.WriteHeader(e.Status)
		}))
		b := newBrowser(t, s.mux)
		c.break_(d)
		res := b.post("/login/password", map[string][]string{"user": {"alice"}, "password": {"sesame"}})
		equal(t, c.name+" fails: status", res.status, http.StatusServiceUnavailable)
		equal(t, c.name+" fails: handlers that ran", s.ran.Load(), 0)
		equal(t, c.name+" fails: cookies", len(b.jar), 0)
		equal(t, c.name+" fails: the user", seen, "<nil>")
		equal(t, c.name+" fails: a login by hand", b.get("/as/alice").status, http.StatusInternalServerError)
		*d = *newDrawer()
		b.handler = s
		equal(t, c.name+" fails: afterwards", b.me(), "-")
	}
}

func TestAStoreWithoutASessionIsAFault(t *testing.T) {
	s := newSite(t, func(c *passport.Config) { c.Sessions = nothing{} })
	newBrowser(t, s).get("/me").refused(http.StatusServiceUnavailable, passport.CodeSessionStore)
}

type nothing struct{}

func (nothing) Load(*http.Request) (passport.Session, error) { return nil, nil }

func TestAUserWhoIsGoneIsLoggedOutQuietly(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.connect("github")
		s.mount("/private", s.RequireUser("/login"))
		b := newBrowser(t, s).as("alice")
		beside := b.thief()
		beside.handler = s.mux
		s.remove("alice")
		equal(t, "RequireUser beside Session", beside.get("/private").location, "/login")
		for _, c := range beside.get("/connect/github").cookies {
			if strings.Contains(c.Name, shelf.cookie) {
				t.Errorf("Authorize sets the cookie of the login, %v", c)
			}
		}
		equal(t, "under Session", b.me(), "-")
		equal(t, "what it hears", s.last().Kind, "forget")
		equal(t, "cookies afterwards", len(b.jar), 0)
	})
}

func TestALogoutNeedsNoUser(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		b := newBrowser(t, s).as("alice")
		under, beside := b, b.thief()
		beside.handler = s.mux
		s.fail(errors.New("the database is down"))
		under.get("/logout").refused(http.StatusServiceUnavailable, passport.CodeUserLoad)
		beside.get("/logout").wants(http.StatusOK, "")
		equal(t, "cookies after a logout beside Session", len(beside.jar), 0)

		var fallback *site
		fallback = newSite(t, shelf.option, func(c *passport.Config) {
			c.OnError = func(w http.ResponseWriter, r *http.Request, err error) {
				fallback.by(w, fallback.Logout(w, r))
			}
		})
		b = newBrowser(t, fallback).as("bob")
		fallback.fail(errors.New("the database is down"))
		b.get("/me").wants(http.StatusOK, "")
		equal(t, "cookies after a logout in OnError", len(b.jar), 0)
	})
}

func TestAStampEndsOlderLogins(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		passwords := map[string]string{"alice": "hash 1", "bob": "hash 1"}
		stamped := func(c *passport.Config) {
			users := c.Users.(passport.Users[*user])
			users.Stamp = func(u *user) string { return passwords[u.id] }
			c.Users = users
		}
		s := newSite(t, shelf.option, stamped)
		b, other, bob := newBrowser(t, s).as("alice"), newBrowser(t, s).as("alice"), newBrowser(t, s).as("bob")
		equal(t, "the same password", b.me(), "alice")
		passwords["alice"] = "hash 2"
		equal(t, "another password", b.me(), "-")
		equal(t, "cookies afterwards", len(b.jar), 0)
		equal(t, "somebody else", bob.me(), "bob")
		equal(t, "a login with the new password", b.as("alice").me(), "alice")
		passwords["alice"] = "hash 1"
		equal(t, "a stamp that was there before", other.me(), "alice")
		unstamped := newBrowser(t, newSite(t, shelf.option)).as("alice")
		unstamped.handler = s
		equal(t, "a login from before there were stamps", unstamped.me(), "-")
		for _, c := range bob.jar {
			if strings.Contains(c.Value, "hash 1") {
				t.Errorf("the cookie %s shows the stamp", c.Value)
			}
		}
	})
}

func TestStampsOfTwoUsersDiffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDrawer()
		s := newSite(t, d.option, func(c *passport.Config) {
			users := c.Users.(passport.Users[*user])
			users.Stamp = func(*user) string { return "the hash of an empty password" }
			c.Users = users
		})
		newBrowser(t, s).as("alice")
		newBrowser(t, s).as("bob")
		one, other := fmt.Sprint(d.records["id1"]), fmt.Sprint(d.records["id2"])
		if strings.ReplaceAll(one, "alice", "bob") == other || strings.Contains(one, "hash") {
			t.Errorf("a store that is readable tells who has the same password: %s, %s", one, other)
		}
	})
}

// cart lets a visitor keep something in the session that also holds the login.
func (s *site) cart(shelf shelf) {
	s.mux.HandleFunc("/cart/fill", func(w http.ResponseWriter, r *http.Request) {
		session, _ := shelf.values.Get(r, "session")
		session.Values["cart"], session.Values["count"] = "book", 7
		s.by(w, session.Save(r, w))
	})
	s.mux.HandleFunc("/cart", func(w http.ResponseWriter, r *http.Request) {
		session, _ := shelf.values.Get(r, "session")
		_, _ = fmt.Fprint(w, session.Values["cart"], session.Values["count"])
	})
}

func TestWhatALoginForgets(t *testing.T) {
	const none, book = "<nil> <nil>", "book7"
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		if shelf.values == nil {
			t.Skip("the application keeps nothing there")
		}
		for _, c := range []struct {
			before, path, want string
		}{
			{"", "/forget", none},
			{"", "/keep", book},
			{"", "/as/alice", none},
			{"bob", "/forget", none},
			{"bob", "/keep", book},
			{"bob", "/as/alice", none},
			{"alice", "/forget", book},
			{"alice", "/keep", book},
			{"alice", "/as/alice", book},
		} {
			s := newSite(t, shelf.option)
			s.cart(shelf)
			s.Use("alice", alice)
			s.mount("/forget", s.Authenticate("alice"))
			s.mount("/keep", s.Authenticate("alice", passport.KeepSessionInfo()))
			b := newBrowser(t, s)
			if c.before != "" {
				b.as(c.before)
			}
			b.get("/cart/fill").wants(http.StatusOK, "")
			b.get("/cart").wants(http.StatusOK, book)
			thief := b.thief()
			b.get(c.path)
			equal(t, "after "+c.path, b.me(), "alice")
			equal(t, fmt.Sprintf("the cart that %q filled, after %s", c.before, c.path), b.get("/cart").body, c.want)
			if shelf.login(b).Value == shelf.login(thief).Value {
				t.Errorf("%s leaves the identity as it was", c.path)
			}
			if shelf.revokes {
				equal(t, "the old identity after "+c.path, thief.me(), "-")
				equal(t, "its cart", thief.get("/cart").body, none)
			}
			b.get("/logout")
			equal(t, "the cart after a logout", b.get("/cart").body, none)
		}
	})
}

func TestACookieFromBeforeTheLoginIsNoLogin(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		if shelf.values == nil {
			t.Skip("there is no cookie before a login")
		}
		s := newSite(t, shelf.option)
		s.cart(shelf)
		attacker := newBrowser(t, s)
		attacker.get("/cart/fill")
		victim := attacker.thief()
		equal(t, "the victim", victim.as("alice").me(), "alice")
		equal(t, "the attacker", attacker.me(), "-")
	})
}

func TestOneSetCookieForEachName(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		for _, c := range []struct{ moves, want string }{
			{"alice", "alice"},
			{"alice bob", "bob"},
			{"alice alice", "alice"},
			{"-", "-"},
			{"- -", "-"},
			{"alice -", "-"},
			{"- alice", "alice"},
			{"alice - bob", "bob"},
			{"alice - bob -", "-"},
			{"- alice - - bob alice", "alice"},
		} {
			for _, before := range []string{"", "alice", "carol"} {
				s := newSite(t, shelf.option)
				s.mux.HandleFunc("/moves", func(w http.ResponseWriter, r *http.Request) {
					for move := range strings.FieldsSeq(c.moves) {
						if move == "-" {
							s.by(w, s.Logout(w, r))
						} else {
							s.by(w, s.Login(w, r, &user{move}))
						}
					}
					show(w, r)
				})
				b := newBrowser(t, s)
				if before != "" {
					b.as(before)
				}
				res := b.get("/moves").wants(http.StatusOK, "user "+c.want+", account -")
				if len(res.cookies) > 1 {
					t.Errorf("%q sets the cookies %v, want one of a name", c.moves, res.header["Set-Cookie"])
				}
				equal(t, fmt.Sprintf("%q, then %q", before, c.moves), b.me(), c.want)
				equal(t, fmt.Sprintf("%q, then %q: a cookie is there", before, c.moves), shelf.login(b) != nil, c.want != "-")
			}
		}
	})
}

func TestAUserWhoCannotBeKeptCostsNobodyTheSession(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		for name, value := range map[string]any{
			"an empty key":       &user{""},
			"another type":       "alice",
			"an account":         &account{"1"},
			"nobody":             nil,
			"a nil pointer":      (*user)(nil),
			"a key without room": &user{strings.Repeat("a", 5000)},
		} {
			s := newSite(t, shelf.option)
			s.mux.HandleFunc("/odd", func(w http.ResponseWriter, r *http.Request) {
				var e *passport.Error
				if err := s.Login(w, r, value); !errors.As(err, &e) || e.Status != 500 || e.Code != passport.CodeUserKey && e.Code != passport.CodeSessionTooLarge {
					t.Errorf("%s: the error is %v", name, err)
				}
				show(w, r)
			})
			b := newBrowser(t, s).as("bob")
			if res := b.get("/odd").wants(http.StatusOK, "user bob, account -"); len(res.cookies) > 0 {
				t.Errorf("%s: the cookies %v are set", name, res.cookies)
			}
			equal(t, name, b.me(), "bob")
			if value != nil && name != "a nil pointer" {
				s.Use("odd", always(passport.Success{Value: value}))
				s.mount("/login/odd", s.Authenticate("odd", passport.FailureRedirect("/")))
				equal(t, name+" by a strategy", b.get("/login/odd").status, http.StatusInternalServerError)
				equal(t, name+": handlers that ran", s.ran.Load(), 0)
				equal(t, name+" by a strategy, afterwards", b.me(), "bob")
			}
		}
	})
}

func TestTheAttributesOfCookies(t *testing.T) {
	origins := func(all ...string) option { return func(c *passport.Config) { c.Origins = all } }
	host := func(host string) with { return func(r *http.Request) { r.Host, r.TLS = host, nil } }
	tls := func(*http.Request) {}
	for _, c := range []struct {
		name    string
		origins option
		request with
		secure  bool
	}{
		{"https", origins(), tls, true},
		{"https on localhost", origins(), func(r *http.Request) { r.Host = "localhost:8443" }, true},
		{"a proxy that ends TLS", origins(), host("app.example"), true},
		{"plain http on localhost", origins(), host("localhost:8080"), false},
		{"plain http on localhost without a port", origins(), host("localhost"), false},
		{"plain http under localhost", origins(), host("app.localhost:8080"), false},
		{"plain http on 127.0.0.1", origins(), host("127.0.0.1:8080"), false},
		{"plain http on another address of this machine", origins(), host("127.1.2.3"), false},
		{"plain http on ::1", origins(), host("[::1]:8080"), false},
		{"a host that begins like localhost", origins(), host("localhost.evil.test"), true},
		{"a host that begins like 127.0.0.1", origins(), host("127.0.0.1.evil.test:80"), true},
		{"a host that ends like localhost", origins(), host("notlocalhost"), true},
		{"another address", origins(), host("192.168.0.1:8080"), true},
		{"no host", origins(), host(""), true},
		{"a proxy that changes Host", origins("https://app.example"), host("localhost:8080"), true},
		{"the origin of development", origins("http://localhost:8080"), host("localhost:8080"), false},
		{"the origins of both, at home", origins("https://app.example", "http://localhost:8080"), host("localhost:8080"), false},
		{"the origins of both, from outside", origins("https://app.example", "http://localhost:8080"), host("app.example"), true},
		{"the origin of development on another port", origins("http://localhost:8080"), host("localhost:9090"), true},
	} {
		s := newSite(t, c.origins)
		s.login("github")
		s.mount("/private", s.RequireUser("/login"))
		for path, kind := range map[string]string{"/as/alice": "login", "/login/github": "flow", "/private": "notes"} {
			b := newBrowser(t, s)
			res := b.get(path, c.request)
			if len(res.cookies) != 1 {
				t.Errorf("%s: %s sets %d cookies, want 1", c.name, path, len(res.cookies))
				continue
			}
			got, prefix := res.cookies[0], "__Host-passport-"+kind+"-"
			if !c.secure {
				prefix = "passport-" + kind + "-"
			}
			if !strings.HasPrefix(got.Name, prefix) || got.Secure != c.secure || !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Path != "/" || got.Domain != "" || got.MaxAge <= 0 {
				t.Errorf("%s: %s sets %v, want the prefix %s, HttpOnly, Lax, the path /, Secure: %v", c.name, path, got, prefix, c.secure)
			}
			if kind == "login" {
				equal(t, c.name+": the next request", b.get("/me", c.request).body, "user alice, account -")
				gone := b.get("/logout", c.request).cookies
				if len(gone) != 1 || gone[0].Name != got.Name || gone[0].Path != "/" || gone[0].Secure != c.secure || !gone[0].HttpOnly || gone[0].MaxAge >= 0 {
					t.Errorf("%s: a logout sets %v, want %s removed", c.name, gone, got.Name)
				}
				equal(t, c.name+": Max-Age", got.MaxAge, 14*24*60*60)
			}
		}
	}
}

func TestNothingReadableIsInACookie(t *testing.T) {
	s := newSite(t)
	s.login("github", passport.SuccessMessage("CANARY-MESSAGE"))
	s.mount("/private", s.RequireUser("/login"))
	b := newBrowser(t, s).as("CANARY-USER")
	b.get("/logout")
	b.get("/private?CANARY-TARGET")
	b.providerSays("/login/github", "CANARY-USER")
	b.begin("/login/github")
	equal(t, "cookies of a login, of notes and of a flow", len(b.jar), 3)
	for _, c := range b.jar {
		for _, text := range append(decodings(c.Value), c.Name) {
			if strings.Contains(text, "CANARY") || strings.Contains(text, "verifier") || strings.Contains(text, "github") {
				t.Errorf("the cookie %s shows %q", c.Name, text)
			}
		}
	}
}

// providerSays goes through a flow.
func (b *browser) providerSays(path, id string) *reply {
	b.t.Helper()
	return b.back(path, b.begin(path), id)
}

type admin struct{ id string }

// twoRegistries has users and admins on one page: "user -, admin -".
func twoRegistries(t *testing.T, opts ...option) http.Handler {
	key := newKey()
	opts = append([]option{func(c *passport.Config) { c.Keys = [][]byte{key} }}, opts...)
	users := newRegistry(t, opts...)
	admins := newRegistry(t, append(opts, func(c *passport.Config) {
		c.Users = passport.Users[*admin]{
			Key:  func(a *admin) string { return a.id },
			Load: func(_ context.Context, id string) (*admin, error) { return &admin{id}, nil },
		}
	})...)
	mux := http.NewServeMux()
	var err error
	mux.HandleFunc("/users/{id}", func(w http.ResponseWriter, r *http.Request) { err = users.Login(w, r, &user{r.PathValue("id")}) })
	mux.HandleFunc("/admins/{id}", func(w http.ResponseWriter, r *http.Request) { err = admins.Login(w, r, &admin{r.PathValue("id")}) })
	mux.HandleFunc("/users/logout", func(w http.ResponseWriter, r *http.Request) { err = users.Logout(w, r) })
	mux.HandleFunc("/admins/logout", func(w http.ResponseWriter, r *http.Request) { err = admins.Logout(w, r) })
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	return users.Session(admins.Session(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r)
		if err != nil {
			t.Error(err)
		}
		u, _ := passport.UserFrom[*user](r.Context())
		a, _ := passport.UserFrom[*admin](r.Context())
		if u == nil {
			u = &user{"-"}
		}
		if a == nil {
			a = &admin{"-"}
		}
		_, _ = fmt.Fprintf(w, "user %s, admin %s", u.id, a.id)
	})))
}

func TestTwoRegistriesInOneRequest(t *testing.T) {
	b := newBrowser(t, twoRegistries(t))
	for _, c := range []struct{ path, want string }{
		{"/", "user -, admin -"},
		{"/users/1", "user 1, admin -"},
		{"/", "user 1, admin -"},
		{"/admins/2", "user 1, admin 2"},
		{"/", "user 1, admin 2"},
		{"/users/3", "user 3, admin 2"},
		{"/admins/logout", "user 3, admin -"},
		{"/", "user 3, admin -"},
		{"/admins/4", "user 3, admin 4"},
		{"/users/logout", "user -, admin 4"},
		{"/", "user -, admin 4"},
	} {
		equal(t, c.path, b.get(c.path).body, c.want)
	}

	b = newBrowser(t, b.handler)
	b.get("/users/1")
	theirs := newBrowser(t, b.handler)
	theirs.get("/admins/2")
	if b.jar[0].Name == theirs.jar[0].Name {
		t.Error("both registries have one cookie")
	}
	moved := header("Cookie", theirs.jar[0].Name+"="+b.jar[0].Value)
	equal(t, "a login that was moved", newBrowser(t, b.handler).get("/", moved).body, "user -, admin -")
}

func TestOfTwoRegistriesWithOneTypeTheInnerSaysWhoItIs(t *testing.T) {
	outer, inner := newRegistry(t), newRegistry(t)
	login := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := outer.Login(w, r, &user{"alice"}); err != nil {
			t.Error(err)
		}
	})
	b := newBrowser(t, login)
	b.get("/")
	b.handler = outer.Session(http.HandlerFunc(show))
	equal(t, "the outer alone", b.me(), "alice")
	b.handler = outer.Session(inner.Session(http.HandlerFunc(show)))
	equal(t, "both", b.me(), "-")
}

func TestAUserIsNoAdminWhereTheyShareASession(t *testing.T) {
	store := passport.GorillaSessions(passport.CookieSessions(newKey()), "session")
	b := newBrowser(t, twoRegistries(t, func(c *passport.Config) { c.Sessions = store }))
	b.get("/users/1")
	equal(t, "a user's login", b.get("/").body, "user 1, admin -")
}

func TestTypesOfOneNameFromTwoPackages(t *testing.T) {
	key := newKey()
	observe := func(context.Context, passport.Event) {}
	texts := passport.New(passport.Config{Keys: [][]byte{key}, Observe: observe, Users: passport.Users[*texttemplate.Template]{
		Key:  func(*texttemplate.Template) string { return "1" },
		Load: func(context.Context, string) (*texttemplate.Template, error) { return texttemplate.New("1"), nil },
	}})
	pages := passport.New(passport.Config{Keys: [][]byte{key}, Observe: observe, Users: passport.Users[*htmltemplate.Template]{
		Key:  func(*htmltemplate.Template) string { return "1" },
		Load: func(context.Context, string) (*htmltemplate.Template, error) { return htmltemplate.New("1"), nil },
	}})
	w := httptest.NewRecorder()
	if err := texts.Login(w, httptest.NewRequest("GET", "/", nil), texttemplate.New("1")); err != nil {
		t.Fatal(err)
	}
	pages.Session(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if u, ok := passport.UserFrom[*htmltemplate.Template](r.Context()); ok {
			t.Errorf("the login of a %T is one of a %T", texttemplate.New(""), u)
		}
	})).ServeHTTP(httptest.NewRecorder(), func() *http.Request {
		r := httptest.NewRequest("GET", "/", nil)
		for _, c := range w.Result().Cookies() {
			r.AddCookie(c)
		}
		return r
	}())
}

func TestWithoutACookieNothingIsAsked(t *testing.T) {
	var loads atomic.Int64
	counted := func(c *passport.Config) {
		users := c.Users.(passport.Users[*user])
		load := users.Load
		users.Load = func(ctx context.Context, key string) (*user, error) { loads.Add(1); return load(ctx, key) }
		c.Users = users
	}
	store := newCabinet()
	for _, c := range []struct {
		name   string
		option option
	}{{"sealed cookies", func(*passport.Config) {}}, {"a gorilla store", store.option}} {
		s := newSite(t, counted, c.option)
		s.connect("github")
		s.login("github")
		s.mount("/private", s.RequireUser("/login"))
		b := newBrowser(t, s)
		for _, path := range []string{"/me", "/private", "/login/github", "/connect/github"} {
			b.get(path, header("Cookie", "theme=dark; sessionx=1; xsession=1; session; passport-login=1"))
		}
		equal(t, c.name+": users loaded", loads.Load(), 0)
		equal(t, c.name+": calls of the store", store.calls.Load(), 0)
		b.as("alice").me()
		equal(t, c.name+": users loaded with a login", loads.Swap(0), 1)
	}
	equal(t, "the store was called for a login", store.calls.Load() > 0, true)
}

func TestASessionIsRestoredOnce(t *testing.T) {
	var loads atomic.Int64
	s := newSite(t, func(c *passport.Config) {
		users := c.Users.(passport.Users[*user])
		users.Load = func(_ context.Context, key string) (*user, error) { loads.Add(1); return &user{key}, nil }
		c.Users = users
	})
	s.connect("github")
	s.mux.Handle("/deep", s.Session(s.Session(s.RequireUser("")(s.RequireUser("")(http.HandlerFunc(show))))))
	b := newBrowser(t, s).as("alice")
	b.get("/deep").wants(http.StatusOK, "user alice, account -")
	equal(t, "loads of one request", loads.Swap(0), 1)
	b.get("/connect/github")
	equal(t, "loads of a flow's beginning", loads.Load(), 1)
}

func TestAFileThatCannotBeReadIsAFault(t *testing.T) {
	dir := t.TempDir()
	shelf := shelves(dir, newKey())[3]
	s := newSite(t, shelf.option)
	b := newBrowser(t, s).as("alice")
	files, _ := filepath.Glob(filepath.Join(dir, "session_*"))
	if len(files) != 1 {
		t.Fatalf("the store has the files %q", files)
	}
	kept, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{os.Remove(files[0]), os.Mkdir(files[0], 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	b.get("/me").refused(http.StatusServiceUnavailable, passport.CodeSessionStore)
	for _, err := range []error{os.Remove(files[0]), os.WriteFile(files[0], kept[:len(kept)/2], 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "half of a record", b.me(), "-")
	if err := os.WriteFile(files[0], kept, 0o600); err != nil {
		t.Fatal(err)
	}
	equal(t, "the whole record", b.me(), "alice")
}

func TestManyRequestsOfOneSession(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		b := newBrowser(t, s).as("alice")
		done := make(chan bool)
		for range 8 {
			go func() {
				mine := b.thief()
				for range 20 {
					equal(t, "the person", mine.me(), "alice")
				}
				done <- true
			}()
		}
		for range 8 {
			<-done
		}
	})
}
