package codeflow

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/random"
)

// Flow is what is kept until the callback. Begin fills in what is its own; the names in
// JSON are short, because a cookie holds it.
type Flow struct {
	Verifier    string `json:"v"`           // of PKCE
	Nonce       string `json:"n,omitempty"` // the caller's, for OpenID Connect
	MaxAge      int    `json:"m,omitempty"` // the caller's, in seconds
	ACR         string `json:"a,omitempty"` // the caller's: one of these must confirm the person
	Scope       string `json:"s,omitempty"` // what the route asked for, where that is not Config.Scopes
	Issuer      string `json:"i,omitempty"` // who was asked
	NamesIssuer bool   `json:"r,omitempty"` // the answer must name it
	FormPost    bool   `json:"p,omitempty"` // the answer may be posted
}

// Begin sends the person to the provider. The caller may have set Nonce and MaxAge of the
// flow; own are its parameters, which come before those of the route and of Config.Params.
// The error is an [*passport.Error].
func (c *Client) Begin(r *http.Request, a *passport.Attempt, f Flow, own url.Values) (passport.Result, error) {
	if err := a.Begin(); err != nil { // before anything is sent
		return nil, err
	}
	state := random.Token()
	f.Verifier, f.Scope = random.Token(), a.Param("scope")
	f.Issuer, f.NamesIssuer, f.FormPost = c.config.Issuer, c.config.NamesIssuer, c.config.FormPost
	query := c.request(a, state, f, own)
	if c.config.Endpoint.Push != "" {
		pushed, err := c.push(r.Context(), query)
		if err != nil {
			return nil, err
		}
		query = pushed
	}
	if err := a.Save(state, f); err != nil { // after the push: a provider that is down leaves nothing in a store
		return nil, err
	}
	return passport.Redirect{URL: c.address(query)}, nil
}

// request is the authorization request (RFC 6749, 4.1.1; RFC 7636, 4.3). What comes later
// replaces what came before.
func (c *Client) request(a *passport.Attempt, state string, f Flow, own url.Values) url.Values {
	query := make(url.Values, 8+len(own)+len(c.config.Params))
	for name, value := range c.config.Params {
		query.Set(name, value)
	}
	for _, name := range extras() {
		if value := a.Param(name); value != "" {
			query.Set(name, value)
		}
	}
	maps.Copy(query, own)
	if asked := c.asked(f); len(asked) > 0 {
		query.Set("scope", strings.Join(asked, c.config.ScopeSeparator))
	}
	if f.FormPost {
		query.Set("response_mode", "form_post")
	}
	sum := sha256.Sum256([]byte(f.Verifier))
	query.Set("response_type", "code")
	query.Set("client_id", c.config.ClientID)
	query.Set("redirect_uri", c.config.RedirectURL)
	query.Set("state", state)
	query.Set("code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]))
	query.Set("code_challenge_method", "S256")
	return query
}

// asked are the scopes that a flow asked for.
func (c *Client) asked(f Flow) []string {
	if f.Scope == "" {
		return c.config.Scopes
	}
	return strings.Split(f.Scope, " ")
}

// address is where the browser goes. What the endpoint's own address says stays, unless we
// say it, too.
func (c *Client) address(query url.Values) string {
	for name, values := range c.query {
		if !query.Has(name) {
			query[name] = values
		}
	}
	return c.authorize + "?" + strings.ReplaceAll(query.Encode(), "+", "%20") // Apple does not read a + as a space
}
