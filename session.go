package passport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gopassport/passport/internal/absent"
	"github.com/gopassport/passport/internal/record"
	"github.com/gopassport/passport/internal/sealed"
	"github.com/gopassport/passport/internal/vault"
)

// SessionStore keeps login sessions. Nil in [Config] stands for sealed cookies;
// [GorillaSessions] adapts any store of gorilla/sessions. It is called from many
// goroutines at once. docs/sessions.md says what else it has to do.
type SessionStore interface {
	// Load gives the session of a request. A cookie that is absent, tampered with,
	// expired, unknown, too long or under a retired key is an empty session, never with
	// that cookie's identity, and a nil error; an error is the store's fault, and a 503.
	Load(r *http.Request) (Session, error)
}

// Session is what the store holds for one browser. It belongs to one request and is
// not used from two goroutines at once.
type Session interface {
	// Get gives a value; ok is false where there is none, or it is no string.
	Get(key string) (value string, ok bool)
	// Set changes a value, in memory until Save.
	Set(key, value string)
	// Delete removes a value, in memory until Save.
	Delete(key string)
	// Clear removes all values, the application's too, in memory until Save.
	Clear()
	// Renew gives the session a new identity. Where the store can do that, the old one
	// stops working. It keeps the values.
	Renew() error
	// Save writes the session to the store and its cookie to the response: once, however
	// often it is called. It is called before the first byte, and only after a change. An
	// empty session is forgotten, and its cookie removed, where the request has one.
	Save(w http.ResponseWriter, r *http.Request) error
}

// peeker is a store that can answer without making a session, because most requests
// only ask who is logged in. done means that login is the whole answer.
type peeker interface {
	peek(r *http.Request, key string) (login string, done bool)
}

// sealedSessions is the store that a nil Config.Sessions stands for.
type sealedSessions struct{ sealed.Store }

func (s sealedSessions) peek(r *http.Request, key string) (login string, done bool) {
	return s.Value(r, key, func(a, b string) bool {
		one, _ := record.Parse(a)
		other, _ := record.Parse(b)
		return one.Key == other.Key
	}), true
}

func (s sealedSessions) Load(r *http.Request) (Session, error) { return s.Store.Load(r), nil }

// state is what one registry knows of one request. It is the request's context, so
// that one allocation holds both it and the copy of the request that carries it.
type state struct {
	context.Context
	registry *Registry
	request  http.Request

	mu   sync.Mutex // Login and Logout change the user while the handler's goroutines may read it
	user any
	key  string
	at   int64 // of the login, in microseconds of Unix time: with a time.Time the state would be of the next size that is allocated
}

type stateKey struct{}

// Value makes the state findable.
func (s *state) Value(key any) any {
	if _, ok := key.(stateKey); ok {
		return s
	}
	return s.Context.Value(key)
}

func newState(p *Registry, r *http.Request) *state {
	s := &state{Context: r.Context(), registry: p}
	s.request = *r.WithContext(s) // inlined, so the copy that WithContext makes stays off the heap
	return s
}

// stateFrom gives the innermost state of a context, of whichever registry.
func stateFrom(ctx context.Context) *state {
	s, _ := ctx.Value(stateKey{}).(*state)
	return s
}

// stateOf gives the registry's own state of a request; nil outside of its middleware.
func (p *Registry) stateOf(r *http.Request) *state {
	s := stateFrom(r.Context())
	for s != nil && s.registry != p {
		s = stateFrom(s.Context)
	}
	return s
}

func (s *state) set(user any, key string, at time.Time) {
	s.mu.Lock()
	s.user, s.key, s.at = user, key, at.UnixMicro()
	s.mu.Unlock()
}

// since is how long ago the person logged in.
func (s *state) since() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(time.UnixMicro(s.at))
}

func (s *state) get() (user any, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.user, s.key
}

// UserFrom gives the user of the request: who was logged in before it, or whom
// Authenticate just found. ok is false when there is none, or it is no T. It follows
// Login and Logout at once.
func UserFrom[T any](ctx context.Context) (user T, ok bool) {
	for s := stateFrom(ctx); s != nil; s = stateFrom(s.Context) {
		who, _ := s.get()
		if user, ok = who.(T); ok {
			return user, true
		}
		if users := s.registry.config.Users; users != nil && users.keeps((*T)(nil)) {
			break // an outer registry with the same T keeps other people
		}
	}
	return user, false
}

// outcome is what a strategy found, for the wrapped handler.
type outcome struct{ account, info any }

type outcomeKey struct{}

// AccountFrom gives the account that Authorize just verified. ok is false outside of
// Authorize, or when it is no T.
func AccountFrom[T any](ctx context.Context) (account T, ok bool) {
	o, _ := ctx.Value(outcomeKey{}).(outcome)
	account, ok = o.account.(T)
	return account, ok
}

// InfoFrom gives the Info of the strategy's [Success]. ok is false when there is none,
// or it is no T.
func InfoFrom[T any](ctx context.Context) (info T, ok bool) {
	o, _ := ctx.Value(outcomeKey{}).(outcome)
	info, ok = o.info.(T)
	return info, ok
}

// Session restores the logged-in user of each request, for [UserFrom]. Wrap all routes
// that ask who it is. A request without a login goes on without a user; one whose login
// cannot be read, because a store is down, is answered with 503 and never looks logged
// out.
func (p *Registry) Session(next http.Handler) http.Handler {
	next = absent.Handler("Session", next, false)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.stateOf(r) != nil {
			next.ServeHTTP(w, r)
			return
		}
		s := newState(p, r)
		stale, err := p.restore(s)
		if err == nil && stale {
			p.observe(&s.request, time.Time{}, Event{Kind: "forget"})
			err = p.end(w, &s.request)
		}
		if err != nil {
			p.answer(w, &s.request, &route{onError: p.config.OnError}, err)
			return
		}
		next.ServeHTTP(w, &s.request)
	})
}

// enter gives the registry's state of a request and restores the user where Session
// has not done so. The request it returns carries the state.
func (p *Registry) enter(r *http.Request) (*state, *http.Request, error) {
	if s := p.stateOf(r); s != nil {
		return s, r, nil
	}
	s := newState(p, r)
	_, err := p.restore(s)
	return s, &s.request, err
}

// restore finds out who is logged in. stale means that a login is there whose user is
// gone, or changed the password since, or that was ended elsewhere.
func (p *Registry) restore(s *state) (stale bool, err error) {
	if p.config.Users == nil {
		return false, nil
	}
	kept, err := p.peek(&s.request)
	if kept == "" || err != nil {
		return false, err
	}
	l, ok := record.Parse(kept)
	if !ok || !l.Current(p.config.Lifetime) {
		return false, nil
	}
	if ended, err := p.revoked(s, l); ended || err != nil {
		return ended, err
	}
	user, stamp, err := p.config.Users.load(s, l.Key)
	switch {
	case errors.Is(err, ErrNoUser):
		return true, nil
	case err != nil:
		return false, err
	case stamp != l.Stamp:
		return true, nil
	}
	s.user, s.key, s.at = user, l.Key, l.At.UnixMicro()
	return false, nil
}

// storeFault gives the error of a session store its code.
func storeFault(err error) error {
	var large *vault.TooLarge
	if errors.As(err, &large) {
		return fault(CodeSessionTooLarge, http.StatusInternalServerError, fmt.Errorf("%w: keep less in the session, or keep sessions on a server (Config.Sessions)", err))
	}
	return asError(err, CodeSessionStore, http.StatusServiceUnavailable)
}

// peek reads the login of a request, "" where there is none.
func (p *Registry) peek(r *http.Request) (string, error) {
	if store, ok := p.sessions.(peeker); ok {
		if login, done := store.peek(r, p.loginKey); done {
			return login, nil
		}
	}
	session, err := p.load(r)
	if err != nil {
		return "", err
	}
	login, _ := session.Get(p.loginKey)
	return login, nil
}

func (p *Registry) load(r *http.Request) (Session, error) {
	session, err := p.sessions.Load(r)
	if err == nil && session == nil {
		err = errors.New("SessionStore.Load gave a nil session and no error")
	}
	if err != nil {
		return nil, storeFault(err)
	}
	return session, nil
}
