package passport_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gopassport/passport"
)

// user is who logs in, account what is connected.
type (
	user    struct{ id string }
	account struct{ id string }
)

func (u *user) String() string    { return u.id }
func (a *account) String() string { return a.id }

func newKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return key
}

// people is the table of users. Tests make some of them go, or the whole table fail.
type people struct {
	mu   sync.Mutex
	gone map[string]bool
	down error
}

func (p *people) remove(id string) { p.mu.Lock(); p.gone[id] = true; p.mu.Unlock() }
func (p *people) fail(err error)   { p.mu.Lock(); p.down = err; p.mu.Unlock() }

func (p *people) load(_ context.Context, id string) (*user, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.down != nil:
		return nil, p.down
	case p.gone[id]:
		return nil, passport.ErrNoUser
	}
	return &user{id}, nil
}

func (p *people) store() passport.Users[*user] {
	return passport.Users[*user]{Key: func(u *user) string { return u.id }, Load: p.load}
}

// events keeps what Observe heard.
type events struct {
	mu  sync.Mutex
	all []passport.Event
}

func (e *events) add(_ context.Context, event passport.Event) {
	e.mu.Lock()
	e.all = append(e.all, event)
	e.mu.Unlock()
}

func (e *events) last() passport.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.all) == 0 {
		return passport.Event{}
	}
	return e.all[len(e.all)-1]
}

// option changes the configuration of a test.
type option = func(*passport.Config)

// newRegistry has one key, users of type *user (everybody exists) and no strategies.
func newRegistry(t *testing.T, opts ...option) *passport.Registry {
	t.Helper()
	config := passport.Config{
		Keys:    [][]byte{newKey()},
		Users:   (&people{gone: map[string]bool{}}).store(),
		Observe: func(context.Context, passport.Event) {},
	}
	for _, opt := range opts {
		opt(&config)
	}
	return passport.New(config)
}

// provider is a strategy whose flows lead through https://provider.example. The code
// that comes back is the id of who said yes there.
type provider struct {
	value func(id string) any     // what a code is exchanged for
	data  string                  // what the flow keeps
	state func() string           // nil: random
	setup func(*passport.Attempt) // before anything else
	hits  atomic.Int64            // codes exchanged: calls that a real strategy would make
}

func anAccount(id string) any { return &account{id} }
func aUser(id string) any     { return &user{id} }

func (p *provider) Authenticate(r *http.Request, a *passport.Attempt) (passport.Result, error) {
	if p.setup != nil {
		p.setup(a)
	}
	q := r.URL.Query()
	if r.Method == http.MethodPost {
		if err := r.ParseForm(); err != nil {
			return nil, &passport.Error{Code: passport.CodeCallback, Status: http.StatusBadRequest}
		}
		q = r.PostForm
	}
	if !q.Has("code") && !q.Has("error") {
		return p.begin(a)
	}
	var data string
	if err := a.Take(q.Get("state"), &data); err != nil {
		return nil, err
	}
	if data != p.data {
		return nil, fmt.Errorf("the flow kept %d bytes, not %d", len(data), len(p.data))
	}
	if q.Has("error") {
		return nil, &passport.Error{Code: passport.CodeDenied, Status: http.StatusForbidden, Message: "You said no."}
	}
	p.hits.Add(1)
	return passport.Success{Value: p.value(q.Get("code"))}, nil
}

func (p *provider) begin(a *passport.Attempt) (passport.Result, error) {
	state := rand.Text() + rand.Text()
	if p.state != nil {
		state = p.state()
	}
	if err := a.Save(state, p.data); err != nil {
		return nil, err
	}
	return passport.Redirect{URL: "https://provider.example/authorize?state=" + url.QueryEscape(state)}, nil
}

// password is a strategy like a log-in form: user=…&password=sesame.
func password(r *http.Request, _ *passport.Attempt) (passport.Result, error) {
	if r.PostFormValue("password") != "sesame" {
		return passport.Failure{Message: "Wrong user or password."}, nil
	}
	return passport.Success{Value: &user{r.PostFormValue("user")}}, nil
}

// site is an application:
//
//	/login/{name}[/callback]    Authenticate
//	/connect/{name}[/callback]  Authorize
//	/as/{id}  /logout  /me      log in by hand, log out, show who is there
//
// for the strategies github and google (both uses), twitter (for logins), twitter-authz
// (for accounts) and password.
type site struct {
	*passport.Registry
	*people
	events
	mux       *http.ServeMux
	providers map[string]*provider
	ran       atomic.Int64 // calls of wrapped handlers
}

func newSite(t *testing.T, opts ...option) *site {
	t.Helper()
	s := &site{people: &people{gone: map[string]bool{}}, mux: http.NewServeMux(), providers: map[string]*provider{}}
	s.Registry = newRegistry(t, append([]option{func(c *passport.Config) { c.Users, c.Observe = s.store(), s.add }}, opts...)...)
	for name, value := range map[string]func(string) any{"github": aUser, "google": aUser, "twitter": aUser, "twitter-authz": anAccount} {
		s.providers[name] = &provider{value: value, data: "verifier of " + name}
		s.Use(name, s.providers[name])
	}
	s.Use("password", passport.StrategyFunc(password))
	s.mux.HandleFunc("/me", show)
	s.mux.HandleFunc("/as/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.by(w, s.Login(w, r, &user{r.PathValue("id")}))
	})
	s.mux.HandleFunc("/logout", func(w http.ResponseWriter, r *http.Request) { s.by(w, s.Logout(w, r)) })
	return s
}

func (s *site) by(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// login and connect mount both routes of a strategy.
func (s *site) login(name string, opts ...passport.Option) {
	s.mount("/login/"+name, s.Authenticate(name, opts...))
}

func (s *site) connect(name string, opts ...passport.Option) {
	s.mount("/connect/"+name, s.Authorize(name, opts...))
}

func (s *site) mount(path string, wrap func(http.Handler) http.Handler) {
	h := wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ran.Add(1)
		show(w, r)
	}))
	s.mux.Handle(path, h)
	s.mux.Handle(path+"/callback", h)
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.Session(s.mux).ServeHTTP(w, r) }

// hits counts the codes exchanged, at all providers.
func (s *site) hits() (n int64) {
	for _, p := range s.providers {
		n += p.hits.Load()
	}
	return n
}

// show says what the handler sees: "user alice, account 42", "-" for nothing.
func show(w http.ResponseWriter, r *http.Request) {
	who, what := "-", "-"
	if u, ok := passport.UserFrom[*user](r.Context()); ok {
		who = u.id
	}
	if a, ok := passport.AccountFrom[fmt.Stringer](r.Context()); ok {
		what = a.String()
	}
	_, _ = fmt.Fprintf(w, "user %s, account %s", who, what)
}

// browser is one person's browser at https://app.example. It keeps cookies until they
// are removed, longer than a real one would, and follows no redirects.
type browser struct {
	t       *testing.T
	handler http.Handler
	jar     []*http.Cookie // in the order of their making
}

func newBrowser(t *testing.T, h http.Handler) *browser { return &browser{t: t, handler: h} }

// with changes a request before it is sent.
type with = func(*http.Request)

// header replaces a header; without values it removes it.
func header(name string, values ...string) with {
	return func(r *http.Request) {
		delete(r.Header, http.CanonicalHeaderKey(name))
		if len(values) > 0 {
			r.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
}

// from says which site's page the request comes from: same-origin (which it is by
// default), same-site, cross-site or none.
func from(site string) with { return header("Sec-Fetch-Site", site) }

// plain is a browser without Fetch Metadata.
func plain(r *http.Request) {
	for _, name := range []string{"Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"} {
		r.Header.Del(name)
	}
}

// fetch is a script's request.
func fetch(r *http.Request) {
	r.Header.Set("Sec-Fetch-Mode", "cors")
	r.Header.Set("Sec-Fetch-Dest", "empty")
	r.Header.Set("Accept", "*/*")
}

func method(m string) with { return func(r *http.Request) { r.Method = m } }

func (b *browser) get(path string, opts ...with) *reply {
	return b.send(http.MethodGet, path, nil, opts)
}

func (b *browser) post(path string, form url.Values, opts ...with) *reply {
	return b.send(http.MethodPost, path, form, opts)
}

func (b *browser) send(verb, path string, form url.Values, opts []with) *reply {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r := httptest.NewRequest(verb, path, body)
	r.Host, r.TLS = "app.example", &tls.ConnectionState{}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, opt := range opts {
		opt(r)
	}
	b.addCookies(r)
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	res := &reply{t: b.t, status: w.Code, header: w.Header(), location: w.Header().Get("Location"), body: w.Body.String(), cookies: w.Result().Cookies()}
	for _, c := range res.cookies {
		b.keep(c)
	}
	return res
}

// addCookies sends what SameSite lets through: across sites, Lax cookies come only
// along with a GET of a page.
func (b *browser) addCookies(r *http.Request) {
	site := r.Header.Get("Sec-Fetch-Site")
	page := r.Method == http.MethodGet && (r.Header.Get("Sec-Fetch-Dest") == "document" || r.Header.Get("Sec-Fetch-Dest") == "")
	for _, c := range b.jar {
		if site != "cross-site" || c.SameSite == http.SameSiteNoneMode || page && c.SameSite != http.SameSiteStrictMode {
			r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
	}
}

// keep puts a cookie into the jar, or takes it out.
func (b *browser) keep(c *http.Cookie) {
	kept := b.jar[:0:0]
	for _, old := range b.jar {
		if old.Name != c.Name {
			kept = append(kept, old)
		}
	}
	if c.MaxAge >= 0 && (c.Expires.IsZero() || c.Expires.After(time.Now())) {
		kept = append(kept, c)
	}
	b.jar = kept
}

// cookie is the value of the cookie whose name contains part; "" where there is none.
func (b *browser) cookie(part string) string {
	for _, c := range b.jar {
		if strings.Contains(c.Name, part) {
			return c.Value
		}
	}
	return ""
}

// flows are the cookies of pending flows, the oldest first: those that last ten minutes.
func (b *browser) flows() (all []*http.Cookie) {
	for _, c := range b.jar {
		if c.MaxAge == 600 {
			all = append(all, c)
		}
	}
	return all
}

// as logs somebody in by hand.
func (b *browser) as(id string) *browser {
	b.t.Helper()
	b.get("/as/"+id).wants(http.StatusOK, "")
	return b
}

// begin starts a flow and gives its state.
func (b *browser) begin(path string, opts ...with) (state string) {
	b.t.Helper()
	return b.get(path, opts...).state()
}

// back comes back from the provider, where id said yes.
func (b *browser) back(path, state, id string, opts ...with) *reply {
	b.t.Helper()
	q := url.Values{"state": {state}, "code": {id}}
	return b.get(path+"/callback?"+q.Encode(), append([]with{from("cross-site")}, opts...)...)
}

// reply is an answer of the handler.
type reply struct {
	t        *testing.T
	status   int
	header   http.Header
	location string
	body     string
	cookies  []*http.Cookie
}

// state is the state of the flow that this answer begins.
func (r *reply) state() string {
	r.t.Helper()
	address := r.location
	if address == "" {
		var answer struct{ Redirect string }
		_ = json.Unmarshal([]byte(r.body), &answer)
		address = answer.Redirect
	}
	u, err := url.Parse(address)
	if err != nil || u.Host != "provider.example" || u.Query().Get("state") == "" {
		r.t.Fatalf("no flow began: %d %q %q", r.status, r.location, r.body)
	}
	return u.Query().Get("state")
}

// wants is the status and the body.
func (r *reply) wants(status int, body string) *reply {
	r.t.Helper()
	if r.status != status || r.body != body {
		r.t.Fatalf("got %d %q (Location %q), want %d %q", r.status, r.body, r.location, status, body)
	}
	return r
}

// refused is the status and the code of a refusal or fault, as the default answer has them.
func (r *reply) refused(status int, code passport.Code) *reply {
	r.t.Helper()
	if r.status != status || r.code() != code || r.location != "" {
		r.t.Fatalf("got %d %q (Location %q), want %d %s", r.status, r.body, r.location, status, code)
	}
	return r
}

func (r *reply) code() passport.Code {
	var problem struct{ Code passport.Code }
	if json.Unmarshal([]byte(r.body), &problem) == nil {
		return problem.Code
	}
	_, rest, _ := strings.Cut(r.body, "<small>")
	code, _, _ := strings.Cut(rest, "</small>")
	return passport.Code(code)
}

// equal is the one comparison that tests need.
func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
