package oauth2_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/testapp"
	"github.com/gopassport/passport/strategies/oauth2"
)

// These helpers are the three parties of every test here: a service with accounts, an
// application that connects them, and a browser in between. What holds CANARY is a secret.

const (
	clientID    = "client id" // a space and a colon below: RFC 6749, 2.3.1 has them encoded
	secret      = "CANARY:secret %"
	redirectURL = "https://app.example/connect/forge"
	issuer      = "https://forge.example"
)

// service is an OAuth 2 service. PKCE, the redirect URL and the client's secret are checked.
type service struct {
	*httptest.Server
	t        *testing.T
	mu       sync.Mutex
	codes    map[string]url.Values // what was asked for, by code; each is good once
	pushed   map[string]url.Values // by request_uri
	hits     map[string]int        // by path
	form     url.Values            // of the last POST
	header   http.Header           // of the last request
	handlers map[string]http.HandlerFunc
	auth     oauth2.Auth
	refresh  func() string // more members of the reply to a refresh
	tokens   int
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{t: t, codes: map[string]url.Values{}, pushed: map[string]url.Values{}, hits: map[string]int{}, auth: oauth2.SecretBasic}
	s.handlers = map[string]http.HandlerFunc{"/token": s.token, "/me": s.me, "/par": s.par}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.hits[r.URL.Path]++
	s.header = r.Header
	h := s.handlers[r.URL.Path]
	s.mu.Unlock()
	if h == nil {
		http.NotFound(w, r)
		return
	}
	h(w, r)
}

// on answers an address in another way from now on.
func (s *service) on(path string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers[path] = h
}

// says is a handler that always answers the same.
func says(status int, media, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", media)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

const jsonType = "application/json"

func (s *service) posted(r *http.Request) (form url.Values, known bool) {
	r.ParseForm()
	s.form = r.PostForm
	id, password, basic := r.BasicAuth()
	switch s.auth {
	case oauth2.SecretBasic:
		return r.PostForm, basic && id == url.QueryEscape(clientID) && password == url.QueryEscape(secret) && !r.PostForm.Has("client_secret")
	case oauth2.SecretPost:
		return r.PostForm, !basic && r.PostForm.Get("client_id") == clientID && r.PostForm.Get("client_secret") == secret
	case oauth2.PublicClient:
		return r.PostForm, !basic && r.PostForm.Get("client_id") == clientID && !r.PostForm.Has("client_secret")
	}
	return r.PostForm, !basic && r.PostForm.Get("client_id") == clientID && !r.PostForm.Has("client_secret") && r.PostForm.Get("client_assertion") != ""
}

func refuse(w http.ResponseWriter, code string) {
	says(http.StatusBadRequest, jsonType, fmt.Sprintf(`{"error":%q,"error_description":"CANARY description"}`, code))(w, nil)
}

// token is a good token endpoint.
func (s *service) token(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	form, known := s.posted(r)
	asked := s.codes[form.Get("code")]
	delete(s.codes, form.Get("code"))
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	s.tokens++
	more := ""
	switch {
	case !known:
		refuse(w, "invalid_client")
		return
	case form.Get("grant_type") == "refresh_token" && strings.HasPrefix(form.Get("refresh_token"), "CANARY-REFRESH"):
		if s.refresh != nil {
			more = s.refresh()
		}
	case form.Get("grant_type") != "authorization_code" || asked == nil || form.Get("redirect_uri") != asked.Get("redirect_uri") ||
		asked.Get("code_challenge_method") != "S256" || base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge"):
		refuse(w, "invalid_grant")
		return
	default:
		more = `,"refresh_token":"CANARY-REFRESH-0"`
	}
	says(http.StatusOK, jsonType, fmt.Sprintf(`{"access_token":"CANARY-TOKEN-%d","token_type":"bearer","expires_in":3600%s}`, s.tokens, more))(w, nil)
}

func (s *service) me(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer CANARY-TOKEN-") {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	says(http.StatusOK, jsonType, `{"id":9007199254740993,"login":"octocat","data":{"id":"u-1"}}`)(w, r)
}

// par takes pushed requests.
func (s *service) par(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	form, known := s.posted(r)
	if !known {
		refuse(w, "invalid_client")
		return
	}
	uri := fmt.Sprintf("urn:ietf:params:oauth:request_uri:%d", len(s.pushed))
	s.pushed[uri] = form
	says(http.StatusCreated, jsonType, fmt.Sprintf(`{"request_uri":%q,"expires_in":60}`, uri))(w, r)
}

// allow is the person's yes: it gives the answer to what the application asked for.
func (s *service) allow(location string) (answer string) {
	s.t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		s.t.Fatal(err)
	}
	query := u.Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	if uri := query.Get("request_uri"); uri != "" {
		query = s.pushed[uri]
		delete(s.pushed, uri)
	}
	code := fmt.Sprintf("CANARY-CODE-%d", s.hits["allow"])
	s.hits["allow"]++
	s.codes[code] = query
	return url.Values{"code": {code}, "state": query["state"]}.Encode()
}

func (s *service) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits[path]
}

// configFor is config for another registration: answers come to an address of its own.
func (s *service) configFor(name string) oauth2.Config {
	c := s.config()
	c.RedirectURL += "/" + name
	return c
}

// config is how the application knows the service.
func (s *service) config() oauth2.Config {
	return oauth2.Config{ClientID: clientID, ClientSecret: secret, Auth: oauth2.SecretBasic, RedirectURL: redirectURL, Scopes: []string{"read"},
		AuthorizationURL: s.URL + "/authorize", TokenURL: s.URL + "/token", Profile: oauth2.JSONProfile(s.URL+"/me", "id")}
}

// account is what the application makes of a grant.
type account struct {
	ID    string
	Grant oauth2.Grant
}

func keep(_ *http.Request, g oauth2.Grant) (*account, error) { return &account{g.Subject, g}, nil }

// app is an application that connects accounts: /connect/NAME begins and ends.
type app struct {
	*testapp.App
	mu     sync.Mutex
	linked *account // the last that was connected
}

func newApp(t *testing.T, changes ...func(*passport.Config)) *app {
	t.Helper()
	users := func(c *passport.Config) {
		c.Users = passport.Users[string]{Key: func(u string) string { return u }, Load: func(_ context.Context, key string) (string, error) { return key, nil }}
	}
	return &app{App: testapp.New(t, append([]func(*passport.Config){users}, changes...)...)}
}

// connect registers a strategy and its route.
func (p *app) connect(name string, s passport.Strategy, opts ...passport.Option) {
	p.Auth.Use(name, s)
	p.Mux.Handle("/connect/"+name, p.Auth.Authorize(name, opts...)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := passport.AccountFrom[*account](r.Context())
		p.mu.Lock()
		p.linked = a
		p.mu.Unlock()
		fmt.Fprintf(w, "connected %t %v", ok, a.ID)
	})))
}

// query is what an address says.
func query(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// forge is an application with the strategy "forge", after changes to its config.
func forge(t *testing.T, opts []passport.Option, changes ...func(*oauth2.Config)) (*app, *service) {
	t.Helper()
	p, s := newApp(t), newService(t)
	config := s.config()
	for _, change := range changes {
		change(&config)
	}
	p.connect("forge", oauth2.New(config, keep), opts...)
	return p, s
}

// flow runs a whole flow with what the service answers.
func flow(p *app, s *service, more string) *httptest.ResponseRecorder {
	p.T.Helper()
	b := p.Browser()
	return b.End("/connect/forge", s.allow(b.Begin("/connect/forge"))+more)
}

// panics gives the text of a panic.
func panics(t *testing.T, f func()) (text string) {
	t.Helper()
	defer func() {
		v := recover()
		if v == nil {
			t.Error("no panic")
		}
		text, _ = v.(string)
	}()
	f()
	return ""
}

// sorted gives the names of a query.
func sorted(values url.Values) []string {
	var names []string
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
