package gothprovider_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/gothprovider"
)

// These helpers are the three parties of every test here: a service with accounts, an
// application that connects them, and a browser in between.

// service is an OAuth 2 service in GitHub's shape, with PKCE required.
type service struct {
	*httptest.Server
	mu         sync.Mutex
	challenges map[string]string // by code
	hits       map[string]int    // by path
	form       url.Values        // of the last token request
	token      http.HandlerFunc  // nil: a good reply
	user       http.HandlerFunc
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{challenges: map[string]string{}, hits: map[string]int{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.hits[r.URL.Path]++
	token, user := s.token, s.user
	s.mu.Unlock()
	switch {
	case r.URL.Path == "/token" && token != nil:
		token(w, r)
	case r.URL.Path == "/token":
		s.exchange(w, r)
	case r.URL.Path == "/user" && user != nil:
		user(w, r)
	case r.URL.Path == "/user":
		io.WriteString(w, `{"id":42,"login":"octocat","name":"Octo Cat"}`)
	default:
		http.NotFound(w, r)
	}
}

// exchange is a good token endpoint. It speaks form, as GitHub does.
func (s *service) exchange(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.form = r.PostForm
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded")
	if want := s.challenges[r.PostForm.Get("code")]; want == "" || want != base64.RawURLEncoding.EncodeToString(sum[:]) {
		io.WriteString(w, "error=invalid_grant&error_description=CANARY")
		return
	}
	io.WriteString(w, "access_token=CANARY-TOKEN&token_type=bearer")
}

// allow is the person's yes: it gives a code for what the application asked for.
func (s *service) allow(t *testing.T, location string) (answer string) {
	t.Helper()
	query := parse(t, location).Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	code := fmt.Sprintf("CANARY-CODE-%d", len(s.challenges))
	s.challenges[code] = query.Get("code_challenge")
	return url.Values{"code": {code}, "state": query["state"]}.Encode()
}

func (s *service) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits[path]
}

func (s *service) github() *github.Provider {
	return github.NewCustomisedURL("id", "CANARY-SECRET", "https://app.example/callback", s.URL+"/authorize", s.URL+"/token", s.URL+"/user", s.URL+"/emails")
}

// account is what the application makes of a goth.User.
type account struct{ ID, Login string }

func keep(_ *http.Request, u goth.User) (*account, error) { return &account{u.UserID, u.NickName}, nil }

// app is an application that connects accounts: /connect/NAME begins and ends.
type app struct {
	t      *testing.T
	auth   *passport.Registry
	mux    *http.ServeMux
	mu     sync.Mutex
	errors []*passport.Error
	events []passport.Event
}

func newApp(t *testing.T, opts ...func(*passport.Config)) *app {
	t.Helper()
	p := &app{t: t, mux: http.NewServeMux()}
	key := sha256.Sum256([]byte(t.Name()))
	observe := func(_ context.Context, e passport.Event) {
		p.mu.Lock()
		p.events = append(p.events, e)
		p.mu.Unlock()
	}
	config := passport.Config{Keys: [][]byte{key[:]}, Observe: observe, OnError: func(w http.ResponseWriter, _ *http.Request, err error) {
		var e *passport.Error
		errors.As(err, &e)
		p.mu.Lock()
		p.errors = append(p.errors, e)
		p.mu.Unlock()
		w.WriteHeader(e.Status)
		fmt.Fprintf(w, "%s: %s", e.Code, e.Message)
	}}
	for _, opt := range opts {
		opt(&config)
	}
	p.auth = passport.New(config)
	return p
}

// connect registers a strategy and its route.
func (p *app) connect(name string, s passport.Strategy, opts ...passport.Option) {
	p.auth.Use(name, s)
	p.mux.Handle("/connect/"+name, p.auth.Authorize(name, opts...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := passport.AccountFrom[*account](r.Context())
		fmt.Fprintf(w, "connected %t %+v", ok, *a)
	})))
}

// browser is one person's.
type browser struct {
	app     *app
	cookies map[string]*http.Cookie
	ctx     context.Context // of the requests; nil: none that ends
}

func (p *app) browser() *browser { return &browser{app: p, cookies: map[string]*http.Cookie{}} }

func (b *browser) send(r *http.Request) *httptest.ResponseRecorder {
	if b.ctx != nil {
		r = r.WithContext(b.ctx)
	}
	for _, c := range b.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	b.app.mux.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c
	}
	return w
}

func (b *browser) get(path, site string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	for name, value := range map[string]string{"Mode": "navigate", "Dest": "document", "Site": site} {
		r.Header.Set("Sec-Fetch-"+name, value)
	}
	return b.send(r)
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

// end comes back from the provider.
func (b *browser) end(name, answer string) *httptest.ResponseRecorder {
	return b.get("/connect/"+name+"?"+answer, "cross-site")
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

// want checks an answer: the code of the error, or "" for a connected account.
func (p *app) want(what string, w *httptest.ResponseRecorder, code passport.Code, status int) {
	p.t.Helper()
	text := w.Body.String()
	switch {
	case code == "" && (w.Code != 200 || !strings.HasPrefix(text, "connected true")):
		p.t.Errorf("%s: %d %s, %v; want an account", what, w.Code, text, p.last())
	case code != "" && (w.Code != status || !strings.HasPrefix(text, string(code)+":")):
		p.t.Errorf("%s: %d %s, %v; want %d %s", what, w.Code, text, p.last(), status, code)
	}
	p.secretless(what, w)
}

// secretless looks for what must be in no error, no event and no answer.
func (p *app) secretless(what string, w *httptest.ResponseRecorder, secrets ...string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	text := fmt.Sprint(w.Header(), w.Body)
	for _, e := range p.errors {
		text += fmt.Sprintf("%v %+v %#v %s", e, e, e, e.Message)
	}
	for _, e := range p.events {
		text += fmt.Sprintf("%v %+v %#v", e, e, e)
	}
	for _, secret := range append(secrets, "CANARY") {
		if secret != "" && strings.Contains(text, secret) {
			p.t.Errorf("%s: the secret %s is shown: %s", what, secret, text)
		}
	}
}

func parse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// githubApp is an application with the strategy "github".
func githubApp(t *testing.T, opts ...gothprovider.Option) (*app, *service) {
	t.Helper()
	p, s := newApp(t), newService(t)
	p.connect("github", gothprovider.New(s.github(), keep, opts...))
	return p, s
}
