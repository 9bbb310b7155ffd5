// Package faults_test breaks what the library stands on, one thing at a time and all at
// once: providers, stores, clocks, connections. It looks at what people get, at what is
// told to whom, and at what is still there afterwards.
package faults_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/strategies/basic"
	"github.com/gopassport/passport/strategies/bearer"
	"github.com/gopassport/passport/strategies/gothprovider"
	"github.com/gopassport/passport/strategies/local"
	"github.com/gopassport/passport/strategies/oauth1"
	"github.com/gopassport/passport/strategies/oauth2"
	"github.com/gopassport/passport/strategies/oidc"
)

const (
	app    = "https://app.test"
	sesame = "PASSWORD-canary-sesame"
)

// services are the strategies that have flows, by the names that they are registered
// under: each to log in at /login/{name} and, as {name}-link, to connect at /connect/{name}.
var services = []string{"oauth2", "oidc", "oauth1", "goth"}

type (
	user    struct{ id string }
	account struct{ key string }
)

// setup changes a world before it is made.
type setup struct {
	configure func(*passport.Config)
	timeout   time.Duration                                         // of calls to providers; 0: 5 s
	pushed    bool                                                  // oauth2 and oidc push their requests (RFC 9126)
	transport http.RoundTripper                                     // to providers; nil: the network
	verify    func(r *http.Request, what string, printed any) error // called with what a provider gave
}

// world is an application with each strategy, its providers, and stores that can fail.
type world struct {
	t           *testing.T
	keys        [][]byte
	auth        *passport.Registry
	app         http.Handler
	op          *passporttest.Provider
	tw          *passporttest.OAuth1Provider
	sessions    *passporttest.Sessions
	flows       *passporttest.Flows
	revocations *passporttest.Revocations
	setup       setup
	cut         cutter

	mu     sync.Mutex
	events []passport.Event
	ran    int                   // calls of wrapped handlers
	still  bool                  // there is no network, so time can stand still
	silent passporttest.Endpoint // then: what does not answer
}

// inStores keeps everything in stores that can fail.
func (w *world) inStores(c *passport.Config) {
	c.Sessions, c.Flows, c.Revocations = stepped{w.sessions, w}, stepping{w.flows, w}, w.revocations
}

func newWorld(t *testing.T, s setup) *world {
	t.Helper()
	w := unbuilt(t, s)
	w.build()
	return w
}

// unbuilt is a world with providers and without an application.
func unbuilt(t *testing.T, s setup) *world {
	t.Helper()
	return &world{
		t: t, setup: s,
		op: passporttest.NewProvider(t, passporttest.ProviderConfig{Algorithm: "ES256", ClientSecret: "SECRET-canary-of-the-client"}),
		tw: passporttest.NewOAuth1Provider(t, passporttest.OAuth1Config{ConsumerSecret: "SECRET-canary-of-the-consumer"}),
	}
}

// configure is the part of the configuration that worlds differ in.
func (w *world) configure(c *passport.Config) {
	if w.setup.configure == nil {
		w.inStores(c)
		return
	}
	w.setup.configure(c)
}

// another is the application once more, as another machine has it: with the same keys and
// stores, and with strategies that have asked for nothing yet.
func (w *world) another(change func(*setup)) http.Handler {
	other := &world{op: w.op, tw: w.tw, setup: w.setup, keys: w.keys}
	change(&other.setup)
	other.setup.configure = func(c *passport.Config) {
		c.Observe = w.observe
		w.configure(c)
	}
	other.build()
	other.op, other.tw = nil, nil // they remember everybody, as a test remembers them; the soak measures the application
	return other.app
}

// build makes the application, which may be in another goroutine bubble than the providers.
func (w *world) build() {
	if w.keys == nil {
		w.keys = [][]byte{newKey()}
	}
	w.sessions, w.flows, w.revocations = passporttest.NewSessions(), passporttest.NewFlows(), passporttest.NewRevocations()
	if w.setup.timeout == 0 {
		w.setup.timeout = 5 * time.Second
	}
	config := passport.Config{
		Keys: w.keys, Origins: []string{app}, Observe: w.observe,
		Users: passport.Users[*user]{Key: func(u *user) string { return u.id }, Load: func(_ context.Context, id string) (*user, error) { return &user{id}, nil }},
	}
	w.configure(&config)
	w.auth = passport.New(config)
	for _, name := range services {
		w.auth.Use(name, w.strategy(name, "/login/"+name, aUser))
		w.auth.Use(name+"-link", w.strategy(name, "/connect/"+name, anAccount))
	}
	w.auth.Use("password", local.New(checkPassword))
	w.auth.Use("basic", basic.New("test", checkPassword))
	w.auth.Use("bearer", bearer.New(func(r *http.Request, token string) (*user, error) { return checkPassword(r, "alice", token) }))
	w.app = w.cut.wrap(w.auth.Session(w.routes()))
}

func newKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return key
}

func checkPassword(_ *http.Request, name, password string) (*user, error) {
	switch password {
	case sesame:
		return &user{name}, nil
	case sesame + "-fault":
		return nil, errors.New("the database is down")
	case sesame + "-panic":
		panic(password)
	}
	return nil, passport.Reject("")
}

func aUser(key string) any     { return &user{key} }
func anAccount(key string) any { return &account{key} }

func (w *world) observe(_ context.Context, e passport.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

// told gives what Observe heard since the last call.
func (w *world) told() []passport.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.events
	w.events = nil
	return all
}

// checked lets a test look at what a verify function is given.
func (w *world) checked(r *http.Request, service, subject string, printed any, value func(string) any) (any, error) {
	w.cut.at("verify")
	if w.setup.verify != nil {
		if err := w.setup.verify(r, service, printed); err != nil {
			return nil, err
		}
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return value(service + " " + subject), nil
}

func (w *world) client() *http.Client {
	if w.setup.transport == nil {
		return nil
	}
	return &http.Client{Transport: w.setup.transport}
}

func (w *world) strategy(name, path string, value func(string) any) passport.Strategy {
	callback, pushURL := app+path+"/callback", ""
	if w.setup.pushed {
		pushURL = w.op.At(passporttest.PAR)
	}
	switch name {
	case "oauth2":
		return oauth2.New(oauth2.Config{
			ClientID: w.op.ClientID, ClientSecret: w.op.ClientSecret, Auth: oauth2.SecretBasic, RedirectURL: callback, Timeout: w.setup.timeout, Client: w.client(),
			AuthorizationURL: w.op.At(passporttest.Authorize), TokenURL: w.op.At(passporttest.Token), Profile: oauth2.JSONProfile(w.op.At(passporttest.Userinfo), "id"),
			Issuer: w.op.URL, RequireIssuer: true, PushURL: pushURL,
		}, func(r *http.Request, g oauth2.Grant) (any, error) { return w.checked(r, name, g.Subject, g, value) })
	case "oidc":
		return oidc.New(oidc.Config{
			Issuer: w.op.URL, ClientID: w.op.ClientID, ClientSecret: w.op.ClientSecret, RedirectURL: callback, Timeout: w.setup.timeout, Client: w.client(), Userinfo: true,
			PushedRequests: w.setup.pushed,
		}, func(r *http.Request, who oidc.Identity) (any, error) {
			return w.checked(r, name, who.Subject, who, value)
		})
	case "oauth1":
		return oauth1.New(oauth1.Config{
			ConsumerKey: w.tw.ConsumerKey, ConsumerSecret: w.tw.ConsumerSecret, CallbackURL: callback, Timeout: w.setup.timeout, Client: w.client(),
			Endpoint: oauth1.Endpoint{RequestURL: w.tw.At(passporttest.RequestToken), AuthorizeURL: w.tw.At(passporttest.Authorize), AccessURL: w.tw.At(passporttest.AccessToken)},
			Profile:  oauth1.JSONProfile(w.tw.At(passporttest.Userinfo), "id_str"),
		}, func(r *http.Request, g oauth1.Grant) (any, error) { return w.checked(r, name, g.Subject, g, value) })
	}
	p := github.NewCustomisedURL(w.op.ClientID, w.op.ClientSecret, callback, w.op.At(passporttest.Authorize), w.op.At(passporttest.Token), w.op.At(passporttest.Userinfo), w.op.At(passporttest.Userinfo))
	p.HTTPClient = w.client()
	return gothprovider.New(p, func(r *http.Request, u goth.User) (any, error) {
		return w.checked(r, name, u.UserID, nil, value) // goth.User is goth's; who prints it prints its token
	}, gothprovider.Timeout(w.setup.timeout))
}

func (w *world) routes() http.Handler {
	mux := http.NewServeMux()
	handler := http.HandlerFunc(w.handle)
	for _, name := range services {
		for path, wrap := range map[string]func(http.Handler) http.Handler{"/login/" + name: w.auth.Authenticate(name), "/connect/" + name: w.auth.Authorize(name + "-link")} {
			mux.Handle(path, wrap(handler))
			mux.Handle(path+"/callback", wrap(handler))
		}
	}
	mux.Handle("/login", w.auth.Authenticate("password")(handler))
	mux.Handle("/basic", w.auth.Authenticate("basic", passport.NoSession())(handler))
	mux.Handle("/bearer", w.auth.Authenticate("bearer", passport.NoSession())(handler))
	mux.Handle("/private", w.auth.RequireUser("/login")(handler))
	mux.HandleFunc("/logout", func(rw http.ResponseWriter, r *http.Request) {
		if err := w.auth.Logout(rw, r); err != nil {
			http.Error(rw, err.Error(), http.StatusServiceUnavailable)
		}
	})
	mux.Handle("/me", handler)
	return mux
}

// handle is every wrapped handler.
func (w *world) handle(rw http.ResponseWriter, r *http.Request) {
	u, _ := passport.UserFrom[*user](r.Context())
	a, _ := passport.AccountFrom[*account](r.Context())
	w.mu.Lock()
	w.ran++
	w.mu.Unlock()
	if u == nil {
		u = &user{"-"}
	}
	if a == nil {
		a = &account{"-"}
	}
	fmt.Fprintf(rw, "user %s, account %s", u.id, a.key)
}

// person is somebody's browser; name "" is a visitor's. The providers' pages are walked
// without a network.
func (w *world) person(name string) *passporttest.Browser {
	w.t.Helper()
	b := passporttest.NewBrowser(w.t)
	b.Manual = true
	b.Serve(app, w.app)
	b.Serve(w.op.URL, w.op)
	b.Serve(w.tw.URL, w.tw)
	if name != "" {
		b.LogIn(w.auth, app+"/", &user{name})
	}
	return b
}

// begin walks to the provider and gives the page that sends the browser back. Where no
// flow begins, it is the application's answer.
func begin(b *passporttest.Browser, path string) *passporttest.Page {
	page := b.Follow(app + path)
	if strings.HasPrefix(page.Location(), "http") {
		page = page.Next()
	}
	return page
}

// came tells whether a page sends the browser back to the application.
func came(p *passporttest.Page) bool { return strings.HasPrefix(p.Location(), app) }

// answerOf is what a provider sends back.
func answerOf(t *testing.T, p *passporttest.Page) url.Values {
	t.Helper()
	u, err := url.Parse(p.Location())
	if err != nil || !came(p) {
		t.Fatalf("%s leads nowhere: %d %s", p.URL, p.Status, p.Body)
	}
	return u.Query()
}

// code is the code of the one event that there was; more than one is a mistake.
func (w *world) code() (passport.Code, string) {
	w.t.Helper()
	seen := w.errors()
	if len(seen) != 1 {
		w.t.Errorf("%d events of an error: %+v", len(seen), seen)
		return "", ""
	}
	return seen[0].Code, seen[0].Kind
}

// errors are the events of refusals and faults since anybody asked.
func (w *world) errors() []passport.Event {
	return slices.DeleteFunc(w.told(), func(e passport.Event) bool { return e.Kind != "refusal" && e.Kind != "fault" })
}

// cutter ends the context of a request in the middle of it, or after a time.
type cutter struct {
	mu       sync.Mutex
	where    string
	patience time.Duration
	cancel   context.CancelFunc
}

func (c *cutter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		where, patience := c.where, c.patience
		c.mu.Unlock()
		ctx, cancel := context.WithCancel(r.Context())
		if patience > 0 {
			ctx, cancel = context.WithTimeout(r.Context(), patience)
		}
		defer cancel()
		if where != "" {
			c.mu.Lock()
			c.cancel = cancel
			c.mu.Unlock()
			c.at("start")
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// arm names the step at which the next requests end; "" for none.
func (c *cutter) arm(where string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.where, c.cancel = where, nil
}

// after says when the next requests end; 0 for never.
func (c *cutter) after(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.patience = d
}

// at is called by each step.
func (c *cutter) at(step string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.where == step && c.cancel != nil {
		c.cancel()
	}
}
