package passport_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopassport/passport"
)

// What ends a flow, and what is refused without spending it.
func TestWhatMayEndAFlow(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change with
		status int
		code   passport.Code // of the refusal, after which the flow is still there
	}{
		{"coming from the provider", from("cross-site"), 200, ""},
		{"coming from a provider on a sister site", from("same-site"), 200, ""},
		{"coming from a page of ours that continues", from("same-origin"), 200, ""},
		{"typed, or after a provider's app", from("none"), 200, ""},
		{"no Fetch Metadata", plain, 200, ""},
		{"no Fetch Metadata, a strange Referer", bare("Referer", "https://provider.example/", "Accept", "*/*"), 200, ""},
		{"a provider's Origin", header("Origin", "https://provider.example"), 200, ""},
		{"Accept: application/json", header("Accept", "application/json"), 200, ""},

		{"in a frame", header("Sec-Fetch-Dest", "iframe"), 403, passport.CodeNavigation},
		{"in an object", header("Sec-Fetch-Dest", "object"), 403, passport.CodeNavigation},
		{"as an image", both(header("Sec-Fetch-Dest", "image"), header("Sec-Fetch-Mode", "no-cors")), 403, passport.CodeNavigation},
		{"by a fetch", fetch, 403, passport.CodeNavigation},
		{"by a fetch for JSON", both(fetch, header("Accept", "application/json")), 403, passport.CodeNavigation},
		{"Sec-Fetch-Mode twice", header("Sec-Fetch-Mode", "navigate", "navigate"), 403, passport.CodeNavigation},
		{"Sec-Fetch-Dest twice", header("Sec-Fetch-Dest", "document", "iframe"), 403, passport.CodeNavigation},
		{"Sec-Purpose: prefetch", header("Sec-Purpose", "prefetch"), 403, passport.CodePrefetch},
		{"a prerendered page", header("Sec-Purpose", "prefetch;prerender"), 403, passport.CodePrefetch},
		{"Purpose: prefetch", header("Purpose", "prefetch"), 403, passport.CodePrefetch},
		{"X-Moz: prefetch", header("X-Moz", "prefetch"), 403, passport.CodePrefetch},
		{"HEAD", method("HEAD"), 405, passport.CodeMethod},
		{"OPTIONS", method("OPTIONS"), 405, passport.CodeMethod},
		{"PUT", both(method("PUT"), from("none")), 405, passport.CodeMethod},
		{"DELETE", both(method("DELETE"), from("none")), 405, passport.CodeMethod},
		{"DELETE of another site", method("DELETE"), 403, passport.CodeCrossSite},
	} {
		for _, path := range []string{"/connect/github", "/login/github"} {
			t.Run(tc.name+" "+path, func(t *testing.T) {
				onBoth(t, func(t *testing.T, flows option) {
					s, b := newFlows(t, flows)
					state := b.begin(path)
					got := b.back(path, state, "alice", tc.change)
					if tc.status != 200 {
						got.refused(tc.status, tc.code)
						equal(t, "calls to the provider", s.hits(), 0)
						equal(t, "handlers that ran", s.ran.Load(), 0)
						equal(t, "cookies set", len(got.cookies), 0)
						got = b.back(path, state, "alice")
					}
					equal(t, "status in the end", got.status, 200)
					equal(t, "calls to the provider in the end", s.hits(), 1)
					equal(t, "flows left", len(b.flows()), 0)
				})
			})
		}
	}
}

// The browser of a person who never began is told what to look for; the person is not.
func TestAMissingFlowSaysWhatToLookFor(t *testing.T) {
	onBoth(t, func(t *testing.T, flows option) {
		s, b := newFlows(t, flows)
		b.back("/connect/github", "bogus", "42").refused(400, passport.CodeFlowMissing)
		none := s.last().Err.Error()
		b.begin("/connect/github")
		b.back("/connect/github", "bogus", "42").refused(400, passport.CodeFlowMissing)
		others := s.last().Err.Error()
		equal(t, "no flow at all and another flow read the same", none == others, false)
		for _, text := range []string{"github", "evicted", "another browser", "127.0.0.1", "retired key"} {
			equal(t, "the text names "+text, strings.Contains(none, text), true)
		}
	})
}

func TestAnAnswerOfTheProviderSpendsTheFlow(t *testing.T) {
	s, b := newFlows(t)
	for name, result := range map[string]error{
		"provider_error": &passport.Error{Code: passport.CodeProvider, Status: 502, Err: errors.New("boom")},
		"strategy_fault": errors.New("boom"),
		"access_denied":  &passport.Error{Code: passport.CodeDenied, Status: 403},
	} {
		t.Run(name, func(t *testing.T) {
			s.Use(name, passport.StrategyFunc(func(r *http.Request, a *passport.Attempt) (passport.Result, error) {
				if !r.URL.Query().Has("code") {
					return passport.Redirect{URL: "https://provider.example/authorize?state=1"}, a.Save("1", "data")
				}
				var data string
				if err := a.Take("1", &data); err != nil {
					return nil, err
				}
				return nil, result
			}))
			s.connect(name)
			b.begin("/connect/" + name)
			equal(t, "code", b.back("/connect/"+name, "1", "42").code(), passport.Code(name))
			equal(t, "flows left", len(b.flows()), 0)
			b.back("/connect/"+name, "1", "42").refused(400, passport.CodeFlowMissing)
		})
	}
}

func TestAPanicAfterTakeSpendsTheFlow(t *testing.T) {
	s, b := newFlows(t)
	s.providers["github"].value = func(string) any { panic("boom") }
	state := b.begin("/connect/github")
	b.back("/connect/github", state, "42").refused(500, passport.CodeStrategyPanic)
	b.back("/connect/github", state, "42").refused(400, passport.CodeFlowMissing)
}

func TestAFaultNeverUsesFailureRedirect(t *testing.T) {
	s := newSite(t)
	s.connect("github", passport.FailureRedirect("/account"))
	s.providers["github"].value = func(string) any { return nil }
	b := newBrowser(t, s)
	b.back("/connect/github", b.begin("/connect/github"), "42").refused(500, passport.CodeStrategy)
	equal(t, "a refusal does", b.back("/connect/github", "bogus", "42").location, "/account")
}

// Nobody is told apart from somebody else while the table of users is down.
func TestACallbackWaitsForTheUsers(t *testing.T) {
	for _, path := range []string{"/connect/github", "/login/github"} {
		t.Run(path, func(t *testing.T) {
			onBoth(t, func(t *testing.T, flows option) {
				s, b := newFlows(t, flows)
				b.handler = s.mux // no Session around it
				state := b.begin(path)
				s.fail(errors.New("connection refused"))
				b.back(path, state, "alice").refused(503, passport.CodeUserLoad)
				equal(t, "calls to the provider", s.hits(), 0)
				s.fail(nil)
				equal(t, "status once they are back", b.back(path, state, "alice").status, 200)
			})
		})
	}
}

func TestTakeGivesBackWhatSaveWasGiven(t *testing.T) {
	type kept struct {
		Verifier string
		Nonce    []byte
		Tries    int
	}
	want := kept{"v\x00\"<é>", []byte{0, 255}, 3}
	onBoth(t, func(t *testing.T, flows option) {
		s := newSite(t, flows)
		var got kept
		var wrong []int
		s.Use("struct", passport.StrategyFunc(func(r *http.Request, a *passport.Attempt) (passport.Result, error) {
			switch r.URL.Query().Get("code") {
			case "":
				return passport.Redirect{URL: "https://provider.example/authorize?state=1"}, a.Save("1", want)
			case "wrong":
				return nil, a.Take("1", &wrong)
			}
			return passport.Success{Value: &account{"42"}}, a.Take("1", &got)
		}))
		s.connect("struct")
		b := newBrowser(t, s)
		b.begin("/connect/struct")
		equal(t, "status", b.back("/connect/struct", "1", "right").status, 200)
		equal(t, "what came back", fmt.Sprint(got), fmt.Sprint(want))
		b.begin("/connect/struct")
		b.back("/connect/struct", "1", "wrong").refused(500, passport.CodeStrategy)
		b.back("/connect/struct", "1", "right").refused(400, passport.CodeFlowMissing)
	})
}

// The return target travels in the flow, so a second tab does not change it.
func TestAFlowRemembersWhereItsPersonWantedToGo(t *testing.T) {
	onBoth(t, func(t *testing.T, flows option) {
		s := newSite(t, flows)
		s.login("github", passport.SuccessReturnToOrRedirect("/home"))
		s.mux.Handle("/private/", s.RequireUser("/login")(http.HandlerFunc(show)))
		b := newBrowser(t, s)
		equal(t, "sent to log in", b.get("/private/first?a=1&b=2").location, "/login")
		state := b.begin("/login/github")
		equal(t, "sent to log in", b.get("/private/second").location, "/login")
		equal(t, "after the login", b.back("/login/github", state, "alice").location, "/private/first?a=1&b=2")
		equal(t, "after another", b.back("/login/github", b.begin("/login/github"), "alice").location, "/home")
	})
}

func TestConnectingNeverForgetsWhereSomebodyWantedToGo(t *testing.T) {
	s := newSite(t)
	s.connect("github", passport.SuccessReturnToOrRedirect("/account"))
	s.login("google", passport.SuccessReturnToOrRedirect("/home"))
	s.mux.Handle("/private", s.RequireUser("/login")(http.HandlerFunc(show)))
	b := newBrowser(t, s)
	b.get("/private")
	equal(t, "after connecting", b.back("/connect/github", b.begin("/connect/github"), "42").location, "/private")
	equal(t, "after the login", b.back("/login/google", b.begin("/login/google"), "alice").location, "/private")
}

// canaries are what nobody but the provider and the browser's sealed cookies may hold.
type canaries struct {
	t     *testing.T
	words []string
	seen  int
}

func (c *canaries) look(where, text string) {
	c.t.Helper()
	c.seen++
	for _, word := range c.words {
		for _, form := range []string{word, url.QueryEscape(word), strings.ToLower(word)} {
			if strings.Contains(text, form) {
				c.t.Errorf("%s holds %s: %s", where, word, text)
				return
			}
		}
	}
}

// answer looks through all of an answer but the provider's address.
func (c *canaries) answer(where string, r *reply) {
	c.t.Helper()
	c.look(where+": body", r.body)
	for name, values := range r.header {
		if name != "Location" || !strings.HasPrefix(r.location, "https://provider.example/") {
			c.look(where+": "+name, strings.Join(values, "\n"))
		}
	}
}

// failure looks through an error and its causes, as logs print them.
func (c *canaries) failure(where string, err error) {
	c.t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		c.look(where+": Error", err.Error())
		c.look(where+": %+v", fmt.Sprintf("%+v", err))
	}
}

func TestNothingSecretShows(t *testing.T) {
	onBoth(t, func(t *testing.T, flows option) {
		synctest.Test(t, func(t *testing.T) {
			const state, data, code, id = "STATECANARYAAAAAAAAAAAAAAAAAAAAAAAA", "DATACANARY", "CODECANARY", "42"
			c := &canaries{t: t, words: []string{state, data, code}}
			s, b := newFlows(t, flows, func(config *passport.Config) {
				observe := config.Observe
				config.Observe = func(ctx context.Context, e passport.Event) {
					observe(ctx, e)
					c.look("event", fmt.Sprintf("%+v", e))
					c.look("event in a log", e.LogValue().String())
					c.failure("event", e.Err)
				}
				config.OnError = func(w http.ResponseWriter, _ *http.Request, err error) {
					c.failure("OnError", err)
					w.WriteHeader(http.StatusTeapot)
				}
			})
			plainErrors := newSite(t, flows)
			plainErrors.connect("github")
			for _, p := range []*provider{s.providers["github"], s.providers["twitter"], plainErrors.providers["github"]} {
				p.state, p.data = func() string { return state }, data
				p.value = func(string) any { return &user{id} }
			}
			begin := func(path string) { c.answer("begin "+path, b.get(path)) }
			back := func(why, path string, code passport.Code, opts ...with) {
				t.Helper()
				got := b.back(path, state, "CODECANARY", append(opts, header("X-Why", why))...)
				c.answer(why, got)
				equal(t, "code when "+why, s.last().Code, code)
			}

			begin("/connect/github")
			equal(t, "the provider is told the state", strings.Contains(b.get("/connect/github").location, state), true)
			back("all is well", "/connect/github", "")
			back("replayed", "/connect/github", passport.CodeFlowMissing)
			begin("/connect/github")
			back("prefetched", "/connect/github", passport.CodePrefetch, header("Sec-Purpose", "prefetch"))
			back("in a frame", "/connect/github", passport.CodeNavigation, header("Sec-Fetch-Dest", "iframe"))
			back("of another strategy", "/connect/google", passport.CodeFlowStrategy)
			back("of another purpose", "/login/github", passport.CodeFlowPurpose)
			begin("/connect/github")
			b.as("bob")
			back("of somebody else", "/connect/github", passport.CodeFlowUser)
			begin("/connect/github")
			time.Sleep(9 * time.Minute)
			s.providers["github"].value = func(code string) any { panic(state + data + code) }
			back("the strategy panics", "/connect/github", passport.CodeStrategyPanic)
			begin("/connect/github")
			s.providers["github"].value = func(string) any { return nil }
			back("the strategy gives nothing", "/connect/github", passport.CodeStrategy)
			begin("/connect/github")
			time.Sleep(11 * time.Minute)
			b.back("/connect/github", state, code)
			c.answer("late", b.back("/connect/github", state, code, method("HEAD")))
			s.providers["github"].data = strings.Repeat(data, 100)
			c.answer("too much data", b.get("/connect/github"))
			s.providers["github"].state = func() string { return strings.Repeat(state, 20) }
			c.answer("too long a state", b.get("/connect/github"))

			b.handler = plainErrors
			c.answer("the default answer", b.back("/connect/github", state, code))
			c.answer("the default answer in JSON", b.back("/connect/github", state, code, fetch))
			c.answer("the default answer to a form", b.post("/connect/github/callback", url.Values{"state": {state}, "code": {code}}))
			for _, cookie := range b.jar {
				c.look("cookie", cookie.Name+"="+cookie.Value)
			}
			equal(t, "texts looked through", c.seen > 100, true)
		})
	})
}

// A browser that only guesses what comes next logs nobody in, whatever it sends.
func TestAPrefetchLogsNobodyIn(t *testing.T) {
	link := passport.StrategyFunc(func(r *http.Request, _ *passport.Attempt) (passport.Result, error) {
		return passport.Success{Value: &user{r.URL.Query().Get("who")}}, nil
	})
	s := newSite(t)
	s.Use("link", link)
	s.mount("/login/link", s.Authenticate("link"))
	s.mount("/api", s.Authenticate("link", passport.NoSession()))
	b := newBrowser(t, s)
	equal(t, "a prefetch", b.get("/login/link?who=alice", header("Sec-Purpose", "prefetch")).code(), "prefetch")
	equal(t, "who is logged in", b.me(), "-")
	b.get("/api?who=alice", header("Sec-Purpose", "prefetch")).wants(http.StatusOK, "user alice, account -")
	b.get("/login/link?who=alice").wants(http.StatusOK, "user alice, account -")
}
