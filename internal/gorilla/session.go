// Package gorilla fits the sessions of gorilla/sessions to ours.
package gorilla

import (
	"errors"
	"io/fs"
	"net/http"
	"strings"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"github.com/gopassport/passport/internal/cookies"
	"github.com/gopassport/passport/internal/vault"
)

// Load reads the session. Gorilla's stores report a cookie that does not decode, and a
// record that is gone, as errors: to us they are an empty session. They also keep the
// identity that such a cookie named, which the next Save would adopt, and with it a
// session that somebody else prepared: it is blanked.
func Load(store sessions.Store, name string, r *http.Request) (*Session, error) {
	s, err := store.Get(r, name)
	var undecodable securecookie.Error
	gone := errors.Is(err, fs.ErrNotExist) || errors.As(err, &undecodable) && undecodable.IsDecode()
	switch {
	case err != nil && !gone:
		return nil, err
	case s == nil:
		return nil, errors.New("the gorilla store gave a nil session")
	case s.IsNew && err != nil:
		s.ID = ""
		clear(s.Values)
	case s.IsNew && len(s.Values) == 0:
		s.ID = ""
	}
	return &Session{s, r}, nil
}

// Session is a gorilla session. Its methods are those of passport.Session.
type Session struct {
	*sessions.Session
	request *http.Request
}

// Get gives a value, if it is a string.
func (s *Session) Get(key string) (string, bool) {
	value, ok := s.Values[key].(string)
	return value, ok
}

// Set changes a value.
func (s *Session) Set(key, value string) { s.Values[key] = value }

// Delete removes a value.
func (s *Session) Delete(key string) { delete(s.Values, key) }

// Clear removes all values.
func (s *Session) Clear() { clear(s.Values) }

// Renew does what gorilla has no call for: it lets the store delete the record of the
// old identity, by saving an expired copy to nowhere, and leaves the new one to Save. A
// CookieStore has no records; its old cookies work until they expire.
func (s *Session) Renew() error {
	if s.ID == "" {
		return nil
	}
	old, options := *s.Session, *s.Options
	options.MaxAge = -1
	old.Options, old.Values = &options, map[any]any{}
	if err := s.Store().Save(s.request, nowhere{}, &old); err != nil {
		return err
	}
	s.ID = ""
	return nil
}

// nowhere takes the cookie that goes with a deleted record.
type nowhere http.Header

func (n nowhere) Header() http.Header         { return http.Header(n) }
func (n nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n nowhere) WriteHeader(int)             {}

// Save writes the session, or removes an empty one. The error is a *vault.TooLarge
// where the values do not fit, else the store's.
func (s *Session) Save(w http.ResponseWriter, r *http.Request) error {
	cookies.Unset(w, s.Name()) // gorilla adds a line for each Save
	if len(s.Values) == 0 {
		return s.remove(w, r)
	}
	err := s.Store().Save(r, w, s.Session)
	if err != nil && strings.Contains(err.Error(), "too long") { // securecookie exports no name for it
		return &vault.TooLarge{Size: vault.MaxCookie + 1, Limit: vault.MaxCookie}
	}
	return err
}

// remove deletes the record and the cookie of an empty session.
func (s *Session) remove(w http.ResponseWriter, r *http.Request) error {
	if !cookies.Has(r.Header, s.Name()) {
		return nil
	}
	age := s.Options.MaxAge
	s.Options.MaxAge = -1
	err := s.Store().Save(r, w, s.Session)
	s.Options.MaxAge, s.ID = age, "" // a login later in this request starts afresh
	return err
}
