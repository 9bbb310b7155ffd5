package passporttest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
)

func TestTheStoreOfSessionsKeepsTheContract(t *testing.T) {
	passporttest.TestSessionStore(t, func(*testing.T) passporttest.SessionHarness {
		store := passporttest.NewSessions()
		return passporttest.SessionHarness{
			Store:  func(...[]byte) passport.SessionStore { return store },
			Cookie: "passporttest", Keyless: true, Ends: true, SkipsJunk: true,
			Break: func(*testing.T) func() {
				store.Suffer(passporttest.Trouble{Load: passporttest.ErrDown, Save: passporttest.ErrDown})
				return func() { store.Suffer(passporttest.Trouble{}) }
			},
		}
	})
}

func TestTheStoreOfFlowsKeepsTheContract(t *testing.T) {
	passporttest.TestFlowStore(t, func(*testing.T) passporttest.FlowHarness {
		store := passporttest.NewFlows()
		return passporttest.FlowHarness{
			Store: func() passport.FlowStore { return store },
			Break: func(*testing.T) func() {
				store.Suffer(passporttest.Trouble{Load: passporttest.ErrDown, Save: passporttest.ErrDown})
				return func() { store.Suffer(passporttest.Trouble{}) }
			},
		}
	})
}

func TestTheStoreOfRevocationsKeepsTheContract(t *testing.T) {
	passporttest.TestRevocationStore(t, func(*testing.T) passporttest.RevocationHarness {
		store := passporttest.NewRevocations()
		return passporttest.RevocationHarness{
			Store: func() passport.RevocationStore { return store },
			Break: func(*testing.T) func() {
				store.Suffer(passporttest.Trouble{Load: passporttest.ErrDown, Save: passporttest.ErrDown})
				return func() { store.Suffer(passporttest.Trouble{}) }
			},
		}
	})
}

func TestAStoreFailsWhereItIsTold(t *testing.T) {
	sessions, flows := passporttest.NewSessions(), passporttest.NewFlows()
	known := httptest.NewRequest("GET", "/", nil)
	known.Header.Set("Cookie", "passporttest=known")
	load := func() error { _, err := sessions.Load(known); return err }
	save := func() error {
		s, err := sessions.Load(known)
		if err != nil {
			return err
		}
		s.Set("a", "b")
		return s.Save(httptest.NewRecorder(), known)
	}
	put := func() error { return flows.Put(t.Context(), "id", []byte("flow"), time.Minute) }
	take := func() error { _, err := flows.Take(t.Context(), "id"); return err }
	for _, c := range []struct {
		trouble                passporttest.Trouble
		load, save, put, taken bool // works
	}{
		{passporttest.Trouble{}, true, true, true, true},
		{passporttest.Trouble{Save: passporttest.ErrDown}, true, false, false, true},
		{passporttest.Trouble{Load: passporttest.ErrDown}, false, false, true, false},
	} {
		sessions.Suffer(passporttest.Trouble{})
		flows.Suffer(passporttest.Trouble{})
		if err := put(); err != nil {
			t.Fatal(err)
		}
		sessions.Suffer(c.trouble)
		flows.Suffer(c.trouble)
		for what, call := range map[string]struct {
			err   error
			works bool
		}{"Load": {load(), c.load}, "Save": {save(), c.save}, "Put": {put(), c.put}, "Take": {take(), c.taken}} {
			if call.works && call.err != nil || !call.works && !errors.Is(call.err, passporttest.ErrDown) {
				t.Errorf("%+v: %s: %v", c.trouble, what, call.err)
			}
		}
	}
	if sessions.Len() != 1 || flows.Len() != 1 {
		t.Errorf("%d sessions and %d flows", sessions.Len(), flows.Len())
	}
}

// No store is asked about a visitor without a cookie, and so neither is this one.
func TestVisitorsNoticeNothingOfSessionsThatAreDown(t *testing.T) {
	store := passporttest.NewSessions()
	b := passporttest.NewBrowser(t)
	auth := passport.New(passport.Config{Keys: [][]byte{newKey()}, Sessions: store, Observe: func(context.Context, passport.Event) {}, Users: passport.Users[*user]{
		Key:  func(u *user) string { return u.id },
		Load: func(_ context.Context, key string) (*user, error) { return &user{key}, nil },
	}})
	b.Serve("https://app.example", auth.Session(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	for _, trouble := range []passporttest.Trouble{{Load: passporttest.ErrDown, Save: passporttest.ErrDown}, {Delay: time.Hour}} {
		store.Suffer(trouble)
		if page := b.Open("https://app.example/"); page.Status != http.StatusOK {
			t.Errorf("%+v: %d %s", trouble, page.Status, page.Body)
		}
	}
	store.Suffer(passporttest.Trouble{})
	b.LogIn(auth, "https://app.example/", &user{"alice"})
	store.Suffer(passporttest.Trouble{Load: passporttest.ErrDown})
	if page := b.Open("https://app.example/"); page.Status != http.StatusServiceUnavailable {
		t.Errorf("somebody who is logged in: %d %s", page.Status, page.Body)
	}
}

func TestASlowStoreIsSlowAndEndsWithTheRequest(t *testing.T) {
	store := passporttest.NewFlows()
	store.Suffer(passporttest.Trouble{Delay: 20 * time.Millisecond})
	started := time.Now()
	if err := store.Put(t.Context(), "id", nil, time.Minute); err != nil || time.Since(started) < 20*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(started))
	}
	store.Suffer(passporttest.Trouble{Delay: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := store.Put(ctx, "id", nil, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}
