package codeflow

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// CheckParam tells whether a route, or the program, may set a parameter of the
// authorization request. It may not set what decides about the flow itself, nor what moves
// that to where it is not seen (RFC 9101). The error is for a panic at start-up.
func CheckParam(name, value string) error {
	switch {
	case name == "":
		return errors.New("a parameter has a name")
	case slices.Contains(reserved(), name):
		return fmt.Errorf("%q is set by the flow itself, and nothing else may set it", name)
	case name == "scope" && !scopes(value):
		return fmt.Errorf("the scope %q is malformed; scopes are divided by one space each, and have no quotes, backslashes or other characters than ASCII (RFC 6749, 3.3)", value)
	}
	return nil
}

func reserved() []string {
	return []string{"client_id", "client_secret", "client_assertion", "client_assertion_type", "code", "code_challenge",
		"code_challenge_method", "code_verifier", "dpop_jkt", "error", "grant_type", "id_token", "iss", "nonce", "redirect_uri",
		"request", "request_uri", "response", "response_mode", "response_type", "state"}
}

// scopes tells whether a text is one or more scopes.
func scopes(text string) bool {
	for scope := range strings.SplitSeq(text, " ") {
		if !token(scope) {
			return false
		}
	}
	return true
}

// token tells whether a text is one scope (RFC 6749, 3.3).
func token(scope string) bool {
	return scope != "" && !slices.ContainsFunc([]byte(scope), func(b byte) bool {
		return b <= ' ' || b > '~' || b == '"' || b == '\\'
	})
}

// CheckRouteParam is CheckParam for what a route adds (passport.Param): of that, only names
// that are known can be asked for.
func CheckRouteParam(name, value string) error {
	if name != "scope" && !slices.Contains(reserved(), name) && !slices.Contains(extras(), name) {
		return fmt.Errorf("a route cannot set %q; put it into Config.Params, or use one of scope, %s", name, strings.Join(extras(), ", "))
	}
	return CheckParam(name, value)
}

// extras are the parameters that a route may add (passport.Param).
func extras() []string {
	return []string{"access_type", "acr_values", "allow_signup", "approval_prompt", "audience", "auth_type", "claims",
		"claims_locales", "connection", "display", "domain_hint", "force_login", "hd", "id_token_hint", "include_granted_scopes",
		"kc_idp_hint", "login", "login_hint", "max_age", "organization", "prompt", "resource", "screen_hint", "show_dialog",
		"token_access_type", "ui_locales"}
}
