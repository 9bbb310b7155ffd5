package passporttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gopassport/passport"
)

// FlowHarness tells [TestFlowStore] how to make a flow store, and how to break it.
type FlowHarness struct {
	// Store makes the store as one machine has it. Called again, it gives what another
	// machine has: all stores of one harness share their flows. Required.
	Store func() passport.FlowStore

	// Break makes the store fail as its server does when it is gone, until mend is
	// called; what was put before is there again then. Nil: it cannot fail, and the cases
	// that need it are skipped.
	Break func(t *testing.T) (mend func())
}

// TestFlowStore checks what a [passport.FlowStore] promises: on the store itself and
// through a registry. open is called for each case, and gives a harness whose store
// holds no flows yet; what it starts it stops with t.Cleanup.
func TestFlowStore(t *testing.T, open func(t *testing.T) FlowHarness) {
	for _, c := range []struct {
		name string
		test func(h FlowHarness, t *testing.T)
	}{
		{"a flow is taken once", FlowHarness.taken},
		{"a flow is told from all others", FlowHarness.apart},
		{"a flow ends after its time", FlowHarness.over},
		{"a flow that is put twice is there once", FlowHarness.again},
		{"of a hundred takers one gets it", FlowHarness.raced},
		{"a request that is over spends nothing", FlowHarness.cancelled},
		{"a store that is down spends nothing", FlowHarness.down},
		{"a flow begun at one machine ends at another", FlowHarness.machines},
		{"of a hundred callbacks one goes on", FlowHarness.callbacks},
		{"a registry whose store is down answers 503", FlowHarness.unavailable},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(open(t), t) })
	}
}

func suitePut(t *testing.T, store passport.FlowStore, id string, flow []byte, ttl time.Duration) {
	t.Helper()
	if err := store.Put(t.Context(), id, flow, ttl); err != nil {
		t.Fatalf("Put: %v", err)
	}
}

// suiteTake wants a flow; nil stands for none.
func suiteTake(t *testing.T, store passport.FlowStore, id string, want []byte) {
	t.Helper()
	got, err := store.Take(t.Context(), id)
	switch {
	case want == nil && !errors.Is(err, passport.ErrNoFlow):
		t.Errorf("Take(%.100q): %d bytes and the error %v, want ErrNoFlow", id, len(got), err)
	case want != nil && (err != nil || !bytes.Equal(got, want)):
		t.Errorf("Take(%.100q): %d bytes and the error %v, want the %d bytes that were put", id, len(got), err, len(want))
	}
}

func (h FlowHarness) taken(t *testing.T) {
	one, other := h.Store(), h.Store()
	suiteTake(t, one, "never put", nil)
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, flow := range [][]byte{[]byte("a"), all, bytes.Repeat(all, 256)} {
		given := slices.Clone(flow)
		suitePut(t, one, "id", given, time.Minute)
		clear(given) // the caller may use it again
		suiteTake(t, other, "id", flow)
		suiteTake(t, one, "id", nil)
		suiteTake(t, other, "id", nil)
	}
}

func (h FlowHarness) apart(t *testing.T) {
	store := h.Store()
	ids := []string{"ab", "AB", "aB", "a", "abc", "ab ", " ab", "a_", "a%", "a*", "a?", "[ab]", "a'b", `a"b`, "a;b", "a:b", "{ab}", "ä", "0", "-1", strings.Repeat("a", 64), strings.Repeat("a", 63) + "b"}
	for _, id := range ids {
		suitePut(t, store, id, []byte("flow of "+id), time.Minute)
	}
	suiteTake(t, store, "%", nil)
	suiteTake(t, store, "*", nil)
	for _, id := range ids {
		suiteTake(t, store, id, []byte("flow of "+id))
		suiteTake(t, store, id, nil)
	}
}

func (h FlowHarness) over(t *testing.T) {
	store := h.Store()
	const most = 500
	ttl := 200 * time.Millisecond
	suitePut(t, store, "long", []byte("long"), time.Hour)
	began := time.Now()
	for i := range most {
		suitePut(t, store, fmt.Sprint("short", i), []byte("short"), ttl)
	}
	i := 0
	suiteEventually(t, "the end of flows that were put for 200 ms", 10*time.Second, func() bool {
		_, err := store.Take(t.Context(), fmt.Sprint("short", most-1-i)) // the last first: it lives longest
		i++
		return errors.Is(err, passport.ErrNoFlow) || i == most
	})
	if i == most || time.Since(began) < ttl {
		t.Errorf("after %v: %d flows were taken", time.Since(began), i)
	}
	suiteTake(t, store, "short0", nil)
	suitePut(t, store, "another", []byte("another"), time.Minute) // may sweep
	suiteTake(t, store, "short1", nil)
	suiteTake(t, store, "long", []byte("long"))
	suiteTake(t, store, "another", []byte("another"))
}

// again: a client that got no answer may have put the flow already.
func (h FlowHarness) again(t *testing.T) {
	store := h.Store()
	suitePut(t, store, "id", []byte("first"), time.Minute)
	suitePut(t, store, "id", []byte("second"), time.Minute)
	suiteTake(t, store, "id", []byte("second"))
	suiteTake(t, store, "id", nil)
}

func (h FlowHarness) raced(t *testing.T) {
	stores := []passport.FlowStore{h.Store(), h.Store()}
	for round := range 5 {
		id := fmt.Sprint("round", round)
		suitePut(t, stores[0], id, []byte("flow"), time.Minute)
		var got, none atomic.Int64
		suiteAtOnce(100, func(i int) {
			flow, err := stores[i%2].Take(t.Context(), id)
			switch {
			case err == nil && string(flow) == "flow":
				got.Add(1)
			case errors.Is(err, passport.ErrNoFlow):
				none.Add(1)
			default:
				t.Errorf("Take: %d bytes, %v", len(flow), err)
			}
		})
		suiteEqual(t, "takers that got it", got.Load(), 1)
		suiteEqual(t, "takers that did not", none.Load(), 99)
	}
}

// suiteAtOnce runs do many times at the same moment.
func suiteAtOnce(count int, do func(i int)) {
	var wait sync.WaitGroup
	start := make(chan struct{})
	for i := range count {
		wait.Go(func() {
			<-start
			do(i)
		})
	}
	close(start)
	wait.Wait()
}

func (h FlowHarness) cancelled(t *testing.T) {
	store := h.Store()
	suitePut(t, store, "id", []byte("flow"), time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Take(ctx, "id"); err == nil || errors.Is(err, passport.ErrNoFlow) {
		t.Errorf("Take: the error is %v, want one of the context", err)
	}
	if err := store.Put(ctx, "other", []byte("flow"), time.Minute); err == nil {
		t.Error("Put: no error, want one of the context")
	}
	suiteTake(t, store, "id", []byte("flow"))
}

func (h FlowHarness) down(t *testing.T) {
	if h.Break == nil {
		t.Skip("the store cannot fail")
	}
	store := h.Store()
	suitePut(t, store, "id", []byte("flow"), time.Minute)
	mend := h.Break(t)
	if err := store.Put(t.Context(), "other", []byte("flow"), time.Minute); err == nil {
		t.Error("Put: no error")
	}
	if _, err := store.Take(t.Context(), "id"); err == nil || errors.Is(err, passport.ErrNoFlow) {
		t.Errorf("Take: the error is %v", err)
	}
	mend()
	suiteEventually(t, "Put works again", 10*time.Second, func() bool {
		return store.Put(t.Context(), "other", []byte("other"), time.Minute) == nil
	})
	suiteTake(t, store, "id", []byte("flow"))
	suiteTake(t, h.Store(), "other", []byte("other"))
}

// sites are two machines with one key.
func (h FlowHarness) sites() (one, other *suiteSite) {
	keys := [][]byte{suiteKey()}
	return newSuiteSite(passport.Config{Keys: keys, Flows: h.Store()}, nil), newSuiteSite(passport.Config{Keys: keys, Flows: h.Store()}, nil)
}

func (h FlowHarness) machines(t *testing.T) {
	one, other := h.sites()
	v := one.visitor(t)
	first, second := v.begin("/login/op", "alice"), v.begin("/login/op", "bob")
	v.handler = other.handler
	v.wants(first, http.StatusOK, "alice")
	v.wants(first, http.StatusBadRequest, string(passport.CodeFlowMissing))
	v.wants(second, http.StatusForbidden, string(passport.CodeFlowUser)) // somebody is logged in by now
	v.wants(v.begin("/connect/op", "42"), http.StatusOK, "alice")
}

func (h FlowHarness) callbacks(t *testing.T) {
	for _, path := range []string{"/login/op", "/connect/op"} {
		one, other := h.sites()
		v := one.visitor(t)
		callback := v.begin(path, "-") // the user's key is such that both purposes show "-"
		var on, missing atomic.Int64
		suiteAtOnce(100, func(i int) {
			tab := v.at([]*suiteSite{one, other}[i%2])
			switch reply := tab.get(callback); {
			case reply.status == http.StatusOK && reply.body == "-":
				on.Add(1)
			case reply.status == http.StatusBadRequest && reply.body == string(passport.CodeFlowMissing):
				missing.Add(1)
			default:
				t.Errorf("%s: %d %q", path, reply.status, reply.body)
			}
		})
		suiteEqual(t, path+": callbacks that went on", on.Load(), 1)
		suiteEqual(t, path+": callbacks that were refused", missing.Load(), 99)
		suiteEqual(t, path+": calls to the provider", one.exchanged.Load()+other.exchanged.Load(), 1)
	}
}

func (h FlowHarness) unavailable(t *testing.T) {
	if h.Break == nil {
		t.Skip("the store cannot fail")
	}
	s, _ := h.sites()
	v := s.visitor(t)
	callback := v.begin("/login/op", "alice")
	mend := h.Break(t)
	for _, path := range []string{"/login/op", "/connect/op", callback} {
		reply := v.wants(path, http.StatusServiceUnavailable, string(passport.CodeFlowStore))
		suiteEqual(t, "cookies of "+path, len(reply.cookies), 0)
	}
	suiteEqual(t, "who needs no flow", v.me(), "-")
	suiteEqual(t, "calls to the provider", s.exchanged.Load(), 0)
	mend()
	suiteEventually(t, "a flow begins again", 10*time.Second, func() bool { return s.visitor(t).get("/login/op").status == http.StatusFound })
	v.wants(callback, http.StatusOK, "alice")
}
