// Package flows keeps what must be known between the redirect to a provider and the
// callback: wholly in a cookie of its own for each flow, or in a store, with a cookie
// that binds it to the browser.
package flows

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gopassport/passport/internal/pack"
	"github.com/gopassport/passport/internal/vault"
)

const (
	// Lifetime is how long a flow may take.
	Lifetime = 10 * time.Minute

	cookieRoom = 800  // bytes of a flow's cookie, name and value
	most       = 5    // flows of one browser
	allRoom    = 3500 // bytes of their cookies together
)

// Flow is one pending flow. Nothing in it comes from the request at the callback.
type Flow struct {
	At               time.Time // when it began
	Purpose          string
	Strategy, Tenant string
	User             string // a digest of who began it; "" for nobody
	ReturnTo         string
	Data             string // the strategy's own
}

func (f Flow) pack() []byte {
	at := strconv.FormatInt(f.At.UnixMilli(), 36)
	return pack.Append(nil, at, f.Purpose, f.Strategy, f.Tenant, f.User, f.ReturnTo, f.Data)
}

func parse(plain []byte) (f Flow, ok bool) {
	fields, ok := pack.Split(plain)
	if !ok || len(fields) != 7 {
		return Flow{}, false
	}
	at, ok := begun(plain)
	return Flow{at, fields[1], fields[2], fields[3], fields[4], fields[5], fields[6]}, ok
}

// begun reads the first field of what a flow's cookie holds.
func begun(plain []byte) (time.Time, bool) {
	field, _, ok := pack.Next(plain)
	ms, err := strconv.ParseInt(string(field), 36, 64)
	return time.UnixMilli(ms), ok && err == nil
}

// Current tells whether the flow is neither over nor from the future: then the clocks
// of two machines differ, or nobody here made it.
func (f Flow) Current() bool {
	age := time.Since(f.At)
	return age <= Lifetime && age > -time.Minute
}

// ErrMissing says that there is no such flow. From here its cause cannot be told.
var ErrMissing = errors.New("no such flow")

// Fault is an error of the store.
type Fault struct{ Err error }

// Error is the text of the store's error.
func (e *Fault) Error() string { return e.Err.Error() }

// Unwrap gives the store's own error.
func (e *Fault) Unwrap() error { return e.Err }

// Keeper puts flows away and takes them back, once. Both give the cookies to set. A
// flow is found by the strategy's name and the key together: the state of one strategy
// is none to another.
type Keeper interface {
	Put(r *http.Request, key string, f Flow) (set []*http.Cookie, err error)
	Take(r *http.Request, strategy, key string) (f Flow, set []*http.Cookie, err error)
	Has(r *http.Request, strategy, key string) bool
	Any(r *http.Request) bool
}

// Cookies keeps flows in cookies, so that tabs do not meet.
type Cookies struct{ *vault.Vault }

func suffix(strategy, key string) string { return "-" + vault.Digest(strategy, key) }

// Put makes the cookie of a flow. A return target that does not fit is dropped; data
// that does not fit is a *vault.TooLarge.
func (k Cookies) Put(r *http.Request, key string, f Flow) ([]*http.Cookie, error) {
	name := suffix(f.Strategy, key)
	c := k.Cookie(r, name, f.pack(), Lifetime)
	if vault.Size(c) > cookieRoom {
		f.ReturnTo = ""
		c = k.Cookie(r, name, f.pack(), Lifetime)
	}
	if size := vault.Size(c); size > cookieRoom {
		return nil, &vault.TooLarge{Size: size, Limit: cookieRoom}
	}
	return append(k.evict(r, vault.Size(c)), c), nil
}

// Take opens the cookie of a flow.
func (k Cookies) Take(r *http.Request, strategy, key string) (f Flow, set []*http.Cookie, err error) {
	name, ok := suffix(strategy, key), false
	k.Open(r, name, func(plain []byte) { f, ok = parse(plain) })
	if !ok {
		return f, nil, ErrMissing
	}
	return f, k.Expire(r, name), nil
}

// Has tells whether the browser sent the flow, and spends nothing.
func (k Cookies) Has(r *http.Request, strategy, key string) bool {
	return k.Open(r, suffix(strategy, key), func([]byte) {})
}

// Any tells whether the browser sent flows at all.
func (k Cookies) Any(r *http.Request) bool { return len(k.pending(r)) > 0 }

type pending struct {
	name string
	size int
	at   time.Time // zero for one that does not open
}

// pending lists the flows of a browser, the newest first; of those begun at once the
// one that the browser sends last, which it got last.
func (k Cookies) pending(r *http.Request) (all []pending) {
	k.Each(r, func(name string, size int, plain []byte) {
		at, ok := begun(plain)
		if !ok {
			at = time.Time{}
		}
		all = append(all, pending{name, size, at})
	})
	slices.Reverse(all)
	slices.SortStableFunc(all, func(a, b pending) int { return b.at.Compare(a.at) })
	return all
}

// evict removes the oldest flows until one more of some size fits, and those that are
// over. Without a bound, begun flows fill the Cookie header until servers refuse it.
func (k Cookies) evict(r *http.Request, size int) (gone []*http.Cookie) {
	count := 1
	for _, f := range k.pending(r) {
		count, size = count+1, size+f.size
		if count > most || size > allRoom || time.Since(f.at) > Lifetime {
			gone = append(gone, k.Gone(r, f.name))
		}
	}
	return gone
}

// Store is passport.FlowStore.
type Store interface {
	Put(ctx context.Context, id string, flow []byte, ttl time.Duration) error
	Take(ctx context.Context, id string) ([]byte, error)
}

// Records keeps flows in a store. The cookie holds a random secret that is part of the
// id, so another browser cannot even ask the store for the flow, let alone spend it.
type Records struct {
	Cookies   // the bindings
	Sealed    *vault.Vault
	Store     Store
	ErrNoFlow error // what the store says when there is none
}

// Put keeps the flow and makes the cookie that binds it. The error is a *Fault.
func (k Records) Put(r *http.Request, key string, f Flow) ([]*http.Cookie, error) {
	secret := rand.Text()
	id := vault.Digest(f.Strategy, key, secret)
	if err := k.Store.Put(r.Context(), id, k.Sealed.Seal(id, f.pack()), Lifetime); err != nil {
		return nil, &Fault{fmt.Errorf("Put: %w", err)}
	}
	binding := pack.Append(nil, strconv.FormatInt(f.At.UnixMilli(), 36), secret)
	c := k.Cookie(r, suffix(f.Strategy, key), binding, Lifetime)
	return append(k.evict(r, vault.Size(c)), c), nil
}

// Take asks the store, once the browser has shown that it began the flow. A store that
// is down spends nothing.
func (k Records) Take(r *http.Request, strategy, key string) (Flow, []*http.Cookie, error) {
	secret := ""
	k.Open(r, suffix(strategy, key), func(plain []byte) {
		if fields, ok := pack.Split(plain); ok && len(fields) == 2 {
			secret = fields[1]
		}
	})
	if secret == "" {
		return Flow{}, nil, ErrMissing
	}
	id := vault.Digest(strategy, key, secret)
	sealed, err := k.Store.Take(r.Context(), id)
	if err != nil && !errors.Is(err, k.ErrNoFlow) {
		return Flow{}, nil, &Fault{fmt.Errorf("Take: %w", err)}
	}
	plain, ok := k.Sealed.Unseal(id, sealed)
	f, okFlow := parse(plain)
	if err != nil || !ok || !okFlow {
		return Flow{}, k.Expire(r, suffix(strategy, key)), ErrMissing
	}
	return f, k.Expire(r, suffix(strategy, key)), nil
}
