package tenants_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/testapp"
	"github.com/gopassport/passport/strategies/tenants"
)

// app is a site with tenants from a table.
func app(t *testing.T, d *table, change ...func(*tenants.Config)) (*site, *tenants.Strategy) {
	t.Helper()
	config := tenants.Config{Of: byPath, Find: d.find}
	for _, f := range change {
		f(&config)
	}
	s := tenants.New(config)
	return newSite(t, s), s
}

func strategyOf(d *table) *tenants.Strategy {
	return tenants.New(tenants.Config{Of: byPath, Find: d.find})
}

func two() *table { return newTable(map[string]string{"acme": "s1", "globex": "s2"}) }

func TestEachTenantHasAStrategyOfItsOwn(t *testing.T) { // peers.md 57
	p, _ := app(t, two())
	for _, tenant := range []string{"acme", "globex", "acme"} {
		b := p.browser()
		p.want(tenant, b.end(tenant, "login", b.begin(tenant, "login")), 200, "user &{"+tenant+"/c}, account <nil>")
		b.LogIn(&user{"alice"})
		p.want(tenant, b.end(tenant, "connect", b.begin(tenant, "connect")), 200, "user &{alice}, account &{"+tenant+"/c}")
	}
	for _, e := range p.Events() {
		if e.Strategy == "sso" && e.Tenant != "acme" && e.Tenant != "globex" || e.Err != nil {
			t.Errorf("told of %+v", e)
		}
	}
}

// A flow ends for the tenant and the purpose that it began for, and for no other.
func TestAFlowOfOneTenantEndsInNoOther(t *testing.T) {
	names, purposes := []string{"acme", "globex"}, []string{"login", "connect"}
	for _, began := range names {
		for _, purpose := range purposes {
			for _, came := range names {
				for _, other := range purposes {
					d := two()
					p, _ := app(t, d)
					b := p.browser()
					state := b.begin(began, purpose)
					w := b.end(came, other, state)
					what := fmt.Sprintf("%s at %s came to %s at %s", purpose, began, other, came)
					switch {
					case other != purpose:
						p.want(what, w, 400, "flow_purpose")
					case came != began:
						p.want(what, w, 400, "flow_tenant")
					default:
						if w.Code != 200 || !strings.Contains(w.Body.String(), began+"/c") {
							t.Errorf("%s: %d %s", what, w.Code, w.Body)
						}
						continue
					}
					if _, asked := d.exchanged.Load(state); asked {
						t.Errorf("%s: the provider was asked", what)
					}
					p.want(what+", then rightly", b.end(began, purpose, state), 400, "flow_missing")
				}
			}
		}
	}
}

func TestATenantThatIsNoneIsRefused(t *testing.T) {
	d := two()
	p, _ := app(t, d)
	for _, name := range []string{"initech", "ACME", "acme%00", "acme%20", strings.Repeat("a", 256)} {
		p.want(name, p.Browser().Get("/"+name+"/login", "same-origin"), 404, "tenant_unknown")
	}
	if asked, _ := d.counts(strings.Repeat("a", 256)); asked != 0 {
		t.Error("a name that no tenant has was looked up")
	}
	if err := p.Last(); err.Message == "" || !errors.Is(err, tenants.ErrUnknown) {
		t.Errorf("%v", err)
	}
	p, _ = app(t, d, func(c *tenants.Config) { c.Of = func(*http.Request) string { return "" } })
	p.want("no tenant", p.Browser().Get("/acme/login", "same-origin"), 404, "tenant_unknown")
}

func TestALookUpThatFailsIsAFaultAndNotAnUnknownTenant(t *testing.T) {
	down := errors.New("the database is down")
	d := two()
	d.fail(down)
	for name, c := range map[string]struct {
		find   func(context.Context, string) (tenants.Tenant, error)
		status int
		cause  error
	}{
		"an error":               {d.find, 503, down},
		"no strategy":            {func(context.Context, string) (tenants.Tenant, error) { return tenants.Tenant{}, nil }, 500, nil},
		"a panic":                {func(context.Context, string) (tenants.Tenant, error) { panic("CANARY") }, 500, nil},
		"an ended goroutine":     {func(context.Context, string) (tenants.Tenant, error) { runtime.Goexit(); panic("unreachable") }, 500, nil},
		"credentials of no use":  {builds(func() (passport.Strategy, error) { return nil, down }), 500, down},
		"a strategy that is nil": {builds(func() (passport.Strategy, error) { return (*sso)(nil), nil }), 500, nil},
		"a constructor's panic":  {builds(func() (passport.Strategy, error) { panic("CANARY") }), 500, nil},
	} {
		s := tenants.New(tenants.Config{Of: byPath, Find: c.find})
		p := newSite(t, s)
		for range 2 { // a failure is not held
			if name == "an ended goroutine" {
				inAnother(func() { p.Browser().Get("/acme/login", "same-origin") })
				continue
			}
			p.want(name, p.Browser().Get("/acme/login", "same-origin"), c.status, "tenant_lookup")
			if err := p.Last(); c.cause != nil && !errors.Is(err, c.cause) || strings.Contains(fmt.Sprintf("%v %+v", err, err), "CANARY") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func builds(strategy func() (passport.Strategy, error)) func(context.Context, string) (tenants.Tenant, error) {
	return func(context.Context, string) (tenants.Tenant, error) { return tenants.Tenant{Strategy: strategy}, nil }
}

// inAnother runs f in a goroutine until that ends, one way or the other.
func inAnother(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func TestAChangeTakesEffectWhenItIsNoLongerFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := two()
		p, _ := app(t, d)
		b := p.browser()
		login := func(status int, text string) {
			t.Helper()
			p.want("log in", b.end("acme", "login", b.begin("acme", "login")), status, text)
		}
		login(200, "user &{acme/c}, account <nil>")
		time.Sleep(time.Minute)
		login(200, "user &{acme/c}, account <nil>")
		if asked, built := d.counts("acme"); asked != 2 || built != 1 {
			t.Errorf("asked %d times, built %d", asked, built)
		}
		d.set("acme", "s3")
		state := b.begin("acme", "login") // with what is held
		time.Sleep(time.Minute)
		p.want("begun with the old secret", b.end("acme", "login", state), 400, "flow_tenant")
		if !strings.Contains(p.Last().Error(), "changed since") {
			t.Errorf("%v", p.Last())
		}
		if _, exchanged := d.exchanged.Load(state); exchanged {
			t.Error("the new provider was asked")
		}
		state = b.begin("acme", "login")
		p.want("begun with the new one", b.end("acme", "login", state), 200, "user &{acme/c}, account <nil>")
		if by, _ := d.exchanged.Load(state); by != "acme/s3" {
			t.Errorf("exchanged by %v", by)
		}
		state = b.begin("acme", "login")
		d.remove("acme")
		time.Sleep(time.Minute)
		p.want("begun before the removal", b.end("acme", "login", state), 404, "tenant_unknown")
		d.set("acme", "s3")
		login(200, "user &{acme/c}, account <nil>") // at once: that there is none is not held
	})
}

func TestWhatIsForgottenIsLookedUpAtOnce(t *testing.T) {
	d := two()
	p, s := app(t, d)
	b := p.browser()
	state := b.begin("acme", "login")
	d.set("acme", "s3")
	s.Forget("acme")
	s.Forget("nobody")
	p.want("begun with the old secret", b.end("acme", "login", state), 400, "flow_tenant")
	state = b.begin("acme", "login")
	p.want("begun with the new one", b.end("acme", "login", state), 200, "user &{acme/c}, account <nil>")
	if by, _ := d.exchanged.Load(state); by != "acme/s3" {
		t.Errorf("exchanged by %v", by)
	}
	d.remove("acme")
	s.Forget("acme")
	p.want("removed", b.Get("/acme/login", "same-origin"), 404, "tenant_unknown")
	if _, built := d.counts("globex"); built != 0 {
		t.Error("another tenant was built")
	}
}

// Forget while a look-up has read the old row, and not returned yet.
func TestWhatWasReadBeforeItWasForgottenIsNotHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := two()
		p, s := app(t, d)
		d.wait = make(chan struct{})
		wait := d.wait
		go p.Browser().Get("/acme/login", "same-origin")
		synctest.Wait() // it has read s1
		d.set("acme", "s3")
		s.Forget("acme")
		d.mu.Lock()
		d.wait = nil
		d.mu.Unlock()
		b := p.browser()
		state := b.begin("acme", "login") // asks again, and waits for nobody
		close(wait)
		synctest.Wait()
		b.end("acme", "login", state)
		if got, _ := d.exchanged.Load(state); got != "acme/s3" {
			t.Errorf("exchanged by %v", got)
		}
	})
}

func TestOneLookUpServesAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := two()
		d.wait = make(chan struct{})
		p, _ := app(t, d)
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		for i := range 100 {
			wg.Go(func() {
				if i == 0 { // the first gives up; the others still get theirs
					giveUp(ctx, p)
					return
				}
				p.browser().begin("acme", "login")
			})
			synctest.Wait()
		}
		wg.Go(func() { giveUp(ctx, p) })
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(d.wait)
		wg.Wait()
		if asked, built := d.counts("acme"); asked != 1 || built != 1 {
			t.Errorf("asked %d times, built %d", asked, built)
		}
	})
}

func giveUp(ctx context.Context, p *site) {
	p.Browser().Send(testapp.Navigation("GET", "/acme/login", "same-origin").WithContext(ctx))
}

// 10,000 tenants come and go and change while people log in and connect at all of them.
func TestTenThousandTenantsComeAndGoWhilePeopleLogIn(t *testing.T) {
	const all, people, keep = 10_000, 8, 500
	rows := map[string]string{}
	for i := range all {
		rows[name(i)] = "s"
	}
	d := newTable(rows)
	p, s := app(t, d, func(c *tenants.Config) { c.Keep, c.Fresh = keep, 50*time.Millisecond })
	var wg sync.WaitGroup
	var done atomic.Bool
	var ended, mixed atomic.Int64
	wg.Go(func() {
		for i := 0; !done.Load(); i++ {
			tenant := name(i * 7919 % all)
			switch i % 3 {
			case 0:
				d.remove(tenant)
			case 1:
				d.set(tenant, fmt.Sprint("s", i))
			case 2:
				d.set(name((i-2)*7919%all), fmt.Sprint("s", i)) // back again
			}
			s.Forget(tenant)
		}
	})
	var crowd sync.WaitGroup
	for person := range people {
		crowd.Go(func() {
			for i := range all / people {
				b, n := p.browser(), i*people+person
				purpose, other := []string{"login", "connect"}[i%2], []string{"login", "connect"}[i/2%2]
				w := b.Get("/"+name(n)+"/"+purpose, "same-origin")
				if w.Code == http.StatusNotFound {
					continue
				}
				state := parse(t, w.Header().Get("Location")).Query().Get("state")
				if w := b.end(name(n+1), other, state); w.Code == http.StatusOK {
					mixed.Add(1)
				}
				state = parse(t, b.Get("/"+name(n)+"/"+purpose, "same-origin").Header().Get("Location")).Query().Get("state")
				switch w := b.end(name(n), purpose, state); {
				case w.Code == http.StatusOK && strings.Contains(w.Body.String(), name(n)+"/c"):
					ended.Add(1)
				case w.Code == http.StatusOK:
					t.Errorf("%s: %s", name(n), w.Body)
				case w.Code != http.StatusBadRequest && w.Code != http.StatusNotFound: // changed or removed meanwhile
					t.Errorf("%s: %d %s, %v", name(n), w.Code, w.Body, p.Last())
				}
			}
		})
	}
	crowd.Wait()
	done.Store(true)
	wg.Wait()
	if mixed.Load() > 0 || ended.Load() < all/2 {
		t.Errorf("%d flows ended rightly, and %d elsewhere", ended.Load(), mixed.Load())
	}
	if held := tenants.Held(s); held > keep {
		t.Errorf("%d are held", held)
	}
}

func name(i int) string { return fmt.Sprintf("tenant-%05d", i) }

func parse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestNewPanicsInASentence(t *testing.T) {
	d := two()
	for want, c := range map[string]tenants.Config{
		"Config.Of is nil":     {Find: d.find},
		"Config.Find is nil":   {Of: byPath},
		"Config.Fresh is -1ns": {Of: byPath, Find: d.find, Fresh: -1},
		"Config.Keep -1":       {Of: byPath, Find: d.find, Keep: -1},
	} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "tenants: New: ") || !strings.Contains(text, want) {
					t.Errorf("%q, want %q", text, want)
				}
			}()
			tenants.New(c)
		}()
	}
}
