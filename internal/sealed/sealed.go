// Package sealed keeps sessions wholly in cookies: it runs on any number of machines
// that share the keys, and has no server to ask or to lose.
package sealed

import (
	"net/http"
	"slices"
	"time"

	"github.com/gopassport/passport/internal/cookies"
	"github.com/gopassport/passport/internal/pack"
	"github.com/gopassport/passport/internal/vault"
)

// Store is safe for concurrent use.
type Store struct {
	Vault    *vault.Vault
	Lifetime time.Duration // of the cookie
}

// Value reads one value without making a session. same tells whether two values mean
// the same person: a browser that sends sessions of two has none, because one of them
// was planted, and nobody can tell which.
func (s Store) Value(r *http.Request, key string, same func(a, b string) bool) (value string) {
	ambiguous := false
	s.Vault.Open(r, "", func(plain []byte) {
		found := string(pack.Find(plain, key))
		ambiguous = ambiguous || value != "" && !same(value, found)
		value = found
	})
	if ambiguous {
		return ""
	}
	return value
}

// Load reads the session of a request.
func (s Store) Load(r *http.Request) *Session {
	session := &Session{store: s}
	s.Vault.Open(r, "", func(plain []byte) {
		if fields, ok := pack.Split(plain); ok && len(fields)%2 == 0 {
			session.fields = fields
		}
	})
	return session
}

// Session holds keys and values in turn. Its methods are those of passport.Session.
type Session struct {
	store  Store
	fields []string
}

func (s *Session) index(key string) int {
	for i := 0; i < len(s.fields); i += 2 {
		if s.fields[i] == key {
			return i
		}
	}
	return -1
}

// Get gives a value.
func (s *Session) Get(key string) (string, bool) {
	if i := s.index(key); i >= 0 {
		return s.fields[i+1], true
	}
	return "", false
}

// Set changes a value.
func (s *Session) Set(key, value string) {
	s.Delete(key)
	s.fields = append(s.fields, key, value)
}

// Delete removes a value.
func (s *Session) Delete(key string) {
	if i := s.index(key); i >= 0 {
		s.fields = slices.Delete(s.fields, i, i+2)
	}
}

// Clear removes all values.
func (s *Session) Clear() { s.fields = nil }

// Renew has nothing to do: each Save seals anew, and there is no identity that an
// attacker could have planted.
func (s *Session) Renew() error { return nil }

// Save sets the cookie, or removes that of an empty session. The error is a
// *vault.TooLarge; nothing has changed then.
func (s *Session) Save(w http.ResponseWriter, r *http.Request) error {
	c := s.store.Vault.Cookie(r, "", pack.Append(nil, s.fields...), s.store.Lifetime)
	if size := vault.Size(c); size > vault.MaxCookie {
		return &vault.TooLarge{Size: size, Limit: vault.MaxCookie}
	}
	s.store.Vault.Drop(w, r) // under all keys, so that no older login comes back
	if len(s.fields) > 0 {
		cookies.Set(w, c)
	}
	return nil
}
