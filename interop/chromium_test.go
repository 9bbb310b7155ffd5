//go:build unix

package interop_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/realserver"
	"github.com/gopassport/passport/strategies/oauth2"
	"github.com/gopassport/passport/strategies/oidc"
)

const tabLimit = time.Minute // of one browser's tour; most need two seconds

// What the tests share: one Chromium, which is not there until the first test asks for it.
var (
	profile  string // its folder
	program  string // where it is; set before it is started
	chromium context.Context
	stop     = func() {}
	started  = sync.OnceValue(start)
)

func TestMain(m *testing.M) {
	code := m.Run()
	stop()
	os.Exit(code)
}

func start() (err error) {
	if profile, err = os.MkdirTemp("", "interop-chromium-"); err != nil {
		return err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.UserDataDir(profile),
		chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocator, stopAll := chromedp.NewExecAllocator(context.Background(), options...)
	chromium, _ = chromedp.NewContext(allocator)
	stop = func() {
		chromedp.Cancel(chromium)
		stopAll()
		os.RemoveAll(profile)
	}
	ready := make(chan error, 1)
	go func() { ready <- chromedp.Do(chromium) }()
	select {
	case err := <-ready:
		return err
	case <-time.After(tabLimit):
		return errors.New("Chromium does not start")
	}
}

// tab is a tab of a browser that nobody has used.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// surfing opens one.
func surfing(t *testing.T) browser {
	t.Helper()
	program = realserver.Program(t, "chromium")
	if err := started(); err != nil {
		t.Fatal(err)
	}
	limited, cancel := context.WithTimeout(chromium, tabLimit)
	t.Cleanup(cancel)
	ctx, closeTab := chromedp.NewContext(limited, chromedp.WithNewBrowserContext())
	t.Cleanup(closeTab)
	b := &tab{t, ctx}
	b.do()
	return b
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// evaluate runs a script, not as part of the page: its policy does not apply.
func evaluate[T any](b *tab, script string, args ...any) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](fmt.Sprintf(script, args...)))
	if err != nil {
		b.t.Fatal(err)
	}
	return value
}

func (b *tab) goTo(address string) { b.t.Helper(); b.do(chromedp.Navigate(address)) }

func (b *tab) click(id string, fields ...string) {
	b.t.Helper()
	for i := 0; i+1 < len(fields); i += 2 {
		b.fill("[name="+fields[i]+"]", fields[i+1])
	}
	b.press("#" + id)
}

// fill puts a text into an empty field.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	b.do(chromedp.Focus(chromedp.CSS(selector)))
	if _, err := chromedp.Call(b.ctx, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
		b.t.Fatal(err)
	}
}

// press presses what leads to another page.
func (b *tab) press(selector string) {
	b.t.Helper()
	if !b.has(selector) {
		b.t.Fatalf("no %s at %s: %s", selector, b.where(), evaluate[string](b, "document.body.innerText"))
	}
	if _, err := chromedp.RunResponse(b.ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) read(id string) string {
	b.t.Helper()
	return evaluate[string](b, `document.getElementById(%q)?.innerText ?? ""`, id)
}

func (b *tab) has(selector string) bool {
	b.t.Helper()
	return evaluate[bool](b, "document.querySelector(%q) !== null", selector)
}

func (b *tab) where() string { b.t.Helper(); return evaluate[string](b, "location.href") }

func (b *tab) arrive(prefix string) {
	b.t.Helper()
	script := fmt.Sprintf(`location.href.startsWith(%q) && document.readyState === "complete"`, prefix)
	for deadline := time.Now().Add(tabLimit / 2); ; time.Sleep(20 * time.Millisecond) {
		there, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](script)) // an error where one page goes and the next comes
		switch {
		case there && err == nil:
			return
		case time.Now().After(deadline):
			b.t.Fatalf("not at %s but at %s: %v", prefix, b.where(), err)
		}
	}
}

// wait waits until there is something in a page that scripts make.
func (b *tab) wait(selector string) {
	b.t.Helper()
	b.do(chromedp.WaitVisible(chromedp.CSS(selector)))
}

func TestChromiumToursOpenIDConnect(t *testing.T) {
	o := startOP(t)
	for name, config := range map[string]func(*oidc.Config){
		"query":           nil,
		"form_post":       func(c *oidc.Config) { c.FormPost = true },
		"pushed requests": func(c *oidc.Config) { c.PushedRequests = true },
	} {
		t.Run(name, func(t *testing.T) {
			o := &op{t, o.server, o.Issuer}
			a, _ := o.app(nil, config)
			at("ada").tour(t, a, "op", surfing)
		})
	}
}

func TestChromiumToursOAuth2(t *testing.T) {
	o := startOP(t)
	for name, change := range map[string]func(*oauth2.Config){
		"query":           func(*oauth2.Config) {},
		"form_post":       func(c *oauth2.Config) { c.FormPost = true },
		"pushed requests": func(c *oauth2.Config) { c.PushURL = o.Issuer + "/request" },
	} {
		t.Run(name, func(t *testing.T) {
			o := &op{t, o.server, o.Issuer}
			a := newApp(t)
			c := o.register(a.callbacks("op"))
			a.uses("op", func(callback string) passport.Strategy {
				config := o.oauth2(c, callback)
				change(&config)
				return oauth2.New(config, func(_ *http.Request, g oauth2.Grant) (*person, error) { return &person{g.Subject}, nil })
			})
			at("ada").tour(t, a, "op", surfing)
		})
	}
}

func TestChromiumToursOAuth1(t *testing.T) {
	for _, s := range oauth1Services() {
		t.Run(s.name, func(t *testing.T) {
			oauth1Pages().tour(t, oauth1App(t, s.start(t, realserver.Address(t)), nil), "op", surfing)
		})
	}
}

func TestChromiumLogsOutHereAndThere(t *testing.T) {
	a := startOP(t).logoutApp()
	b := surfing(t)
	b.goTo(a.URL + "/login/op")
	at("ada").allow(b)
	wantPage(t, a.app, b, "ada", "")
	b.goTo(a.URL + "/logout")
	b.click("logout")
	wantPage(t, a.app, b, "nobody", "")
	if said := <-a.posted; said != "OK" || !strings.HasPrefix(b.where(), a.URL) {
		t.Errorf("the provider was told %q; at %s", said, b.where())
	}
}

func TestChromiumToursGlewlwyd(t *testing.T) {
	g, k := startGlewlwyd(t), &known{map[string]bool{}}
	a := newApp(t)
	g.register("app", a.callbacks("op"))
	a.uses("op", g.oidc("app", k, nil, nil))
	pages := service{subject: "ada", allow: func(b browser) { b.(*tab).allowGlewlwyd() }}
	pages.tour(t, a, "op", surfing)
}

// allowGlewlwyd is what a person does in its pages, which are scripts.
func (b *tab) allowGlewlwyd() {
	b.t.Helper()
	b.wait("#username")
	b.fill("#username", "ada")
	b.fill("#password", "ada's password")
	b.do(chromedp.Click(chromedp.CSS("button[type=submit]")))
	b.wait(".btn-success")
	if b.has("#grant-profile") { // the first time
		b.do(chromedp.Click(chromedp.CSS("#grant-profile")), chromedp.Click(chromedp.CSS(".card-body .btn-primary")))
		b.do(chromedp.WaitNotPresent(chromedp.CSS("#grant-profile")))
	}
	b.press(".btn-success")
}
