package passport_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/gopassport/passport"
)

// Whatever a strategy has to say to a person, and whoever asks: a page shows it as text
// and nothing else, problem+json (RFC 9457) gives it back, and no header is changed by it.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{"Wrong user or password.", "<script>alert(1)</script>", `"}{"code":"x"`, "a\r\nSet-Cookie: x=y\r\n\r\n<p>", "\xff\xfe\x00", "{{.}} %s %[1]s", "&amp;lt;", "\u2028</p>", strings.Repeat("x", 9000)} {
		for _, accept := range []string{"text/html", "application/json", "application/problem+json, text/html;q=0.1", "*/*", "text/html;q=0,*/*;q=x"} {
			f.Add(text, accept, uint16(len(text)))
		}
	}
	var s *site
	var says passport.Failure
	var once sync.Once
	f.Fuzz(func(t *testing.T, text, accept string, status uint16) {
		once.Do(func() {
			s = newSite(t)
			s.Use("says", passport.StrategyFunc(func(*http.Request, *passport.Attempt) (passport.Result, error) { return says, nil }))
			s.mount("/says", s.Authenticate("says"))
		})
		says = passport.Failure{Message: text, Challenge: `Test realm="x"`, Status: 400 + int(status)%100}
		for _, how := range []with{header("Accept", accept), fetch} {
			res := newBrowser(t, s).get("/says", how)
			equal(t, "the status", res.status, says.Status)
			equal(t, "nosniff", res.header.Get("X-Content-Type-Options"), "nosniff")
			if len(res.cookies) > 0 || res.location != "" || strings.Contains(fmt.Sprint(res.header), "\n") {
				t.Errorf("%q: the header is %v", text, res.header)
			}
			if strings.HasPrefix(res.header.Get("Content-Type"), "text/html") {
				isPage(t, res.body, text)
				continue
			}
			isProblem(t, res, text, says.Status)
		}
	})
}

func isPage(t *testing.T, body, text string) {
	t.Helper()
	shown := regexp.MustCompile(`(?s)^<!doctype html>.*</h1>\n<p>(.*)</p>\n<p><small>credentials_rejected</small></p>\n</html>\n$`).FindStringSubmatch(body)
	if shown == nil || strings.ContainsAny(shown[1], "<>\"") || text != "" && html.UnescapeString(shown[1]) != html.UnescapeString(html.EscapeString(text)) {
		t.Errorf("%q is shown as %q", text, body)
	}
}

func isProblem(t *testing.T, res *reply, text string, status int) {
	t.Helper()
	var problem struct {
		Title, Detail, Code string
		Status              int
	}
	err := json.Unmarshal([]byte(res.body), &problem)
	if err != nil || res.header.Get("Content-Type") != "application/problem+json" || problem.Code != "credentials_rejected" || problem.Status != status {
		t.Errorf("%q: %v %s", text, err, res.body)
	}
	if utf8.ValidString(text) && problem.Detail != text || strings.ContainsAny(res.body, "<>") {
		t.Errorf("%q is %q", text, problem.Detail)
	}
}

// Whatever Origin, Referer and Fetch Metadata a request comes with: a connect flow begins
// for an own page or an address bar only, as a strict reader of the headers sees it.
func FuzzWhoMayBegin(f *testing.F) {
	for _, c := range [][4]string{
		{"same-origin", "", "", "navigate"}, {"none", "", "", "navigate"}, {"cross-site", "https://app.example", "", "navigate"}, {"", "https://app.example", "", ""},
		{"", "null", "https://app.example/", ""}, {"", "", "https://app.example/x", ""}, {"", "", "https://app.example@evil.test/", ""}, {"", "", "https://app.example.evil.test/", ""},
		{"", "", "HTTPS://APP.EXAMPLE:443/", ""}, {"", "https://app.example:444", "", ""}, {"", "http://app.example", "", ""}, {"same-origin, cross-site", "", "", ""}, {"", "", "//app.example/", ""},
	} {
		f.Add(c[0], c[1], c[2], c[3])
	}
	var s *site
	var once sync.Once
	f.Fuzz(func(t *testing.T, fetchSite, origin, referer, mode string) {
		once.Do(func() { s = newSite(t); s.connect("github") })
		res := newBrowser(t, s).get("/connect/github", func(r *http.Request) {
			for name, value := range map[string]string{"Sec-Fetch-Site": fetchSite, "Origin": origin, "Referer": referer, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": ""} {
				r.Header.Del(name)
				if value != "" {
					r.Header.Set(name, value)
				}
			}
		})
		if res.status >= 500 {
			t.Errorf("%q %q %q: %d", fetchSite, origin, referer, res.status)
		}
		if begun := res.location != "" || len(res.cookies) > 0; begun && !ownPage(fetchSite, origin, referer) {
			t.Errorf("%q %q %q begins a flow", fetchSite, origin, referer)
		}
	})
}

// ownPage is the rule for https://app.example, said again in another way.
func ownPage(fetchSite, origin, referer string) bool {
	switch {
	case fetchSite != "":
		return fetchSite == "same-origin" || fetchSite == "none"
	case origin != "":
		return strings.EqualFold(origin, "https://app.example") || strings.EqualFold(origin, "https://app.example:443")
	}
	u, err := url.Parse(referer)
	return err == nil && u.Scheme == "https" && u.User == nil && (strings.EqualFold(u.Host, "app.example") || strings.EqualFold(u.Host, "app.example:443"))
}

// Whatever a browser sends as the cookie of notes: only messages that were left for it
// come out, and nothing is a fault. "{good}" stands for a good value.
func FuzzNotesCookie(f *testing.F) {
	for _, value := range []string{"", "{good}", "{good}A", "A{good}", "{good}; {name}={good}", "x; {name}={good}", strings.Repeat("A", 5000), "\xff\x00\r\n\""} {
		f.Add(value)
	}
	var s *site
	var name, good string
	var once sync.Once
	f.Fuzz(func(t *testing.T, value string) {
		once.Do(func() {
			s = newNotes(t)
			b := newBrowser(t, s)
			b.post("/login/password", nil)
			name, good = b.jar[0].Name, b.jar[0].Value
		})
		line := name + "=" + strings.NewReplacer("{good}", good, "{name}", name).Replace(value)
		res := newBrowser(t, s).get("/messages", header("Cookie", line))
		if res.status != http.StatusOK || res.body != "[]" && (res.body != `["Wrong user or password."]` || !strings.Contains(line, good)) {
			t.Errorf("%q: %d %s", line, res.status, res.body)
		}
		if res := newBrowser(t, s).post("/login/password", sesame("alice"), header("Cookie", line)); res.status != http.StatusSeeOther || res.location != "/" {
			t.Errorf("%q: a login gets %d to %q", line, res.status, res.location)
		}
	})
}

// Whatever a browser sends as the session of CookieSessions, the same holds as for the
// default. A value of another key is none.
func FuzzSessionCookie(f *testing.F) {
	for _, value := range []string{"", "{good}", "{good}A", "A{good}", "{other}", "{good}; app={good}", "x; app={good}", strings.Repeat("A", 5000), "\xff\x00\r\n\"", "MTIz|AAAA|BBBB"} {
		f.Add(value)
	}
	var s *site
	var good, other string
	var once sync.Once
	f.Fuzz(func(t *testing.T, value string) {
		once.Do(func() {
			shelf := func(c *passport.Config) {
				c.Sessions = passport.GorillaSessions(passport.CookieSessions(newKey()), "app")
			}
			s = newSite(t, shelf)
			good = newBrowser(t, s).as("alice").cookie("app")
			other = newBrowser(t, newSite(t, shelf)).as("alice").cookie("app")
		})
		line := "app=" + strings.NewReplacer("{good}", good, "{other}", other).Replace(value)
		res := newBrowser(t, s).get("/me", header("Cookie", line))
		if res.status != http.StatusOK || res.body != "user -, account -" && !slices.ContainsFunc(sent(line, "app"), func(c *http.Cookie) bool { return c.Value == good }) {
			t.Errorf("%q: %d %q", line, res.status, res.body)
		}
		if res := newBrowser(t, s).get("/as/bob", header("Cookie", line)); res.status != http.StatusOK || len(res.cookies) != 1 {
			t.Errorf("%q: a login gets %d %v", line, res.status, res.cookies)
		}
	})
}

// sent are the cookies of a name as net/http reads them, which gorilla asks: it drops a
// value that begins with a quote and does not end with one, and takes "app =" for "app=".
func sent(line, name string) []*http.Cookie {
	r := http.Request{Header: http.Header{"Cookie": {line}}}
	return r.CookiesNamed(name)
}
