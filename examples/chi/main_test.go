package main

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gopassport/passport/examples/internal/standin"
	"github.com/gopassport/passport/passporttest"
)

func TestOnChiPeopleLogInAndConnectAnAccount(t *testing.T) {
	github := httptest.NewServer(standin.Handler(base + "/settings/github/callback"))
	t.Cleanup(github.Close)
	browser := passporttest.NewBrowser(t)
	browser.Serve(base, newApp([]byte("32 bytes that no program may use"), strings.Replace(github.URL, "127.0.0.1", "localhost", 1)))

	page := browser.Open(base + "/settings/github")
	require.Equal(t, "/login", page.URL.Path, "visitors log in first")
	require.Equal(t, "/login", page.Submit(url.Values{"username": {"ada"}, "password": {"wrong"}}).URL.Path)

	page = browser.Open(base + "/settings").Submit(url.Values{"username": {"ada"}, "password": {"a long passphrase"}})
	require.Equal(t, "/settings", page.URL.Path)
	require.Contains(t, page.Body, "Hello, ada.")

	page = page.Follow("/settings/github").Submit(url.Values{"person": {"grace"}}).Submit(url.Values{"decision": {"allow"}})
	require.Equal(t, "/settings", page.URL.Path, page.Body)
	require.Contains(t, page.Body, "Hello, ada.", "the login is the same")
	require.Contains(t, page.Body, "At GitHub you are grace.")
}
