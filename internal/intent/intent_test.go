package intent_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"testing"

	"github.com/gopassport/passport/internal/intent"
)

// request has headers in pairs; a name without a value is there, and empty.
func request(headers ...string) *http.Request {
	r := &http.Request{Header: http.Header{}, Host: "app.test", TLS: &tls.ConnectionState{}}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

const (
	mode   = "Sec-Fetch-Mode"
	dest   = "Sec-Fetch-Dest"
	site   = "Sec-Fetch-Site"
	html   = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	accept = "Accept"
)

func TestPrefetch(t *testing.T) {
	for _, c := range []struct {
		r    *http.Request
		want bool
	}{
		{request(), false},
		{request("Sec-Purpose", "prefetch"), true},
		{request("Sec-Purpose", "prefetch;prerender"), true},
		{request("Sec-Purpose", "Prefetch;anonymous-client-ip"), true},
		{request("Sec-Purpose", "prerender"), true},
		{request("Purpose", "prefetch"), true},
		{request("Purpose", "preview"), false},
		{request("X-Moz", "prefetch"), true},
		{request("Sec-Purpose", "x", "Sec-Purpose", "prefetch"), true},
	} {
		if got := intent.Prefetch(c.r); got != c.want {
			t.Errorf("Prefetch(%v) is %v", c.r.Header, got)
		}
	}
}

func TestNavigation(t *testing.T) {
	for _, c := range []struct {
		name                    string
		r                       *http.Request
		navigation, subresource bool
	}{
		{"a page", request(mode, "navigate", dest, "document", accept, html), true, false},
		{"a page, whatever it accepts", request(mode, "navigate", dest, "document", accept, "*/*"), true, false},
		{"a page without Dest, as Safari once sent it", request(mode, "navigate"), true, false},
		{"a frame", request(mode, "navigate", dest, "iframe", accept, html), false, true},
		{"an old frame", request(mode, "navigate", dest, "frame"), false, true},
		{"an object", request(mode, "navigate", dest, "object"), false, true},
		{"a script", request(mode, "cors", dest, "empty", accept, html), false, true},
		{"a script of the same site", request(mode, "same-origin", dest, "empty"), false, true},
		{"an image", request(mode, "no-cors", dest, "image"), false, true},
		{"a web socket", request(mode, "websocket", dest, "websocket"), false, true},
		{"Dest alone", request(dest, "document"), false, false},
		{"Dest of an image alone", request(dest, "image"), false, true},
		{"a guess", request(mode, "navigate", dest, "document", "Sec-Purpose", "prefetch"), false, false},
		{"Mode twice", request(mode, "navigate", mode, "navigate", dest, "document"), false, true},
		{"Dest twice", request(mode, "navigate", dest, "document", dest, "document"), false, true},
		{"a value nobody knows", request(mode, "Navigate", dest, "document"), false, true},
		{"an old browser", request(accept, html), true, false},
		{"an old browser's script", request(accept, html, "X-Requested-With", "XMLHttpRequest"), false, false},
		{"an old browser's guess", request(accept, html, "Purpose", "prefetch"), false, false},
		{"a program", request(accept, "*/*"), false, false},
		{"a program without Accept", request(), false, false},
		{"a program that takes JSON", request(accept, "application/json"), false, false},
		{"a program that would rather take JSON", request(accept, "application/json, text/html;q=0.5"), false, false},
		{"HTML in capitals", request(accept, "TEXT/HTML"), true, false},
		{"HTML that is refused", request(accept, "text/html;q=0"), false, false},
	} {
		if got := intent.Navigation(c.r); got != c.navigation {
			t.Errorf("%s: Navigation is %v", c.name, got)
		}
		if got := intent.Subresource(c.r); got != c.subresource {
			t.Errorf("%s: Subresource is %v", c.name, got)
		}
	}
}

func TestWantsJSON(t *testing.T) {
	for _, c := range []struct {
		accept []string
		want   bool
	}{
		{nil, false},
		{[]string{""}, false},
		{[]string{"*/*"}, false},
		{[]string{"application/*"}, false},
		{[]string{html}, false},
		{[]string{"application/json"}, true},
		{[]string{"APPLICATION/JSON"}, true},
		{[]string{"application/problem+json"}, true},
		{[]string{"application/json, */*"}, true},
		{[]string{"application/json;q=0.9, text/html;q=0.8"}, true},
		{[]string{"application/json;q=0.8, text/html;q=0.9"}, false},
		{[]string{"application/json;q=0"}, false},
		{[]string{"application/json; charset=utf-8; q=0.001"}, true},
		{[]string{"application/json;q=high"}, false},
		{[]string{"application/json;q=-1"}, false},
		{[]string{"application/json;q=2"}, false},
		{[]string{"application/json;q=NaN"}, false},
		{[]string{"application/json;Q=0"}, false},
		{[]string{"text/html", "application/json"}, false},
		{[]string{"text/plain", "application/json"}, true},
		{[]string{"application/jsonp"}, false},
		{[]string{"json"}, false},
	} {
		if got := intent.WantsJSON(&http.Request{Header: http.Header{accept: c.accept}}); got != c.want {
			t.Errorf("WantsJSON of %q is %v", c.accept, got)
		}
	}
}

func TestOwn(t *testing.T) {
	own := intent.Origins{"https://app.test", "http://localhost:8080"}
	for _, c := range []struct {
		name    string
		origins intent.Origins
		r       *http.Request
		want    string
	}{
		{"a page of ours", nil, request(site, "same-origin"), "true Sec-Fetch-Site"},
		{"a person alone", nil, request(site, "none"), "true Sec-Fetch-Site"},
		{"a sister site", nil, request(site, "same-site"), "false Sec-Fetch-Site"},
		{"another site", nil, request(site, "cross-site"), "false Sec-Fetch-Site"},
		{"an empty value", nil, request(site, ""), "false Sec-Fetch-Site"},
		{"a value nobody knows", nil, request(site, "Same-Origin"), "false Sec-Fetch-Site"},
		{"two values", nil, request(site, "same-origin", site, "same-origin"), "false Sec-Fetch-Site"},
		{"another site, whatever Origin says", nil, request(site, "cross-site", "Origin", "https://app.test"), "false Sec-Fetch-Site"},
		{"our origin", nil, request("Origin", "https://app.test"), "true Origin"},
		{"another origin", nil, request("Origin", "https://evil.test"), "false Origin"},
		{"our origin, by http", nil, request("Origin", "http://app.test"), "false Origin"},
		{"our origin with a port", nil, request("Origin", "https://app.test:8443"), "false Origin"},
		{"an origin that begins like ours", nil, request("Origin", "https://app.test.evil.test"), "false Origin"},
		{"the origin null", nil, request("Origin", "null"), "false Origin"},
		{"an empty origin", nil, request("Origin", ""), "false Origin"},
		{"two origins", nil, request("Origin", "https://app.test", "Origin", "https://app.test"), "false Origin"},
		{"another origin, whatever Referer says", nil, request("Origin", "null", "Referer", "https://app.test/"), "false Origin"},
		{"our page", nil, request("Referer", "https://app.test/settings?a=b"), "true Referer"},
		{"another page", nil, request("Referer", "https://evil.test/https://app.test/"), "false Referer"},
		{"a page that begins like ours", nil, request("Referer", "https://app.test.evil.test/"), "false Referer"},
		{"a page with a user like us", nil, request("Referer", "https://app.test@evil.test/"), "false Referer"},
		{"our page with a user", nil, request("Referer", "https://a@app.test/"), "false Referer"},
		{"a Referer that is no address", nil, request("Referer", "%zz"), "false Referer"},
		{"a Referer without a scheme", nil, request("Referer", "//app.test/"), "false Referer"},
		{"an empty Referer", nil, request("Referer", ""), "false Referer"},
		{"nothing", nil, request(), "false "},
		{"an origin in the list", own, request("Origin", "http://localhost:8080"), "true Origin"},
		{"a page in the list", own, request("Referer", "http://localhost:8080/x"), "true Referer"},
		{"a host that is not in the list", intent.Origins{"https://www.app.test"}, request("Origin", "https://app.test"), "false Origin"},
	} {
		is, seen := c.origins.Own(c.r)
		if got := fmt.Sprint(is, " ", seen); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestPlain(t *testing.T) {
	for _, c := range []struct {
		host    string
		tls     bool
		origins intent.Origins
		want    bool
	}{
		{"localhost:8080", false, nil, true},
		{"localhost:8080", true, nil, false},
		{"app.test", false, nil, false},
		{"localhost:8080", false, intent.Origins{"http://localhost:8080"}, true},
		{"localhost:8080", false, intent.Origins{"https://app.test"}, false},
		{"localhost:8080", false, intent.Origins{"https://app.test", "http://localhost:8080"}, true},
		{"localhost:8081", false, intent.Origins{"http://localhost:8080"}, false},
	} {
		r := &http.Request{Host: c.host}
		if c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if got := c.origins.Plain(r); got != c.want {
			t.Errorf("%s, TLS %v, origins %v: %v", c.host, c.tls, c.origins, got)
		}
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:8080": true, "app.localhost": true, "app.localhost:1": true,
		"127.0.0.1": true, "127.0.0.1:80": true, "127.255.0.9": true, "[::1]": true, "[::1]:80": true,
		"": false, ":80": false, "localhost.test": false, "notlocalhost": false, "xlocalhost:80": false,
		"127.0.0.1.evil.test": false, "127.evil.test": false, "127.0.0.256": false, "127.1": false, "128.0.0.1": false, "0.0.0.0": false,
		"[::2]": false, "[::]": false, "::1": false, "10.0.0.1": false, "[fe80::1]": false, "app.test:127": false, "127": false,
	} {
		if got := intent.Loopback(host); got != want {
			t.Errorf("Loopback(%q) is %v", host, got)
		}
	}
}
