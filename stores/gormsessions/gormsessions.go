// Package gormsessions keeps logins in a database by way of gorm: it is
// github.com/wader/gormstore/v2, made fit for [passport.GorillaSessions].
//
//	store, err := gormsessions.New(db, key)
//	auth := passport.New(passport.Config{…, Sessions: passport.GorillaSessions(store, "session")})
//
// By itself gormstore takes a database that does not answer for a session that is not
// there, so that everybody looks logged out for as long as it is down; it works without the
// request's context; and it writes to its codecs in each request, which is a data race. Here
// a database that is down is an error, and so a 503.
//
// Records that are over stay in the table "sessions" until somebody deletes them, by
// expires_at.
package gormsessions

import (
	"context"
	"net/http"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
	"github.com/wader/gormstore/v2"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Store is a sessions.Store. It is safe for concurrent use; change Options before it is
// used only.
type Store struct {
	// Options are those of the cookies, and MaxAge is how long records are kept, too.
	// [New] sets Path=/, Secure, HttpOnly, SameSite=Lax and 14 days.
	Options *sessions.Options

	db     *gorm.DB
	codecs []securecookie.Codec
}

// New makes a store, and the table "sessions" where it is missing. The keys have 32 random
// bytes each, newest first; they sign and encrypt cookies and records. Panics on a nil db
// and where there is no key, or one of another length.
func New(db *gorm.DB, keys ...[]byte) (*Store, error) {
	if db == nil {
		panic("gormsessions: New: the db is nil")
	}
	if len(keys) == 0 {
		panic("gormsessions: New: there is no key; make one with crypto/rand, 32 bytes")
	}
	s := &Store{db: db, Options: &sessions.Options{
		Path: "/", MaxAge: int(14 * 24 * time.Hour / time.Second), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}}
	for _, key := range keys {
		if len(key) != 32 {
			panic("gormsessions: New: a key has 32 random bytes")
		}
		// No limits: the cookie holds a name only, and the database has room and a clock.
		s.codecs = append(s.codecs, codec{securecookie.New(key, key).MaxLength(0).MaxAge(0)})
	}
	_, faults := s.open(context.Background(), gormstore.Options{})
	return s, faults.err
}

// codec hides what it is from gormstore, which would set its age in each request.
type codec struct{ securecookie.Codec }

// open makes a gormstore for one request, so that the errors that it swallows are known to
// be this request's.
func (s *Store) open(ctx context.Context, options gormstore.Options) (*gormstore.Store, *faults) {
	f := &faults{Interface: s.db.Logger}
	inner := gormstore.NewOptions(s.db.Session(&gorm.Session{Context: ctx, Logger: f}), options)
	own := *s.Options // it writes to them
	inner.Codecs, inner.SessionOpts = s.codecs, &own
	return inner, f
}

// faults is a logger, because gorm tells its logger of every error.
type faults struct {
	logger.Interface

	err error
}

// Trace keeps the first error of a request.
func (f *faults) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), err error) {
	if f.err == nil {
		f.err = err
	}
	f.Interface.Trace(ctx, begin, statement, err)
}

// Get gives the session of a request, the same one each time.
func (s *Store) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New reads a session. The error is the database's; then the session is empty.
func (s *Store) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(s, name)
	options := *s.Options
	session.Options, session.IsNew = &options, true
	inner, f := s.open(r.Context(), gormstore.Options{SkipCreateTable: true})
	found, err := inner.New(r, name)
	if err == nil {
		err = f.err
	}
	if err == nil {
		session.ID, session.Values, session.IsNew = found.ID, found.Values, found.IsNew
	}
	return session, err
}

// Save writes the session and its cookie. A negative MaxAge deletes both.
func (s *Store) Save(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	inner, f := s.open(r.Context(), gormstore.Options{SkipCreateTable: true})
	if err := inner.Save(r, w, session); err != nil {
		return err
	}
	return f.err
}
