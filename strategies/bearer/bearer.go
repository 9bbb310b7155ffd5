// Package bearer is the strategy for bearer tokens (RFC 6750): an access token in the
// Authorization header of every request.
package bearer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/challenge"
)

// Where the token is, apart from the header (RFC 6750, 2.2), and how much is read for it.
const (
	field   = "access_token"
	maxBody = 64 << 10
)

// What the client is told.
const (
	missing   = "Missing access token"
	malformed = "Malformed access token"
	several   = "More than one access token, or one in two places"
	badForm   = "Malformed form"
	tooLarge  = "The form is too large"
	invalid   = "The access token is not valid"
	narrow    = "The access token does not reach this far"
)

// Strategy is a [passport.Strategy]. Make one with [New]. It does not change afterwards
// and is safe for concurrent use, as far as its verify function is.
type Strategy struct {
	verify func(r *http.Request, token string) (any, error)
	realm  string
	scopes []string
	form   bool
}

// Option changes what [New] makes.
type Option func(*Strategy)

// Realm names in challenges what the tokens are for. It is "Users" by default, as in
// Passport: RFC 6750, 3 asks for at least one parameter. [New] panics on one that is empty
// or has more than printable ASCII.
func Realm(realm string) Option { return func(s *Strategy) { s.realm = realm } }

// Scope names in challenges the scopes that a token needs (RFC 6750, 3), one an argument;
// by default none are named. What a token may do is for verify to check; see
// [InsufficientScope]. [New] panics on what is no scope (RFC 6749, 3.3).
func Scope(scopes ...string) Option { return func(s *Strategy) { s.scopes = slices.Clone(scopes) } }

// FormBody takes the token from the body as well (RFC 6750, 2.2): access_token in a POST
// of application/x-www-form-urlencoded. By default the body is not touched. Of such a
// form up to 64 KiB are read and put back, so that whoever comes next can read it again;
// a larger one is refused (413), whatever the header says, since a second token may be
// in it. It is for clients that cannot set a header.
func FormBody() Option { return func(s *Strategy) { s.form = true } }

// New makes the strategy. The token comes with every request, so a route has no use for a
// login session; the strategy makes none, and [passport.NoSession] keeps the engine from
// making one:
//
//	auth.Use("api", bearer.New(checkToken, bearer.Scope("read")))
//	mux.Handle("/api/", auth.Authenticate("api", passport.NoSession())(api))
//
// The token is read from the Authorization header, with [FormBody] from a form, and never
// from the query, which ends up in logs and Referers (RFC 6750, 5.3). The answers are
// those of RFC 6750, 3.1, each with a challenge, WWW-Authenticate: Bearer realm="…":
//
//   - 401 without an error: there is no token, nor an attempt at one. So it is with
//     credentials for another scheme, and with a token in the query only.
//   - 400 invalid_request: several Authorization lines, a token in two places (the query
//     counts here), a token twice, one above 8 KiB or with other characters than a token
//     has (RFC 6750, 2.1). Verify is not called.
//   - 401 invalid_token: verify refused. The text of its [passport.Reject] is shown as
//     error_description, so it says "expired", say, and nothing of the token.
//   - 403 insufficient_scope: verify returned [InsufficientScope].
//
// verify returns the user; a nil user is a bad token. Any error but the two above is a
// fault and never looks like a bad token. To a verify function the token is a string of
// anybody's making: look it up by a hash of it, so that the time it takes tells nothing;
// if it is a JWT, check audience and type, because an ID token is no access token. The
// strategy shows the token to verify and nobody else: it is in no challenge, error or log
// of ours, and should be in none of verify's errors. Verify is called for every request,
// from many goroutines at once.
//
// Panics on a nil verify, and on options with a realm or a scope that cannot stand in a
// header.
func New[T any](verify func(r *http.Request, token string) (T, error), opts ...Option) *Strategy {
	if verify == nil {
		panic("bearer: New: verify is nil; it is the function that checks a token")
	}
	s := &Strategy{realm: "Users"}
	s.verify = func(r *http.Request, token string) (any, error) { return verify(r, token) }
	for _, opt := range opts {
		opt(s)
	}
	s.check()
	return s
}

func (s *Strategy) check() {
	if err := challenge.Check(s.realm); err != nil {
		panic(fmt.Sprintf("bearer: New: Realm(%+q) cannot stand in a header: %v", s.realm, err))
	}
	if i := slices.IndexFunc(s.scopes, notScope); i >= 0 {
		panic(fmt.Sprintf("bearer: New: Scope(%+q): a scope is printable ASCII without spaces, quotes and backslashes, and an argument of its own", s.scopes[i]))
	}
}

// notScope: a scope-token has at least one character, and none of these (RFC 6749, 3.3).
func notScope(scope string) bool {
	return challenge.Check(scope) != nil || strings.ContainsAny(scope, ` "\`)
}

// refusal is an answer of RFC 6750, 3.1. Within this package it is an error.
type refusal struct {
	status  int    // 0 means 401, and a chain merges the challenges
	code    string // "" where the client did not try
	message string
	scopes  []string // in place of those of the strategy
}

func (e *refusal) Error() string { return "bearer: " + e.message }

// InsufficientScope is what a verify function returns for a good token that does not allow
// what the request is for: 403, with the scopes that would (RFC 6750, 3.1). Without any,
// those of [Scope] are named. What is no scope is left out. Wrapped in other errors it
// still counts; returned to another strategy it is a fault.
func InsufficientScope(scopes ...string) error {
	scopes = slices.DeleteFunc(slices.Clone(scopes), notScope)
	return &refusal{http.StatusForbidden, "insufficient_scope", narrow, scopes}
}

// Authenticate implements [passport.Strategy]. Without a token it fails, so that a chain
// ([passport.Or]) goes on to the next scheme.
func (s *Strategy) Authenticate(r *http.Request, _ *passport.Attempt) (passport.Result, error) {
	token, refused := s.token(r)
	if refused != nil {
		return s.failure(refused), nil
	}
	user, err := s.verify(r, token)
	if refused = insufficient(err); refused != nil {
		return s.failure(refused), nil
	}
	result, err := passport.Verdict(user, err, passport.Failure{Message: invalid})
	if f, ok := result.(passport.Failure); ok {
		return s.failure(&refusal{code: "invalid_token", message: f.Message}), nil
	}
	return result, err
}

// insufficient finds what [InsufficientScope] made.
func insufficient(err error) *refusal {
	if err == nil {
		return nil
	}
	var refused *refusal
	errors.As(err, &refused)
	return refused
}

func (s *Strategy) failure(e *refusal) passport.Failure {
	description, scopes := "", s.scopes
	if e.code != "" {
		description = challenge.Text(e.message)
	}
	if len(e.scopes) > 0 {
		scopes = e.scopes
	}
	return passport.Failure{Message: e.message, Status: e.status, Challenge: challenge.Build("Bearer",
		"realm", s.realm, "error", e.code, "error_description", description, "scope", strings.Join(scopes, " "))}
}

// token finds the one token of a request.
func (s *Strategy) token(r *http.Request) (string, *refusal) {
	posted, refused := s.posted(r)
	if refused != nil {
		return "", refused
	}
	token, found := challenge.Credentials(r.Header, "Bearer")
	switch {
	case !found && len(posted) == 0:
		return "", &refusal{message: missing}
	case found && len(posted) > 0 || len(posted) > 1 || queried(r):
		return "", invalidRequest(several)
	case !found && challenge.Token68(posted[0]):
		return posted[0], nil
	case token == "": // what Credentials cannot read, or the form's
		return "", invalidRequest(malformed)
	}
	return token, nil
}

func invalidRequest(message string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: "invalid_request", message: message}
}

// queried tells whether there is a token in the query. It is never taken from there, but
// it makes another one ambiguous.
func queried(r *http.Request) bool { return r.URL.RawQuery != "" && r.URL.Query().Has(field) }

// posted gives the tokens of the form, where that may have one.
func (s *Strategy) posted(r *http.Request) ([]string, *refusal) {
	if !s.form || r.Method != http.MethodPost {
		return nil, nil
	}
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media != "application/x-www-form-urlencoded" {
		return nil, nil
	}
	if r.PostForm != nil { // the application, or the engine, parsed it before
		return r.PostForm[field], nil
	}
	body, refused := take(r)
	if refused != nil {
		return nil, refused
	}
	form, err := url.ParseQuery(body)
	if err != nil {
		return nil, invalidRequest(badForm) // without the cause, which quotes what it read
	}
	return form[field], nil
}

// take reads the body and puts it back.
func take(r *http.Request) (string, *refusal) {
	if r.Body == nil {
		return "", nil
	}
	limited := http.MaxBytesReader(nil, r.Body, maxBody)
	body, err := io.ReadAll(limited)
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		r.Body = limited // fails again for whoever reads on
		return "", &refusal{status: http.StatusRequestEntityTooLarge, code: "invalid_request", message: tooLarge}
	case err != nil:
		return "", invalidRequest(badForm)
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(body), r.Body}
	return string(body), nil
}
