package passport

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/gopassport/passport/internal/intent"
)

// Attempt is one call of one strategy: what it is called, which parameters the route
// gives it, and a place for what it must remember until the callback. It belongs to
// that call and is not used afterwards, nor from two goroutines at once.
type Attempt struct {
	registry *Registry
	route    *route
	w        http.ResponseWriter // for the notes that it holds
	request  *http.Request
	name     string
	tenant   string
	user     string // a digest of who is logged in
	flow     bool   // a flow was to begin or to end
	begun    bool   // it may begin here
	taken    bool   // it ended here
	json     bool   // the caller takes the provider's address as JSON
	returnTo string
	saved    []*http.Cookie // to set if the strategy redirects
	spent    []*http.Cookie // to set in any case
}

// Strategy is the name under which the strategy is registered. What a strategy keeps by
// name, it keeps by this one.
func (a *Attempt) Strategy() string { return a.name }

// Param is a parameter of the route ([Param]); "" where there is none.
func (a *Attempt) Param(key string) string { return a.route.params[key] }

// CheckParams asks s about the route's parameters, for a strategy that picks s for this
// request only. The error is a fault; the registry asks its own when a route is made.
func (a *Attempt) CheckParams(s Strategy) error { return a.route.checkParams(s) }

// Tenant says for whom the strategy works in this request, where one strategy serves
// many tenants: a [StrategyFunc] that picks another strategy calls it before it hands
// over. A flow that began for one tenant ends for no other.
func (a *Attempt) Tenant(id string) { a.tenant = id }

// Begin tells whether a flow may begin with this request: it is a navigation by a
// person, not a guess of the browser's, and, where an account may be connected, not the
// idea of another site (CVE-2015-9284). A visitor may begin to log in from anywhere; who
// is logged in already may not, because a verify function may connect the account then.
// Strategies that call a provider before they Save call it first; Save and a Redirect
// imply it. The error is an [*Error].
func (a *Attempt) Begin() error {
	if a.begun {
		return nil
	}
	a.flow = true
	a.json = intent.WantsJSON(a.request)
	if err := a.person(); err != nil {
		return err
	}
	if !a.json && !intent.Navigation(a.request) {
		return &Error{Code: CodeNavigation, Status: http.StatusUnauthorized, Message: "Please log in first.",
			Err: errors.New("a flow begins when a person opens the address, or for a caller that accepts JSON; this is neither (Sec-Fetch-Mode, Sec-Fetch-Dest, Accept)")}
	}
	if a.route.purpose == connect || a.user != "" { // a verify function may connect for who is logged in
		if err := a.ownPage(); err != nil {
			return err
		}
	}
	a.begun = true
	return nil
}

// person refuses what no person sent on purpose.
func (a *Attempt) person() error {
	switch {
	case a.request.Method != http.MethodGet && a.request.Method != http.MethodPost:
		return &Error{Code: CodeMethod, Status: http.StatusMethodNotAllowed, Err: fmt.Errorf("a %s neither begins nor ends a flow", intent.Method(a.request))}
	case intent.Prefetch(a.request):
		return &Error{Code: CodePrefetch, Status: http.StatusForbidden, Err: errors.New("the browser loads the page before anybody asked for it")}
	}
	return nil
}

// ownPage refuses what another site began.
func (a *Attempt) ownPage() error {
	own, seen := a.registry.origins.Own(a.request)
	parked, foreign := a.registry.notes.Unpark(a.w, a.request, a.user)
	if (own || parked) && !foreign {
		return nil
	}
	cause := a.registry.origins.Elsewhere(a.request, seen)
	if foreign {
		cause = errors.New("before the log-in, this was asked for elsewhere than on a page of the application")
	}
	return &Error{Code: CodeCrossSite, Status: http.StatusForbidden, Message: "Please start this from the application's own page.", Err: cause}
}

// maxKey bounds what names a flow: a state, or a request token.
const maxKey = 512

// Save keeps v (as JSON) until the callback, and begins the flow that Take ends. The
// key is what the provider will send back: the state, or the request token; 1 to 512
// bytes. With cookies there is room for some 350 bytes. The error is an [*Error], and is
// returned by the strategy as it is.
func (a *Attempt) Save(key string, v any) error {
	if err := a.Begin(); err != nil {
		return err
	}
	if a.registry.flows == nil {
		return fault(CodeConfiguration, http.StatusInternalServerError, errors.New("pending flows need Config.Keys"))
	}
	if key == "" || len(key) > maxKey {
		return fault(CodeStrategy, http.StatusInternalServerError, fmt.Errorf("Save: a key has 1 to %d bytes, not %d", maxKey, len(key)))
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fault(CodeStrategy, http.StatusInternalServerError, fmt.Errorf("Save: %w", err))
	}
	return a.put(key, string(data))
}

// Take ends the flow of a key and gives back in v what Save was given, once. All of
// this must hold, each with its own code: the flow is there, not too old, of the same
// purpose, strategy and tenant, and the same person is logged in as at its beginning.
// A flow that does not match is spent as well; flows of other keys are not touched.
// Call it before anything is sent to a provider. The error is an [*Error], and is
// returned by the strategy as it is.
func (a *Attempt) Take(key string, v any) error {
	a.flow = true
	if err := a.person(); err != nil {
		return err
	}
	if intent.Subresource(a.request) {
		return &Error{Code: CodeNavigation, Status: http.StatusForbidden, Err: errors.New("a flow ends in the address bar; this is a frame, an image or a fetch (Sec-Fetch-Mode, Sec-Fetch-Dest)")}
	}
	if a.registry.flows == nil {
		return fault(CodeConfiguration, http.StatusInternalServerError, errors.New("pending flows need Config.Keys"))
	}
	if key == "" || len(key) > maxKey {
		return noFlow("the callback names no flow")
	}
	f, err := a.take(key)
	if err != nil {
		return err
	}
	a.taken, a.returnTo = true, f.ReturnTo
	if err := json.Unmarshal([]byte(f.Data), v); err != nil {
		return fault(CodeStrategy, http.StatusInternalServerError, errors.New("Take: what was saved is of another type"))
	}
	return nil
}
