package hostile_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/hostile"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/strategies/basic"
	"github.com/gopassport/passport/strategies/bearer"
	"github.com/gopassport/passport/strategies/local"
	"github.com/gopassport/passport/strategies/oauth1"
	"github.com/gopassport/passport/strategies/oauth2"
	"github.com/gopassport/passport/strategies/oidc"
)

// The parties: an application, its providers, and people with browsers.
const (
	app    = "https://app.test"
	issuer = "https://op.test"
	evil   = "https://evil.test"
)

type user struct{ id string }

// account is what is connected: provider, issuer and subject.
type account struct {
	key   string
	who   *oidc.Identity // by OpenID Connect
	email string
}

// world is an application with all that the corpus asks for:
//
//	/auth/{github,op,tw}[/callback]          Authenticate
//	/connect/{github,op,tw,apple}[/callback] Authorize
//	/login  /logout  /me  /protected  /api  /basic
type world struct {
	t      *testing.T
	auth   *passport.Registry
	app    http.Handler
	config passport.Config
	op     *passporttest.Provider
	tw     *passporttest.OAuth1Provider
	route  string // where macros begin their flows
	people map[string]*passporttest.Browser
	flows  map[string]flow
	net    *network

	mu     sync.Mutex
	ran    int // calls of wrapped handlers
	last   *passport.Error
	seen   *account
	user   string
	gone   map[string]bool // users who were removed
	events []passport.Event
}

// setup changes a world before it is made.
type setup struct {
	op        passporttest.ProviderConfig
	configure func(*passport.Config)
	oidc      func(*oidc.Config)
	timeout   time.Duration
	announces bool // the provider says that it names itself in answers
}

func newWorld(t *testing.T, s setup) *world {
	t.Helper()
	if s.op.Algorithm == "" {
		s.op.Algorithm = "ES256"
	}
	w := &world{t: t, route: "/connect/op", people: map[string]*passporttest.Browser{}, flows: map[string]flow{}, gone: map[string]bool{}}
	w.op, w.tw = passporttest.NewProvider(t, s.op), passporttest.NewOAuth1Provider(t, passporttest.OAuth1Config{})
	w.net = &network{to: map[string]string{"op.test": w.op.URL}}
	w.op.URL = issuer
	if !s.announces { // the corpus comes back without iss
		w.op.EditResponse(passporttest.Discovery, func(r *passporttest.Reply) {
			r.Body = bytes.Replace(r.Body, []byte(`"authorization_response_iss_parameter_supported":true`), []byte(`"x":0`), 1)
		})
	}
	w.config = passport.Config{
		Keys: [][]byte{newKey()}, Origins: []string{app}, Observe: w.observe,
		Users: passport.Users[*user]{Key: func(u *user) string { return u.id }, Load: w.load},
	}
	if s.configure != nil {
		s.configure(&w.config)
	}
	w.auth = passport.New(w.config)
	w.strategies(s)
	w.app = w.auth.Session(w.routes())
	return w
}

func newKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return key
}

func (w *world) load(_ context.Context, id string) (*user, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gone[id] {
		return nil, passport.ErrNoUser
	}
	return &user{id}, nil
}

func (w *world) observe(_ context.Context, e passport.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
	if errors.As(e.Err, &w.last) {
		w.t.Log(w.last) // go test -v shows why each entry is refused
	}
}

func (w *world) strategies(s setup) {
	if s.timeout == 0 {
		s.timeout = 10 * time.Second
	}
	for _, c := range []struct {
		name, path string
		post       bool
	}{{"op", "/auth/op", false}, {"op-link", "/connect/op", false}, {"apple", "/connect/apple", true}} {
		config := oidc.Config{
			Issuer: issuer, ClientID: w.op.ClientID, ClientSecret: w.op.ClientSecret, RedirectURL: app + c.path + "/callback",
			FormPost: c.post, Timeout: s.timeout, Client: &http.Client{Transport: w.net},
		}
		if s.oidc != nil {
			s.oidc(&config)
		}
		w.auth.Use(c.name, oidc.New(config, func(_ *http.Request, who oidc.Identity) (any, error) {
			return w.made(c.path, &account{key: who.Issuer + " " + who.Subject, who: &who, email: who.Email}), nil
		}))
	}
	for name, path := range map[string]string{"github": "/auth/github", "github-link": "/connect/github"} {
		w.auth.Use(name, oauth2.New(oauth2.Config{
			ClientID: w.op.ClientID, ClientSecret: w.op.ClientSecret, Auth: oauth2.SecretBasic, RedirectURL: app + path + "/callback",
			AuthorizationURL: issuer + "/authorize", TokenURL: issuer + "/token", Timeout: s.timeout, Client: &http.Client{Transport: w.net},
			Profile: oauth2.JSONProfile(issuer+"/userinfo", "id"),
		}, func(_ *http.Request, g oauth2.Grant) (any, error) {
			return w.made(path, &account{key: "github " + g.Subject}), nil
		}))
	}
	for name, path := range map[string]string{"tw": "/auth/tw", "tw-link": "/connect/tw"} {
		w.auth.Use(name, oauth1.New(oauth1.Config{
			ConsumerKey: w.tw.ConsumerKey, ConsumerSecret: w.tw.ConsumerSecret, CallbackURL: app + path + "/callback", Timeout: s.timeout,
			Endpoint: oauth1.Endpoint{RequestURL: w.tw.At(passporttest.RequestToken), AuthorizeURL: w.tw.At(passporttest.Authorize), AccessURL: w.tw.At(passporttest.AccessToken)},
			Profile:  oauth1.JSONProfile(w.tw.At(passporttest.Userinfo), "id_str"),
		}, func(_ *http.Request, g oauth1.Grant) (any, error) {
			return w.made(path, &account{key: "twitter " + g.Subject}), nil
		}))
	}
	w.auth.Use("password", local.New(func(_ *http.Request, name, password string) (*user, error) {
		if password != "sesame" {
			return nil, passport.Reject("")
		}
		return &user{name}, nil
	}))
	w.auth.Use("token", bearer.New(verifyToken, bearer.FormBody()))
	w.auth.Use("basic", basic.New("test", verifyBasic))
}

// made is the account, or the user of the same name where it is a login.
func (w *world) made(path string, a *account) any {
	w.mu.Lock()
	w.seen = a
	w.mu.Unlock()
	if strings.HasPrefix(path, "/auth/") {
		return &user{a.key}
	}
	return a
}

func verifyToken(_ *http.Request, token string) (*user, error) {
	switch token {
	case "good":
		return &user{"alice"}, nil
	case "fault":
		return nil, errors.New("db: password=hunter2")
	}
	return nil, nil
}

func verifyBasic(_ *http.Request, name, password string) (*user, error) {
	if name != "alice" || password != "secret" {
		return nil, passport.Reject("")
	}
	return &user{name}, nil
}

func (w *world) routes() http.Handler {
	mux := http.NewServeMux()
	handler := http.HandlerFunc(w.handle)
	for route, wrap := range map[string]func(http.Handler) http.Handler{
		"/auth/op": w.auth.Authenticate("op"), "/auth/github": w.auth.Authenticate("github"), "/auth/tw": w.auth.Authenticate("tw"),
		"/connect/op": w.auth.Authorize("op-link"), "/connect/github": w.auth.Authorize("github-link"), "/connect/tw": w.auth.Authorize("tw-link"), "/connect/apple": w.auth.Authorize("apple"),
	} {
		mux.Handle(route, wrap(handler))
		mux.Handle(route+"/callback", wrap(handler))
	}
	mux.Handle("/login", w.auth.Authenticate("password", passport.SuccessReturnToOrRedirect("/"))(handler))
	mux.HandleFunc("/logout", func(rw http.ResponseWriter, r *http.Request) {
		if err := w.auth.Logout(rw, r); err != nil {
			http.Error(rw, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.Handle("/me", handler)
	mux.Handle("/protected", w.auth.RequireUser("/login")(handler))
	mux.Handle("/api", w.auth.Authenticate("token", passport.NoSession())(handler))
	mux.Handle("/basic", w.auth.Authenticate("basic", passport.NoSession())(handler))
	return mux
}

// handle is every wrapped handler.
func (w *world) handle(rw http.ResponseWriter, r *http.Request) {
	u, _ := passport.UserFrom[*user](r.Context())
	a, _ := passport.AccountFrom[*account](r.Context())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ran++
	if u == nil {
		u = &user{"-"}
	}
	if a == nil {
		a = &account{key: "-"}
	}
	w.user = u.id
	fmt.Fprintf(rw, "user %s, account %s", u.id, a.key)
}

// network sends requests for the provider's name to where it is, and notes all hosts.
type network struct {
	to    map[string]string
	mu    sync.Mutex
	hosts []string
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	n.hosts = append(n.hosts, r.URL.Host)
	n.mu.Unlock()
	to, ok := n.to[r.URL.Host]
	if !ok {
		return nil, errors.New("no such host here")
	}
	there, err := url.Parse(to)
	if err != nil {
		return nil, err
	}
	sent := r.Clone(r.Context())
	sent.URL.Scheme, sent.URL.Host = there.Scheme, there.Host
	return http.DefaultTransport.RoundTrip(sent)
}

// others are the hosts that were asked beside the provider.
func (n *network) others() (all []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, host := range n.hosts {
		if host != "op.test" {
			all = append(all, host)
		}
	}
	return all
}

// person is somebody's browser, logged in but for "anon".
func (w *world) person(name string) *passporttest.Browser {
	if b := w.people[name]; b != nil {
		return b
	}
	b := passporttest.NewBrowser(w.t)
	b.Manual = true
	b.Serve(app, w.app)
	b.Serve(issuer, w.op)
	if name != "anon" {
		b.LogIn(w.auth, app+"/", &user{name})
	}
	w.people[name] = b
	return b
}

// flow is one that began, as far as the provider's answer.
type flow struct {
	callback string // the whole address
	answer   url.Values
}

// begin walks to the provider and says yes.
func (w *world) begin(who, route string) flow {
	w.t.Helper()
	page := w.person(who).Follow(app + route)
	if page.Location() == "" {
		w.t.Fatalf("%s begins no flow for %s: %d %s %v", route, who, page.Status, page.Body, w.last)
	}
	page = page.Next()
	if page.Location() == "" && strings.Contains(page.Body, "document.forms[0]") { // by form_post
		answer := url.Values{}
		for _, field := range regexp.MustCompile(`name="(\w+)" value="([^"]*)"`).FindAllStringSubmatch(page.Body, -1) {
			answer.Set(field[1], field[2])
		}
		return flow{app + route + "/callback", answer}
	}
	u, err := url.Parse(page.Location())
	if err != nil || !strings.HasPrefix(page.Location(), app+route) {
		w.t.Fatalf("%s leads to %q: %d %s", route, page.Location(), page.Status, page.Body)
	}
	return flow{page.Location(), u.Query()}
}

// flowOf is the flow of "alice", or of "alice@op-login", which begins when it is asked for first.
func (w *world) flowOf(name string) flow {
	if f, ok := w.flows[name]; ok {
		return f
	}
	who, route := name, w.route
	if before, strategy, ok := strings.Cut(name, "@"); ok {
		who, route = before, "/connect/"+strategy
		if login, ok := strings.CutSuffix(strategy, "-login"); ok {
			route = "/auth/" + login
		}
	}
	w.flows[name] = w.begin(who, route)
	return w.flows[name]
}

// cookies gives name=value pairs of a kind: login, flow; "" for all. Where flows are in a
// store, their cookies are bindings.
func (w *world) cookies(who, kind string) string {
	var all []string
	for _, c := range w.person(who).Cookies(app) {
		if strings.Contains(strings.Replace(c.Name, "-binding-", "-flow-", 1), "passport-"+kind) || kind == "login" && c.Name == "passporttest" {
			all = append(all, c.Name+"="+c.Value)
		}
	}
	return strings.Join(all, "; ")
}

// expand fills in the macros of a request.
func (w *world) expand(input string) string {
	if route := regexp.MustCompile(`/(?:auth|connect)/\w+`).FindString(input); route != "" {
		w.route = route
	}
	owner := "alice"
	if strings.Contains(input, "{{flow:anon}}") {
		owner = "anon"
	}
	return hostile.Expand(input, func(macro string) string { return w.macro(macro, owner) })
}

func (w *world) macro(macro, owner string) string {
	name, rest, _ := strings.Cut(macro, ":")
	switch name {
	case "state", "code", "iss":
		if rest != "" {
			owner = rest
		}
		return w.flowOf(owner).answer.Get(name)
	case "rt":
		if rest != "" {
			owner += "@" + rest
		}
		return w.flowOf(owner).answer.Get("oauth_token")
	case "session":
		return w.cookies(rest, "login")
	case "flow":
		w.flowOf(rest)
		return w.cookies(rest, "flow")
	}
	w.t.Fatalf("nobody knows the macro {{%s}}", macro)
	return ""
}

// answer is what came of a request.
type answer struct {
	status   int
	header   http.Header
	body     string
	location string
	ran      bool // the wrapped handler
}

// send serves a request, by a server's own reading of it: a head and a body with bare LFs.
func (w *world) send(head string) answer {
	w.t.Helper()
	r, err := read(head)
	if err != nil {
		return answer{status: http.StatusBadRequest} // the server refuses it
	}
	return w.serve(r)
}

func read(text string) (*http.Request, error) {
	head, body, _ := strings.Cut(text, "\n\n")
	if !strings.Contains(head, "\nAccept: ") { // which the corpus leaves out, and no browser does
		head = strings.TrimSuffix(head, "\n") + "\nAccept: text/html"
	}
	r, err := hostile.Request(head + "\n\n" + body)
	if err != nil {
		return nil, err
	}
	r.RemoteAddr = "192.0.2.1:1234"
	return r, nil
}

func (w *world) serve(r *http.Request) answer {
	before := w.ran
	rec := httptest.NewRecorder()
	w.app.ServeHTTP(rec, r)
	if strings.Contains(r.Header.Get("Cookie"), "passport-") { // all that is sent here by hand is alice's
		w.person("alice").SetCookies(app+"/", rec.Result().Cookies()...)
	}
	return answer{rec.Code, rec.Header(), rec.Body.String(), rec.Header().Get("Location"), w.ran > before}
}

// verdict is what a callback came to.
func (a answer) verdict() string {
	switch {
	case a.ran && a.status == http.StatusOK:
		return "accept"
	case a.status >= 400 && !a.ran:
		return "reject"
	}
	return fmt.Sprintf("%d %s (handler ran: %t)", a.status, a.location, a.ran)
}
