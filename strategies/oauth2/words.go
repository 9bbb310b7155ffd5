package oauth2

import (
	"strings"

	"github.com/gopassport/passport"
)

// Scopes asks for other scopes than Config.Scopes on this route (RFC 6749, 3.3). Making the
// route panics where there is none, or one that is malformed.
func Scopes(scopes ...string) passport.Option {
	return passport.Param("scope", strings.Join(scopes, " "))
}

// Prompt says what the service shows the person. OpenID Connect knows none, login, consent
// and select_account (Core, 3.1.2.1), and services of OAuth 2 often the same.
func Prompt(prompt string) passport.Option { return passport.Param("prompt", prompt) }

// LoginHint tells the service who is likely to log in: an e-mail address, say, or the domain
// of a company.
func LoginHint(hint string) passport.Option { return passport.Param("login_hint", hint) }
