//go:build unix

package interop_test

import (
	"testing"

	"github.com/gopassport/passport"
)

// browser is what a tour needs: a visitor, or a tab of Chromium.
type browser interface {
	goTo(address string)
	click(id string, fields ...string) // presses the button with an id, with fields filled in before
	read(id string) string             // what stands in the element with an id; "" where there is none
	has(selector string) bool          // whether there is an element: #id or [name=…]
	where() string                     // the address
	arrive(prefix string)              // waits for a page whose address has a prefix, where scripts lead there
}

func (v *visitor) goTo(address string)               { v.t.Helper(); v.open(address) }
func (v *visitor) click(id string, fields ...string) { v.t.Helper(); v.press(id, fields...) }
func (v *visitor) read(id string) string             { return v.textAt(id) }
func (v *visitor) where() string                     { return v.at.String() }
func (v *visitor) arrive(string)                     {} // it is there

// service is a provider's pages, as a person uses them.
type service struct {
	allow   func(b browser) // says yes to all that is asked, having logged in where needed
	cancel  func(b browser) // says no; nil where the pages have no such button
	subject string          // who the person is to the application
}

// tour is what every strategy has to do at every provider: log somebody in, connect an
// account without a change of the login, and take no for an answer.
func (s service) tour(t *testing.T, a *app, name string, newBrowser func(*testing.T) browser) {
	t.Helper()
	t.Run("log in", func(t *testing.T) {
		b := newBrowser(t)
		b.goTo(a.URL + "/login/" + name)
		s.allow(b)
		b.arrive(a.URL)
		wantPage(t, a, b, s.subject, "")
	})
	t.Run("connect", func(t *testing.T) {
		b := newBrowser(t)
		b.goTo(a.URL + "/become/linus")
		b.click("connect-" + name)
		s.allow(b)
		b.arrive(a.URL)
		wantPage(t, a, b, "linus", s.subject)
		b.goTo(a.URL + "/")
		wantPage(t, a, b, "linus", "")
	})
	if s.cancel == nil {
		return
	}
	t.Run("cancel", func(t *testing.T) {
		b := newBrowser(t)
		b.goTo(a.URL + "/login/" + name)
		s.cancel(b)
		b.arrive(a.URL)
		if a.code() != passport.CodeDenied {
			t.Errorf("at %s: %v", b.where(), a.lastError())
		}
		b.goTo(a.URL + "/")
		wantPage(t, a, b, "nobody", "")
	})
}

func wantPage(t *testing.T, a *app, b browser, user, account string) {
	t.Helper()
	if b.read("user") != user || b.read("account") != account {
		t.Fatalf("at %s: user %q, account %q, want %q and %q; the last error is %v", b.where(), b.read("user"), b.read("account"), user, account, a.lastError())
	}
}
