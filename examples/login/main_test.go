package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/gopassport/passport/examples/internal/standin"
	"github.com/gopassport/passport/passporttest"
)

// newBrowser is somebody's who has opened the log-in page.
func newBrowser(t *testing.T) *passporttest.Browser {
	t.Helper()
	services := httptest.NewServer(standin.Handler(base+"/auth/github/callback", base+"/auth/twitter/callback"))
	t.Cleanup(services.Close)
	browser := passporttest.NewBrowser(t)
	browser.Serve(base, newApp([]byte("32 bytes that no program may use"), newPeople(bcrypt.MinCost), strings.Replace(services.URL, "127.0.0.1", "localhost", 1)))
	return browser
}

func TestPeopleLogInWithAPassword(t *testing.T) {
	page := newBrowser(t).Open(base + "/")
	require.Equal(t, "/login", page.URL.Path)

	page = page.Submit(url.Values{"username": {"ada"}, "password": {"wrong"}})
	require.Contains(t, page.Body, "Wrong name or password.")
	require.NotContains(t, page.Reload().Body, "Wrong name or password.", "a message is read once")

	page = page.Submit(url.Values{"username": {"ada"}, "password": {"a long passphrase"}})
	require.Equal(t, "/", page.URL.Path)
	require.Contains(t, page.Body, "Hello, Ada.")

	page = page.Post("/logout", nil)
	require.Equal(t, "/login", page.URL.Path)
	require.Equal(t, "/login", page.Follow("/").URL.Path, "logged out")
}

func TestNoOtherSiteLogsAnybodyOut(t *testing.T) {
	browser := newBrowser(t)
	browser.Open(base + "/login").Submit(url.Values{"username": {"ada"}, "password": {"a long passphrase"}})
	// To cookies another port is the same site, so that they come along.
	require.Equal(t, http.StatusForbidden, browser.From("http://127.0.0.1:9999/").Post(base+"/logout", nil).Status)
	require.Contains(t, browser.Open(base+"/").Body, "Hello, Ada.")
}

func TestPeopleLogInWithAService(t *testing.T) {
	for _, service := range []string{"github", "twitter"} {
		t.Run(service, func(t *testing.T) {
			page := newBrowser(t).Open(base + "/login").Follow("/auth/" + service)
			page = page.Submit(url.Values{"person": {"grace"}}).Submit(url.Values{"decision": {"allow"}})
			require.Equal(t, http.StatusOK, page.Status, page.Body)
			require.Equal(t, base+"/", page.URL.String())
			require.Contains(t, page.Body, "Hello, grace.")
		})
	}
}

func TestPeopleMaySayNo(t *testing.T) {
	for _, service := range []string{"github", "twitter"} {
		page := newBrowser(t).Open(base + "/login").Follow("/auth/" + service)
		page = page.Submit(url.Values{"person": {"grace"}}).Submit(url.Values{"decision": {"deny"}})
		require.Equal(t, base+"/login", page.URL.String())
		require.Contains(t, page.Body, "<p role=alert>")
	}
}

// Who has no password, because a service knows them, gets in with none.
func TestNobodyGuessesThePasswordOfSomebodyWhoHasNone(t *testing.T) {
	page := newBrowser(t).Open(base + "/login").Follow("/auth/github")
	page = page.Submit(url.Values{"person": {"ada"}}).Submit(url.Values{"decision": {"allow"}}).Post("/logout", nil)
	page = page.Submit(url.Values{"username": {"github:1001"}, "password": {"a long passphrase"}})
	require.Equal(t, "/login", page.URL.Path)
}
