package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/gopassport/passport/examples/connect/identity"
	"github.com/gopassport/passport/examples/connect/store"
)

// world is the application and the identity service, both running. The latter
// is at localhost, which is another site than 127.0.0.1.
type world struct {
	t        *testing.T
	url      string
	identity *httptest.Server
	store    *store.Store
	hosts    hosts // nil: there is a network
}

func newWorld(t *testing.T) *world {
	t.Helper()
	users, keys := newStore(t)

	app := httptest.NewUnstartedServer(nil)
	w := &world{t: t, url: "http://" + app.Listener.Addr().String(), store: users}
	w.identity = httptest.NewServer(identity.New(clients(w.url)))
	t.Cleanup(w.identity.Close)
	s := services{identity: strings.Replace(w.identity.URL, "127.0.0.1", "localhost", 1)}
	pointTwitterAt(s.identity)

	handler, err := newApp(config{
		Base: w.url, Keys: keys, Store: users, GitHub: s.github, Twitter: s.twitter, Calendar: s.calendar(), Pictures: s.pictures(), Cost: bcrypt.MinCost,
	})
	require.NoError(t, err)
	app.Config.Handler = handler
	app.Start()
	t.Cleanup(app.Close)
	return w
}

func newStore(t *testing.T) (*store.Store, [][]byte) {
	t.Helper()
	users, err := store.Open(t.Context(), "")
	require.NoError(t, err)
	t.Cleanup(func() { _ = users.Close() })
	keys, err := keysFrom("")
	require.NoError(t, err)
	return users, keys
}

const password = "a good password"

// signUp is a browser of somebody new, who is logged in by password.
func (w *world) signUp(name string) *browser {
	w.t.Helper()
	b := w.newBrowser().open(w.url+"/signup").press("signup", "username", name, "password", password)
	require.Equal(w.t, "/settings", b.at.Path)
	require.Equal(w.t, name, b.textAt("username"))
	return b
}

func (w *world) newBrowser() *browser {
	w.t.Helper()
	b := newBrowser(w.t)
	if w.hosts != nil {
		b.client.Transport = w.hosts
	}
	return b
}

// signUpWithGitHub is a browser of somebody new, who has no password.
func (w *world) signUpWithGitHub(person string) *browser {
	w.t.Helper()
	b := w.newBrowser().open(w.url + "/login").follow("login-github")
	return allow(b, person)
}

// allow says yes at the identity service, as a person who was not there before.
func allow(b *browser, person string) *browser {
	b.t.Helper()
	if b.has("other") {
		b.follow("other")
	}
	return b.press("person=" + person).press("allow")
}

// cookies are those that the application has in a browser.
func (w *world) cookies(b *browser) map[string]string {
	w.t.Helper()
	u, err := url.Parse(w.url)
	require.NoError(w.t, err)
	all := map[string]string{}
	for _, c := range b.client.Jar.Cookies(u) {
		all[c.Name] = c.Value
	}
	return all
}

func TestSomebodySignsUpLogsOutAndLogsIn(t *testing.T) {
	w := newWorld(t)
	b := w.signUp("ada")
	b.press("logout")
	require.Equal(t, "/", b.at.Path)
	require.False(t, b.has("logout"))

	b.open(w.url+"/login").press("login", "username", "ADA", "password", password)
	require.Equal(t, "/settings", b.at.Path)
	require.Equal(t, "ada", b.textAt("username"))
	require.Equal(t, "/settings", b.open(w.url+"/login").at.Path, "who is logged in need not log in")
	require.Equal(t, "ada", b.open(w.url).textAt("username"))
}

func TestVisitorsComeBackToTheSettingsAfterTheLogIn(t *testing.T) {
	w := newWorld(t)
	w.signUp("ada")
	for _, path := range []string{"/settings", "/connect/twitter", "/connect/github/callback?code=x&state=y"} {
		t.Run(path, func(t *testing.T) {
			b := newBrowser(t).open(w.url + path)
			require.Equal(t, "/login", b.at.Path)
			require.Equal(t, "/settings", b.press("login", "username", "ada", "password", password).at.Path)
		})
	}
}

func TestLogInTellsNobodyWhoIsKnown(t *testing.T) {
	w := newWorld(t)
	w.signUp("ada")
	w.signUpWithGitHub("grace")
	for name, fields := range map[string][]string{
		"a wrong password":        {"username", "ada", "password", "another password"},
		"an unknown user":         {"username", "nobody", "password", password},
		"a user without password": {"username", "grace", "password", password},
		"the dummy password":      {"username", "nobody", "password", "nobody's password"},
		"more than bcrypt sees":   {"username", "ada", "password", strings.Repeat("x", 200)},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBrowser(t).open(w.url+"/login").press("login", fields...)
			require.Equal(t, "/login", b.at.Path)
			require.Equal(t, []string{"Wrong username or password"}, b.messages())
			require.Empty(t, b.open(w.url+"/login").messages(), "a message is read once")
		})
	}
}

func TestPasswordBeyondWhatBcryptSeesIsWrong(t *testing.T) {
	w := newWorld(t)
	longest := strings.Repeat("x", 72)
	newBrowser(t).open(w.url+"/signup").press("signup", "username", "ada", "password", longest)
	b := newBrowser(t).open(w.url+"/login").press("login", "username", "ada", "password", longest+"y")
	require.Equal(t, "/login", b.at.Path)
	require.Equal(t, "/settings", b.press("login", "username", "ada", "password", longest).at.Path)
}

func TestSignUpSaysWhatIsWrongWithTheForm(t *testing.T) {
	w := newWorld(t)
	w.signUp("ada")
	for name, test := range map[string]struct{ username, password, says string }{
		"a taken username":             {"ada", password, "taken"},
		"a taken username, other case": {"Ada", password, "taken"},
		"no username":                  {"", password, "1 to 32"},
		"a long username":              {strings.Repeat("a", 33), password, "1 to 32"},
		"a username with a space":      {"a b", password, "1 to 32"},
		"a username beyond ASCII":      {"adа", password, "1 to 32"}, // a Cyrillic а
		"a username of a dash":         {"-", password, "1 to 32"},
		"markup":                       {"<script>", password, "1 to 32"},
		"a short password":             {"grace", "seven 7", "at least 8"},
		"a password beyond bcrypt":     {"grace", strings.Repeat("x", 73), "at most 72"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBrowser(t).open(w.url+"/signup").press("signup", "username", test.username, "password", test.password)
			require.Equal(t, http.StatusUnprocessableEntity, b.status)
			require.Len(t, b.messages(), 1)
			require.Contains(t, b.messages()[0], test.says)
			_, _, kept := b.form("signup")
			require.Equal(t, url.Values{"username": {test.username}, "password": {""}}, kept)
		})
	}
}

func TestConnectingLeavesTheLoginAsItWas(t *testing.T) {
	w := newWorld(t)
	b := w.signUp("ada")
	before := w.cookies(b)
	require.Len(t, before, 1)

	allow(b.follow("connect-twitter"), "ada")
	require.Equal(t, "/settings", b.at.Path)
	require.Equal(t, []string{"The account is connected."}, b.messages())
	require.True(t, b.has("account-twitter-1001"))
	require.NotContains(t, b.textAt("account-twitter-1001"), "can log you in")

	allow(b.follow("connect-github"), "grace")
	require.Contains(t, b.textAt("account-github-1002"), "can log you in")
	require.True(t, b.has("account-twitter-1001"))
	require.Equal(t, "ada", b.textAt("username"))
	require.Equal(t, before, w.cookies(b))
}

func TestPeopleMayChangeTheirMind(t *testing.T) {
	for _, provider := range []string{"twitter", "github", "calendar"} {
		for name, refuse := range map[string]func(*browser) *browser{
			"deny":   func(b *browser) *browser { return b.press("person=ada").press("deny") },
			"cancel": func(b *browser) *browser { return b.follow("cancel") },
		} {
			t.Run(provider+" "+name, func(t *testing.T) {
				w := newWorld(t)
				b := refuse(w.signUp("ada").follow("connect-" + provider))
				require.Equal(t, "/settings", b.at.Path)
				require.Len(t, b.messages(), 1)
				require.True(t, b.has("no-accounts"))
				require.Equal(t, "ada", b.textAt("username"))
				require.Equal(t, []string{"The account is connected."}, allow(b.follow("connect-"+provider), "ada").messages())
			})
		}
	}
}

func TestAnAccountOfSomebodyElseIsRefusedAndNobodyIsNamed(t *testing.T) {
	for _, link := range []string{"connect-github", "connect-github-login", "connect-twitter"} {
		t.Run(link, func(t *testing.T) {
			w := newWorld(t)
			owner, other := w.signUp("owner"), w.signUp("other")
			allow(owner.follow(link), "ada")
			allow(other.follow(link), "ada")
			require.Equal(t, "/settings", other.at.Path)
			require.Equal(t, []string{notices[noticeInUse].Text}, other.messages())
			require.NotContains(t, strings.Join(other.messages(), ""), "owner")
			require.True(t, other.has("no-accounts"))
			require.Equal(t, "other", other.textAt("username"))
			require.False(t, owner.open(w.url+"/settings").has("no-accounts"))
		})
	}
}

func TestConnectingOnesOwnAccountAgainUpdatesIt(t *testing.T) {
	w := newWorld(t)
	b := w.signUp("ada")
	allow(b.follow("connect-github"), "ada")
	require.Equal(t, []string{notices[noticeUpdated].Text}, allow(b.follow("connect-github"), "ada").messages())
	require.Equal(t, 1, strings.Count(b.text(), "Connected "+time.Now().UTC().Format("2 January")))
}

func TestACallbackWorksOnce(t *testing.T) {
	w := newWorld(t)
	b := w.signUp("ada").follow("connect-github").press("person=ada")
	method, address, form := b.form("allow")
	response := b.send(method, address, form, "same-origin")
	defer response.Body.Close()
	callback := response.Header.Get("Location")
	for _, want := range []bool{true, false} {
		answer := b.send(http.MethodGet, callback, nil, "cross-site")
		answer.Body.Close()
		require.Equal(t, want, answer.Header.Get("Location") == "/settings?notice=linked")
	}
	require.Len(t, b.open(w.url+"/settings").messages(), 1)
	require.True(t, b.has("account-github-1001"))
}

func TestLogInWithGitHub(t *testing.T) {
	w := newWorld(t)
	first := w.signUpWithGitHub("grace")
	require.Equal(t, "/settings", first.at.Path)
	require.Equal(t, "grace", first.textAt("username"))
	require.Equal(t, []string{notices[noticeGitHub].Text}, first.messages())

	again := w.signUpWithGitHub("grace")
	require.Equal(t, "grace", again.textAt("username"), "the same user, not another")
	w.signUp("lin")
	require.Equal(t, "lin-2", w.signUpWithGitHub("lin").textAt("username"), "a name is no proof of identity")
}

func TestLogInWithGitHubMayBeDenied(t *testing.T) {
	w := newWorld(t)
	b := newBrowser(t).open(w.url + "/login").follow("login-github").press("person=ada").press("deny")
	require.Equal(t, "/login", b.at.Path)
	require.Len(t, b.messages(), 1)
}

func TestTheLogInConnectsForWhoIsLoggedIn(t *testing.T) {
	w := newWorld(t)
	b := allow(w.signUp("ada").follow("connect-github-login"), "grace")
	require.Equal(t, "/settings", b.at.Path)
	require.Equal(t, "ada", b.textAt("username"))
	require.True(t, b.has("account-github-1002"))
	require.Equal(t, "ada", w.signUpWithGitHub("grace").textAt("username"), "the account logs in who connected it")
}

func TestDisconnect(t *testing.T) {
	w := newWorld(t)
	b := w.signUp("ada")
	allow(b.follow("connect-github"), "ada")
	allow(b.follow("connect-twitter"), "ada")
	b.press("disconnect-github-1001")
	require.Equal(t, []string{"The account is disconnected."}, b.messages())
	require.False(t, b.has("account-github-1001"))
	require.True(t, b.has("account-twitter-1001"))
	require.Equal(t, "ada", b.textAt("username"))
}

func TestTheLastWayToLogInStays(t *testing.T) {
	w := newWorld(t)
	b := w.signUpWithGitHub("ada")
	allow(b.follow("connect-twitter"), "ada") // it connects, but does not log in
	b.press("disconnect-github-1001")
	require.Equal(t, []string{notices[noticeLastLogin].Text}, b.messages())
	require.True(t, b.has("account-github-1001"))

	b.press("set-password", "password", password)
	require.Equal(t, []string{"Your password is set."}, b.messages())
	require.Equal(t, []string{"The account is disconnected."}, b.press("disconnect-github-1001").messages())
	require.Equal(t, "/settings", newBrowser(t).open(w.url+"/login").press("login", "username", "ada", "password", password).at.Path)
}

func TestNobodyDisconnectsTheAccountOfSomebodyElse(t *testing.T) {
	w := newWorld(t)
	owner, other := w.signUp("owner"), w.signUp("other")
	allow(owner.follow("connect-github"), "ada")
	_, address, form := owner.form("disconnect-github-1001")
	require.Equal(t, []string{"This account is not connected."}, other.load(http.MethodPost, address, form).messages())
	require.Equal(t, []string{"This account is not connected."}, other.load(http.MethodPost, address, url.Values{"account": {"x"}}).messages())
	require.True(t, owner.open(w.url+"/settings").has("account-github-1001"))
}

func TestANewPasswordEndsOtherLogins(t *testing.T) {
	w := newWorld(t)
	here := w.signUp("ada")
	there := newBrowser(t).open(w.url+"/login").press("login", "username", "ada", "password", password)
	require.Equal(t, "ada", there.textAt("username"))

	require.Equal(t, []string{notices[noticeWrongPassword].Text}, here.press("set-password", "current", "wrong", "password", "another password").messages())
	require.Equal(t, []string{notices[noticeBadPassword].Text}, here.press("set-password", "current", password, "password", "short").messages())
	require.Equal(t, "/settings", there.open(w.url+"/settings").at.Path, "nothing has changed yet")
	require.Equal(t, []string{notices[noticePassword].Text}, here.press("set-password", "current", password, "password", "another password").messages())
	require.Equal(t, "/login", there.open(w.url+"/settings").at.Path)
}

func TestOtherSitesBeginNothing(t *testing.T) {
	w := newWorld(t)
	for path, back := range map[string]string{"/connect/twitter": "/settings", "/connect/github": "/settings", "/auth/github": "/login"} {
		t.Run(path, func(t *testing.T) {
			b := w.signUp("user" + strings.ReplaceAll(path, "/", "-"))
			for _, site := range []string{"cross-site", "same-site"} {
				response := b.send(http.MethodGet, w.url+path, nil, site)
				response.Body.Close()
				require.Equal(t, back, response.Header.Get("Location"))
			}
			require.True(t, b.open(w.url+"/settings").has("no-accounts"))
		})
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	w := newWorld(t)
	b := w.signUp("ada")
	for _, path := range []string{"/signup", "/login", "/logout", "/settings/password", "/settings/disconnect"} {
		response := b.send(http.MethodPost, w.url+path, url.Values{"username": {"eve"}, "password": {password}}, "cross-site")
		response.Body.Close()
		require.Equal(t, http.StatusForbidden, response.StatusCode, path)
	}
	require.Equal(t, "ada", b.open(w.url+"/settings").textAt("username"))
}

func TestLogOutIsNoLink(t *testing.T) {
	w := newWorld(t)
	b := w.signUp("ada")
	require.Equal(t, http.StatusMethodNotAllowed, b.open(w.url+"/logout").status)
	require.Equal(t, "ada", b.open(w.url).textAt("username"))
}

func TestVisitorsChangeNothing(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/settings/password", "/settings/disconnect"} {
		b := newBrowser(t).open(w.url)
		b.load(http.MethodPost, w.url+path, url.Values{"account": {"1"}, "password": {password}})
		require.Equal(t, http.StatusUnauthorized, b.status)
		require.Equal(t, "login_required", b.textAt("code"))
	}
}

func TestAServiceThatIsDownIsNoRefusal(t *testing.T) {
	for _, provider := range []string{"twitter", "github", "calendar"} {
		t.Run(provider, func(t *testing.T) {
			w := newWorld(t)
			b := w.signUp("ada").follow("connect-" + provider).press("person=ada")
			method, address, form := b.form("allow")
			response := b.send(method, address, form, "same-origin")
			defer response.Body.Close()
			w.identity.Close()
			b.load(http.MethodGet, response.Header.Get("Location"), nil)
			require.GreaterOrEqual(t, b.status, 500)
			require.Contains(t, b.textAt("code"), "provider_")
			require.NotContains(t, b.text(), w.identity.URL)
			require.Equal(t, "ada", b.open(w.url+"/settings").textAt("username"))
		})
	}
}

func TestAStoreThatIsDownLogsNobodyOut(t *testing.T) {
	w := newWorld(t)
	b := w.signUp("ada")
	before := w.cookies(b)
	require.NoError(t, w.store.Close())
	require.Equal(t, http.StatusServiceUnavailable, b.open(w.url+"/settings").status)
	require.Equal(t, before, w.cookies(b))
	require.Equal(t, http.StatusInternalServerError, newBrowser(t).open(w.url+"/signup").press("signup", "username", "eve", "password", password).status)
}

func TestEveryAnswerIsProtected(t *testing.T) {
	w := newWorld(t)
	b := w.signUp("ada")
	allow(b.follow("connect-github"), "ada")
	forbidden := regexp.MustCompile(`(?i)<script|<style|style=|\son[a-z]+=`)
	for _, path := range []string{"/", "/settings", "/nothing", "/style.css", "/connect/github/callback?code=x&state=y"} {
		response := b.send(http.MethodGet, w.url+path, nil, "same-origin")
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		require.NoError(t, err)
		require.NotRegexp(t, forbidden, string(body), path)
		require.Equal(t, "default-src 'none'; style-src 'self'; img-src 'self' "+strings.Replace(w.identity.URL, "127.0.0.1", "localhost", 1)+
			"; form-action 'self'; base-uri 'none'; frame-ancestors 'none'", response.Header.Get("Content-Security-Policy"), path)
		require.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"), path)
		require.Contains(t, []string{"same-origin", "no-referrer"}, response.Header.Get("Referrer-Policy"), path)
		if path != "/style.css" {
			require.Contains(t, response.Header.Get("Cache-Control"), "no-store", path)
		}
	}
}

func TestOtherNamesOfTheHostLeadToTheRightOne(t *testing.T) {
	w := newWorld(t)
	b := newBrowser(t).open(strings.Replace(w.url, "127.0.0.1", "localhost", 1) + "/login")
	require.Equal(t, strings.TrimPrefix(w.url, "http://"), b.at.Host)
}

func TestUsernameLikeMakesUsernames(t *testing.T) {
	for label, want := range map[string]string{
		"ada": "ada", "Ada Winter": "AdaWinter", "@ada": "ada", "--ada": "ada", "": "somebody", "Åsa": "sa", "日本": "somebody",
		strings.Repeat("a", 40): strings.Repeat("a", 32), "<b>": "b", "a_b.c-9": "a_b.c-9",
	} {
		require.Equal(t, want, usernameLike(label), label)
		require.True(t, isUsername(want))
	}
}

func TestRealServicesAreUsedWhereTheirKeysAreKnown(t *testing.T) {
	env := map[string]string{"GITHUB_KEY": "gk", "GITHUB_SECRET": "gs", "TWITTER_KEY": "tk", "TWITTER_SECRET": "ts"}
	real := servicesFrom(func(name string) string { return env[name] }, "http://localhost:8081")
	require.True(t, real.realGitHub())
	require.True(t, real.realTwitter())
	require.Equal(t, []string{"http://localhost:8081", "https://avatars.githubusercontent.com", "https://pbs.twimg.com"}, real.pictures())
	session, err := real.github("http://127.0.0.1:8080/x").BeginAuth("s")
	require.NoError(t, err)
	address, err := session.GetAuthURL()
	require.NoError(t, err)
	require.Contains(t, address, "https://github.com/")
	require.Equal(t, []string{"http://localhost:8081", "https://github.com", "https://api.twitter.com"}, real.asking())

	demo := servicesFrom(func(string) string { return "" }, "http://localhost:8081")
	require.Equal(t, []string{"http://localhost:8081"}, demo.pictures())
}

func TestRunServesBothAndStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := &output{started: make(chan struct{})}
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"-addr", "127.0.0.1:0", "-identity", "localhost:0"}, func(string) string { return "" }, out)
	}()
	select {
	case <-out.started:
	case err := <-ended:
		t.Fatal(err)
	}
	addresses := regexp.MustCompile(`http://[\w.]+:\d+`).FindAllString(out.String(), -1)
	require.Len(t, addresses, 2)
	b := newBrowser(t).open(addresses[0]+"/signup").press("signup", "username", "ada", "password", password)
	require.Equal(t, []string{"The account is connected."}, allow(b.follow("connect-twitter"), "lin").messages())
	require.Contains(t, addresses[1], "localhost")
	cancel()
	require.NoError(t, <-ended)
}

// output says when something was written.
type output struct {
	bytes.Buffer

	started chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	defer close(o.started)
	return o.Buffer.Write(p)
}

func TestRunSaysWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		key  string
		says string
	}{
		"a short key":         {nil, "abcd", "64 hexadecimal digits"},
		"a key of no digits":  {nil, strings.Repeat("x", 64), "64 hexadecimal digits"},
		"an unknown flag":     {[]string{"-nothing"}, "", "nothing"},
		"no address":          {[]string{"-addr", "here"}, "", "address"},
		"a file in no folder": {[]string{"-addr", "127.0.0.1:0", "-identity", "localhost:0", "-db", "/nowhere/app.db"}, "", "store"},
	} {
		t.Run(name, func(t *testing.T) {
			args := test.args
			if args == nil {
				args = []string{"-addr", "127.0.0.1:0", "-identity", "localhost:0"}
			}
			err := run(t.Context(), args, func(name string) string {
				if name == "PASSPORT_KEY" {
					return test.key
				}
				return ""
			}, io.Discard)
			require.ErrorContains(t, err, test.says)
		})
	}
}
