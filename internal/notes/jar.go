package notes

import (
	"net/http"

	"github.com/gopassport/passport/internal/cookies"
	"github.com/gopassport/passport/internal/returnto"
	"github.com/gopassport/passport/internal/vault"
)

// Jar keeps the notes of a browser in one cookie of their own: so they survive the
// renewal of a session, a visitor gets no session because of them, and Authorize can
// leave one without touching the login. A jar without a vault keeps nothing.
type Jar struct{ Vault *vault.Vault }

// Read gives the notes: those that this response sets already, else those of the request.
func (j Jar) Read(w http.ResponseWriter, r *http.Request) (n Notes) {
	if j.Vault == nil {
		return n
	}
	read := func(plain []byte) { n = Parse(plain) }
	if !j.Vault.OpenPending(w, r, read) {
		j.Vault.Open(r, "", read)
	}
	return n
}

// Change reads the notes, changes them and sets them in the response.
func (j Jar) Change(w http.ResponseWriter, r *http.Request, change func(*Notes)) {
	if j.Vault == nil {
		return
	}
	n := j.Read(w, r)
	change(&n)
	if !returnto.Local(n.ReturnTo) {
		n.ReturnTo = ""
	}
	j.Vault.Drop(w, r)
	if !n.Empty() {
		cookies.Set(w, j.Vault.Cookie(r, "", n.Pack(), Lifetime))
	}
}

// Drop forgets all notes.
func (j Jar) Drop(w http.ResponseWriter, r *http.Request) {
	if j.Vault != nil {
		j.Vault.Drop(w, r)
	}
}
