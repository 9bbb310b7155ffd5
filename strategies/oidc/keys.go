package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"slices"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/strictjson"
)

const (
	minRSA  = 2048 // bits (RFC 7518, 3.3)
	maxKeys = 64
)

// signatures are the algorithms that a provider may sign with. Those with a shared secret
// (HS256) are not among them: whoever takes them may be made to take a public key for a
// secret. Nor is none.
func signatures() []string {
	return []string{
		oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
		oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
	}
}

// algorithms are those that are configured, or all, as far as the provider uses them. It
// says which (OpenID Connect Discovery 3, required); if it does not, all.
func (c Config) algorithms(published []string) []string {
	all := c.Algorithms
	if len(all) == 0 {
		all = signatures()
	}
	if len(published) == 0 {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(alg string) bool { return !slices.Contains(published, alg) })
}

// keys are the public keys of a provider, wherever they are found at the time.
type keys struct {
	kept[[]jose.JSONWebKey]
	logins, logouts limit // separate: anybody can send a logout token
}

// newKeys takes keys from the address that the metadata names, and from nowhere else: what
// a token says about its keys (jwk, jku, x5c, x5u) is not looked at.
func (s *Strategy) newKeys() *keys {
	k := &keys{}
	k.timeout = s.config.Timeout
	k.fetch = func(ctx context.Context) ([]jose.JSONWebKey, error) {
		p, err := s.metadata.get(ctx)
		if err != nil {
			return nil, err
		}
		body, err := source{s.config.transport()}.get(ctx, "the request for the provider's keys", p.KeysEndpoint)
		if err != nil {
			return nil, err
		}
		return parseKeys(body)
	}
	return k
}

// parseKeys takes from a JWK Set (RFC 7517, 5) the keys that can verify signatures, and
// leaves out the others, which a set may have.
func parseKeys(body []byte) ([]jose.JSONWebKey, error) {
	set, err := strictjson.Parse(body, "keys")
	if err != nil {
		return nil, metadata("the provider's key set " + err.Error())
	}
	var all []json.RawMessage
	if json.Unmarshal(set["keys"], &all) != nil || len(all) > maxKeys {
		return nil, metadata("the provider's key set has no list of keys, or one of more than 64")
	}
	var usable []jose.JSONWebKey
	for _, raw := range all {
		var k jose.JSONWebKey
		if k.UnmarshalJSON(raw) == nil && fit(k) {
			usable = append(usable, k)
		}
	}
	if len(usable) == 0 {
		return nil, metadata("the provider's key set has no key that could verify a signature")
	}
	return usable, nil
}

// fit tells whether a key may verify signatures.
func fit(k jose.JSONWebKey) bool {
	if k.Use == "enc" || !k.Valid() {
		return false
	}
	switch public := k.Key.(type) {
	case *rsa.PublicKey:
		return public.N.BitLen() >= minRSA && public.E > 2 && public.E%2 == 1
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false // a shared secret; or a private key, which is anybody's now that it was published
}

// verify gives the payload of a JWT in compact form, if one of the provider's keys signed
// it. The keys are fetched again when none of them did, as often as the limit allows; also
// where the token names one that is known, for some providers change a key and keep its kid.
func (k *keys) verify(ctx context.Context, jwt string, l *limit) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(jwt, everySignature())
	if err != nil {
		return nil, malformed("it is no signed JWT in compact form")
	}
	set, err := k.get(ctx)
	if err != nil {
		return nil, err
	}
	if payload := tryKeys(signed, set); payload != nil {
		return payload, nil
	}
	if set, err = k.renew(ctx, l); err != nil {
		return nil, err
	}
	if payload := tryKeys(signed, set); payload != nil {
		return payload, nil
	}
	return nil, broken(passport.CodeIDTokenSignature, "none of the provider's keys made the signature")
}

func everySignature() (all []jose.SignatureAlgorithm) {
	for _, alg := range signatures() {
		all = append(all, jose.SignatureAlgorithm(alg))
	}
	return all
}

// tryKeys verifies with the keys that the token may mean: those of its kid, or all where
// it names none (RFC 7515, 4.1.4). nil: none of them made the signature.
func tryKeys(signed *jose.JSONWebSignature, set []jose.JSONWebKey) []byte {
	header := signed.Signatures[0].Protected
	for _, k := range set {
		if header.KeyID != "" && k.KeyID != header.KeyID || k.Algorithm != "" && k.Algorithm != header.Algorithm {
			continue
		}
		if payload, err := signed.Verify(k.Key); err == nil {
			return payload
		}
	}
	return nil
}

// signature is one use of the keys by go-oidc, whose own errors are texts only: it keeps
// what came of it.
type signature struct {
	keys    *keys
	limit   *limit
	payload []byte
	err     error
}

// VerifySignature implements [oidc.KeySet].
func (s *signature) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	s.payload, s.err = s.keys.verify(ctx, jwt, s.limit)
	return s.payload, s.err
}

// signed gives the payload of a token that the provider signed, and what go-oidc reads in
// it, which is nil where it cannot. It checks the signature and nothing else.
func (s *Strategy) signed(ctx context.Context, raw string, algorithms []string, l *limit) ([]byte, *oidc.IDToken, error) {
	one := &signature{keys: s.keys, limit: l}
	verifier := oidc.NewVerifier(s.config.Issuer, one, &oidc.Config{
		SupportedSigningAlgs: algorithms, SkipClientIDCheck: true, SkipExpiryCheck: true, SkipIssuerCheck: true,
	})
	token, err := verifier.Verify(ctx, raw)
	var e *passport.Error
	switch {
	case errors.As(one.err, &e):
		return nil, nil, e
	case one.payload == nil && err != nil:
		return nil, nil, malformed("it is no signed JWT")
	}
	return one.payload, token, nil
}
