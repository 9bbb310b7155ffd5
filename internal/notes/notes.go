// Package notes writes what is remembered of a browser between two pages.
package notes

import (
	"strconv"
	"time"

	"github.com/gopassport/passport/internal/pack"
)

// Lifetime is how long a note is kept.
const Lifetime = time.Hour

// room is how much plain text stays under a cookie's limit when sealed, in bytes.
const room = 2800

// Notes are messages, and the page that somebody wanted before logging in.
type Notes struct {
	ReturnTo string
	Parked   string // a digest of who may begin a flow where, or may not, once; see Jar.Want
	Messages []string
}

// Parse reads what Pack wrote; notes that are too old, or none at all, are empty.
func Parse(plain []byte) Notes {
	fields, ok := pack.Split(plain)
	if !ok || len(fields) < 3 {
		return Notes{}
	}
	made, err := strconv.ParseInt(fields[0], 36, 64)
	if err != nil || time.Since(time.Unix(made, 0)) > Lifetime {
		return Notes{}
	}
	return Notes{fields[1], fields[2], fields[3:]}
}

// Empty tells whether there is nothing to keep.
func (n Notes) Empty() bool { return n.ReturnTo == "" && n.Parked == "" && len(n.Messages) == 0 }

// Pack writes the notes. What does not fit goes, the oldest messages first.
func (n Notes) Pack() []byte {
	plain := n.fields()
	for len(plain) > room && len(n.Messages) > 0 {
		n.Messages = n.Messages[1:]
		plain = n.fields()
	}
	return plain
}

func (n Notes) fields() []byte {
	now := strconv.FormatInt(time.Now().Unix(), 36)
	return pack.Append(pack.Append(nil, now, n.ReturnTo, n.Parked), n.Messages...)
}
