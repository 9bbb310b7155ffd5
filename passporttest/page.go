package passporttest

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
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
	return p.submitted(p.browser.run(visit{
		method: http.MethodPost, url: p.browser.parse(p.URL, action), from: p,
		body: form.Encode(), media: "application/x-www-form-urlencoded",
	}))
}

// Fetch is a script's request, without a body, that follows no redirect:
// fetch(address, {method, headers: {Accept: accept}, credentials: "include", redirect:
// "manual"}). Accept "" is */*.
func (p *Page) Fetch(method, address, accept string) *Page {
	p.browser.t.Helper()
	return p.browser.run(visit{method: method, url: p.browser.parse(p.URL, address), from: p, fetch: true, accept: accept})
}

// Submit fills in the first form of the page and sends it. Fields that are not named
// keep their values.
func (p *Page) Submit(values url.Values) *Page {
	p.browser.t.Helper()
	f, ok := p.form("")
	if !ok {
		p.browser.t.Fatalf("passporttest: Page.Submit: there is no form at %s: %d %s", p.URL, p.Status, p.Body)
	}
	return p.send(f, values)
}

// Allow says yes on a page of a provider: to be the first of the people there, to let the
// application see who it is.
func (p *Page) Allow() *Page { return p.decide("allow", "") }

// AllowAs is Allow as somebody else than the first, by the sub.
func (p *Page) AllowAs(sub string) *Page { return p.decide("allow", sub) }

// Deny says no on a consent page of a provider.
func (p *Page) Deny() *Page { return p.decide("deny", "") }

// decide walks the provider's pages to their end.
func (p *Page) decide(decision, sub string) *Page {
	p.browser.t.Helper()
	f, ok := p.form("question")
	if !ok {
		p.browser.t.Fatalf("passporttest: Page: this is no page of a provider: %s: %d %s", p.URL, p.Status, p.Body)
	}
	if strings.HasSuffix(f.action, string(loginPage)) {
		values := url.Values{}
		if sub != "" {
			values.Set("sub", sub)
		}
		p = p.send(f, values)
		if f, ok = p.form("question"); !ok {
			return p
		}
	}
	return p.send(f, url.Values{"decision": {decision}})
}

func (p *Page) get(href string) *Page {
	p.browser.t.Helper()
	return p.submitted(p.browser.run(visit{method: http.MethodGet, url: p.browser.parse(p.URL, href), from: p}))
}

// submitted sends the form of a page that sends itself, as the answer by form_post does.
func (p *Page) submitted(next *Page) *Page {
	p.browser.t.Helper()
	if f, ok := next.form(""); ok && !p.browser.Manual && strings.Contains(next.Body, "document.forms[0].submit()") {
		hops := next.Hops
		next = next.send(f, nil)
		next.Hops = append(hops, next.Hops...)
	}
	return next
}

// form is what there is to send on a page.
type form struct {
	method, action string
	values         url.Values
}

func (p *Page) send(f form, values url.Values) *Page {
	p.browser.t.Helper()
	for name, value := range values {
		f.values[name] = value
	}
	if f.method == http.MethodPost {
		return p.Post(f.action, f.values)
	}
	action := p.browser.parse(p.URL, f.action)
	action.RawQuery = f.values.Encode()
	return p.get(action.String())
}

// form finds the first form that has a field; "" for any. Simple pages are read by simple
// means: attributes in double quotes, no nesting. The module has no HTML parser.
func (p *Page) form(field string) (f form, ok bool) {
	if !strings.Contains(p.Header.Get("Content-Type"), "html") {
		return f, false
	}
	for _, match := range regexp.MustCompile(`(?is)<form\b([^>]*)>(.*?)</form>`).FindAllStringSubmatch(p.Body, -1) {
		action, _ := attr(match[1], "action")
		if action == "" {
			action = p.URL.String()
		}
		method, _ := attr(match[1], "method")
		f = form{strings.ToUpper(method), action, fields(match[2])}
		if f.method == "" {
			f.method = http.MethodGet
		}
		if field == "" || f.values.Has(field) {
			return f, true
		}
	}
	return form{}, false
}

// fields reads the inputs of a form: what would be sent if nothing were changed.
func fields(body string) url.Values {
	values := url.Values{}
	for _, input := range regexp.MustCompile(`(?is)<(?:input|textarea)\b([^>]*)>`).FindAllStringSubmatch(body, -1) {
		name, named := attr(input[1], "name")
		value, _ := attr(input[1], "value")
		kind, _ := attr(input[1], "type")
		choice := kind == "radio" || kind == "checkbox"
		if named && kind != "submit" && (!choice || regexp.MustCompile(`\bchecked\b`).MatchString(input[1])) {
			values.Add(name, value)
		}
	}
	return values
}

func attr(tag, name string) (value string, ok bool) {
	match := regexp.MustCompile(`(?i)(?:^|\s)` + name + `="([^"]*)"`).FindStringSubmatch(tag)
	if match == nil {
		return "", false
	}
	return html.UnescapeString(match[1]), true
}
