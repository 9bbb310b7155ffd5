package codeflow

import (
	"errors"
	"net/http"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/callback"
)

// Answer takes the flow that a provider's answer belongs to, and gives its code. issuer is
// the provider's as the strategy knows it, "" where it does not. Nothing has been sent when
// it returns, and the flow is spent. The error is an [*passport.Error].
//
// An answer that names an issuer (RFC 9207) is compared where issuer is known; one that
// names none is refused where the provider, when the flow began, said that it always does.
func Answer(r *http.Request, a *passport.Attempt, answer callback.Response, issuer string) (code string, f Flow, err error) {
	state, err := answer.State()
	if err != nil {
		return "", f, err
	}
	if err := a.Take(state, &f); err != nil {
		return "", Flow{}, err
	}
	if err := f.match(r, answer, issuer); err != nil {
		return "", Flow{}, err
	}
	code, err = answer.Code()
	return code, f, err
}

// match compares the answer with what was asked, and whom.
func (f Flow) match(r *http.Request, answer callback.Response, issuer string) error {
	switch {
	case f.Verifier == "":
		return callback.Malformed("the flow has no verifier; it was begun by something else")
	case f.Issuer != issuer:
		return &passport.Error{Code: passport.CodeIssuer, Status: http.StatusBadRequest, Message: "That did not work. Please start again.",
			Err: errors.New("the flow began with another issuer than this strategy has now")}
	case f.NamesIssuer, issuer != "" && answer.Has("iss"):
		if err := answer.Issuer(issuer); err != nil {
			return err
		}
	}
	if r.Method == http.MethodPost && !f.FormPost {
		return callback.Malformed("the answer was posted, and response_mode=form_post was not asked for")
	}
	return nil
}
