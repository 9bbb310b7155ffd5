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
	switch {
	case err != nil && !undecodable(err) && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case s == nil:
		return nil, errors.New("the gorilla store gave a nil session")
	case s.IsNew && err != nil:
		s.ID = ""
		clear(s.Values)
	case s.IsNew && len(s.Values) == 0:
		s.ID = ""
	}
	return &Session{Session: s, request: r}, nil
}

// undecodable tells whether the cookie is to blame.
func undecodable(err error) bool {
	var e securecookie.Error
	return errors.As(err, &e) && e.IsDecode() || tooLong(err)
}

// tooLong goes by the text: securecookie has neither a name nor a type for it.
func tooLong(err error) bool { return strings.Contains(err.Error(), "the value is too long") }

// Session is a gorilla session. Its methods are those of passport.Session.
type Session struct {
	*sessions.Session
	request *http.Request
	old     string // the identity that dies with the next Save
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

// Renew does what gorilla has no call for. The old identity dies when the new one has
// been saved, so that a Save that fails costs nobody the session they had. A CookieStore
// has no identities; its old cookies work until they expire.
func (s *Session) Renew() error {
	if s.ID != "" {
		s.old, s.ID = s.ID, ""
	}
	return nil
}

// bury lets the store delete the record of the old identity, by saving an expired copy
// to nowhere.
func (s *Session) bury(r *http.Request) error {
	old, options := *s.Session, *s.Options
	options.MaxAge = -1
	old.ID, old.Options, old.Values = s.old, &options, map[any]any{}
	return s.Store().Save(r, nowhere{}, &old)
}

// nowhere takes the cookie that goes with a deleted record.
type nowhere http.Header

func (n nowhere) Header() http.Header         { return http.Header(n) }
func (n nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n nowhere) WriteHeader(int)             {}

// Save writes the session, or removes an empty one. The error is a *vault.TooLarge
// where the values do not fit, else the store's.
func (s *Session) Save(w http.ResponseWriter, r *http.Request) error {
	if len(s.Values) == 0 {
		return s.remove(w, r)
	}
	if err := s.write(w, r); err != nil || s.old == "" {
		return err
	}
	if err := s.bury(r); err != nil {
		return err
	}
	again := s.ID == s.old // gormstore takes the identity of the request's cookie
	s.old = ""
	if again {
		s.ID = ""
		return s.write(w, r)
	}
	return nil
}

func (s *Session) write(w http.ResponseWriter, r *http.Request) error {
	before := w.Header()["Set-Cookie"]
	cookies.Unset(w, s.Name()) // gorilla adds a line for each Save
	err := s.Store().Save(r, w, s.Session)
	if err == nil {
		return nil
	}
	w.Header()["Set-Cookie"] = before
	if s.old != "" {
		s.ID = s.old
	}
	if tooLong(err) {
		return &vault.TooLarge{Size: vault.MaxCookie + 1, Limit: vault.MaxCookie}
	}
	return err
}

// remove deletes the record and the cookie of an empty session.
func (s *Session) remove(w http.ResponseWriter, r *http.Request) error {
	cookies.Unset(w, s.Name())
	if !cookies.Has(r.Header, s.Name()) && s.ID == "" {
		return nil
	}
	age := s.Options.MaxAge
	if s.old != "" {
		s.ID = s.old
	}
	s.Options.MaxAge = -1
	err := s.Store().Save(r, w, s.Session)
	s.Options.MaxAge, s.ID, s.old = age, "", "" // a login later in this request starts afresh
	return err
}
