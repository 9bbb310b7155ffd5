package passporttest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gopassport/passport/internal/authserver"
)

// The provider's pages.
const (
	loginPage   Endpoint = "/login"
	consentPage Endpoint = "/consent"
)

// cookie is the name of the one that says who is logged in. Cookies do not know ports, and
// two providers are two hosts to people.
func (p *Provider) cookie() string { return "passporttest_" + p.name }

// authorize is the authorization endpoint.
func (p *Provider) authorize(c *call) *Reply {
	params := c.form
	if uri := params.Get("request_uri"); uri != "" {
		pushed, ok := p.pushed.Take(uri)
		if !ok || pushed.Get("client_id") != params.Get("client_id") {
			return message("This request_uri is unknown, used or expired.")
		}
		params = pushed
	}
	asked, problem := p.rules.Request(params)
	if problem != nil {
		return message(problem.Description)
	}
	if problem := p.rules.Check(asked); problem != nil {
		return p.back(asked, problem.Params())
	}
	if !p.config.Consent {
		return p.decide(asked, p.who(asked.Get("login_hint")), !p.happens(Deny, Authorize))
	}
	return p.ask(c, asked)
}

// who gives the person of a hint, else the first.
func (p *Provider) who(hint string) (sub string) {
	if p.person(hint) != nil {
		return hint
	}
	return subject(p.config.People[0])
}

// ask shows a page, unless the application wants none (prompt=none).
func (p *Provider) ask(c *call, q authserver.Request) *Reply {
	sub := ""
	if cookie, err := c.Cookie(p.cookie()); err == nil {
		sub, _ = p.sessions.Get(cookie.Value)
	}
	prompt := strings.Fields(q.Get("prompt"))
	switch {
	case slices.Contains(prompt, "none") && sub == "":
		return p.back(q, url.Values{"error": {"login_required"}})
	case slices.Contains(prompt, "none"):
		return p.decide(q, sub, true)
	case sub == "" || slices.Contains(prompt, "login") || slices.Contains(prompt, "select_account"):
		return show(http.StatusOK, "login", map[string]any{"Question": p.keep(q), "People": p.config.People})
	}
	return p.askConsent(q, sub)
}

func (p *Provider) askConsent(q authserver.Request, sub string) *Reply {
	return show(http.StatusOK, "consent", map[string]any{"Question": p.keep(q), "Person": p.person(sub), "Client": p.ClientID, "Scope": q.Get("scope")})
}

func (p *Provider) keep(q authserver.Request) (name string) {
	name = authserver.Secret("question")
	p.asked.Put(name, q)
	return name
}

// logIn takes the login page's form. Nobody is asked for a password.
func (p *Provider) logIn(c *call) *Reply {
	q, ok := p.asked.Take(c.form.Get("question"))
	sub := c.form.Get("sub")
	if !ok || p.person(sub) == nil {
		return message("This was answered before, or there is nobody of this name.")
	}
	page := p.askConsent(q, sub)
	page.Header.Set("Set-Cookie", p.session(sub))
	return page
}

// session begins a login at the provider.
func (p *Provider) session(sub string) (cookie string) {
	c := &http.Cookie{Name: p.cookie(), Value: authserver.Secret("session"), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	p.sessions.Put(c.Value, sub)
	return c.String()
}

// consent takes the consent page's form.
func (p *Provider) consent(c *call) *Reply {
	q, ok := p.asked.Take(c.form.Get("question"))
	if !ok || p.person(c.form.Get("sub")) == nil {
		return message("This was answered before, or there is nobody of this name.")
	}
	sub := c.form.Get("sub") // may be somebody else than the page showed
	answer := p.decide(q, sub, c.form.Get("decision") == "allow" && !p.happens(Deny, Authorize))
	answer.Header.Set("Set-Cookie", p.session(sub))
	return answer
}

// decide answers for the person.
func (p *Provider) decide(q authserver.Request, sub string, allowed bool) *Reply {
	switch {
	case !allowed:
		return p.back(q, url.Values{"error": {"access_denied"}})
	case p.happens(ServerError, Authorize):
		return p.back(q, url.Values{"error": {"server_error"}})
	}
	code := p.rules.Allow(q, sub, "")
	p.mu.Lock()
	before := p.used
	p.used = code
	p.mu.Unlock()
	if p.happens(BadCode, Authorize) {
		code = authserver.Secret("code")
	}
	if before != "" && p.happens(ReplayedCode, Authorize) {
		code = before
	}
	return p.back(q, url.Values{"code": {code}})
}

// back sends the browser back to the application.
func (p *Provider) back(q authserver.Request, answer url.Values) *Reply {
	answer = q.Answer(answer)
	answer.Set("iss", p.URL)
	if p.happens(WrongState, Authorize) {
		answer.Set("state", authserver.Secret("state"))
	}
	if p.happens(NoState, Authorize) {
		answer.Del("state")
	}
	if p.happens(WrongResponder, Authorize) {
		answer.Set("iss", "https://other.example")
	}
	if p.happens(NoResponder, Authorize) {
		answer.Del("iss")
	}
	if p.happens(TwiceInAnswer, Authorize) {
		twice(answer)
	}
	return &Reply{Header: http.Header{}, Params: answer, back: q.Callback(), form: q.Get("response_mode") == "form_post"}
}
