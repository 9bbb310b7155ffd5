package passport_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopassport/passport"
)

// newNotes is a site with /messages, which shows and forgets them, and with
// /login/password, which leaves one in either case.
func newNotes(t *testing.T, opts ...option) *site {
	t.Helper()
	s := newSite(t, opts...)
	s.mux.HandleFunc("/messages", func(w http.ResponseWriter, r *http.Request) {
		messages, err := s.Messages(w, r)
		s.by(w, err)
		_, _ = fmt.Fprintf(w, "%q", messages)
	})
	s.login("password", passport.SuccessRedirect("/"), passport.SuccessMessage("Welcome!"), passport.FailureRedirect("/login"), passport.FailureMessage(""))
	return s
}

// notes is the cookie of the notes; "" for none.
func (b *browser) notes() string { return b.cookie("passport-notes-") }

func TestMessagesAreReadOnce(t *testing.T) {
	s := newNotes(t)
	b := newBrowser(t, s)
	equal(t, "before", b.get("/messages").body, "[]")
	b.post("/login/password", nil)
	equal(t, "after a failure", b.get("/messages").body, `["Wrong user or password."]`)
	equal(t, "the second time", b.get("/messages").body, "[]")
	equal(t, "cookies", len(b.jar), 0)
}

func TestMessagesAddUpAcrossPages(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		s := newNotes(t, shelf.option)
		b := newBrowser(t, s)
		b.post("/login/password", nil)
		b.post("/login/password", url.Values{"user": {"alice"}})
		b.post("/login/password", sesame("alice"))
		equal(t, "the person", b.me(), "alice")
		equal(t, "two failures and a login, which renewed the session", b.get("/messages").body, `["Wrong user or password." "Wrong user or password." "Welcome!"]`)
	})
}

func TestMessagesOfOneResponseAreReadOnce(t *testing.T) {
	old, young := newKey(), newKey()
	s := newNotes(t, func(c *passport.Config) { c.Keys = [][]byte{old} })
	twice := func(auth *passport.Registry) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			one, _ := auth.Messages(w, r)
			two, _ := auth.Messages(w, r)
			_, _ = fmt.Fprintf(w, "%d %d", len(one), len(two))
		})
	}
	b := newBrowser(t, s)
	b.post("/login/password", nil)
	rotated := b.thief()
	rotated.handler = twice(newRegistry(t, func(c *passport.Config) { c.Keys = [][]byte{young, old} }))
	b.handler = twice(s.Registry)
	equal(t, "read twice in one response", b.get("/").body, "1 0")
	equal(t, "read twice in one response, left under an older key", rotated.get("/").body, "1 0")
	equal(t, "cookies then", len(b.jar)+len(rotated.jar), 0)
}

func TestAMessageLeftInThisResponseIsThere(t *testing.T) {
	s := newSite(t)
	s.Use("alice", alice)
	s.mux.Handle("/both", s.Authenticate("alice", passport.SuccessMessage("Welcome!"))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		messages, _ := s.Messages(w, r)
		_, _ = fmt.Fprintf(w, "%q", messages)
	})))
	b := newBrowser(t, s)
	res := b.get("/both").wants(http.StatusOK, `["Welcome!"]`)
	equal(t, "cookies set", len(res.cookies), 1)
	equal(t, "notes afterwards", b.notes(), "")
}

func TestAVisitorGetsNoSessionBecauseOfNotes(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		s := newNotes(t, shelf.option)
		s.mount("/private", s.RequireUser("/login"))
		b := newBrowser(t, s)
		b.post("/login/password", nil)
		b.get("/private")
		b.get("/me")
		equal(t, "cookies", len(b.jar), 1)
		equal(t, "a session", shelf.login(b), nil)
	})
}

func TestNotesHaveABound(t *testing.T) {
	s := newNotes(t)
	s.mount("/private", s.RequireUser("/login"))
	n := 0
	s.Use("failing", passport.StrategyFunc(func(*http.Request, *passport.Attempt) (passport.Result, error) {
		n++
		return passport.Failure{Message: fmt.Sprintf("%d %s", n, strings.Repeat("a", 200))}, nil
	}))
	s.mount("/login/failing", s.Authenticate("failing", passport.FailureRedirect("/"), passport.FailureMessage("")))
	b := newBrowser(t, s)
	b.get("/private?" + strings.Repeat("q", 1500))
	for range 100 {
		b.get("/login/failing")
		if c := b.jar[0]; len(c.Name)+len(c.Value) > 4096 || len(b.jar) != 1 {
			t.Fatalf("%d cookies, the first with %d bytes", len(b.jar), len(c.Name)+len(c.Value))
		}
	}
	messages := b.get("/messages").body
	if !strings.Contains(messages, `"100 a`) || !strings.Contains(messages, `"98 a`) || strings.Contains(messages, `"1 a`) {
		t.Errorf("the messages are %s, want the newest", messages)
	}
	s.mount("/login/large", s.Authenticate("failing", passport.FailureRedirect("/"), passport.FailureMessage(strings.Repeat("b", 5000))))
	b.get("/login/large")
	equal(t, "a message larger than a cookie", b.get("/messages").body, "[]")
}

func TestNotesThatAreNone(t *testing.T) {
	s := newNotes(t)
	b := newBrowser(t, s).as("alice")
	login := b.jar[0].Value
	b.post("/login/password", nil)
	stranger := newBrowser(t, newNotes(t))
	stranger.post("/login/password", nil)
	name, good := b.jar[1].Name, b.notes()
	for what, value := range map[string]string{
		"empty ones":            "",
		"junk":                  "junk",
		"some cut short":        good[:len(good)-1],
		"some changed":          flip(good, 20),
		"some under other keys": stranger.notes(),
		"a login":               login,
		"large ones":            strings.Repeat("a", 10000),
	} {
		if res := newBrowser(t, s).get("/messages", header("Cookie", name+"="+value)); res.status != http.StatusOK || res.body != "[]" {
			t.Errorf("%s: %d %q, want none", what, res.status, res.body)
		}
	}
	equal(t, "good ones", newBrowser(t, s).get("/messages", header("Cookie", name+"="+good)).body, `["Wrong user or password."]`)
}

func TestNotesLastAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBrowser(t, newNotes(t))
		b.post("/login/password", nil)
		equal(t, "Max-Age", b.jar[0].MaxAge, 3600)
		later := b.thief()
		time.Sleep(59 * time.Minute)
		equal(t, "after 59 minutes", b.get("/messages").body, `["Wrong user or password."]`)
		time.Sleep(2 * time.Minute)
		equal(t, "after 61 minutes", later.get("/messages").body, "[]")
	})
}

func TestNotesSurviveARotationOfKeys(t *testing.T) {
	old, young := newKey(), newKey()
	keys := func(keys ...[]byte) option { return func(c *passport.Config) { c.Keys = keys } }
	b := newBrowser(t, newNotes(t, keys(old)))
	b.post("/login/password", nil)
	gone := b.thief()
	b.handler = newNotes(t, keys(young, old))
	b.post("/login/password", nil)
	equal(t, "cookies", len(b.jar), 1)
	equal(t, "with both keys", b.get("/messages").body, `["Wrong user or password." "Wrong user or password."]`)
	gone.handler = newNotes(t, keys(young))
	equal(t, "without the old key", gone.get("/messages").body, "[]")
}

func TestWhichMessageIsLeft(t *testing.T) {
	info := func(info any) passport.Result { return passport.Success{Value: &user{"alice"}, Info: info} }
	failed := func(text string) passport.Result { return passport.Failure{Message: text} }
	to := []passport.Option{passport.SuccessRedirect("/in"), passport.FailureRedirect("/out")}
	for _, c := range []struct {
		name   string
		result passport.Result
		option passport.Option
		want   string
	}{
		{"the route's text for a success", info("own"), passport.SuccessMessage("text"), `["text"]`},
		{"the strategy's text for a success", info("own"), passport.SuccessMessage(""), `["own"]`},
		{"no text of the strategy's for a success", info(nil), passport.SuccessMessage(""), `[]`},
		{"an Info that is no text", info(map[string]string{"a": "b"}), passport.SuccessMessage(""), `[]`},
		{"a success, a message for failures", info("own"), passport.FailureMessage("text"), `[]`},
		{"the route's text for a failure", failed("own"), passport.FailureMessage("text"), `["text"]`},
		{"the strategy's text for a failure", failed("own"), passport.FailureMessage(""), `["own"]`},
		{"no text of the strategy's for a failure", failed(""), passport.FailureMessage(""), `[]`},
		{"a failure, a message for successes", failed("own"), passport.SuccessMessage("text"), `[]`},
		{"a text with markup is left to the page", failed(`<b>"é"`), passport.FailureMessage(""), `["<b>\"é\""]`},
	} {
		s := newNotes(t)
		s.Use("known", always(c.result))
		s.mount("/known", s.Authenticate("known", append(slices.Clone(to), c.option)...))
		s.mount("/account", s.Authorize("known", append(slices.Clone(to), c.option)...))
		for _, path := range []string{"/known", "/account"} {
			b := newBrowser(t, s)
			b.get(path)
			equal(t, c.name+" at "+path, b.get("/messages").body, c.want)
		}
	}
}

func TestAFailureThatRedirectsNobodyLeavesNoMessage(t *testing.T) {
	s := newNotes(t)
	s.mount("/plain", s.Authenticate("password", passport.FailureMessage("text")))
	b := newBrowser(t, s)
	b.post("/plain", nil).refused(http.StatusUnauthorized, passport.CodeRejected)
	b.post("/login/password", nil, fetch).refused(http.StatusUnauthorized, passport.CodeRejected)
	equal(t, "cookies", len(b.jar), 0)
}
