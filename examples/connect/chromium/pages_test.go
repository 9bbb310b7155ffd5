package chromium_test

import (
	"flag"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

func TestPagesFitANarrowScreen(t *testing.T) {
	w := newWorld(t)
	fits := func(b *tab) *tab {
		t.Helper()
		require.LessOrEqual(t, read[int](b, "document.documentElement.scrollWidth"), 320, b.at())
		return b
	}
	b := w.newBrowser().do(chromedp.EmulateViewport(320, 640))
	for _, path := range []string{"/", "/signup", "/login"} {
		fits(b.open(path))
	}
	fits(fits(b.press("#login-github")).be("grace"))
	fits(b.press("#allow"))
	fits(b.press("#connect-twitter").allow("grace"))
	fits(b.press("#connect-calendar").allow("grace"))
	fits(b.open("/login/again"))
	require.Len(t, b.open("/settings").accounts(), 3)
	fits(b.open(w.identity))
}

var update = flag.Bool("update", false, "write docs/settings.png")

// TestScreenshot takes the picture of the settings that the README shows:
//
//	go -C examples test ./connect/chromium -run TestScreenshot -update
func TestScreenshot(t *testing.T) {
	if !*update {
		t.Skip("only with -update")
	}
	w := newWorld(t)
	b := w.signUp("ada").press("#connect-twitter").allow("ada").press("#connect-github").allow("grace").press("#connect-calendar").allow("ada")
	require.Len(t, b.open("/settings").accounts(), 3)
	b.do(chromedp.EmulateViewport(1000, 790)) // down to the password form
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("../../../docs/settings.png", picture, 0o644))
}
