package passport

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/gopassport/passport/internal/notes"
)

// Messages gives the messages that were left for this browser ([SuccessMessage],
// [FailureMessage]) and forgets them, before the first byte of the response. The error
// is an [*Error]: there are no Config.Keys to keep messages with.
func (p *Registry) Messages(w http.ResponseWriter, r *http.Request) ([]string, error) {
	if p.notes.Vault == nil {
		return nil, fault(CodeConfiguration, http.StatusInternalServerError, errors.New("messages need Config.Keys"))
	}
	messages := p.notes.Read(w, r).Messages
	if len(messages) > 0 {
		p.notes.Change(w, r, func(n *notes.Notes) { n.Messages = nil })
	}
	return messages, nil
}

// leave adds a message: text, or the strategy's own where text is "".
func (p *Registry) leave(w http.ResponseWriter, r *http.Request, text *string, own string) {
	if text != nil && cmp.Or(*text, own) != "" {
		p.notes.Change(w, r, func(n *notes.Notes) { n.Messages = append(n.Messages, cmp.Or(*text, own)) })
	}
}
