// Package subject knows which ids of people name nobody.
package subject

import (
	"strings"
	"unicode"
)

// maxID bounds an id, in bytes (OpenID Connect Core, 2, has 255 for a sub).
const maxID = 255

// Named tells whether an id names somebody. Providers, and libraries that read their
// replies, give an empty one, "0" or what a language prints for nothing where a profile
// has no id; all these people would be one.
func Named(id string) bool {
	switch strings.ToLower(strings.TrimSpace(id)) {
	case "", "0", "-1", "<nil>", "nil", "null", "undefined":
		return false
	}
	return len(id) <= maxID && !strings.ContainsFunc(id, unicode.IsControl)
}
