// Package basic is the strategy for HTTP Basic authentication (RFC 7617): a username and
// a password in the Authorization header of every request.
package basic

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/challenge"
)

// What a person is told. An unknown user and a wrong password get the same.
const (
	missing   = "Missing credentials"
	malformed = "Malformed credentials"
	wrong     = "Wrong username or password"
)

// Strategy is a [passport.Strategy]. Make one with [New]. It does not change afterwards
// and is safe for concurrent use, as far as its verify function is.
type Strategy struct {
	verify    func(r *http.Request, username, password string) (any, error)
	challenge string
}

// New makes the strategy. The credentials come with every request, so a route has no use
// for a login session; the strategy makes none, and [passport.NoSession] keeps the engine
// from making one:
//
//	auth.Use("basic", basic.New("Reports", checkPassword))
//	mux.Handle("/reports/", auth.Authenticate("basic", passport.NoSession())(reports))
//
// The realm says to the person, or to their password manager, what the password is for.
// It is part of the challenge that goes out with every 401 of this strategy (RFC 7617, 2
// and 2.1):
//
//	WWW-Authenticate: Basic realm="Reports", charset="UTF-8"
//
// What is refused, with 401, before verify is called: no Authorization line, one for
// another scheme, several of them, one with more than 8 KiB, and whatever is not strict
// base64 of UTF-8 without control characters, with a colon and something in front of it.
// The first colon ends the username, so that a password may have some. It may be empty,
// too, since keys for APIs are often sent as a username alone; refuse it in verify where
// that cannot be. Both come as they were sent; no Unicode normalization takes place.
//
// verify returns the user; a nil user is a wrong password. It returns [passport.Reject]
// for credentials that are not good, with "" for a text that does not tell an unknown
// user from a wrong password; any other error is a fault and never looks like a wrong
// password. It should take as long for an unknown user as for a known one: compare the
// password with the hash of a dummy. It is called for every request, from many goroutines
// at once. Limit how often it can be asked; this package does not.
//
// Offer Basic over TLS only. A browser that knows the password sends it along with
// requests that other sites cause, too: where browsers come, put
// [http.CrossOriginProtection] in front.
//
// Panics on a realm that is empty or has more than printable ASCII, and on a nil verify.
func New[T any](realm string, verify func(r *http.Request, username, password string) (T, error)) *Strategy {
	if err := challenge.Check(realm); err != nil {
		panic(fmt.Sprintf("basic: New: the realm %+q cannot stand in a header: %v", realm, err))
	}
	if verify == nil {
		panic("basic: New: verify is nil; it is the function that checks a username and a password")
	}
	return &Strategy{
		verify:    func(r *http.Request, username, password string) (any, error) { return verify(r, username, password) },
		challenge: challenge.Build("Basic", "realm", realm, "charset", "UTF-8"),
	}
}

// Authenticate implements [passport.Strategy]. Without credentials for Basic it fails, so
// that a chain ([passport.Or]) goes on to the next scheme.
func (s *Strategy) Authenticate(r *http.Request, _ *passport.Attempt) (passport.Result, error) {
	text, found := challenge.Credentials(r.Header, "Basic")
	if !found {
		return s.refusal(missing), nil
	}
	username, password, ok := parse(text)
	if !ok {
		return s.refusal(malformed), nil
	}
	user, err := s.verify(r, username, password)
	return passport.Verdict(user, err, s.refusal(wrong))
}

// refusal leaves the status open, which is 401 then, and a chain merges the challenges.
func (s *Strategy) refusal(message string) passport.Failure {
	return passport.Failure{Message: message, Challenge: s.challenge}
}

// parse reads user-pass (RFC 7617, 2). http.Request.BasicAuth would take a NUL, any
// bytes, and nobody with an empty password.
func parse(text string) (username, password string, ok bool) {
	plain, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || !utf8.Valid(plain) || bytes.ContainsFunc(plain, unicode.IsControl) {
		return "", "", false
	}
	username, password, ok = strings.Cut(string(plain), ":")
	return username, password, ok && username != ""
}
