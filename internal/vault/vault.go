// Package vault keeps the values of one purpose in browsers, sealed.
//
// Each key has a cookie name and a sealer of its own: the name tells the key, so a
// login is opened once, and registries with other keys, other applications on the same
// host and other purposes never meet. A value is bound to the whole name of its cookie.
package vault

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gopassport/passport/internal/cookies"
	"github.com/gopassport/passport/internal/intent"
	"github.com/gopassport/passport/internal/seal"
)

// MaxCookie is what browsers keep of a cookie: name and value, in bytes.
const MaxCookie = 4096

// TooLarge is a value that no browser would keep.
type TooLarge struct{ Size, Limit int }

// Error says how large, and what the limit is.
func (e *TooLarge) Error() string {
	return fmt.Sprintf("a cookie of %d bytes, the limit is %d", e.Size, e.Limit)
}

// Vault is safe for concurrent use.
type Vault struct {
	keys    []key // newest first
	origins intent.Origins
}

type key struct {
	plain, host string // the cookie's name on plain loopback http, and everywhere else
	*seal.Sealer
}

func (k key) name(plain bool) string {
	if plain {
		return k.plain
	}
	return k.host
}

// New makes the vault of a purpose. scope tells apart registries with the same keys.
func New(masters [][]byte, purpose, scope string, origins intent.Origins) (*Vault, error) {
	v := &Vault{origins: origins}
	for _, master := range masters {
		sealer, err := seal.New(master, purpose+" "+scope)
		if err != nil {
			return nil, err
		}
		label := sha256.Sum256(append([]byte("passport/v1 name "+purpose+" "+scope+" "), master...))
		name := "passport-" + purpose + "-" + base64.RawURLEncoding.EncodeToString(label[:6])
		v.keys = append(v.keys, key{name, "__Host-" + name, sealer})
	}
	return v, nil
}

// Open gives each value of the cookie that opens to use, which must copy what it keeps.
// There is more than one only when somebody planted it. The suffix tells apart several
// cookies of one purpose. A cookie under an older key counts where the newer has none.
func (v *Vault) Open(r *http.Request, suffix string, use func(plain []byte)) (found bool) {
	plainHTTP := v.origins.Plain(r)
	for _, k := range v.keys {
		name := k.name(plainHTTP)
		if suffix != "" {
			name += suffix
		}
		for value := range cookies.Values(r.Header, name) {
			found = k.open(name, value, use) || found
		}
		if found {
			return true
		}
	}
	return false
}

// OpenPending is Open for what the response will set. pending tells whether it sets or
// removes the cookie, under whichever key.
func (v *Vault) OpenPending(w http.ResponseWriter, r *http.Request, use func(plain []byte)) (pending bool) {
	plainHTTP := v.origins.Plain(r)
	for _, k := range v.keys {
		name := k.name(plainHTTP)
		if value, set := cookies.Pending(w, name); set {
			pending = true
			k.open(name, value, use)
		}
	}
	return pending
}

func (k key) open(name, value string, use func([]byte)) bool {
	b := seal.NewBuffer()
	defer b.Free()
	plain, ok := k.OpenText(b, name, value)
	if ok {
		use(plain)
	}
	return ok
}

// Cookie seals plain under the newest key. age is how long the browser keeps it.
func (v *Vault) Cookie(r *http.Request, suffix string, plain []byte, age time.Duration) *http.Cookie {
	name := v.keys[0].name(v.origins.Plain(r)) + suffix
	return v.bake(r, name, v.keys[0].SealText(name, plain), int(age/time.Second))
}

// bake gives a cookie the attributes that all of ours have. Lax, because the answer of
// a provider is a navigation from another site, and must bring the cookies along.
func (v *Vault) bake(r *http.Request, name, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: name, Value: value, MaxAge: maxAge,
		Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: !v.origins.Plain(r),
	}
}

// Gone is the cookie that removes the one of that name.
func (v *Vault) Gone(r *http.Request, name string) *http.Cookie { return v.bake(r, name, "", -1) }

// Expire makes the cookies that remove those of a suffix that the browser sent.
func (v *Vault) Expire(r *http.Request, suffix string) (gone []*http.Cookie) {
	plainHTTP := v.origins.Plain(r)
	for _, k := range v.keys {
		if name := k.name(plainHTTP) + suffix; cookies.Has(r.Header, name) {
			gone = append(gone, v.Gone(r, name))
		}
	}
	return gone
}

// Drop removes the cookie, under all keys, from the response and from the browser.
func (v *Vault) Drop(w http.ResponseWriter, r *http.Request) {
	plainHTTP := v.origins.Plain(r)
	for _, k := range v.keys {
		cookies.Unset(w, k.name(plainHTTP))
	}
	for _, c := range v.Expire(r, "") {
		cookies.Set(w, c)
	}
}

// Each gives every cookie of this purpose that has a suffix to use, with its size; a
// value that does not open has a nil plain.
func (v *Vault) Each(r *http.Request, use func(name string, size int, plain []byte)) {
	plainHTTP := v.origins.Plain(r)
	for _, k := range v.keys {
		for name, value := range cookies.All(r.Header, k.name(plainHTTP)+"-") {
			size := len(name) + len(value)
			if !k.open(name, value, func(plain []byte) { use(name, size, plain) }) {
				use(name, size, nil)
			}
		}
	}
}

// Seal seals a value for a store; it opens under the same id only.
func (v *Vault) Seal(id string, plain []byte) []byte { return v.keys[0].Seal(id, plain) }

// Unseal opens what Seal made, under any key.
func (v *Vault) Unseal(id string, sealed []byte) (plain []byte, ok bool) {
	for _, k := range v.keys {
		if plain, ok = k.Open(id, append([]byte(nil), sealed...)); ok {
			return plain, true
		}
	}
	return nil, false
}

// Size is what counts against a limit.
func Size(c *http.Cookie) int { return len(c.Name) + len(c.Value) }

// Digest names things, in a cookie's name say: short, and telling nothing.
func Digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
