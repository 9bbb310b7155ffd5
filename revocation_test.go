package passport_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gopassport/passport"
)

// ledger is a RevocationStore in memory.
type ledger struct {
	mu     sync.Mutex
	ids    map[string]bool
	before map[string]time.Time
	ttl    time.Duration
	asked  int
	down   error
}

func newLedger() *ledger {
	return &ledger{ids: map[string]bool{}, before: map[string]time.Time{}}
}

func (l *ledger) Revoke(_ context.Context, user, id string, ttl time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down != nil {
		return l.down
	}
	if l.ttl = ttl; id == "" {
		l.before[user] = time.Now()
	} else {
		l.ids[user+"\x00"+id] = true
	}
	return nil
}

func (l *ledger) Revoked(_ context.Context, user, id string, began time.Time) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	return l.ids[user+"\x00"+id] || !began.After(l.before[user]), l.down
}

func (l *ledger) fail(err error) { l.mu.Lock(); l.down = err; l.mu.Unlock() }

// onEachShelfWithRevocations runs a test on each store, with an empty ledger.
func onEachShelfWithRevocations(t *testing.T, test func(*testing.T, *site, *ledger)) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		l := newLedger()
		s := newSite(t, shelf.option, func(c *passport.Config) { c.Revocations = l })
		test(t, s, l)
	})
}

func TestALogoutEndsCopiesOfItsLoginAndNoOther(t *testing.T) {
	onEachShelfWithRevocations(t, func(t *testing.T, s *site, l *ledger) {
		b, other, bob := newBrowser(t, s).as("alice"), newBrowser(t, s).as("alice"), newBrowser(t, s).as("bob")
		thief := b.thief()
		equal(t, "the copy before", thief.me(), "alice")
		b.get("/logout").wants(http.StatusOK, "")
		equal(t, "the copy", thief.me(), "-")
		equal(t, "the same person's other browser", other.me(), "alice")
		equal(t, "somebody else", bob.me(), "bob")
		equal(t, "remembered until the login would have ended", l.ttl, 14*24*time.Hour+time.Minute)
	})
}

func TestALogInAgainEndsCopiesOfTheLoginBefore(t *testing.T) {
	onEachShelfWithRevocations(t, func(t *testing.T, s *site, _ *ledger) {
		b := newBrowser(t, s).as("alice")
		thief := b.thief()
		equal(t, "the new login", b.as("alice").me(), "alice")
		equal(t, "the copy", thief.me(), "-")
	})
}

func TestLogoutEverywhereEndsAllLoginsOfOneUser(t *testing.T) {
	onEachShelfWithRevocations(t, func(t *testing.T, s *site, _ *ledger) {
		one, two, bob := newBrowser(t, s).as("alice"), newBrowser(t, s).as("alice"), newBrowser(t, s).as("bob")
		if err := s.LogoutEverywhere(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
		event := s.last()
		equal(t, "the event", event.Kind+" "+event.User, "revoke alice")
		equal(t, "one browser", one.me(), "-")
		equal(t, "another", two.me(), "-")
		equal(t, "somebody else", bob.me(), "bob")
		equal(t, "a login afterwards", one.as("alice").me(), "alice")
	})
}

func TestALoginThatWasEndedElsewhereIsForgotten(t *testing.T) {
	l := newLedger()
	s := newSite(t, func(c *passport.Config) { c.Revocations = l })
	b := newBrowser(t, s).as("alice")
	_ = s.LogoutEverywhere(t.Context(), "alice")
	equal(t, "the person", b.me(), "-")
	equal(t, "the event", s.last().Kind, "forget")
	equal(t, "the cookie", b.cookie("passport-login"), "")
}

func TestAVisitorCostsTheRevocationStoreNothing(t *testing.T) {
	l := newLedger()
	s := newSite(t, func(c *passport.Config) { c.Revocations = l })
	l.fail(errors.New("down"))
	equal(t, "who", newBrowser(t, s).me(), "-")
	equal(t, "questions", l.asked, 0)
}

func TestARevocationStoreThatIsDownLogsNobodyOut(t *testing.T) {
	onEachShelfWithRevocations(t, func(t *testing.T, s *site, l *ledger) {
		b := newBrowser(t, s).as("alice")
		l.fail(errors.New("down"))
		for _, path := range []string{"/me", "/logout"} {
			equal(t, "the answer at "+path, b.get(path).status, http.StatusServiceUnavailable)
			equal(t, "the code at "+path, s.last().Code, passport.CodeRevocations)
		}
		l.fail(nil)
		equal(t, "afterwards", b.me(), "alice")
	})
}

func TestLogoutEverywhereSaysWhatItLacks(t *testing.T) {
	l := newLedger()
	with := newSite(t, func(c *passport.Config) { c.Revocations = l })
	l.fail(errors.New("down"))
	for _, c := range []struct {
		name string
		err  error
		want passport.Code
	}{
		{"no Revocations", newSite(t).LogoutEverywhere(t.Context(), "alice"), passport.CodeConfiguration},
		{"no key", with.LogoutEverywhere(t.Context(), ""), passport.CodeConfiguration},
		{"the store is down", with.LogoutEverywhere(t.Context(), "alice"), passport.CodeRevocations},
	} {
		var e *passport.Error
		if !errors.As(c.err, &e) || e.Code != c.want {
			t.Errorf("%s: %v, want %s", c.name, c.err, c.want)
		}
	}
}
