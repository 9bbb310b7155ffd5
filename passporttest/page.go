package passporttest

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gopassport/passport/internal/htmlform"
)

// Page is what a browser shows in one tab. What is done on it gives another page and
// leaves this one as it is, as the Back button does.
type Page struct {
	URL    *url.URL // where it is; nil for a tab in which nothing was opened
	Status int      // 0 where no response came
	Header http.Header
	Body   string
	Hops   []Hop // the requests that led here, this page's last
	Err    error // of the network: the connection broke, say

	browser *Browser
	visit   visit
}

// Hop is one request on the way to a page, and what was answered.
type Hop struct {
	Method string
	URL    *url.URL
	Status int
	Header http.Header // of the answer
}

// Location is where a redirect leads; "" where the page is none.
func (p *Page) Location() string {
	switch p.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return p.Header.Get("Location")
	}
	return ""
}

// policy is what the page wants said about it.
func (p *Page) policy() string { return p.Header.Get("Referrer-Policy") }

// Next follows the redirect that the page is, for a browser that is Manual.
func (p *Page) Next() *Page {
	p.browser.t.Helper()
	if p.Location() == "" {
		p.browser.t.Fatalf("passporttest: Page.Next: %s is no redirect: %d %s", p.URL, p.Status, p.Body)
	}
	return p.browser.run(p.visit.redirected(p.Status, p.browser.parse(p.URL, p.Location())))
}

// Follow opens a link on this page.
func (p *Page) Follow(href string) *Page {
	p.browser.t.Helper()
	return p.get(href)
}

// Reload asks for the page again, with the method and the form of the last request.
func (p *Page) Reload() *Page {
	p.browser.t.Helper()
	return p.browser.run(p.visit)
}

// Post sends a form that leads to an address.
func (p *Page) Post(action string, form url.Values) *Page {
	p.browser.t.Helper()
	return p.post(p.browser.parse(p.URL, action), form.Encode(), "application/x-www-form-urlencoded")
}

// Fetch is a script's request, without a body, that follows no redirect:
// fetch(address, {method, headers: {Accept: accept}, credentials: "include", redirect:
// "manual"}). Accept "" is */*.
func (p *Page) Fetch(method, address, accept string) *Page {
	p.browser.t.Helper()
	return p.browser.run(visit{method: method, url: p.browser.parse(p.URL, address), from: p, fetch: true, accept: accept})
}

// FetchJSON is Fetch with a body, which is any value that encoding/json takes: headers:
// {"Content-Type": "application/json"}, body: JSON.stringify(body). Accept is */*. It fails
// the test where the value cannot be JSON.
func (p *Page) FetchJSON(method, address string, body any) *Page {
	p.browser.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		p.browser.t.Fatalf("passporttest: Page.FetchJSON: this is no JSON: %v", err)
	}
	return p.browser.run(visit{
		method: method, url: p.browser.parse(p.URL, address), from: p, fetch: true,
		body: string(text), media: "application/json",
	})
}

// Submit fills in a form of the page and sends it as a browser does: the first form that
// has all of the fields, but those that are disabled. Fields that are not named keep their
// values; one that is named without values is left out. A button is named as a field is,
// and then is the one that sends the form; without one, no button is among what is sent.
// Files cannot be chosen.
//
// It fails the test where there is no such form.
func (p *Page) Submit(fields url.Values) *Page {
	p.browser.t.Helper()
	f, ok := p.form(slices.Collect(maps.Keys(fields))...)
	if !ok {
		p.browser.t.Fatalf("passporttest: Page.Submit: there is no form with these fields at %s: %d, Content-Type %q: %s", p.URL, p.Status, p.Header.Get("Content-Type"), p.Body)
	}
	return p.send(f, fields)
}

// Allow says yes on a page of a provider: who is logged in there, else the first of its
// people, lets the application see who it is. It fails the test where the page is none of
// a provider's that asks ([ProviderConfig].Consent).
func (p *Page) Allow() *Page { return p.decide("allow", "") }

// AllowAs is Allow as one of the provider's people, by the sub, whoever is logged in there.
// At a sub that the provider does not know it ends on the provider's page, with status 400.
func (p *Page) AllowAs(sub string) *Page { return p.decide("allow", sub) }

// Deny says no on a page of a provider. It fails the test where Allow does.
func (p *Page) Deny() *Page { return p.decide("deny", "") }

// decide walks the provider's pages to their end.
func (p *Page) decide(decision, sub string) *Page {
	p.browser.t.Helper()
	f, ok := p.form("question", "sub")
	if !ok {
		p.browser.t.Fatalf("passporttest: Page: this is no page of a provider; is ProviderConfig.Consent (or OAuth1Config.Consent) set? %s: %d %s", p.URL, p.Status, p.Body)
	}
	answer := url.Values{}
	if sub != "" {
		answer.Set("sub", sub)
	}
	if strings.HasSuffix(f.Action(), string(loginPage)) {
		p = p.send(f, answer)
		if f, ok = p.form("question"); !ok {
			return p
		}
	}
	answer.Set("decision", decision)
	return p.send(f, answer)
}

func (p *Page) post(to *url.URL, body, media string) *Page {
	p.browser.t.Helper()
	return p.submitted(p.browser.run(visit{method: http.MethodPost, url: to, from: p, body: body, media: media}))
}

func (p *Page) get(href string) *Page {
	p.browser.t.Helper()
	return p.submitted(p.browser.run(visit{method: http.MethodGet, url: p.browser.parse(p.URL, href), from: p}))
}

// submitted sends the form of a page that sends itself, as the answer by form_post does.
func (p *Page) submitted(next *Page) *Page {
	p.browser.t.Helper()
	if p.browser.Manual || !strings.Contains(next.Body, "document.forms[0].submit()") {
		return next
	}
	if f, ok := next.form(); ok {
		hops := next.Hops
		next = next.send(f, nil)
		next.Hops = append(hops, next.Hops...)
	}
	return next
}

// send fills in a form and sends it.
func (p *Page) send(f htmlform.Form, values url.Values) *Page {
	p.browser.t.Helper()
	filled := f.Fill(values)
	to := *p.browser.parse(p.browser.parse(p.URL, filled.Base), filled.Action)
	if filled.Method == http.MethodPost {
		body, media := filled.Body()
		return p.post(&to, body, media)
	}
	to.RawQuery = filled.Values.Encode()
	return p.get(to.String())
}

// form finds the first form that has all of the fields.
func (p *Page) form(names ...string) (found htmlform.Form, ok bool) {
	p.browser.t.Helper()
	if !strings.Contains(p.Header.Get("Content-Type"), "html") {
		return found, false
	}
	forms, err := htmlform.Read(p.Body)
	if err != nil {
		p.browser.t.Fatalf("passporttest: Page: %s cannot be read: %v", p.URL, err)
	}
	i := slices.IndexFunc(forms, func(f htmlform.Form) bool { return f.Has(names...) })
	if i < 0 {
		return found, false
	}
	return forms[i], true
}
