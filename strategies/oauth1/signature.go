package oauth1

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"

	"github.com/dghubble/oauth1"
)

// Signature is how requests are signed: the oauth_signature_method. PLAINTEXT is not
// among them: it sends the secrets themselves.
type Signature string

// RFC 5849 has HMACSHA1 (3.4.2) and RSASHA1 (3.4.3). SHA-1 is broken for collisions,
// which forge no HMAC and no signature of a request that we make ourselves; still, take
// the others where the service has them. They are registered in no RFC, and all services
// that have them mean the same: RFC 5849 with another digest.
const (
	HMACSHA1   Signature = "HMAC-SHA1"
	HMACSHA256 Signature = "HMAC-SHA256"
	RSASHA1    Signature = "RSA-SHA1"
	RSASHA256  Signature = "RSA-SHA256"
)

// signer makes the signatures; nil for a method that is not known.
func (c Config) signer() oauth1.Signer {
	switch c.Signature {
	case "", HMACSHA1:
		return &oauth1.HMACSigner{ConsumerSecret: c.ConsumerSecret}
	case HMACSHA256:
		return &oauth1.HMAC256Signer{ConsumerSecret: c.ConsumerSecret}
	case RSASHA1:
		return &oauth1.RSASigner{PrivateKey: c.PrivateKey}
	case RSASHA256:
		return &rsaSHA256{c.PrivateKey}
	}
	return nil
}

// rsaSHA256 is RFC 5849, 3.4.3 with SHA-256. The library has it with SHA-1 only.
type rsaSHA256 struct{ key *rsa.PrivateKey }

// Name is the oauth_signature_method.
func (s *rsaSHA256) Name() string { return string(RSASHA256) }

// Sign signs a signature base string. There is no secret in it.
func (s *rsaSHA256) Sign(_, base string) (string, error) {
	digest := sha256.Sum256([]byte(base))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, digest[:])
	return base64.StdEncoding.EncodeToString(signature), err
}

// nonces are the oauth_nonce of each request (RFC 5849, 3.3).
type nonces struct{}

// Nonce is another one each time: 26 letters and digits, 130 random bits. Of some services
// (oauthlib) a nonce has 20 to 30 characters and no others.
func (nonces) Nonce() string { return rand.Text() }
