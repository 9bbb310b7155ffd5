// Package scsstore keeps logins in the sessions of github.com/alexedwards/scs/v2, and so
// in all of its stores: PostgreSQL, Redis, MySQL, SQLite, memory and others.
//
//	manager := scs.New()
//	manager.Cookie.Secure = true              // its default is false
//	manager.ErrorFunc = scsstore.Unavailable  // its default answers 500
//	auth := passport.New(passport.Config{…, Sessions: scsstore.New(manager)})
//	http.ListenAndServe(addr, manager.LoadAndSave(auth.Session(mux)))
//
// The manager's Lifetime (24 hours) and IdleTimeout hold beside the registry's Lifetime:
// the shorter ends a login.
package scsstore

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/alexedwards/scs/v2"

	"github.com/gopassport/passport"
)

// New makes a store of a session manager. The application may use the same sessions for
// values of its own. LoadAndSave must stand outside of the registry's middleware; without
// it each request is a fault that says so. Panics on a nil manager.
func New(manager *scs.SessionManager) passport.SessionStore {
	if manager == nil {
		panic("scsstore: New: the manager is nil; make one with scs.New")
	}
	return store{manager}
}

type store struct{ *scs.SessionManager }

// Load takes the session that LoadAndSave has read.
func (s store) Load(r *http.Request) (passport.Session, error) {
	ctx, err := s.SessionManager.Load(r.Context(), "")
	if err != nil {
		return nil, err
	}
	if ctx != r.Context() { // a session was made just now
		return nil, errors.New("scsstore: the request has no session; wrap the handler in the manager's LoadAndSave, outside of Registry.Session")
	}
	return &session{manager: s.SessionManager, ctx: ctx}, nil
}

// session is the one of a request.
type session struct {
	manager *scs.SessionManager
	ctx     context.Context
	before  map[string]any // the values before the first change
}

func (s *session) Get(key string) (value string, ok bool) {
	value, ok = s.manager.Get(s.ctx, key).(string)
	return value, ok
}

func (s *session) Set(key, value string) { s.remember(); s.manager.Put(s.ctx, key, value) }
func (s *session) Delete(key string)     { s.remember(); s.manager.Remove(s.ctx, key) }
func (s *session) Clear()                { s.remember(); _ = s.manager.Clear(s.ctx) } // it gives no error

// Renew deletes the old record. A session that was never kept gets its first token later.
func (s *session) Renew() error {
	if s.manager.Token(s.ctx) == "" {
		return nil
	}
	s.remember()
	return s.manager.RenewToken(s.ctx)
}

// Save writes the record, so that an error becomes one of the login. LoadAndSave writes
// the cookie, and the record once more, with what the application has changed by then.
func (s *session) Save(_ http.ResponseWriter, r *http.Request) (err error) {
	switch _, noCookie := r.Cookie(s.manager.Cookie.Name); {
	case len(s.manager.Keys(s.ctx)) > 0:
		_, _, err = s.manager.Commit(s.ctx)
	case s.manager.Token(s.ctx) != "" || noCookie == nil:
		err = s.manager.Destroy(s.ctx)
	}
	if err != nil {
		s.restore()
	}
	s.before = nil
	return err
}

func (s *session) remember() {
	if s.before != nil {
		return
	}
	s.before = map[string]any{}
	for _, key := range s.manager.Keys(s.ctx) {
		s.before[key] = s.manager.Get(s.ctx, key)
	}
}

// restore takes the changes back, because LoadAndSave will save what is there: a login
// that failed must not be kept after all.
func (s *session) restore() {
	if s.before == nil {
		return
	}
	_ = s.manager.Clear(s.ctx)
	for key, value := range s.before {
		s.manager.Put(s.ctx, key, value)
	}
}

// Unavailable is for the manager's ErrorFunc: a store that is down is answered with 503,
// as the registry would, and logged as an error to [slog.Default].
func Unavailable(w http.ResponseWriter, r *http.Request, err error) {
	slog.ErrorContext(r.Context(), "scsstore: the session store failed", "error", err)
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
}
