package passport

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gopassport/passport/internal/panics"
)

// Code names the cause of an [Error]. Codes are stable: programs, dashboards and
// support pages may rely on them. docs/errors.md says for each what to look for.
type Code string

// What the browser, or the person in front of it, did. The status is below 500.
const (
	CodeRejected        Code = "credentials_rejected" // a strategy's Failure
	CodeUnauthenticated Code = "login_required"       // RequireUser met nobody
	CodeDenied          Code = "access_denied"        // the person said no at the provider
	CodeMethod          Code = "method_not_allowed"   // flows begin and end with GET or POST only
	CodePrefetch        Code = "prefetch"             // the browser only guessed that the page is wanted
	CodeNavigation      Code = "not_a_navigation"     // flows begin and end in the address bar, not in a frame or a fetch
	CodeCrossSite       Code = "cross_site"           // another site tried to connect an account, or to log somebody in
	CodeCallback        Code = "callback_malformed"   // a response parameter twice, too long, or none that is needed
	CodeIssuer          Code = "issuer_mismatch"      // another provider answered (RFC 9207)
	CodeFlowMissing     Code = "flow_missing"         // never begun here: spent, evicted, or another browser's
	CodeFlowExpired     Code = "flow_expired"         // begun more than ten minutes ago
	CodeFlowPurpose     Code = "flow_purpose"         // a log-in ended at a connect route, or the reverse
	CodeFlowStrategy    Code = "flow_strategy"        // begun with another strategy
	CodeFlowTenant      Code = "flow_tenant"          // begun for another tenant
	CodeFlowUser        Code = "flow_user"            // somebody else is logged in than at the beginning
)

// Faults: of a provider (502 to 504), of a store (503), or of the program (500).
const (
	CodeProvider            Code = "provider_error"       // the provider answered with an error
	CodeProviderTimeout     Code = "provider_timeout"     // the provider did not answer in time
	CodeProviderUnavailable Code = "provider_unavailable" // the provider is down for now
	CodeProviderPanic       Code = "provider_panic"       // the provider's client code panicked
	CodeSubject             Code = "subject_missing"      // the provider named nobody
	CodeSubjectMismatch     Code = "subject_mismatch"     // userinfo, or a refreshed token, is about somebody else
	CodeMetadata            Code = "provider_metadata"    // what the provider publishes about itself cannot be used
	CodeIDTokenMalformed    Code = "id_token_malformed"   // there is no ID token, or it is none
	CodeIDTokenSignature    Code = "id_token_signature"   // nobody we know signed it
	CodeIDTokenIssuer       Code = "id_token_issuer"      // it is another provider's
	CodeIDTokenAudience     Code = "id_token_audience"    // it is for another application
	CodeIDTokenTime         Code = "id_token_time"        // it has expired, or is from another time
	CodeIDTokenNonce        Code = "id_token_nonce"       // it belongs to another flow
	CodeIDTokenHash         Code = "id_token_hash"        // it belongs to another access token
	CodeSessionStore        Code = "session_store"        // the session store failed
	CodeSessionTooLarge     Code = "session_too_large"    // the session does not fit into its cookie
	CodeRevocations         Code = "revocation_store"     // Config.Revocations failed
	CodeFlowStore           Code = "flow_store"           // the flow store failed
	CodeFlowTooLarge        Code = "flow_too_large"       // what a strategy keeps does not fit into its cookie
	CodeUserLoad            Code = "user_load"            // Users.Load failed, or gave a nil user
	CodeUserKey             Code = "user_key"             // Users.Key gave an empty key, or the value is no user
	CodeStrategy            Code = "strategy_fault"       // a strategy or a verify function returned an error
	CodeStrategyPanic       Code = "strategy_panic"       // a strategy or a verify function panicked
	CodeConfiguration       Code = "configuration"        // the program asks for what it did not set up
)

var (
	// ErrNoUser is what Users.Load returns when the user of a login is gone: deleted,
	// or barred. Nobody is logged in then, and under Registry.Session the session ends.
	ErrNoUser = errors.New("passport: no such user")

	// ErrNoFlow is what FlowStore.Take returns when there is no such flow, or no longer.
	ErrNoFlow = errors.New("passport: no such flow")
)

// Error is every error of this library. It holds no token, code, state or secret:
// Error is fit for a log and Message for a page. Err may be an application's own
// error; what the strategies of this module put there hides its secrets, too.
//
// Find it with errors.As; the cause (*url.Error, *oauth2.RetrieveError, …) as well.
type Error struct {
	Code       Code
	Strategy   string        // the registered name; "" where none was involved
	Status     int           // of the answer: below 500 a refusal, else a fault
	Message    string        // for the person; "" means the text of the status
	Challenges []string      // for WWW-Authenticate
	RetryAfter time.Duration // for Retry-After, where the fault is known to pass; else 0
	Err        error         // the cause; may be nil
	tenant     string        // see Attempt.Tenant
	implied    bool          // a Failure set no status
}

// Error is the text for the log.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("passport: ")
	if e.Strategy != "" {
		fmt.Fprintf(&b, "%s: ", e.Strategy)
	}
	b.WriteString(string(e.Code))
	if e.Message != "" {
		fmt.Fprintf(&b, ": %q", e.Message)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// refusal tells whether the other side is to blame, so that a chain goes on and
// FailureRedirect applies.
func (e *Error) refusal() bool { return e.Status < http.StatusInternalServerError }

// fault wraps an error of ours, of a store or of a provider.
func fault(code Code, status int, err error) *Error {
	return &Error{Code: code, Status: status, Err: err}
}

// asError gives any error its code and status. An *Error keeps those it has; it is
// copied, because a strategy may return the same one to many requests.
func asError(err error, code Code, status int) *Error {
	var e *Error
	if !errors.As(err, &e) {
		return fault(code, status, err)
	}
	own := *e
	if error(e) != err {
		own.Err = err // what somebody wrapped around it belongs into the log
	}
	own.Status = cmp.Or(own.Status, status)
	return &own
}

// caught makes a panic in the application's own code a fault of this request.
func caught(err *error, code Code) {
	if cause := panics.Cause(recover()); cause != nil {
		*err = fault(code, http.StatusInternalServerError, cause)
	}
}
