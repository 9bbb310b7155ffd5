package passport

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gopassport/passport/internal/cookies"
	"github.com/gopassport/passport/internal/pack"
	"github.com/gopassport/passport/internal/seal"
)

// maxCookie is what browsers keep of a cookie: name and value, in bytes.
const maxCookie = 4096

// vault keeps the values of one purpose in browsers, sealed. Each key has a cookie name
// and a sealer of its own, so the name tells the key, and registries with other keys,
// other applications on the same host and other purposes never meet. A value is bound
// to the whole name of its cookie.
type vault struct {
	keys    []vaultKey // newest first
	origins interface{ Plain(*http.Request) bool }
}

type vaultKey struct {
	plain, host string // the cookie's name on plain loopback http, and everywhere else
	*seal.Sealer
}

func (k vaultKey) name(plain bool) string {
	if plain {
		return k.plain
	}
	return k.host
}

// vault makes the vault of a purpose.
func (p *Registry) vault(purpose string) *vault {
	kind := ""
	if p.config.Users != nil {
		kind = p.config.Users.kind()
	}
	v := &vault{origins: p.origins}
	for _, key := range p.config.Keys {
		sealer, err := seal.New(key, purpose+" "+kind)
		if err != nil {
			panic("passport: New: Config.Keys: " + err.Error())
		}
		sum := sha256.Sum256(append([]byte("passport/v1 name "+purpose+" "+kind+" "), key...))
		name := "passport-" + purpose + "-" + base64.RawURLEncoding.EncodeToString(sum[:6])
		v.keys = append(v.keys, vaultKey{name, "__Host-" + name, sealer})
	}
	return v
}

// open gives each value of the cookie that opens to use, which must copy what it keeps.
// There is more than one only when somebody planted it. The suffix tells apart several
// cookies of one purpose. A cookie under an older key counts where the newer has none.
func (v *vault) open(r *http.Request, suffix string, use func(plain []byte)) (found bool) {
	plainHTTP := v.origins.Plain(r)
	for _, key := range v.keys {
		name := key.name(plainHTTP) + suffix
		for value := range cookies.Values(r.Header, name) {
			found = key.openText(name, value, use) || found
		}
		if found {
			return true
		}
	}
	return false
}

func (k vaultKey) openText(name, value string, use func(plain []byte)) bool {
	b := seal.NewBuffer()
	defer b.Free()
	plain, ok := k.OpenText(b, name, value)
	if ok {
		use(plain)
	}
	return ok
}

// cookie seals plain under the newest key. age is how long the browser keeps it.
func (v *vault) cookie(r *http.Request, suffix string, plain []byte, age time.Duration) *http.Cookie {
	plainHTTP := v.origins.Plain(r)
	name := v.keys[0].name(plainHTTP) + suffix
	return v.bake(r, name, v.keys[0].SealText(name, plain), int(age/time.Second))
}

// bake gives a cookie the attributes that all of ours have. Lax, because the answer of
// a provider is a navigation from another site, and must bring the cookies along.
func (v *vault) bake(r *http.Request, name, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: name, Value: value, MaxAge: maxAge,
		Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: !v.origins.Plain(r),
	}
}

// drop removes the cookies with the suffix that the browser sent or that this response sets.
func (v *vault) drop(w http.ResponseWriter, r *http.Request, suffix string) {
	plainHTTP := v.origins.Plain(r)
	for _, key := range v.keys {
		name := key.name(plainHTTP) + suffix
		cookies.Unset(w, name)
		if cookies.Has(r.Header, name) {
			cookies.Set(w, v.bake(r, name, "", -1))
		}
	}
}

// sealedSessions is the store that a nil Config.Sessions stands for: the session itself
// is in the cookie. It runs on any number of machines that share the keys.
type sealedSessions struct {
	vault    *vault
	lifetime time.Duration
}

// peek reads the login without making a session. Two logins of different people are
// none: one of them was planted, and nobody can tell which.
func (s sealedSessions) peek(r *http.Request) (login string, done bool) {
	ambiguous := false
	s.vault.open(r, "", func(plain []byte) {
		found := string(field(plain, loginKey))
		ambiguous = ambiguous || login != "" && who(login) != who(found)
		login = found
	})
	if ambiguous {
		login = ""
	}
	return login, true
}

// field finds the value of a key among keys and values in turn.
func field(plain []byte, key string) []byte {
	for {
		k, rest, ok := pack.Next(plain)
		value, rest, okValue := pack.Next(rest)
		if !ok || !okValue {
			return nil
		}
		if string(k) == key {
			return value
		}
		plain = rest
	}
}

func who(login string) string {
	l, _ := parseRecord(login)
	return l.key
}

// Load reads the session of a request.
func (s sealedSessions) Load(r *http.Request) (Session, error) {
	session := &sealedSession{store: s}
	s.vault.open(r, "", func(plain []byte) {
		if fields, ok := pack.Split(plain); ok && len(fields)%2 == 0 {
			session.fields = fields
		}
	})
	return session, nil
}

// sealedSession holds keys and values in turn.
type sealedSession struct {
	store  sealedSessions
	fields []string
}

func (s *sealedSession) index(key string) int {
	for i := 0; i < len(s.fields); i += 2 {
		if s.fields[i] == key {
			return i
		}
	}
	return -1
}

func (s *sealedSession) Get(key string) (string, bool) {
	if i := s.index(key); i >= 0 {
		return s.fields[i+1], true
	}
	return "", false
}

func (s *sealedSession) Set(key, value string) {
	s.Delete(key)
	s.fields = append(s.fields, key, value)
}

func (s *sealedSession) Delete(key string) {
	if i := s.index(key); i >= 0 {
		s.fields = slices.Delete(s.fields, i, i+2)
	}
}

func (s *sealedSession) Clear() { s.fields = nil }

// Renew has nothing to do: each Save seals anew, and there is no identity that an
// attacker could have planted.
func (s *sealedSession) Renew() error { return nil }

func (s *sealedSession) Save(w http.ResponseWriter, r *http.Request) error {
	v := s.store.vault
	c := v.cookie(r, "", pack.Append(nil, s.fields...), s.store.lifetime)
	if size := len(c.Name) + len(c.Value); size > maxCookie {
		return fault(CodeSessionTooLarge, http.StatusInternalServerError, fmt.Errorf("a session cookie of %d bytes, browsers keep %d", size, maxCookie))
	}
	v.drop(w, r, "") // under all keys, so that no older login comes back
	if len(s.fields) > 0 {
		cookies.Set(w, c)
	}
	return nil
}

// digest names things in a cookie's name: short, and telling nothing.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}
