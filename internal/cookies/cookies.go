// Package cookies reads the Cookie header in place, because that is the cost of every
// request, and writes at most one Set-Cookie line for a name in a response.
package cookies

import (
	"iter"
	"net/http"
	"strings"
)

// All yields each cookie whose name starts with prefix, in the order sent. A browser
// may send a name twice (one cookie planted by a sister site, one ours).
func All(h http.Header, prefix string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for _, line := range h["Cookie"] {
			for line != "" {
				var pair string
				pair, line, _ = strings.Cut(line, ";")
				pair = strings.Trim(pair, " \t")
				if !strings.HasPrefix(pair, prefix) {
					continue
				}
				name, value, ok := strings.Cut(pair, "=")
				if ok && !yield(name, value) {
					return
				}
			}
		}
	}
}

// Values yields the values of the cookies of one name.
func Values(h http.Header, name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range h["Cookie"] {
			for line != "" {
				pair := line
				if i := strings.IndexByte(line, ';'); i >= 0 {
					pair, line = line[:i], line[i+1:]
				} else {
					line = ""
				}
				for len(pair) > 0 && blank(pair[0]) {
					pair = pair[1:]
				}
				if !called(pair, name) {
					continue
				}
				for blank(pair[len(pair)-1]) { // it ends at the =, at the latest
					pair = pair[:len(pair)-1]
				}
				if !yield(pair[len(name)+1:]) {
					return
				}
			}
		}
	}
}

func blank(b byte) bool { return b == ' ' || b == '\t' }

// Has tells whether a cookie of the name came at all.
func Has(h http.Header, name string) bool {
	for range Values(h, name) {
		return true
	}
	return false
}

// Set adds the cookie to the response in place of any of its name that is there already.
func Set(w http.ResponseWriter, c *http.Cookie) {
	Unset(w, c.Name)
	http.SetCookie(w, c)
}

// Unset takes the Set-Cookie lines of a name out of the response.
func Unset(w http.ResponseWriter, name string) {
	lines := w.Header()["Set-Cookie"]
	kept := lines[:0]
	for _, line := range lines {
		if !called(line, name) {
			kept = append(kept, line)
		}
	}
	if len(kept) == 0 {
		w.Header().Del("Set-Cookie")
		return
	}
	w.Header()["Set-Cookie"] = kept
}

// Pending is the value that the response will set for a name; ok tells whether it sets one.
// It is what a second look within one request must see, rather than what the browser sent.
func Pending(w http.ResponseWriter, name string) (value string, ok bool) {
	for _, line := range w.Header()["Set-Cookie"] {
		if called(line, name) {
			value, _, _ = strings.Cut(line[len(name)+1:], ";")
			return value, true
		}
	}
	return "", false
}

func called(line, name string) bool {
	return len(line) > len(name) && line[len(name)] == '=' && line[:len(name)] == name
}
