// Package codeflow is the authorization code flow (RFC 6749, 4.1) with what today's rules
// ask of a client (RFC 9700): PKCE always, one way to authenticate, the issuer compared, no
// redirects followed, replies read strictly. Who the person is, it does not know: that is
// for the strategies oauth2 and oidc, which call it in this order:
//
//	answer, err := callback.Parse(r)
//	answer.OAuth2()                                       // no: client.Begin(r, a, …)
//	code, flow, err := codeflow.Answer(r, a, answer, …)   // nothing is sent before this
//	token, err := client.Redeem(ctx, code, flow)
package codeflow

import (
	"context"
	"crypto"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gopassport/passport/internal/intent"
	"github.com/gopassport/passport/internal/outbound"
)

// Auth is how the client authenticates where it asks for tokens and pushes requests. The
// values are the names of RFC 7591, 2 (token_endpoint_auth_method).
type Auth string

// What there is. Nothing is tried in turn: a code that comes twice ends all its tokens at
// careful servers (RFC 6749, 4.1.2).
const (
	Basic         Auth = "client_secret_basic" // RFC 6749, 2.3.1: both form-encoded, then HTTP Basic
	Post          Auth = "client_secret_post"  // in the form
	None          Auth = "none"                // a public client
	PrivateKeyJWT Auth = "private_key_jwt"     // RFC 7523, 2.2
)

// Endpoint is where a provider is asked. All are https, or http on a loopback host.
type Endpoint struct {
	Authorize string // for the browser; its query is kept
	Token     string
	Push      string // for pushed authorization requests (RFC 9126); "": they are not pushed
}

// Config is an application at a provider, and the provider.
type Config struct {
	ClientID       string
	ClientSecret   string // for Basic and Post
	Auth           Auth
	Key            crypto.Signer // for PrivateKeyJWT: RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519
	KeyID          string        // the kid of Key; may be ""
	RedirectURL    string
	Scopes         []string
	ScopeSeparator string            // "" is a space
	Params         map[string]string // more parameters for the authorization request
	Issuer         string            // exactly as the provider spells it; "": it is not known
	NamesIssuer    bool              // the provider says that its answers have iss (RFC 9207)
	FormPost       bool              // ask for response_mode=form_post
	Endpoint       Endpoint
	Timeout        time.Duration     // of all calls of one request together; 0: 15 seconds
	Transport      http.RoundTripper // nil: http.DefaultTransport
}

// Client runs flows. It is safe for concurrent use.
type Client struct {
	config    Config
	signer    jose.Signer
	authorize string     // the address without its query
	query     url.Values // and its query
}

// New makes a client. The error is the sentence of [Config.Problem] or
// [Endpoint.Problem].
func New(c Config) (*Client, error) {
	problem := c.Problem()
	if problem == "" {
		problem = c.Endpoint.Problem()
	}
	if problem != "" {
		return nil, outbound.Safe(problem)
	}
	c.Scopes, c.Params = slices.Clone(c.Scopes), maps.Clone(c.Params) // what the caller changes later changes nothing
	if c.Timeout == 0 {
		c.Timeout = outbound.DefaultTimeout
	}
	if c.ScopeSeparator == "" {
		c.ScopeSeparator = " "
	}
	address, _ := url.Parse(c.Endpoint.Authorize) // Problem has parsed it
	query := address.Query()
	address.RawQuery = ""
	signer, _ := newSigner(c) // and made one
	return &Client{config: c, signer: signer, authorize: address.String(), query: query}, nil
}

// Format implements [fmt.Formatter], so that no verb shows the secret or the key.
func (c Config) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "oauth2.Config(%q)", c.ClientID) // fmt reports what goes wrong
}

// MarshalJSON implements [json.Marshaler].
func (c Config) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"client_id": c.ClientID})
}

// Format is that of the Config, which fmt does not ask in an unexported field.
func (c *Client) Format(f fmt.State, verb rune) { c.config.Format(f, verb) }

// Problem says what cannot be right, "" for nothing. Endpoints are not looked at: where
// they are discovered, they come later.
func (c Config) Problem() string {
	if problem := c.authProblem(); problem != "" {
		return problem
	}
	if problem := redirectProblem(c.RedirectURL); problem != "" {
		return problem
	}
	for _, scope := range c.Scopes {
		if !token(scope) {
			return fmt.Sprintf("Scopes has %q; a scope is not empty, and has no spaces, quotes, backslashes or other characters than ASCII (RFC 6749, 3.3)", scope)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Params)) {
		if err := CheckParam(name, c.Params[name]); err != nil {
			return "Params: " + err.Error()
		}
	}
	switch {
	case c.Params["scope"] != "":
		return "Params has a scope; scopes go into Scopes"
	case c.ScopeSeparator != "" && c.ScopeSeparator != " " && c.ScopeSeparator != ",":
		return fmt.Sprintf("ScopeSeparator is %q; there are a space and a comma", c.ScopeSeparator)
	case c.Timeout < 0:
		return fmt.Sprintf("Timeout is %v; a time-out is positive", c.Timeout)
	case c.NamesIssuer && c.Issuer == "":
		return "the answers are to name their issuer, and Issuer is empty; set it exactly as the provider spells it"
	}
	return ""
}

// authProblem looks at how the client authenticates.
func (c Config) authProblem() string {
	_, err := newSigner(c)
	secret := c.Auth == Basic || c.Auth == Post
	switch {
	case c.ClientID == "":
		return "ClientID is empty; the provider gives one when an application is registered there"
	case !slices.Contains([]Auth{Basic, Post, None, PrivateKeyJWT}, c.Auth):
		return fmt.Sprintf("Auth is %q; say how the client authenticates at the token endpoint: %s, %s, %s or %s", c.Auth, Basic, Post, None, PrivateKeyJWT)
	case secret && c.ClientSecret == "":
		return fmt.Sprintf("ClientSecret is empty, and Auth %s needs one; a client without a secret has Auth %s", c.Auth, None)
	case !secret && c.ClientSecret != "":
		return fmt.Sprintf("there is a ClientSecret, which Auth %s does not send; leave it out, or use %s or %s", c.Auth, Basic, Post)
	case c.Auth != PrivateKeyJWT && c.Key != nil:
		return fmt.Sprintf("there is a Key, which Auth %s does not use; leave it out, or use %s", c.Auth, PrivateKeyJWT)
	case err != nil:
		return err.Error()
	}
	return ""
}

// redirectProblem looks at the address that answers come to (RFC 6749, 3.1.2).
func redirectProblem(address string) string {
	if problem := URLProblem("RedirectURL", address); problem != "" {
		return problem
	}
	u, _ := url.Parse(address) // it was parsed above
	for _, name := range slices.Sorted(maps.Keys(u.Query())) {
		if slices.Contains([]string{"code", "state", "iss", "error", "error_description", "error_uri", "access_token", "id_token", "token_type", "response", "scope", "session_state"}, name) {
			return fmt.Sprintf("RedirectURL has the parameter %q, which is the provider's to answer with; use another name", name)
		}
	}
	return ""
}

// Problem says which address cannot be right, "" for none.
func (e Endpoint) Problem() string {
	if problem := URLProblem("the authorization endpoint", e.Authorize); problem != "" {
		return problem
	}
	if problem := URLProblem("the token endpoint", e.Token); problem != "" {
		return problem
	}
	if e.Push == "" {
		return ""
	}
	return URLProblem("the endpoint for pushed requests", e.Push)
}

// URLProblem says what cannot be right about an address: it is https, or http on a
// loopback host (RFC 9700, 2.6; RFC 8252, 7.3), and has neither a user nor a fragment.
// what is named in the sentence; the address is not, for it may hold a password.
func URLProblem(what, address string) string {
	u, err := url.Parse(address)
	switch {
	case address == "":
		return what + " is empty; it is an address such as https://op.example/…"
	case err != nil:
		return what + " does not parse; it is an address such as https://op.example/…"
	case u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !intent.Loopback(u.Host)):
		return what + " is not https (plain http is for loopback hosts only); it is an address such as https://op.example/…"
	case u.User != nil || u.Fragment != "":
		return what + " has a user or a fragment; leave them out"
	}
	if _, err := url.ParseQuery(u.RawQuery); err != nil {
		return what + " has a query that does not parse; escape it"
	}
	return ""
}

// RedirectURL is where answers come to.
func (c *Client) RedirectURL() string { return c.config.RedirectURL }

// Deadline bounds the calls of one request.
func (c *Client) Deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.config.Timeout)
}
