package gothprovider_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/testapp"
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
type app struct{ *testapp.App }

func newApp(t *testing.T, changes ...func(*passport.Config)) *app {
	t.Helper()
	return &app{testapp.New(t, changes...)}
}

// connect registers a strategy and its route.
func (p *app) connect(name string, s passport.Strategy, opts ...passport.Option) {
	p.Auth.Use(name, s)
	p.Mux.Handle("/connect/"+name, p.Auth.Authorize(name, opts...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := passport.AccountFrom[*account](r.Context())
		fmt.Fprintf(w, "connected %t %+v", ok, *a)
	})))
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
