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

// Want notes the address of the request, to come back to after a log-in. own tells whether
// a page of the application asked for it: then a flow of user, where that is not "", may
// begin there although the log-in led through another site. Where another site asked, none
// begins there because of the log-in, which makes the request look like our own.
func (j Jar) Want(w http.ResponseWriter, r *http.Request, own bool, user string) {
	j.Change(w, r, func(n *Notes) {
		n.ReturnTo, n.Parked = returnto.Asked(r), ""
		if !own {
			n.Parked = digest("foreign", "", r)
		} else if user != "" {
			n.Parked = digest("parked", user, r)
		}
	})
}

// Unpark tells whether Want says that user may begin a flow here, or that another site
// asked for it, and forgets it: both hold once.
func (j Jar) Unpark(w http.ResponseWriter, r *http.Request, user string) (parked, foreign bool) {
	noted := j.Read(w, r).Parked
	if noted == "" {
		return false, false
	}
	parked = user != "" && noted == digest("parked", user, r)
	foreign = noted == digest("foreign", "", r)
	if parked || foreign {
		j.Change(w, r, func(n *Notes) { n.Parked = "" })
	}
	return parked, foreign
}

func digest(what, user string, r *http.Request) string {
	return vault.Digest(what, user, returnto.Asked(r))
}

// Drop forgets all notes.
func (j Jar) Drop(w http.ResponseWriter, r *http.Request) {
	if j.Vault != nil {
		j.Vault.Drop(w, r)
	}
}
