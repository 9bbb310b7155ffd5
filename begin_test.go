package passport_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gopassport/passport"
)

// bare is a browser without Fetch Metadata that sends these headers, names and values
// in turn.
func bare(headers ...string) with {
	return func(r *http.Request) {
		plain(r)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Add(headers[i], headers[i+1])
		}
	}
}

// both changes a request twice.
func both(one, other with) with { return func(r *http.Request) { one(r); other(r) } }

// What may begin: "begins", "json" (the address, as JSON), or the code of the refusal.
// A visitor may begin to log in from anywhere. Who is logged in may not: a verify function
// may connect the account to them then, as the second pattern of the guide does.
func TestWhoMayBegin(t *testing.T) {
	status := map[string]int{"cross_site": 403, "prefetch": 403, "not_a_navigation": 401, "method_not_allowed": 405}
	own, typed := "https://app.example/settings", from("none")
	for _, tc := range []struct {
		name           string
		change         with
		connect, login string
	}{
		{"a link of an own page", from("same-origin"), "begins", "begins"},
		{"a typed address", typed, "begins", "begins"},
		{"a link of another site", from("cross-site"), "cross_site", "begins"},
		{"a link of a sister site", from("same-site"), "cross_site", "begins"},
		{"Sec-Fetch-Site twice", header("Sec-Fetch-Site", "same-origin", "same-origin"), "cross_site", "begins"},
		{"Sec-Fetch-Site twice, differently", header("Sec-Fetch-Site", "same-origin", "cross-site"), "cross_site", "begins"},
		{"Sec-Fetch-Site empty", from(""), "cross_site", "begins"},
		{"Sec-Fetch-Site of a later standard", from("same-party"), "cross_site", "begins"},
		{"Sec-Fetch-Site in capitals", from("Same-Origin"), "cross_site", "begins"},
		{"another site that adds an own Origin", both(from("cross-site"), header("Origin", "https://app.example")), "cross_site", "begins"},
		{"another site with an own Referer", both(from("cross-site"), header("Referer", own)), "cross_site", "begins"},

		{"no Fetch Metadata, own Origin", bare("Origin", "https://app.example"), "begins", "begins"},
		{"no Fetch Metadata, own Origin, foreign Referer", bare("Origin", "https://app.example", "Referer", "https://evil.example/"), "begins", "begins"},
		{"no Fetch Metadata, foreign Origin", bare("Origin", "https://evil.example"), "cross_site", "begins"},
		{"no Fetch Metadata, foreign Origin, own Referer", bare("Origin", "https://evil.example", "Referer", own), "cross_site", "begins"},
		{"no Fetch Metadata, Origin null", bare("Origin", "null"), "cross_site", "begins"},
		{"no Fetch Metadata, Origin null, own Referer", bare("Origin", "null", "Referer", own), "cross_site", "begins"},
		{"no Fetch Metadata, Origin empty, own Referer", bare("Origin", "", "Referer", own), "cross_site", "begins"},
		{"no Fetch Metadata, Origin by http", bare("Origin", "http://app.example"), "cross_site", "begins"},
		{"no Fetch Metadata, Origin with another port", bare("Origin", "https://app.example:8443"), "cross_site", "begins"},
		{"no Fetch Metadata, Origin of a subdomain", bare("Origin", "https://evil.app.example"), "cross_site", "begins"},
		{"no Fetch Metadata, Origin that starts like ours", bare("Origin", "https://app.example.evil.example"), "cross_site", "begins"},
		{"no Fetch Metadata, Origin twice", bare("Origin", "https://app.example", "Origin", "https://app.example"), "cross_site", "begins"},
		{"no Fetch Metadata, own Referer", bare("Referer", own), "begins", "begins"},
		{"no Fetch Metadata, foreign Referer", bare("Referer", "https://evil.example/"), "cross_site", "begins"},
		{"no Fetch Metadata, Referer with ours in its path", bare("Referer", "https://evil.example/https://app.example/"), "cross_site", "begins"},
		{"no Fetch Metadata, Referer with ours as its user", bare("Referer", "https://app.example@evil.example/"), "cross_site", "begins"},
		{"no Fetch Metadata, Referer with a user", bare("Referer", "https://evil@app.example/"), "cross_site", "begins"},
		{"no Fetch Metadata, Referer by http", bare("Referer", "http://app.example/settings"), "cross_site", "begins"},
		{"no Fetch Metadata, Referer that is no address", bare("Referer", "%zz"), "cross_site", "begins"},
		{"no Fetch Metadata, none of the three", plain, "cross_site", "begins"},

		{"a fetch", fetch, "not_a_navigation", "not_a_navigation"},
		{"a fetch for JSON", both(fetch, header("Accept", "application/json")), "json", "json"},
		{"a fetch for a JSON dialect", both(fetch, header("Accept", "application/problem+json")), "json", "json"},
		{"a fetch for JSON as a last resort", both(fetch, header("Accept", "text/html, application/json;q=0.1")), "not_a_navigation", "not_a_navigation"},
		{"a frame", header("Sec-Fetch-Dest", "iframe"), "not_a_navigation", "not_a_navigation"},
		{"an old frame", header("Sec-Fetch-Dest", "frame"), "not_a_navigation", "not_a_navigation"},
		{"an embedded object", header("Sec-Fetch-Dest", "object"), "not_a_navigation", "not_a_navigation"},
		{"an image", both(header("Sec-Fetch-Dest", "image"), header("Sec-Fetch-Mode", "no-cors")), "not_a_navigation", "not_a_navigation"},
		{"a WebSocket", both(header("Sec-Fetch-Dest", "websocket"), header("Sec-Fetch-Mode", "websocket")), "not_a_navigation", "not_a_navigation"},
		{"Sec-Fetch-Mode twice", header("Sec-Fetch-Mode", "navigate", "navigate"), "not_a_navigation", "not_a_navigation"},
		{"Sec-Fetch-Dest twice", header("Sec-Fetch-Dest", "document", "document"), "not_a_navigation", "not_a_navigation"},
		{"no Sec-Fetch-Mode", header("Sec-Fetch-Mode"), "not_a_navigation", "not_a_navigation"},

		{"no Fetch Metadata, any type", both(bare("Referer", own), header("Accept", "*/*")), "not_a_navigation", "not_a_navigation"},
		{"no Fetch Metadata, no Accept", both(bare("Referer", own), header("Accept")), "not_a_navigation", "not_a_navigation"},
		{"no Fetch Metadata, an image", both(bare("Referer", own), header("Accept", "image/png,image/*;q=0.8")), "not_a_navigation", "not_a_navigation"},
		{"no Fetch Metadata, HTML refused", both(bare("Referer", own), header("Accept", "text/html;q=0, */*")), "not_a_navigation", "not_a_navigation"},
		{"no Fetch Metadata, HTML preferred", both(bare("Referer", own), header("Accept", "application/json;q=0.5, text/html;q=0.9")), "begins", "begins"},
		{"no Fetch Metadata, JSON preferred", both(bare("Referer", own), header("Accept", "application/json, text/html;q=0.9")), "json", "json"},
		{"no Fetch Metadata, JSON", both(bare("Referer", own), header("Accept", "application/json")), "json", "json"},
		{"no Fetch Metadata, a script by its own word", bare("Referer", own, "X-Requested-With", "XMLHttpRequest"), "not_a_navigation", "not_a_navigation"},

		{"Sec-Purpose: prefetch", header("Sec-Purpose", "prefetch"), "prefetch", "prefetch"},
		{"a prerendered page", both(typed, header("Sec-Purpose", "prefetch;prerender")), "prefetch", "prefetch"},
		{"an anonymous prefetch", header("Sec-Purpose", "prefetch;anonymous-client-ip"), "prefetch", "prefetch"},
		{"Purpose: prefetch", header("Purpose", "prefetch"), "prefetch", "prefetch"},
		{"X-Moz: prefetch", header("X-Moz", "prefetch"), "prefetch", "prefetch"},
		{"a prefetch for JSON", both(header("Sec-Purpose", "prefetch"), header("Accept", "application/json")), "prefetch", "prefetch"},

		{"HEAD", method("HEAD"), "method_not_allowed", "method_not_allowed"},
		{"PUT", method("PUT"), "method_not_allowed", "method_not_allowed"},
		{"DELETE", method("DELETE"), "method_not_allowed", "method_not_allowed"},
		{"OPTIONS", method("OPTIONS"), "method_not_allowed", "method_not_allowed"},
		{"a made-up method", method("BREW"), "method_not_allowed", "method_not_allowed"},
		{"get in small letters", method("get"), "method_not_allowed", "method_not_allowed"},
		{"HEAD of another site", both(method("HEAD"), from("cross-site")), "method_not_allowed", "method_not_allowed"},
		{"POST", method("POST"), "begins", "begins"},
		{"POST of another site", both(method("POST"), from("cross-site")), "cross_site", "cross_site"},
		{"POST of a sister site", both(method("POST"), from("same-site")), "cross_site", "cross_site"},
		{"POST without Fetch Metadata, Origin null", both(method("POST"), bare("Origin", "null")), "cross_site", "cross_site"},
		{"POST without Fetch Metadata, own Origin", both(method("POST"), bare("Origin", "https://app.example")), "begins", "begins"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, who := range []struct {
				path, want string
				visitor    bool
			}{
				{"/connect/github", tc.connect, false},
				{"/connect/github", tc.connect, true},
				{"/login/github", tc.login, true},
				{"/login/github", tc.connect, false},
			} {
				s, b := newFlows(t)
				if who.visitor {
					b = newBrowser(t, s)
				}
				path, want := who.path, who.want
				got := b.get(path, tc.change)
				switch want {
				case "begins":
					equal(t, path+" redirects", got.status == 302 || got.status == 303, true)
					got.state()
				case "json":
					equal(t, path+" status", got.status, 200)
					equal(t, path+" Location", got.location, "")
					equal(t, path+" Content-Type", got.header.Get("Content-Type"), "application/json")
					got.state()
				default:
					got.refused(status[want], passport.Code(want))
				}
				flows := 0
				if want == "begins" || want == "json" {
					flows = 1
				}
				equal(t, path+" cookies set", len(got.cookies), flows)
				equal(t, path+" flows", len(b.flows()), flows)
			}
		})
	}
}

// The wrapped handler, and the provider, learn of none of these.
func TestARefusedBeginRunsNothing(t *testing.T) {
	store := newMemory()
	s, b := newFlows(t, inStore(store))
	for _, change := range []with{from("cross-site"), fetch, method("HEAD"), header("Sec-Purpose", "prefetch")} {
		b.get("/connect/github", change)
	}
	equal(t, "handlers that ran", s.ran.Load(), 0)
	equal(t, "flows stored", store.puts, 0)
	b.begin("/connect/github")
	equal(t, "flows stored in the end", store.puts, 1)
}

func TestTheRefusalNamesTheHeadersLookedFor(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change with
		names  []string
	}{
		{"none came", plain, []string{"Sec-Fetch-Site", "Origin", "Referer"}},
		{"Fetch Metadata", from("cross-site"), []string{"Sec-Fetch-Site"}},
		{"Origin", bare("Origin", "https://evil.example"), []string{"Origin"}},
		{"Referer", bare("Referer", "https://evil.example/"), []string{"Referer"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, b := newFlows(t)
			b.get("/connect/github", tc.change).refused(403, passport.CodeCrossSite)
			text := s.last().Err.Error()
			for _, name := range tc.names {
				if !strings.Contains(text, name) {
					t.Errorf("%q does not name %s", text, name)
				}
			}
			if strings.Contains(text, "evil.example") {
				t.Errorf("%q repeats what came in", text)
			}
		})
	}
}

func TestOriginsSayWhichPagesAreOwn(t *testing.T) {
	for _, tc := range []struct {
		name    string
		origins []string
		change  with
		begins  bool
	}{
		{"one of two", []string{"https://app.example", "https://www.app.example"}, bare("Origin", "https://www.app.example"), true},
		{"the Host, which is not among them", []string{"https://www.app.example"}, bare("Origin", "https://app.example"), false},
		{"a proxy's Host", []string{"https://www.app.example"}, both(bare("Origin", "https://www.app.example"), host("10.0.0.7:8080")), true},
		{"no origins, a forged X-Forwarded-Host", nil, bare("Origin", "https://evil.example", "X-Forwarded-Host", "evil.example"), false},
		{"plain http on a loopback host", nil, both(bare("Origin", "http://localhost:8080"), insecure("localhost:8080")), true},
		{"plain http elsewhere is not ours", nil, both(bare("Origin", "http://app.example"), insecure("app.example")), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, b := newFlows(t, func(c *passport.Config) { c.Origins = tc.origins })
			equal(t, "begins", b.get("/connect/github", tc.change).location != "", tc.begins)
		})
	}
}

// Behind a proxy that changes Host, an own form is told from another site's by Origins.
func TestOriginsLetAnOwnFormLogIn(t *testing.T) {
	for origin, status := range map[string]int{"https://www.app.example": 200, "https://evil.example": 403} {
		s := newSite(t, func(c *passport.Config) { c.Origins = []string{"https://www.app.example"} })
		s.login("password")
		form := url.Values{"user": {"alice"}, "password": {"sesame"}}
		got := newBrowser(t, s).post("/login/password", form, bare("Origin", origin), host("10.0.0.7:8080"))
		equal(t, "status for "+origin, got.status, status)
	}
}

func host(h string) with     { return func(r *http.Request) { r.Host = h } }
func insecure(h string) with { return func(r *http.Request) { r.Host, r.TLS = h, nil } }

// A person is sent back to where the flow should begin; what is no navigation, a wrong
// method and a prefetch are not.
func TestFailureRedirectIsForPeople(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change with
		status int
		to     string
	}{
		{"a link of another site", from("cross-site"), 302, "/account"},
		{"a form of another site", both(method("POST"), from("cross-site")), 303, "/account"},
		{"a fetch", fetch, 401, ""},
		{"a fetch for JSON by another site", both(both(fetch, from("cross-site")), header("Accept", "application/json")), 403, ""},
		{"a frame", header("Sec-Fetch-Dest", "iframe"), 401, ""},
		{"HEAD", method("HEAD"), 405, ""},
		{"PUT", method("PUT"), 405, ""},
		{"a prefetch", header("Sec-Purpose", "prefetch"), 403, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t)
			s.connect("github", passport.FailureRedirect("/account"))
			got := newBrowser(t, s).as("alice").get("/connect/github", tc.change)
			equal(t, "status", got.status, tc.status)
			equal(t, "Location", got.location, tc.to)
		})
	}
}

func TestAWrongMethodIsToldWhichOnesAreRight(t *testing.T) {
	for _, path := range []string{"/connect/github", "/connect/github/callback?code=1&state=x", "/login/github"} {
		_, b := newFlows(t)
		equal(t, "Allow of "+path, b.get(path, method("PUT")).header.Get("Allow"), "GET, POST")
	}
}

func TestTheRedirectNeverRepeatsAForm(t *testing.T) {
	_, b := newFlows(t)
	equal(t, "after GET", b.get("/login/github").status, http.StatusFound)
	equal(t, "after POST", b.post("/login/github", url.Values{"password": {"x"}}).status, http.StatusSeeOther)
	equal(t, "after POST, connecting", b.post("/connect/github", url.Values{}).status, http.StatusSeeOther)
}

func TestACallerThatTakesJSONGoesOnInTheAddressBar(t *testing.T) {
	_, b := newFlows(t)
	state := b.begin("/connect/github", fetch, header("Accept", "application/json"))
	b.back("/connect/github", state, "42").wants(200, "user alice, account 42")
}

// The state, and all that goes to the provider, is ours.
func TestParametersOfTheBeginRequestHaveNoEffect(t *testing.T) {
	_, b := newFlows(t)
	ours := url.Values{
		"state": {"ATTACKER"}, "nonce": {"ATTACKER"}, "code_challenge": {"ATTACKER"}, "code_verifier": {"ATTACKER"}, "scope": {"ATTACKER"},
		"redirect_uri": {"https://evil.example/ATTACKER"}, "request_uri": {"https://evil.example/ATTACKER"}, "iss": {"ATTACKER"},
		"strategy": {"google"}, "provider": {"google"}, "return_to": {"//evil.example/ATTACKER"},
	}
	seen := map[string]bool{}
	for _, begun := range []*reply{b.get("/connect/github?" + ours.Encode()), b.post("/connect/github", ours), b.get("/connect/github")} {
		want := "https://provider.example/authorize?state=" + begun.state()
		equal(t, "Location", begun.location, want)
		equal(t, "the state is new", seen[begun.state()], false)
		seen[begun.state()] = true
	}
	b.back("/connect/github", "ATTACKER", "42").refused(400, passport.CodeFlowMissing)
	for state := range seen {
		b.back("/connect/github", state, "42").wants(200, "user alice, account 42")
	}
}

func TestBeginAndCallbackAreKeptOutOfCachesAndReferers(t *testing.T) {
	s, b := newFlows(t)
	s.mount("/go", s.Authorize("github", passport.SuccessRedirect("/done"), passport.FailureRedirect("/account")))
	s.mount("/own", s.Authorize("github", passport.OnError(func(w http.ResponseWriter, _ *http.Request, _ error) {
		w.WriteHeader(http.StatusTeapot)
	})))
	callback := func(path string) func(...with) *reply {
		return func(opts ...with) *reply {
			return b.back(path, b.begin(path), "42", opts...)
		}
	}
	bogus := func(path string) func(...with) *reply {
		return func(opts ...with) *reply { return b.back(path, "bogus", "42", opts...) }
	}
	begin := func(path string) func(...with) *reply {
		return func(opts ...with) *reply { return b.get(path, opts...) }
	}
	for _, tc := range []struct {
		name string
		send func(...with) *reply
		with with
	}{
		{"begin", begin("/connect/github"), from("same-origin")},
		{"begin of a login", begin("/login/github"), from("same-origin")},
		{"begin for JSON", begin("/connect/github"), both(fetch, header("Accept", "application/json"))},
		{"callback", callback("/connect/github"), from("cross-site")},
		{"callback of a login", callback("/login/google"), from("cross-site")},
		{"callback, redirecting", callback("/go"), from("cross-site")},
		{"callback without a flow", bogus("/connect/github"), from("cross-site")},
		{"callback without a state", bogus("/connect/github"), func(r *http.Request) { r.URL.RawQuery = "code=42" }},
		{"callback without a flow, redirecting", bogus("/go"), from("cross-site")},
		{"callback without a flow, OnError", bogus("/own"), from("cross-site")},
		{"callback in a frame, OnError", callback("/own"), header("Sec-Fetch-Dest", "iframe")},
		{"callback in a prefetch, OnError", callback("/own"), header("Sec-Purpose", "prefetch")},
		{"callback by HEAD, OnError", callback("/own"), method("HEAD")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := tc.send(tc.with)
			equal(t, "Cache-Control", got.header.Get("Cache-Control"), "no-store")
			equal(t, "Referrer-Policy", got.header.Get("Referrer-Policy"), "no-referrer")
		})
	}
}

func TestTheFlowsCookieIsOursAlone(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change with
		secure bool
	}{
		{"https", host("app.example"), true},
		{"plain http behind a proxy", insecure("app.example"), true},
		{"https on a loopback host", host("localhost:8443"), true},
		{"plain http on localhost", insecure("localhost:8080"), false},
		{"plain http on 127.0.0.1", insecure("127.0.0.1:8080"), false},
		{"plain http on ::1", insecure("[::1]:8080"), false},
		{"plain http on a host that looks like one", insecure("localhost.evil.example"), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, flows option) {
				_, b := newFlowsOf(t, flows)
				begun := b.get("/connect/github", tc.change)
				equal(t, "cookies", len(begun.cookies), 1)
				c := begun.cookies[0]
				equal(t, "HttpOnly", c.HttpOnly, true)
				equal(t, "SameSite", c.SameSite, http.SameSiteLaxMode)
				equal(t, "Path", c.Path, "/")
				equal(t, "Domain", c.Domain, "")
				equal(t, "Max-Age", c.MaxAge, 600)
				equal(t, "Secure", c.Secure, tc.secure)
				equal(t, "__Host-", strings.HasPrefix(c.Name, "__Host-"), tc.secure)
				got := b.back("/connect/github", begun.state(), "42", tc.change).wants(200, "user -, account 42")
				equal(t, "cookies removed", removed(got), 1)
				equal(t, "the removal's Secure", got.cookies[0].Secure, tc.secure)
			})
		})
	}
}

// The size rule: 800 bytes of name and value. A return target that does not fit is
// dropped; data that does not fit is a fault.
func TestAFlowsCookieHasRoom(t *testing.T) {
	wanted := func(n int) string { return "/private/" + strings.Repeat("p", n-len("/private/")) }
	for _, tc := range []struct {
		name       string
		data, path int // bytes
		kept       bool
	}{
		{"a little of both", 40, 40, true},
		{"much data", 350, 40, true},
		{"a target that does not fit", 40, 900, false},
		{"a target that does not fit beside the data", 350, 250, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t)
			s.providers["github"].data = strings.Repeat("x", tc.data)
			s.login("github", passport.SuccessReturnToOrRedirect("/home"))
			s.mux.Handle("/private/", s.RequireUser("/login")(http.HandlerFunc(show)))
			b := newBrowser(t, s)
			b.get(wanted(tc.path))
			state := b.begin("/login/github")
			flow := b.flows()[0]
			equal(t, "the cookie has at most 800 bytes", len(flow.Name)+len(flow.Value) <= 800, true)
			b.jar = []*http.Cookie{flow} // what else was noted is forgotten
			want := "/home"
			if tc.kept {
				want = wanted(tc.path)
			}
			equal(t, "Location", b.back("/login/github", state, "alice").location, want)
		})
	}
}

func TestDataThatDoesNotFitIsAFault(t *testing.T) {
	for _, data := range []string{strings.Repeat("x", 800), strings.Repeat("<", 200), strings.Repeat("x", 100_000)} {
		s, b := newFlows(t)
		s.providers["github"].data = data
		got := b.get("/connect/github").refused(500, passport.CodeFlowTooLarge)
		equal(t, "cookies", len(got.cookies), 0)
		if text := s.last().Err.Error(); !strings.Contains(text, "800") || strings.Contains(text, data[:50]) {
			t.Errorf("%q does not name the limit, or shows the data", text)
		}
	}
	s, b := newFlows(t, inStore(newMemory()))
	s.providers["github"].data = strings.Repeat("x", 100_000)
	b.back("/connect/github", b.begin("/connect/github"), "42").wants(200, "user alice, account 42")
}

func TestAKeyHasOneTo512Bytes(t *testing.T) {
	for n, ok := range map[int]bool{0: false, 1: true, 512: true, 513: false, 4096: false} {
		t.Run(fmt.Sprint(n, " bytes"), func(t *testing.T) {
			onBoth(t, func(t *testing.T, flows option) {
				s, b := newFlows(t, flows)
				state := strings.Repeat("s", n)
				s.providers["github"].state = func() string { return state }
				if !ok {
					got := b.get("/connect/github").refused(500, passport.CodeStrategy)
					equal(t, "cookies", len(got.cookies), 0)
					return
				}
				b.begin("/connect/github")
				b.back("/connect/github", state, "42").wants(200, "user alice, account 42")
			})
		})
	}
}

func TestDataThatIsNoJSONIsAFault(t *testing.T) {
	s := newSite(t)
	s.Use("odd", passport.StrategyFunc(func(_ *http.Request, a *passport.Attempt) (passport.Result, error) {
		return passport.Redirect{URL: "https://provider.example/"}, a.Save("key", func() {})
	}))
	s.connect("odd")
	got := newBrowser(t, s).get("/connect/odd").refused(500, passport.CodeStrategy)
	equal(t, "cookies", len(got.cookies), 0)
}

// Strategies that call out before they save, and those that save nothing.
func TestTheRulesHoldForStrategiesThatDoNotSave(t *testing.T) {
	for name, change := range map[string]with{
		"": from("same-origin"), "cross_site": from("cross-site"), "not_a_navigation": fetch, "prefetch": header("Purpose", "prefetch"), "method_not_allowed": method("HEAD"),
	} {
		t.Run(name, func(t *testing.T) {
			s, calls := newSite(t), 0
			s.Use("calls-out", passport.StrategyFunc(func(_ *http.Request, a *passport.Attempt) (passport.Result, error) {
				if err := a.Begin(); err != nil {
					return nil, err
				}
				calls++
				return passport.Redirect{URL: "https://provider.example/?oauth_token=1"}, a.Save("1", nil)
			}))
			s.Use("forwards", passport.StrategyFunc(func(*http.Request, *passport.Attempt) (passport.Result, error) {
				return passport.Redirect{URL: "https://provider.example/"}, nil
			}))
			s.connect("calls-out")
			s.connect("forwards")
			b := newBrowser(t, s)
			for _, path := range []string{"/connect/calls-out", "/connect/forwards"} {
				got := b.get(path, change)
				equal(t, "code of "+path, got.code(), passport.Code(name))
				equal(t, "redirected by "+path, got.location != "", name == "")
			}
			equal(t, "calls to the provider", calls > 0, name == "")
		})
	}
}

// What a strategy saved is kept only when it redirects.
func TestAFlowThatIsNotBegunAfterAllIsNotKept(t *testing.T) {
	for name, result := range map[string]passport.Result{"a failure": passport.Failure{}, "a pass": passport.Pass{}, "a success": passport.Success{Value: &account{"1"}}} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.Use("changes-its-mind", passport.StrategyFunc(func(_ *http.Request, a *passport.Attempt) (passport.Result, error) {
				return result, a.Save("key", nil)
			}))
			s.connect("changes-its-mind")
			equal(t, "cookies", len(newBrowser(t, s).get("/connect/changes-its-mind").cookies), 0)
		})
	}
}
