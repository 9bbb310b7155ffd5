package identity

import (
	"embed"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gopassport/passport/internal/authserver"
)

//go:embed templates/*.html
var templates embed.FS

//go:embed static/style.css
var styleSheet []byte

// cookieName differs from the application's: cookies do not know ports, and
// somebody may serve both on one host.
const cookieName = "identity"

// question is what an application asks a person, until it is answered.
type question struct {
	Client   string
	Callback string
	Wants    []string // beside name, login and picture, for people to read

	allow func(Person) (next string, ok bool) // false: too late
	deny  func() (next string)
}

// Host is where the answer goes, for people to read.
func (q question) Host() string { return q.origin().Host }

func (q question) origin() *url.URL {
	u, err := url.Parse(q.Callback)
	if err != nil {
		panic(err) // New checked all callbacks
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}
}

// view is what the pages show.
type view struct {
	Title    string
	Request  string // names the question in forms and links
	Question question
	Person   Person
	People   []Person
	Permits  []authserver.Permit // the applications that Person allowed
	Message  string
}

// ask remembers the question and sends the browser to an address of ours
// which can be reloaded without asking again.
func (s *service) ask(w http.ResponseWriter, r *http.Request, q question) {
	request := authserver.Secret("question")
	s.questions.Put(request, q)
	http.Redirect(w, r, "/consent?request="+request, http.StatusFound)
}

func (s *service) home(w http.ResponseWriter, r *http.Request) {
	person, _ := s.remembered(r)
	s.page(w, http.StatusOK, "home.html", view{Title: "People", Person: person, People: s.people, Permits: s.calendar.Tokens.Permits(person.Login)})
}

// end takes an application's access away, as its person wants.
func (s *service) end(w http.ResponseWriter, r *http.Request) {
	if person, ok := s.remembered(r); ok {
		s.calendar.Tokens.End(person.Login, authserver.One(form(r), "permit"))
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *service) choosePage(w http.ResponseWriter, r *http.Request) {
	if v, ok := s.viewOf(w, r.URL.Query()); ok {
		v.Title = "Choose who you are"
		v.Person, _ = s.remembered(r)
		s.page(w, http.StatusOK, "choose.html", v)
	}
}

// choose remembers the person. The cookie needs no protection against
// forgery: whoever can send one could press the button as well.
func (s *service) choose(w http.ResponseWriter, r *http.Request) {
	v, ok := s.viewOf(w, form(r))
	if !ok {
		return
	}
	person, ok := s.person(authserver.One(r.PostForm, "person"))
	if !ok {
		s.errorPage(w, http.StatusBadRequest, "There is nobody of this name here.")
		return
	}
	remember(w, r, person)
	http.Redirect(w, r, "/consent?request="+v.Request, http.StatusSeeOther)
}

func remember(w http.ResponseWriter, r *http.Request, person Person) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: person.Login, Path: "/",
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode,
	})
}

// hint suggests the person whom the application means (login_hint of OpenID
// Connect): by the id that it knows. People may still choose another.
func (s *service) hint(w http.ResponseWriter, r *http.Request, id string) {
	for _, person := range s.people {
		if strconv.Itoa(person.ID) == id {
			remember(w, r, person)
		}
	}
}

func (s *service) consentPage(w http.ResponseWriter, r *http.Request) {
	v, ok := s.viewOf(w, r.URL.Query())
	if !ok {
		return
	}
	if v.Person, ok = s.remembered(r); !ok {
		http.Redirect(w, r, "/choose?request="+v.Request, http.StatusFound)
		return
	}
	v.Title = "Allow " + v.Question.Client + "?"
	s.page(w, http.StatusOK, "consent.html", v)
}

// consent takes the answer for the person whom the page showed: another tab
// may have chosen somebody else since, and the answer was not theirs.
func (s *service) consent(w http.ResponseWriter, r *http.Request) {
	answer, request := form(r), authserver.One(form(r), "request")
	person, known := s.person(authserver.One(answer, "person"))
	decision := authserver.One(answer, "decision")
	if !known || (decision != "allow" && decision != "deny") {
		s.errorPage(w, http.StatusBadRequest, "The answer was neither Allow nor Deny.")
		return
	}
	q, ok := s.questions.Take(request)
	next := ""
	switch {
	case ok && decision == "allow":
		next, ok = q.allow(person)
	case ok:
		next = q.deny()
	}
	if !ok {
		s.tooLate(w)
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (s *service) cancel(w http.ResponseWriter, r *http.Request) {
	q, ok := s.questions.Take(authserver.One(r.URL.Query(), "request"))
	if !ok {
		s.tooLate(w)
		return
	}
	http.Redirect(w, r, q.deny(), http.StatusFound)
}

func (s *service) avatar(w http.ResponseWriter, r *http.Request) {
	person, ok := s.person(r.PathValue("login"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	s.execute(w, "avatar.html", person)
}

func style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=60")
	_, _ = w.Write(styleSheet)
}

// viewOf finds the question that a form or link names, or answers that there
// is none.
func (s *service) viewOf(w http.ResponseWriter, params url.Values) (view, bool) {
	request := authserver.One(params, "request")
	q, ok := s.questions.Get(request)
	if !ok {
		s.tooLate(w)
	}
	return view{Request: request, Question: q, People: s.people}, ok
}

func (s *service) remembered(r *http.Request) (Person, bool) {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return Person{}, false
	}
	return s.person(cookie.Value)
}

func (s *service) tooLate(w http.ResponseWriter) {
	s.errorPage(w, http.StatusGone, "This request was answered before, or it has expired. Go back to the application and start again.")
}

func (s *service) errorPage(w http.ResponseWriter, status int, message string) {
	s.page(w, status, "error.html", view{Title: "That did not work", Message: message})
}

// page shows a page. Chromium applies form-action to the redirect that follows
// a form as well, so the policy names the application that gets the answer.
func (s *service) page(w http.ResponseWriter, status int, name string, v view) {
	if v.Request != "" {
		w.Header().Set("Content-Security-Policy", policy("'self' "+v.Question.origin().String()))
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	s.execute(w, name, v)
}

func (s *service) execute(w http.ResponseWriter, name string, data any) {
	if err := s.pages.ExecuteTemplate(w, name, data); err != nil {
		slog.Error("identity: a page broke off", "page", name, "error", err)
	}
}

func policy(formAction string) string {
	return "default-src 'none'; style-src 'self'; img-src 'self'; form-action " + formAction + "; base-uri 'none'; frame-ancestors 'none'"
}

// form returns the parameters of the body alone.
func form(r *http.Request) url.Values {
	_ = r.ParseForm() // what cannot be read is missing, and refused as that
	return r.PostForm
}

// Initials are what the avatar shows.
func (p Person) Initials() string {
	var initials strings.Builder
	for name := range strings.FieldsSeq(p.Name) {
		initials.WriteRune([]rune(name)[0])
	}
	return initials.String()
}
