package passport

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"github.com/gopassport/passport/internal/cookies"
	"github.com/gopassport/passport/internal/pack"
	"github.com/gopassport/passport/internal/seal"
)

// GorillaSessions keeps logins in a store of gorilla/sessions, in the session (and the
// cookie) of that name. The application may use the same session for values of its own;
// it then calls Registry.Session first and store.Get after it, so that both hold the
// same copy. It is safe for concurrent use.
//
// A request without the cookie does not reach the store: one that finds its sessions by
// other means needs a [SessionStore] of its own. Stores with a browser-session MaxAge of
// 0 other than gorilla's own (redistore, gormstore) forget at once what is saved. Mind
// the defaults of sessions.NewCookieStore: SameSite=None and no HttpOnly; use
// [CookieSessions]. Panics on a nil store and on a name that is no cookie's.
func GorillaSessions(store sessions.Store, name string) SessionStore {
	if isNil(store) {
		panic("passport: GorillaSessions: the store is nil")
	}
	if err := (&http.Cookie{Name: name, Value: "x", Quoted: false}).Valid(); err != nil {
		panic(fmt.Sprintf("passport: GorillaSessions: %q: %v", name, err))
	}
	return gorillaSessions{store, name}
}

type gorillaSessions struct {
	store sessions.Store
	name  string
}

// peek spares the store the requests that bring no session.
func (g gorillaSessions) peek(r *http.Request) (login string, done bool) {
	return "", !cookies.Has(r.Header, g.name)
}

// Load reads the session. Gorilla's stores report a cookie that does not decode, and a
// record that is gone, as errors: to us they are an empty session. They also keep the
// identity that such a cookie named, which the next Save would adopt, and with it a
// session that somebody else prepared: it is blanked.
func (g gorillaSessions) Load(r *http.Request) (Session, error) {
	s, err := g.store.Get(r, g.name)
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
	return &gorillaSession{s, r}, nil
}

type gorillaSession struct {
	*sessions.Session
	request *http.Request
}

func (s *gorillaSession) Get(key string) (string, bool) {
	value, ok := s.Values[key].(string)
	return value, ok
}

func (s *gorillaSession) Set(key, value string) { s.Values[key] = value }
func (s *gorillaSession) Delete(key string)     { delete(s.Values, key) }
func (s *gorillaSession) Clear()                { clear(s.Values) }

// Renew does what gorilla has no call for: it lets the store delete the record of the
// old identity, by saving an expired copy to nowhere, and leaves the new one to Save. A
// CookieStore has no records; its old cookies work until they expire.
func (s *gorillaSession) Renew() error {
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

func (s *gorillaSession) Save(w http.ResponseWriter, r *http.Request) error {
	cookies.Unset(w, s.Name()) // gorilla adds a line for each Save
	if len(s.Values) == 0 {
		return s.remove(w, r)
	}
	err := s.Store().Save(r, w, s.Session)
	if err != nil && strings.Contains(err.Error(), "too long") {
		return fault(CodeSessionTooLarge, http.StatusInternalServerError, err)
	}
	return err
}

// remove deletes the record and the cookie of an empty session.
func (s *gorillaSession) remove(w http.ResponseWriter, r *http.Request) error {
	if !cookies.Has(r.Header, s.Name()) {
		return nil
	}
	age := s.Options.MaxAge
	s.Options.MaxAge = -1
	err := s.Store().Save(r, w, s.Session)
	s.Options.MaxAge, s.ID = age, "" // a login later in this request starts afresh
	return err
}

// CookieSessions makes a gorilla cookie store for values of the application's own, with
// the attributes that a session should have (HttpOnly, Secure, SameSite=Lax, Path=/, 14
// days) and a codec that encrypts and is many times faster than the stock one; strings
// are fastest, other values are encoded with gob. The keys have 32 random bytes each,
// newest first. Panics on a key that cannot be one.
//
// Browsers take Secure cookies from http://127.0.0.1 and http://localhost, too.
func CookieSessions(keys ...[]byte) *sessions.CookieStore {
	if len(keys) == 0 {
		panic("passport: CookieSessions: there is no key; make one with crypto/rand, 32 bytes")
	}
	store := &sessions.CookieStore{Options: &sessions.Options{
		Path: "/", MaxAge: int(defaultLifetime / time.Second), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}}
	for i, key := range keys {
		checkKey("CookieSessions: keys", i, key)
		sealer, err := seal.New(key, "gorilla")
		if err != nil {
			panic("passport: CookieSessions: " + err.Error())
		}
		store.Codecs = append(store.Codecs, codec{sealer, store.Options})
	}
	return store
}

// codec seals the values of a gorilla session.
type codec struct {
	sealer  *seal.Sealer
	options *sessions.Options
}

const (
	formatStrings = "s"
	formatGob     = "g"
)

// Encode is called by gorilla with the session's values.
func (c codec) Encode(name string, value any) (string, error) {
	values, ok := value.(map[any]any)
	if !ok {
		return "", codecError{fmt.Errorf("CookieSessions keeps the values of sessions, not a %T", value), false}
	}
	now := strconv.FormatInt(time.Now().Unix(), 36)
	fields, ok := stringsOf(values)
	plain := pack.Append(pack.Append(nil, now, formatStrings), fields...)
	if !ok {
		encoded, err := securecookie.GobEncoder{}.Serialize(values)
		if err != nil {
			return "", err
		}
		plain = pack.Append(nil, now, formatGob, string(encoded))
	}
	text := c.sealer.SealText(name, plain)
	if size := len(name) + len(text); size > maxCookie {
		return "", codecError{fmt.Errorf("the value is too long: %d bytes, browsers keep %d", size, maxCookie), false}
	}
	return text, nil
}

func stringsOf(values map[any]any) (fields []string, ok bool) {
	for k, v := range values {
		key, okKey := k.(string)
		value, okValue := v.(string)
		if !okKey || !okValue {
			return nil, false
		}
		fields = append(fields, key, value)
	}
	return fields, true
}

// Decode is called by gorilla with the values of a new session.
func (c codec) Decode(name, text string, dst any) error {
	values, ok := dst.(*map[any]any)
	if !ok {
		return codecError{fmt.Errorf("CookieSessions keeps the values of sessions, not a %T", dst), false}
	}
	b := seal.NewBuffer()
	defer b.Free()
	plain, ok := c.sealer.OpenText(b, name, text)
	at, rest, okAt := pack.Next(plain)
	format, rest, okFormat := pack.Next(rest)
	if !ok || !okAt || !okFormat || !c.fresh(at) {
		return codecError{errors.New("the value is not valid, or expired"), true}
	}
	if *values == nil {
		*values = map[any]any{}
	}
	if string(format) == formatGob {
		encoded, _, _ := pack.Next(rest)
		return securecookie.GobEncoder{}.Deserialize(bytes.Clone(encoded), values)
	}
	fields, ok := pack.Split(rest)
	for i := 0; ok && i+1 < len(fields); i += 2 {
		(*values)[fields[i]] = fields[i+1]
	}
	return nil
}

// fresh tells whether a value is not older than the store's cookies may be.
func (c codec) fresh(at []byte) bool {
	seconds, err := strconv.ParseInt(string(at), 36, 64)
	age := time.Since(time.Unix(seconds, 0))
	lifetime := time.Duration(c.options.MaxAge) * time.Second
	if lifetime <= 0 {
		lifetime = defaultLifetime
	}
	return err == nil && age < lifetime && age > -time.Minute
}

// codecError is a securecookie.Error: gorilla's way to tell a bad cookie from a bug.
type codecError struct {
	error
	decode bool
}

func (e codecError) IsUsage() bool    { return !e.decode }
func (e codecError) IsDecode() bool   { return e.decode }
func (e codecError) IsInternal() bool { return false }
func (e codecError) Cause() error     { return nil }
