package chromium_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

func TestWhoLoggedOutMeanwhileConnectsNothing(t *testing.T) {
	w := newWorld(t)
	b := w.signUp("ada").press("#connect-github").be("ada")
	b.newTab().open("/settings").press("#logout")
	require.Equal(t, "/login", b.press("#allow").at())
	require.Nil(t, b.login())
	b.fill("#username", "ada").fill("#password", password).press("#login")
	require.Empty(t, b.accounts())
}

func TestNobodyEndsWhatSomebodyElseBegan(t *testing.T) {
	w := newWorld(t)
	b := w.signUp("ada").press("#connect-github").be("ada")
	b.newTab().open("/settings").press("#logout").
		open("/signup").fill("#username", "eve").fill("#password", password).press("#signup")
	b.press("#allow")
	require.Equal(t, []string{"Somebody logged in or out in the meantime. Please start again."}, b.messages())
	require.Equal(t, "eve", b.text("#username"))
	require.Empty(t, b.accounts())
}

func TestACallbackWorksOnce(t *testing.T) {
	w := newWorld(t)
	b := w.signUp("ada").press("#connect-github").allow("ada")
	before, callback := b.login(), b.askedFor(w.url+"/connect/github/callback?")
	for range 2 {
		b.open(callback)
		require.Equal(t, []string{startAgain}, b.messages())
		require.Equal(t, []string{"github-1001"}, b.accounts())
		require.Equal(t, before, b.login())
	}
	require.Empty(t, b.do(chromedp.Reload()).messages(), "a message is read once")

	other := w.signUp("eve").open(callback)
	require.Equal(t, []string{startAgain}, other.messages())
	require.Empty(t, other.accounts())
}

// stranger serves pages that would like to connect an account: by leading to an
// address of the program, or, /parts, by loading it into themselves.
func stranger(victim string) http.Handler {
	pages := map[string]string{
		"/link":   `<a id="go" href="%s">a present</a>`,
		"/form":   `<form action="%s"><button id="go">a present</button></form>`,
		"/script": `<button id="go" onclick="location = '%s'">a present</button>`,
		"/hop":    `<a id="go" href="/redirect">a present</a>`,
		"/parts": `<script>
				let missing = 4
				const came = () => { if (--missing === 0) document.title = "all came" }
				document.addEventListener("load", came, true)
				document.addEventListener("error", came, true)
				fetch("%[1]s?fetch", {mode: "no-cors", credentials: "include"}).finally(came)
			</script>
			<img src="%[1]s?img"><iframe src="%[1]s?iframe"></iframe><link rel="prefetch" href="%[1]s?prefetch">`,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/redirect" {
			http.Redirect(w, r, victim, http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, pages[r.URL.Path], victim)
	})
}

func TestOtherSitesBeginNothing(t *testing.T) {
	for name, host := range map[string]string{
		"another site":                  "localhost",
		"another port of the same host": "127.0.0.1", // to which the login cookie goes with everything
	} {
		for path, pages := range map[string][]string{
			"/connect/github": {"/link", "/form", "/script", "/hop"},
			"/auth/github":    {"/link"},
		} {
			t.Run(name+path, func(t *testing.T) {
				w := newWorld(t)
				server := httptest.NewServer(stranger(w.url + path))
				t.Cleanup(server.Close)
				site := strings.Replace(server.URL, "127.0.0.1", host, 1)

				b := w.signUp("ada")
				before, lure := b.login(), b.foreignTab()
				for _, page := range pages {
					lure.open(site + page).press("#go")
					require.Empty(t, lure.accounts(), page)
					require.Equal(t, []string{"Please start this from the application's own page."}, lure.messages(), page)
				}

				lure.open(site + "/parts").do(chromedp.Poll[chromedp.Void](`document.title === "all came"`))
				for _, part := range []string{"img", "iframe", "prefetch", "fetch"} {
					require.NotEmpty(t, lure.askedFor(w.url+path+"?"+part), part)
				}
				require.Contains(t, lure.complaints(), "frame-ancestors", "what a browser complains about is heard")

				require.Empty(t, lure.askedFor(w.identity))
				require.Empty(t, b.flows())
				require.Equal(t, before, b.login())
				require.Empty(t, b.open("/settings").accounts())
			})
		}
	}
}
