package identity

import (
	"net/http"
	"net/url"
	"strconv"
)

// requestToken is an OAuth 1 temporary credential that nobody has agreed to.
type requestToken struct {
	client   Client
	callback string
	secret   string
}

// verifiedToken is a temporary credential that somebody has agreed to.
type verifiedToken struct {
	requestToken
	person   Person
	verifier string
}

// accessToken is an OAuth 1 token credential.
type accessToken struct {
	client string
	secret string
	person Person
}

func (s *service) requestToken1(w http.ResponseWriter, r *http.Request) {
	signed, err := s.verify(r, nil)
	if err != nil {
		refuseSignature(w, err)
		return
	}
	callback := signed.params["oauth_callback"]
	if !signed.client.allows(callback) {
		answerErrors(w, http.StatusForbidden, 415, "Callback URL not approved for this client application.")
		return
	}
	token, secret := newSecret("request"), newSecret("secret")
	s.requestTokens.put(token, requestToken{client: signed.client, callback: callback, secret: secret})
	answerForm(w, http.StatusOK, url.Values{
		"oauth_token": {token}, "oauth_token_secret": {secret}, "oauth_callback_confirmed": {"true"},
	})
}

// authorize1 serves both of Twitter's addresses. On Twitter, authenticate does
// not ask a person again who has agreed before; here it does.
func (s *service) authorize1(w http.ResponseWriter, r *http.Request) {
	token := one(r.URL.Query(), "oauth_token")
	request, ok := s.requestTokens.get(token)
	if !ok {
		s.errorPage(w, http.StatusBadRequest, "This request token is unknown, used or expired.")
		return
	}
	s.ask(w, r, s.question1(token, request))
}

// question1 spends the request token with the answer, so that a second answer
// to the same request counts for nothing.
func (s *service) question1(token string, request requestToken) question {
	return question{
		Client:   request.client.Name,
		Callback: request.callback,
		Wants:    []string{"your e-mail address"},
		allow: func(p Person) (string, bool) {
			if _, ok := s.requestTokens.take(token); !ok {
				return "", false
			}
			verified := verifiedToken{requestToken: request, person: p, verifier: newSecret("verifier")}
			s.verifiers.put(token, verified)
			return withQuery(request.callback, url.Values{"oauth_token": {token}, "oauth_verifier": {verified.verifier}}), true
		},
		deny: func() string {
			s.requestTokens.take(token)
			return withQuery(request.callback, url.Values{"denied": {token}})
		},
	}
}

func (s *service) accessToken1(w http.ResponseWriter, r *http.Request) {
	signed, err := s.verify(r, func(client, token string) (string, bool) {
		verified, ok := s.verifiers.get(token)
		return verified.secret, ok && verified.client.Key == client
	})
	if err != nil {
		refuseSignature(w, err)
		return
	}
	// Whatever the verifier is, the token is spent: nobody gets a second guess.
	verified, ok := s.verifiers.take(signed.params["oauth_token"])
	if !ok || !equal(signed.params["oauth_verifier"], verified.verifier) {
		refuseSignature(w, errVerifier)
		return
	}
	token, secret := newSecret("access"), newSecret("secret")
	s.accessTokens.put(token, accessToken{client: signed.client.Key, secret: secret, person: verified.person})
	answerForm(w, http.StatusOK, url.Values{
		"oauth_token": {token}, "oauth_token_secret": {secret},
		"user_id": {strconv.Itoa(verified.person.ID)}, "screen_name": {verified.person.Login},
	})
}

func (s *service) verifyCredentials(w http.ResponseWriter, r *http.Request) {
	var person Person
	_, err := s.verify(r, func(client, token string) (string, bool) {
		access, ok := s.accessTokens.get(token)
		person = access.person
		return access.secret, ok && access.client == client
	})
	if err != nil {
		refuseSignature(w, err)
		return
	}
	profile := map[string]any{
		"id": person.ID, "id_str": strconv.Itoa(person.ID), "screen_name": person.Login, "name": person.Name,
		"description": person.Bio, "location": person.Place, "profile_image_url": avatarURL(r, person),
	}
	if r.URL.Query().Get("include_email") == "true" {
		profile["email"] = person.Email
	}
	answerJSON(w, http.StatusOK, profile)
}

func refuseSignature(w http.ResponseWriter, err error) {
	w.Header().Set("WWW-Authenticate", `OAuth realm="identity"`)
	answerErrors(w, http.StatusUnauthorized, 32, "Could not authenticate you: "+err.Error()+".")
}

// answerErrors answers in the shape of Twitter's errors.
func answerErrors(w http.ResponseWriter, status, code int, message string) {
	answerJSON(w, status, map[string]any{"errors": []map[string]any{{"code": code, "message": message}}})
}
