package identity

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gopassport/passport/internal/authserver"
)

// office is where one of the OAuth 2 services deals with applications.
type office struct {
	*authserver.OAuth2
	scopes map[string]string // what people read about them
}

// authorize2 is the authorization endpoint.
func (s *service) authorize2(o office) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { s.authorization(w, r, o) }
}

func (s *service) authorization(w http.ResponseWriter, r *http.Request, o office) {
	asked, problem := o.Request(r.URL.Query())
	if problem != nil {
		s.errorPage(w, problem.Status, problem.Description)
		return
	}
	if problem := o.Check(asked); problem != nil {
		http.Redirect(w, r, back(asked, problem.Params()), http.StatusFound) //nolint:gosec // Request has checked where that is
		return
	}
	s.hint(w, r, asked.Get("login_hint"))
	s.ask(w, r, o.question(asked))
}

// question is what people read. Saying yes again is about the same permit.
func (o office) question(asked authserver.Request) question {
	return question{
		Client:   asked.Client.Name,
		Callback: asked.Callback(),
		Wants:    o.wants(asked.Get("scope")),
		allow: func(p Person) (string, bool) {
			code := o.Allow(asked, p.Login, asked.Client.Key+" "+p.Login)
			return back(asked, url.Values{"code": {code}}), true
		},
		deny: func() string {
			return back(asked, url.Values{"error": {"access_denied"}, "error_description": {"the person said no"}})
		},
	}
}

// back is where an answer goes.
func back(asked authserver.Request, answer url.Values) string {
	return authserver.WithQuery(asked.Callback(), asked.Answer(answer))
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

// redeem gives tokens to a client that proves to be one.
func (o office) redeem(r *http.Request) (authserver.Issued, *authserver.Problem) {
	client, problem := o.client(r)
	if problem != nil {
		return authserver.Issued{}, problem
	}
	return o.Redeem(client, r.PostForm)
}

func (o office) client(r *http.Request) (authserver.Client, *authserver.Problem) {
	if err := r.ParseForm(); err != nil {
		return authserver.Client{}, &authserver.Problem{Status: http.StatusBadRequest, Code: "invalid_request", Description: "the body is no form"}
	}
	return o.Authenticate(r, r.PostForm)
}

// accessToken2 is the token endpoint. There are no refresh tokens at this service.
func (s *service) accessToken2(w http.ResponseWriter, r *http.Request) {
	issued, problem := s.github.redeem(r)
	if problem != nil {
		challenge(w, problem)
		answerToken(w, r, problem.Status, problem.Params())
		return
	}
	answerToken(w, r, http.StatusOK, url.Values{"access_token": {issued.Access}, "scope": {issued.Scope}, "token_type": {"bearer"}})
}

func (s *service) user(w http.ResponseWriter, r *http.Request) {
	_, p, ok := s.bearer(w, r)
	if !ok {
		return
	}
	answerJSON(w, http.StatusOK, map[string]any{
		"id": p.ID, "login": p.Login, "name": p.Name, "type": "User",
		"email": nil, // as on GitHub for people who keep it private; /user/emails has it
		"bio":   p.Bio, "location": p.Place, "avatar_url": avatarURL(r, p),
	})
}

func (s *service) emails(w http.ResponseWriter, r *http.Request) {
	access, p, ok := s.bearer(w, r)
	if !ok {
		return
	}
	if !mayReadEmails(access.Scope) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="identity", error="insufficient_scope", scope="user:email"`)
		answerJSON(w, http.StatusForbidden, map[string]string{"message": "The token lacks the scope user:email"})
		return
	}
	answerJSON(w, http.StatusOK, []map[string]any{
		{"email": p.Email, "primary": true, "verified": true, "visibility": "private"},
	})
}

// bearer finds what the request's token gives, or answers that it gives
// nothing.
func (s *service) bearer(w http.ResponseWriter, r *http.Request) (authserver.Grant, Person, bool) {
	access, ok := s.github.Tokens.Open(r, "Bearer", "token")
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer realm="identity"`)
		answerJSON(w, http.StatusUnauthorized, map[string]string{"message": "Bad credentials"})
		return access, Person{}, false
	}
	p, ok := s.person(access.Subject)
	return access, p, ok
}

func mayReadEmails(scope string) bool {
	scopes := scopesOf(scope)
	return slices.Contains(scopes, "user:email") || slices.Contains(scopes, "user")
}

func scopesOf(scope string) []string {
	return strings.FieldsFunc(scope, func(r rune) bool { return r == ' ' || r == ',' })
}

// challenge names the way in to a client that proved nothing (RFC 6749, 5.2).
func challenge(w http.ResponseWriter, problem *authserver.Problem) {
	if problem.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="identity"`)
	}
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
	_, _ = io.WriteString(w, params.Encode()) //nolint:gosec // encoded, and of a type that is no page
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
