package codeflow

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/outbound"
	"github.com/gopassport/passport/internal/random"
)

// minRSA is the least size of an RSA key, in bits.
const minRSA = 2048

// newSigner makes what signs assertions; nil where the client has no need of it.
func newSigner(c Config) (jose.Signer, error) {
	if c.Auth != PrivateKeyJWT {
		return nil, nil //nolint:nilnil // nothing to sign with, and nothing wrong
	}
	algorithm := algorithmOf(c.Key)
	if algorithm == "" {
		return nil, fmt.Errorf("the Key is %T; Auth %s signs with an RSA key of %d bits or more, or one of P-256, P-384, P-521 or Ed25519", c.Key, PrivateKeyJWT, minRSA)
	}
	options := (&jose.SignerOptions{}).WithType("JWT")
	return jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: c.Key, KeyID: c.KeyID}}, options)
}

// algorithmOf is what a key signs with, "" where it is none of ours.
func algorithmOf(key crypto.Signer) jose.SignatureAlgorithm {
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if key != nil && key.N != nil && key.N.BitLen() >= minRSA {
			return jose.RS256
		}
	case *ecdsa.PrivateKey:
		if key != nil && key.Curve != nil {
			return map[int]jose.SignatureAlgorithm{256: jose.ES256, 384: jose.ES384, 521: jose.ES512}[key.Params().BitSize]
		}
	case ed25519.PrivateKey:
		if len(key) == ed25519.PrivateKeySize {
			return jose.EdDSA
		}
	}
	return ""
}

// assertionType is that of RFC 7523, 2.2.
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertion is what a client with a key adds to its form (RFC 7523, 2.2 and 3), once: each
// has a name of its own and is good for a minute. It is nil for other clients.
func (c *Client) assertion() (url.Values, error) {
	if c.signer == nil {
		return nil, nil
	}
	audience, now := c.config.Issuer, time.Now()
	if audience == "" {
		audience = c.config.Endpoint.Token
	}
	claims, _ := json.Marshal(map[string]any{ // strings and numbers always marshal
		"iss": c.config.ClientID, "sub": c.config.ClientID, "aud": audience, "jti": random.Token(),
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	})
	signed, err := c.signer.Sign(claims)
	if err == nil {
		var compact string
		if compact, err = signed.CompactSerialize(); err == nil {
			return url.Values{"client_assertion_type": {assertionType}, "client_assertion": {compact}}, nil
		}
	}
	return nil, &passport.Error{Code: passport.CodeConfiguration, Status: http.StatusInternalServerError, Err: outbound.Safe("Key does not sign")}
}

// post sends a form in which the client authenticates, and reads the reply to its end.
func (c *Client) post(x *outbound.Exchange, address string, form url.Values) (answered, error) {
	assertion, err := c.assertion()
	if err != nil {
		return answered{}, err
	}
	maps.Copy(form, assertion)
	if c.config.Auth != Basic {
		form.Set("client_id", c.config.ClientID)
	}
	if c.config.Auth == Post {
		form.Set("client_secret", c.config.ClientSecret)
	}
	r, err := http.NewRequestWithContext(x.Context, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return answered{}, err
	}
	r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}} // GitHub answers with a form otherwise
	if c.config.Auth == Basic {
		r.SetBasicAuth(url.QueryEscape(c.config.ClientID), url.QueryEscape(c.config.ClientSecret))
	}
	//nolint:bodyclose // outbound.Body closes it
	reply, err := x.RoundTrip(r) // an http.Client would add redirects and cookies, and there are none
	if err != nil {
		return answered{}, &url.Error{Op: "Post", URL: address, Err: err} // as a client does: outbound knows what to hide of it
	}
	body, err := outbound.Body(reply)
	return answered{reply, body}, err
}
