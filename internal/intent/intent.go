// Package intent reads from a request's headers how it came about: by a person who
// followed a link, by a script, by a browser that only guesses what comes next, and
// from which site. What it reads (Fetch Metadata, Origin, Referer) the browser sets, and no
// page can make it say something else. A program that is no browser can send what it
// likes, but nobody else's cookies.
package intent

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Prefetch tells whether the browser loads this only in case it is wanted. Chromium
// was seen to walk a whole authorization flow that way, cookies included, unseen.
func Prefetch(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Moz"} {
		for _, v := range r.Header[name] {
			if strings.Contains(strings.ToLower(v), "prefetch") || strings.Contains(strings.ToLower(v), "prerender") {
				return true
			}
		}
	}
	return false
}

// Navigation tells whether a person's browser opens this as a page of its own: the
// only kind of request that may be redirected to another site. Without Fetch
// Metadata (plain http, old browsers) an Accept that prefers HTML stands for it.
func Navigation(r *http.Request) bool {
	mode, ok := metadata(r, "Sec-Fetch-Mode")
	dest, okDest := metadata(r, "Sec-Fetch-Dest")
	switch {
	case !ok || !okDest || Prefetch(r):
		return false
	case mode == "" && dest == "":
		return r.Header.Get("X-Requested-With") == "" && prefersHTML(r)
	}
	return mode == "navigate" && (dest == "" || dest == "document")
}

// Subresource tells whether Fetch Metadata says that this is no top-level navigation:
// a frame, an image, a fetch. It is false where there is no Fetch Metadata.
func Subresource(r *http.Request) bool {
	mode, ok := metadata(r, "Sec-Fetch-Mode")
	dest, okDest := metadata(r, "Sec-Fetch-Dest")
	return !ok || !okDest || mode != "" && mode != "navigate" || dest != "" && dest != "document"
}

// Method is the request's method, where it is one that may stand in a log.
func Method(r *http.Request) string {
	if len(r.Method) > 16 || strings.Trim(r.Method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return "request"
	}
	return r.Method
}

// metadata is the value of a Fetch Metadata header, "" where it did not come; it is
// not ok where it came twice, which no browser does.
func metadata(r *http.Request, name string) (value string, ok bool) {
	switch v := r.Header[name]; len(v) {
	case 0:
		return "", true
	case 1:
		return v[0], true
	}
	return "", false
}

// WantsJSON tells whether the caller asks for JSON rather than a page.
func WantsJSON(r *http.Request) bool {
	return quality(r, "json") > quality(r, "html")
}

func prefersHTML(r *http.Request) bool {
	return quality(r, "html") > 0 && quality(r, "html") >= quality(r, "json")
}

// quality is the best weight (RFC 9110, 12.5.1) that Accept gives to a media type whose
// subtype is name, or ends in it (problem+json). Wildcards do not count: every program
// sends them.
func quality(r *http.Request, name string) (best float64) {
	for _, line := range r.Header["Accept"] {
		for item := range strings.SplitSeq(line, ",") {
			media, params, _ := strings.Cut(item, ";")
			_, subtype, _ := strings.Cut(strings.ToLower(strings.TrimSpace(media)), "/")
			if subtype == name || strings.HasSuffix(subtype, "+"+name) {
				best = max(best, weight(params))
			}
		}
	}
	return best
}

// weight reads q of a media range; 1 where it is not given, 0 where it is nonsense.
func weight(params string) float64 {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(name, "q") {
			q, err := strconv.ParseFloat(value, 64)
			if err != nil || !(q >= 0 && q <= 1) {
				return 0
			}
			return q
		}
	}
	return 1
}

// Origins are the addresses under which people reach the application, as Origin
// headers spell them. None: the request's own host.
type Origins []string

// Own tells whether the request was made by a page of the application itself, or by
// the person alone (typed, bookmarked). seen names the header that decided; it is ""
// where none came and nothing is known.
//
// `none` passes: a page cannot make a browser send it.
func (o Origins) Own(r *http.Request) (own bool, seen string) {
	if v, there := r.Header["Sec-Fetch-Site"]; there {
		return len(v) == 1 && (v[0] == "same-origin" || v[0] == "none"), "Sec-Fetch-Site"
	}
	if v, there := r.Header["Origin"]; there {
		return len(v) == 1 && o.has(r, v[0]), "Origin"
	}
	if v, there := r.Header["Referer"]; there {
		return len(v) == 1 && o.has(r, originOf(v[0])), "Referer"
	}
	return false, ""
}

// Elsewhere says why a request is not taken for one of a page of the application: seen is
// what Own gave.
func (o Origins) Elsewhere(r *http.Request, seen string) error {
	if seen == "" {
		return errors.New("an account is connected from a page of the application; this request names none (looked for Sec-Fetch-Site, Origin, Referer)")
	}
	return fmt.Errorf("an account is connected from a page of the application; by its %s header this request comes from elsewhere (the application is taken to be at %s: https but on loopback hosts; Config.Origins says otherwise)", seen, o.At(r))
}

func (o Origins) has(r *http.Request, origin string) bool {
	if origin == "" {
		return false
	}
	if len(o) == 0 {
		return origin == scheme(r)+"://"+r.Host
	}
	return slices.Contains(o, origin)
}

// At says where the application is taken to be, for an error.
func (o Origins) At(r *http.Request) string {
	if len(o) == 0 {
		return strconv.Quote(scheme(r) + "://" + r.Host)
	}
	return strings.Join(o, ", ")
}

func scheme(r *http.Request) string {
	if PlainLoopback(r) {
		return "http"
	}
	return "https"
}

func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" || u.Host == "" || u.User != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// Plain tells whether the browser speaks plain http with a loopback host: development,
// where Secure cookies are not to be had. Behind a proxy the request itself cannot
// tell, so where origins are given they decide.
func (o Origins) Plain(r *http.Request) bool {
	return PlainLoopback(r) && (len(o) == 0 || o.has(r, "http://"+r.Host))
}

// PlainLoopback tells whether r came over plain http to a loopback host.
func PlainLoopback(r *http.Request) bool { return r.TLS == nil && Loopback(r.Host) }

// Loopback tells whether a host, with or without a port, is this machine to a browser.
func Loopback(host string) bool {
	name, _, _ := strings.Cut(host, ":")
	if rest, ipv6 := strings.CutPrefix(host, "["); ipv6 {
		name, _, _ = strings.Cut(rest, "]")
	}
	switch {
	case name == "localhost" || strings.HasSuffix(name, ".localhost") || name == "::1":
		return true
	case !strings.HasPrefix(name, "127."):
		return false
	}
	_, err := netip.ParseAddr(name) // 127.example.org is not
	return err == nil
}

// IsOrigin tells whether s is a scheme and a host as browsers write them: no path, no
// port that goes without saying, and plain http only on a loopback host.
func IsOrigin(s string) bool {
	u, err := url.Parse(s)
	bare := err == nil && u.Host != "" && u.Scheme+"://"+u.Host == s && strings.ToLower(s) == s
	switch {
	case !bare:
		return false
	case u.Scheme == "https":
		return u.Port() != "443"
	}
	return u.Scheme == "http" && Loopback(u.Host) && u.Port() != "80"
}
