// Package returnto says which addresses a person may be sent back to.
package returnto

import (
	"net/http"
	"net/url"
	"strings"
)

// MaxLength is the longest local path that is taken, in bytes.
const MaxLength = 2048

// Local tells whether s is a path of this site, query and fragment included, that
// every browser reads as one. Such a string is sent as it is: http.Redirect and the
// header writer would clean it, and `/foo/../\evil` becomes another site that way.
//
// Go's URL parser and the browsers' (WHATWG) differ on backslashes, tabs and percent
// signs, so whatever the two could read differently is refused.
func Local(s string) bool {
	if len(s) == 0 || len(s) > MaxLength || s[0] != '/' || !plain(s) {
		return false
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return false
	}
	raw := s
	if i := strings.IndexAny(raw, "?#"); i >= 0 {
		raw = raw[:i]
	}
	return !strings.Contains(raw, "//") && honest(raw, u.Path)
}

// plain tells whether s holds only printable ASCII that no parser rewrites.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x21 || c > 0x7e || strings.IndexByte(`\"<>`, c) >= 0 {
			return false
		}
	}
	return true
}

// honest tells whether decoding the path once brings out nothing that was hidden in it:
// a slash, a dot segment, a backslash, a control character or another layer of encoding.
func honest(raw, decoded string) bool {
	for i := range len(decoded) {
		if c := decoded[i]; c < 0x20 || c == 0x7f || c == '\\' || c == '%' {
			return false
		}
	}
	for segment := range strings.SplitSeq(decoded, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return strings.Count(decoded, "/") == strings.Count(raw, "/")
}

// Asked is the path that the browser asked for. Routers and http.StripPrefix change
// r.URL; the request line stays.
func Asked(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.RequestURI()
}

// Sendable tells whether a program may redirect to an address of its choice: a path of
// this site, or one under an origin of its own.
func Sendable(url string, origins []string) bool {
	for _, origin := range origins {
		if path, ok := strings.CutPrefix(url, origin); ok && (path == "" || Local(path)) {
			return true
		}
	}
	return Local(url)
}
