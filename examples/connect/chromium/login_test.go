package chromium_test

import (
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/stretchr/testify/require"
)

const password = "good one"

// signUp is the browser of somebody new, who is logged in by password.
func (w *world) signUp(name string) *tab {
	w.t.Helper()
	b := w.newBrowser().open("/signup").fill("#username", name).fill("#password", password).press("#signup")
	require.Equal(w.t, "/settings", b.at())
	require.Equal(w.t, name, b.text("#username"))
	return b
}

// signUpWithGitHub is the browser of somebody new, who has no password.
func (w *world) signUpWithGitHub(person string) *tab {
	w.t.Helper()
	return w.newBrowser().open("/login").press("#login-github").allow(person)
}

func TestSomebodySignsUp(t *testing.T) {
	w := newWorld(t)
	b := w.signUp("ada")
	require.Empty(t, b.accounts())
	require.True(t, b.login().HTTPOnly)
	require.Equal(t, network.CookieSameSiteLax, b.login().SameSite)
}

func TestAPasswordLogsIn(t *testing.T) {
	w := newWorld(t)
	w.signUp("ada")
	b := w.newBrowser().open("/settings")
	require.Equal(t, "/login", b.at())

	b.fill("#username", "ada").fill("#password", "bad one").press("#login")
	require.Equal(t, "/login", b.at())
	require.Equal(t, []string{"Wrong username or password"}, b.messages())
	require.Nil(t, b.login())

	b.fill("#username", "ada").fill("#password", password).press("#login")
	require.Equal(t, "/settings", b.at())
	require.Equal(t, "ada", b.text("#username"))
	require.Empty(t, b.messages())
}

func TestGitHubLogsInWhoIsNewAndWhoComesBack(t *testing.T) {
	w := newWorld(t)
	b := w.signUpWithGitHub("grace")
	require.Equal(t, []string{"Your GitHub account is connected, and you can log in with it."}, b.messages())
	require.Equal(t, []string{"github-1002"}, b.accounts())
	require.Equal(t, "grace", b.text("#username"))

	b.press("#logout").open("/login").press("#login-github").press("#allow")
	require.Equal(t, []string{"github-1002"}, b.accounts())
	require.Equal(t, "grace", b.text("#username"), "a second user would have another name")
}

func TestLoggedOutIsLoggedOut(t *testing.T) {
	w := newWorld(t)
	// Opened once more, because Chromium overlooks one change of a cookie where
	// the page itself came with one: it would show the settings from memory.
	b := w.signUp("ada").open("/settings").press("#logout")
	require.Equal(t, "/", b.at())
	require.Nil(t, b.login())
	require.Equal(t, "/login", b.back().at())
	require.Equal(t, "/login", b.open("/settings").at())
}
