package chromium_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What the program tells.
const (
	connected  = "The account is connected."
	startAgain = "This link was used already, or began in another browser. Please start again." // flow_missing
)

func TestConnectingLeavesTheLoginAsItWas(t *testing.T) {
	w := newWorld(t)
	b := w.signUp("ada")
	before := b.login()
	for _, service := range []string{"twitter", "github", "calendar"} {
		b.press("#connect-" + service)
		require.Equal(t, w.identity+"/", b.at()[:len(w.identity)+1])
		require.Equal(t, before, b.login(), "after the begin at %s", service)
		require.Len(t, b.flows(), 1)

		b.allow("ada")
		require.Equal(t, []string{connected}, b.messages())
		require.Equal(t, before, b.login(), "after the callback of %s", service)
		require.Empty(t, b.flows())
	}
	require.ElementsMatch(t, []string{"twitter-1001", "github-1001", "calendar-1001"}, b.accounts())
	require.Equal(t, "ada", b.text("#username"))
}

func TestPeopleMayChangeTheirMind(t *testing.T) {
	w := newWorld(t)
	b := w.signUp("ada")
	before := b.login()
	for _, service := range []string{"twitter", "github"} {
		for name, refuse := range map[string]func(){
			"deny":   func() { b.be("ada").press("#deny") },
			"cancel": func() { b.choose().press("#cancel") },
		} {
			b.press("#connect-" + service)
			refuse()
			require.Empty(t, b.accounts(), name)
			require.Equal(t, []string{"The other service did not give access."}, b.messages(), name)
			require.Equal(t, "ada", b.text("#username"), name)
			require.Equal(t, before, b.login(), name)
			require.Empty(t, b.flows(), name)
		}
	}
}

func TestTabsWithDifferentServicesEndInAnyOrder(t *testing.T) {
	w := newWorld(t)
	first := w.signUp("ada").press("#connect-github")
	second := first.newTab().open("/settings").press("#connect-twitter")
	require.Len(t, first.flows(), 2)
	require.Equal(t, []string{connected}, second.allow("ada").messages())
	require.Equal(t, []string{connected}, first.allow("ada").messages())
	require.ElementsMatch(t, []string{"twitter-1001", "github-1001"}, first.accounts())
}

func TestTabsWithTheSameServiceBothEnd(t *testing.T) {
	w := newWorld(t)
	first := w.signUp("ada").press("#connect-github")
	second := first.newTab().open("/settings").press("#connect-github")
	first.be("ada")
	second.be("grace")
	require.Equal(t, []string{connected}, first.press("#allow").messages())
	require.Equal(t, []string{connected}, second.press("#allow").messages())
	require.ElementsMatch(t, []string{"github-1001", "github-1002"}, second.accounts())
}

func TestTheAccountOfSomebodyElseIsRefusedAndNobodyIsNamed(t *testing.T) {
	w := newWorld(t)
	owner, other := w.signUp("owner"), w.signUp("other")
	owner.press("#connect-github").allow("ada")
	other.press("#connect-github").allow("ada")
	require.Equal(t, []string{"This account is connected to another user. Choose another account, or disconnect it there first."}, other.messages())
	require.Empty(t, other.accounts())
	require.NotContains(t, other.text("body"), "owner")
	require.Equal(t, "other", other.text("#username"))
	require.Equal(t, []string{"github-1001"}, owner.open("/settings").accounts())
}

func TestConnectingOnesOwnAccountAgainUpdatesIt(t *testing.T) {
	w := newWorld(t)
	b := w.signUp("ada").press("#connect-github").allow("ada").press("#connect-github").allow("ada")
	require.Equal(t, []string{"The account was connected before; its name and picture are up to date."}, b.messages())
	require.Equal(t, []string{"github-1001"}, b.accounts())
}

func TestTheLogInConnectsForWhoIsLoggedIn(t *testing.T) {
	w := newWorld(t)
	b := w.signUp("ada").press("#connect-github-login").allow("grace")
	require.Equal(t, []string{"github-1002"}, b.accounts())
	require.Equal(t, "ada", b.text("#username"))
	require.Equal(t, "ada", w.signUpWithGitHub("grace").text("#username"), "from now on the account logs in who connected it")
}

func TestDisconnect(t *testing.T) {
	w := newWorld(t)
	b := w.signUp("ada").press("#connect-github").allow("ada").press("#connect-twitter").allow("ada")
	b.press("#disconnect-github-1001")
	require.Equal(t, []string{"The account is disconnected."}, b.messages())
	require.Equal(t, []string{"twitter-1001"}, b.accounts())
	require.Equal(t, "ada", b.text("#username"))
}

func TestTheLastWayToLogInStays(t *testing.T) {
	w := newWorld(t)
	b := w.signUpWithGitHub("ada").press("#disconnect-github-1001")
	require.Equal(t, []string{"This is your only way to log in. Set a password first, or connect another account that you can log in with."}, b.messages())
	require.Equal(t, []string{"github-1001"}, b.accounts())
}
