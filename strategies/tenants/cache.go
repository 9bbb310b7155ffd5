package tenants

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/absent"
	"github.com/gopassport/passport/internal/panics"
)

// cache holds the strategies of tenants: a bounded number of them, each for some time.
type cache struct {
	find  func(context.Context, string) (Tenant, error)
	fresh time.Duration
	keep  int

	held  sync.Map   // *entry by tenant; read without a lock
	mu    sync.Mutex // held to change held, and for the fields below
	calls map[string]*call
	clock []*entry // what is held, in the order of a clock's hand
	hand  int
}

// entry is a tenant's strategy. It does not change, but for used and slot.
type entry struct {
	tenant, version, binding string
	strategy                 passport.Strategy
	until                    time.Time
	used                     atomic.Bool // since the hand came by
	slot                     int         // in the clock
}

// call is a look-up under way, for all who wait for it.
type call struct {
	done  chan struct{}
	entry *entry
	err   error
	stale bool // the tenant was forgotten meanwhile: nobody later gets this
}

func newCache(find func(context.Context, string) (Tenant, error), fresh time.Duration, keep int) *cache {
	return &cache{find: find, fresh: fresh, keep: keep, calls: map[string]*call{}}
}

// get gives a tenant's strategy. The error is a *passport.Error.
func (c *cache) get(ctx context.Context, tenant string) (*entry, error) {
	e := c.load(tenant)
	if e == nil || !time.Now().Before(e.until) {
		return c.ask(ctx, tenant)
	}
	if !e.used.Load() { // a store each time would take the entry out of the other processors' caches
		e.used.Store(true)
	}
	return e, nil
}

// load is what is held for a tenant; nil for nothing.
func (c *cache) load(tenant string) *entry {
	v, ok := c.held.Load(tenant)
	if !ok {
		return nil
	}
	return v.(*entry) //nolint:forcetypeassert // nothing else is held
}

// ask looks a tenant up, or waits for who does already.
func (c *cache) ask(ctx context.Context, tenant string) (*entry, error) {
	c.mu.Lock()
	under, ok := c.calls[tenant]
	if !ok {
		under = &call{done: make(chan struct{})}
		c.calls[tenant] = under
	}
	c.mu.Unlock()
	if !ok {
		c.look(ctx, tenant, under)
	}
	select {
	case <-under.done:
		return under.entry, under.err
	case <-ctx.Done():
		return nil, fault(http.StatusServiceUnavailable, ctx.Err())
	}
}

// patience bounds a look-up: others wait for it, too.
const patience = 10 * time.Second

// look makes the entry of a tenant, and keeps it. It goes on when this request is given
// up, and ends for those who wait whatever Find does, and be it to end the goroutine.
func (c *cache) look(ctx context.Context, tenant string, under *call) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	asked := time.Now()
	under.err = fault(http.StatusInternalServerError, errors.New("the look-up ended without an answer"))
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !under.stale {
			delete(c.calls, tenant)
			c.put(tenant, under.entry, asked.Add(c.fresh))
		}
		close(under.done)
	}()
	under.entry, under.err = c.make(ctx, tenant)
}

// make asks Find. A strategy of the same version is kept: it may know more than its
// credentials by now, such as a provider's keys.
func (c *cache) make(ctx context.Context, tenant string) (e *entry, err error) {
	defer func() {
		if cause := panics.Cause(recover()); cause != nil {
			e, err = nil, fault(http.StatusInternalServerError, cause)
		}
	}()
	t, err := c.find(ctx, tenant)
	switch {
	case errors.Is(err, ErrUnknown):
		return nil, unknown(err)
	case err != nil:
		return nil, fault(http.StatusServiceUnavailable, err)
	case t.Strategy == nil:
		return nil, fault(http.StatusInternalServerError, errors.New("the Tenant that Find gave has no Strategy, and there is no error"))
	}
	e = &entry{tenant: tenant, version: t.Version, binding: binding(tenant, t.Version)}
	if old := c.load(tenant); old != nil && old.version == t.Version {
		e.strategy = old.strategy
		return e, nil
	}
	e.strategy, err = t.Strategy()
	switch {
	case err != nil:
		return nil, fault(http.StatusInternalServerError, err)
	case absent.Nil(e.strategy):
		return nil, fault(http.StatusInternalServerError, errors.New("the Tenant's Strategy function gave neither a strategy nor an error"))
	}
	return e, nil
}

func fault(status int, cause error) error {
	return &passport.Error{Code: CodeFind, Status: status, Err: cause}
}

// put holds an entry in place of the tenant's old one; without one, nothing is held.
func (c *cache) put(tenant string, e *entry, until time.Time) {
	old := c.load(tenant)
	switch {
	case e == nil:
		c.drop(old)
		return
	case old != nil:
		e.slot = old.slot
		c.clock[e.slot] = e
	case len(c.clock) < c.keep:
		e.slot = len(c.clock)
		c.clock = append(c.clock, e)
	default:
		e.slot = c.victim()
		c.held.Delete(c.clock[e.slot].tenant)
		c.clock[e.slot] = e
	}
	e.until = until
	c.held.Store(tenant, e)
}

// victim is the slot of the first that nobody used since the hand came by (the clock
// algorithm: nearly the least recently used, and a request that finds its entry moves nothing).
func (c *cache) victim() int {
	for {
		c.hand = (c.hand + 1) % len(c.clock)
		if !c.clock[c.hand].used.Swap(false) {
			return c.hand
		}
	}
}

// drop takes an entry out, if there is one. The last of the clock takes its slot.
func (c *cache) drop(e *entry) {
	if e == nil {
		return
	}
	last := len(c.clock) - 1
	c.clock[e.slot] = c.clock[last]
	c.clock[e.slot].slot = e.slot
	c.clock[last] = nil
	c.clock = c.clock[:last]
	c.held.Delete(e.tenant)
}

// forget drops a tenant, and what is being looked up for it.
func (c *cache) forget(tenant string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if under, ok := c.calls[tenant]; ok {
		under.stale = true
		delete(c.calls, tenant)
	}
	c.drop(c.load(tenant))
}
