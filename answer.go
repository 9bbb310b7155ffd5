package passport

import (
	"net/http"
	"time"

	"github.com/gopassport/passport/internal/answer"
)

// answer is for every refusal and fault that no redirect takes.
func (p *Registry) answer(w http.ResponseWriter, r *http.Request, rt *route, err error) {
	e := asError(err, CodeStrategy, http.StatusInternalServerError)
	p.report(r, rt, e, time.Time{})
	rt.respond(w, r, e)
}

func (rt *route) respond(w http.ResponseWriter, r *http.Request, e *Error) {
	if rt.onError != nil {
		rt.onError(w, r, e)
		return
	}
	rt.write(w, r, e)
}

// report tells the observer of a refusal or a fault.
func (p *Registry) report(r *http.Request, rt *route, e *Error, started time.Time) {
	event := Event{Kind: "fault", Purpose: string(rt.purpose), Strategy: e.Strategy, Tenant: e.tenant, Code: e.Code, Err: e}
	if e.refusal() {
		event.Kind = "refusal"
	}
	p.observe(r, started, event)
}

// write is the default answer.
func (rt *route) write(w http.ResponseWriter, r *http.Request, e *Error) {
	a := answer.Answer{Status: e.Status, Code: string(e.Code), Text: e.Message, Challenges: e.Challenges, RetryAfter: e.RetryAfter}
	if e.Code == CodeMethod {
		a.Allow = "GET, POST"
	}
	if rt.answers == "" {
		answer.Vary(w)
	}
	a.Write(w, rt.answers == "page" || rt.answers == "" && answer.Page(r))
}

// send sends a person to a provider; a caller that takes JSON gets the address.
func (p *Registry) send(w http.ResponseWriter, r *http.Request, d *decision, to Redirect) {
	answer.Vary(w)
	if d.last != nil && d.last.json {
		answer.JSON(w, map[string]string{"redirect": to.URL})
		return
	}
	answer.Redirect(w, r, to.URL, to.Status)
}
