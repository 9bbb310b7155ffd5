package chromium_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const (
	appointments = "#appointments-calendar-1001"
	tasks        = "#tasks-calendar-1001"
	renewed      = "#renewed-calendar-1001"

	// When the page came, in the browser's words.
	arrived = `(performance.timeOrigin + performance.getEntriesByType("navigation")[0].responseStart)`
)

// passed waits until so much time has passed since the page says that something
// happened.
func (b *tab) passed(d time.Duration, since string) *tab {
	b.w.t.Helper()
	return b.do(chromedp.Poll[chromedp.Void](fmt.Sprintf("Date.now() - %s > %d", since, d.Milliseconds())))
}

func TestTheLifeOfAConnectedAccount(t *testing.T) {
	const life = 3 * time.Second
	w := newWorld(t, "-tokens", life.String())

	// Connect, and use.
	b := w.signUpWithGitHub("ada").press("#connect-calendar").allow("ada")
	require.Equal(t, []string{connected}, b.messages())
	require.Equal(t, []string{"github-1001", "calendar-1001"}, b.accounts())
	require.Contains(t, b.text(appointments), "Tea at Ada Winter's")
	require.Empty(t, b.text(tasks))

	// The token expires, and is refreshed.
	first := read[string](b, "document.querySelector(%q).dateTime", renewed)
	b.passed(life, "Date.parse('"+first+"')").open("/settings")
	require.Contains(t, b.text(appointments), "Tea at Ada Winter's")
	require.NotEqual(t, first, read[string](b, "document.querySelector(%q).dateTime", renewed))

	// A wider scope: the service knows who is meant.
	b.press("#show-tasks-calendar-1001")
	require.Equal(t, w.identity+"/consent", b.at())
	require.Contains(t, b.text("main"), "your tasks")
	b.press("#allow")
	require.Equal(t, []string{"The account is connected again."}, b.messages())
	require.Contains(t, b.text(tasks), "Oil the difference engine")
	require.Contains(t, b.text(appointments), "Tea at Ada Winter's")

	// Revoked at the service, and connected again.
	b.open(w.identity).press("#end")
	require.Empty(t, b.text("#permits"))
	b.open("/settings")
	require.Contains(t, b.text("#reconnect-calendar-1001"), "Connect again")
	require.Empty(t, b.text(appointments))
	require.Equal(t, []string{"github-1001", "calendar-1001"}, b.accounts(), "it stays in the list")
	b.press("#again-calendar-1001").press("#allow")
	require.Equal(t, []string{"The account is connected again."}, b.messages())
	require.Contains(t, b.text(tasks), "Oil the difference engine")

	// Disconnected, of which the service is told; the last way to log in stays.
	b.press("#disconnect-calendar-1001")
	require.Equal(t, []string{"The account is disconnected."}, b.messages())
	require.Equal(t, []string{"github-1001"}, b.accounts())
	b.press("#disconnect-github-1001")
	require.Contains(t, b.messages()[0], "This is your only way to log in.")
	require.Equal(t, []string{"github-1001"}, b.accounts())
	b.open(w.identity)
	require.Empty(t, b.text("#permits"))
}

func TestAConnectWaitsForARecentLogIn(t *testing.T) {
	const recent = 5 * time.Second
	w := newWorld(t, "-recent", recent.String())
	b := w.signUp("ada")
	b.passed(recent, arrived).press("#connect-calendar")
	require.Equal(t, "/login/again", b.at())
	b.fill("#username", "ada").fill("#password", password).press("#login")
	require.Equal(t, w.identity, b.at()[:len(w.identity)], "the connect goes on, after a form, at another site")
	require.Equal(t, []string{connected}, b.allow("ada").messages())

	b = b.foreignTab().open("/settings").passed(recent, arrived) // the browser complains about the 401
	require.Equal(t, "login_required", b.press("#disconnect-calendar-1001").text("#code"))
	b.press("#again").fill("#username", "ada").fill("#password", password).press("#login")
	require.Equal(t, []string{"calendar-1001"}, b.accounts())
	require.Equal(t, []string{"The account is disconnected."}, b.press("#disconnect-calendar-1001").messages())
}
