package passporttest

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// jar keeps cookies as browsers do: by host without port, with Path, Secure, SameSite and
// the prefixes of names. net/http/cookiejar knows nothing of the last two.
type jar struct {
	mu      sync.Mutex
	cookies []kept
}

type kept struct {
	*http.Cookie
	host string // whose it is
	wide bool   // subdomains get it, too
}

// store takes the cookies of a response, those that a browser would take.
func (j *jar) store(from *url.URL, cookies []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range cookies {
		k, ok := accept(from, c)
		if !ok {
			continue
		}
		rest := j.cookies[:0:0]
		for _, old := range j.cookies {
			if old.Name != k.Name || old.host != k.host || old.Path != k.Path {
				rest = append(rest, old)
			}
		}
		if !k.over() {
			rest = append(rest, k)
		}
		j.cookies = rest
	}
}

// accept checks a cookie (RFC 6265bis, 5.7), and fills in what it leaves out.
func accept(from *url.URL, c *http.Cookie) (kept, bool) {
	own := *c
	k := kept{Cookie: &own, host: from.Hostname()}
	if domain := strings.TrimPrefix(strings.ToLower(c.Domain), "."); domain != "" {
		if domain != k.host && !strings.HasSuffix(k.host, "."+domain) || !strings.Contains(domain, ".") {
			return k, false
		}
		k.host, k.wide = domain, true
	}
	if !strings.HasPrefix(own.Path, "/") {
		own.Path = from.Path[:max(strings.LastIndexByte(from.Path, '/'), 0)]
		if own.Path == "" {
			own.Path = "/"
		}
	}
	switch {
	case own.Secure && !trustworthy(from):
		return k, false
	case own.SameSite == http.SameSiteNoneMode && !own.Secure:
		return k, false
	case strings.HasPrefix(own.Name, "__Secure-") && !own.Secure:
		return k, false
	case strings.HasPrefix(own.Name, "__Host-") && (!own.Secure || k.wide || own.Path != "/"):
		return k, false
	}
	if own.MaxAge > 0 {
		own.Expires = time.Now().Add(time.Duration(own.MaxAge) * time.Second)
	}
	return k, true
}

func (k kept) over() bool {
	return k.MaxAge < 0 || !k.Expires.IsZero() && !k.Expires.After(time.Now())
}

// matches tells whether the cookie goes to an address. cross says that another site began
// the request; page, that it opens a page with a method that changes nothing: then Lax
// cookies go along. One without SameSite counts as Lax.
func (k kept) matches(to *url.URL, cross, page bool) bool {
	host := to.Hostname()
	path := to.Path
	if path == "" {
		path = "/"
	}
	switch {
	case k.over(), k.Secure && !trustworthy(to):
		return false
	case k.host != host && (!k.wide || !strings.HasSuffix(host, "."+k.host)):
		return false
	case path != k.Path && !strings.HasPrefix(path, strings.TrimSuffix(k.Path, "/")+"/"):
		return false
	case !cross || k.SameSite == http.SameSiteNoneMode:
		return true
	}
	return page && k.SameSite != http.SameSiteStrictMode
}

// send gives the cookies for a request.
func (j *jar) send(to *url.URL, cross, page bool) (cookies []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, k := range j.cookies {
		if k.matches(to, cross, page) {
			cookies = append(cookies, k.Cookie)
		}
	}
	return cookies
}

// origin is the scheme, host and port of an address.
func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// site is the scheme and the registrable domain, taken to be the last two labels of a
// name: enough for .example, and not for .co.uk.
func site(u *url.URL) string {
	host := u.Hostname()
	labels := strings.Split(host, ".")
	if len(labels) > 2 && strings.Trim(labels[len(labels)-1], "0123456789") != "" { // no address of numbers
		host = strings.Join(labels[len(labels)-2:], ".")
	}
	return u.Scheme + "://" + host
}

// trustworthy tells whether a browser takes and sends Secure cookies, and Fetch Metadata:
// by https, and to this machine.
func trustworthy(u *url.URL) bool {
	host := u.Hostname()
	return u.Scheme == "https" || host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasPrefix(host, "127.") || host == "::1"
}
