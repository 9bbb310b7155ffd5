// Package authserver is what an authorization server that does its duty decides, for
// OAuth 2 (RFC 6749, 7636, 9700) and OAuth 1 (RFC 5849). It keeps everything in memory and
// answers nobody: how people are asked, and what replies look like, is up to the service
// on top. Two stand on it: the providers of passporttest, which then misbehave as they are
// told, and the identity service of examples/connect.
package authserver

import (
	"crypto"
	"crypto/rand"
	"crypto/subtle"
	"maps"
	"net/url"
	"slices"
	"time"
)

// How long what is given out is good. A code lives for a minute because an application
// redeems it at once.
const (
	TokenLife   = time.Hour
	codeLife    = time.Minute
	refreshLife = 30 * 24 * time.Hour
	forever     = 100 * 365 * 24 * time.Hour
)

// Client is an application that is registered with a service.
type Client struct {
	Name      string           // shown to the person who is asked
	Key       string           // the OAuth 2 client_id, the OAuth 1 consumer key
	Secret    string           // shared with the application; empty for a public client (RFC 6749, 2.1)
	PublicKey crypto.PublicKey // of a client that signs in place of having a secret (RFC 7523); nil: it has one, or is public
	Callbacks []string         // where people may be sent back to, compared exactly; nil: anywhere
}

// Allows tells whether people may be sent back to an address.
func (c Client) Allows(address string) bool {
	if c.Callbacks != nil {
		return slices.Contains(c.Callbacks, address)
	}
	u, err := url.Parse(address)
	return err == nil && u.IsAbs() && u.Host != "" && u.Fragment == ""
}

func find(clients []Client, key string) (Client, bool) {
	i := slices.IndexFunc(clients, func(c Client) bool { return c.Key == key })
	if key == "" || i < 0 {
		return Client{}, false
	}
	return clients[i], true
}

// One is a parameter that came exactly once, else "".
func One(params url.Values, name string) string {
	if len(params[name]) != 1 {
		return ""
	}
	return params[name][0]
}

// WithQuery adds parameters to an address, which may have some already.
func WithQuery(address string, params url.Values) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	q := u.Query()
	maps.Copy(q, params)
	u.RawQuery = q.Encode()
	return u.String()
}

// Secret is 130 random bits, after a word that says what they are for.
func Secret(kind string) string { return kind + "-" + rand.Text() }

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
