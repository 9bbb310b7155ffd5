package passporttest_test

import (
	"context"
	"errors"
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
	load := func() error { _, err := sessions.Load(httptest.NewRequest("GET", "/", nil)); return err }
	save := func() error {
		s, err := sessions.Load(httptest.NewRequest("GET", "/", nil))
		if err != nil {
			return err
		}
		s.Set("a", "b")
		return s.Save(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
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
