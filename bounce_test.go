package passport_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopassport/passport"
)

// posted is the provider's answer as a form, posted by its page: no Lax cookie comes.
func (b *browser) posted(path string, form url.Values, opts ...with) *reply {
	b.t.Helper()
	return b.post(path+"/callback", form, append([]with{from("cross-site"), header("Origin", "https://provider.example")}, opts...)...)
}

// land follows a bounce, as browsers do: still from another site, but with GET.
func (b *browser) land(bounce *reply, opts ...with) *reply {
	b.t.Helper()
	if bounce.status != http.StatusSeeOther || !strings.HasPrefix(bounce.location, "/") {
		b.t.Fatalf("not bounced: %d %q %q", bounce.status, bounce.location, bounce.body)
	}
	return b.get(bounce.location, append([]with{from("cross-site")}, opts...)...)
}

func answer(state, code string) url.Values { return url.Values{"state": {state}, "code": {code}} }

func TestAPostedAnswerLandsWithTheCookies(t *testing.T) {
	for _, tc := range []struct{ name, path, who, want string }{
		{"connecting", "/connect/github", "alice", "user alice, account 42"},
		{"connecting a visitor", "/connect/github", "", "user -, account 42"},
		{"logging in", "/login/github", "", "user 42, account -"},
		{"logging in as another", "/login/github", "alice", "user 42, account -"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, flows option) {
				s, _ := newFlows(t, flows)
				b := newBrowser(t, s)
				if tc.who != "" {
					b.as(tc.who)
				}
				before, login := len(b.jar), b.cookie("login")
				bounce := b.posted(tc.path, answer(b.begin(tc.path), "42"))
				equal(t, "calls to the provider before landing", s.hits(), 0)
				b.land(bounce).wants(200, tc.want)
				equal(t, "calls to the provider", s.hits(), 1)
				if strings.HasPrefix(tc.path, "/connect") {
					equal(t, "the login", b.cookie("login"), login)
					equal(t, "cookies", len(b.jar), before)
				}
				b.get("/me").wants(200, tc.want[:strings.Index(tc.want, ",")]+", account -")
			})
		})
	}
}

func TestAPostedAnswerLandsOnARouteWithoutSession(t *testing.T) {
	s := newSite(t)
	s.login("github", passport.NoSession())
	s.login("password", passport.NoSession())
	b := newBrowser(t, s)
	b.land(b.posted("/login/github", answer(b.begin("/login/github"), "42"))).wants(200, "user 42, account -")
	form := url.Values{"state": {"x"}, "user": {"alice"}, "password": {"sesame"}}
	b.post("/login/password", form, fetch, from("cross-site")).wants(200, "user alice, account -") // an API logs nobody in
}

func TestABounceShowsNothingOfWhatWasPosted(t *testing.T) {
	s, b := newFlows(t)
	s.providers["github"].value = func(string) any { return &account{"42"} }
	state := b.begin("/connect/github")
	form := answer(state, "CODECANARY")
	form.Set("user", `{"email":"MAILCANARY@example.com"}`)
	bounce := b.posted("/connect/github", form)
	c := &canaries{t: t, words: []string{state, "CODECANARY", "MAILCANARY"}}
	c.answer("bounce", bounce)
	equal(t, "Cache-Control", bounce.header.Get("Cache-Control"), "no-store")
	equal(t, "Referrer-Policy", bounce.header.Get("Referrer-Policy"), "no-referrer")
	equal(t, "cookies set", len(bounce.cookies), 1)
	equal(t, "it lives two minutes", bounce.cookies[0].MaxAge, 120)
	equal(t, "HttpOnly, Secure, Lax", bounce.cookies[0].HttpOnly && bounce.cookies[0].Secure && bounce.cookies[0].SameSite == http.SameSiteLaxMode, true)
	landed := b.land(bounce).wants(200, "user alice, account 42")
	c.answer("landing", landed)
	equal(t, "Cache-Control of the landing", landed.header.Get("Cache-Control"), "no-store")
	equal(t, "Referrer-Policy of the landing", landed.header.Get("Referrer-Policy"), "no-referrer")
}

func TestABounceKeepsTheQueryOfTheCallback(t *testing.T) {
	s := newSite(t)
	var seen []string
	s.Use("query", passport.StrategyFunc(func(r *http.Request, a *passport.Attempt) (passport.Result, error) {
		if r.Method == http.MethodGet {
			return passport.Redirect{URL: "https://provider.example/authorize?state=1"}, a.Save("1", "")
		}
		var data string
		seen = append(seen, r.URL.RawQuery, r.PostFormValue("state"), r.Method)
		return passport.Success{Value: &account{"42"}}, a.Take("1", &data)
	}))
	s.connect("query")
	b := newBrowser(t, s)
	b.begin("/connect/query")
	bounce := b.post("/connect/query/callback?shop=7", answer("1", "42"), from("cross-site"))
	b.land(bounce).wants(200, "user -, account 42")
	equal(t, "query, state and method", fmt.Sprint(seen), "[shop=7 1 POST]")
}

// What lands is refused unless it is this browser's, this address's, new and whole.
func TestALandingIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name string
		land func(b *browser, bounce *reply) *reply
		kept bool // the flow is still there afterwards
	}{
		{"the second time", func(b *browser, bounce *reply) *reply { b.land(bounce); return b.land(bounce) }, false},
		{"the second time, with the cookie kept", func(b *browser, bounce *reply) *reply {
			b.land(bounce)
			b.keep(bounce.cookies[0])
			return b.land(bounce)
		}, false},
		{"at another path", func(b *browser, bounce *reply) *reply {
			return b.get(strings.Replace(bounce.location, "github", "google", 1))
		}, true},
		{"at another kind of route", func(b *browser, bounce *reply) *reply {
			return b.get(strings.Replace(bounce.location, "connect", "login", 1))
		}, true},
		{"with another id", func(b *browser, bounce *reply) *reply { return b.get(flip(bounce.location, len(bounce.location)-1)) }, true},
		{"without an id", func(b *browser, bounce *reply) *reply {
			return b.get(bounce.location[:strings.LastIndex(bounce.location, "=")+1])
		}, true},
		{"with a tampered cookie", func(b *browser, bounce *reply) *reply {
			bounce.cookies[0].Value = flip(bounce.cookies[0].Value, 40)
			b.keep(bounce.cookies[0])
			return b.land(bounce)
		}, true},
		{"in another browser", func(b *browser, bounce *reply) *reply {
			return newBrowser(b.t, b.handler).as("alice").land(bounce)
		}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, flows option) {
				s, b := newFlows(t, flows)
				state := b.begin("/connect/github")
				bounce := b.posted("/connect/github", answer(state, "42"))
				tc.land(b, bounce).refused(400, passport.CodeFlowMissing)
				want := 0
				if tc.kept {
					want = 1
					equal(t, "calls to the provider", s.hits(), 0)
				}
				equal(t, "flows left", len(b.flows()), want)
				if tc.kept {
					b.back("/connect/github", state, "42").wants(200, "user alice, account 42")
				}
			})
		})
	}
}

func TestABounceLastsTwoMinutes(t *testing.T) {
	for after, lands := range map[time.Duration]bool{time.Second: true, 2*time.Minute - time.Second: true, 2*time.Minute + 2*time.Second: false} {
		t.Run(after.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, b := newFlows(t)
				bounce := b.posted("/connect/github", answer(b.begin("/connect/github"), "42"))
				time.Sleep(after)
				if lands {
					b.land(bounce).wants(200, "user alice, account 42")
					return
				}
				b.land(bounce).refused(400, passport.CodeFlowMissing)
				equal(t, "calls to the provider", s.hits(), 0)
				equal(t, "flows left", len(b.flows()), 1)
			})
		})
	}
}

// All that holds for other callbacks holds for those that were bounced.
func TestALandingIsACallback(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*site, *browser)
		with   with
		status int
		code   passport.Code
	}{
		{"the user switched", func(_ *site, b *browser) { b.as("bob") }, from("cross-site"), 403, passport.CodeFlowUser},
		{"the user logged out", func(_ *site, b *browser) { logout(b) }, from("cross-site"), 401, passport.CodeFlowUser},
		{"the flow is gone", func(_ *site, b *browser) { b.jar = slicesWithout(b.jar, b.flows()[0]) }, from("cross-site"), 400, passport.CodeFlowMissing},
		{"a frame", func(*site, *browser) {}, header("Sec-Fetch-Dest", "iframe"), 403, passport.CodeNavigation},
		{"a fetch", func(*site, *browser) {}, fetch, 403, passport.CodeNavigation},
		{"a prefetch", func(*site, *browser) {}, header("Sec-Purpose", "prefetch"), 403, passport.CodePrefetch},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, flows option) {
				s, b := newFlows(t, flows)
				bounce := b.posted("/connect/github", answer(b.begin("/connect/github"), "42"))
				tc.change(s, b)
				got := b.get(bounce.location, both(from("same-origin"), tc.with))
				got.refused(tc.status, tc.code)
				equal(t, "calls to the provider", s.hits(), 0)
			})
		})
	}
}

func slicesWithout(jar []*http.Cookie, c *http.Cookie) (rest []*http.Cookie) {
	for _, other := range jar {
		if other != c {
			rest = append(rest, other)
		}
	}
	return rest
}

func TestADenialMayBePosted(t *testing.T) {
	s := newSite(t)
	s.connect("github", passport.FailureRedirect("/account"))
	b := newBrowser(t, s).as("alice")
	bounce := b.posted("/connect/github", url.Values{"state": {b.begin("/connect/github")}, "error": {"access_denied"}})
	equal(t, "Location", b.land(bounce).location, "/account")
	equal(t, "code", s.last().Code, passport.CodeDenied)
	equal(t, "flows left", len(b.flows()), 0)
}

// A form that comes with the cookies needs no bounce.
func TestAnAnswerPostedFromAnOwnPageIsNotBounced(t *testing.T) {
	s, b := newFlows(t)
	state := b.begin("/connect/github")
	b.post("/connect/github/callback", answer(state, "42")).wants(200, "user alice, account 42")
	equal(t, "calls to the provider", s.hits(), 1)
}

// Login CSRF: another site knows a password, its own, and a form that posts it.
func TestAnotherSitesCredentialsLogNobodyIn(t *testing.T) {
	credentials := url.Values{"user": {"mallory"}, "password": {"sesame"}}
	withState := url.Values{"user": {"mallory"}, "password": {"sesame"}, "state": {"bait"}}
	for _, tc := range []struct {
		name   string
		form   url.Values
		change with
	}{
		{"another site", credentials, from("cross-site")},
		{"a sister site", credentials, from("same-site")},
		{"no Fetch Metadata", credentials, bare("Origin", "https://evil.example")},
		{"no Fetch Metadata, Origin null", credentials, bare("Origin", "null")},
		{"another site, with a state as bait", withState, from("cross-site")},
		{"no Fetch Metadata, with a state as bait", withState, bare("Origin", "https://evil.example")},
	} {
		for _, victim := range []string{"", "alice"} {
			t.Run(fmt.Sprintf("%s, on %q", tc.name, victim), func(t *testing.T) {
				s := newSite(t)
				s.login("password")
				s.connect("password")
				for _, path := range []string{"/login/password", "/connect/password"} {
					b := newBrowser(t, s)
					if victim != "" {
						b.as(victim)
					}
					before := b.get("/me").body
					got := b.post(path, tc.form, tc.change)
					if got.location != "" {
						equal(t, "bounced with a state only", tc.form.Has("state"), true)
						got = b.land(got, both(tc.change, func(r *http.Request) { r.Header.Del("Origin") }))
					}
					got.refused(403, passport.CodeCrossSite)
					b.get("/me").wants(200, before)
				}
				equal(t, "handlers that ran", s.ran.Load(), 0)
				newBrowser(t, s).post("/login/password", credentials).wants(200, "user mallory, account -")
			})
		}
	}
}

func TestABounceBeginsNoFlow(t *testing.T) {
	_, b := newFlows(t)
	bounce := b.posted("/connect/github", url.Values{"state": {"bait"}})
	for _, change := range []with{from("cross-site"), plain, bare("Referer", "https://evil.example/")} {
		again := *b
		got := again.get(bounce.location, change)
		equal(t, "code", got.code(), passport.CodeCrossSite)
		equal(t, "flows", len(again.flows()), 0)
	}
}

func TestOnlyASmallFormWithAStateIsBounced(t *testing.T) {
	big := func(n int) url.Values { return answer("s", strings.Repeat("c", n)) }
	for _, tc := range []struct {
		name   string
		form   url.Values
		change with
		status int
		code   passport.Code
	}{
		{"more than a cookie holds", big(4000), from("cross-site"), 413, passport.CodeCallback},
		{"much more", big(60 << 10), from("cross-site"), 413, passport.CodeCallback},
		{"no state", url.Values{"code": {"42"}}, from("cross-site"), 403, passport.CodeCrossSite},
		{"an empty state", answer("", "42"), from("cross-site"), 403, passport.CodeCrossSite},
		{"a JSON body", answer("s", "42"), both(from("cross-site"), header("Content-Type", "application/json")), 403, passport.CodeCrossSite},
		{"a multipart body", answer("s", "42"), both(from("cross-site"), header("Content-Type", "multipart/form-data; boundary=x")), 403, passport.CodeCrossSite},
		{"a text body", answer("s", "42"), both(from("cross-site"), header("Content-Type", "text/plain")), 403, passport.CodeCrossSite},
		{"PUT", answer("s", "42"), both(from("cross-site"), method("PUT")), 403, passport.CodeCrossSite},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, b := newFlows(t)
			b.begin("/connect/github")
			got := b.posted("/connect/github", tc.form, tc.change)
			got.refused(tc.status, tc.code)
			equal(t, "cookies set", len(got.cookies), 0)
			equal(t, "flows left", len(b.flows()), 1)
			equal(t, "handlers that ran", s.ran.Load(), 0)
		})
	}
	_, b := newFlows(t)
	got := b.posted("/connect/github", big(100<<10))
	equal(t, "a body over the limit is the client's fault", got.status >= 400 && got.status < 500 && got.location == "", true)
	bounce := b.posted("/connect/github", answer(b.begin("/connect/github"), strings.Repeat("c", 1500)))
	equal(t, "a long code fits", b.land(bounce).status, 200)
}

// Whoever lures a visitor to a page can post forms to a callback again and again: that does
// not fill the jar, from which browsers would drop the login.
func TestPostedAnswersLeaveTwoCookies(t *testing.T) {
	_, b := newFlows(t)
	state := b.begin("/connect/github")
	for i := range 50 {
		b.posted("/connect/github", answer("bait"+fmt.Sprint(i), strings.Repeat("c", 1500)))
	}
	bounces := 0
	for _, c := range b.jar {
		if strings.Contains(c.Name, "-bounce-") {
			bounces++
		}
	}
	equal(t, "cookies of posted answers", bounces, 2)
	b.land(b.posted("/connect/github", answer(state, "42"))).wants(200, "user alice, account 42")
}

// Two providers' answers, and two tabs of one, may be bounced at once.
func TestBouncesOfTwoTabsDoNotMeet(t *testing.T) {
	for _, order := range permutations(2) {
		_, b := newFlows(t)
		var bounces []*reply
		for i, path := range []string{"/connect/github", "/connect/github"} {
			bounces = append(bounces, b.posted(path, answer(b.begin(path), fmt.Sprint(i))))
		}
		for _, i := range order {
			b.land(bounces[i]).wants(200, fmt.Sprintf("user alice, account %d", i))
		}
	}
}

// A third answer, of another visitor or of the same, takes the turn of the first.
func TestAnAnswerThatLostItsTurnLeavesTheOther(t *testing.T) {
	_, b := newFlows(t)
	first := b.posted("/connect/github", answer(b.begin("/connect/github"), "1"))
	other := *b
	other.jar = nil
	other.posted("/connect/github", answer("somebody-elses", "2"))
	second := b.posted("/connect/github", answer(b.begin("/connect/github"), "3"))
	equal(t, "the first", b.land(first).status, 400)
	b.land(second).wants(200, "user alice, account 3")
}
