package passport

import (
	"errors"
	"net/http"

	"github.com/gopassport/passport/internal/absent"
)

// A Strategy verifies one kind of credential: a form with a password, a token, the
// answer of another service. It decides and returns a value; the engine acts on it.
//
// Authenticate is called with the request as it came and with the [Attempt] that this
// call is. It returns what it found out ([Success], [Failure], [Redirect] or [Pass]),
// or an error:
//
//   - "These credentials are not good" is a [Failure].
//   - An [*Error] with a status below 500 counts as a Failure too, with its code.
//   - Every other error is a fault, of ours or of a service we need. It never looks
//     like a wrong password, and it ends a chain of strategies.
//   - A nil Result with a nil error is a fault.
//
// A strategy never writes to the response and keeps nothing between two requests, except
// through the Attempt. It is called from many goroutines at once, and ends with the request.
type Strategy interface {
	Authenticate(r *http.Request, a *Attempt) (Result, error)
}

// StrategyFunc makes a function a [Strategy].
type StrategyFunc func(*http.Request, *Attempt) (Result, error)

// Authenticate calls f.
func (f StrategyFunc) Authenticate(r *http.Request, a *Attempt) (Result, error) { return f(r, a) }

// Result is what a strategy decided: [Success], [Failure], [Redirect] or [Pass].
// There are no others.
type Result interface{ result() }

// Success says who it is.
type Success struct {
	Value any // the user for Authenticate, the account for Authorize; nil is a fault
	Info  any // more about this log-in, for the handler ([InfoFrom]); may be nil
}

// Failure says that the credentials are missing or not good.
type Failure struct {
	Message   string // for the person; safe to show; the same for an unknown user and a wrong password
	Challenge string // for WWW-Authenticate (RFC 9110, 11.6.1), such as `Basic realm="x"`; may be empty
	Status    int    // 400 to 499; 0 means 401
}

// Redirect sends the person elsewhere, usually to a provider.
type Redirect struct {
	URL    string // absolute, or a path of this site
	Status int    // 302 or 303; 0 means 302, and 303 where the request was not GET (RFC 9700, 4.12)
}

// Pass says that the strategy has no opinion. The request goes on as it came, also when
// strategies before it in a chain failed: [UserFrom] gives who was logged in, if anybody.
type Pass struct{}

func (Success) result()  {}
func (Failure) result()  {}
func (Redirect) result() {}
func (Pass) result()     {}

// Reject is what a verify function returns for "these credentials are not good". The
// message is shown to the person; "" leaves it to the strategy. Any other error of a
// verify function is a fault.
func Reject(message string) error { return &rejection{message} }

type rejection struct{ message string }

func (e *rejection) Error() string { return "rejected: " + e.message }

// Verdict is for authors of strategies: it makes a Result of what a verify function
// answered. A nil value (a nil pointer in an interface too) and a [Reject] become the
// refusal, the latter with its own message; other errors are returned as they are. A
// verify function that has an Info, too, returns a [Success].
func Verdict(value any, err error, refusal Failure) (Result, error) {
	if err != nil {
		var rejected *rejection
		if !errors.As(err, &rejected) {
			return nil, err
		}
		if rejected.message != "" {
			refusal.Message = rejected.message
		}
		return refusal, nil
	}
	if absent.Nil(value) {
		return refusal, nil
	}
	if whole, ok := value.(Success); ok {
		return whole, nil
	}
	return Success{Value: value}, nil
}
