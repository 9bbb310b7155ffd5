package sidebyside

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// caller is what kind of program sends a request, which its headers tell.
type caller int

const (
	page    caller = iota // a person's browser, in its address bar
	fetch                 // a script in a page, which takes JSON
	script                // a script in a page that does not say what it takes
	program               // no browser
)

// step is one thing that a case does.
type step struct {
	method, path string
	body, media  string
	as           caller
	site         string            // Sec-Fetch-Site, where it is not same-origin
	headers      map[string]string // beside those of the caller
	twice        string            // one more Authorization line
	act          func(*browser, *step)
	quiet        bool     // only prepares: its facts are not compared
	raw          bool     // statuses, challenges and addresses are compared to the letter
	all          bool     // sessions that nobody has a use for yet count, too
	shown        []string // headers to compare as well
}

func get(path string) step    { return step{method: "GET", path: path} }
func head(path string) step   { return step{method: "HEAD", path: path} }
func method(m, p string) step { return step{method: m, path: p} }

// post sends a form, fields being names and values in turn.
func post(path string, fields ...string) step {
	form := url.Values{}
	for pair := range slices.Chunk(fields, 2) {
		form.Add(pair[0], pair[1])
	}
	return step{method: "POST", path: path, body: form.Encode(), media: "application/x-www-form-urlencoded"}
}

func (s step) json(body string) step { s.body, s.media = body, "application/json"; return s }
func (s step) by(c caller) step      { s.as = c; return s }
func (s step) quietly() step         { s.quiet = true; return s }
func (s step) exactly() step         { s.raw = true; return s }
func (s step) anySession() step      { s.all = true; return s }
func (s step) show(h ...string) step { s.shown = h; return s }
func (s step) elsewhere() step       { s.site = "cross-site"; return s }

func (s step) header(name, value string) step {
	s.headers = maps.Clone(s.headers)
	if s.headers == nil {
		s.headers = map[string]string{}
	}
	s.headers[name] = value
	return s
}

func (s step) authorization(value string) step { return s.header("Authorization", value) }
func (s step) again(value string) step         { s.twice = value; return s }

// browser is one person's browser, with one of the two applications in it.
type browser struct {
	t        *testing.T
	base     string
	provider *fakeProvider
	client   *http.Client
	cookies  map[string]string
	kept     map[string]map[string]string // cookies put aside, by name
	begun    []*url.URL                   // where it was sent to log in at the service
	callback string                       // where the service sent it last
}

func newBrowser(t *testing.T, base string, provider *fakeProvider) *browser {
	return &browser{
		t: t, base: base, provider: provider,
		client: &http.Client{
			Timeout:       5 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		cookies: map[string]string{}, kept: map[string]map[string]string{},
	}
}

// Steps that are no requests, and those that answer what came before.

// put puts a copy of the cookies aside, take brings it back; fresh is another browser.
func put(name string) step {
	return step{act: func(b *browser, _ *step) { b.kept[name] = maps.Clone(b.cookies) }}
}

func take(name string) step {
	return step{act: func(b *browser, _ *step) { b.cookies = maps.Clone(b.kept[name]) }}
}

func fresh() step { return step{act: func(b *browser, _ *step) { b.cookies = map[string]string{} }} }

// tamper changes the session's cookie.
func tamper(change func(string) string) step {
	return step{act: func(b *browser, _ *step) {
		for name, value := range b.cookies {
			b.cookies[name] = change(value)
		}
	}}
}

// allowed comes back from the service, where a person agreed. flow counts from the last
// time that the browser was sent there.
func allowed(person string, flow ...int) step {
	return step{method: "GET", site: "cross-site", act: func(b *browser, s *step) {
		back := 0
		if len(flow) > 0 {
			back = flow[0]
		}
		if len(b.begun) <= back {
			b.callback = "" // nothing began
			return
		}
		b.callback = b.provider.allow(b.begun[len(b.begun)-1-back], person)
		s.path = b.local(b.callback)
	}}
}

// answered comes back with another answer; STATE stands for the flow's own state.
func answered(query string) step {
	return step{method: "GET", site: "cross-site", act: func(b *browser, s *step) {
		if len(b.begun) == 0 {
			return
		}
		asked := b.begun[len(b.begun)-1].Query()
		state := url.QueryEscape(asked.Get("state"))
		s.path = b.local(asked.Get("redirect_uri") + "?" + strings.ReplaceAll(query, "STATE", state))
	}}
}

// once opens the last callback once more.
func once() step {
	return step{method: "GET", site: "cross-site", act: func(b *browser, s *step) { s.path = b.local(b.callback) }}
}

// at takes the answer to another route.
func (s step) at(path string) step {
	act := s.act
	s.act = func(b *browser, s *step) {
		act(b, s)
		if _, query, ok := strings.Cut(s.path, "?"); ok {
			s.path = path + "?" + query
		}
	}
	return s
}

func (b *browser) local(address string) string { return strings.TrimPrefix(address, b.base) }

// do takes one step and tells what there was to see.
func (b *browser) do(s step) (facts string) {
	if s.act != nil {
		s.act(b, &s)
		switch {
		case s.method == "":
			return ""
		case s.path == "":
			return "nothing began"
		}
	}
	before := b.session(s.all)
	response, body := b.send(s)
	if response == nil {
		return "no answer"
	}
	facts = b.facts(s, response, body)
	if after := sessionChange(before, b.session(s.all)); after != "" {
		facts += ", session " + after
	}
	if s.quiet {
		return ""
	}
	return facts
}

// send gives the answer, and nil where the connection ends without one.
func (b *browser) send(s step) (*http.Response, string) {
	ctx, cancel := context.WithTimeout(b.t.Context(), 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, s.method, b.base+s.path, strings.NewReader(s.body))
	if err != nil {
		b.t.Fatal(err)
	}
	for name, value := range b.headers(s) {
		request.Header[name] = []string{value}
	}
	if s.twice != "" {
		request.Header.Add("Authorization", s.twice)
	}
	for _, name := range slices.Sorted(maps.Keys(b.cookies)) {
		request.Header.Add("Cookie", name+"="+b.cookies[name])
	}
	if lines := request.Header["Cookie"]; len(lines) > 1 {
		request.Header.Set("Cookie", strings.Join(lines, "; "))
	}
	response, err := b.client.Do(request)
	if errors.Is(err, io.EOF) {
		return nil, ""
	}
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range response.Cookies() {
		if c.MaxAge < 0 || !c.Expires.IsZero() && c.Expires.Before(time.Now()) {
			delete(b.cookies, c.Name)
			continue
		}
		b.cookies[c.Name] = c.Value
	}
	return response, string(body)
}

func (b *browser) headers(s step) map[string]string {
	site, origin := "same-origin", b.base
	if s.site != "" {
		site, origin = s.site, "https://elsewhere.test"
	}
	h := map[string]string{"Accept": "*/*"}
	switch s.as {
	case page:
		h = map[string]string{
			"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Sec-Fetch-Mode": "navigate",
			"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": site, "Sec-Fetch-User": "?1",
		}
	case fetch:
		h = map[string]string{"Accept": "application/json", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": site}
	case script:
		h = map[string]string{"Accept": "*/*", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": site}
	}
	if s.as != program && s.method != "GET" && s.method != "HEAD" {
		h["Origin"] = origin
	}
	if s.media != "" {
		h["Content-Type"] = s.media
	}
	maps.Copy(h, s.headers)
	return h
}

// session is the identity of the session that the browser's cookies lead to, "" for none.
// One counts when somebody is logged in, or the application keeps something in it; all
// counts those, too, in which the library alone keeps something for a visitor.
func (b *browser) session(all bool) string {
	probe := *b
	probe.cookies = maps.Clone(b.cookies)
	_, body := probe.send(get("/-/session"))
	var v struct {
		ID   string
		Used bool
	}
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		b.t.Fatalf("%s/-/session: %v in %q", b.base, err, body)
	}
	if !v.Used && !all {
		return ""
	}
	return v.ID
}

func sessionChange(before, after string) string {
	switch {
	case before == "" && after == "":
		return ""
	case before == "":
		return "new"
	case after == "":
		return "gone"
	case before == after:
		return "kept"
	}
	return "renewed"
}

// facts are what the two can be compared by.
func (b *browser) facts(s step, r *http.Response, body string) string {
	status := fmt.Sprint(r.StatusCode)
	if !s.raw && (r.StatusCode == http.StatusFound || r.StatusCode == http.StatusSeeOther) {
		status = "redirect"
	}
	facts := []string{status}
	if to := r.Header.Get("Location"); to != "" {
		facts = append(facts, "to "+b.place(to, s.raw))
	}
	facts = append(facts, b.seen(body, s.raw)...)
	for _, line := range r.Header["Www-Authenticate"] {
		if !s.raw {
			line = canonical(line)
		}
		facts = append(facts, "<"+line+">")
	}
	for _, name := range s.shown {
		if values := r.Header.Values(name); len(values) > 0 {
			facts = append(facts, name+": "+strings.Join(values, ", "))
		} else {
			facts = append(facts, "no "+name)
		}
	}
	return strings.Join(facts, " ")
}

// seen reads what a handler answered.
func (b *browser) seen(body string, raw bool) (facts []string) {
	var v struct {
		At, User, Account, Info, Message, Redirect string
		Cart                                       *string
		Messages                                   *[]string
	}
	if json.Unmarshal([]byte(body), &v) != nil {
		return nil
	}
	if v.Redirect != "" {
		facts = append(facts, "hands over "+b.place(v.Redirect, raw))
	}
	if v.At == "" {
		return facts
	}
	facts = append(facts, v.At)
	for _, f := range []struct{ name, value string }{{"user", v.User}, {"account", v.Account}, {"info", v.Info}, {"message", v.Message}} {
		if f.value != "" {
			facts = append(facts, f.name+"="+strings.Trim(strconv.QuoteToASCII(f.value), `"`))
		}
	}
	if v.Cart != nil {
		facts = append(facts, fmt.Sprintf("%q", *v.Cart))
	}
	if v.Messages != nil {
		facts = append(facts, fmt.Sprintf("%q", *v.Messages))
	}
	return facts
}

// place names an address, and remembers it where it is the service's.
func (b *browser) place(address string, raw bool) string {
	u, err := url.Parse(address)
	if err != nil {
		return "nonsense"
	}
	if !strings.HasPrefix(address, b.provider.URL+"/authorize") {
		return b.local(address)
	}
	if u.Query().Has("state") {
		b.begun = append(b.begun, u)
	}
	if !raw {
		return "the service"
	}
	var with []string
	for _, name := range slices.Sorted(maps.Keys(u.Query())) {
		switch value := u.Query().Get(name); name {
		case "state", "code_challenge":
			with = append(with, name)
		default:
			with = append(with, name+"="+b.local(value))
		}
	}
	return strings.TrimSuffix("the service?"+strings.Join(with, "&"), "?")
}

var parameter = regexp.MustCompile(`(\w+)="((?:[^"\\]|\\.)*)"`)

// canonical orders the parameters of a challenge, and leaves charset out.
func canonical(line string) string {
	scheme, rest, _ := strings.Cut(line, " ")
	var params []string
	for _, m := range parameter.FindAllStringSubmatch(rest, -1) {
		if m[1] != "charset" {
			params = append(params, m[0])
		}
	}
	slices.Sort(params)
	return strings.TrimSpace(scheme + " " + strings.Join(params, " "))
}
