package passporttest

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Browser is one person's browser, as far as logging in is concerned: cookies with
// SameSite, Secure and prefixes; Fetch Metadata, Origin, Referer and Accept; redirects
// across sites; forms, also those that send themselves. It runs no scripts. Every
// [Page] is a tab of its own, so several flows may be under way at once. Make one with
// [NewBrowser]. It is safe for concurrent use, once the fields are set.
type Browser struct {
	// Header replaces headers of every request; an empty value removes one:
	// {"Sec-Fetch-Site": nil} is a browser without Fetch Metadata. Usually nil.
	Header http.Header

	// Manual says that redirects are not followed: [Page.Next] follows one. It lets a test
	// look at, or change, what comes back from a provider.
	Manual bool

	t       testing.TB
	jar     jar
	mu      sync.Mutex
	sites   map[string]http.Handler // by origin
	network *http.Client
}

const (
	maxRedirects = 20 // as browsers do
	patience     = 30 * time.Second
)

// NewBrowser makes a browser without cookies.
func NewBrowser(tb testing.TB) *Browser {
	tb.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Browser{t: tb, sites: map[string]http.Handler{}, network: &http.Client{Transport: transport, CheckRedirect: stay, Timeout: patience}}
}

// Serve lets a handler answer for an origin, such as https://app.example, without a
// network. All other addresses are asked over the network, which the providers of this
// package are on.
func (b *Browser) Serve(origin string, h http.Handler) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sites[origin] = h
}

// Open opens an address that was typed, in a new tab: no page asked for it.
func (b *Browser) Open(address string) *Page {
	b.t.Helper()
	return b.From("").get(address)
}

// From is a page at an address, in a new tab. Nothing is asked for it: it is there to
// follow links and send forms from, as an attacker's page would
// (browser.From("https://evil.example/").Follow(…)).
func (b *Browser) From(address string) *Page {
	b.t.Helper()
	p := &Page{Status: http.StatusOK, Header: http.Header{}, browser: b}
	if address != "" {
		p.URL = b.parse(nil, address)
	}
	return p
}

// Follow opens an address by a link on a page of the same origin, in a new tab.
func (b *Browser) Follow(address string) *Page {
	b.t.Helper()
	return b.From(origin(b.parse(nil, address)) + "/").Follow(address)
}

// Walk opens an address by a link on a page of the same origin, and says yes on each page
// of a provider of this package on the way: log in, consent. It gives the page where that
// ends, usually the application's. With it, a connection is one line.
func (b *Browser) Walk(address string) *Page {
	b.t.Helper()
	p := b.Follow(address)
	for range maxRedirects {
		if _, ok := p.form("question", "sub"); !ok {
			break
		}
		p = p.Allow()
	}
	return p
}

// Cookies are those that the browser would send to an address that was typed.
func (b *Browser) Cookies(address string) []*http.Cookie {
	b.t.Helper()
	return b.jar.send(b.parse(nil, address), false, true)
}

// SetCookies stores cookies as a response from the address would.
func (b *Browser) SetCookies(address string, cookies ...*http.Cookie) {
	b.t.Helper()
	b.jar.store(b.parse(nil, address), cookies)
}

func (b *Browser) parse(base *url.URL, address string) *url.URL {
	b.t.Helper()
	if base == nil {
		base = &url.URL{}
	}
	u, err := base.Parse(address)
	if err != nil || u.Host == "" {
		b.t.Fatalf("passporttest: Browser: %q is no absolute address", address)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u
}

// visit is one request and what led to it.
type visit struct {
	method, body, media string
	url                 *url.URL
	from                *Page      // nil URL: the person
	chain               []*url.URL // redirects before it
	fetch               bool       // by a script
	accept              string
}

// run sends a request and follows redirects.
func (b *Browser) run(v visit) *Page {
	b.t.Helper()
	var hops []Hop
	for range maxRedirects {
		p := b.send(v)
		hops = append(hops, Hop{v.method, v.url, p.Status, p.Header})
		p.Hops = hops
		if p.Err != nil || p.Location() == "" || b.Manual || v.fetch {
			return p
		}
		v = v.redirected(p.Status, b.parse(v.url, p.Location()))
	}
	return &Page{URL: v.url, Hops: hops, Err: fmt.Errorf("more than %d redirects", maxRedirects), browser: b, visit: v}
}

// redirected is the request that follows a redirect.
func (v visit) redirected(status int, to *url.URL) visit {
	v.chain = append(slices.Clip(v.chain), v.url)
	v.url = to
	if status != http.StatusTemporaryRedirect && status != http.StatusPermanentRedirect && v.method != http.MethodHead {
		v.method, v.body, v.media = http.MethodGet, "", ""
	}
	return v
}

func (b *Browser) send(v visit) *Page {
	b.t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), v.method, v.url.String(), strings.NewReader(v.body))
	r.RequestURI = v.url.RequestURI()
	b.headers(r, v)
	for _, c := range b.jar.send(v.url, v.cross(), !v.fetch && v.method == http.MethodGet) {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	response, err := b.roundTrip(r, v.url)
	p := &Page{URL: v.url, Err: err, browser: b, visit: v}
	if err != nil {
		return p
	}
	defer response.Body.Close() //nolint:errcheck // all that matters was read
	body, err := io.ReadAll(response.Body)
	p.Status, p.Header, p.Body, p.Err = response.StatusCode, response.Header, string(body), err
	b.jar.store(v.url, response.Cookies())
	return p
}

// roundTrip asks the handler of the origin, else the network.
func (b *Browser) roundTrip(r *http.Request, to *url.URL) (*http.Response, error) {
	b.mu.Lock()
	handler := b.sites[origin(to)]
	b.mu.Unlock()
	client := *b.network
	if p, ok := handler.(interface{ pipe() *http.Transport }); ok && p.pipe() != nil { // whose faults break connections
		handler, client.Transport = nil, p.pipe()
	}
	if handler == nil {
		r.RequestURI = ""
		return client.Do(r)
	}
	r.TLS = nil
	if to.Scheme == "https" {
		r.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true, ServerName: to.Hostname()}
	}
	r.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery} // as servers see it
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	response := w.Result()
	sniff(response.Header, w.Body.Bytes())
	return response, nil
}

// sniff names the type that a handler left out, as net/http does: the recorder does so only
// where the handler did not call WriteHeader itself. A nil value means none on purpose.
func sniff(h http.Header, body []byte) {
	if _, named := h["Content-Type"]; !named && len(body) > 0 && h.Get("Content-Encoding") == "" && h.Get("Transfer-Encoding") == "" {
		h.Set("Content-Type", http.DetectContentType(body))
	}
}

// headers are those that tell a server how the request came about.
func (b *Browser) headers(r *http.Request, v visit) {
	r.Header.Set("User-Agent", "passporttest")
	r.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	mode, dest := "navigate", "document"
	if v.fetch {
		mode, dest = "cors", "empty"
		r.Header.Set("Accept", "*/*")
	}
	if v.accept != "" {
		r.Header.Set("Accept", v.accept)
	}
	if v.media != "" {
		r.Header.Set("Content-Type", v.media)
	}
	if trustworthy(v.url) {
		r.Header.Set("Sec-Fetch-Site", v.site())
		r.Header.Set("Sec-Fetch-Mode", mode)
		r.Header.Set("Sec-Fetch-Dest", dest)
	}
	if v.method != http.MethodGet && v.method != http.MethodHead || v.fetch && v.from.URL != nil && v.site() != "same-origin" {
		r.Header.Set("Origin", v.origin())
	}
	if referer := v.referer(); referer != "" {
		r.Header.Set("Referer", referer)
	}
	for name, values := range b.Header {
		r.Header.Del(name)
		if len(values) > 0 {
			r.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
}

// site is Sec-Fetch-Site: the worst of all addresses on the way.
func (v visit) site() string {
	if v.from.URL == nil {
		return "none"
	}
	worst := "same-origin"
	for _, u := range append(slices.Clip(v.chain), v.url) {
		switch {
		case origin(u) == origin(v.from.URL):
		case site(u) == site(v.from.URL):
			worst = "same-site"
		default:
			return "cross-site"
		}
	}
	return worst
}

// cross tells whether cookies are sent across sites.
func (v visit) cross() bool { return v.from.URL != nil && site(v.from.URL) != site(v.url) }

// origin is the Origin header; null where another origin redirected, or the page wants
// nothing said about it.
func (v visit) origin() string {
	if v.from.URL == nil || v.from.policy() == "no-referrer" {
		return "null"
	}
	for _, u := range v.chain {
		if origin(u) != origin(v.from.URL) && origin(u) != origin(v.url) {
			return "null"
		}
	}
	return origin(v.from.URL)
}

// referer is the Referer header, by the policies that pages set here.
func (v visit) referer() string {
	from := v.from.URL
	if from == nil || v.from.policy() == "no-referrer" || from.Scheme == "https" && v.url.Scheme != "https" {
		return ""
	}
	if origin(from) == origin(v.url) {
		whole := *from
		whole.Fragment, whole.User = "", nil
		return whole.String()
	}
	if v.from.policy() == "same-origin" {
		return ""
	}
	return origin(from) + "/"
}
