package random_test

import (
	"encoding/base64"
	"testing"

	"github.com/gopassport/passport/internal/random"
)

func TestTokensAreAllDifferentAndHold256Bits(t *testing.T) {
	seen := map[string]bool{}
	for range 10_000 {
		token := random.Token()
		if bits, err := base64.RawURLEncoding.DecodeString(token); err != nil || len(bits) != 32 || len(token) != 43 {
			t.Fatalf("%q is not 32 bytes in 43 characters of base64url", token)
		}
		if seen[token] {
			t.Fatalf("%q came twice", token)
		}
		seen[token] = true
	}
}
