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

// Want notes the address of the request, to come back to after a log-in. parked is who
// asked for it from a page of the application, "" where nobody known did: a flow that
// begins there may begin although the log-in led through another site.
func (j Jar) Want(w http.ResponseWriter, r *http.Request, parked string) {
	j.Change(w, r, func(n *Notes) {
		n.ReturnTo, n.Parked = returnto.Asked(r), ""
		if parked != "" {
			n.Parked = digest(parked, r)
		}
	})
}

// Unpark tells whether user may begin a flow here because of Want, and forgets it.
func (j Jar) Unpark(w http.ResponseWriter, r *http.Request, user string) bool {
	if user == "" || j.Read(w, r).Parked != digest(user, r) {
		return false
	}
	j.Change(w, r, func(n *Notes) { n.Parked = "" })
	return true
}

func digest(user string, r *http.Request) string {
	return vault.Digest("parked", user, returnto.Asked(r))
}

// Drop forgets all notes.
func (j Jar) Drop(w http.ResponseWriter, r *http.Request) {
	if j.Vault != nil {
		j.Vault.Drop(w, r)
	}
}
