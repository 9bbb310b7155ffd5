package oauth1_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/oauth1"
)

// account is what the application makes of a Grant.
type account struct{ ID, Name string }

func keep(_ *http.Request, g oauth1.Grant) (*account, error) {
	return &account{g.Subject, g.Reply.Get("screen_name")}, nil
}

// app is an application: /connect/NAME connects an account, /login/NAME logs in.
type app struct {
	t      testing.TB
	auth   *passport.Registry
	mux    *http.ServeMux
	mu     sync.Mutex
	errors []*passport.Error
	events []passport.Event
}

func newApp(tb testing.TB) *app {
	tb.Helper()
	p := &app{t: tb, mux: http.NewServeMux()}
	key := sha256.Sum256([]byte(tb.Name()))
	p.auth = passport.New(passport.Config{
		Keys:    [][]byte{key[:]},
		Users:   passport.Users[*account]{Key: func(a *account) string { return a.ID }, Load: func(_ context.Context, id string) (*account, error) { return &account{ID: id}, nil }},
		Observe: func(_ context.Context, e passport.Event) { p.mu.Lock(); p.events = append(p.events, e); p.mu.Unlock() },
		OnError: p.refuse,
	})
	p.mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		if err := p.auth.Logout(w, r); err != nil {
			tb.Error(err)
		}
	})
	p.mux.HandleFunc("POST /as/{id}", func(w http.ResponseWriter, r *http.Request) {
		if err := p.auth.Login(w, r, &account{ID: r.PathValue("id")}); err != nil {
			tb.Error(err)
		}
	})
	return p
}

func (p *app) refuse(w http.ResponseWriter, _ *http.Request, err error) {
	var e *passport.Error
	if !errors.As(err, &e) {
		p.t.Errorf("an error of type %T", err)
		return
	}
	p.mu.Lock()
	p.errors = append(p.errors, e)
	p.mu.Unlock()
	w.WriteHeader(e.Status)
	fmt.Fprintf(w, "%s: %s", e.Code, e.Message)
}

// connect registers a strategy and its route.
func (p *app) connect(name string, s passport.Strategy, opts ...passport.Option) {
	p.auth.Use(name, s)
	p.mux.Handle("/connect/"+name, p.auth.Authorize(name, opts...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := passport.AccountFrom[*account](r.Context())
		fmt.Fprintf(w, "connected %t %+v", ok, *a)
	})))
}

// login registers a strategy and its route.
func (p *app) login(name string, s passport.Strategy, opts ...passport.Option) {
	p.auth.Use(name, s)
	p.mux.Handle("/login/"+name, p.auth.Authenticate(name, opts...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := passport.UserFrom[*account](r.Context())
		fmt.Fprintf(w, "connected %t %+v", ok, *a)
	})))
}

// browser is one person's.
type browser struct {
	app     *app
	cookies map[string]*http.Cookie
}

func (p *app) browser() *browser { return &browser{p, map[string]*http.Cookie{}} }

func (b *browser) send(r *http.Request) *httptest.ResponseRecorder {
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	b.app.auth.Session(b.app.mux).ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		b.cookies[c.Name] = c
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return w
}

func request(ctx context.Context, path, site string) *http.Request {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "https://app.example"+path, nil)
	for name, value := range map[string]string{"Mode": "navigate", "Dest": "document", "Site": site} {
		r.Header.Set("Sec-Fetch-"+name, value)
	}
	return r
}

// get follows a link of the site.
func (b *browser) get(path, site string) *httptest.ResponseRecorder {
	return b.send(request(b.app.t.Context(), path, site))
}

// post sends a form of the application's own.
func (b *browser) post(path string) {
	r := request(b.app.t.Context(), path, "same-origin")
	r.Method = http.MethodPost
	if w := b.send(r); w.Code != http.StatusOK {
		b.app.t.Fatalf("POST %s: %d", path, w.Code)
	}
}

// begin follows the application's own link, and gives the address it leads to.
func (b *browser) begin(path string) (location string) {
	b.app.t.Helper()
	w := b.get(path, "same-origin")
	if w.Code != http.StatusFound {
		b.app.t.Fatalf("GET %s: %d %s %v", path, w.Code, w.Body, b.app.last())
	}
	return w.Header().Get("Location")
}

// end comes back from the service.
func (b *browser) end(path, answer string) *httptest.ResponseRecorder {
	return b.get(path+"?"+answer, "cross-site")
}

// last is the last error that the application heard of.
func (p *app) last() *passport.Error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.errors) == 0 {
		return nil
	}
	return p.errors[len(p.errors)-1]
}

// want checks an answer: the code of the error, or "" for an account.
func (p *app) want(what string, w *httptest.ResponseRecorder, code passport.Code, status int) {
	p.t.Helper()
	text := w.Body.String()
	switch {
	case code == "" && (w.Code != http.StatusOK || !strings.HasPrefix(text, "connected true")):
		p.t.Errorf("%s: %d %s, %v; want an account", what, w.Code, text, p.last())
	case code != "" && (w.Code != status || !strings.HasPrefix(text, string(code)+":")):
		p.t.Errorf("%s: %d %s, %v; want %d %s", what, w.Code, text, p.last(), status, code)
	}
	p.secretless(what, w)
}

// secretless looks for what must be in no answer, no error and no event. The request
// token is in the address that the person is sent to, and nowhere else.
func (p *app) secretless(what string, w *httptest.ResponseRecorder) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	header := w.Header().Clone()
	if w.Code == http.StatusFound {
		header.Del("Location")
	}
	text := fmt.Sprint(header, w.Body)
	for _, e := range p.errors {
		text += fmt.Sprintf("%v %+v %#v %s", e, e, e, e.Message)
		for err := error(e); err != nil; err = errors.Unwrap(err) {
			text += err.Error()
		}
	}
	events, err := json.Marshal(p.events)
	if err != nil {
		p.t.Error(err)
	}
	if text += string(events) + fmt.Sprintf("%+v %#v", p.events, p.events); strings.Contains(text, "CANARY") {
		p.t.Errorf("%s: a secret is shown: %s", what, text)
	}
}

// world is an application with the strategy "op", and its service.
func world(t *testing.T, change ...func(*oauth1.Config)) (*app, *service) {
	t.Helper()
	p, s := newApp(t), newService(t)
	c := s.config()
	for _, f := range change {
		f(&c)
	}
	p.connect("op", oauth1.New(c, keep))
	return p, s
}

// through runs a whole flow and gives its last answer.
func (p *app) through(s *service, path string) *httptest.ResponseRecorder {
	p.t.Helper()
	b := p.browser()
	w := b.get(path, "same-origin")
	if w.Code == http.StatusFound {
		p.secretless("the beginning", w)
		w = b.end(path, s.allow(p.t, w.Header().Get("Location")))
	}
	return w
}
