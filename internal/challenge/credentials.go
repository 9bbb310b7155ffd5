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
	line, n := lines[0], len(scheme)
	// The lengths differ where EqualFold would take more than ASCII for a letter: "Baſic".
	if len(line) < n || !strings.EqualFold(line[:n], scheme) {
		return "", false
	}
	rest := line[n:]
	if rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return "", false // the name of another scheme begins alike
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
	n := len(s)
	for n > 0 && s[n-1] == '=' {
		n--
	}
	if n == 0 || len(s) > maxToken68 {
		return false
	}
	for i := range n {
		if !token68(s[i]) {
			return false
		}
	}
	return true
}

func token68(c byte) bool {
	switch c {
	case '-', '.', '_', '~', '+', '/':
		return true
	}
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
