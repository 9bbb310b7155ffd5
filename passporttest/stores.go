package passporttest

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/authserver"
)

// Trouble is what a store suffers from. The zero value is none.
type Trouble struct {
	Load  error         // of everything that reads: Load (of a request with a cookie), Take, Revoked
	Save  error         // of everything that writes: Save, Renew, Put, Revoke
	Delay time.Duration // before each of them; a request that is over waits no longer
}

// ErrDown is an error for [Trouble].
var ErrDown = errors.New("passporttest: the store is down")

// trouble is the part that all stores share.
type trouble struct {
	mu  sync.Mutex
	now Trouble
}

func (s *trouble) suffer(t Trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = t
}

func (s *trouble) load(ctx context.Context) error {
	return s.pass(ctx, func(t Trouble) error { return t.Load })
}
func (s *trouble) save(ctx context.Context) error {
	return s.pass(ctx, func(t Trouble) error { return t.Save })
}

func (s *trouble) pass(ctx context.Context, kind func(Trouble) error) error {
	s.mu.Lock()
	now := s.now
	s.mu.Unlock()
	if now.Delay > 0 {
		timer := time.NewTimer(now.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return kind(now)
}

// Sessions is a [passport.SessionStore] in memory, on one machine, whose troubles are
// made. Renewals and logouts end copies of the cookie at once. Make one with
// [NewSessions]. It is safe for concurrent use.
type Sessions struct {
	trouble

	records map[string]map[string]string // by the cookie's value
}

// sessionsCookie is the cookie of Sessions.
const sessionsCookie = "passporttest"

// NewSessions makes an empty store.
func NewSessions() *Sessions { return &Sessions{records: map[string]map[string]string{}} }

// Suffer sets the trouble, from the next call on. Suffer(Trouble{}) ends it.
func (s *Sessions) Suffer(t Trouble) { s.suffer(t) }

// Len tells how many sessions there are.
func (s *Sessions) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.records)
}

// Load implements [passport.SessionStore]. Without a cookie there is nothing to read, and
// so no trouble.
func (s *Sessions) Load(r *http.Request) (passport.Session, error) {
	found, sent := &session{store: s, ctx: r.Context(), values: map[string]string{}}, r.CookiesNamed(sessionsCookie)
	if len(sent) == 0 {
		return found, nil
	}
	if err := s.load(r.Context()); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range sent {
		if record, ok := s.records[c.Value]; ok {
			found.id, found.values = c.Value, maps.Clone(record)
			break
		}
	}
	return found, nil
}

// session is one of Sessions.
type session struct {
	store   *Sessions
	ctx     context.Context
	id      string   // "" for a new one
	retired []string // identities before renewals
	values  map[string]string
}

func (s *session) Get(key string) (value string, ok bool) {
	value, ok = s.values[key]
	return value, ok
}
func (s *session) Set(key, value string) { s.values[key] = value }
func (s *session) Delete(key string)     { delete(s.values, key) }
func (s *session) Clear()                { clear(s.values) }

// Renew takes effect with Save.
func (s *session) Renew() error {
	if s.id != "" {
		s.retired, s.id = append(s.retired, s.id), ""
	}
	return s.store.save(s.ctx)
}

func (s *session) Save(w http.ResponseWriter, r *http.Request) error {
	if err := s.store.save(r.Context()); err != nil {
		return err
	}
	c := &http.Cookie{Name: sessionsCookie, Path: "/", HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	for _, id := range s.retired {
		delete(s.store.records, id)
	}
	if s.id != "" && s.store.records[s.id] == nil { // it ended in the meantime: do not bring it back
		clear(s.values)
	}
	if len(s.values) == 0 {
		delete(s.store.records, s.id)
		c.MaxAge, s.id = -1, ""
		s.set(w, r, c)
		return nil
	}
	if s.id == "" {
		s.id = authserver.Secret("session")
	}
	s.store.records[s.id] = maps.Clone(s.values)
	c.Value = s.id
	s.set(w, r, c)
	return nil
}

// set sets the cookie once, however often a request saves, and removes only one that is
// there.
func (s *session) set(w http.ResponseWriter, r *http.Request, c *http.Cookie) {
	lines := w.Header()["Set-Cookie"]
	w.Header().Del("Set-Cookie")
	for _, line := range lines {
		if old, err := http.ParseSetCookie(line); err != nil || old.Name != c.Name {
			w.Header().Add("Set-Cookie", line)
		}
	}
	if c.MaxAge >= 0 || len(r.CookiesNamed(c.Name)) > 0 {
		http.SetCookie(w, c)
	}
}

// Flows is a [passport.FlowStore] in memory, on one machine, whose troubles are made. Make
// one with [NewFlows]. It is safe for concurrent use.
type Flows struct {
	trouble

	flows map[string]flow
}

type flow struct {
	data  []byte
	until time.Time
}

// NewFlows makes an empty store.
func NewFlows() *Flows { return &Flows{flows: map[string]flow{}} }

// Suffer sets the trouble, from the next call on. Suffer(Trouble{}) ends it.
func (s *Flows) Suffer(t Trouble) { s.suffer(t) }

// Len tells how many flows are pending, those included whose time is over.
func (s *Flows) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.flows)
}

// Put implements [passport.FlowStore].
func (s *Flows) Put(ctx context.Context, id string, data []byte, ttl time.Duration) error {
	if err := s.save(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flows[id] = flow{append([]byte(nil), data...), time.Now().Add(ttl)}
	return nil
}

// Take implements [passport.FlowStore].
func (s *Flows) Take(ctx context.Context, id string) ([]byte, error) {
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.flows[id]
	delete(s.flows, id)
	if !ok || !f.until.After(time.Now()) {
		return nil, passport.ErrNoFlow
	}
	return f.data, nil
}

// Revocations is a [passport.RevocationStore] in memory, on one machine, whose troubles
// are made. Make one with [NewRevocations]. It is safe for concurrent use.
type Revocations struct {
	trouble

	revoked map[[2]string]revoked // by user and login; "" for all logins of a user
}

// revoked is the logins that began up to a time, until it is forgotten.
type revoked struct{ upTo, until time.Time }

// NewRevocations makes an empty store.
func NewRevocations() *Revocations { return &Revocations{revoked: map[[2]string]revoked{}} }

// Suffer sets the trouble, from the next call on. Suffer(Trouble{}) ends it.
func (s *Revocations) Suffer(t Trouble) { s.suffer(t) }

// Revoke implements [passport.RevocationStore]. What was revoked for longer stays so.
func (s *Revocations) Revoke(ctx context.Context, user, id string, ttl time.Duration) error {
	if err := s.save(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before, now := s.revoked[[2]string{user, id}], time.Now()
	until := now.Add(ttl)
	if before.until.After(until) {
		until = before.until
	}
	s.revoked[[2]string{user, id}] = revoked{now, until}
	return nil
}

// Revoked implements [passport.RevocationStore].
func (s *Revocations) Revoked(ctx context.Context, user, id string, began time.Time) (bool, error) {
	if err := s.load(ctx); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one, all := s.revoked[[2]string{user, id}], s.revoked[[2]string{user, ""}]
	now := time.Now()
	return id != "" && one.until.After(now) || all.until.After(now) && !began.After(all.upTo), nil
}
