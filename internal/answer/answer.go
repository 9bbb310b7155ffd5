// Package answer writes what a caller gets when nothing else answers: a short page for a
// person, application/problem+json (RFC 9457) for a program. Neither shows what came in.
package answer

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"time"

	"github.com/gopassport/passport/internal/intent"
)

// Answer is a refusal or a fault.
type Answer struct {
	Status     int
	Code       string        // stable
	Text       string        // for a person; "" means the text of the status
	Challenges []string      // for WWW-Authenticate
	Allow      string        // for Allow; may be ""
	RetryAfter time.Duration // for Retry-After; may be 0
}

// page has no more than a person needs, and nothing that could be made to run.
const page = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>%[1]s</title>
<h1>%[1]s</h1>
<p>%[2]s</p>
<p><small>%[3]s</small></p>
</html>
`

// Write answers. asPage says whom.
func (a Answer) Write(w http.ResponseWriter, asPage bool) {
	h := w.Header()
	for _, challenge := range a.Challenges {
		h.Add("WWW-Authenticate", challenge)
	}
	if a.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((a.RetryAfter+time.Second-1)/time.Second)))
	}
	if a.Allow != "" {
		h.Set("Allow", a.Allow)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if asPage {
		a.page(w)
		return
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(a.Status)
	encode(w, struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail,omitempty"`
		Code   string `json:"code"`
	}{http.StatusText(a.Status), a.Status, a.Text, a.Code})
}

func (a Answer) page(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	w.WriteHeader(a.Status)
	title := http.StatusText(a.Status)
	text := a.Text
	if text == "" {
		text = title + "."
	}
	_, _ = fmt.Fprintf(w, page, html.EscapeString(title), html.EscapeString(text), html.EscapeString(a.Code)) // the client may be gone
}

// JSON answers a caller that takes the provider's address as JSON.
func JSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	encode(w, v)
}

func encode(w http.ResponseWriter, v any) {
	_ = json.NewEncoder(w).Encode(v) // strings and numbers always encode; the client may be gone
}

// Vary says what the choice between a page and an API's answer depends on.
func Vary(w http.ResponseWriter) { w.Header().Add("Vary", "Accept, Sec-Fetch-Mode, Sec-Fetch-Dest") }

// Page tells whether a person waits for a page.
func Page(r *http.Request) bool { return intent.Navigation(r) && !intent.WantsJSON(r) }

// Preflight tells whether this is a CORS preflight: a browser asks, before a request of a
// script, whether another site may send it. It brings no credentials, so it cannot be
// told who it is.
func Preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// Redirect sends exactly the address that was checked. http.Redirect would clean it. A
// status of 0 stands for SeeOther's.
func Redirect(w http.ResponseWriter, r *http.Request, address string, status int) {
	if status == 0 {
		status = SeeOther(r)
	}
	w.Header().Set("Location", address)
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(status)
}

// SeeOther is 303 after anything but GET, so that no browser sends a form's body on.
func SeeOther(r *http.Request) int {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return http.StatusFound
	}
	return http.StatusSeeOther
}
