package passport

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gopassport/passport/internal/cookies"
	"github.com/gopassport/passport/internal/pack"
	"github.com/gopassport/passport/internal/returnto"
)

// notes are what we remember of a browser between two pages: messages, and the page
// that somebody wanted before logging in. They have a cookie of their own: they survive
// the renewal of a session, a visitor gets no session because of them, and Authorize
// can leave one without touching the login.
type notes struct {
	returnTo string
	messages []string
}

const (
	notesLifetime = time.Hour
	notesRoom     = 2800 // bytes of plain text, which stay under a cookie's limit when sealed
)

// Messages gives the messages that were left for this browser ([SuccessMessage],
// [FailureMessage]) and forgets them, before the first byte of the response. The error
// is an [*Error]: there are no Config.Keys to keep messages with.
func (p *Registry) Messages(w http.ResponseWriter, r *http.Request) ([]string, error) {
	if p.notes == nil {
		return nil, fault(CodeConfiguration, http.StatusInternalServerError, errors.New("messages need Config.Keys"))
	}
	messages := p.noted(w, r).messages
	if len(messages) > 0 {
		p.note(w, r, func(n *notes) { n.messages = nil })
	}
	return messages, nil
}

// noted reads the notes: those that this response sets already, else those of the request.
func (p *Registry) noted(w http.ResponseWriter, r *http.Request) notes {
	var n notes
	if p.notes == nil {
		return n
	}
	read := func(plain []byte) { n = parseNotes(plain) }
	key := p.notes.keys[0]
	name := key.name(p.notes.origins.Plain(r))
	if value, pending := cookies.Pending(w, name); pending {
		key.openText(name, value, read)
		return n
	}
	p.notes.open(r, "", read)
	return n
}

func parseNotes(plain []byte) notes {
	fields, ok := pack.Split(plain)
	if !ok || len(fields) < 2 {
		return notes{}
	}
	made, err := strconv.ParseInt(fields[0], 36, 64)
	if err != nil || time.Since(time.Unix(made, 0)) > notesLifetime {
		return notes{}
	}
	return notes{fields[1], fields[2:]}
}

// note changes the notes. What does not fit goes: the oldest messages first.
func (p *Registry) note(w http.ResponseWriter, r *http.Request, change func(*notes)) {
	if p.notes == nil {
		return
	}
	n := p.noted(w, r)
	change(&n)
	if !returnto.Local(n.returnTo) {
		n.returnTo = ""
	}
	plain := n.pack()
	for len(plain) > notesRoom && len(n.messages) > 0 {
		n.messages = n.messages[1:]
		plain = n.pack()
	}
	p.notes.drop(w, r, "")
	if n.returnTo != "" || len(n.messages) > 0 {
		cookies.Set(w, p.notes.cookie(r, "", plain, notesLifetime))
	}
}

func (n notes) pack() []byte {
	now := strconv.FormatInt(time.Now().Unix(), 36)
	return pack.Append(pack.Append(nil, now, n.returnTo), n.messages...)
}

// leave adds a message: text, or the strategy's own where text is "".
func (p *Registry) leave(w http.ResponseWriter, r *http.Request, text *string, own string) {
	if text == nil {
		return
	}
	message := *text
	if message == "" {
		message = own
	}
	if message != "" {
		p.note(w, r, func(n *notes) { n.messages = append(n.messages, message) })
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
