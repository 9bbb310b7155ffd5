package challenge

import (
	"net/http"
	"strings"
)

// maxToken68 bounds credentials, in bytes, before anybody decodes them.
const maxToken68 = 8 << 10

// Credentials gives what the client sent for a scheme. found is false when it sent
// nothing, or something for another scheme. text is "" when what it sent cannot be read:
// it is not one token68 behind one space, or there are several Authorization lines, of
// which a proxy may have looked at another one than we do.
func Credentials(h http.Header, scheme string) (text string, found bool) {
	lines := h["Authorization"]
	if len(lines) != 1 {
		return "", len(lines) > 1
	}
	name, rest := lines[0], ""
	if i := strings.IndexAny(name, " \t"); i >= 0 {
		name, rest = name[:i], name[i:]
	}
	// The lengths differ where EqualFold would take more than ASCII for a letter: "Baſic".
	if len(name) != len(scheme) || !strings.EqualFold(name, scheme) {
		return "", false
	}
	text, spaced := strings.CutPrefix(rest, " ")
	if !spaced || !Token68(text) {
		return "", true
	}
	return text, true
}

// Token68 tells whether s is one (RFC 9110, 11.2; RFC 6750, 2.1 calls it b64token), and
// has at most 8 KiB.
func Token68(s string) bool {
	body := strings.TrimRight(s, "=")
	return body != "" && len(s) <= maxToken68 && !strings.ContainsFunc(body, notToken68)
}

func notToken68(c rune) bool {
	letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
	return !letter && (c < '0' || c > '9') && !strings.ContainsRune("-._~+/", c)
}
