package oauth1

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gopassport/passport/internal/intent"
	"github.com/gopassport/passport/internal/outbound"
)

// Config is the service and what the application is to it. [New] copies it.
type Config struct {
	// ConsumerKey and ConsumerSecret are the client credentials that the service gave to
	// the application (RFC 5849, 1.1: the consumer key and secret of older texts). The
	// secret may be empty with RSA signatures only, which do not use it.
	ConsumerKey, ConsumerSecret string

	// Endpoint is where the service is asked.
	Endpoint Endpoint

	// CallbackURL is where the service sends the person back to (RFC 5849, 2.1:
	// oauth_callback): https, or http on a loopback host, and exactly as the service knows
	// it. It is never made from the request. Each registered name needs its own.
	CallbackURL string

	// Signature is how requests are signed. "" means HMACSHA1, the one that every service
	// knows; take HMACSHA256 where the service has it.
	Signature Signature

	// PrivateKey signs with RSASHA1 and RSASHA256, and is nil otherwise. The service has
	// the public key.
	PrivateKey *rsa.PrivateKey

	// Profile says who the person is. It is required: [ReplyProfile] reads the reply to the
	// access token, [JSONProfile] asks an address.
	Profile ProfileFunc

	// RouteParams names what a route may add to the authorization address with
	// [passport.Param]: "screen_name" and "force_login" (Twitter), "perms" (Flickr). The
	// default is nothing; any other name is refused when the route is made. What is the same
	// for all routes may stand in the query of Endpoint.AuthorizeURL.
	RouteParams []string

	// Timeout bounds all calls of one request to the service together. 0 means 15
	// seconds; a person does not wait longer. Going over it is provider_timeout, 504.
	Timeout time.Duration

	// Client lends its Transport to all calls; the rest of it is not used. Nil means
	// http.DefaultTransport.
	Client *http.Client
}

// Endpoint is the three addresses of a service (RFC 5849, 2), each https, or http on a
// loopback host. A query in them is kept, and signed in the first and the last: "scope"
// or "x_auth_access_type", which some services want to hear with the request for a
// request token, stand in the query of RequestURL.
type Endpoint struct {
	RequestURL   string // gives temporary credentials, the request token (RFC 5849, 2.1)
	AuthorizeURL string // where the person says yes or no (RFC 5849, 2.2)
	AccessURL    string // gives token credentials, the access token (RFC 5849, 2.3)
}

// Format implements [fmt.Formatter], so that no verb shows the secret or the key.
func (c Config) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "oauth1.Config(%q)", c.ConsumerKey)
} // fmt reports what goes wrong

// LogValue implements [slog.LogValuer].
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(slog.String("consumer_key", c.ConsumerKey))
}

// MarshalJSON implements [json.Marshaler].
func (c Config) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"consumer_key": c.ConsumerKey})
}

// check panics on what cannot be right.
func check(c *Config) {
	rsaSigned := c.Signature == RSASHA1 || c.Signature == RSASHA256
	switch {
	case c.ConsumerKey == "":
		panic("oauth1: New: Config.ConsumerKey is empty; it is the client identifier that the service gave to the application")
	case c.ConsumerSecret == "" && !rsaSigned:
		panic("oauth1: New: Config.ConsumerSecret is empty; only RSA signatures need none")
	case c.signer() == nil:
		panic(fmt.Sprintf("oauth1: New: Config.Signature is %q; the constants of this package are HMACSHA1, HMACSHA256, RSASHA1 and RSASHA256", c.Signature))
	case rsaSigned != (c.PrivateKey != nil):
		panic("oauth1: New: Config.PrivateKey goes together with the Signature RSASHA1 or RSASHA256, and with no other")
	case c.Profile == nil:
		panic("oauth1: New: Config.Profile is nil; without it nobody has a name. Use ReplyProfile, JSONProfile or a function")
	case c.Timeout < 0:
		panic(fmt.Sprintf("oauth1: New: Config.Timeout is %v; a time-out is positive", c.Timeout))
	}
	if _, err := c.signer().Sign("", "a trial"); err != nil {
		panic(fmt.Sprintf("oauth1: New: Config.PrivateKey cannot sign: %v", err))
	}
	if i := slices.IndexFunc(c.RouteParams, func(p string) bool { return p == "" || reserved(p) }); i >= 0 {
		panic(fmt.Sprintf("oauth1: New: Config.RouteParams has %q; names that begin with oauth_ are the protocol's own", c.RouteParams[i]))
	}
	checkAddresses(c)
}

// checkAddresses panics on addresses that cannot be right, and gives those that are
// signed their path.
func checkAddresses(c *Config) {
	c.Endpoint.RequestURL = signed("New: Config.Endpoint.RequestURL", c.Endpoint.RequestURL)
	c.Endpoint.AuthorizeURL = address("New: Config.Endpoint.AuthorizeURL", c.Endpoint.AuthorizeURL)
	c.Endpoint.AccessURL = signed("New: Config.Endpoint.AccessURL", c.Endpoint.AccessURL)
	_ = address("New: Config.CallbackURL", c.CallbackURL) // sent as it is written
	callback, _ := url.Parse(c.CallbackURL)               // it was parsed just now
	for name := range callback.Query() {
		if reserved(name) || slices.Contains([]string{"denied", "code", "state", "iss", "error", "access_token", "id_token", "response"}, name) {
			panic(fmt.Sprintf("oauth1: New: Config.CallbackURL has the parameter %q, which is one that services answer with", name))
		}
	}
}

// address checks an address. An empty path becomes "/", as it is sent (RFC 9110, 4.2.3)
// and so signed.
func address(what, text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !intent.Loopback(u.Host)) {
		panic(fmt.Sprintf("oauth1: %s is %q; it is an absolute https address (http on a loopback host only), without user and fragment", what, text))
	}
	for name := range u.Query() {
		if reserved(name) {
			panic(fmt.Sprintf("oauth1: %s has the parameter %q; names that begin with oauth_ are the protocol's own", what, name))
		}
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String()
}

// signed is address for one that is signed. github.com/dghubble/oauth1 signs one value of
// each name, where RFC 5849, 3.4.1.3 has all: the service would find no request of it good.
func signed(what, text string) string {
	whole := address(what, text)
	u, _ := url.Parse(whole) // it was parsed just now
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		panic(fmt.Sprintf("oauth1: %s has a query that does not parse, and cannot be signed; escape it", what))
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if len(query[name]) > 1 {
			panic(fmt.Sprintf("oauth1: %s has the parameter %q more than once, which cannot be signed; leave one", what, name))
		}
	}
	return whole
}

// reserved tells whether a parameter is the protocol's own (RFC 5849, 3.1).
func reserved(name string) bool { return strings.HasPrefix(name, "oauth_") }

func (c Config) timeout() time.Duration {
	if c.Timeout == 0 {
		return outbound.DefaultTimeout
	}
	return c.Timeout
}

// transport sends the requests of one exchange; nil is the default one.
func (c Config) transport() http.RoundTripper {
	if c.Client == nil {
		return nil
	}
	return c.Client.Transport
}
