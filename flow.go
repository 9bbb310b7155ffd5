package passport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gopassport/passport/internal/flows"
	"github.com/gopassport/passport/internal/vault"
)

// FlowStore keeps pending flows on a server, so that each is spent exactly once. It is
// called from many goroutines at once, with the request's context: a call whose context
// has ended fails and spends nothing. docs/sessions.md says what else it has to do.
type FlowStore interface {
	// Put keeps a flow for ttl. It is sealed, and its id a hash: neither tells anything.
	Put(ctx context.Context, id string, flow []byte, ttl time.Duration) error

	// Take gives a flow and removes it, atomically: of two callers one gets it. It
	// returns ErrNoFlow when there is none, or no longer; any other error is a fault.
	Take(ctx context.Context, id string) ([]byte, error)
}

// put begins a flow.
func (a *Attempt) put(key, data string) error {
	target := a.registry.notes.Read(a.w, a.request).ReturnTo
	cookies, err := a.registry.flows.Put(a.request, key, flows.Flow{
		At: time.Now(), Purpose: string(a.route.purpose), Strategy: a.name, Tenant: a.tenant, User: a.user, ReturnTo: target, Data: data,
	})
	a.saved = cookies
	var large *vault.TooLarge
	switch {
	case errors.As(err, &large):
		return fault(CodeFlowTooLarge, http.StatusInternalServerError, fmt.Errorf("%w: keep less in Save, or set Config.Flows", err))
	case err != nil:
		return fault(CodeFlowStore, http.StatusServiceUnavailable, err)
	}
	return nil
}

// take ends a flow, if it may end here.
func (a *Attempt) take(key string) (flows.Flow, error) {
	f, spent, err := a.registry.flows.Take(a.request, a.name, key)
	a.spent = append(a.spent, spent...)
	switch {
	case errors.Is(err, flows.ErrMissing):
		return f, a.missing(key)
	case err != nil:
		return f, fault(CodeFlowStore, http.StatusServiceUnavailable, err)
	}
	return f, a.match(f)
}

// match compares the flow with where it came back to.
func (a *Attempt) match(f flows.Flow) error {
	const again = "Please start again."
	refuse := func(code Code, status int, message, cause string) error {
		return &Error{Code: code, Status: status, Message: message, Err: errors.New(cause)}
	}
	switch {
	case !f.Current():
		return refuse(CodeFlowExpired, http.StatusBadRequest, "That took too long. "+again, "the flow began more than ten minutes ago, or the clocks of two machines differ")
	case f.Strategy != a.name:
		return refuse(CodeFlowStrategy, http.StatusBadRequest, again, "the flow began with another strategy")
	case f.Purpose != string(a.route.purpose):
		return refuse(CodeFlowPurpose, http.StatusBadRequest, again, fmt.Sprintf("the flow began for %q and came back to a route for %q", f.Purpose, a.route.purpose))
	case f.Tenant != a.tenant:
		return refuse(CodeFlowTenant, http.StatusBadRequest, again, "the flow began for another tenant")
	case f.User != a.user && a.user == "":
		return refuse(CodeFlowUser, http.StatusUnauthorized, "Please log in and start again.", "nobody is logged in any more, as somebody was when the flow began")
	case f.User != a.user:
		return refuse(CodeFlowUser, http.StatusForbidden, "Somebody logged in or out in the meantime. "+again, "somebody else is logged in than when the flow began")
	}
	return nil
}

// missing says why there is no flow, as far as that can be told. The flow of another
// strategy is not spent by looking at it.
func (a *Attempt) missing(key string) error {
	if !a.registry.flows.Any(a.request) {
		return noFlow("the browser sent no flow at all")
	}
	for _, name := range a.registry.strategies.Names(maxTried) {
		if name != a.name && a.registry.flows.Has(a.request, name, key) {
			return &Error{Code: CodeFlowStrategy, Status: http.StatusBadRequest, Message: "Please start again.",
				Err: fmt.Errorf("the flow began with the strategy %q, whose callback is another address", name)}
		}
	}
	return noFlow("the browser sent flows, but not this one")
}

// maxTried bounds what one stray callback costs where there are very many strategies.
const maxTried = 1000

// noFlow is what a callback without a flow gets. The text for the log says what to look for.
func noFlow(seen string) *Error {
	return &Error{Code: CodeFlowMissing, Status: http.StatusBadRequest, Message: "This link was used already, or began in another browser. Please start again.",
		Err: fmt.Errorf("%s: it was spent by an earlier callback, evicted by five newer ones, begun in another browser or under another host name (localhost is not 127.0.0.1), or its cookie was lost to a proxy, to plain http or with a retired key", seen)}
}
