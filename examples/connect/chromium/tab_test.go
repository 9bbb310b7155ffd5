package chromium_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tab is a tab of a browser. What it does is done when the next page is there.
type tab struct {
	w   *world
	ctx context.Context

	mu       sync.Mutex
	requests []string // the addresses that were asked for, redirects among them
	console  []string // what the browser complained about
}

// newBrowser opens the first tab of a browser that nobody has used. The test
// fails if the browser has a complaint in the end, such as a violation of the
// Content-Security-Policy.
func (w *world) newBrowser() *tab {
	w.t.Helper()
	return w.openTab(w.ctx, chromedp.WithNewBrowserContext()).silent()
}

// newTab opens another tab of the same browser.
func (b *tab) newTab() *tab {
	b.w.t.Helper()
	return b.foreignTab().silent()
}

// foreignTab is a tab for the pages of others, which may do what browsers
// complain about.
func (b *tab) foreignTab() *tab {
	b.w.t.Helper()
	return b.w.openTab(b.ctx)
}

func (w *world) openTab(parent context.Context, options ...chromedp.ContextOption) *tab {
	w.t.Helper()
	b := &tab{w: w}
	ctx, closeTab := chromedp.NewContext(parent, append(options, chromedp.WithListener(b.hear))...)
	w.t.Cleanup(closeTab)
	b.ctx = ctx
	return b.do()
}

// hear notes what the browser tells.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *log.EventEntryAdded:
		icon := strings.HasSuffix(e.Entry.URL, "/favicon.ico") // which the browser asks for, not the page
		if !icon && (e.Entry.Level == log.EntryLevelWarning || e.Entry.Level == log.EntryLevelError) {
			b.console = append(b.console, fmt.Sprintf("%s: %s (%s)", e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventConsoleAPICalled, *runtime.EventExceptionThrown:
		b.console = append(b.console, fmt.Sprintf("%+v", e))
	}
}

func (b *tab) silent() *tab {
	b.w.t.Cleanup(func() { assert.Empty(b.w.t, b.complaints()) })
	return b
}

func (b *tab) complaints() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.console, "\n")
}

// askedFor is the last address with a prefix that the tab asked for, or "".
func (b *tab) askedFor(prefix string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, address := range slices.Backward(b.requests) {
		if strings.HasPrefix(address, prefix) {
			return address
		}
	}
	return ""
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) *tab {
	b.w.t.Helper()
	require.NoError(b.w.t, chromedp.Do(b.ctx, steps...), "after %s", b.askedFor("http"))
	return b
}

// read evaluates a script: not as part of the page, so that its policy does
// not apply.
func read[T any](b *tab, script string, args ...any) T {
	b.w.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](fmt.Sprintf(script, args...)))
	require.NoError(b.w.t, err)
	return value
}

// open goes to an address as if it was typed. Without a host it is one of the
// program's.
func (b *tab) open(address string) *tab {
	b.w.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.w.url + address
	}
	return b.do(chromedp.Navigate(address))
}

// fill puts a text into an empty field.
func (b *tab) fill(selector, text string) *tab {
	b.w.t.Helper()
	b.do(chromedp.Focus(chromedp.CSS(selector)))
	_, err := chromedp.Call(b.ctx, input.InsertText, input.InsertTextParams{Text: text})
	require.NoError(b.w.t, err)
	return b
}

// press presses a link or a button that leads to another page.
func (b *tab) press(selector string) *tab {
	b.w.t.Helper()
	require.True(b.w.t, read[bool](b, "document.querySelector(%q) !== null", selector), "no %s at %s", selector, b.at())
	_, err := chromedp.RunResponse(b.ctx, chromedp.Click(chromedp.CSS(selector)))
	require.NoError(b.w.t, err, "press %s", selector)
	return b
}

// back presses the browser's back button. A page that the browser still has in
// memory does not load again, so that there is no load to wait for.
func (b *tab) back() *tab {
	b.w.t.Helper()
	_, err := chromedp.Run(b.ctx, chromedp.WaitEvent(page.FrameNavigated, nil, chromedp.Evaluate[chromedp.Void]("setTimeout(() => history.back())")))
	require.NoError(b.w.t, err)
	return b.do(chromedp.WaitReady(chromedp.CSS("main")))
}

// at is the address of the page, without a query; of the program's pages, the
// path alone.
func (b *tab) at() string {
	b.w.t.Helper()
	return strings.TrimPrefix(read[string](b, "location.origin + location.pathname"), b.w.url)
}

// text is what a person reads there.
func (b *tab) text(selector string) string {
	b.w.t.Helper()
	return read[string](b, `document.querySelector(%q)?.innerText ?? ""`, selector)
}

// messages are what the page tells about what was just done.
func (b *tab) messages() []string {
	b.w.t.Helper()
	return read[[]string](b, `[...document.querySelectorAll("[role=alert], [role=status]")].map(e => e.innerText)`)
}

// accounts are those that the settings list, such as github-1001.
func (b *tab) accounts() []string {
	b.w.t.Helper()
	require.Equal(b.w.t, "/settings", b.at())
	return read[[]string](b, `[...document.querySelectorAll("#accounts > li")].map(e => e.id.replace("account-", ""))`)
}

// login is the cookie that keeps the login, with all its attributes, and flows
// are those of what has begun and not ended.
func (b *tab) login() *network.Cookie {
	b.w.t.Helper()
	login := b.cookies("passport-login-")
	if len(login) == 0 {
		return nil
	}
	require.Len(b.w.t, login, 1)
	return login[0]
}

func (b *tab) flows() []*network.Cookie {
	b.w.t.Helper()
	return b.cookies("passport-flow-")
}

func (b *tab) cookies(prefix string) []*network.Cookie {
	b.w.t.Helper()
	all, err := chromedp.Call(b.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{b.w.url}})
	require.NoError(b.w.t, err)
	return slices.DeleteFunc(all.Cookies, func(c *network.Cookie) bool { return !strings.HasPrefix(c.Name, prefix) })
}

// choose goes where the identity service asks who one is; be is the answer, and
// allow says yes as that person.
func (b *tab) choose() *tab {
	b.w.t.Helper()
	if b.at() == b.w.identity+"/consent" { // it knows a person from the last time
		b.press("#other")
	}
	require.Equal(b.w.t, b.w.identity+"/choose", b.at())
	return b
}

func (b *tab) be(person string) *tab {
	b.w.t.Helper()
	return b.choose().press("[name=person][value=" + person + "]")
}

func (b *tab) allow(person string) *tab {
	b.w.t.Helper()
	return b.be(person).press("#allow")
}
