// Package record writes a login as a session keeps it.
package record

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Record is one login: when it began (exact to the microsecond), a name of its own, the
// user's stamp and the user's key.
type Record struct {
	At             time.Time
	ID, Stamp, Key string
}

// New makes the record of a login that begins now.
func New(stamp, key string) Record {
	var id [12]byte
	_, _ = rand.Read(id[:]) // never fails: without random bits the program ends
	return Record{time.Now(), base64.RawURLEncoding.EncodeToString(id[:]), stamp, key}
}

// String writes the record. Neither id nor stamp holds a dot; a key may.
func (l Record) String() string {
	return strconv.FormatInt(l.At.UnixMicro(), 36) + "." + l.ID + "." + l.Stamp + "." + l.Key
}

// Parse reads what String wrote.
func Parse(s string) (l Record, ok bool) {
	at, rest, _ := strings.Cut(s, ".")
	id, rest, _ := strings.Cut(rest, ".")
	stamp, key, ok := strings.Cut(rest, ".")
	micros, err := strconv.ParseInt(at, 36, 64)
	return Record{time.UnixMicro(micros), id, stamp, key}, ok && err == nil && id != "" && key != ""
}

// Current tells whether the login still holds. One from the future was made by a
// machine with another clock, or by nobody.
func (l Record) Current(lifetime time.Duration) bool {
	age := time.Since(l.At)
	return age < lifetime && age > -time.Minute
}

// Stamp hashes a user's state together with the key: a session cookie may be readable in
// stores that only sign.
func Stamp(key, state string) string {
	sum := sha256.Sum256([]byte(key + "\x00" + state))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// Kind names a type of users, its package's path included.
func Kind(t reflect.Type) string {
	stars := ""
	for t.Kind() == reflect.Pointer && t.Name() == "" {
		t, stars = t.Elem(), stars+"*"
	}
	if t.Name() == "" {
		return stars + t.String()
	}
	return stars + t.PkgPath() + "." + t.Name()
}
