package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// browser does what a browser does with pages without scripts: it keeps
// cookies, follows redirects, links and forms, and says in Sec-Fetch-Site where
// a request comes from.
type browser struct {
	t      *testing.T
	client *http.Client
	at     *url.URL // the page that is shown
	status int
	header http.Header
	page   *html.Node
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	noRedirects := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{t: t, client: &http.Client{Jar: jar, CheckRedirect: noRedirects}}
}

// open goes to an address as if it was typed.
func (b *browser) open(address string) *browser {
	b.t.Helper()
	b.at = nil
	return b.load(http.MethodGet, address, nil)
}

// follow goes where the link with an id leads.
func (b *browser) follow(id string) *browser {
	b.t.Helper()
	return b.load(http.MethodGet, b.link(id), nil)
}

// link is where the link with an id leads.
func (b *browser) link(id string) string {
	b.t.Helper()
	link := b.find(func(n *html.Node) bool { return attr(n, "id") == id })
	require.NotNil(b.t, link, "no link #%s in %s", id, b.text())
	return b.resolve(attr(link, "href"))
}

// press presses the button with an id, or with a name=value, after the fields
// of its form were filled in.
func (b *browser) press(button string, fields ...string) *browser {
	b.t.Helper()
	method, address, form := b.form(button, fields...)
	return b.load(method, address, form)
}

// form is what a button would send.
func (b *browser) form(button string, fields ...string) (method, address string, values url.Values) {
	b.t.Helper()
	pressed := b.find(func(n *html.Node) bool {
		return n.Data == "button" && (attr(n, "id") == button || attr(n, "name")+"="+attr(n, "value") == button)
	})
	require.NotNil(b.t, pressed, "no button %s in %s", button, b.text())
	form := pressed
	for form.Data != "form" {
		form = form.Parent
	}
	values = url.Values{}
	for n := range form.Descendants() {
		if name := attr(n, "name"); name != "" && (n.Data == "input" || n == pressed) {
			values.Set(name, attr(n, "value"))
		}
	}
	for i := 0; i < len(fields); i += 2 {
		require.Contains(b.t, values, fields[i])
		values.Set(fields[i], fields[i+1])
	}
	return strings.ToUpper(attr(form, "method")), b.resolve(attr(form, "action")), values
}

// load sends a navigation and follows its redirects.
func (b *browser) load(method, address string, form url.Values) *browser {
	b.t.Helper()
	site := "none"
	if b.at != nil {
		site = "same-origin"
	}
	for range 20 {
		u, err := url.Parse(address)
		require.NoError(b.t, err)
		if b.at != nil && u.Host != b.at.Host {
			site = "cross-site"
		}
		response := b.send(method, address, form, site)
		if response.StatusCode < 300 || response.StatusCode > 399 {
			b.show(u, response)
			return b
		}
		next, err := response.Location()
		require.NoError(b.t, err)
		method, form, address = http.MethodGet, nil, next.String()
		response.Body.Close()
	}
	b.t.Fatal("the redirects do not end")
	return b
}

// send sends one request of a navigation.
func (b *browser) send(method, address string, form url.Values, site string) *http.Response {
	b.t.Helper()
	request, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	for name, value := range map[string]string{
		"Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
		// Sent by browsers to addresses that they trust; loopback is one.
		"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-User": "?1",
	} {
		request.Header.Set(name, value)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := b.client.Do(request)
	require.NoError(b.t, err)
	return response
}

func (b *browser) show(at *url.URL, response *http.Response) {
	b.t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(b.t, err)
	b.page, err = html.Parse(strings.NewReader(string(body)))
	require.NoError(b.t, err)
	b.at, b.status, b.header = at, response.StatusCode, response.Header
}

func (b *browser) resolve(reference string) string {
	b.t.Helper()
	u, err := b.at.Parse(reference)
	require.NoError(b.t, err)
	return u.String()
}

func (b *browser) find(matches func(*html.Node) bool) *html.Node {
	for n := range b.page.Descendants() {
		if n.Type == html.ElementNode && matches(n) {
			return n
		}
	}
	return nil
}

// has tells whether the page has an element with an id.
func (b *browser) has(id string) bool {
	return b.find(func(n *html.Node) bool { return attr(n, "id") == id }) != nil
}

// text is what a person reads in the main part of the page.
func (b *browser) text() string {
	return textOf(b.find(func(n *html.Node) bool { return n.Data == "main" }))
}

// textAt is what a person reads in the element with an id.
func (b *browser) textAt(id string) string {
	return textOf(b.find(func(n *html.Node) bool { return attr(n, "id") == id }))
}

// messages are what the page tells about what was just done.
func (b *browser) messages() (all []string) {
	for n := range b.page.Descendants() {
		if role := attr(n, "role"); role == "alert" || role == "status" {
			all = append(all, textOf(n))
		}
	}
	return all
}

func textOf(n *html.Node) string {
	if n == nil {
		return ""
	}
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
