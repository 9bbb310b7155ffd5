// Package local is the strategy for a log-in form: a username and a password in the body
// of a POST, as a form or as JSON.
package local

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/gopassport/passport"
)

// What is read at most, in bytes, before anything is parsed or hashed.
const (
	maxBody     = 64 << 10
	maxUsername = 1 << 10
	maxPassword = 4 << 10
)

// What a person is told. An unknown user and a wrong password get the same.
const (
	missing   = "Missing credentials"
	malformed = "Malformed credentials"
	tooLarge  = "The form is too large"
	wrong     = "Wrong username or password"
)

// Strategy is a [passport.Strategy]. Make one with [New].
type Strategy struct {
	verify             func(r *http.Request, username, password string) (any, error)
	username, password string // the names of the fields
}

// Option changes what [New] makes.
type Option func(*Strategy)

// Fields renames the fields, which are "username" and "password". A form that asks for
// an e-mail address, say, has Fields("email", "password").
func Fields(username, password string) Option {
	return func(s *Strategy) { s.username, s.password = username, password }
}

// New makes the strategy. Most applications register it as "password":
//
//	auth.Use("password", local.New(checkPassword))
//
// The credentials are read from the body of a POST, never from the query: from a form
// (application/x-www-form-urlencoded, or of any kind where the application parsed it
// before: r.PostForm), or from JSON, {"username": "…", "password": "…"}. The body is put
// back, so whoever comes next can read it again.
//
// What is refused before verify is called: missing or empty credentials, a field that
// is there twice, a body that cannot be read, a username with a NUL byte or that is no
// UTF-8, one above 1 KiB and a password above 4 KiB (all with 400), and a body above 64
// KiB (413).
//
// verify returns the user; a nil user is a wrong password. It returns [passport.Reject]
// for credentials that are not good, with "" for a text that does not tell an unknown
// user from a wrong password; any other error is a fault and never looks like a wrong
// password. It should take as long for an unknown user as for a known one: compare the
// password with the hash of a dummy. Limit how often it can be asked, too; this package
// does not.
//
// Panics on a nil verify and on fields that are empty or the same.
func New[T any](verify func(r *http.Request, username, password string) (T, error), opts ...Option) *Strategy {
	if verify == nil {
		panic("local: New: verify is nil; it is the function that checks a username and a password")
	}
	s := &Strategy{username: "username", password: "password"}
	s.verify = func(r *http.Request, username, password string) (any, error) { return verify(r, username, password) }
	for _, opt := range opts {
		opt(s)
	}
	if s.username == "" || s.password == "" || s.username == s.password {
		panic(fmt.Sprintf("local: New: Fields(%q, %q): two names that differ, of the fields of the form", s.username, s.password))
	}
	return s
}

// Authenticate implements [passport.Strategy].
func (s *Strategy) Authenticate(r *http.Request, _ *passport.Attempt) (passport.Result, error) {
	if r.Method != http.MethodPost {
		return refuse(missing)
	}
	fields, err := s.read(r)
	if err != nil {
		return nil, err
	}
	username, password := fields[s.username], fields[s.password]
	switch {
	case len(username) > 1 || len(password) > 1:
		return refuse(malformed)
	case len(username) == 0 || len(password) == 0 || username[0] == "" || password[0] == "":
		return refuse(missing)
	case len(username[0]) > maxUsername || len(password[0]) > maxPassword || !utf8.ValidString(username[0]) || strings.IndexByte(username[0], 0) >= 0:
		return refuse(malformed)
	}
	user, err := s.verify(r, username[0], password[0])
	return passport.Verdict(user, err, passport.Failure{Message: wrong})
}

func refuse(message string) (passport.Result, error) {
	return passport.Failure{Message: message, Status: http.StatusBadRequest}, nil
}

// bad is a refusal without its cause: the texts of parsers quote what they read.
func bad() error {
	return &passport.Error{Code: passport.CodeRejected, Status: http.StatusBadRequest, Message: malformed}
}

// read gives the fields of the body.
func (s *Strategy) read(r *http.Request) (url.Values, error) {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case media == "application/json":
		body, err := take(r)
		if err != nil {
			return nil, err
		}
		return s.parseJSON(body)
	case r.PostForm != nil:
		return r.PostForm, nil
	case media == "application/x-www-form-urlencoded":
		body, err := take(r)
		if err != nil {
			return nil, err
		}
		return parseForm(body)
	}
	return nil, nil
}

// take reads the body and puts it back.
func take(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	limited := http.MaxBytesReader(nil, r.Body, maxBody)
	body, err := io.ReadAll(limited)
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		r.Body = limited // fails again for whoever reads on
		return nil, &passport.Error{Code: passport.CodeRejected, Status: http.StatusRequestEntityTooLarge, Message: tooLarge, Err: over}
	case err != nil:
		return nil, bad()
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(body), r.Body}
	return body, nil
}

func parseForm(body []byte) (url.Values, error) {
	fields, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, bad()
	}
	return fields, nil
}

// parseJSON reads the two members of one object. encoding/json alone would take the last
// of several, and "USERNAME" too, so that a proxy and this program may read two users.
func (s *Strategy) parseJSON(body []byte) (url.Values, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	if !utf8.Valid(body) {
		return nil, bad()
	}
	d, fields := json.NewDecoder(bytes.NewReader(body)), url.Values{}
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, bad()
	}
	for d.More() {
		var value json.RawMessage
		name, err := d.Token()
		if err != nil || d.Decode(&value) != nil {
			return nil, bad()
		}
		if key, _ := name.(string); key == s.username || key == s.password {
			var text string
			if json.Unmarshal(value, &text) != nil {
				return nil, bad()
			}
			fields.Add(key, text)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, bad()
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, bad()
	}
	return fields, nil
}
