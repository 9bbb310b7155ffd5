package identity

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// office is where one of the OAuth 2 services deals with applications.
type office struct {
	clients []Client
	codes   *shelf[grant]
	pkce    bool              // nobody gets a code without it
	scopes  map[string]string // what people read about them
}

// grant is what a code stands for until it is redeemed.
type grant struct {
	person    Person
	client    string
	callback  string
	scope     string
	challenge string // PKCE S256; empty where the application sent none
}

// access is what an OAuth 2 access token gives.
type access struct {
	person Person
	scope  string
}

// problem is an OAuth 2 error (RFC 6749, sections 4.1.2.1 and 5.2).
type problem struct {
	status      int
	code        string
	description string
}

// authorize2 is the authorization endpoint. Until the client and its callback
// are known to be good, nobody is redirected: that would make an open
// redirector of the service.
func (s *service) authorize2(o office) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { s.authorization(w, r, o) }
}

func (s *service) authorization(w http.ResponseWriter, r *http.Request, o office) {
	q := r.URL.Query()
	client, ok := find(o.clients, one(q, "client_id"))
	if !ok {
		s.errorPage(w, http.StatusBadRequest, "No application is registered under this client_id.")
		return
	}
	callback := one(q, "redirect_uri")
	if !client.allows(callback) {
		s.errorPage(w, http.StatusBadRequest, "This redirect_uri is not registered for the application.")
		return
	}
	if p := checkAuthorization(q, o.pkce); p != nil {
		http.Redirect(w, r, p.redirect(callback, q.Get("state")), http.StatusFound)
		return
	}
	s.hint(w, r, q.Get("login_hint"))
	s.ask(w, r, o.question(client, callback, q))
}

// checkAuthorization finds what is wrong with a request whose client and
// callback are good.
func checkAuthorization(q url.Values, pkce bool) *problem {
	for name, values := range q {
		if len(values) > 1 {
			return &problem{code: "invalid_request", description: "a parameter came twice: " + name}
		}
	}
	switch {
	case q.Get("response_type") == "":
		return &problem{code: "invalid_request", description: "response_type is missing"}
	case q.Get("response_type") != "code":
		return &problem{code: "unsupported_response_type", description: "only code is supported"}
	case !pkce && !q.Has("code_challenge") && !q.Has("code_challenge_method"):
		return nil
	case q.Get("code_challenge_method") != "S256":
		return &problem{code: "invalid_request", description: "code_challenge_method must be S256"}
	case len(q.Get("code_challenge")) != base64.RawURLEncoding.EncodedLen(sha256.Size):
		return &problem{code: "invalid_request", description: "code_challenge is no SHA-256 in base64url"}
	}
	return nil
}

func (o office) question(client Client, callback string, q url.Values) question {
	state, scope := q.Get("state"), q.Get("scope")
	return question{
		Client:   client.Name,
		Callback: callback,
		Wants:    o.wants(scope),
		allow: func(p Person) (string, bool) {
			code := newSecret("code")
			o.codes.put(code, grant{person: p, client: client.Key, callback: callback, scope: scope, challenge: q.Get("code_challenge")})
			return withQuery(callback, withState(url.Values{"code": {code}}, state)), true
		},
		deny: func() string {
			denied := &problem{code: "access_denied", description: "the person said no"}
			return denied.redirect(callback, state)
		},
	}
}

// wants says to people what scopes mean.
func (o office) wants(scope string) (all []string) {
	for _, name := range scopesOf(scope) {
		if text := o.scopes[name]; text != "" && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

// accessToken2 is the token endpoint.
func (s *service) accessToken2(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		answerProblem(w, r, &problem{http.StatusBadRequest, "invalid_request", "the body is no form"})
		return
	}
	client, p := s.github.authenticate(r)
	if p != nil {
		answerProblem(w, r, p)
		return
	}
	g, p := s.github.redeem(client, r.PostForm)
	if p != nil {
		answerProblem(w, r, p)
		return
	}
	token := newSecret("gho")
	s.tokens.put(token, access{person: g.person, scope: g.scope})
	answerToken(w, r, http.StatusOK, url.Values{"access_token": {token}, "scope": {g.scope}, "token_type": {"bearer"}})
}

// authenticate accepts the client's secret in the Authorization header or in
// the form, but not in both (RFC 6749, section 2.3).
func (o office) authenticate(r *http.Request) (Client, *problem) {
	id, secret := one(r.PostForm, "client_id"), one(r.PostForm, "client_secret")
	if user, password, ok := r.BasicAuth(); ok {
		if secret != "" {
			return Client{}, &problem{http.StatusBadRequest, "invalid_request", "two client secrets came"}
		}
		id, secret = formDecode(user), formDecode(password)
	}
	client, ok := find(o.clients, id)
	if !ok || !equal(secret, client.Secret) {
		return Client{}, &problem{http.StatusUnauthorized, "invalid_client", "the client or its secret is wrong"}
	}
	return client, nil
}

// redeem spends a code. A code that comes with anything wrong is spent too:
// somebody else may have got hold of it.
func (o office) redeem(client Client, form url.Values) (grant, *problem) {
	for name, values := range form {
		if len(values) > 1 {
			return grant{}, &problem{http.StatusBadRequest, "invalid_request", "a parameter came twice: " + name}
		}
	}
	if form.Get("grant_type") != "authorization_code" {
		return grant{}, &problem{http.StatusBadRequest, "unsupported_grant_type", "only authorization_code is supported"}
	}
	g, ok := o.codes.take(form.Get("code"))
	switch {
	case !ok || g.client != client.Key:
		return grant{}, &problem{http.StatusBadRequest, "invalid_grant", "the code is unknown, used or expired"}
	case g.callback != form.Get("redirect_uri"):
		return grant{}, &problem{http.StatusBadRequest, "invalid_grant", "redirect_uri is not the one of the authorization request"}
	case !g.proves(form.Get("code_verifier")):
		return grant{}, &problem{http.StatusBadRequest, "invalid_grant", "code_verifier does not fit the code_challenge"}
	}
	return g, nil
}

// proves checks PKCE. A verifier without a challenge is refused: somebody may
// have taken the challenge out of the authorization request.
func (g grant) proves(verifier string) bool {
	if g.challenge == "" {
		return verifier == ""
	}
	sum := sha256.Sum256([]byte(verifier))
	return equal(base64.RawURLEncoding.EncodeToString(sum[:]), g.challenge)
}

func (s *service) user(w http.ResponseWriter, r *http.Request) {
	a, ok := s.bearer(w, r)
	if !ok {
		return
	}
	answerJSON(w, http.StatusOK, map[string]any{
		"id": a.person.ID, "login": a.person.Login, "name": a.person.Name, "type": "User",
		"email": nil, // as on GitHub for people who keep it private; /user/emails has it
		"bio":   a.person.Bio, "location": a.person.Place, "avatar_url": avatarURL(r, a.person),
	})
}

func (s *service) emails(w http.ResponseWriter, r *http.Request) {
	a, ok := s.bearer(w, r)
	if !ok {
		return
	}
	if !mayReadEmails(a.scope) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="identity", error="insufficient_scope", scope="user:email"`)
		answerJSON(w, http.StatusForbidden, map[string]string{"message": "The token lacks the scope user:email"})
		return
	}
	answerJSON(w, http.StatusOK, []map[string]any{
		{"email": a.person.Email, "primary": true, "verified": true, "visibility": "private"},
	})
}

// bearer finds what the request's token gives, or answers that it gives
// nothing.
func (s *service) bearer(w http.ResponseWriter, r *http.Request) (access, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "token") {
		if a, ok := s.tokens.get(strings.TrimSpace(token)); ok {
			return a, true
		}
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="identity"`)
	answerJSON(w, http.StatusUnauthorized, map[string]string{"message": "Bad credentials"})
	return access{}, false
}

func mayReadEmails(scope string) bool {
	scopes := scopesOf(scope)
	return slices.Contains(scopes, "user:email") || slices.Contains(scopes, "user")
}

func scopesOf(scope string) []string {
	return strings.FieldsFunc(scope, func(r rune) bool { return r == ' ' || r == ',' })
}

func (p *problem) redirect(callback, state string) string {
	return withQuery(callback, withState(url.Values{"error": {p.code}, "error_description": {p.description}}, state))
}

func withState(params url.Values, state string) url.Values {
	if state != "" {
		params.Set("state", state)
	}
	return params
}

func answerProblem(w http.ResponseWriter, r *http.Request, p *problem) {
	if p.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="identity"`)
	}
	answerToken(w, r, p.status, url.Values{"error": {p.code}, "error_description": {p.description}})
}

// answerToken answers in a form, or in JSON to those who ask for it: GitHub
// does.
func answerToken(w http.ResponseWriter, r *http.Request, status int, params url.Values) {
	if !strings.Contains(r.Header.Get("Accept"), "application/json") {
		answerForm(w, status, params)
		return
	}
	members := map[string]string{}
	for name := range params {
		members[name] = params.Get(name)
	}
	answerJSON(w, status, members)
}

func answerForm(w http.ResponseWriter, status int, params url.Values) {
	w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(params.Encode()))
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// one returns a parameter that came exactly once.
func one(params url.Values, name string) string {
	if len(params[name]) != 1 {
		return ""
	}
	return params[name][0]
}

// formDecode undoes the encoding that RFC 6749, section 2.3.1, asks for
// within Basic credentials.
func formDecode(s string) string {
	if decoded, err := url.QueryUnescape(s); err == nil {
		return decoded
	}
	return s
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
