package passporttest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gopassport/passport/passporttest"
)

// echo answers with what came: METHOD HEADER=VALUE …, for the headers that matter here.
func echo(w http.ResponseWriter, r *http.Request) {
	if to := r.URL.Query().Get("to"); to != "" {
		status := http.StatusFound
		if r.URL.Query().Has("307") {
			status = http.StatusTemporaryRedirect
		}
		http.Redirect(w, r, to, status)
		return
	}
	for _, c := range r.URL.Query()["set"] {
		w.Header().Add("Set-Cookie", c)
	}
	w.Header().Set("Referrer-Policy", r.URL.Query().Get("policy"))
	r.ParseForm()
	fmt.Fprint(w, r.Method)
	for _, name := range []string{"Sec-Fetch-Site", "Sec-Fetch-Mode", "Origin", "Referer", "Cookie"} {
		if v := r.Header.Get(name); v != "" {
			fmt.Fprintf(w, " %s=%s", name, v)
		}
	}
	if len(r.PostForm) > 0 {
		fmt.Fprint(w, " form:", r.PostForm.Encode())
	}
}

const (
	sister = "https://www.app.example"
	evil   = "https://evil.example"
	plain  = "http://plain.example"
)

func newEcho(t *testing.T) *passporttest.Browser {
	b := passporttest.NewBrowser(t)
	for _, at := range []string{app, sister, evil, plain, "https://app.example:8443"} {
		b.Serve(at, http.HandlerFunc(echo))
	}
	return b
}

func TestTheBrowserSaysWhereARequestComesFrom(t *testing.T) {
	form := url.Values{"a": {"b"}}
	for name, c := range map[string]struct {
		do   func(b *passporttest.Browser) *passporttest.Page
		want string
	}{
		"typed":                          {func(b *passporttest.Browser) *passporttest.Page { return b.Open(app + "/") }, "GET Sec-Fetch-Site=none Sec-Fetch-Mode=navigate"},
		"typed, by way of another site":  {func(b *passporttest.Browser) *passporttest.Page { return b.Open(evil + "/?to=" + app + "/") }, "GET Sec-Fetch-Site=none Sec-Fetch-Mode=navigate"},
		"a link of the application":      {func(b *passporttest.Browser) *passporttest.Page { return b.Follow(app + "/x") }, "GET Sec-Fetch-Site=same-origin Sec-Fetch-Mode=navigate Referer=https://app.example/"},
		"a link of a page, with a query": {func(b *passporttest.Browser) *passporttest.Page { return b.From(app + "/p?q=1#f").Follow("/x") }, "GET Sec-Fetch-Site=same-origin Sec-Fetch-Mode=navigate Referer=https://app.example/p?q=1"},
		"a link of a sister site":        {func(b *passporttest.Browser) *passporttest.Page { return b.From(sister + "/s?q").Follow(app + "/") }, "GET Sec-Fetch-Site=same-site Sec-Fetch-Mode=navigate Referer=https://www.app.example/"},
		"a link of another port": {func(b *passporttest.Browser) *passporttest.Page {
			return b.From("https://app.example:8443/").Follow(app + "/")
		}, "GET Sec-Fetch-Site=same-site Sec-Fetch-Mode=navigate Referer=https://app.example:8443/"},
		"a link of another site": {func(b *passporttest.Browser) *passporttest.Page { return b.From(evil + "/s?q").Follow(app + "/") }, "GET Sec-Fetch-Site=cross-site Sec-Fetch-Mode=navigate Referer=https://evil.example/"},
		"a link by way of another site": {func(b *passporttest.Browser) *passporttest.Page {
			return b.Follow(app + "/?to=" + url.QueryEscape(evil+"/?to="+app+"/"))
		}, "GET Sec-Fetch-Site=cross-site Sec-Fetch-Mode=navigate Referer=https://app.example/"},
		"and on by the application": {func(b *passporttest.Browser) *passporttest.Page {
			return b.Follow(app + "/?to=" + url.QueryEscape(evil+"/?to="+url.QueryEscape(app+"/?to=/end")))
		}, "GET Sec-Fetch-Site=cross-site Sec-Fetch-Mode=navigate Referer=https://app.example/"},
		"a form of the application": {func(b *passporttest.Browser) *passporttest.Page { return b.From(app+"/").Post("/", form) }, "POST Sec-Fetch-Site=same-origin Sec-Fetch-Mode=navigate Origin=https://app.example Referer=https://app.example/ form:a=b"},
		"a form of another site":    {func(b *passporttest.Browser) *passporttest.Page { return b.From(evil+"/").Post(app+"/", form) }, "POST Sec-Fetch-Site=cross-site Sec-Fetch-Mode=navigate Origin=https://evil.example Referer=https://evil.example/ form:a=b"},
		"a form, redirected":        {func(b *passporttest.Browser) *passporttest.Page { return b.From(app+"/").Post("/?to=/y", form) }, "GET Sec-Fetch-Site=same-origin Sec-Fetch-Mode=navigate Referer=https://app.example/"},
		"a form, sent on":           {func(b *passporttest.Browser) *passporttest.Page { return b.From(app+"/").Post("/?307&to=/y", form) }, "POST Sec-Fetch-Site=same-origin Sec-Fetch-Mode=navigate Origin=https://app.example Referer=https://app.example/ form:a=b"},
		"a form, sent on by another site": {func(b *passporttest.Browser) *passporttest.Page {
			return b.From(app+"/").Post(evil+"/?307&to="+sister+"/", form)
		}, "POST Sec-Fetch-Site=cross-site Sec-Fetch-Mode=navigate Origin=null Referer=https://app.example/ form:a=b"},
		"a page that wants nothing said": {func(b *passporttest.Browser) *passporttest.Page {
			return b.Open(app+"/?policy=no-referrer").Post("/", form)
		}, "POST Sec-Fetch-Site=same-origin Sec-Fetch-Mode=navigate Origin=null form:a=b"},
		"a page that says nothing to others": {func(b *passporttest.Browser) *passporttest.Page {
			return b.Open(app + "/?policy=same-origin").Follow(evil + "/")
		}, "GET Sec-Fetch-Site=cross-site Sec-Fetch-Mode=navigate"},
		"a script":                             {func(b *passporttest.Browser) *passporttest.Page { return b.From(app+"/").Fetch("GET", "/", "") }, "GET Sec-Fetch-Site=same-origin Sec-Fetch-Mode=cors Referer=https://app.example/"},
		"a script of another site":             {func(b *passporttest.Browser) *passporttest.Page { return b.From(evil+"/").Fetch("GET", app+"/", "") }, "GET Sec-Fetch-Site=cross-site Sec-Fetch-Mode=cors Origin=https://evil.example Referer=https://evil.example/"},
		"plain http, which has no such header": {func(b *passporttest.Browser) *passporttest.Page { return b.From(app + "/").Follow(plain + "/") }, "GET"},
		"a form sent by plain http":            {func(b *passporttest.Browser) *passporttest.Page { return b.From(plain+"/").Post("/", form) }, "POST Origin=http://plain.example Referer=http://plain.example/ form:a=b"},
	} {
		if page := c.do(newEcho(t)); page.Body != c.want || page.Err != nil {
			t.Errorf("%s:\n%s %v, want\n%s", name, page.Body, page.Err, c.want)
		}
	}
}

func TestTheBrowserSendsTheCookiesThatABrowserSends(t *testing.T) {
	for name, c := range map[string]struct {
		set  string // by app
		from string // a page, "" for nobody's
		verb string
		to   string
		sent bool
	}{
		"a plain one":                             {"c=1", app, "GET", app, true},
		"typed, strict":                           {"c=1; SameSite=Strict", "", "GET", app, true},
		"lax, from a link elsewhere":              {"c=1; SameSite=Lax", evil, "GET", app, true},
		"lax, from a form elsewhere":              {"c=1; SameSite=Lax", evil, "POST", app, false},
		"lax, from a script elsewhere":            {"c=1; SameSite=Lax", evil, "FETCH", app, false},
		"strict, from a link elsewhere":           {"c=1; SameSite=Strict", evil, "GET", app, false},
		"strict, from a sister's form":            {"c=1; SameSite=Strict", sister, "POST", app, true},
		"none, from a form elsewhere":             {"c=1; SameSite=None; Secure", evil, "POST", app, true},
		"none without Secure":                     {"c=1; SameSite=None", app, "GET", app, false},
		"without SameSite, from a form elsewhere": {"c=1", evil, "POST", app, false},
		"to another site":                         {"c=1; SameSite=None; Secure", app, "GET", evil, false},
		"to a sister":                             {"c=1", app, "GET", sister, false},
		"to a sister, by Domain":                  {"c=1; Domain=app.example", app, "GET", sister, true},
		"of a domain that is not the host's":      {"c=1; Domain=evil.example", app, "GET", evil, false},
		"of all of .example":                      {"c=1; Domain=example", app, "GET", app, false},
		"to another port":                         {"c=1", app, "GET", "https://app.example:8443", true},
		"secure, by plain http":                   {"c=1; Secure; Domain=app.example", app, "GET", "http://www.app.example", false},
		"of a path":                               {"c=1; Path=/a", app, "GET", app + "/a/b", true},
		"of another path":                         {"c=1; Path=/a", app, "GET", app + "/ab", false},
		"a host's own":                            {"__Host-c=1; Path=/; Secure", app, "GET", app, true},
		"a host's own, with a domain":             {"__Host-c=1; Path=/; Secure; Domain=app.example", app, "GET", app, false},
		"a host's own, of a path":                 {"__Host-c=1; Path=/a; Secure", app, "GET", app + "/a", false},
		"a host's own, not secure":                {"__Host-c=1; Path=/", app, "GET", app, false},
		"a secure one by its name only":           {"__Secure-c=1", app, "GET", app, false},
		"one that is over":                        {"c=1; Max-Age=0", app, "GET", app, false},
		"one that was over yesterday":             {"c=1; Expires=Thu, 26 Nov 2015 00:00:00 GMT", app, "GET", app, false},
		"one that lasts":                          {"c=1; Max-Age=60", app, "GET", app, true},
	} {
		b := newEcho(t)
		b.Serve("http://www.app.example", http.HandlerFunc(echo))
		b.Open(app + "/?set=" + url.QueryEscape(c.set))
		page := b.From("")
		if c.from != "" {
			page = b.From(c.from + "/")
		}
		switch c.verb {
		case "GET":
			page = page.Follow(c.to)
		case "POST":
			page = page.Post(c.to, url.Values{})
		case "FETCH":
			page = page.Fetch("GET", c.to, "")
		}
		if page.Status != 200 || strings.Contains(page.Body, "c=1") != c.sent {
			t.Errorf("%s: %d %s", name, page.Status, page.Body)
		}
	}
}

func TestPlainHTTPSetsNoSecureCookie(t *testing.T) {
	b := newEcho(t)
	b.Open(plain + "/?set=" + url.QueryEscape("c=1; Secure; Domain=plain.example") + "&set=d=1")
	if got := names(b.Cookies("https://plain.example")); got != "d=1" {
		t.Errorf("%s", got)
	}
}

func TestACookieIsReplacedAndRemoved(t *testing.T) {
	b := newEcho(t)
	b.Open(app + "/?set=c=1&set=d=1&set=c=2")
	if got := names(b.Cookies(app)); got != "d=1 c=2" {
		t.Errorf("%s", got)
	}
	b.SetCookies(app, &http.Cookie{Name: "d", Path: "/", MaxAge: -1})
	if got := names(b.Cookies(app)); got != "c=2" {
		t.Errorf("%s", got)
	}
}

func names(cookies []*http.Cookie) string {
	var all []string
	for _, c := range cookies {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, " ")
}

func TestTheBrowserSendsForms(t *testing.T) {
	const page = `<form action="/search"><input name="q" value="a&amp;b"><input type="submit" name="go" value="x"></form>
<FORM method="POST" action="/post?to=%2F"><input type="hidden" name="token" value="t">
<input type="radio" name="who" value="ada" checked><input type="radio" name="who" value="grace">
<input type="checkbox" name="keep" value="1"><textarea name="note"></textarea></FORM>`
	b := passporttest.NewBrowser(t)
	b.Serve(app, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/page" {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, page)
			return
		}
		fmt.Fprint(w, r.Method, " ", r.URL, " ", string(body))
	}))
	first := b.Open(app + "/page")
	for name, c := range map[string]struct {
		fields url.Values
		want   string
	}{
		"the first, as it is":    {nil, "GET /search?q=a%26b "},
		"a field filled in":      {url.Values{"q": {"c d"}}, "GET /search?q=c+d "},
		"a button":               {url.Values{"go": {"x"}}, "GET /search?go=x&q=a%26b "},
		"the second, by a field": {url.Values{"note": {"n"}}, "POST /post?to=%2F note=n&token=t&who=ada"},
		"another choice":         {url.Values{"who": {"grace"}}, "POST /post?to=%2F note=&token=t&who=grace"},
		"a box that is ticked":   {url.Values{"keep": {"1"}}, "POST /post?to=%2F keep=1&note=&token=t&who=ada"},
		"two fields of one form": {url.Values{"keep": {"1"}, "token": {"u"}}, "POST /post?to=%2F keep=1&note=&token=u&who=ada"},
	} {
		if got := first.Submit(c.fields); got.Body != c.want {
			t.Errorf("%s: %s, want %s", name, got.Body, c.want)
		}
	}
	if got := complains(t, func(tb testing.TB) {
		b := passporttest.NewBrowser(tb)
		b.Serve(app, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, page)
		}))
		b.Open(app).Submit(url.Values{"q": nil, "keep": nil})
	}); !strings.Contains(got, "no form with these fields") {
		t.Errorf("fields of two forms: %s", got)
	}
	if !strings.Contains(first.Body, "textarea") {
		t.Error("the page is not what it was")
	}
}

func TestTheBrowserStopsInACircle(t *testing.T) {
	b := newEcho(t)
	b.Serve(app, http.RedirectHandler("/", http.StatusFound))
	if page := b.Open(app + "/"); page.Err == nil || len(page.Hops) != 20 {
		t.Errorf("%d %v after %d", page.Status, page.Err, len(page.Hops))
	}
}

func TestTheBrowserShowsThatTheConnectionBroke(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	if page := passporttest.NewBrowser(t).Open(server.URL); page.Err == nil || page.Status != 0 {
		t.Errorf("%d %v", page.Status, page.Err)
	}
}

func TestAHeaderCanBeReplacedOrLeftOut(t *testing.T) {
	b := newEcho(t)
	b.Header = http.Header{"Sec-Fetch-Site": nil, "Referer": {"https://other.example/"}}
	if got := b.Follow(app + "/").Body; got != "GET Sec-Fetch-Mode=navigate Referer=https://other.example/" {
		t.Errorf("%s", got)
	}
}

func TestAManualBrowserStopsAtEachRedirect(t *testing.T) {
	b := newEcho(t)
	b.Manual = true
	page := b.Follow(app + "/?to=" + url.QueryEscape(evil+"/?to="+app+"/end"))
	at := []string{page.Location()}
	page = page.Next()
	at = append(at, page.Location())
	page = page.Next()
	if !slices.Equal(at, []string{evil + "/?to=" + app + "/end", app + "/end"}) || page.Location() != "" || !strings.Contains(page.Body, "cross-site") {
		t.Errorf("%v, %s", at, page.Body)
	}
	if got := complains(t, func(tb testing.TB) { newPage(tb).Next() }); !strings.Contains(got, "is no redirect") {
		t.Errorf("%s", got)
	}
}

// With WriteHeader and without, a handler's page has the type that net/http gives it.
func TestAPageWithoutATypeHasTheOneThatNetHTTPGivesIt(t *testing.T) {
	const page = `<p>Not like this.</p><form method="post" action="/"><input name="a"></form>`
	for name, h := range map[string]http.HandlerFunc{
		"a page":                   func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, page) },
		"a page after WriteHeader": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(422); io.WriteString(w, page) },
		"a text after WriteHeader": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(422); io.WriteString(w, "no") },
		"no body":                  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(422) },
		"a type of the handler's own": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "x/y")
			w.WriteHeader(422)
			io.WriteString(w, page)
		},
		"a type that it wants left out": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			w.WriteHeader(422)
			io.WriteString(w, page)
		},
		"bytes that are compressed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			w.WriteHeader(200)
			io.WriteString(w, page)
		},
	} {
		server := httptest.NewServer(h)
		b := passporttest.NewBrowser(t)
		b.Serve(app, h)
		got, want := b.Open(app), b.Open(server.URL)
		server.Close()
		if got.Header.Get("Content-Type") != want.Header.Get("Content-Type") || got.Status != want.Status {
			t.Errorf("%s: %d %v; of a server %d %v", name, got.Status, got.Header, want.Status, want.Header)
		}
	}
	b := passporttest.NewBrowser(t)
	b.Serve(app, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		io.WriteString(w, page+r.FormValue("a"))
	}))
	if again := b.Open(app).Submit(url.Values{"a": {"filled in"}}); !strings.HasSuffix(again.Body, "filled in") {
		t.Errorf("the form was sent as %s", again.Body)
	}
}

func newPage(tb testing.TB) *passporttest.Page {
	b := passporttest.NewBrowser(tb)
	b.Serve(app, http.HandlerFunc(echo))
	return b.Open(app)
}

func TestAMistakeOfTheTestEndsIt(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(testing.TB)
		want string
	}{
		"an address that is a path":          {func(tb testing.TB) { passporttest.NewBrowser(tb).Open("/connect") }, "no absolute address"},
		"a form where there is none":         {func(tb testing.TB) { newPage(tb).Submit(nil) }, `no form with these fields at https://app.example/: 200, Content-Type "text/plain; charset=utf-8": GET`},
		"a page that is too deep":            {func(tb testing.TB) { shows(tb, strings.Repeat("<div>", 600)+"<form>").Submit(nil) }, "cannot be read"},
		"a yes to a page of the application": {func(tb testing.TB) { newPage(tb).Allow() }, "no page of a provider"},
		"people without a sub": {func(tb testing.TB) {
			passporttest.NewProvider(tb, passporttest.ProviderConfig{People: []map[string]any{{"id": 1}}})
		}, "has no sub"},
	} {
		if got := complains(t, c.do); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
