package passport_test

import (
	"encoding/base64"
	"encoding/gob"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"github.com/gopassport/passport"
)

// cabinet is a gorilla store on a server, in memory, with the habits of the known ones.
type cabinet struct {
	mu      sync.Mutex
	records map[string]map[any]any
	count   int
	calls   atomic.Int64

	tells         bool  // New reports a record that is gone (FilesystemStore); else it does not (redistore)
	rereads       bool  // Save takes the identity of the request's cookie (gormstore), not the session's
	get, put, del error // what New, Save and the Save that deletes fail with
}

func newCabinet() *cabinet { return &cabinet{records: map[string]map[any]any{}} }

func (c *cabinet) option(config *passport.Config) {
	config.Sessions = passport.GorillaSessions(c, "session")
}

func (c *cabinet) Get(r *http.Request, name string) (*sessions.Session, error) {
	c.calls.Add(1)
	return sessions.GetRegistry(r).Get(c, name)
}

func (c *cabinet) New(r *http.Request, name string) (*sessions.Session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := sessions.NewSession(c, name)
	s.Options, s.IsNew = &sessions.Options{Path: "/", MaxAge: 3600}, true
	if c.get != nil {
		return s, c.get
	}
	sent, err := r.Cookie(name)
	if err != nil {
		return s, nil
	}
	s.ID = sent.Value // all known stores keep the identity that was sent
	values, found := c.records[s.ID]
	if !found && c.tells {
		return s, os.ErrNotExist
	}
	s.Values, s.IsNew = maps.Clone(values), !found
	if s.Values == nil {
		s.Values = map[any]any{}
	}
	return s, nil
}

func (c *cabinet) Save(r *http.Request, w http.ResponseWriter, s *sessions.Session) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls.Add(1)
	if c.put != nil {
		return c.put
	}
	id := s.ID
	if sent, err := r.Cookie(s.Name()); c.rereads && err == nil && c.records[sent.Value] != nil {
		id = sent.Value
	}
	if s.Options.MaxAge <= 0 {
		if c.del != nil {
			return c.del
		}
		delete(c.records, id)
		http.SetCookie(w, sessions.NewCookie(s.Name(), "", s.Options))
		return nil
	}
	if id == "" {
		c.count++
		id = fmt.Sprintf("id%d", c.count)
	}
	s.ID, c.records[id] = id, maps.Clone(s.Values)
	http.SetCookie(w, sessions.NewCookie(s.Name(), id, s.Options))
	return nil
}

func TestAnIdentityThatSomebodyPlantedIsNotAdopted(t *testing.T) {
	for _, c := range []struct {
		name  string
		store *cabinet
	}{
		{"a store that says nothing of a record that is gone", &cabinet{}},
		{"a store that reports a record that is gone", &cabinet{tells: true}},
		{"a store that reads the cookie again", &cabinet{rereads: true}},
	} {
		c.store.records = map[string]map[any]any{"prepared": {"cart": "book"}}
		s := newSite(t, c.store.option)
		for _, planted := range []string{"gone", "prepared"} {
			attacker, victim := newBrowser(t, s), newBrowser(t, s)
			attacker.jar = []*http.Cookie{{Name: "session", Value: planted}}
			victim.jar = attacker.jar
			equal(t, c.name+": the victim", victim.as("alice").me(), "alice")
			if victim.cookie("session") == planted {
				t.Errorf("%s: the login has the identity %q that somebody planted", c.name, planted)
			}
			equal(t, c.name+": the attacker", attacker.me(), "-")
			if planted == "prepared" && c.store.records[planted] != nil {
				t.Errorf("%s: the record of the old identity is still there", c.name)
			}
			last := victim.thief()
			equal(t, c.name+": the same user again", victim.as("alice").me(), "alice")
			equal(t, c.name+": the identity before", last.me(), "-")
		}
	}
}

func TestTheApplicationAdoptsNoPlantedIdentityEither(t *testing.T) {
	for _, store := range []*cabinet{{}, {tells: true}} {
		store.records = map[string]map[any]any{}
		s := newSite(t, store.option)
		s.cart(shelf{values: store})
		b := newBrowser(t, s)
		b.jar = []*http.Cookie{{Name: "session", Value: "planted"}}
		b.get("/cart/fill").wants(http.StatusOK, "")
		if got := b.cookie("session"); got == "planted" || store.records["planted"] != nil {
			t.Errorf("a store that tells: %v; the cart is kept under %q", store.tells, got)
		}
		equal(t, "the cart", b.get("/cart").body, "book7")
	}
}

// identity is the ID that a cookie of the FilesystemStore names.
func identity(t *testing.T, store *sessions.FilesystemStore, value string) (id string) {
	t.Helper()
	if err := securecookie.DecodeMulti("session", value, &id, store.Codecs...); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestAWellSignedIdentityWithoutARecordIsNotAdopted(t *testing.T) {
	dir := t.TempDir()
	shelf := shelves(dir, newKey())[3]
	store := shelf.values.(*sessions.FilesystemStore)
	s := newSite(t, shelf.option)
	s.cart(shelf)
	attacker := newBrowser(t, s)
	attacker.get("/cart/fill")
	planted := identity(t, store, attacker.cookie("session"))
	if err := os.Remove(filepath.Join(dir, "session_"+planted)); err != nil {
		t.Fatal(err)
	}
	equal(t, "a record that is gone", attacker.me(), "-")
	victim := attacker.thief().as("alice")
	if got := identity(t, store, victim.cookie("session")); got == planted || got == "" {
		t.Errorf("the login has the identity %q, and %q was planted", got, planted)
	}
	equal(t, "the victim", victim.me(), "alice")
	equal(t, "the attacker", attacker.me(), "-")
	victim.get("/logout")
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	equal(t, "records after the logout", len(files), 0)
}

func TestAGorillaStoreThatIsDownIsAFault(t *testing.T) {
	down := errors.New("dial tcp: connection refused")
	store := newCabinet()
	s := newSite(t, store.option)
	b := newBrowser(t, s).as("alice")
	store.get = down
	b.get("/me").refused(http.StatusServiceUnavailable, passport.CodeSessionStore)
	store.get = nil
	equal(t, "afterwards", b.me(), "alice")
	store.put = down
	equal(t, "a login", b.get("/as/bob").status, http.StatusInternalServerError)
	equal(t, "after the failing login", b.me(), "alice")
	equal(t, "a logout", b.get("/logout").status, http.StatusInternalServerError)
}

func TestALoginWhoseOldIdentityDoesNotDieIsNone(t *testing.T) {
	for _, c := range []struct {
		name  string
		store *cabinet
	}{
		{"a store", &cabinet{}},
		{"a store that reads the cookie again", &cabinet{rereads: true}},
	} {
		c.store.records = map[string]map[any]any{"planted": {"cart": "book"}}
		s := newSite(t, c.store.option)
		s.mux.HandleFunc("/in", func(w http.ResponseWriter, r *http.Request) {
			if s.Login(w, r, &user{"alice"}) == nil {
				t.Error(c.name + ": the login is kept")
			}
			session, _ := c.store.Get(r, "session")
			s.by(w, session.Save(r, w)) // for values of its own, which the application changed
		})
		b := newBrowser(t, s)
		b.jar = []*http.Cookie{{Name: "session", Value: "planted"}}
		attacker := b.thief()
		c.store.del = errors.New("connection refused")
		b.get("/in").wants(http.StatusOK, "")
		c.store.del = nil
		equal(t, c.name+": the person afterwards", b.me(), "-")
		equal(t, c.name+": whoever planted the identity", attacker.me(), "-")
	}
}

func TestALoginThatFailsIsNotSavedLater(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		if shelf.values == nil {
			t.Skip("the application keeps nothing there")
		}
		s := newSite(t, shelf.option)
		s.cart(shelf)
		s.Use("alice", alice)
		s.mux.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) {
			session, _ := shelf.values.Get(r, "session")
			session.Values["large"] = strings.Repeat("a", 8000)
			s.Authenticate("alice", passport.KeepSessionInfo(), passport.OnError(func(w http.ResponseWriter, r *http.Request, _ error) {
				delete(session.Values, "large")
				s.by(w, session.Save(r, w))
			}))(http.HandlerFunc(show)).ServeHTTP(w, r)
		})
		b := newBrowser(t, s).as("bob")
		b.get("/cart/fill")
		b.get("/large").wants(http.StatusOK, "")
		equal(t, "the person", b.me(), "bob")
		equal(t, "the cart", b.get("/cart").body, "book7")
	})
}

func TestALoginThatFailsLeavesTheResponseAsItWas(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.mux.HandleFunc("/twice", func(w http.ResponseWriter, r *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "before", Value: "1"})
			s.by(w, s.Login(w, r, &user{"alice"}))
			http.SetCookie(w, &http.Cookie{Name: "after", Value: "2"})
			if s.Login(w, r, &user{strings.Repeat("a", 5000)}) == nil {
				t.Error("a key of 5000 bytes is kept")
			}
		})
		b := newBrowser(t, s)
		res := b.get("/twice")
		var names []string
		for _, c := range res.cookies {
			names = append(names, c.Name)
		}
		equal(t, "cookies set, "+strings.Join(names, " "), len(names), 3)
		equal(t, "the cookies before and after", b.cookie("before")+b.cookie("after"), "12")
		equal(t, "the person", b.me(), "alice")
	})
}

func TestASessionOfAnotherShapeIsNoLogin(t *testing.T) {
	for name, values := range map[string]map[any]any{
		"an int for a login":        {"passport": 5},
		"nil for a login":           {"passport": nil},
		"an empty login":            {"passport": ""},
		"a login without its parts": {"passport": "alice"},
		"a login of dots":           {"passport": "..."},
		"a login without a user":    {"passport": "zik0zj.x."},
		"a login without a time":    {"passport": ".x.alice"},
		"a login with an odd time":  {"passport": "-zzzzzzzzzzzzz..alice"},
		"keys of other kinds":       {5: "alice", true: 1},
	} {
		store := newCabinet()
		store.records["1"] = values
		b := newBrowser(t, newSite(t, store.option))
		b.jar = []*http.Cookie{{Name: "session", Value: "1"}}
		equal(t, name, b.me(), "-")
		equal(t, name+", then a login", b.as("alice").me(), "alice")
	}
}

type basket struct{ Items []string }

func TestCookieSessionsKeepsValues(t *testing.T) {
	gob.Register(basket{})
	key := newKey()
	for name, values := range map[string]map[any]any{
		"nothing":            {},
		"strings":            {"a": "1", "b": "", "": "c"},
		"odd strings":        {"a;b=c": "\x00\xff \"", "é": "\n"},
		"a number":           {"a": 1},
		"a key of a number":  {1: "a"},
		"a type of one's":    {"basket": basket{[]string{"book"}}},
		"strings and others": {"a": "1", "b": true},
		"three kilobytes":    {"a": strings.Repeat("a", 2900)},
	} {
		store := passport.CookieSessions(key)
		r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		s, err := store.Get(r, "session")
		if err != nil || !s.IsNew {
			t.Fatal(s.IsNew, err)
		}
		maps.Copy(s.Values, values)
		if err := s.Save(r, w); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r = httptest.NewRequest("GET", "/", nil)
		r.AddCookie(w.Result().Cookies()[0])
		s, err = passport.CookieSessions(newKey(), key).Get(r, "session")
		if err != nil || s.IsNew || fmt.Sprint(s.Values) != fmt.Sprint(values) {
			t.Errorf("%s: got %v (%v), want %v", name, s.Values, err, values)
		}
	}
}

func TestCookieSessionsSaysWhatDoesNotFit(t *testing.T) {
	store := passport.CookieSessions(newKey())
	r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
	s, _ := store.Get(r, "session")
	s.Values["a"] = strings.Repeat("a", 3100)
	if err := s.Save(r, w); err == nil || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("3100 bytes are saved: %v, %d bytes of cookies", err, len(w.Header().Get("Set-Cookie")))
	}
	s.Values["a"] = make(chan int)
	if err := s.Save(r, w); err == nil || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("a channel is saved: %v", err)
	}
}

func TestCookieSessionsHasSafeAttributes(t *testing.T) {
	store := passport.CookieSessions(newKey())
	r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
	s, _ := store.Get(r, "session")
	s.Values["secret"] = "CANARY"
	if err := s.Save(r, w); err != nil {
		t.Fatal(err)
	}
	c := w.Result().Cookies()[0]
	if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 14*24*3600 {
		t.Errorf("the cookie is %v", c)
	}
	for _, text := range decodings(c.Value) {
		if strings.Contains(text, "CANARY") || strings.Contains(text, "secret") {
			t.Errorf("the cookie shows %q", text)
		}
	}
}

func TestCookieSessionsRefusesOldValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := passport.CookieSessions(newKey())
		store.Options.MaxAge = 60
		r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		s, _ := store.Get(r, "session")
		s.Values["a"] = "1"
		if err := s.Save(r, w); err != nil {
			t.Fatal(err)
		}
		after := func(age time.Duration) (*sessions.Session, error) {
			time.Sleep(age)
			r := httptest.NewRequest("GET", "/", nil)
			r.AddCookie(w.Result().Cookies()[0])
			return store.Get(r, "session")
		}
		if s, err := after(59 * time.Second); err != nil || s.Values["a"] != "1" {
			t.Errorf("before its end: %v, %v", s.Values, err)
		}
		s, err := after(time.Second)
		var bad securecookie.Error
		if !errors.As(err, &bad) || !bad.IsDecode() || len(s.Values) != 0 {
			t.Errorf("at its end: %v, %v", s.Values, err)
		}
		store.Options.MaxAge = 0 // kept for as long as the browser runs
		if s, err := after(14*24*time.Hour - 61*time.Second); err != nil || s.Values["a"] != "1" {
			t.Errorf("where it has none, before the end of 14 days: %v, %v", s.Values, err)
		}
		if s, err := after(time.Second); err == nil || len(s.Values) != 0 {
			t.Errorf("where it has none, after 14 days: %v, %v", s.Values, err)
		}
	})
}

func TestCookieSessionsBindsAValueToItsName(t *testing.T) {
	store := passport.CookieSessions(newKey())
	r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
	s, _ := store.Get(r, "theme")
	s.Values["passport"] = "1"
	if err := s.Save(r, w); err != nil {
		t.Fatal(err)
	}
	r = httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: "session", Value: w.Result().Cookies()[0].Value})
	if s, err := store.Get(r, "session"); err == nil || len(s.Values) != 0 {
		t.Errorf("the value of one cookie opens as another: %v", s.Values)
	}
}

func TestTheApplicationAndTheLibraryHoldOneSession(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		if shelf.values == nil {
			t.Skip("the application keeps nothing there")
		}
		s := newSite(t, shelf.option)
		s.cart(shelf)
		s.mux.HandleFunc("/both", func(w http.ResponseWriter, r *http.Request) {
			session, _ := shelf.values.Get(r, "session")
			session.Values["cart"] = "before"
			s.by(w, s.Login(w, r, &user{"alice"}))
			session.Values["cart"] = "after"
			s.by(w, session.Save(r, w))
		})
		b := newBrowser(t, s)
		b.get("/both").wants(http.StatusOK, "")
		equal(t, "a value set after the login", b.get("/cart").body, "after<nil>")
		equal(t, "the login", b.me(), "alice")
	})
}

func TestSessionsThatOnlyLookWriteNothing(t *testing.T) {
	store := newCabinet()
	s := newSite(t, store.option)
	s.connect("github")
	b := newBrowser(t, s).as("alice")
	before := store.calls.Load()
	b.me()
	b.begin("/connect/github")
	if got := store.calls.Load() - before; got != 2 {
		t.Errorf("two requests called the store %d times, want a Get each and no Save", got)
	}
}

// decodings are the texts that a value may stand for, one base64 inside another.
func decodings(value string) []string {
	all := []string{value}
	for i := 0; i < len(all) && i < 8; i++ {
		for _, encoding := range []*base64.Encoding{base64.RawURLEncoding, base64.URLEncoding} {
			if text, err := encoding.DecodeString(all[i]); err == nil {
				all = append(all, string(text))
			}
		}
	}
	return all
}
