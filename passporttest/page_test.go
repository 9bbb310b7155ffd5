package passporttest_test

import (
	"strings"
	"testing"

	"github.com/gopassport/passport/passporttest"
)

func TestSomebodyElseSaysYesWhereSomebodyIsLoggedIn(t *testing.T) {
	provider := passporttest.NewProvider(t, passporttest.ProviderConfig{Consent: true})
	browser, _ := newSite(t, viaGoth(provider))
	browser.Follow(app + "/connect").Deny()
	for _, c := range []struct{ sub, want string }{
		{"1002", "account 1002"},
		{"1001", "account 1001"},
		{"1002", "account 1002"},
	} {
		page := browser.Follow(app + "/connect")
		if strings.Contains(page.Body, "Log in") {
			t.Fatalf("nobody is logged in at the provider: %s", page.Body)
		}
		if page = page.AllowAs(c.sub); page.Body != c.want {
			t.Errorf("as %s: %d %s", c.sub, page.Status, page.Body)
		}
	}
}

func TestNobodySaysYesAsAStranger(t *testing.T) {
	provider := passporttest.NewProvider(t, passporttest.ProviderConfig{Consent: true})
	browser, _ := newSite(t, viaGoth(provider))
	for _, name := range []string{"at the log-in", "at the consent"} {
		if page := browser.Follow(app + "/connect").AllowAs("nobody"); page.Status != 400 || !strings.HasPrefix(page.URL.String(), provider.URL) {
			t.Errorf("%s: %s %d %s", name, page.URL, page.Status, page.Body)
		}
		browser.Follow(app + "/connect").Deny()
	}
	if got := complains(t, func(tb testing.TB) {
		shows(tb, `<form action="/consent"><input name="question"><button name="decision" value="allow">x</button></form>`).AllowAs("1002")
	}); !strings.Contains(got, "who it is cannot be chosen") {
		t.Errorf("on a page without a sub: %s", got)
	}
}

func TestAPageThatIsNoneOfAProviderSaysWhyThereMayBeNone(t *testing.T) {
	for name, do := range map[string]func(*passporttest.Page){
		"yes":                  func(p *passporttest.Page) { p.Allow() },
		"yes by somebody else": func(p *passporttest.Page) { p.AllowAs("1002") },
		"no":                   func(p *passporttest.Page) { p.Deny() },
	} {
		if got := complains(t, func(tb testing.TB) {
			do(shows(tb, `<p>account 1001</p>`))
		}); !strings.Contains(got, "no page of a provider") || !strings.Contains(got, "ProviderConfig.Consent") {
			t.Errorf("%s: %s", name, got)
		}
	}
}
