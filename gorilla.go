package passport

import (
	"fmt"
	"net/http"

	"github.com/gorilla/sessions"

	"github.com/gopassport/passport/internal/absent"
	"github.com/gopassport/passport/internal/cookies"
	"github.com/gopassport/passport/internal/gorilla"
)

// GorillaSessions keeps logins in a store of gorilla/sessions, in the session (and the
// cookie) of that name. The application may use the same session for values of its own;
// it then calls store.Get under [Registry.Session], so that both hold the same copy. It
// is safe for concurrent use.
//
// A request without the cookie does not reach the store: one that finds its sessions by
// other means needs a [SessionStore] of its own. Stores other than gorilla's own
// (redistore, gormstore) forget at once what is saved with a MaxAge of 0. Mind the
// defaults of sessions.NewCookieStore, SameSite=None and no HttpOnly; [CookieSessions]
// has better ones. Panics on a nil store and on a name that is no cookie's.
func GorillaSessions(store sessions.Store, name string) SessionStore {
	if absent.Nil(store) {
		panic("passport: GorillaSessions: the store is nil")
	}
	if err := (&http.Cookie{Name: name, Value: "x"}).Valid(); err != nil {
		panic(fmt.Sprintf("passport: GorillaSessions: %q: %v", name, err))
	}
	return gorillaSessions{store, name}
}

type gorillaSessions struct {
	store sessions.Store
	name  string
}

// peek spares the store the requests that bring no session, and gorilla those whose
// cookie our own codec can read.
func (g gorillaSessions) peek(r *http.Request, key string) (login string, done bool) {
	if !cookies.Has(r.Header, g.name) {
		return "", true
	}
	return gorilla.Peek(g.store, g.name, r, key)
}

func (g gorillaSessions) Load(r *http.Request) (Session, error) {
	s, err := gorilla.Load(g.store, g.name, r)
	if err != nil {
		return nil, err // not s: a nil *gorilla.Session is no nil Session
	}
	return s, nil
}

// CookieSessions makes a gorilla cookie store for values of the application's own, with
// the attributes that a session should have (HttpOnly, Secure, SameSite=Lax, Path=/, 14
// days) and a codec that encrypts and is many times faster than the stock one; strings
// are fastest, other values are encoded with gob. The keys have 32 random bytes each,
// newest first. Panics on a key that cannot be one.
//
// All browsers but Safari take Secure cookies from http://127.0.0.1 and http://localhost, too.
func CookieSessions(keys ...[]byte) *sessions.CookieStore {
	store, err := gorilla.NewCookieStore(keys, defaultLifetime)
	if err != nil {
		panic("passport: CookieSessions: " + err.Error())
	}
	return store
}
