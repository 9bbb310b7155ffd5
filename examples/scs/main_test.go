package main

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/alexedwards/scs/v2"
	"github.com/stretchr/testify/require"

	"github.com/gopassport/passport/passporttest"
)

const base = "http://127.0.0.1:8080"

func TestALoginLivesBesideACart(t *testing.T) {
	shop := newApp([]byte("32 bytes that no program may use"), scs.New())
	browser, thief := passporttest.NewBrowser(t), passporttest.NewBrowser(t)
	browser.Serve(base, shop)
	thief.Serve(base, shop)

	page := browser.Open(base + "/")
	page = page.Post("/cart", nil).Post("/cart", nil)
	require.Contains(t, page.Body, "Apples: 2")
	before := browser.Cookies(base)
	require.Len(t, before, 1)

	page = page.Submit(url.Values{"username": {"ada"}, "password": {"wrong"}})
	require.NotContains(t, page.Body, "Hello")
	page = page.Submit(url.Values{"username": {"ada"}, "password": {"a long passphrase"}})
	require.Contains(t, page.Body, "Hello, ada.")
	require.Contains(t, page.Body, "Apples: 2", "the cart came along")
	after := browser.Cookies(base)
	require.Len(t, after, 1, "one session holds both")
	require.NotEqual(t, before[0].Value, after[0].Value, "the session has a new identity")

	thief.SetCookies(base, before...)
	require.Contains(t, thief.Open(base+"/").Body, "Apples: 0", "a copy from before the log-in is worth nothing")
	thief.SetCookies(base, after...)
	require.Contains(t, thief.Open(base+"/").Body, "Hello, ada.", "one from after it is worth something, until the log-out")

	require.Equal(t, http.StatusForbidden, browser.From("http://127.0.0.1:9999/").Post(base+"/logout", nil).Status, "no other site logs her out")
	page = page.Post("/logout", nil)
	require.NotContains(t, page.Body, "Hello")
	require.Contains(t, page.Body, "Apples: 0")
	require.NotContains(t, thief.Open(base+"/").Body, "Hello", "the log-out ended the copy, too")
}
