package passporttest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/gopassport/passport/internal/authserver"
)

// Server is what [Provider] and [OAuth1Provider] have in common: where they are, what
// they were asked, and how they are told to misbehave. It is safe for concurrent use.
type Server struct {
	// URL is where the provider is, such as http://127.0.0.1:40123. It is the issuer. One that
	// is offline has a name that nobody else knows.
	URL string

	name      string
	home      Endpoint // where faults of a reply happen that name no place
	away      string   // where the other host is
	transport *http.Transport
	closing   chan struct{}
	handlers  map[Endpoint]func(*call) *Reply

	mu    sync.Mutex
	plans []plan
	edits map[Endpoint]func(*Reply)
	count map[Endpoint]int
	last  map[Endpoint]Request
}

// Request is what an endpoint was asked.
type Request struct {
	Method string
	Header http.Header
	Form   url.Values // of the query and the body
}

// Reply is what an endpoint answers, before it is sent.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte

	// Params are what the browser brings back to the application: of [Authorize] only,
	// which then has no Body of its own.
	Params url.Values

	back string // where the browser is sent
	form bool   // by form_post
}

// call is one request to an endpoint.
type call struct {
	*http.Request
	at   Endpoint
	form url.Values
}

const maxForm = 1 << 20

// start serves until the test is over.
func (s *Server) start(tb testing.TB, offline bool, home Endpoint, handlers map[Endpoint]func(*call) *Reply) {
	tb.Helper()
	s.name = rand.Text()
	s.home, s.handlers, s.closing = home, handlers, make(chan struct{})
	s.edits, s.count, s.last = map[Endpoint]func(*Reply){}, map[Endpoint]int{}, map[Endpoint]Request{}
	server, at := s.listen(offline, "provider", s)
	stranger, away := s.listen(offline, "elsewhere", http.HandlerFunc(s.strayed))
	s.URL, s.away, s.transport = at, away, &http.Transport{}
	if offline {
		s.transport = transportOf(server, stranger)
	}
	tb.Cleanup(func() {
		s.look(tb)
		close(s.closing) // Close waits for those that hang
		s.transport.CloseIdleConnections()
		for _, each := range []*httptest.Server{server, stranger} {
			each.CloseClientConnections() // a pipe holds nothing: who does not read keeps who writes
			each.Close()
		}
	})
}

// look finds faults that never happened: a test that passes by them shows nothing. Who
// coordinates fuzzing runs no input itself.
func (s *Server) look(tb testing.TB) {
	tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	_, fuzzing := tb.(*testing.F)
	for _, p := range s.plans {
		if !p.met && !fuzzing && !tb.Failed() && !tb.Skipped() {
			tb.Errorf("passporttest: %q was to happen, and never did: nobody asked where it can (told for %q; none is its own place). Heal forgets it", p.fault, p.at)
		}
	}
}

// At is the address of an endpoint.
func (s *Server) At(e Endpoint) string { return s.URL + string(e) }

// Count tells how often an endpoint was asked.
func (s *Server) Count(e Endpoint) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count[e]
}

// Last is what an endpoint was asked last; zero where it never was.
func (s *Server) Last(e Endpoint) Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last[e]
}

// EditResponse changes every reply of an endpoint before it is sent. That of [Authorize] is
// the answer which the browser brings back, be it without pages or after the last of them;
// the pages themselves are left as they are. There is one edit for an endpoint: nil ends it.
func (s *Server) EditResponse(e Endpoint, edit func(*Reply)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.edits[e] = edit
}

// ServeHTTP serves the endpoints.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secured(r, s.URL)
	c := &call{Request: r, at: Endpoint(r.URL.Path)}
	handler, ok := s.handlers[c.at]
	if !ok {
		http.NotFound(w, r)
		return
	}
	c.form = read(r)
	s.note(c)
	if s.spoil(w, c) {
		return
	}
	s.send(w, c, handler(c))
}

// strayed is the other host.
func (s *Server) strayed(w http.ResponseWriter, r *http.Request) {
	s.note(&call{Request: r, at: Elsewhere, form: read(r)})
	w.WriteHeader(http.StatusNoContent)
}

// read gives the parameters of the query and of a form in the body. The body stays
// readable.
func read(r *http.Request) url.Values {
	if r.Body == nil {
		r.Body = http.NoBody // a request that no server made
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxForm))
	form := r.URL.Query()
	if posted, bad := url.ParseQuery(string(body)); err == nil && bad == nil {
		for name, values := range posted {
			form[name] = append(form[name], values...)
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return form
}

func (s *Server) note(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count[c.at]++
	s.last[c.at] = Request{c.Method, c.Header.Clone(), maps.Clone(c.form)}
}

// send edits and sends a reply.
func (s *Server) send(w http.ResponseWriter, c *call, reply *Reply) {
	if s.due(DuplicateMembers, c.at) {
		reply.Body = doubled(reply.Body)
	}
	if edit := s.edit(c.at, reply); edit != nil {
		edit(reply)
	}
	reply.finish(c.Request)
	maps.Copy(w.Header(), reply.Header)
	if s.due(CutShort, c.at) {
		w.Header().Set("Content-Length", strconv.Itoa(len(reply.Body)))
		reply.Body = reply.Body[:len(reply.Body)/2]
	}
	w.WriteHeader(reply.Status)
	_, _ = w.Write(reply.Body) // the caller may be gone
}

// edit finds the edit of a reply; nil for none.
func (s *Server) edit(at Endpoint, reply *Reply) func(*Reply) {
	if slices.Contains([]Endpoint{Authorize, loginPage, consentPage}, at) {
		if at = Authorize; reply.back == "" {
			return nil // a page
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.edits[at]
}

// finish makes the answer of an authorization, as a redirect or as a form.
func (r *Reply) finish(request *http.Request) {
	if r.back == "" {
		return
	}
	if r.form {
		page := show(http.StatusOK, "form_post", map[string]any{"To": r.back, "Params": r.Params})
		r.Status, r.Body = page.Status, page.Body
		maps.Copy(r.Header, page.Header)
		return
	}
	r.Status = http.StatusFound
	if request.Method == http.MethodPost {
		r.Status = http.StatusSeeOther
	}
	r.Header.Set("Location", authserver.WithQuery(r.back, r.Params))
}

func text(status int, body string) *Reply {
	return &Reply{Status: status, Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}}, Body: []byte(body)}
}

func reply(status int, body any) *Reply {
	data, err := json.Marshal(body)
	if err != nil {
		return text(http.StatusInternalServerError, err.Error())
	}
	return &Reply{Status: status, Header: http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}}, Body: data}
}

// twice gives each parameter a second value.
func twice(params url.Values) {
	for name := range params {
		params[name] = slices.Concat(params[name], []string{"duplicate"})
	}
}
