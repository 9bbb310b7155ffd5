package oidc

import (
	"cmp"
	"crypto"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gopassport/passport/internal/codeflow"
	"github.com/gopassport/passport/internal/outbound"
)

// Config is an application at a provider. Issuer, ClientID and RedirectURL are needed; so
// is ClientSecret, unless Auth says otherwise. [New] copies it. Printed and logged it shows
// the issuer and the client id only.
type Config struct {
	// Issuer names the provider, exactly as it spells itself: a slash at the end counts.
	// Its metadata is at Issuer + "/.well-known/openid-configuration". It is https; plain
	// http is for loopback hosts.
	Issuer string

	ClientID     string
	ClientSecret string        // for SecretBasic and SecretPost
	Auth         Auth          // "": SecretBasic (OpenID Connect Core 9)
	Key          crypto.Signer // for PrivateKeyJWT: RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519
	KeyID        string        // the kid of Key; may be ""

	// RedirectURL is where the provider answers to: the address of the callback route, as
	// it is registered at the provider. Each strategy has its own (RFC 9700, 4.4.2.2).
	RedirectURL string

	// Scopes are asked for beside openid: "profile" and "email", say. A route may ask for
	// others ([Scopes]).
	Scopes []string

	// Params are more parameters of the authorization request, such as Google's hd. Those
	// of a route ([passport.Param]) come before them.
	Params map[string]string

	// MaxAge is how long ago the person may have logged in at the provider, in whole
	// seconds; auth_time in the ID token must say so (OpenID Connect Core 3.1.2.1). 0: any
	// time. A route may ask for another (the parameter max_age).
	MaxAge time.Duration

	// Userinfo asks the userinfo endpoint, too (OpenID Connect Core 5.3): for claims that
	// this provider does not put into the ID token, a name or an address say. It costs a
	// request for each login.
	Userinfo bool

	// FormPost asks the provider to post its answer in a form (response_mode=form_post),
	// so that the code is in no address. The engine brings it to where the cookies are.
	FormPost bool

	// PushedRequests sends the authorization request to the provider beforehand, so that
	// the browser carries a reference only (RFC 9126). It costs a request for each flow. A
	// provider whose metadata requires it gets it anyway.
	PushedRequests bool

	// Audiences are others who may be named beside this client in the aud of an ID token
	// (OpenID Connect Core 3.1.3.7, 3). Most applications have none.
	Audiences []string

	// Algorithms are those that ID tokens and logout tokens may be signed with. Empty:
	// RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 and EdDSA, as far as
	// the provider's metadata names them. There are no others.
	Algorithms []string

	// Timeout bounds all calls to the provider of one request together. 0: 15 seconds.
	Timeout time.Duration

	// Client lends its Transport, for a proxy or certificates of one's own; its other fields
	// are not used. Nil: http.DefaultTransport. Redirects are never followed, and replies
	// are read up to 1 MiB.
	Client *http.Client
}

// own is a copy that nobody else changes, with what is left out filled in.
func (c Config) own() Config {
	c.Scopes, c.Params = withOpenID(c.Scopes), maps.Clone(c.Params)
	c.Audiences, c.Algorithms = slices.Clone(c.Audiences), slices.Clone(c.Algorithms)
	if c.Timeout == 0 {
		c.Timeout = outbound.DefaultTimeout
	}
	return c
}

// flow is what the code flow must know of it.
func (c Config) flow() codeflow.Config {
	return codeflow.Config{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, Auth: codeflow.Auth(cmp.Or(c.Auth, SecretBasic)), Key: c.Key, KeyID: c.KeyID,
		RedirectURL: c.RedirectURL, Scopes: withOpenID(c.Scopes), Params: c.Params, Issuer: c.Issuer,
		FormPost: c.FormPost, Timeout: c.Timeout, Transport: c.transport(),
	}
}

// transport is nil where there is none of one's own.
func (c Config) transport() http.RoundTripper {
	if c.Client == nil {
		return nil
	}
	return c.Client.Transport
}

// problem says what cannot be right, "" for nothing.
func (c Config) problem() string {
	if problem := codeflow.URLProblem("Issuer", c.Issuer); problem != "" {
		return problem
	}
	flow := c.flow()
	if problem := flow.Problem(); problem != "" {
		return problem
	}
	u, _ := url.Parse(c.Issuer) // it parsed above
	_, aged := c.Params["max_age"]
	switch wrong := slices.IndexFunc(c.Algorithms, func(a string) bool { return !slices.Contains(signatures(), a) }); {
	case u.RawQuery != "" || u.ForceQuery:
		return "Issuer has a query; an issuer has none (OpenID Connect Discovery 3)"
	case wrong >= 0:
		return fmt.Sprintf("Algorithms has %q; there are %v", c.Algorithms[wrong], signatures())
	case c.MaxAge < 0 || c.MaxAge%time.Second != 0:
		return fmt.Sprintf("MaxAge is %v; it is a number of whole seconds", c.MaxAge)
	case aged:
		return "Params has max_age; use MaxAge, so that it is checked, too"
	}
	return ""
}

// Format shows no secret, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "oidc.Config{Issuer: %q, ClientID: %q}", c.Issuer, c.ClientID)
}

// LogValue shows no secret.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(slog.String("issuer", c.Issuer), slog.String("client_id", c.ClientID))
}

// MarshalJSON shows no secret.
func (c Config) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"issuer": c.Issuer, "client_id": c.ClientID})
}
