// Package identity is an identity service for the example application: it
// speaks OAuth 2 in GitHub's shape and OAuth 1.0a in Twitter's, is a calendar
// whose tokens expire, checks what a real service checks, and keeps everything
// in memory.
//
// It is for trying things out. Nobody proves who they are: whoever opens it
// picks one of a few invented people.
package identity

import (
	"crypto/rand"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Config is what [New] makes a service of.
type Config struct {
	OAuth2 []Client         // the applications that may use GitHub's endpoints
	OAuth1 []Client         // the applications that may use Twitter's endpoints
	People []Person         // who may be chosen; nil: [People]
	Now    func() time.Time // the clock; nil: time.Now

	Calendar  []Client      // the applications that may use the calendar
	TokenLife time.Duration // of the calendar's access tokens; 0: a minute
}

// Client is an application that is registered with the service.
type Client struct {
	Name      string   // shown to the person who is asked
	Key       string   // the OAuth 2 client_id, the OAuth 1 consumer key
	Secret    string   // shared with the application
	Callbacks []string // where people may be sent back to: compared exactly
}

// Person is somebody with an account at the service.
type Person struct {
	ID    int    // never changes, unlike the login
	Login string // the name in addresses and forms
	Name  string
	Email string
	Bio   string
	Place string
	Color string // of the avatar: a CSS color
}

// People are the people of a service that was given none.
func People() []Person {
	return []Person{
		{ID: 1001, Login: "ada", Name: "Ada Winter", Email: "ada@people.example", Bio: "Writes programs for engines that do not exist yet.", Place: "Turin", Color: "#8a3ffc"},
		{ID: 1002, Login: "grace", Name: "Grace Okoro", Email: "grace@people.example", Bio: "Finds the moth in the machine.", Place: "Lagos", Color: "#00796b"},
		{ID: 1003, Login: "lin", Name: "Lin Haugen", Email: "lin@people.example", Bio: "Keeps old kernels running.", Place: "Bergen", Color: "#b4501e"},
	}
}

// How much the service keeps, and for how long. A code lives for a minute
// because an application redeems it at once; people need longer to decide.
const (
	codeLife     = time.Minute
	questionLife = 10 * time.Minute
	tokenLife    = time.Hour
	clockSkew    = 5 * time.Minute
	refreshLife  = 30 * 24 * time.Hour
	capacity     = 4096
	maxBody      = 64 << 10
)

type service struct {
	oauth1 []Client
	people []Person
	now    func() time.Time
	pages  *template.Template

	questions *shelf[question]

	github office
	tokens *shelf[access]

	calendar office
	permits  *permits

	requestTokens *shelf[requestToken]
	verifiers     *shelf[verifiedToken]
	accessTokens  *shelf[accessToken]
	nonces        *shelf[struct{}]
}

// New makes a service. It panics on a client that could never be used, since
// that is a mistake in the program.
func New(cfg Config) http.Handler {
	for _, c := range slices.Concat(cfg.OAuth2, cfg.OAuth1, cfg.Calendar) {
		c.check()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.People == nil {
		cfg.People = People()
	}
	if cfg.TokenLife == 0 {
		cfg.TokenLife = time.Minute
	}
	return newService(cfg).routes()
}

func newService(cfg Config) *service {
	return &service{
		oauth1: cfg.OAuth1, people: cfg.People, now: cfg.Now,
		pages:     template.Must(template.ParseFS(templates, "templates/*.html")),
		questions: newShelf[question](capacity, questionLife, cfg.Now),
		github: office{clients: cfg.OAuth2, codes: newShelf[grant](capacity, codeLife, cfg.Now),
			scopes: map[string]string{"user:email": "your e-mail address", "user": "your e-mail address"}},
		tokens: newShelf[access](capacity, tokenLife, cfg.Now),
		calendar: office{clients: cfg.Calendar, codes: newShelf[grant](capacity, codeLife, cfg.Now), pkce: true,
			scopes: map[string]string{scopeCalendar: "your appointments", scopeTasks: "your tasks"}},
		permits:       newPermits(cfg.TokenLife, cfg.Now),
		requestTokens: newShelf[requestToken](capacity, questionLife, cfg.Now),
		verifiers:     newShelf[verifiedToken](capacity, codeLife, cfg.Now),
		accessTokens:  newShelf[accessToken](capacity, tokenLife, cfg.Now),
		// A timestamp is good from clockSkew before to clockSkew after now:
		// for as long its nonce has to be remembered.
		nonces: newShelf[struct{}](16*capacity, 2*clockSkew+time.Second, cfg.Now),
	}
}

func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login/oauth/authorize", s.authorize2(s.github))
	mux.HandleFunc("POST /login/oauth/access_token", s.accessToken2)
	mux.HandleFunc("GET /user", s.user)
	mux.HandleFunc("GET /user/emails", s.emails)

	mux.HandleFunc("GET /calendar/authorize", s.authorize2(s.calendar))
	mux.HandleFunc("POST /calendar/token", s.calendarToken)
	mux.HandleFunc("POST /calendar/revoke", s.calendarRevoke)
	mux.HandleFunc("GET /calendar/me", s.calendarMe)
	mux.HandleFunc("GET /calendar/appointments", s.appointments)
	mux.HandleFunc("GET /calendar/tasks", s.tasks)

	mux.HandleFunc("GET /oauth/request_token", s.requestToken1)
	mux.HandleFunc("POST /oauth/request_token", s.requestToken1)
	mux.HandleFunc("GET /oauth/authorize", s.authorize1)
	mux.HandleFunc("GET /oauth/authenticate", s.authorize1)
	mux.HandleFunc("GET /oauth/access_token", s.accessToken1)
	mux.HandleFunc("POST /oauth/access_token", s.accessToken1)
	mux.HandleFunc("GET /1.1/account/verify_credentials.json", s.verifyCredentials)

	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("POST /end", s.end)
	mux.HandleFunc("GET /choose", s.choosePage)
	mux.HandleFunc("POST /choose", s.choose)
	mux.HandleFunc("GET /consent", s.consentPage)
	mux.HandleFunc("POST /consent", s.consent)
	mux.HandleFunc("GET /cancel", s.cancel)
	mux.HandleFunc("GET /avatar/{login}", s.avatar)
	mux.HandleFunc("GET /style.css", style)

	return secure(http.NewCrossOriginProtection().Handler(mux))
}

// secure sets what every answer carries. The referrer stays within the
// service, because the address of a page names the request it is about.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy("'self'"))
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

func (c Client) check() {
	if c.Key == "" || c.Secret == "" || len(c.Callbacks) == 0 {
		panic(fmt.Sprintf("identity: New: client %q needs a key, a secret and a callback", c.Name))
	}
	for _, callback := range c.Callbacks {
		if u, err := url.Parse(callback); err != nil || u.Host == "" || u.Fragment != "" {
			panic(fmt.Sprintf("identity: New: callback %q of client %q is no absolute address without a fragment", callback, c.Name))
		}
	}
}

func (c Client) allows(callback string) bool { return slices.Contains(c.Callbacks, callback) }

func find(clients []Client, key string) (Client, bool) {
	i := slices.IndexFunc(clients, func(c Client) bool { return c.Key == key })
	if key == "" || i < 0 {
		return Client{}, false
	}
	return clients[i], true
}

func (s *service) person(login string) (Person, bool) {
	i := slices.IndexFunc(s.people, func(p Person) bool { return p.Login == login })
	if i < 0 {
		return Person{}, false
	}
	return s.people[i], true
}

// avatarURL is absolute, as in GitHub's and Twitter's answers.
func avatarURL(r *http.Request, p Person) string {
	return origin(r) + "/avatar/" + url.PathEscape(p.Login)
}

// origin is the address at which the request reached us.
func origin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// withQuery adds parameters to an address that may have some already.
func withQuery(address string, params url.Values) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err) // New checked all callbacks
	}
	q := u.Query()
	maps.Copy(q, params)
	u.RawQuery = q.Encode()
	return u.String()
}

// newSecret returns 130 random bits, with a prefix that says what they are
// for.
func newSecret(prefix string) string { return prefix + "_" + rand.Text() }
