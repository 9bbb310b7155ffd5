package returnto_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/gopassport/passport/internal/hostile"
	"github.com/gopassport/passport/internal/returnto"
)

// The corpus holds addresses that attackers tried, and some that are good.
func TestTheCorpus(t *testing.T) {
	entries := hostile.Entries("redirect")
	if len(entries) != 84 {
		t.Fatalf("%d entries", len(entries))
	}
	for _, e := range entries {
		input := hostile.Bytes(e.Input)
		if strings.Contains(input, " HTTP/1.1\n") {
			continue // a request; those are below
		}
		if got := returnto.Local(input); got != (e.Verdict() == "accept") {
			t.Errorf("%s: Local(%q) is %v", e.Name, input, got)
		}
		if returnto.Local(input) {
			sameOrigin(t, input)
		}
	}
}

// A request stands for what its request line asks for, and for no other part of it.
func TestWhatARequestAsksFor(t *testing.T) {
	for text, want := range map[string]bool{
		"GET /login?return_to=/ok&return_to=//evil.test HTTP/1.1\r\nHost: app.test\r\n\r\n":  true,
		"GET /connect/op HTTP/1.1\r\nHost: app.test\r\nReferer: https://evil.test/x\r\n\r\n": true,
		"GET /protected HTTP/1.1\r\nHost: evil.test\r\n\r\n":                                 true,
		"GET https://evil.test/protected HTTP/1.1\r\nHost: app.test\r\n\r\n":                 false,
		"GET //evil.test/protected HTTP/1.1\r\nHost: app.test\r\n\r\n":                       false,
	} {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			t.Fatal(err)
		}
		if got := returnto.Local(r.RequestURI); got != want || returnto.Local(r.Referer()) {
			t.Errorf("%q: Local is %v", text, got)
		}
	}
}

func TestLocal(t *testing.T) {
	for _, c := range []struct {
		input string
		want  bool
	}{
		{"", false},
		{"/", true},
		{"/a", true},
		{"/a/", true},
		{"/a/b.html", true},
		{"/a/...", true},
		{"/.well-known/x", true},
		{"/a..b", true},
		{"/?", true},
		{"/#", true},
		{"/a?b=//c&d=..", true},
		{"/a?b=%2f%5c%00%zz", true}, // nobody decodes a query to find out where it leads
		{"/a#//b", true},
		{"/~user!$&'()*+,;=:@", true},
		{"/%41", true},
		{"/%C3%A4", true},
		{"/a/..", false},
		{"/./a", false},
		{"/a/.", false},
		{"/a/../b", false},
		{"/%2e/a", false},
		{"/a/.%2E/b", false},
		{"/a//", false},
		{"//", false},
		{"/a%2fb", false},
		{"/a%5cb", false},
		{"/%", false},
		{"/%25", false},
		{"/%2541", false},
		{"/%0a", false},
		{"/%1f", false},
		{"/%7f", false},
		{`/"`, false},
		{"/>", false},
		{"/\x7f", false},
		{"/a?b=\\", false},
		{"/a?b c", false},
		{"/a#\n", false},
		{"a/b", false},
		{"/" + strings.Repeat("a", returnto.MaxLength-1), true},
		{"/" + strings.Repeat("a", returnto.MaxLength), false},
	} {
		if got := returnto.Local(c.input); got != c.want {
			t.Errorf("Local(%.60q) is %v", c.input, got)
		}
	}
}

// sameOrigin tells whether an accepted address stays here for whoever reads it, and is
// sent as it is.
func sameOrigin(t *testing.T, s string) {
	t.Helper()
	base := &url.URL{Scheme: "https", Host: "app.test", Path: "/login/"}
	to, err := base.Parse(s)
	if err != nil || to.Scheme != "https" || to.Host != "app.test" || to.User != nil {
		t.Errorf("%q leads to %v (%v)", s, to, err)
	}
	w := httptest.NewRecorder()
	http.Redirect(w, httptest.NewRequest("GET", "https://app.test/login/", nil), s, http.StatusFound)
	sent := w.Header().Get("Location") // cleaned, by whoever uses it in spite of what Local says
	if to, err := base.Parse(sent); err != nil || to.Host != "app.test" || strings.HasPrefix(sent, "//") || sent != s && !strings.Contains(s, "#") {
		t.Errorf("%q is sent as %q by http.Redirect", s, sent)
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '\\' {
			t.Errorf("%q has %q in it", s, s[i])
		}
	}
	// What the browsers' parser (WHATWG) does first: drop tabs and lines, take \ for /.
	seen := strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(s)
	if !strings.HasPrefix(seen, "/") || strings.HasPrefix(seen, "//") {
		t.Errorf("%q is another site to a browser", s)
	}
	decoded, err := url.PathUnescape(to.EscapedPath())
	if err != nil || strings.HasPrefix(path.Clean(decoded), "//") || strings.Contains(decoded, `\`) || strings.Contains(decoded, "//") {
		t.Errorf("the path of %q is %q to a router that decodes it (%v)", s, decoded, err)
	}
}

func FuzzLocal(f *testing.F) {
	for _, e := range hostile.Entries("redirect") {
		f.Add(hostile.Bytes(e.Input))
	}
	f.Fuzz(func(t *testing.T, s string) {
		if returnto.Local(s) {
			sameOrigin(t, s)
		}
	})
}
