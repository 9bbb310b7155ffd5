package passporttest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// How long what the provider gives out is good.
const (
	codeLife  = time.Minute
	tokenLife = time.Hour
)

// token is the token endpoint.
func (p *Provider) token(c *call) *Reply {
	if c.Method != http.MethodPost {
		return refused(http.StatusMethodNotAllowed, "invalid_request")
	}
	if problem := p.authenticate(c); problem != nil {
		return problem
	}
	if p.happens(InvalidGrant, Token) {
		return refused(http.StatusBadRequest, "invalid_grant")
	}
	switch c.form.Get("grant_type") {
	case "authorization_code":
		return p.exchange(c.form)
	case "refresh_token":
		return p.renew(c.form)
	}
	return refused(http.StatusBadRequest, "unsupported_grant_type")
}

// authenticate checks who the client is: by Basic or by the form, never by both (RFC
// 6749, 2.3). Nil is good.
func (p *Provider) authenticate(c *call) *Reply {
	id, password, basic := c.BasicAuth()
	switch {
	case basic && c.form.Has("client_secret"):
		return refused(http.StatusBadRequest, "invalid_request")
	case basic:
		id, password = unescape(id), unescape(password)
	default:
		id, password = c.form.Get("client_id"), c.form.Get("client_secret")
	}
	if id != p.ClientID || !equal(password, p.ClientSecret) || p.config.Public && (basic || password != "") {
		problem := refused(http.StatusUnauthorized, "invalid_client")
		problem.Header.Set("WWW-Authenticate", `Basic realm="passporttest"`)
		return problem
	}
	return nil
}

// unescape undoes what RFC 6749, 2.3.1 does to the two halves.
func unescape(s string) string {
	plain, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return plain
}

// exchange gives tokens for a code, once, whatever is wrong with the request.
func (p *Provider) exchange(form url.Values) *Reply {
	g, ok := take(&p.mu, p.grants, form.Get("code"))
	if !ok || time.Since(g.at) > codeLife || form.Get("redirect_uri") != g.redirect || !verifies(form.Get("code_verifier"), g.challenge) {
		return refused(http.StatusBadRequest, "invalid_grant")
	}
	return p.grant(g)
}

// verifies is PKCE (RFC 7636, 4.6). A verifier that nobody announced is refused as well.
func verifies(verifier, challenge string) bool {
	if challenge == "" {
		return verifier == ""
	}
	sum := sha256.Sum256([]byte(verifier))
	return equal(base64.RawURLEncoding.EncodeToString(sum[:]), challenge)
}

// renew gives tokens for a refresh token, once, and with them the next one.
func (p *Provider) renew(form url.Values) *Reply {
	g, ok := take(&p.mu, p.refresh, form.Get("refresh_token"))
	if !ok {
		return refused(http.StatusBadRequest, "invalid_grant")
	}
	g.nonce = "" // OpenID Connect Core, 12.2
	return p.grant(g)
}

func (p *Provider) grant(g grant) *Reply {
	access, refresh := secret("access"), secret("refresh")
	g.at = time.Now()
	p.mu.Lock()
	p.tokens[access], p.refresh[refresh] = g, g
	p.mu.Unlock()
	members := map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": int(tokenLife / time.Second), "refresh_token": refresh, "scope": g.scope,
	}
	if contains(strings.Fields(g.scope), "openid") && !p.happens(NoIDToken, Token) {
		members["id_token"] = p.idToken(g, access)
	}
	if p.happens(NoAccessToken, Token) {
		delete(members, "access_token")
	}
	if p.happens(WrongTokenType, Token) {
		members["token_type"] = "mac"
	}
	return reply(http.StatusOK, members)
}

// bearer gives the token of the Authorization header.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
