package passport_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopassport/passport"
)

// memory is a FlowStore that can fail, and that remembers what it was asked.
type memory struct {
	mu    sync.Mutex
	flows map[string][]byte
	until map[string]time.Time
	down  error
	puts  int
	takes int
	saw   []string // all that it was ever given, but the contexts
	ttl   time.Duration
	ctx   context.Context // of the last call
}

func newMemory() *memory {
	return &memory{flows: map[string][]byte{}, until: map[string]time.Time{}}
}

func (m *memory) Put(ctx context.Context, id string, flow []byte, ttl time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.puts, m.ttl, m.ctx = m.puts+1, ttl, ctx
	m.saw = append(m.saw, id, string(flow))
	if m.down != nil {
		return m.down
	}
	m.flows[id], m.until[id] = flow, time.Now().Add(ttl)
	return nil
}

func (m *memory) Take(ctx context.Context, id string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.takes, m.ctx = m.takes+1, ctx
	m.saw = append(m.saw, id)
	if m.down != nil {
		return nil, m.down
	}
	flow, ok := m.flows[id]
	if !ok || time.Now().After(m.until[id]) {
		return nil, passport.ErrNoFlow
	}
	delete(m.flows, id)
	return flow, nil
}

func (m *memory) fail(err error) { m.mu.Lock(); m.down = err; m.mu.Unlock() }

// inStore is a configuration with flows in a store.
func inStore(m *memory) option { return func(c *passport.Config) { c.Flows = m } }

func TestTheStoreSeesAHashAndASealedValue(t *testing.T) {
	store := newMemory()
	s := newSite(t, inStore(store))
	s.providers["github"].data = "DATACANARY"
	s.providers["github"].setup = func(a *passport.Attempt) { a.Tenant("TENANTCANARY") }
	s.login("github", passport.SuccessReturnToOrRedirect("/home"))
	s.mux.Handle("/private/", s.RequireUser("/login")(http.HandlerFunc(show)))
	b := newBrowser(t, s)
	b.get("/private/TARGETCANARY")
	state := b.begin("/login/github")
	equal(t, "after the login", b.back("/login/github", state, "USERCANARY").location, "/private/TARGETCANARY")
	b.back("/login/github", b.begin("/login/github"), "USERCANARY")

	c := &canaries{t: t, words: []string{state, "DATACANARY", "TENANTCANARY", "TARGETCANARY", "USERCANARY", "github", "login"}}
	for _, text := range store.saw {
		c.look("what the store sees", text)
	}
	equal(t, "texts looked through", c.seen, 6)
	equal(t, "the id is that of Put", store.saw[0], store.saw[2])
	raw, err := base64.RawURLEncoding.DecodeString(store.saw[0])
	equal(t, "the id is a hash of 128 bits or more", err == nil && len(raw) >= 16 && len(raw) <= 64, true)
	equal(t, "each flow has an id of its own", store.saw[0] == store.saw[3], false)
	equal(t, "ttl", store.ttl, 10*time.Minute)
}

func TestTheCookieHoldsOnlyABinding(t *testing.T) {
	store := newMemory()
	s, b := newFlows(t, inStore(store))
	s.providers["github"].data = strings.Repeat("x", 20_000)
	b.begin("/connect/github")
	small := b.flows()[0]
	equal(t, "the cookie is small", len(small.Name)+len(small.Value) < 250, true)
	for _, text := range store.saw {
		equal(t, "the store has the cookie", strings.Contains(text, small.Value), false)
	}
}

func TestTheStoreIsCalledWithTheRequestsContext(t *testing.T) {
	type key struct{}
	store := newMemory()
	_, b := newFlows(t, inStore(store))
	mark := func(value string) with {
		return func(r *http.Request) { *r = *r.WithContext(context.WithValue(r.Context(), key{}, value)) }
	}
	state := b.begin("/connect/github", mark("begin"))
	equal(t, "the context of Put", store.ctx.Value(key{}), any("begin"))
	b.back("/connect/github", state, "42", mark("callback"))
	equal(t, "the context of Take", store.ctx.Value(key{}), any("callback"))
}

func TestOfAHundredCallbacksOneGoesOn(t *testing.T) {
	for _, path := range []string{"/connect/github", "/login/github"} {
		t.Run(path, func(t *testing.T) {
			s, b := newFlows(t, inStore(newMemory()))
			state := b.begin(path)
			var wait sync.WaitGroup
			var wins, losses atomic.Int64
			start := make(chan struct{})
			for range 100 {
				tab := newBrowser(t, s)
				tab.jar = slices.Clone(b.jar)
				wait.Go(func() {
					<-start
					switch got := tab.back(path, state, "alice"); {
					case got.status == 200:
						wins.Add(1)
					case got.status == 400 && got.code() == passport.CodeFlowMissing:
						losses.Add(1)
					}
				})
			}
			close(start)
			wait.Wait()
			equal(t, "callbacks that went on", wins.Load(), 1)
			equal(t, "callbacks that were refused", losses.Load(), 99)
			equal(t, "calls to the provider", s.hits(), 1)
		})
	}
}

// Without a store a copied cookie works twice; with one it does not.
func TestACopiedCookieIsNoSecondFlow(t *testing.T) {
	s, b := newFlows(t, inStore(newMemory()))
	state := b.begin("/connect/github")
	flow := b.flows()[0]
	b.back("/connect/github", state, "42").wants(200, "user alice, account 42")
	b.keep(flow)
	b.back("/connect/github", state, "42").refused(400, passport.CodeFlowMissing)
	equal(t, "calls to the provider", s.hits(), 1)
	equal(t, "flows left", len(b.flows()), 0)
}

func TestTheStoreIsAskedOnlyForTheBrowsersOwn(t *testing.T) {
	for _, tc := range []struct {
		name string
		try  func(s *site, own *browser, state string) *reply
		code passport.Code
	}{
		{"another browser", func(s *site, b *browser, state string) *reply {
			return newBrowser(b.t, s).as("bob").back("/connect/github", state, "42")
		}, passport.CodeFlowMissing},
		{"another browser with a flow of its own", func(s *site, b *browser, state string) *reply {
			other := newBrowser(b.t, s).as("bob")
			other.begin("/connect/github")
			return other.back("/connect/github", state, "42")
		}, passport.CodeFlowMissing},
		{"a forged binding", func(s *site, b *browser, state string) *reply {
			other := newBrowser(b.t, s).as("alice")
			forged := *b.flows()[0]
			forged.Value = flip(forged.Value, 20)
			other.keep(&forged)
			return other.back("/connect/github", state, "42")
		}, passport.CodeFlowMissing},
		{"an unknown state", func(_ *site, b *browser, _ string) *reply { return b.back("/connect/github", "bogus", "42") }, passport.CodeFlowMissing},
		{"another strategy's callback", func(_ *site, b *browser, state string) *reply { return b.back("/connect/google", state, "42") }, passport.CodeFlowStrategy},
		{"a frame", func(_ *site, b *browser, state string) *reply {
			return b.back("/connect/github", state, "42", header("Sec-Fetch-Dest", "iframe"))
		}, passport.CodeNavigation},
		{"a prefetch", func(_ *site, b *browser, state string) *reply {
			return b.back("/connect/github", state, "42", header("Sec-Purpose", "prefetch"))
		}, passport.CodePrefetch},
		{"HEAD", func(_ *site, b *browser, state string) *reply {
			return b.back("/connect/github", state, "42", method("HEAD"))
		}, passport.CodeMethod},
	} {
		t.Run(tc.name, func(t *testing.T) {
			store := newMemory()
			s, b := newFlows(t, inStore(store))
			state := b.begin("/connect/github")
			equal(t, "code", tc.try(s, b, state).code(), tc.code)
			equal(t, "calls of Take", store.takes, 0)
			b.back("/connect/github", state, "42").wants(200, "user alice, account 42")
		})
	}
}

// A store that is down is a fault of ours: no redirect, and nothing is lost.
func TestAFlowStoreThatIsDownIsAFault(t *testing.T) {
	down := errors.New("connection refused")
	store := newMemory()
	s, b := newFlows(t, inStore(store))
	s.mount("/go", s.Authorize("github", passport.FailureRedirect("/account")))
	for _, path := range []string{"/connect/github", "/login/github", "/go"} {
		t.Run(path, func(t *testing.T) {
			b.as("alice")
			store.fail(down)
			got := b.get(path).refused(503, passport.CodeFlowStore)
			equal(t, "cookies", len(got.cookies), 0)
			equal(t, "the cause is there", errors.Is(s.last().Err, down), true)
			equal(t, "the page shows the cause", strings.Contains(got.body, down.Error()), false)
			store.fail(nil)

			state, hits := b.begin(path), s.hits()
			store.fail(down)
			got = b.back(path, state, "alice").refused(503, passport.CodeFlowStore)
			equal(t, "cookies", len(got.cookies), 0)
			equal(t, "the event's kind", s.last().Kind, "fault")
			equal(t, "calls to the provider", s.hits(), hits)
			store.fail(nil)
			equal(t, "status once it is up again", b.back(path, state, "alice").status, 200)
		})
	}
}

// forgetful is a store whose answers are not what was put there.
type forgetful struct {
	*memory
	take func(m *memory, id string) ([]byte, error)
}

func (f forgetful) Take(_ context.Context, id string) ([]byte, error) { return f.take(f.memory, id) }

func TestWhatTheStoreLostIsMissing(t *testing.T) {
	other := func(m *memory, id string) []byte {
		for name, flow := range m.flows {
			if name != id {
				return flow
			}
		}
		return nil
	}
	for _, tc := range []struct {
		name string
		take func(m *memory, id string) ([]byte, error)
	}{
		{"ErrNoFlow", func(*memory, string) ([]byte, error) { return nil, passport.ErrNoFlow }},
		{"ErrNoFlow, wrapped", func(*memory, string) ([]byte, error) { return nil, fmt.Errorf("redis: %w", passport.ErrNoFlow) }},
		{"nothing, and no error", func(*memory, string) ([]byte, error) { return nil, nil }},
		{"something else", func(*memory, string) ([]byte, error) { return []byte(strings.Repeat("x", 200)), nil }},
		{"half of it", func(m *memory, id string) ([]byte, error) { return m.flows[id][:50], nil }},
		{"one bit less", func(m *memory, id string) ([]byte, error) {
			flow := slices.Clone(m.flows[id])
			flow[len(flow)-1] ^= 1
			return flow, nil
		}},
		{"another flow of the same person", func(m *memory, id string) ([]byte, error) { return other(m, id), nil }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			store := newMemory()
			s, b := newFlows(t, func(c *passport.Config) { c.Flows = forgetful{store, tc.take} })
			state := b.begin("/connect/github")
			b.begin("/connect/github")
			b.back("/connect/github", state, "42").refused(400, passport.CodeFlowMissing)
			equal(t, "calls to the provider", s.hits(), 0)
			equal(t, "flows left", len(b.flows()), 1)
		})
	}
}

// The store may keep a flow for too long; the flow says when it began.
func TestAFlowThatTheStoreKeptForTooLongIsExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		s, b := newFlows(t, func(c *passport.Config) {
			c.Flows = forgetful{store, func(m *memory, id string) ([]byte, error) { return m.flows[id], nil }}
		})
		state := b.begin("/connect/github")
		time.Sleep(10*time.Minute + time.Second)
		b.back("/connect/github", state, "42").refused(400, passport.CodeFlowExpired)
		equal(t, "calls to the provider", s.hits(), 0)
	})
}
