package identity

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gopassport/passport/internal/authserver"
)

func (s *service) requestToken1(w http.ResponseWriter, r *http.Request) {
	given, err := s.twitter.RequestToken(r)
	switch {
	case errors.Is(err, authserver.ErrCallback):
		answerErrors(w, http.StatusForbidden, 415, "Callback URL not approved for this client application.")
	case err != nil:
		refuseSignature(w, err)
	default:
		answerForm(w, http.StatusOK, url.Values{
			"oauth_token": {given.Token}, "oauth_token_secret": {given.Secret}, "oauth_callback_confirmed": {"true"},
		})
	}
}

// authorize1 serves both of Twitter's addresses. On Twitter, authenticate does
// not ask a person again who has agreed before; here it does.
func (s *service) authorize1(w http.ResponseWriter, r *http.Request) {
	asking, ok := s.twitter.Asking(authserver.One(r.URL.Query(), "oauth_token"))
	if !ok {
		s.errorPage(w, http.StatusBadRequest, "This request token is unknown, used or expired.")
		return
	}
	s.ask(w, r, s.question1(asking))
}

func (s *service) question1(asking authserver.Credential) question {
	return question{
		Client:   asking.Client.Name,
		Callback: asking.Callback,
		Wants:    []string{"your e-mail address"},
		allow: func(p Person) (string, bool) {
			agreed, ok := s.twitter.Allow(asking.Token, p.Login)
			return authserver.WithQuery(asking.Callback, url.Values{"oauth_token": {asking.Token}, "oauth_verifier": {agreed.Verifier}}), ok
		},
		deny: func() string {
			s.twitter.Deny(asking.Token)
			return authserver.WithQuery(asking.Callback, url.Values{"denied": {asking.Token}})
		},
	}
}

func (s *service) accessToken1(w http.ResponseWriter, r *http.Request) {
	given, err := s.twitter.AccessToken(r)
	if err != nil {
		refuseSignature(w, err)
		return
	}
	person, _ := s.person(given.Subject)
	answerForm(w, http.StatusOK, url.Values{
		"oauth_token": {given.Token}, "oauth_token_secret": {given.Secret},
		"user_id": {strconv.Itoa(person.ID)}, "screen_name": {person.Login},
	})
}

func (s *service) verifyCredentials(w http.ResponseWriter, r *http.Request) {
	access, err := s.twitter.Open(r)
	if err != nil {
		refuseSignature(w, err)
		return
	}
	person, _ := s.person(access.Subject)
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
