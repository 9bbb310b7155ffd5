package passport

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gopassport/passport/internal/intent"
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
	writeError(w, r, e)
}

// report tells the observer of a refusal or a fault.
func (p *Registry) report(r *http.Request, rt *route, e *Error, started time.Time) {
	event := Event{Kind: "fault", Purpose: string(rt.purpose), Strategy: e.Strategy, Code: e.Code, Err: e}
	if e.refusal() {
		event.Kind = "refusal"
	}
	if s := p.stateOf(r); s != nil {
		_, event.User = s.get()
	}
	p.observe(r, started, event)
}

// writeError is the default answer: text for a page, application/problem+json (RFC
// 9457) with the stable code for everything else. Neither shows what came in.
func writeError(w http.ResponseWriter, r *http.Request, e *Error) {
	h := w.Header()
	for _, challenge := range e.Challenges {
		h.Add("WWW-Authenticate", challenge)
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
	if e.Code == CodeMethod {
		h.Set("Allow", "GET, POST")
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	varies(h)
	if intent.Navigation(r) && !intent.WantsJSON(r) {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(e.Status)
		_, _ = fmt.Fprintf(w, "%s (%s)\n", e.text(), e.Code) // the client may be gone
		return
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(e.Status)
	writeJSON(w, struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail,omitempty"`
		Code   Code   `json:"code"`
	}{http.StatusText(e.Status), e.Status, e.Message, e.Code})
}

func writeJSON(w http.ResponseWriter, v any) {
	_ = json.NewEncoder(w).Encode(v) // strings and numbers always encode; the client may be gone
}

// varies says what the choice between a page and an API's answer depends on.
func varies(h http.Header) { h.Add("Vary", "Accept, Sec-Fetch-Mode, Sec-Fetch-Dest") }

// send sends a person to a provider; a caller that takes JSON gets the address.
func (p *Registry) send(w http.ResponseWriter, r *http.Request, d *decision, to Redirect) {
	varies(w.Header())
	if d.last != nil && d.last.json {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		writeJSON(w, map[string]string{"redirect": to.URL})
		return
	}
	redirect(w, r, to.URL, to.Status)
}

// redirect sends exactly the address that was checked. http.Redirect would clean it.
func redirect(w http.ResponseWriter, r *http.Request, address string, status int) {
	if status == 0 {
		status = seeOther(r)
	}
	w.Header().Set("Location", address)
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(status)
}

// seeOther is 303 after anything but GET, so that no browser sends a form's body on.
func seeOther(r *http.Request) int {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return http.StatusFound
	}
	return http.StatusSeeOther
}
