package authserver

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// How a client that has a key proves itself (RFC 7523, 2.2): for a few minutes, and once.
const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	assertionLife = 10 * time.Minute
)

// assertion is what a client says of itself.
type assertion struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	Expires  int64    `json:"exp"`
	ID       string   `json:"jti"`
}

// audience is a text or a list of them (RFC 7519, 4.1.3).
type audience []string

// UnmarshalJSON reads both.
func (a *audience) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}

// asserted finds the client of a signed assertion (RFC 7523, 3).
func (s *OAuth2) asserted(form url.Values) (Client, *Problem) {
	refused := &Problem{http.StatusUnauthorized, "invalid_client", "the client's assertion is not good"}
	signed, err := jose.ParseSigned(One(form, "client_assertion"), []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA})
	if err != nil || One(form, "client_assertion_type") != assertionType {
		return Client{}, refused
	}
	var says assertion
	if json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &says) != nil { // whose key it is has to be known first
		return Client{}, refused
	}
	client, ok := find(s.clients, says.Subject)
	if !ok || client.PublicKey == nil || form.Has("client_id") && form.Get("client_id") != client.Key {
		return Client{}, refused
	}
	if _, err := signed.Verify(client.PublicKey); err != nil || says.Issuer != client.Key || !s.fresh(says) {
		return Client{}, refused
	}
	return client, nil
}

// fresh tells whether an assertion is for this server, and good now, and was not seen before.
func (s *OAuth2) fresh(says assertion) bool {
	left := time.Unix(says.Expires, 0).Sub(s.now())
	here := slices.ContainsFunc(says.Audience, func(a string) bool { return slices.Contains(s.audiences, a) })
	return here && left > 0 && left <= assertionLife && says.ID != "" && s.assertions.Add(says.ID, struct{}{})
}
