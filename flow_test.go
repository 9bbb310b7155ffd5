package passport_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopassport/passport"
)

// onBoth runs a test with flows in cookies and with flows in a store.
func onBoth(t *testing.T, test func(*testing.T, option)) {
	t.Helper()
	t.Run("flows in cookies", func(t *testing.T) { test(t, func(*passport.Config) {}) })
	t.Run("flows in a store", func(t *testing.T) { test(t, inStore(newMemory())) })
}

// newFlows is a site with all its routes, and alice in a browser.
func newFlows(t *testing.T, opts ...option) (*site, *browser) {
	t.Helper()
	s := newSite(t, opts...)
	for _, name := range []string{"github", "google", "twitter"} {
		s.login(name)
	}
	for _, name := range []string{"github", "google", "twitter-authz"} {
		s.connect(name)
	}
	return s, newBrowser(t, s).as("alice")
}

// permutations of 0 to n-1.
func permutations(n int) (all [][]int) {
	if n == 0 {
		return [][]int{{}}
	}
	for _, shorter := range permutations(n - 1) {
		for i := range n {
			all = append(all, slices.Insert(slices.Clone(shorter), i, n-1))
		}
	}
	return all
}

func TestTabsEndInEveryOrder(t *testing.T) {
	for _, tc := range []struct {
		name string
		tabs []string
	}{
		{"two tabs, one provider", []string{"/connect/github", "/connect/github"}},
		{"two tabs, two providers", []string{"/connect/github", "/connect/google"}},
		{"three tabs, one provider", []string{"/connect/github", "/connect/github", "/connect/github"}},
		{"three tabs, three providers", []string{"/connect/github", "/connect/google", "/connect/twitter-authz"}},
		{"three tabs, two providers", []string{"/connect/github", "/connect/google", "/connect/github"}},
		{"a login and a connection", []string{"/login/github", "/connect/google"}},
		{"a login and a connection at one provider", []string{"/login/github", "/connect/github"}},
		{"a login and a connection under two names", []string{"/login/twitter", "/connect/twitter-authz"}},
		{"two logins and a connection", []string{"/login/github", "/login/github", "/connect/github"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, flows option) {
				for _, order := range permutations(len(tc.tabs)) {
					s, b := newFlows(t, flows)
					states := make([]string, len(tc.tabs))
					for i, tab := range tc.tabs {
						states[i] = b.begin(tab)
					}
					for _, i := range order {
						who, want := fmt.Sprint("tab ", i), fmt.Sprint("user alice, account tab ", i)
						if strings.HasPrefix(tc.tabs[i], "/login") {
							who, want = "alice", "user alice, account -" // she confirms who she is
						}
						if got := b.back(tc.tabs[i], states[i], who); got.body != want {
							t.Errorf("order %v, tab %d: got %q, want %q", order, i, got.body, want)
						}
					}
					equal(t, "flows left", len(b.flows()), 0)
					equal(t, "calls to the provider", s.hits(), int64(len(order)))
				}
			})
		})
	}
}

func TestALoginOfSomebodyElseEndsTheConnectionsBegunBefore(t *testing.T) {
	onBoth(t, func(t *testing.T, flows option) {
		s, b := newFlows(t, flows)
		first, login, second := b.begin("/connect/github"), b.begin("/login/google"), b.begin("/connect/github")
		b.back("/connect/github", first, "42").wants(200, "user alice, account 42")
		b.back("/login/google", login, "bob").wants(200, "user bob, account -")
		b.back("/connect/github", second, "43").refused(http.StatusForbidden, passport.CodeFlowUser)
		equal(t, "calls to the provider", s.hits(), 2)
	})
}

// flip changes one character of a value to another one of its alphabet.
func flip(value string, i int) string {
	c := byte('A')
	if value[i] == c {
		c = 'B'
	}
	return value[:i] + string(c) + value[i+1:]
}

func TestABadCallbackSpendsNobodyElsesFlow(t *testing.T) {
	for _, tc := range []struct {
		name string
		bad  func(own, other string) string // the callback's query
		code passport.Code
	}{
		{"an unknown state", func(_, _ string) string { return "code=c&state=bogus" }, passport.CodeFlowMissing},
		{"an unknown state and an error", func(_, _ string) string { return "error=access_denied&state=bogus" }, passport.CodeFlowMissing},
		{"no state", func(_, _ string) string { return "code=c" }, passport.CodeFlowMissing},
		{"no state and an error", func(_, _ string) string { return "error=access_denied" }, passport.CodeFlowMissing},
		{"an empty state", func(_, _ string) string { return "code=c&state=" }, passport.CodeFlowMissing},
		{"a state with one character changed", func(_, other string) string { return "code=c&state=" + flip(other, 7) }, passport.CodeFlowMissing},
		{"a state with one character more", func(_, other string) string { return "code=c&state=" + other + "A" }, passport.CodeFlowMissing},
		{"a state with one character less", func(_, other string) string { return "code=c&state=" + other[1:] }, passport.CodeFlowMissing},
		{"a state in small letters", func(_, other string) string { return "code=c&state=" + strings.ToLower(other) }, passport.CodeFlowMissing},
		{"a state of 4000 bytes", func(_, _ string) string { return "code=c&state=" + strings.Repeat("A", 4000) }, passport.CodeFlowMissing},
		{"an error of its own", func(own, _ string) string { return "error=access_denied&state=" + own }, passport.CodeDenied},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, flows option) {
				s, b := newFlows(t, flows)
				others := []string{b.begin("/connect/github"), b.begin("/connect/google")}
				own := b.begin("/connect/github")
				bad := b.get("/connect/github/callback?"+tc.bad(own, others[0]), from("cross-site"))
				equal(t, "code", bad.code(), tc.code)
				equal(t, "calls to the provider", s.hits(), 0)
				equal(t, "handlers that ran", s.ran.Load(), 0)
				b.back("/connect/github", others[0], "42").wants(200, "user alice, account 42")
				b.back("/connect/google", others[1], "43").wants(200, "user alice, account 43")
			})
		})
	}
}

func TestATamperedFlowIsMissing(t *testing.T) {
	onBoth(t, func(t *testing.T, flows option) {
		s, b := newFlows(t, flows)
		state := b.begin("/connect/github")
		other := b.begin("/connect/github")
		c, otherValue := b.flows()[0], b.flows()[1].Value
		value := c.Value
		tampered := map[string]string{
			"empty": "", "cut short": value[:len(value)-1], "made longer": value + "A", "doubled": value + value,
			"another flow's": otherValue, "the login's": b.cookie("login"), "not base64": "%%%", "nothing sealed": "AAAA",
			"zeros": base64.RawURLEncoding.EncodeToString(make([]byte, 60)),
		}
		for i := range value {
			tampered[fmt.Sprint("byte ", i)] = flip(value, i)
		}
		for name, bad := range tampered {
			c.Value = bad
			if got := b.back("/connect/github", state, "42"); got.code() != passport.CodeFlowMissing || got.status != 400 {
				t.Errorf("%s: got %d %q", name, got.status, got.body)
			}
		}
		equal(t, "calls to the provider", s.hits(), 0)
		c.Value = value
		b.keep(c)
		b.back("/connect/github", other, "43").wants(200, "user alice, account 43")
		b.back("/connect/github", state, "42").wants(200, "user alice, account 42")
	})
}

// logout logs out in a browser that keeps its flows, whatever the answer says of them.
func logout(b *browser) {
	flows := b.flows()
	b.get("/logout")
	for _, flow := range flows {
		b.keep(flow)
	}
}

// A flow is for the one who began it, whatever happens between.
func TestAFlowEndsForWhoBeganIt(t *testing.T) {
	for _, tc := range []struct {
		name      string
		begins    string // "" for nobody
		meanwhile func(*site, *browser)
		status    int // 200: it goes on
	}{
		{"nothing happened", "alice", func(*site, *browser) {}, 200},
		{"nothing happened to a visitor", "", func(*site, *browser) {}, 200},
		{"logged in again", "alice", func(_ *site, b *browser) { b.as("alice") }, 200},
		{"logged out and in again", "alice", func(_ *site, b *browser) { logout(b); b.as("alice") }, 200},
		{"switched", "alice", func(_ *site, b *browser) { b.as("bob") }, 403},
		{"logged out, then another", "alice", func(_ *site, b *browser) { logout(b); b.as("bob") }, 403},
		{"a longer name", "alice", func(_ *site, b *browser) { b.as("alice2") }, 403},
		{"logged out", "alice", func(_ *site, b *browser) { logout(b) }, 401},
		{"logged in meanwhile", "", func(_ *site, b *browser) { b.as("alice") }, 403},
		{"disabled", "alice", func(s *site, _ *browser) { s.remove("alice") }, 401},
	} {
		for _, path := range []string{"/connect/github", "/login/github"} {
			t.Run(tc.name+" "+path, func(t *testing.T) {
				onBoth(t, func(t *testing.T, flows option) {
					s, _ := newFlows(t, flows)
					b := newBrowser(t, s)
					if tc.begins != "" {
						b.as(tc.begins)
					}
					state := b.begin(path)
					tc.meanwhile(s, b)
					now := b.get("/me").body
					got := b.back(path, state, "mallory")
					if tc.status == 200 {
						equal(t, "status", got.status, 200)
						equal(t, "calls to the provider", s.hits(), 1)
						return
					}
					got.refused(tc.status, passport.CodeFlowUser)
					equal(t, "calls to the provider", s.hits(), 0)
					equal(t, "handlers that ran", s.ran.Load(), 0)
					b.get("/me").wants(200, now)
					if tc.begins != "" && tc.name != "disabled" {
						b.as(tc.begins).back(path, state, "mallory").refused(400, passport.CodeFlowMissing) // it is spent
					}
				})
			})
		}
	}
}

func TestAFlowEndsInTheBrowserWhereItBegan(t *testing.T) {
	for _, path := range []string{"/connect/github", "/login/github"} {
		for _, victim := range []string{"", "bob", "alice"} {
			t.Run(fmt.Sprintf("%s, the other browser is of %q", path, victim), func(t *testing.T) {
				onBoth(t, func(t *testing.T, flows option) {
					s, mallory := newFlows(t, flows)
					other := newBrowser(t, s)
					if victim != "" {
						other.as(victim)
					}
					before := other.get("/me").body
					state := mallory.begin(path)
					other.back(path, state, "mallory").refused(400, passport.CodeFlowMissing)
					equal(t, "calls to the provider", s.hits(), 0)
					other.get("/me").wants(200, before)
					equal(t, "status where it began", mallory.back(path, state, "alice").status, 200)
				})
			})
		}
	}
}

func TestAPlantedFlowEndsForNobodyElse(t *testing.T) {
	for _, path := range []string{"/connect/github", "/login/github"} {
		for victim, status := range map[string]int{"": 401, "bob": 403} {
			t.Run(fmt.Sprintf("%s, planted on %q", path, victim), func(t *testing.T) {
				onBoth(t, func(t *testing.T, flows option) {
					s, mallory := newFlows(t, flows)
					other := newBrowser(t, s)
					if victim != "" {
						other.as(victim)
					}
					before := other.get("/me").body
					state := mallory.begin(path)
					other.keep(mallory.flows()[0])
					other.back(path, state, "mallory").refused(status, passport.CodeFlowUser)
					equal(t, "calls to the provider", s.hits(), 0)
					other.get("/me").wants(200, before)
				})
			})
		}
	}
}

func TestAFlowEndsAtItsOwnKindOfRoute(t *testing.T) {
	for _, tc := range []struct {
		name, begins, ends string
		code               passport.Code
		kept               bool
	}{
		{"a login at a connect route", "/login/github", "/connect/github", passport.CodeFlowPurpose, false},
		{"a connection at a login route", "/connect/github", "/login/github", passport.CodeFlowPurpose, false},
		{"twitter at twitter-authz", "/login/twitter", "/connect/twitter-authz", passport.CodeFlowStrategy, true},
		{"twitter-authz at twitter", "/connect/twitter-authz", "/login/twitter", passport.CodeFlowStrategy, true},
		{"another provider, both connecting", "/connect/github", "/connect/google", passport.CodeFlowStrategy, true},
		{"another provider, both logging in", "/login/github", "/login/google", passport.CodeFlowStrategy, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, flows option) {
				s, b := newFlows(t, flows)
				state := b.begin(tc.begins)
				b.back(tc.ends, state, "mallory").refused(400, tc.code)
				equal(t, "calls to the provider", s.hits(), 0)
				b.get("/me").wants(200, "user alice, account -")
				if own := b.back(tc.begins, state, "alice"); tc.kept {
					equal(t, "status at its own callback", own.status, 200)
				} else {
					own.refused(400, passport.CodeFlowMissing)
				}
			})
		})
	}
}

// Even a state that two strategies share names two flows.
func TestStrategiesWithOneStateDoNotMeet(t *testing.T) {
	onBoth(t, func(t *testing.T, flows option) {
		s, b := newFlows(t, flows)
		s.providers["github"].state = func() string { return "one" }
		s.providers["google"].state = func() string { return "one" }
		b.begin("/connect/github")
		b.begin("/connect/google")
		b.back("/connect/google", "one", "43").wants(200, "user alice, account 43")
		b.back("/connect/github", "one", "42").wants(200, "user alice, account 42")
	})
}

// Nor do two browsers with one state, should a provider ever hand a token out twice.
func TestBrowsersWithOneStateDoNotMeet(t *testing.T) {
	onBoth(t, func(t *testing.T, flows option) {
		s, alice := newFlows(t, flows)
		s.providers["github"].state = func() string { return "one" }
		bob := newBrowser(t, s).as("bob")
		alice.begin("/connect/github")
		bob.begin("/connect/github")
		alice.back("/connect/github", "one", "42").wants(200, "user alice, account 42")
		bob.back("/connect/github", "one", "43").wants(200, "user bob, account 43")
	})
}

func TestAReplayIsMissing(t *testing.T) {
	for _, path := range []string{"/connect/github", "/login/github"} {
		t.Run(path, func(t *testing.T) {
			onBoth(t, func(t *testing.T, flows option) {
				s, b := newFlows(t, flows)
				state := b.begin(path)
				equal(t, "status", b.back(path, state, "alice").status, 200)
				b.back(path, state, "alice").refused(400, passport.CodeFlowMissing)
				equal(t, "calls to the provider", s.hits(), 1)
			})
		})
	}
}

func TestAFlowLastsTenMinutes(t *testing.T) {
	for _, path := range []string{"/connect/github", "/login/github"} {
		for _, tc := range []struct {
			after   time.Duration
			expired bool
		}{
			{time.Second, false},
			{10*time.Minute - time.Second, false},
			{10*time.Minute + time.Second, true},
			{24 * time.Hour, true},
		} {
			t.Run(fmt.Sprint(path, " after ", tc.after), func(t *testing.T) {
				onBoth(t, func(t *testing.T, flows option) {
					synctest.Test(t, func(t *testing.T) {
						s, b := newFlows(t, flows)
						state := b.begin(path)
						time.Sleep(tc.after)
						got := b.back(path, state, "alice")
						if !tc.expired {
							equal(t, "status", got.status, 200)
							return
						}
						if code := got.code(); got.status != 400 || code != passport.CodeFlowExpired && code != passport.CodeFlowMissing {
							t.Errorf("got %d %q", got.status, got.body)
						}
						equal(t, "calls to the provider", s.hits(), 0)
					})
				})
			})
		}
	}
}

// A bubble's clock starts at midnight UTC 2000-01-01, so a second one is earlier.
func TestAFlowFromTheFutureIsExpired(t *testing.T) {
	for _, tc := range []struct {
		ahead time.Duration
		want  string // the code; "": it goes on, the clocks of two machines differ that much
	}{
		{30 * time.Second, ""},
		{time.Hour, "flow_expired"},
		{30 * 24 * time.Hour, "flow_expired"},
	} {
		t.Run(fmt.Sprint(tc.ahead), func(t *testing.T) {
			onBoth(t, func(t *testing.T, flows option) {
				key, state := newKey(), ""
				begin := func(c *passport.Config) { flows(c); c.Keys = [][]byte{key} }
				var flow *http.Cookie
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(tc.ahead)
					_, b := newFlowsOf(t, begin)
					state = b.begin("/connect/github")
					flow = b.flows()[0]
				})
				synctest.Test(t, func(t *testing.T) {
					s, b := newFlowsOf(t, begin)
					b.keep(flow)
					got := b.back("/connect/github", state, "42")
					if tc.want == "" {
						got.wants(200, "user -, account 42")
						return
					}
					got.refused(400, passport.Code(tc.want))
					equal(t, "calls to the provider", s.hits(), 0)
				})
			})
		})
	}
}

func TestKeysRotateInTheMiddleOfAFlow(t *testing.T) {
	old, newer := newKey(), newKey()
	for _, tc := range []struct {
		name string
		keys [][]byte
		want string // the body of a success
	}{
		{"nothing changed", [][]byte{old}, "user alice, account 42"},
		{"a new key in front", [][]byte{newer, old}, "user alice, account 42"},
		{"back to the old key first", [][]byte{old, newer}, "user alice, account 42"},
		{"the old key is gone", [][]byte{newer}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, flows option) {
				under := func(keys ...[]byte) option {
					return func(c *passport.Config) { flows(c); c.Keys = keys }
				}
				_, b := newFlows(t, under(old))
				state := b.begin("/connect/github")
				b.handler, _ = newFlows(t, under(tc.keys...))
				got := b.back("/connect/github", state, "42")
				if tc.want != "" {
					got.wants(200, tc.want)
					b.back("/connect/github", state, "42").refused(400, passport.CodeFlowMissing)
					return
				}
				got.refused(400, passport.CodeFlowMissing)
				b.as("alice")
				b.back("/connect/github", b.begin("/connect/github"), "42").wants(200, "user alice, account 42")
			})
		})
	}
}

func TestAFlowEndsForItsTenant(t *testing.T) {
	onBoth(t, func(t *testing.T, flows option) {
		s := newSite(t, flows)
		s.providers["github"].setup = func(a *passport.Attempt) { a.Tenant(a.Param("tenant")) }
		for _, tenant := range []string{"red", "blue"} {
			s.mount("/"+tenant, s.Authorize("github", passport.Param("tenant", tenant)))
		}
		b := newBrowser(t, s).as("alice")
		red, blue := b.begin("/red"), b.begin("/blue")
		equal(t, "tenant of the event", s.last().Tenant, "blue")
		b.back("/blue", red, "42").refused(400, passport.CodeFlowTenant)
		equal(t, "tenant of a refusal", s.last().Tenant, "blue")
		equal(t, "calls to the provider", s.hits(), 0)
		b.back("/blue", blue, "43").wants(200, "user alice, account 43")
		b.back("/red", red, "42").refused(400, passport.CodeFlowMissing)
	})
}

// For applications with a login of their own.
func TestSubjectSaysWhoBeganAFlow(t *testing.T) {
	is := func(id string) with { return header("X-User", "in "+id) }
	nobody := header("X-User")
	for _, tc := range []struct {
		name        string
		begin, back with
		status      int
	}{
		{"the same person", is("alice"), is("alice"), 200},
		{"somebody else", is("alice"), is("bob"), 403},
		{"nobody any more", is("alice"), nobody, 401},
		{"nobody any more, with a key left over", is("alice"), header("X-User", "alice"), 401},
		{"a visitor with a key left over", header("X-User", "alice"), is("alice"), 403},
		{"a visitor", nobody, nobody, 200},
		{"a visitor who logged in meanwhile", nobody, is("alice"), 403},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, flows option) {
				s, b := newFlowsOf(t, flows, func(c *passport.Config) {
					c.Users = nil
					c.Subject = func(r *http.Request) (string, bool) {
						return strings.CutPrefix(r.Header.Get("X-User"), "in ")
					}
				})
				state := b.begin("/connect/github", tc.begin)
				got := b.back("/connect/github", state, "42", tc.back)
				if tc.status == 200 {
					got.wants(200, "user -, account 42")
					return
				}
				got.refused(tc.status, passport.CodeFlowUser)
				equal(t, "calls to the provider", s.hits(), 0)
			})
		})
	}
}

// newFlowsOf is a site that connects only, and a visitor's browser.
func newFlowsOf(t *testing.T, opts ...option) (*site, *browser) {
	t.Helper()
	s := newSite(t, opts...)
	s.connect("github")
	return s, newBrowser(t, s)
}

func TestAThousandBeginsInOneBrowser(t *testing.T) {
	for _, size := range []int{0, 40, 300, 420} {
		t.Run(fmt.Sprint(size, " bytes of data"), func(t *testing.T) {
			onBoth(t, func(t *testing.T, flows option) {
				synctest.Test(t, func(t *testing.T) {
					s, b := newFlows(t, flows)
					s.providers["github"].data = strings.Repeat("x", size)
					b.keep(&http.Cookie{Name: "theme", Value: "dark"})
					b.keep(&http.Cookie{Name: "session", Value: strings.Repeat("s", 300)})
					others := len(b.jar)
					var states []string
					for range 1000 {
						before := b.flows()
						begun := b.get("/connect/github")
						states = append(states, begun.state())
						now := b.flows()
						equal(t, "at most five flows", len(now) <= 5, true)
						equal(t, "flows removed by name", removed(begun), 1+len(before)-len(now))
						equal(t, "other cookies", len(b.jar)-len(now), others)
						equal(t, "the Cookie header stays under 4 KB", headerSize(b.jar) < 4096, true)
						equal(t, "the flows stay under 3.5 KB", headerSize(now) <= 3500+2*len(now), true)
						if t.Failed() {
							return
						}
						time.Sleep(time.Millisecond)
					}
					kept := len(b.flows())
					b.back("/connect/github", states[999-kept], "41").refused(400, passport.CodeFlowMissing)
					b.back("/connect/github", states[0], "40").refused(400, passport.CodeFlowMissing)
					for i := range kept {
						b.back("/connect/github", states[999-i], "42").wants(200, "user alice, account 42")
					}
					equal(t, "flows left", len(b.flows()), 0)
				})
			})
		})
	}
}

// removed counts the cookies that an answer removes.
func removed(r *reply) (n int) {
	for _, c := range r.cookies {
		if c.MaxAge < 0 {
			n++
		}
	}
	return n
}

// headerSize is the length of the Cookie header.
func headerSize(jar []*http.Cookie) (n int) {
	for _, c := range jar {
		n += len(c.Name) + 1 + len(c.Value) + 2
	}
	return n
}

// Browsers send the oldest cookie first, which tells flows of one millisecond apart.
func TestOfFlowsBegunAtOnceTheFirstGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := newFlows(t)
		var states []string
		for range 7 {
			states = append(states, b.begin("/connect/github"))
		}
		for _, state := range states[2:] {
			b.back("/connect/github", state, "42").wants(200, "user alice, account 42")
		}
	})
}

func TestFlowsThatAreOverGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := newFlows(t)
		b.begin("/connect/github")
		time.Sleep(11 * time.Minute)
		equal(t, "cookies removed", removed(b.get("/connect/github")), 1)
		equal(t, "flows", len(b.flows()), 1)
	})
}

// What looks like a flow, but is none, cannot push genuine ones out.
func TestForgedFlowsGoFirst(t *testing.T) {
	_, b := newFlows(t)
	b.begin("/connect/github")
	genuine := b.flows()[0]
	for i := range 20 {
		name := genuine.Name[:len(genuine.Name)-2] + fmt.Sprintf("%02d", i)
		b.keep(&http.Cookie{Name: name, Value: strings.Repeat("A", 100), MaxAge: 600})
	}
	state := b.begin("/connect/github")
	equal(t, "flows", len(b.flows()) <= 5, true)
	equal(t, "the genuine one is there", slices.ContainsFunc(b.flows(), func(c *http.Cookie) bool { return c.Name == genuine.Name }), true)
	b.back("/connect/github", state, "42").wants(200, "user alice, account 42")
}

func TestConcurrentBrowsersEndWithTheirOwn(t *testing.T) {
	onBoth(t, func(t *testing.T, flows option) {
		s, _ := newFlows(t, flows)
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() { busyBrowser(t, s, fmt.Sprint("user", i)) })
		}
		all.Wait()
		equal(t, "calls to the provider", s.hits(), 50*20)
	})
}

// busyBrowser runs twenty flows, four at a time, in any order.
func busyBrowser(t *testing.T, s *site, who string) {
	b := newBrowser(t, s).as(who)
	paths := []string{"/connect/github", "/connect/google", "/connect/twitter-authz", "/login/github"}
	for round := range 5 {
		states := make([]string, len(paths))
		for i, path := range paths {
			states[i] = b.begin(path)
		}
		for _, i := range rand.Perm(len(paths)) {
			id := fmt.Sprintf("%s's %d of round %d", who, i, round)
			want := fmt.Sprintf("user %s, account %s", who, id)
			if paths[i] == "/login/github" {
				id, want = who, fmt.Sprintf("user %s, account -", who)
			}
			equal(t, "what the handler saw", b.back(paths[i], states[i], id).body, want)
		}
	}
	equal(t, "who is there in the end", b.get("/me").body, fmt.Sprintf("user %s, account -", who))
}
