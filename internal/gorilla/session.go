// Package gorilla fits the sessions of gorilla/sessions to ours.
package gorilla

import (
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"slices"
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

// tooLong goes by the text: neither securecookie nor redistore has a name or a type for it.
func tooLong(err error) bool {
	return strings.Contains(err.Error(), "the value is too long") || strings.Contains(err.Error(), "value to store is too big")
}

// Session is a gorilla session. Its methods are those of passport.Session.
type Session struct {
	*sessions.Session
	request *http.Request
	old     string      // the identity that dies with the next Save
	before  map[any]any // the values when that was decided
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

// Renew does what gorilla has no call for: Save lets the store delete the record of the
// old identity, and make a new one. A CookieStore has no identities; its old cookies work
// until they expire.
func (s *Session) Renew() error {
	s.old, s.before = s.ID, maps.Clone(s.Values)
	return nil
}

// bury deletes the record of the old identity, by saving an expired copy to nowhere. It
// comes before the new one is saved: gormstore would write that one over the old, and
// whoever planted the old identity would have the login.
func (s *Session) bury(r *http.Request) error {
	old, options := *s.Session, *s.Options
	options.MaxAge = -1
	old.ID, old.Options, old.Values = s.old, &options, map[any]any{}
	return s.Store().Save(r, nowhere{}, &old)
}

// revive is for a Save that failed after the old record was deleted, because the values
// do not fit, say: it costs nobody the session they had.
func (s *Session) revive(r *http.Request) {
	if s.before != nil {
		s.Values = s.before
	}
	if s.old != "" {
		s.ID = s.old
		_ = s.Store().Save(r, nowhere{}, s.Session) // the error that counts is there already
	}
}

// nowhere takes the cookie that goes with a deleted record.
type nowhere http.Header

func (n nowhere) Header() http.Header         { return http.Header(n) }
func (n nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n nowhere) WriteHeader(int)             {}

// Save writes the session, or removes an empty one. The error is a *vault.TooLarge
// where the values do not fit, else the store's; the response is as it was then.
func (s *Session) Save(w http.ResponseWriter, r *http.Request) error {
	lines := slices.Clone(w.Header()["Set-Cookie"])
	err := s.replace(w, r)
	if err == nil {
		s.old, s.before = "", nil
		return nil
	}
	w.Header()["Set-Cookie"] = lines
	if len(lines) == 0 {
		w.Header().Del("Set-Cookie")
	}
	if tooLong(err) {
		return &vault.TooLarge{Size: vault.MaxCookie + 1, Limit: vault.MaxCookie}
	}
	return err
}

func (s *Session) replace(w http.ResponseWriter, r *http.Request) error {
	cookies.Unset(w, s.Name()) // gorilla adds a line for each Save
	if len(s.Values) == 0 {
		return s.remove(w, r)
	}
	if s.old != "" {
		if err := s.bury(r); err != nil {
			s.Values = s.before
			return err
		}
		s.ID = ""
	}
	err := s.Store().Save(r, w, s.Session)
	if err != nil {
		s.revive(r)
	}
	return err
}

// remove deletes the record and the cookie of an empty session.
func (s *Session) remove(w http.ResponseWriter, r *http.Request) error {
	if !cookies.Has(r.Header, s.Name()) && s.ID == "" {
		return nil
	}
	age := s.Options.MaxAge
	s.Options.MaxAge = -1
	err := s.Store().Save(r, w, s.Session)
	s.Options.MaxAge, s.ID = age, "" // a login later in this request starts afresh
	return err
}
