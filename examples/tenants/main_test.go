package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gopassport/passport/passporttest"
)

func newBrowser(t *testing.T, rows *table) *passporttest.Browser {
	t.Helper()
	service := httptest.NewServer(provider(rows))
	t.Cleanup(service.Close)
	browser := passporttest.NewBrowser(t)
	browser.Serve(base, newApp([]byte("32 bytes that no program may use"), rows, strings.Replace(service.URL, "127.0.0.1", "localhost", 1)))
	return browser
}

// logIn is grace's, who says yes.
func logIn(browser *passporttest.Browser, tenant string) *passporttest.Page {
	page := browser.Open(base + "/" + tenant + "/").Follow("login")
	return page.Submit(url.Values{"person": {"grace"}}).Submit(url.Values{"decision": {"allow"}})
}

func TestEachTenantLogsInWithCredentialsOfItsOwn(t *testing.T) {
	for _, tenant := range []string{"acme", "globex"} {
		page := logIn(newBrowser(t, newTable()), tenant)
		require.Equal(t, http.StatusOK, page.Status, page.Body)
		require.Contains(t, page.Body, "Hello, grace of "+tenant+".")
	}
}

func TestAMemberOfOneTenantIsNobodyAtAnother(t *testing.T) {
	page := logIn(newBrowser(t, newTable()), "acme").Follow("/globex/")
	require.Equal(t, http.StatusForbidden, page.Status)
	require.Contains(t, page.Body, "not a member")
}

func TestAnAnswerForOneTenantIsNoneForAnother(t *testing.T) {
	browser := newBrowser(t, newTable())
	page := browser.Open(base + "/acme/").Follow("login").Submit(url.Values{"person": {"grace"}})
	browser.Manual = true
	answer := page.Submit(url.Values{"decision": {"allow"}}).Location()
	page = browser.From(base + "/").Follow(strings.Replace(answer, "/acme/", "/globex/", 1))
	require.Equal(t, http.StatusBadRequest, page.Status)
}

func TestATenantThatLeavesCannotLogIn(t *testing.T) {
	rows := newTable()
	browser := newBrowser(t, rows)
	require.Equal(t, http.StatusOK, logIn(browser, "acme").Status)
	rows.remove("acme")
	require.Eventually(t, func() bool {
		return browser.Open(base+"/acme/login").Status == http.StatusNotFound
	}, 10*time.Second, 50*time.Millisecond)
	require.Equal(t, http.StatusNotFound, browser.Open(base+"/nobody/login").Status)
}
