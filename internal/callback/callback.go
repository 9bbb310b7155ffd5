// Package callback reads what a provider sent back through the browser. Everything in it
// may come from an attacker: it is parsed strictly, and nothing of it ends up in an error.
//
// A strategy uses it in this order, so that a bad answer spends nobody else's flow and
// nothing is sent to a provider for it:
//
//	answer, err := callback.Parse(r)     // malformed: nothing was looked at
//	answer.OAuth2()                      // is it an answer at all, or a request to begin?
//	state, err := answer.State()         // names the flow
//	a.Take(state, &flow)                 // the engine's checks; the flow is spent
//	answer.Issuer("https://op.example")  // where the strategy knows it
//	code, err := answer.Code()           // or what the provider said instead
//
// All errors are [*passport.Error].
package callback

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"

	"github.com/gopassport/passport"
)

const (
	maxBody       = 64 << 10
	maxParameters = 32
)

// Response is a provider's answer. It holds only parameters that a provider answers
// with; the others of the request cannot be read from it.
type Response struct{ values url.Values }

// Parse reads the answer in a request: of a POST from its body, else from its query, and
// never from both. more names parameters that this provider answers with beside those of
// OAuth 1, OAuth 2 and OpenID Connect.
//
// It refuses, with CodeCallback, what cannot be parsed, more than 32 parameters, a body
// of more than 64 KiB, a response parameter that comes twice (RFC 6749, 3.1), is too long
// or holds other characters than printable ASCII (RFC 6749, appendix A), and a POST that
// has response parameters in its address. A JSON body is a program that wants to begin;
// it is not read.
func Parse(r *http.Request, more ...string) (Response, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return Response{}, Malformed("the query does not parse")
	}
	if r.Method != http.MethodPost {
		return choose(query, more)
	}
	if stray, err := choose(query, more); err != nil || len(stray.values) > 0 {
		return Response{}, Malformed("a POST has response parameters in its address")
	}
	form, err := body(r)
	if err != nil {
		return Response{}, err
	}
	return choose(form, more)
}

// body parses the form of a POST. Where somebody parsed it before, that counts.
func body(r *http.Request) (url.Values, error) {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case media == "" || media == "application/json":
		return nil, nil
	case media != "application/x-www-form-urlencoded":
		return nil, Malformed("what was posted is no application/x-www-form-urlencoded")
	case r.PostForm == nil && r.Body != nil:
		r.Body = http.MaxBytesReader(nil, r.Body, maxBody)
		if r.ParseForm() != nil {
			return nil, Malformed("the posted form does not parse, or is too large")
		}
	}
	return r.PostForm, nil
}

// choose keeps the response parameters.
func choose(from url.Values, more []string) (Response, error) {
	if len(from) > maxParameters {
		return Response{}, Malformed("there are too many parameters")
	}
	chosen := url.Values{}
	for name, values := range from {
		limit := longest(name)
		if limit == 0 && slices.Contains(more, name) {
			limit = maxOther
		}
		switch {
		case limit == 0:
			continue
		case len(values) > 1:
			return Response{}, Malformed(name + " comes twice")
		case len(values[0]) > limit:
			return Response{}, Malformed(name + " is too long")
		case name != "error_description" && !printable(values[0]): // people read that one, in their language
			return Response{}, Malformed(name + " has characters that it cannot have")
		}
		chosen[name] = values
	}
	return Response{chosen}, nil
}

const maxOther = 4096

// longest says how long a response parameter may be, in bytes; 0 for what is none.
func longest(name string) int {
	switch name {
	case "state", "oauth_token", "denied", "iss":
		return 512
	case "error", "error_description", "error_uri", "oauth_problem", "oauth_verifier":
		return 1024
	case "code", "access_token", "id_token", "response":
		return maxOther
	}
	return 0
}

func printable(s string) bool {
	return !slices.ContainsFunc([]byte(s), func(b byte) bool { return b < ' ' || b > '~' })
}

// Get gives a parameter, "" where it did not come.
func (p Response) Get(name string) string { return p.values.Get(name) }

// Has tells whether one of the parameters came, be it empty.
func (p Response) Has(names ...string) bool {
	return slices.ContainsFunc(names, p.values.Has)
}

// OAuth2 tells whether this is a provider's answer by OAuth 2 or OpenID Connect, good or
// bad. A state alone is none: people are sent to begin with all kinds of addresses.
func (p Response) OAuth2() bool {
	return p.Has("code", "error", "access_token", "id_token", "response")
}

// OAuth1 tells whether this is a provider's answer by OAuth 1, good or bad.
func (p Response) OAuth1() bool {
	return p.Has("oauth_token", "oauth_verifier", "denied", "oauth_problem")
}

// State names the flow that an OAuth 2 answer belongs to.
func (p Response) State() (string, error) {
	state := p.Get("state")
	if state == "" {
		return "", Malformed("there is no state")
	}
	return state, nil
}

// Issuer compares who answered with who was asked (RFC 9207). want is the issuer exactly
// as the provider spells it. An answer that names nobody is refused as well: ask only for
// providers that are known to name themselves.
func (p Response) Issuer(want string) error {
	if p.Has("iss") && p.Get("iss") == want {
		return nil
	}
	cause := "the answer names no issuer, and this provider always does"
	if p.Has("iss") {
		cause = "the answer names another issuer than the provider's"
	}
	return &passport.Error{Code: passport.CodeIssuer, Status: http.StatusBadRequest, Message: again, Err: errors.New(cause)}
}

// Code is the code of an OAuth 2 answer, or what the provider answered in its place: a
// denial (CodeDenied), an error (CodeProvider, CodeProviderUnavailable), or anything that
// is neither (CodeCallback). Call it when the flow was taken: before that, nobody knows
// whether a provider said it.
func (p Response) Code() (string, error) {
	code := p.Get("code")
	switch {
	case p.Has("error") && p.Has("code"):
		return "", Malformed("there are both a code and an error")
	case p.Has("error"):
		return "", failed(p.Get("error"))
	case p.Has("access_token", "id_token", "response"):
		return "", Malformed("there is a token; a code was asked for")
	case code == "":
		return "", Malformed("there are neither a code nor an error")
	}
	return code, nil
}

// RequestToken names the flow that an OAuth 1 answer belongs to, also where the person
// said no (Twitter's denied). Without a token, an oauth_problem is the refusal itself.
func (p Response) RequestToken() (string, error) {
	token := p.Get("oauth_token")
	switch {
	case p.Has("denied") && p.Has("oauth_token"):
		return "", Malformed("there are both oauth_token and denied")
	case p.Has("denied"):
		token = p.Get("denied")
	case !p.Has("oauth_token") && unwilling(p.Get("oauth_problem")):
		return "", Denied("oauth_problem says so, without a token")
	}
	if token == "" {
		return "", Malformed("there is no oauth_token")
	}
	return token, nil
}

// Verifier is the verifier of an OAuth 1 answer, or what the provider answered in its
// place. As [Response.Code], it is for an answer whose flow was taken.
func (p Response) Verifier() (string, error) {
	verifier := p.Get("oauth_verifier")
	switch {
	case p.Has("denied"):
		return "", Denied("denied")
	case unwilling(p.Get("oauth_problem")):
		return "", Denied("oauth_problem says so")
	case p.Has("oauth_problem"):
		return "", provider("an oauth_problem")
	case verifier == "":
		return "", Malformed("there is no oauth_verifier")
	}
	return verifier, nil
}

// Stray is for a request that names a flow and says nothing else. Usually the name means
// nothing, and a new flow may begin (nil). Where the flow is pending it is refused: some
// answer was cut short.
func Stray(a *passport.Attempt, key string) error {
	var flow json.RawMessage
	err := a.Take(key, &flow)
	var e *passport.Error
	switch {
	case err == nil:
		return Malformed("there is nothing but the name of a flow")
	case errors.As(err, &e) && (e.Code == passport.CodeFlowMissing || e.Code == passport.CodeNavigation):
		return nil // CodeNavigation: nobody looked; whether this may begin, Begin says
	}
	return err
}

const again = "That did not work. Please start again."

// Malformed is the refusal of an answer that no provider gives. The cause names
// parameters, and quotes none.
func Malformed(cause string) *passport.Error {
	return &passport.Error{Code: passport.CodeCallback, Status: http.StatusBadRequest, Message: again, Err: errors.New(cause)}
}

// Denied is the refusal by the person, or by the provider for the person. The cause is a
// word of a standard, and quotes none.
func Denied(cause string) *passport.Error {
	return &passport.Error{Code: passport.CodeDenied, Status: http.StatusForbidden, Message: "The other service did not give access.",
		Err: fmt.Errorf("the provider answered: %s", cause)}
}

func provider(cause string) *passport.Error {
	return &passport.Error{Code: passport.CodeProvider, Status: http.StatusBadGateway, Err: fmt.Errorf("the provider answered: %s", cause)}
}

// unwilling tells whether an oauth_problem is a person's no (OAuth 1 problem reporting).
func unwilling(problem string) bool {
	return problem == "user_refused" || problem == "permission_denied"
}

// failed is what an error code of an authorization response means: RFC 6749, 4.1.2.1;
// OpenID Connect Core, 3.1.2.6; RFC 8707; RFC 9470. Only a code of these lists is shown.
func failed(code string) *passport.Error {
	switch code {
	case "access_denied", "login_required", "consent_required", "interaction_required", "account_selection_required",
		"user_cancelled_login", "user_cancelled_authorize": // LinkedIn and Apple say it so
		return Denied(code)
	case "temporarily_unavailable":
		return &passport.Error{Code: passport.CodeProviderUnavailable, Status: http.StatusServiceUnavailable, Err: errors.New("the provider answered: temporarily_unavailable")}
	case "invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope", "server_error",
		"invalid_request_uri", "invalid_request_object", "request_not_supported", "request_uri_not_supported",
		"registration_not_supported", "invalid_target", "insufficient_user_authentication":
		return provider(code)
	}
	return provider("provider_error")
}
