// Package challenge is the syntax of HTTP's own authentication (RFC 9110, 11): the
// challenge that goes out with a 401, and the credentials that come back.
package challenge

import (
	"errors"
	"slices"
	"strings"
)

// Build writes a challenge for WWW-Authenticate (RFC 9110, 11.6.1): a scheme, and
// parameters as names and values in turn. One without a value is left out. Values come
// from [Check] or from [Text], else they may break out of the header.
func Build(scheme string, params ...string) string {
	var b strings.Builder
	b.WriteString(scheme)
	separator := " "
	for param := range slices.Chunk(params, 2) {
		if name, value := param[0], param[1]; value != "" {
			b.WriteString(separator + name + "=" + quote(value))
			separator = ", "
		}
	}
	return b.String()
}

// quote makes a quoted-string (RFC 9110, 5.6.4).
func quote(value string) string {
	value = strings.ReplaceAll(value, `\`, `\\`)
	return `"` + strings.ReplaceAll(value, `"`, `\"`) + `"`
}

// Check says why a value that the program gives cannot stand in a challenge; nil when it
// can. It is for construction time: the caller panics, in a sentence of its own.
func Check(value string) error {
	switch {
	case value == "":
		return errors.New("it is empty")
	case strings.ContainsFunc(value, func(c rune) bool { return c < ' ' || c > '~' }):
		return errors.New("it has more than printable ASCII")
	}
	return nil
}

// maxText bounds what Text gives: a header that is too long makes proxies drop the
// whole answer.
const maxText = 200

// Text makes what is only known at run time fit for a challenge. It has no quotes and
// backslashes afterwards either: RFC 6750, 3 forbids them in error_description, because
// not every client can unescape.
func Text(s string) string {
	clean := strings.Map(func(c rune) rune {
		switch {
		case c == '"':
			return '\''
		case c == '\\':
			return '/'
		case c < ' ' || c == 0x7f:
			return ' '
		case c > '~':
			return '?'
		}
		return c
	}, s)
	return clean[:min(len(clean), maxText)]
}
