package passport_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// Whatever a browser sends as its login: only what was given to it lets anybody in, and
// nothing is a fault. "{good}" stands for a good value.
func FuzzLoginCookie(f *testing.F) {
	for _, value := range []string{"", "{good}", "{good}A", "A{good}", "{good}; x={good}", "junk; {name}={good}", strings.Repeat("A", 5000), "\xff\x00\r\n\""} {
		f.Add(value)
	}
	var once sync.Once
	var s *site
	var name, good string
	f.Fuzz(func(t *testing.T, value string) {
		once.Do(func() {
			s = newSite(t)
			s.mount("/private", s.RequireUser("/login"))
			login := newBrowser(t, s).as("alice").jar[0]
			name, good = login.Name, login.Value
		})
		value = strings.NewReplacer("{good}", good, "{name}", name).Replace(value)
		for _, line := range []string{name + "=" + value, value, value + "; " + name + "=" + value} {
			b := newBrowser(t, s)
			res := b.get("/me", header("Cookie", line))
			if res.status != http.StatusOK || res.body != "user -, account -" && !strings.Contains(line, name+"="+good) {
				t.Errorf("%q: %d %q", line, res.status, res.body)
			}
			if status := b.get("/private", header("Cookie", line)).status; status >= 500 {
				t.Errorf("%q: %d", line, status)
			}
			if res := b.get("/as/bob", header("Cookie", line)); res.status != http.StatusOK || len(res.cookies) != 1 {
				t.Errorf("%q: a login gets %d %v", line, res.status, res.cookies)
			}
		}
	})
}

// Whatever comes back as the end of a flow: it ends one only if that began in this
// browser, and nothing is a fault. "{name}", "{value}" and "{state}" are of one that did.
func FuzzFlowCallback(f *testing.F) {
	for _, seed := range [][2]string{
		{"{name}={value}", "state={state}&code=1"},
		{"{name}={value}", "state=x&code=1&state={state}"},
		{"{name}={value}A", "state={state}&code=1"},
		{"{name}A={value}", "state={state}A&error=access_denied"},
		{"{name}=x; {name}={value}", "state={state}&code=1&passport_bounce={state}"},
		{"", "state=%00%ff&code=%zz;&passport_bounce=x"},
		{"x=" + strings.Repeat("A", 5000), "state=" + strings.Repeat("A", 600) + "&code=1"},
	} {
		f.Add(seed[0], seed[1])
	}
	var once sync.Once
	var s *site
	var name, value, state string
	f.Fuzz(func(t *testing.T, cookie, query string) {
		once.Do(func() {
			s = newSite(t)
			s.connect("github")
			s.login("github")
			b := newBrowser(t, s)
			state = b.begin("/connect/github")
			name, value = b.jar[0].Name, b.jar[0].Value
		})
		own := strings.NewReplacer("{name}", name, "{value}", value, "{state}", state)
		cookie, query = own.Replace(cookie), own.Replace(query)
		before := s.hits()
		for _, path := range []string{"/connect/github/callback", "/login/github/callback"} {
			b := newBrowser(t, s)
			sent := func(r *http.Request) {
				r.URL.RawQuery, r.RequestURI = query, path+"?"+query
				r.Header["Cookie"] = []string{cookie}
			}
			for _, res := range []*reply{b.get(path, sent, from("cross-site")), b.post(path, url.Values{"state": {query}, "code": {"1"}}, sent)} {
				if res.status >= 500 {
					t.Errorf("%s of %q with %q: %d %s", path, query, cookie, res.status, res.body)
				}
			}
		}
		ours := strings.Contains(cookie, name+"="+value) && strings.Contains(query, state)
		if decoded, err := url.QueryUnescape(query); err == nil {
			ours = ours || strings.Contains(cookie, name+"="+value) && strings.Contains(decoded, state)
		}
		if s.hits() != before && !ours {
			t.Errorf("%q with %q ends a flow that began elsewhere", query, cookie)
		}
	})
}
