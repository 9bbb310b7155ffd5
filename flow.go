package passport

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gopassport/passport/internal/cookies"
	"github.com/gopassport/passport/internal/pack"
)

// FlowStore keeps pending flows on a server, so that each is spent exactly once. It is
// called from many goroutines at once, with the request's context.
type FlowStore interface {
	// Put keeps a flow for ttl. The id is a hash, the flow is sealed: neither tells the
	// store anything.
	Put(ctx context.Context, id string, flow []byte, ttl time.Duration) error

	// Take gives a flow and removes it, atomically: of two callers one gets it. It
	// returns ErrNoFlow when there is none, or no longer; any other error is a fault.
	Take(ctx context.Context, id string) ([]byte, error)
}

const (
	flowLifetime = 10 * time.Minute
	flowRoom     = 800  // bytes of a flow's cookie, name and value
	flowsCount   = 5    // flows of one browser
	flowsRoom    = 3500 // bytes of their cookies together
)

// flow is what is kept between the redirect to a provider and the callback. Nothing in
// it comes from the request at the callback.
type flow struct {
	purpose          purpose
	strategy, tenant string
	user             string // a digest of who began it; "" for nobody
	at               time.Time
	returnTo         string
	data             string // the strategy's own
}

func (f flow) pack() []byte {
	at := strconv.FormatInt(f.at.UnixMilli(), 36)
	return pack.Append(nil, at, string(f.purpose), f.strategy, f.tenant, f.user, f.returnTo, f.data)
}

func parseFlow(plain []byte) (f flow, ok bool) {
	fields, ok := pack.Split(plain)
	if !ok || len(fields) != 7 {
		return flow{}, false
	}
	at, ok := begunAt(plain)
	return flow{purpose(fields[1]), fields[2], fields[3], fields[4], at, fields[5], fields[6]}, ok
}

// begunAt reads the first field of what a flow's cookie holds.
func begunAt(plain []byte) (time.Time, bool) {
	field, _, ok := pack.Next(plain)
	ms, err := strconv.ParseInt(string(field), 36, 64)
	return time.UnixMilli(ms), ok && err == nil
}

// check tells whether the flow may end in this attempt.
func (f flow) check(a *Attempt) error {
	age := time.Since(f.at)
	refuse := func(code Code, status int, message, cause string) error {
		return &Error{Code: code, Status: status, Message: message, Err: errors.New(cause)}
	}
	const again = "Please start again."
	switch {
	case age > flowLifetime || age < -time.Minute:
		return refuse(CodeFlowExpired, http.StatusBadRequest, "That took too long. "+again, "the flow began more than ten minutes ago, or the clocks of two machines differ")
	case f.strategy != a.name:
		return refuse(CodeFlowStrategy, http.StatusBadRequest, again, "the flow began with another strategy")
	case f.purpose != a.route.purpose:
		return refuse(CodeFlowPurpose, http.StatusBadRequest, again, fmt.Sprintf("the flow began as %q and came back to a route for %q", f.purpose, a.route.purpose))
	case f.tenant != a.tenant:
		return refuse(CodeFlowTenant, http.StatusBadRequest, again, "the flow began for another tenant")
	case f.user != a.user && a.user == "":
		return refuse(CodeFlowUser, http.StatusUnauthorized, "Please log in and start again.", "nobody is logged in any more, as somebody was when the flow began")
	case f.user != a.user:
		return refuse(CodeFlowUser, http.StatusForbidden, "Somebody logged in or out in the meantime. "+again, "somebody else is logged in than when the flow began")
	}
	return nil
}

// missing is what a callback without a flow gets. From here its cause cannot be told,
// so the text says what to look for.
func missing(cause error) error {
	return &Error{Code: CodeFlowMissing, Status: http.StatusBadRequest, Message: "This link was used already, or began in another browser. Please start again.",
		Err: fmt.Errorf("%w; it was spent by an earlier callback, evicted by five newer ones, or begun in another browser or under another host name (localhost is not 127.0.0.1), or the cookie was lost to a proxy, plain http or a retired key", cause)}
}

// flowKeeper keeps flows: wholly in cookies, or in a store with a cookie that binds
// them to the browser.
type flowKeeper interface {
	put(a *Attempt, key string, f flow) (set []*http.Cookie, err error)
	take(a *Attempt, key string) (flow, error)
}

// flowCookies keeps each flow in a cookie of its own, so that tabs do not meet.
type flowCookies struct{ vault *vault }

// suffix names the cookie of a flow. It is found by the strategy's name and the key
// together: the state of one strategy is none to another.
func suffix(strategy, key string) string { return "-" + digest(strategy, key) }

func (k flowCookies) put(a *Attempt, key string, f flow) ([]*http.Cookie, error) {
	f.at = time.Now()
	c := k.vault.cookie(a.request, suffix(a.name, key), f.pack(), flowLifetime)
	if room(c) > flowRoom {
		f.returnTo = ""
		c = k.vault.cookie(a.request, suffix(a.name, key), f.pack(), flowLifetime)
	}
	if size := room(c); size > flowRoom {
		return nil, fault(CodeFlowTooLarge, http.StatusInternalServerError, fmt.Errorf("the flow's cookie would have %d bytes, %d is the limit: keep less in Save, or set Config.Flows", size, flowRoom))
	}
	return append(k.vault.evict(a.request, room(c)), c), nil
}

func room(c *http.Cookie) int { return len(c.Name) + len(c.Value) }

func (k flowCookies) take(a *Attempt, key string) (f flow, err error) {
	opened := false
	k.vault.open(a.request, suffix(a.name, key), func(plain []byte) { f, opened = parseFlow(plain) })
	if !opened {
		return f, k.vault.elsewhere(a, key)
	}
	a.spent = append(a.spent, k.vault.expire(a.request, suffix(a.name, key))...)
	return f, nil
}

// expire makes the cookies that remove those of a suffix.
func (v *vault) expire(r *http.Request, suffix string) (gone []*http.Cookie) {
	plainHTTP := v.origins.Plain(r)
	for _, key := range v.keys {
		if name := key.name(plainHTTP) + suffix; cookies.Has(r.Header, name) {
			gone = append(gone, v.bake(r, name, "", -1))
		}
	}
	return gone
}

// elsewhere says why there is no flow, as far as that can be told.
func (v *vault) elsewhere(a *Attempt, key string) error {
	for _, name := range a.registry.names() {
		if name != a.name && v.open(a.request, suffix(name, key), func([]byte) {}) {
			return &Error{Code: CodeFlowStrategy, Status: http.StatusBadRequest, Message: "Please start again.",
				Err: fmt.Errorf("the flow began with the strategy %q, whose callback is another address", name)}
		}
	}
	if len(v.pending(a.request)) == 0 {
		return missing(errors.New("the browser sent no flow at all"))
	}
	return missing(errors.New("the browser sent flows, but not this one"))
}

// pendingFlow is a flow's cookie that came with a request.
type pendingFlow struct {
	name string
	size int
	at   time.Time // zero for one that does not open
}

// pending lists the flows of a browser, the newest first.
func (v *vault) pending(r *http.Request) (all []pendingFlow) {
	plainHTTP := v.origins.Plain(r)
	for _, key := range v.keys {
		for name, value := range cookies.All(r.Header, key.name(plainHTTP)+"-") {
			f := pendingFlow{name: name, size: len(name) + len(value)}
			key.openText(name, value, func(plain []byte) { f.at, _ = begunAt(plain) })
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b pendingFlow) int { return b.at.Compare(a.at) })
	return all
}

// evict removes the oldest flows until one more of some size fits, and those that are
// over. Without a bound, begun flows fill the Cookie header until servers refuse it.
func (v *vault) evict(r *http.Request, size int) (gone []*http.Cookie) {
	count := 1
	for _, f := range v.pending(r) {
		count, size = count+1, size+f.size
		if count > flowsCount || size > flowsRoom || time.Since(f.at) > flowLifetime {
			gone = append(gone, v.bake(r, f.name, "", -1))
		}
	}
	return gone
}

// flowRecords keeps flows in a store. The cookie holds a random secret that is part of
// the id, so another browser cannot even ask the store for the flow, let alone spend it.
type flowRecords struct {
	cookies *vault
	sealed  *vault
	store   FlowStore
}

func (k flowRecords) put(a *Attempt, key string, f flow) ([]*http.Cookie, error) {
	f.at = time.Now()
	secret := rand.Text()
	id := flowID(a.name, key, secret)
	if err := k.store.Put(a.request.Context(), id, k.sealed.keys[0].Seal(id, f.pack()), flowLifetime); err != nil {
		return nil, fault(CodeFlowStore, http.StatusServiceUnavailable, err)
	}
	binding := pack.Append(nil, strconv.FormatInt(f.at.UnixMilli(), 36), secret)
	c := k.cookies.cookie(a.request, suffix(a.name, key), binding, flowLifetime)
	return append(k.cookies.evict(a.request, room(c)), c), nil
}

func (k flowRecords) take(a *Attempt, key string) (flow, error) {
	secret := ""
	k.cookies.open(a.request, suffix(a.name, key), func(plain []byte) {
		if fields, ok := pack.Split(plain); ok && len(fields) == 2 {
			secret = fields[1]
		}
	})
	if secret == "" {
		return flow{}, k.cookies.elsewhere(a, key)
	}
	id := flowID(a.name, key, secret)
	sealed, err := k.store.Take(a.request.Context(), id)
	if err != nil && !errors.Is(err, ErrNoFlow) {
		return flow{}, fault(CodeFlowStore, http.StatusServiceUnavailable, err)
	}
	a.spent = append(a.spent, k.cookies.expire(a.request, suffix(a.name, key))...)
	if err != nil {
		return flow{}, missing(errors.New("the store has no such flow"))
	}
	for _, key := range k.sealed.keys {
		if plain, ok := key.Open(id, slices.Clone(sealed)); ok {
			if f, ok := parseFlow(plain); ok {
				return f, nil
			}
		}
	}
	return flow{}, missing(errors.New("what the store keeps does not open"))
}

// flowID is known to the store, and made by nobody who lacks the secret.
func flowID(strategy, key, secret string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{strategy, key, secret}, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
