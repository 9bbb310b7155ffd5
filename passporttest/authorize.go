package passporttest

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The provider's pages, and the cookie of who is logged in there.
const (
	loginPage     Endpoint = "/login"
	consentPage   Endpoint = "/consent"
	sessionCookie          = "passporttest_session"
)

// question is what the application asks a person, until it is answered.
type question struct{ url.Values }

// authorize is the authorization endpoint. Until the client and the address to go back to
// are known to be good, nobody is sent anywhere.
func (p *Provider) authorize(c *call) *Reply {
	asked := c.form
	if uri := asked.Get("request_uri"); uri != "" {
		pushed, ok := take(&p.mu, p.pushed, uri)
		if !ok || pushed.Get("client_id") != asked.Get("client_id") {
			return message("This request_uri is unknown, used or expired.")
		}
		asked = pushed
	}
	if asked.Get("client_id") != p.ClientID || !p.allows(asked.Get("redirect_uri")) || len(asked["redirect_uri"]) != 1 {
		return message("No such client, or it may not be answered at this redirect_uri.")
	}
	q := question{asked}
	if code := p.check(asked); code != "" {
		return p.back(q, url.Values{"error": {code}})
	}
	if !p.config.Consent {
		return p.decide(q, p.who(asked.Get("login_hint")), !p.happens(Deny, Authorize))
	}
	return p.ask(c, q)
}

// check finds what is wrong with a request whose client and address are good.
func (p *Provider) check(asked url.Values) (code string) {
	for _, values := range asked {
		if len(values) > 1 {
			return "invalid_request"
		}
	}
	switch {
	case asked.Get("response_type") != "code":
		return "unsupported_response_type"
	case !asked.Has("code_challenge") && p.config.NoPKCE:
		return ""
	case asked.Get("code_challenge_method") != "S256" || len(asked.Get("code_challenge")) != 43:
		return "invalid_request"
	}
	return ""
}

// who gives the person of a hint, else the first.
func (p *Provider) who(hint string) (sub string) {
	if p.person(hint) != nil {
		return hint
	}
	return subject(p.config.People[0])
}

// ask shows a page, unless the application wants none (prompt=none).
func (p *Provider) ask(c *call, q question) *Reply {
	sub := ""
	if cookie, err := c.Cookie(sessionCookie); err == nil {
		p.mu.Lock()
		sub = p.sessions[cookie.Value]
		p.mu.Unlock()
	}
	prompt := strings.Fields(q.Get("prompt"))
	switch {
	case contains(prompt, "none") && sub == "":
		return p.back(q, url.Values{"error": {"login_required"}})
	case contains(prompt, "none"):
		return p.decide(q, sub, true)
	case sub == "" || contains(prompt, "login") || contains(prompt, "select_account"):
		return show(http.StatusOK, "login", map[string]any{"Question": p.keep(q), "People": p.config.People})
	}
	return p.askConsent(q, sub)
}

func (p *Provider) askConsent(q question, sub string) *Reply {
	return show(http.StatusOK, "consent", map[string]any{"Question": p.keep(q), "Person": p.person(sub), "Client": p.ClientID, "Scope": q.Get("scope")})
}

func (p *Provider) keep(q question) (name string) {
	name = secret("question")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[name] = q
	return name
}

// logIn takes the login page's form. Nobody is asked for a password.
func (p *Provider) logIn(c *call) *Reply {
	q, ok := take(&p.mu, p.asked, c.form.Get("question"))
	sub := c.form.Get("sub")
	if !ok || p.person(sub) == nil {
		return message("This was answered before, or there is nobody of this name.")
	}
	cookie := &http.Cookie{Name: sessionCookie, Value: secret("session"), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	p.mu.Lock()
	p.sessions[cookie.Value] = sub
	p.mu.Unlock()
	page := p.askConsent(q, sub)
	page.Header.Set("Set-Cookie", cookie.String())
	return page
}

// consent takes the consent page's form.
func (p *Provider) consent(c *call) *Reply {
	q, ok := take(&p.mu, p.asked, c.form.Get("question"))
	if !ok || p.person(c.form.Get("sub")) == nil {
		return message("This was answered before.")
	}
	return p.decide(q, c.form.Get("sub"), c.form.Get("decision") == "allow" && !p.happens(Deny, Authorize))
}

// decide answers for the person.
func (p *Provider) decide(q question, sub string, allowed bool) *Reply {
	switch {
	case !allowed:
		return p.back(q, url.Values{"error": {"access_denied"}})
	case p.happens(ServerError, Authorize):
		return p.back(q, url.Values{"error": {"server_error"}})
	}
	code := secret("code")
	p.mu.Lock()
	p.grants[code] = grant{
		sub: sub, scope: q.Get("scope"), nonce: q.Get("nonce"), at: time.Now(),
		redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"),
	}
	before := p.used
	p.used = code
	p.mu.Unlock()
	if p.happens(BadCode, Authorize) {
		code = secret("code")
	}
	if before != "" && p.happens(ReplayedCode, Authorize) {
		code = before
	}
	return p.back(q, url.Values{"code": {code}})
}

// back sends the browser back to the application.
func (p *Provider) back(q question, answer url.Values) *Reply {
	answer.Set("iss", p.URL)
	if q.Has("state") {
		answer.Set("state", q.Get("state"))
	}
	if p.happens(WrongState, Authorize) {
		answer.Set("state", secret("state"))
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
	return &Reply{Header: http.Header{}, Params: answer, back: q.Get("redirect_uri"), form: q.Get("response_mode") == "form_post"}
}
