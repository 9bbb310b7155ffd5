package faults_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
)

// soakTime names the variable that says how long each of the soaks goes on, such as 60s.
const soakTime = "PASSPORT_SOAK"

// soak is many people who log in, look around, connect accounts in several tabs and log
// out, all at once, while things break.
type soak struct {
	w       *world
	machine atomic.Pointer[http.Handler] // that serves the application at the time
	stores  bool                         // else everything is in cookies
	faulty  bool

	requests, faults, people, connected, logins, refused, unlucky atomic.Int64
	lostFlows, lostLogins                                         atomic.Int64
}

// lost counts a loss and says what it was.
func (s *soak) lost(counter *atomic.Int64, last *passporttest.Page) {
	counter.Add(1)
	s.w.t.Logf("lost: at last %s gave %d %s", last.URL, last.Status, last.Body)
}

// A full soak is one of the four of a minute. It serves thousands of people; the slowest,
// with stores that are down most of the time, still more than a thousand on two cores.
const (
	fullSoak = 15 * time.Second
	few      = 500
)

// Thousands of people, with and without faults, flows and logins in cookies and in
// stores: no login and no flow is lost, no goroutine is left, and the memory stays flat.
func TestSoak(t *testing.T) {
	soaks, requests, people, flows, logins := int64(0), int64(0), int64(0), int64(0), int64(0)
	long := 1250 * time.Millisecond
	if text := os.Getenv(soakTime); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatalf("%s: %v", soakTime, err)
		}
		long = d / 4
	}
	for _, stores := range []bool{false, true} {
		for _, faulty := range []bool{false, true} {
			s := &soak{stores: stores, faulty: faulty}
			before, heap := settled(t, 0), heapNow()
			t.Run(fmt.Sprintf("in stores: %t, with faults: %t", stores, faulty), func(t *testing.T) { s.run(t, long) })
			if s.w == nil {
				continue // -run left it out
			}
			settled(t, before)
			s.w.op, s.w.tw, s.w.t = nil, nil, t // providers remember everybody; what is left is the application's
			limit := int64(2 << 20)
			if stores {
				limit += 2048 * s.people.Load() // the kit's store of revocations forgets nothing
			}
			grown := heapNow() - heap
			if t.Logf("the heap grew by %d bytes", grown); grown > limit {
				t.Errorf("that is more than %d", limit)
			}
			runtime.KeepAlive(s.w)
			soaks, requests, people = soaks+1, requests+s.requests.Load(), people+s.people.Load()
			flows, logins = flows+s.lostFlows.Load(), logins+s.lostLogins.Load()
		}
	}
	t.Logf("altogether %d requests of %d people; flows lost %d, logins lost %d", requests, people, flows, logins)
	if long >= fullSoak && people < few*soaks {
		t.Errorf("those are few people for %d soaks of %v", soaks, long)
	}
}

func (s *soak) run(t *testing.T, long time.Duration) {
	set := setup{timeout: 2 * time.Second, pushed: true, configure: func(c *passport.Config) {
		c.Observe = func(context.Context, passport.Event) {}
		if s.stores {
			s.w.inStores(c)
		}
	}}
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	set.transport = transport
	s.w = unbuilt(t, set)
	s.w.build()
	first := s.w.app
	s.machine.Store(&first)
	s.w.app = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.requests.Add(1); (*s.machine.Load()).ServeHTTP(w, r) })
	end, done := time.Now().Add(long), make(chan struct{})
	var breaking, people sync.WaitGroup
	if s.faulty {
		breaking.Go(func() { s.breakThings(done) })
	}
	for range 8 {
		people.Go(func() {
			for time.Now().Before(end) {
				s.person()
			}
		})
	}
	people.Wait()
	close(done)
	breaking.Wait()
	s.report(t)
}

func (s *soak) report(t *testing.T) {
	t.Helper()
	t.Logf("%d requests of %d people, %d faults injected; %d logins, %d accounts connected; %d refusals and %d faults met; flows lost %d, logins lost %d", s.requests.Load(), s.people.Load(),
		s.faults.Load(), s.logins.Load(), s.connected.Load(), s.refused.Load(), s.unlucky.Load(), s.lostFlows.Load(), s.lostLogins.Load())
	if s.lostFlows.Load()+s.lostLogins.Load() > 0 || s.connected.Load() == 0 || s.people.Load() == 0 {
		t.Error("something was lost, or nothing happened")
	}
	if met := s.unlucky.Load() + s.refused.Load(); s.faulty == (s.faults.Load() == 0) || s.faulty == (met == 0) {
		t.Errorf("%d faults were injected, and %d met", s.faults.Load(), met)
	}
}

// breakThings lets one thing after the other go wrong, for a moment each. Now and then
// another machine takes over, which has neither metadata nor keys.
func (s *soak) breakThings(done <-chan struct{}) {
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-done:
			s.suffer(passporttest.Trouble{})
			s.w.op.Heal()
			s.w.tw.Heal()
			return
		case <-tick.C:
		}
		s.strike()
		if i%1000 == 100 {
			s.restart()
		}
		if s.stores && i%4 == 0 {
			s.faults.Add(1)
			s.suffer([]passporttest.Trouble{{Load: passporttest.ErrDown}, {Save: passporttest.ErrDown}, {Delay: 2 * time.Millisecond}, {}}[i/4%4])
		}
	}
}

// strike lets the next answer, token, pushed request or request token go wrong.
func (s *soak) strike() {
	s.faults.Add(1)
	said := []passporttest.Fault{passporttest.Deny, passporttest.ServerError, passporttest.BadCode, passporttest.NoState, passporttest.TwiceInAnswer, passporttest.EmptySubject}
	switch rand.IntN(4) {
	case 0:
		s.w.op.Next(brief(), passporttest.PAR)
	case 1:
		s.w.tw.Next(brief(), passporttest.RequestToken)
	case 2:
		f := brief()
		s.w.op.Next(f)
		s.w.tw.Next(f)
	default:
		f := said[rand.IntN(len(said))]
		s.w.op.Next(f)
		s.w.tw.Next(f)
	}
}

// brief is a fault of a reply that takes no time.
func brief() passporttest.Fault {
	all := []passporttest.Fault{
		passporttest.InternalError, passporttest.Unavailable, passporttest.HTML, passporttest.EmptyBody, passporttest.CutShort,
		passporttest.ConnectionReset, passporttest.RedirectAway, passporttest.EchoSecrets,
	}
	return all[rand.IntN(len(all))]
}

// restart lets another machine take over, and its first fetch go wrong.
func (s *soak) restart() {
	s.faults.Add(1)
	s.w.op.Next(brief(), []passporttest.Endpoint{passporttest.Discovery, passporttest.JWKS}[rand.IntN(2)])
	next := s.w.another(func(*setup) {})
	s.machine.Store(&next)
}

func (s *soak) suffer(t passporttest.Trouble) {
	s.w.sessions.Suffer(t)
	s.w.flows.Suffer(t)
	s.w.revocations.Suffer(t)
}

// person is the life of one: in, connected with everything by two tabs each, and out.
func (s *soak) person() {
	id := fmt.Sprint("person-", s.people.Add(1))
	b := s.w.person("")
	if !s.again(&s.lostLogins, func() (*passporttest.Page, bool) {
		page := b.From(app+"/").Post("/login", url.Values{"username": {id}, "password": {sesame}})
		return page, page.Status == http.StatusOK
	}) {
		return
	}
	s.logins.Add(1)
	for _, service := range services {
		first, second := s.begun(b, "/connect/"+service), s.begun(b, "/connect/"+service)
		s.ended(second)
		s.there(b, id)
		s.ended(first)
	}
	s.there(b, id)
}

// patience is how long people try again.
const patience = 10 * time.Second

// again does something until it works, as people do. A refusal is a loss.
func (s *soak) again(counter *atomic.Int64, do func() (*passporttest.Page, bool)) bool {
	var page *passporttest.Page
	for end := time.Now().Add(patience); time.Now().Before(end); {
		var ok bool
		if page, ok = do(); ok {
			return true
		}
		if page.Status < http.StatusInternalServerError {
			break
		}
		s.unlucky.Add(1)
		pause := time.Millisecond // a person does not press the button faster either
		if page.Header.Get("Retry-After") != "" {
			pause = 100 * time.Millisecond
		}
		time.Sleep(pause)
	}
	s.lost(counter, page)
	return false
}

// begun is a flow, as far as the provider's answer.
func (s *soak) begun(b *passporttest.Browser, path string) (answer *passporttest.Page) {
	s.again(&s.lostFlows, func() (*passporttest.Page, bool) {
		page := b.Follow(app + path)
		if page.Location() == "" {
			return page, false
		}
		answer = page.Next()
		return answer, came(answer)
	})
	return answer
}

// ended brings an answer back, and again while a store is down. What comes to nothing
// because of the provider is no loss; what is not found is.
func (s *soak) ended(answer *passporttest.Page) {
	if answer == nil || !came(answer) {
		return
	}
	page := answer
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		page = answer.Next()
		switch {
		case page.Status == http.StatusOK:
			s.connected.Add(1)
			return
		case page.Status == http.StatusServiceUnavailable && !says(page, passport.CodeProviderUnavailable):
			s.unlucky.Add(1)
			continue // a store is down: the flow is still there
		case !says(page, passport.CodeFlowMissing) && page.Status != http.StatusUnauthorized:
			s.refused.Add(1) // by the provider
			return
		}
		break
	}
	s.lost(&s.lostFlows, page)
}

// says tells whether a page shows a code.
func says(page *passporttest.Page, code passport.Code) bool {
	return strings.Contains(page.Body, "<small>"+string(code)+"</small>")
}

// there looks whether somebody is still logged in.
func (s *soak) there(b *passporttest.Browser, id string) {
	s.again(&s.lostLogins, func() (*passporttest.Page, bool) {
		page := b.Follow(app + "/me")
		return page, page.Body == "user "+id+", account -"
	})
}

func heapNow() int64 {
	runtime.GC()
	runtime.GC() // what the first one finalized
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// settled waits until no more goroutines run than before, and gives how many do.
func settled(t *testing.T, before int) int {
	t.Helper()
	if before == 0 {
		return runtime.NumGoroutine()
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); ; <-tick.C {
		n := runtime.NumGoroutine()
		if n <= before+1 {
			return n
		}
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, and %d before:\n%s", n, before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}
