package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/gopassport/passport/accounts"
	"github.com/gopassport/passport/examples/connect/identity"
	"github.com/gopassport/passport/examples/connect/store"
)

// hosts are sites that are called without a network, which a clock of synctest
// would not wait for.
type hosts map[string]http.Handler

func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	body := r.Body
	if body == nil {
		body = http.NoBody
	}
	request := httptest.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), body)
	request.Header = r.Header
	w := httptest.NewRecorder()
	h[r.URL.Host].ServeHTTP(w, request)
	response := w.Result()
	response.Request = r
	return response, nil
}

const (
	identityAt = "localhost:8081"
	recently   = 15 * time.Minute
)

// overTime runs a test in a world whose time passes when the test sleeps.
func overTime(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		users, keys := newStore(t)
		w := &world{t: t, url: "http://127.0.0.1:8080", store: users, hosts: hosts{}}
		s := services{identity: "http://" + identityAt}
		handler, err := newApp(config{
			Base: w.url, Keys: keys, Store: users, Twitter: s.twitter, Calendar: s.calendar(), Calls: w.hosts, Cost: bcrypt.MinCost,
			GitHub: func(callback string) goth.Provider {
				provider := s.github(callback).(*github.Provider)
				provider.HTTPClient = &http.Client{Transport: w.hosts}
				return provider
			},
		})
		require.NoError(t, err)
		w.hosts["127.0.0.1:8080"], w.hosts[identityAt] = handler, identity.New(clients(w.url))
		test(t, w)
	})
}

// withCalendar is somebody who has connected Ada's calendar.
func (w *world) withCalendar(name string) *browser {
	w.t.Helper()
	return allow(w.signUp(name).follow("connect-calendar"), "ada")
}

// tokens is how many access tokens the calendar gave for Ada; "" for none that
// she allows.
func (w *world) tokens(b *browser) string {
	w.t.Helper()
	return b.open("http://" + identityAt).textAt("tokens")
}

func (w *world) settings(b *browser) *browser { return b.open(w.url + "/settings") }

func TestACalendarIsShownThroughATokenThatIsRefreshed(t *testing.T) {
	overTime(t, func(t *testing.T, w *world) {
		b := w.withCalendar("ada")
		require.Equal(t, []string{notices[noticeLinked].Text}, b.messages())
		for _, c := range []struct {
			after  time.Duration
			tokens string
		}{{0, "1"}, {54 * time.Second, "1"}, {2 * time.Second, "2"}, {time.Hour, "3"}, {time.Second, "3"}} {
			time.Sleep(c.after)
			require.Contains(t, w.settings(b).textAt("appointments-calendar-1001"), "Tea at Ada Winter's", c.after)
			require.Equal(t, c.tokens, w.tokens(b), c.after)
		}
		require.Contains(t, w.settings(b).textAt("renewed-calendar-1001"), time.Now().UTC().Add(-time.Second).Format("15:04:05"))
	})
}

func TestAWiderScopeIsAskedForLater(t *testing.T) {
	overTime(t, func(t *testing.T, w *world) {
		b := w.withCalendar("ada")
		require.False(t, b.has("tasks-calendar-1001"))

		b.follow("show-tasks-calendar-1001")
		require.Contains(t, b.textAt("person"), "Ada Winter", "the service knows from the login_hint who is meant")
		require.Contains(t, b.text(), "your tasks")
		require.Equal(t, "/settings", b.press("deny").at.Path)
		require.False(t, b.has("tasks-calendar-1001"))

		require.Equal(t, []string{notices[noticeOther].Text}, allow(b.follow("show-tasks-calendar-1001"), "grace").messages())
		require.False(t, b.has("tasks-calendar-1001"))
		require.False(t, b.has("account-calendar-1002"))

		b.follow("show-tasks-calendar-1001").press("allow")
		require.Equal(t, []string{notices[noticeAgain].Text}, b.messages())
		require.Contains(t, b.textAt("tasks-calendar-1001"), "difference engine")
		require.Contains(t, b.textAt("appointments-calendar-1001"), "Tea", "what was granted before still is")
		time.Sleep(time.Hour)
		require.Contains(t, w.settings(b).textAt("tasks-calendar-1001"), "difference engine")
	})
}

func TestWhoTookAccessAwayConnectsAgain(t *testing.T) {
	for name, after := range map[string]time.Duration{"before the token expires": 0, "after the token expired": time.Hour} {
		t.Run(name, func(t *testing.T) {
			overTime(t, func(t *testing.T, w *world) {
				b := w.withCalendar("ada")
				b.follow("show-tasks-calendar-1001").press("allow")
				b.open("http://" + identityAt).press("end")
				time.Sleep(after)
				for range 2 {
					require.True(t, w.settings(b).has("reconnect-calendar-1001"))
					require.False(t, b.has("appointments-calendar-1001"))
				}
				time.Sleep(time.Hour) // so that the way leads through a log-in
				b.follow("again-calendar-1001").press("login", "username", "ada", "password", password)
				require.Contains(t, b.text(), "your tasks", "all that was granted is asked for")
				require.Equal(t, []string{notices[noticeAgain].Text}, b.press("allow").messages())
				require.Contains(t, b.textAt("tasks-calendar-1001"), "difference engine")
				require.Contains(t, b.textAt("appointments-calendar-1001"), "Tea")
			})
		})
	}
}

func TestADisconnectIsToldToTheService(t *testing.T) {
	overTime(t, func(t *testing.T, w *world) {
		b := w.withCalendar("ada")
		require.Equal(t, "1", w.tokens(b))
		require.Equal(t, []string{notices[noticeUnlinked].Text}, w.settings(b).press("disconnect-calendar-1001").messages())
		require.False(t, b.has("account-calendar-1001"))
		require.Empty(t, w.tokens(b), "Ada allows nothing any more")
	})
}

func TestACalendarThatIsDownCostsNothing(t *testing.T) {
	overTime(t, func(t *testing.T, w *world) {
		b := w.withCalendar("ada")
		up := w.hosts[identityAt]
		w.hosts[identityAt] = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
		for _, after := range []time.Duration{0, time.Hour} {
			time.Sleep(after)
			require.Equal(t, http.StatusOK, w.settings(b).status)
			require.True(t, b.has("trouble-calendar-1001"))
		}
		w.hosts[identityAt] = up
		require.Contains(t, w.settings(b).textAt("appointments-calendar-1001"), "Tea")

		b = w.newBrowser().open(w.url+"/login").press("login", "username", "ada", "password", password)
		w.hosts[identityAt] = http.NotFoundHandler()
		require.Equal(t, []string{notices[noticeUnlinkedHere].Text}, b.press("disconnect-calendar-1001").messages())
		require.False(t, b.has("account-calendar-1001"))
	})
}

func TestAnAccountIsConnectedAgainByItsOwnerOnly(t *testing.T) {
	overTime(t, func(t *testing.T, w *world) {
		owner, other := w.withCalendar("ada"), w.signUp("other")
		tasks := owner.link("show-tasks-calendar-1001")
		require.Equal(t, []string{notices[noticeNoAccount].Text}, other.load(http.MethodGet, tasks, nil).messages())
		allow(other.follow("connect-github"), "lin")
		_, _, form := other.form("disconnect-github-1003")
		require.Equal(t, []string{notices[noticeNoAccount].Text},
			other.load(http.MethodGet, w.url+"/connect/calendar/tasks?account="+form.Get("account"), nil).messages())

		owner.load(http.MethodGet, tasks, nil)
		u, err := url.Parse(w.url + "/connect/calendar/again")
		require.NoError(t, err)
		owner.client.Jar.SetCookies(u, []*http.Cookie{{Name: cookieAgain, Path: u.Path, MaxAge: -1}})
		require.Equal(t, []string{notices[noticeOther].Text}, owner.press("allow").messages(), "the cookie was lost")
	})
}

func TestAConnectWaitsForARecentLogIn(t *testing.T) {
	overTime(t, func(t *testing.T, w *world) {
		for _, link := range []string{"connect-calendar", "connect-github", "connect-github-login"} {
			b := w.signUp("for-" + link)
			time.Sleep(recently - time.Second)
			require.Equal(t, identityAt, b.follow(link).at.Host, link)

			w.settings(b)
			time.Sleep(time.Second)
			require.Equal(t, "/login/again", b.follow(link).at.Path, link)
			b.press("login", "username", "for-"+link, "password", "a wrong one")
			require.Equal(t, []string{"Wrong username or password"}, b.messages(), link)
			b.press("login", "username", "for-"+link, "password", password)
			require.Equal(t, identityAt, b.at.Host, "it goes on: "+link)
		}
	})
}

func TestADisconnectWaitsForARecentLogIn(t *testing.T) {
	overTime(t, func(t *testing.T, w *world) {
		b := w.withCalendar("ada")
		time.Sleep(recently)
		require.Equal(t, http.StatusUnauthorized, w.settings(b).press("disconnect-calendar-1001").status)
		b.follow("again").press("login", "username", "ada", "password", password)
		require.Equal(t, "/settings", b.at.Path)
		require.True(t, b.has("account-calendar-1001"), "nothing has happened yet")
		require.Equal(t, []string{notices[noticeUnlinked].Text}, b.press("disconnect-calendar-1001").messages())
	})
}

func TestWhoHasNoPasswordLogsInAgainWithTheirAccount(t *testing.T) {
	overTime(t, func(t *testing.T, w *world) {
		b := w.signUpWithGitHub("grace")
		time.Sleep(recently)
		require.Equal(t, http.StatusUnauthorized, b.press("set-password", "password", password).status, "nor gets a first one")
		w.settings(b)
		b.follow("connect-calendar")
		w.signUpWithGitHub("ada")
		for _, stranger := range []string{"lin", "ada"} {
			require.Equal(t, "/login/again", allow(b.follow("login-github"), stranger).at.Path)
			require.Equal(t, []string{"This is not your account."}, b.messages(), stranger)
		}
		b = allow(b.follow("login-github"), "grace")
		require.Equal(t, identityAt, b.at.Host, "the connect goes on")
		require.Equal(t, []string{notices[noticeLinked].Text}, allow(b, "ada").messages())
		require.False(t, b.has("account-github-1003"), "logging in again connects nothing")
	})
}

func TestLoggingInAgainMakesNobodyNew(t *testing.T) {
	overTime(t, func(t *testing.T, w *world) {
		b := allow(w.newBrowser().open(w.url+"/login/again").follow("login-github"), "lin")
		require.Equal(t, []string{"This is not your account."}, b.messages())
		_, err := w.store.UserByName(t.Context(), "lin")
		require.ErrorIs(t, err, store.ErrNotFound)
		w.signUpWithGitHub("grace")
		require.Equal(t, "grace", w.settings(allow(w.newBrowser().open(w.url+"/login/again").follow("login-github"), "grace")).textAt("username"))
	})
}

// crowd is a store in which the first that look for an account all look before
// one of them goes on.
type crowd struct {
	accounts.Store

	missing atomic.Int32
	all     chan struct{}
}

func (c *crowd) Find(ctx context.Context, issuer, subject string) (accounts.Record, error) {
	record, err := c.Store.Find(ctx, issuer, subject)
	if c.missing.Add(-1) == 0 {
		close(c.all)
	}
	<-c.all
	return record, err
}

func TestManySignUpsWithOneAccountMakeOneUser(t *testing.T) {
	users, keys := newStore(t)
	at := &crowd{Store: users.Accounts(), all: make(chan struct{})}
	a := &app{store: users, accounts: accounts.New(accounts.Config{Store: at, Keys: keys})}
	got := make([]*store.User, 50)
	at.missing.Store(int32(len(got)))
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() {
			user, err := a.userWith(t.Context(), accounts.Account{Issuer: "github", Subject: "1001", Name: "ada"})
			assert.NoError(t, err)
			got[i] = user
		})
	}
	all.Wait()
	for _, user := range got {
		require.Equal(t, got[0], user)
	}
	for id := range int64(2 * len(got)) {
		if id != got[0].ID {
			_, err := users.User(t.Context(), id)
			require.ErrorIs(t, err, store.ErrNotFound, "a user is left over")
		}
	}
}
