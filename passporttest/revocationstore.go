package passporttest

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gopassport/passport"
)

// RevocationHarness tells [TestRevocationStore] how to make a revocation store, and how
// to break it.
type RevocationHarness struct {
	// Store makes the store as one machine has it. Called again, it gives what another
	// machine has: all stores of one harness share what was revoked. Required.
	Store func() passport.RevocationStore

	// Break makes the store fail as its server does when it is gone, until mend is
	// called; what was revoked before is there again then. Nil: it cannot fail, and the
	// cases that need it are skipped.
	Break func(t *testing.T) (mend func())
}

// TestRevocationStore checks what a [passport.RevocationStore] promises: on the store
// itself and through a registry with sealed cookies. open is called for each case, and
// gives a harness whose store is empty; what it starts it stops with t.Cleanup.
func TestRevocationStore(t *testing.T, open func(t *testing.T) RevocationHarness) {
	for _, c := range []struct {
		name string
		test func(h RevocationHarness, t *testing.T)
	}{
		{"one login is ended, and no other", RevocationHarness.one},
		{"all logins of a user are ended, and nobody else's", RevocationHarness.all},
		{"users are told apart", RevocationHarness.apart},
		{"a later revocation takes nothing back", RevocationHarness.later},
		{"a revocation is forgotten after its time", RevocationHarness.over},
		{"many at once", RevocationHarness.concurrent},
		{"a request that is over gets an error", RevocationHarness.cancelled},
		{"a store that is down says so, and forgets nothing", RevocationHarness.down},
		{"a logout ends the copies of a sealed cookie", RevocationHarness.logout},
		{"a logout everywhere reaches every machine", RevocationHarness.everywhere},
		{"a registry whose store is down logs nobody out", RevocationHarness.unavailable},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(open(t), t) })
	}
}

func suiteRevoke(t *testing.T, store passport.RevocationStore, user, id string, ttl time.Duration) {
	t.Helper()
	if err := store.Revoke(t.Context(), user, id, ttl); err != nil {
		t.Fatalf("Revoke(%.50q, %q): %v", user, id, err)
	}
}

// suiteRevoked asks about a login that began some time ago.
func suiteRevoked(t *testing.T, store passport.RevocationStore, user, id string, began time.Time) bool {
	t.Helper()
	ended, err := store.Revoked(t.Context(), user, id, began)
	if err != nil {
		t.Fatalf("Revoked(%.50q, %q): %v", user, id, err)
	}
	return ended
}

func (h RevocationHarness) one(t *testing.T) {
	store, other := h.Store(), h.Store()
	began := time.Now()
	suiteEqual(t, "before", suiteRevoked(t, store, "alice", "a", began), false)
	suiteRevoke(t, store, "alice", "a", time.Hour)
	for _, c := range []struct {
		user, id string
		want     bool
	}{
		{"alice", "a", true}, {"alice", "b", false}, {"alice", "A", false}, {"alice", "", false}, {"bob", "a", false}, {"", "a", false},
	} {
		for _, at := range []time.Time{began, began.Add(-time.Hour), began.Add(time.Hour)} {
			suiteEqual(t, fmt.Sprintf("%q, %q, that began %v", c.user, c.id, at), suiteRevoked(t, other, c.user, c.id, at), c.want)
		}
	}
	suiteRevoke(t, other, "alice", "a", time.Hour)
	suiteEqual(t, "once more", suiteRevoked(t, store, "alice", "a", began), true)
}

func (h RevocationHarness) all(t *testing.T) {
	store, other := h.Store(), h.Store()
	before := time.Now()
	suiteRevoke(t, store, "alice", "", time.Hour)
	after := time.Now().Add(time.Microsecond)
	for _, c := range []struct {
		what, user, id string
		began          time.Time
		want           bool
	}{
		{"a login from before", "alice", "a", before, true},
		{"another", "alice", "b", before.Add(-time.Hour), true},
		{"one without an id", "alice", "", before, true},
		{"a login afterwards", "alice", "a", after, false},
		{"one without an id, afterwards", "alice", "", after, false},
		{"a login much later", "alice", "c", after.Add(time.Hour), false},
		{"somebody else's from before", "bob", "a", before, false},
		{"nobody's", "", "a", before, false},
	} {
		suiteEqual(t, c.what, suiteRevoked(t, other, c.user, c.id, c.began), c.want)
	}
}

func (h RevocationHarness) apart(t *testing.T) {
	store := h.Store()
	users := []string{"alice", "Alice", "alice ", "al", "a%", "a*", "a'b", "a:b", "a", "{alice}", "älice", "\x00", "\xff", strings.Repeat("a", 3000), strings.Repeat("a", 3000) + "b"}
	began := time.Now()
	for i, user := range users {
		suiteEqual(t, fmt.Sprintf("%.20q before", user), suiteRevoked(t, store, user, "b", began), false)
		suiteRevoke(t, store, user, []string{"", "b"}[i%2], time.Hour)
		suiteEqual(t, fmt.Sprintf("%.20q afterwards", user), suiteRevoked(t, store, user, "b", began), true)
	}
	suiteRevoke(t, store, "u:x", "y", time.Hour)
	suiteEqual(t, "where user and id end", suiteRevoked(t, store, "u", "x:y", began), false)
}

func (h RevocationHarness) later(t *testing.T) {
	store := h.Store()
	began := time.Now()
	suiteRevoke(t, store, "alice", "", time.Hour)
	suiteRevoke(t, store, "alice", "", time.Millisecond)
	suiteRevoke(t, store, "alice", "a", time.Hour)
	suiteRevoke(t, store, "alice", "a", time.Millisecond)
	suiteRevoke(t, store, "bob", "", time.Millisecond)
	suiteEventually(t, "the end of a millisecond", 10*time.Second, func() bool { return !suiteRevoked(t, store, "bob", "", began) })
	suiteEqual(t, "all, for an hour and then for a millisecond", suiteRevoked(t, store, "alice", "", began), true)
	suiteEqual(t, "one, for an hour and then for a millisecond", suiteRevoked(t, store, "alice", "a", time.Now().Add(time.Hour)), true)
}

func (h RevocationHarness) over(t *testing.T) {
	store := h.Store()
	began := time.Now()
	suiteRevoke(t, store, "carol", "", time.Hour)
	for _, id := range []string{"", "a"} {
		suiteRevoke(t, store, "alice"+id, id, 200*time.Millisecond)
		suiteEventually(t, "the end of 200 ms", 10*time.Second, func() bool { return !suiteRevoked(t, store, "alice"+id, id, began) })
	}
	if age := time.Since(began); age < 400*time.Millisecond {
		t.Errorf("two revocations of 200 ms were forgotten after %v", age)
	}
	suiteRevoke(t, store, "dave", "", time.Hour) // may sweep
	suiteEqual(t, "one for an hour", suiteRevoked(t, store, "carol", "", began), true)
}

func (h RevocationHarness) concurrent(t *testing.T) {
	stores := []passport.RevocationStore{h.Store(), h.Store()}
	began := time.Now()
	suiteAtOnce(40, func(i int) {
		ctx := context.WithoutCancel(t.Context())
		for _, user := range []string{"alice", fmt.Sprint("user", i)} {
			if err := stores[i%2].Revoke(ctx, user, []string{"", strconv.Itoa(i)}[i/2%2], time.Hour); err != nil {
				t.Errorf("Revoke: %v", err)
			}
			if ended, err := stores[i%2].Revoked(ctx, user, strconv.Itoa(i), began); !ended || err != nil {
				t.Errorf("Revoked: %v, %v", ended, err)
			}
		}
	})
	suiteEqual(t, "somebody else", suiteRevoked(t, stores[0], "bob", "1", began), false)
}

func (h RevocationHarness) cancelled(t *testing.T) {
	store := h.Store()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if store.Revoke(ctx, "alice", "a", time.Hour) == nil {
		t.Error("Revoke: no error, want one of the context")
	}
	if _, err := store.Revoked(ctx, "alice", "a", time.Now()); err == nil {
		t.Error("Revoked: no error, want one of the context")
	}
}

func (h RevocationHarness) down(t *testing.T) {
	if h.Break == nil {
		t.Skip("the store cannot fail")
	}
	store := h.Store()
	began := time.Now()
	suiteRevoke(t, store, "alice", "", time.Hour)
	mend := h.Break(t)
	if store.Revoke(t.Context(), "bob", "", time.Hour) == nil {
		t.Error("Revoke: no error")
	}
	if _, err := store.Revoked(t.Context(), "bob", "a", began); err == nil {
		t.Error("Revoked: no error")
	}
	mend()
	suiteEventually(t, "it answers again", 10*time.Second, func() bool {
		_, err := store.Revoked(t.Context(), "alice", "a", began)
		return err == nil
	})
	suiteEqual(t, "what was revoked before", suiteRevoked(t, h.Store(), "alice", "a", began), true)
}

// sites are two machines with one key, and logins in sealed cookies.
func (h RevocationHarness) sites() (one, other *suiteSite) {
	keys := [][]byte{suiteKey()}
	return newSuiteSite(passport.Config{Keys: keys, Revocations: h.Store()}, nil), newSuiteSite(passport.Config{Keys: keys, Revocations: h.Store()}, nil)
}

func (h RevocationHarness) logout(t *testing.T) {
	one, other := h.sites()
	v, second, bob := one.visitor(t).as("alice"), other.visitor(t).as("alice"), one.visitor(t).as("bob")
	thief := v.at(other)
	suiteEqual(t, "a copy before the logout", thief.me(), "alice")
	v.wants("/logout", http.StatusOK, "")
	suiteEqual(t, "a copy after the logout", v.at(other).me()+thief.me(), "--")
	suiteEqual(t, "the same person's other browser", second.at(one).me(), "alice")
	suiteEqual(t, "somebody else", bob.at(other).me(), "bob")
	thief = second.thief()
	suiteEqual(t, "a login again", second.as("alice").me(), "alice")
	suiteEqual(t, "a copy of the login before", thief.me(), "-")
}

func (h RevocationHarness) everywhere(t *testing.T) {
	one, other := h.sites()
	first, second, bob := one.visitor(t).as("alice"), other.visitor(t).as("alice"), other.visitor(t).as("bob")
	copied := second.thief()
	if err := one.LogoutEverywhere(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	for what, v := range map[string]*suiteVisitor{"one browser": first, "another, at another machine": second, "a copy of its cookie": copied} {
		suiteEqual(t, what, v.me(), "-")
	}
	suiteEqual(t, "somebody else", bob.me()+bob.at(one).me(), "bobbob")
	suiteEqual(t, "a login afterwards", first.as("alice").me(), "alice")
	suiteEqual(t, "that login at the other machine", first.at(other).me(), "alice")
	suiteEqual(t, "the copy, still", copied.me(), "-")
}

func (h RevocationHarness) unavailable(t *testing.T) {
	if h.Break == nil {
		t.Skip("the store cannot fail")
	}
	s, _ := h.sites()
	v := s.visitor(t).as("alice")
	mend := h.Break(t)
	for _, path := range []string{"/me", "/logout", "/as/bob"} {
		reply := v.wants(path, http.StatusServiceUnavailable, string(passport.CodeRevocations))
		suiteEqual(t, "cookies of "+path, len(reply.cookies), 0)
	}
	suiteEqual(t, "who is not logged in", s.visitor(t).me(), "-")
	if s.LogoutEverywhere(t.Context(), "alice") == nil {
		t.Error("LogoutEverywhere: no error")
	}
	mend()
	suiteEventually(t, "the person afterwards", 10*time.Second, func() bool { return v.get("/me").body == "alice" })
}
