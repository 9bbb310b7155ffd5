package passporttest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/gopassport/passport/internal/authserver"
)

// idToken makes the ID token that goes with an access token.
func (p *Provider) idToken(issued authserver.Issued) string {
	if p.happens(RotatedKey, Token, IDToken) {
		p.RotateKey()
	}
	header, claims := p.header(), p.claimsOf(issued)
	for _, spoil := range []struct {
		fault Fault
		do    func()
	}{
		{WrongIssuer, func() { claims["iss"] = "https://other.example" }},
		{WrongNonce, func() { claims["nonce"] = authserver.Secret("nonce") }},
		{NoNonce, func() { delete(claims, "nonce") }},
		{WrongAudience, func() { claims["aud"] = "another-client" }},
		{WrongParty, func() { claims["azp"] = "another-client" }},
		{Expired, func() { claims["exp"] = time.Now().Add(-10 * time.Minute).Unix() }},
		{WrongTokenHash, func() { claims["at_hash"] = tokenHash(authserver.Secret("access")) }},
		{EmptySubject, func() { claims["sub"] = "" }},
	} {
		if p.happens(spoil.fault, Token, IDToken) {
			spoil.do()
		}
	}
	p.mu.Lock()
	edit := p.claims
	p.mu.Unlock()
	if edit != nil {
		edit(header, claims)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return err.Error() // an edit put in what has no JSON; no client takes this
	}
	return p.seal(header, payload)
}

func (p *Provider) claimsOf(issued authserver.Issued) map[string]any {
	now := time.Now()
	claims := map[string]any{
		"iss": p.URL, "aud": p.ClientID, "sub": issued.Subject, "iat": now.Unix(), "exp": now.Add(issued.Life).Unix(),
		"auth_time": now.Unix(), "at_hash": tokenHash(issued.Access),
	}
	if issued.Nonce != "" {
		claims["nonce"] = issued.Nonce
	}
	for name, value := range p.claimsFor(issued.Grant) {
		if name != "id" && name != "login" { // they are GitHub's, not OpenID Connect's
			claims[name] = value
		}
	}
	return claims
}

// tokenHash is at_hash (OpenID Connect Core, 3.1.3.6).
func tokenHash(access string) string {
	sum := sha256.Sum256([]byte(access))
	return encode(sum[:len(sum)/2])
}

// seal signs, well or badly.
func (p *Provider) seal(header map[string]any, payload []byte) string {
	if p.due(DuplicateMembers, IDToken) {
		payload = doubled(payload)
	}
	switch {
	case p.happens(AlgNone, Token, IDToken):
		header["alg"] = "none"
		return signingInput(header, payload) + "."
	case p.happens(AlgHS256, Token, IDToken):
		header["alg"] = "HS256"
		input := signingInput(header, payload)
		mac := hmac.New(sha256.New, []byte(p.ClientSecret))
		mac.Write([]byte(input))
		return input + "." + encode(mac.Sum(nil))
	case p.happens(UnknownKey, Token, IDToken):
		header["kid"] = "unknown"
		return newKey(p.keys.algorithm()).sign(header, payload)
	case p.happens(BadSignature, Token, IDToken):
		return spoiled(p.Sign(header, payload))
	}
	return p.Sign(header, payload)
}

// spoiled changes one bit in the middle of a signature.
func spoiled(token string) string {
	dot := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	if err != nil {
		panic("passporttest: " + err.Error()) // it was made here
	}
	signature[len(signature)/2] ^= 1
	return token[:dot+1] + encode(signature)
}

// keys is the key that signs, made when it is needed: RSA keys take their time.
type keys struct {
	alg   string
	given crypto.Signer
	mu    sync.Mutex
	now   *key
}

type key struct {
	kid, alg string
	private  crypto.Signer
}

func (k *keys) algorithm() string {
	_, elliptic := k.given.(*ecdsa.PrivateKey)
	switch {
	case k.alg != "":
		return k.alg
	case elliptic:
		return "ES256"
	}
	return "RS256"
}

func (k *keys) current() *key {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.now == nil && k.given != nil:
		k.now = &key{kid: authserver.Secret("key"), alg: k.algorithm(), private: k.given}
	case k.now == nil:
		k.now = newKey(k.algorithm())
	}
	return k.now
}

func (k *keys) rotate() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now = newKey(k.algorithm())
}

// newKey makes a key of one of the two algorithms that NewProvider lets in.
func newKey(alg string) *key {
	var private crypto.Signer
	var err error
	switch alg {
	case "RS256":
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		panic("passporttest: ProviderConfig.Algorithm is " + alg + "; there are RS256 and ES256")
	}
	if err != nil {
		panic("passporttest: no key: " + err.Error())
	}
	return &key{kid: authserver.Secret("key"), alg: alg, private: private}
}

func (k *key) sign(header map[string]any, payload []byte) string {
	input := signingInput(header, payload)
	sum := sha256.Sum256([]byte(input))
	switch private := k.private.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, private, sum[:])
		if err != nil {
			panic("passporttest: " + err.Error())
		}
		return input + "." + encode(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
	default:
		signature, err := k.private.Sign(rand.Reader, sum[:], crypto.SHA256)
		if err != nil {
			panic("passporttest: " + err.Error())
		}
		return input + "." + encode(signature)
	}
}

// public is the JWK (RFC 7517).
func (k *key) public() map[string]string {
	jwk := map[string]string{"kid": k.kid, "alg": k.alg, "use": "sig"}
	switch public := k.private.Public().(type) {
	case *rsa.PublicKey:
		jwk["kty"], jwk["n"], jwk["e"] = "RSA", encode(public.N.Bytes()), encode(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := public.Bytes() // 0x04, X, Y
		if err != nil {
			panic("passporttest: " + err.Error())
		}
		jwk["kty"], jwk["crv"], jwk["x"], jwk["y"] = "EC", "P-256", encode(point[1:33]), encode(point[33:])
	}
	return jwk
}

func signingInput(header map[string]any, payload []byte) string {
	head, err := json.Marshal(header)
	if err != nil {
		panic("passporttest: the header of a JWT: " + err.Error())
	}
	return encode(head) + "." + encode(payload)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
