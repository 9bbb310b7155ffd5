// Package identity is an identity service for the example application: it
// speaks OAuth 2 in GitHub's shape and OAuth 1.0a in Twitter's, is a calendar
// whose tokens expire, checks what a real service checks, and keeps everything
// in memory.
//
// It is for trying things out. Nobody proves who they are: whoever opens it
// picks one of a few invented people.
package identity

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gopassport/passport/internal/authserver"
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

// Client is an application that is registered with the service: with a secret and at least
// one callback.
type Client = authserver.Client

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

// How much the service keeps of each thing, and how long people may think.
const (
	capacity     = 4096
	maxBody      = 64 << 10
	questionLife = 10 * time.Minute
)

type service struct {
	people    []Person
	pages     *template.Template
	questions *authserver.Shelf[question]

	github   office
	calendar office
	twitter  *authserver.OAuth1
}

// New makes a service. It panics on a client that could never be used, since
// that is a mistake in the program.
func New(cfg Config) http.Handler {
	for _, c := range slices.Concat(cfg.OAuth2, cfg.OAuth1, cfg.Calendar) {
		check(c)
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
	at := func(clients []Client, life time.Duration) authserver.OAuth2Config {
		return authserver.OAuth2Config{Clients: clients, TokenLife: life, Size: capacity, Now: cfg.Now}
	}
	github, calendar := at(cfg.OAuth2, authserver.TokenLife), at(cfg.Calendar, cfg.TokenLife)
	github.NoPKCE, calendar.Scopes = true, []string{scopeCalendar, scopeTasks}
	return &service{
		people:    cfg.People,
		pages:     template.Must(template.ParseFS(templates, "templates/*.html")),
		questions: authserver.NewShelf[question](capacity, questionLife, cfg.Now),
		github: office{OAuth2: authserver.NewOAuth2(github),
			scopes: map[string]string{"user:email": "your e-mail address", "user": "your e-mail address"}},
		calendar: office{OAuth2: authserver.NewOAuth2(calendar),
			scopes: map[string]string{scopeCalendar: "your appointments", scopeTasks: "your tasks"}},
		twitter: authserver.NewOAuth1(authserver.OAuth1Config{Clients: cfg.OAuth1, RequestLife: questionLife, Size: capacity, Now: cfg.Now}),
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

func check(c Client) {
	if c.Key == "" || c.Secret == "" || len(c.Callbacks) == 0 {
		panic(fmt.Sprintf("identity: New: client %q needs a key, a secret and a callback", c.Name))
	}
	for _, callback := range c.Callbacks {
		if u, err := url.Parse(callback); err != nil || u.Host == "" || u.Fragment != "" {
			panic(fmt.Sprintf("identity: New: callback %q of client %q is no absolute address without a fragment", callback, c.Name))
		}
	}
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
