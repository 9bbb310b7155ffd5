package passport

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"github.com/gopassport/passport/internal/cookies"
	"github.com/gopassport/passport/internal/notes"
	"github.com/gopassport/passport/internal/returnto"
)

// Notes have a cookie of their own: so they survive the renewal of a session, a visitor
// gets no session because of them, and Authorize can leave one without touching the login.

// Messages gives the messages that were left for this browser ([SuccessMessage],
// [FailureMessage]) and forgets them, before the first byte of the response. The error
// is an [*Error]: there are no Config.Keys to keep messages with.
func (p *Registry) Messages(w http.ResponseWriter, r *http.Request) ([]string, error) {
	if p.notes == nil {
		return nil, fault(CodeConfiguration, http.StatusInternalServerError, errors.New("messages need Config.Keys"))
	}
	messages := p.noted(w, r).Messages
	if len(messages) > 0 {
		p.note(w, r, func(n *notes.Notes) { n.Messages = nil })
	}
	return messages, nil
}

// noted reads the notes: those that this response sets already, else those of the request.
func (p *Registry) noted(w http.ResponseWriter, r *http.Request) (n notes.Notes) {
	if p.notes == nil {
		return n
	}
	read := func(plain []byte) { n = notes.Parse(plain) }
	if !p.notes.OpenPending(w, r, read) {
		p.notes.Open(r, "", read)
	}
	return n
}

// note changes the notes.
func (p *Registry) note(w http.ResponseWriter, r *http.Request, change func(*notes.Notes)) {
	if p.notes == nil {
		return
	}
	n := p.noted(w, r)
	change(&n)
	if !returnto.Local(n.ReturnTo) {
		n.ReturnTo = ""
	}
	p.notes.Drop(w, r)
	if !n.Empty() {
		cookies.Set(w, p.notes.Cookie(r, "", n.Pack(), notes.Lifetime))
	}
}

// leave adds a message: text, or the strategy's own where text is "".
func (p *Registry) leave(w http.ResponseWriter, r *http.Request, text *string, own string) {
	if text == nil {
		return
	}
	if message := cmp.Or(*text, own); message != "" {
		p.note(w, r, func(n *notes.Notes) { n.Messages = append(n.Messages, message) })
	}
}

// requestPath is the path that the browser asked for. Routers and http.StripPrefix
// change r.URL; the request line stays.
func requestPath(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}
