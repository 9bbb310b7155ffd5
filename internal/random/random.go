// Package random makes the values that nobody may guess.
package random

import (
	"crypto/rand"
	"encoding/base64"
)

// Token is 256 random bits in 43 characters of base64url: a state, a PKCE verifier (RFC
// 7636, 4.1: 43 to 128 of these characters) or a nonce. Each call gives another.
func Token() string {
	var bits [32]byte
	_, _ = rand.Read(bits[:]) // never fails: without random bits the program ends
	return base64.RawURLEncoding.EncodeToString(bits[:])
}
