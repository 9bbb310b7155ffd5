//go:build unix

package interop_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// visitor does what a browser does with pages without scripts: it keeps cookies, follows
// redirects, presses buttons, and says in Sec-Fetch-Site where a request comes from. A
// form that a page sends off by itself is sent, as its script would.
type visitor struct {
	t      *testing.T
	client *http.Client
	at     *url.URL // the page that is shown
	status int
	page   *html.Node
	seen   []string // the addresses of this navigation, in order
	before string   // it stops before an address with this prefix, which is the last one seen
}

func newVisitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	last := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &visitor{t: t, client: &http.Client{Jar: jar, CheckRedirect: last, Timeout: 20 * time.Second}}
}

// open goes to an address as if it was typed.
func (v *visitor) open(address string) *visitor {
	v.t.Helper()
	v.at = nil
	return v.load(http.MethodGet, address, nil)
}

// visit goes to an address from the page that is shown.
func (v *visitor) visit(address string) *visitor {
	v.t.Helper()
	return v.load(http.MethodGet, address, nil)
}

// press presses the button with an id, after the fields of its form were filled in.
func (v *visitor) press(id string, fields ...string) *visitor {
	v.t.Helper()
	button := find(v.page, func(n *html.Node) bool { return attr(n, "id") == id })
	if button == nil {
		v.t.Fatalf("no button %q at %v, %d: %s", id, v.at, v.status, v.text())
	}
	return v.submit(button, fields...)
}

// submit sends the form of a button, or the form itself.
func (v *visitor) submit(button *html.Node, fields ...string) *visitor {
	v.t.Helper()
	form := button
	for form.Data != "form" {
		if form = form.Parent; form == nil {
			v.t.Fatalf("the button has no form, at %v", v.at)
		}
	}
	values := url.Values{}
	for n := range form.Descendants() {
		if name := attr(n, "name"); name != "" && (n.Data == "input" || n == button) {
			values.Add(name, attr(n, "value"))
		}
	}
	for i := 0; i+1 < len(fields); i += 2 {
		if !values.Has(fields[i]) {
			v.t.Fatalf("no field %q at %v", fields[i], v.at)
		}
		values.Set(fields[i], fields[i+1])
	}
	action, err := v.at.Parse(attr(form, "action"))
	if err != nil {
		v.t.Fatal(err)
	}
	method := strings.ToUpper(attr(form, "method"))
	if method == http.MethodPost {
		return v.load(method, action.String(), values)
	}
	action.RawQuery = values.Encode()
	return v.load(http.MethodGet, action.String(), nil)
}

// load sends a navigation and follows where it leads.
func (v *visitor) load(method, address string, form url.Values) *visitor {
	v.t.Helper()
	v.seen = nil
	site := "none"
	if v.at != nil {
		site = "same-origin"
	}
	for range 20 {
		u, err := url.Parse(address)
		if err != nil {
			v.t.Fatal(err)
		}
		if v.at != nil && u.Host != v.at.Host {
			site = "cross-site"
		}
		v.seen = append(v.seen, address)
		if v.before != "" && strings.HasPrefix(address, v.before) {
			return v
		}
		response := v.send(method, u, form, site)
		if response.StatusCode < 300 || response.StatusCode > 399 {
			v.show(u, response)
			return v.sendOff()
		}
		next, err := response.Location()
		if err != nil {
			v.t.Fatal(err)
		}
		method, form, address = http.MethodGet, nil, next.String()
		response.Body.Close()
	}
	v.t.Fatalf("the redirects do not end: %q", v.seen)
	return v
}

// send sends one request of a navigation.
func (v *visitor) send(method string, u *url.URL, form url.Values, site string) *http.Response {
	v.t.Helper()
	request, err := http.NewRequestWithContext(v.t.Context(), method, u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Accept":         "text/html,application/xhtml+xml,*/*;q=0.8",
		"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-User": "?1",
	} {
		request.Header.Set(name, value)
	}
	client := *v.client
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if site == "cross-site" {
			client.Jar = answersOnly{v.client.Jar} // cookies that are Lax stay at home
		}
	}
	response, err := client.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	return response
}

// answersOnly keeps cookies and sends none.
type answersOnly struct{ http.CookieJar }

func (answersOnly) Cookies(*url.URL) []*http.Cookie { return nil }

func (v *visitor) show(at *url.URL, response *http.Response) {
	v.t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	if v.page, err = html.Parse(strings.NewReader(string(body))); err != nil {
		v.t.Fatal(err)
	}
	v.at, v.status = at, response.StatusCode
}

// sendOff sends a form that the page's own script sends, if there is one.
func (v *visitor) sendOff() *visitor {
	v.t.Helper()
	script := find(v.page, func(n *html.Node) bool {
		return n.Data == "script" && strings.Contains(rawText(n), ".submit()") || strings.Contains(attr(n, "onload"), ".submit()")
	})
	form := find(v.page, func(n *html.Node) bool { return n.Data == "form" })
	if script == nil || form == nil {
		return v
	}
	seen := v.seen
	v.submit(form)
	v.seen = append(seen, v.seen...)
	return v
}

// text is what a person reads in the page.
func (v *visitor) text() string { return textOf(v.page) }

// textAt is what a person reads in the element with an id.
func (v *visitor) textAt(id string) string {
	n := find(v.page, func(n *html.Node) bool { return attr(n, "id") == id })
	if n == nil {
		return ""
	}
	return textOf(n)
}

func find(page *html.Node, matches func(*html.Node) bool) *html.Node {
	for n := range page.Descendants() {
		if n.Type == html.ElementNode && matches(n) {
			return n
		}
	}
	return nil
}

func rawText(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

func textOf(n *html.Node) string { return strings.Join(strings.Fields(rawText(n)), " ") }

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func byName(name string) func(*html.Node) bool {
	return func(n *html.Node) bool { return attr(n, "name") == name }
}

// has tells whether there is an element: [name=NAME], or an id.
func (v *visitor) has(selector string) bool {
	if name, ok := strings.CutPrefix(strings.TrimSuffix(selector, "]"), "[name="); ok {
		return find(v.page, byName(name)) != nil
	}
	return find(v.page, func(n *html.Node) bool { return "#"+attr(n, "id") == selector }) != nil
}
