package passport_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/sessions"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
)

// sentence is what f panics with; "" where it does not.
func sentence(f func()) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprint(v)
		}
	}()
	f()
	return ""
}

// panicking is a mistake in wiring, and a part of the sentence that it gets.
type panicking struct {
	name string
	make func()
	want string // "" for no panic
}

func (c panicking) check(t *testing.T) {
	t.Helper()
	got := sentence(c.make)
	if c.want == "" && got != "" || !strings.Contains(got, c.want) || got != "" && !strings.HasPrefix(got, "passport: ") {
		t.Errorf("%s: the panic is %q, want %q in it", c.name, got, c.want)
	}
}

// always is a strategy that knows the result already.
func always(result passport.Result) passport.StrategyFunc {
	return func(*http.Request, *passport.Attempt) (passport.Result, error) { return result, nil }
}

// alice is a strategy that lets everybody in as her.
var alice = always(passport.Success{Value: &user{"alice"}})

func TestNewPanicsOnAConfigurationThatCannotBeRight(t *testing.T) {
	keys, users := [][]byte{newKey()}, (&people{}).store()
	subject := func(*http.Request) (string, bool) { return "", false }
	store := passport.GorillaSessions(passport.CookieSessions(newKey()), "session")
	load := users.Load
	type config = passport.Config
	origins := func(all ...string) config { return config{Keys: keys, Users: users, Origins: all} }
	for _, c := range []struct {
		name   string
		config config
		want   string
	}{
		{"nothing at all, for a stateless registry", config{}, ""},
		{"keys only", config{Keys: keys}, ""},
		{"keys and users", config{Keys: keys, Users: users}, ""},
		{"keys and a subject", config{Keys: keys, Subject: subject}, ""},
		{"users without a key", config{Users: users}, "Config.Keys is empty"},
		{"users and sessions without a key", config{Users: users, Sessions: store}, "Config.Keys is empty"},
		{"a subject without a key", config{Subject: subject}, "Config.Keys is empty"},
		{"an empty key", config{Keys: [][]byte{{}}}, "Config.Keys[0] has 0 bytes"},
		{"a nil key", config{Keys: [][]byte{nil}, Users: users}, "Config.Keys[0] has 0 bytes"},
		{"a key of one byte", config{Keys: [][]byte{{1}}}, "Config.Keys[0] has 1 bytes"},
		{"a second key of 31 bytes", config{Keys: [][]byte{newKey(), newKey()[:31]}}, "Config.Keys[1] has 31 bytes"},
		{"a key of 33 bytes", config{Keys: [][]byte{append(newKey(), 1)}}, "Config.Keys[0] has 33 bytes"},
		{"a key of zeros", config{Keys: [][]byte{make([]byte, 32)}}, "Config.Keys[0] is one byte over and over"},
		{"a key of one letter", config{Keys: [][]byte{newKey(), []byte(strings.Repeat("a", 32))}}, "Config.Keys[1] is one byte over and over"},
		{"users and a subject", config{Keys: keys, Users: users, Subject: subject}, "both Users and Subject"},
		{"sessions without users", config{Keys: keys, Sessions: store}, "Sessions but no Users"},
		{"revocations without users", config{Keys: keys, Revocations: newLedger()}, "Revocations but no Users"},
		{"users that are a nil pointer", config{Keys: keys, Users: (*passport.Users[*user])(nil)}, "Config.Users is a nil *passport.Users["},
		{"sessions that are a nil pointer", config{Keys: keys, Users: users, Sessions: (*passporttest.Sessions)(nil)}, "Config.Sessions is a nil *passporttest.Sessions; leave it out, or make one"},
		{"flows that are a nil pointer", config{Keys: keys, Flows: (*passporttest.Flows)(nil)}, "Config.Flows is a nil *passporttest.Flows"},
		{"revocations that are a nil pointer", config{Keys: keys, Users: users, Revocations: (*passporttest.Revocations)(nil)}, "Config.Revocations is a nil *passporttest.Revocations"},
		{"users that lack Key", config{Keys: keys, Users: passport.Users[*user]{Load: load}}, "Config.Users for *passport_test.user lacks Key or Load"},
		{"users that lack Load", config{Keys: keys, Users: passport.Users[*user]{Key: users.Key}}, "lacks Key or Load"},
		{"a negative lifetime", config{Keys: keys, Lifetime: -time.Hour}, "Config.Lifetime is -1h0m0s"},
		{"a lifetime without its unit", config{Keys: keys, Lifetime: 3600}, "Config.Lifetime is 3.6µs"},
		{"a lifetime of a second", config{Keys: keys, Lifetime: time.Second}, ""},
		{"an origin", origins("https://app.example"), ""},
		{"origins with ports, and http on loopback hosts", origins("https://app.example:8443", "http://localhost:8080", "http://127.0.0.1", "http://[::1]:8080", "http://a.localhost"), ""},
		{"an origin that is a host", origins("app.example"), `Config.Origins has "app.example"`},
		{"an empty origin", origins("https://app.example", ""), `Config.Origins has ""`},
		{"an origin without a host", origins("https://"), `Config.Origins has "https://"`},
		{"an origin with a slash at its end", origins("https://app.example/"), `Config.Origins has "https://app.example/"`},
		{"an origin with a path", origins("https://app.example/x"), "Config.Origins has"},
		{"an origin with a query", origins("https://app.example?x"), "Config.Origins has"},
		{"an origin with a user", origins("https://a@app.example"), "Config.Origins has"},
		{"an origin without a scheme", origins("//app.example"), "Config.Origins has"},
		{"the origin null", origins("null"), "Config.Origins has"},
		{"an origin of plain http", origins("http://app.example"), "http only on a loopback host"},
		{"an origin of plain http that looks like loopback", origins("http://localhost.example"), "http only on a loopback host"},
		{"an origin of another scheme", origins("ftp://app.example"), "Config.Origins has"},
		{"an origin in capitals, which no browser sends", origins("https://App.Example"), "Config.Origins has"},
		{"an origin with the port of its scheme, which no browser sends", origins("https://app.example:443"), "Config.Origins has"},
	} {
		panicking{c.name, func() { passport.New(c.config) }, c.want}.check(t)
	}
}

// answering is a strategy whose answers come to an address.
type answering struct {
	passport.Strategy

	at string
}

func (a answering) RedirectURL() string { return a.at }

func TestEachAddressForAnswersIsOneStrategys(t *testing.T) { // R8
	auth := newRegistry(t)
	auth.Use("one", answering{alice, "https://app.example/one"})
	auth.Use("two", answering{alice, "https://app.example/two"})
	auth.Use("nowhere", answering{alice, ""})
	auth.Use("nowhere-else", answering{alice, ""})
	panicking{"the address of another", func() { auth.Use("three", answering{alice, "https://app.example/two"}) },
		`Use("three"): its answers come to the same address as those of "two"`}.check(t)
}

func TestUsePanicsOnWhatCannotBeRegistered(t *testing.T) {
	auth := newRegistry(t)
	auth.Use("taken", alice)
	var none passport.Strategy
	for _, c := range []struct {
		name     string
		register string
		strategy passport.Strategy
		want     string
	}{
		{"no name", "", alice, `Use(""): a name is 1 to 64 of`},
		{"a long name", strings.Repeat("a", 65), alice, "a name is 1 to 64 of"},
		{"a space", "a b", alice, `Use("a b")`},
		{"a slash", "a/b", alice, `Use("a/b")`},
		{"a colon", "a:b", alice, `Use("a:b")`},
		{"a line", "a\n", alice, `Use("a\n")`},
		{"a NUL", "a\x00", alice, "a name is 1 to 64 of"},
		{"a letter that is not ASCII", "ä", alice, `Use("ä")`},
		{"nil", "nil", none, `Use("nil"): the strategy is nil`},
		{"a nil pointer", "nil", (*provider)(nil), "the strategy is nil"},
		{"a nil function", "nil", passport.StrategyFunc(nil), "the strategy is nil"},
		{"a name that is taken", "taken", alice, `Use("taken"): the name is taken`},
		{"the longest name", strings.Repeat("a", 64), alice, ""},
		{"every kind of letter", "AZaz09._-", alice, ""},
		{"a name in another case", "Taken", alice, ""},
	} {
		panicking{c.name, func() { auth.Use(c.register, c.strategy) }, c.want}.check(t)
	}
}

func TestANameThatNobodyRegisteredPanicsWithTheNamesThereAre(t *testing.T) {
	empty, auth := newRegistry(t), newRegistry(t)
	auth.Use("twitter-authz", alice)
	auth.Use("password", alice)
	for _, c := range []struct {
		name string
		make func()
		want string
	}{
		{"Authorize", func() { auth.Authorize("twiter-authz") }, `passport: Authorize("twiter-authz"): no such strategy; have "password", "twitter-authz"`},
		{"Authenticate", func() { auth.Authenticate("Password") }, `passport: Authenticate("Password"): no such strategy; have "password", "twitter-authz"`},
		{"Or", func() { auth.Authenticate("password", passport.Or("nobody")) }, `"nobody"): no such strategy; have "password", "twitter-authz"`},
		{"no name", func() { auth.Authenticate("") }, `Authenticate(""): no such strategy`},
		{"nothing registered", func() { empty.Authorize("x") }, `passport: Authorize("x"): no such strategy; have none: call Use first`},
	} {
		panicking{c.name, c.make, c.want}.check(t)
	}
}

func TestOptionsThatExcludeEachOtherPanic(t *testing.T) {
	auth := newRegistry(t)
	auth.Use("a", alice)
	auth.Use("b", alice)
	stateless := passport.New(passport.Config{})
	stateless.Use("a", alice)
	for _, c := range []struct {
		name string
		make func()
		want string
	}{
		{"KeepSessionInfo and NoSession", func() { auth.Authenticate("a", passport.NoSession(), passport.KeepSessionInfo()) }, `Authenticate("a"): KeepSessionInfo and NoSession exclude each other`},
		{"KeepSessionInfo for an account", func() { auth.Authorize("a", passport.KeepSessionInfo()) }, `Authorize("a"): Authorize never touches the session`},
		{"NoSession for an account", func() { auth.Authorize("a", passport.NoSession()) }, "Authorize never touches the session"},
		{"a login that nothing keeps", func() { stateless.Authenticate("a") }, "there is no Config.Users to keep the login with; set it, or add NoSession()"},
		{"a login that need not be kept", func() { stateless.Authenticate("a", passport.NoSession()) }, ""},
		{"a kind of answer that is none", func() { auth.Authenticate("a", passport.AnswerAs("html")) }, `AnswerAs("html"): there are "page" and "api"`},
		{"two places for a success", func() { auth.Authenticate("a", passport.SuccessRedirect("/1"), passport.SuccessRedirect("/2")) }, "two places at once"},
		{"two kinds of places for a success", func() {
			auth.Authenticate("a", passport.SuccessRedirect("/1"), passport.SuccessReturnToOrRedirect("/2"))
		}, "two places at once"},
		{"two places for a success, and one for a failure", func() {
			auth.Authenticate("a", passport.SuccessRedirect("/1"), passport.FailureRedirect("/3"), passport.SuccessReturnToOrRedirect("/2"))
		}, "two places at once"},
		{"two places for a failure", func() { auth.Authenticate("a", passport.FailureRedirect("/1"), passport.FailureRedirect("/2")) }, "two places at once"},
		{"a place for each", func() { auth.Authenticate("a", passport.FailureRedirect("/1"), passport.SuccessRedirect("/2")) }, ""},
		{"the same strategy twice", func() { auth.Authenticate("a", passport.Or("b"), passport.Or("a")) }, `Or("a") names a strategy that is there already`},
		{"a nil option", func() { auth.Authenticate("a", passport.NoSession(), nil) }, `Authenticate("a"): option 2 is nil; leave it out`},
		{"a nil option for an account", func() { auth.Authorize("a", nil) }, `Authorize("a"): option 1 is nil`},
		{"a parameter without a key", func() { auth.Authenticate("a", passport.Param("", "x")) }, `Param("")`},
		{"a parameter with a line in it", func() { auth.Authorize("a", passport.Param("prompt", "x\r\ny")) }, `Param("prompt")`},
		{"a parameter with a line in its key", func() { auth.Authorize("a", passport.Param("a\nb", "x")) }, `Param("a\nb")`},
	} {
		panicking{c.name, c.make, c.want}.check(t)
	}
}

func TestMiddlewareThatWrapsNothingPanics(t *testing.T) {
	auth := newRegistry(t)
	auth.Use("a", alice)
	for _, c := range []panicking{
		{"Session of nil", func() { auth.Session(nil) }, "Session: the handler to wrap is nil"},
		{"Session of a nil function", func() { auth.Session(http.HandlerFunc(nil)) }, "Session: the handler to wrap is nil"},
		{"Session of a nil pointer", func() { auth.Session((*http.ServeMux)(nil)) }, "Session: the handler to wrap is nil"},
		{"Authenticate", func() { auth.Authenticate("a")(nil) }, `Authenticate("a"): the handler to wrap is nil`},
		{"Authorize", func() { auth.Authorize("a")(http.HandlerFunc(nil)) }, `Authorize("a"): the handler to wrap is nil`},
		{"RequireUser", func() { auth.RequireUser("")(nil) }, "RequireUser: the handler to wrap is nil"},
		{"RequireRecentLogin", func() { auth.RequireRecentLogin(time.Minute, "")(nil) }, "RequireRecentLogin: the handler to wrap is nil"},
		{"Authenticate that redirects", func() { auth.Authenticate("a", passport.SuccessRedirect("/"))(nil) }, ""},
		{"Session of a handler", func() { auth.Session(http.NotFoundHandler()) }, ""},
	} {
		c.check(t)
	}
}

func TestARedirectElsewherePanics(t *testing.T) {
	own := newRegistry(t, func(c *passport.Config) { c.Origins = []string{"https://app.example", "http://localhost:8080"} })
	bare := newRegistry(t)
	for _, auth := range []*passport.Registry{own, bare} {
		auth.Use("a", alice)
	}
	calls := map[string]func(*passport.Registry, string){
		"SuccessRedirect":           func(p *passport.Registry, url string) { p.Authenticate("a", passport.SuccessRedirect(url)) },
		"SuccessReturnToOrRedirect": func(p *passport.Registry, url string) { p.Authorize("a", passport.SuccessReturnToOrRedirect(url)) },
		"FailureRedirect":           func(p *passport.Registry, url string) { p.Authorize("a", passport.FailureRedirect(url)) },
		"RequireUser":               func(p *passport.Registry, url string) { p.RequireUser(url) },
	}
	for _, c := range []struct {
		url       string
		own, bare bool // may it be redirected to, with these origins and without any?
	}{
		{"/", true, true},
		{"/account?tab=1#top", true, true},
		{"https://app.example", true, false},
		{"https://app.example/account", true, false},
		{"http://localhost:8080/account", true, false},
		{"account", false, false},
		{"?x", false, false},
		{"//evil.test", false, false},
		{`/\evil.test`, false, false},
		{"/x//evil.test", false, false},
		{"/../x", false, false},
		{"/\t/evil.test", false, false},
		{" /x", false, false},
		{"https://evil.test", false, false},
		{"https://app.example.evil.test/", false, false},
		{"https://app.example@evil.test/", false, false},
		{"https://app.example:444/", false, false},
		{"https://app.example//evil.test", false, false},
		{`https://app.example\evil.test`, false, false},
		{"http://app.example/", false, false},
		{"HTTPS://APP.EXAMPLE/", false, false},
		{"javascript:alert(1)", false, false},
		{"/" + strings.Repeat("a", 2048), false, false},
	} {
		for name, call := range calls {
			if got := sentence(func() { call(own, c.url) }); (got == "") != c.own {
				t.Errorf("%s(%q) with origins panics with %q, want a panic: %v", name, c.url, got, !c.own)
			}
			got := sentence(func() { call(bare, c.url) })
			if (got == "") != c.bare || got != "" && !strings.Contains(got, "neither a path of this site nor under Config.Origins") {
				t.Errorf("%s(%q) panics with %q, want a panic: %v", name, c.url, got, !c.bare)
			}
		}
	}
	for _, name := range []string{"SuccessRedirect", "SuccessReturnToOrRedirect", "FailureRedirect"} {
		if sentence(func() { calls[name](bare, "") }) == "" {
			t.Errorf("%s of nothing does not panic", name)
		}
	}
	if got := sentence(func() { bare.RequireUser("") }); got != "" {
		t.Errorf("RequireUser without a login page, which is for APIs, panics with %q", got)
	}
}

func TestStoresPanicOnWhatCannotBeRight(t *testing.T) {
	store := passport.CookieSessions(newKey())
	named := func(name string) func() { return func() { passport.GorillaSessions(store, name) } }
	keyed := func(keys ...[]byte) func() { return func() { passport.CookieSessions(keys...) } }
	for _, c := range []panicking{
		{"no store", func() { passport.GorillaSessions(nil, "session") }, "GorillaSessions: the store is nil"},
		{"a nil pointer", func() { passport.GorillaSessions((*sessions.CookieStore)(nil), "session") }, "GorillaSessions: the store is nil"},
		{"no name", named(""), `GorillaSessions: ""`},
		{"a name with a space", named("a b"), `GorillaSessions: "a b"`},
		{"a name with a semicolon", named("a;b"), `GorillaSessions: "a;b"`},
		{"a name with an equals sign", named("a=b"), `GorillaSessions: "a=b"`},
		{"a name with a prefix", named("__Host-session"), ""},
		{"no key", keyed(), "CookieSessions: there is no key"},
		{"a key of 31 bytes", keyed(newKey(), newKey()[:31]), "CookieSessions: keys[1] has 31 bytes"},
		{"a key of zeros", keyed(make([]byte, 32)), "CookieSessions: keys[0] is one byte over and over"},
		{"two keys", keyed(newKey(), newKey()), ""},
	} {
		c.check(t)
	}
}

func TestUseWhileServing(t *testing.T) {
	s := newSite(t)
	s.login("password")
	s.connect("github")
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 25 {
				s.Use(fmt.Sprintf("more-%d-%d", i, n), alice)
				s.Authorize("github")
			}
		})
		all.Go(func() {
			b := newBrowser(t, s)
			for range 25 {
				equal(t, "a callback of nothing", b.back("/connect/github", "unknown", "1").status, http.StatusBadRequest)
				equal(t, "a login", b.as("alice").get("/me").body, "user alice, account -")
			}
		})
	}
	all.Wait()
	s.Authorize("more-3-24")
}

func TestNewCopiesWhatItIsGiven(t *testing.T) {
	key := newKey()
	same := append([]byte(nil), key...)
	config := passport.Config{Keys: [][]byte{key, newKey()}, Origins: []string{"https://app.example"}}
	s := newSite(t, func(c *passport.Config) { c.Keys, c.Origins = config.Keys, config.Origins })
	key[0]++
	config.Keys[1][0]++
	config.Keys[0] = newKey()
	config.Origins[0] = "http://localhost:1"
	b := newBrowser(t, s).as("alice")
	other := newSite(t, func(c *passport.Config) { c.Keys, c.Origins = [][]byte{same}, []string{"https://app.example"} })
	b.handler = other
	equal(t, "a registry with the first key restores", b.get("/me").body, "user alice, account -")
	equal(t, "Config.Origins", sentence(func() { s.RequireUser("https://app.example/login") }), "")
}

func TestARouteCopiesItsOptions(t *testing.T) {
	s := newSite(t)
	shared := passport.Param("scope", "1")
	opts := []passport.Option{passport.SuccessRedirect("/1"), shared}
	var scopes []string
	s.Use("a", passport.StrategyFunc(func(_ *http.Request, a *passport.Attempt) (passport.Result, error) {
		scopes = append(scopes, a.Param("scope"))
		return passport.Success{Value: &user{"alice"}}, nil
	}))
	s.mount("/one", s.Authenticate("a", opts...))
	opts[0], opts[1] = passport.SuccessRedirect("/2"), passport.Param("scope", "2")
	s.mount("/two", s.Authenticate("a", shared, passport.Param("other", "2"), passport.SuccessRedirect("/2")))
	b := newBrowser(t, s)
	equal(t, "the first route leads to", b.get("/one").location, "/1")
	equal(t, "the second route leads to", b.get("/two").location, "/2")
	equal(t, "the scopes are", fmt.Sprint(scopes), "[1 1]")
}

func TestRegistriesWithoutKeysServeLoginsForOneRequest(t *testing.T) {
	auth := passport.New(passport.Config{Observe: func(context.Context, passport.Event) {}})
	auth.Use("a", alice)
	b := newBrowser(t, auth.Session(auth.Authenticate("a", passport.NoSession(), passport.SuccessMessage("hi"))(http.HandlerFunc(show))))
	res := b.get("/").wants(http.StatusOK, "user alice, account -")
	equal(t, "cookies set", len(res.cookies), 0)
}
