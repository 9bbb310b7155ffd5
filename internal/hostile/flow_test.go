package hostile_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/hostile"
	"github.com/gopassport/passport/passporttest"
)

// requestPhase sends a request that begins a flow, or asks for a page.
func requestPhase(t *testing.T, e hostile.Entry) string {
	w := newWorld(t, setup{})
	input := w.expand(e.Input)
	if e.Name == "provider in query" { // it says nothing of where it comes from, and a connection must
		input = strings.TrimSuffix(input, "\n\n") + "\nReferer: " + app + "/\n\n"
	}
	a := w.send(input)
	begun := strings.HasPrefix(a.location, issuer+"/authorize?")
	set := strings.Contains(strings.Join(a.header["Set-Cookie"], "\n"), "passport-flow")
	if begun != set {
		t.Errorf("a flow is kept: %t, and the person is sent to %q", set, a.location)
	}
	if w.op.Count(passporttest.Authorize)+w.op.Count(passporttest.Token) > 0 || a.ran {
		t.Error("the provider was asked, or the handler ran")
	}
	if strings.Contains(e.Expect, "405") && (a.status != 405 || a.header.Get("Allow") != "GET, POST") {
		t.Errorf("%d, Allow: %s", a.status, a.header.Get("Allow"))
	}
	if begun && a.status != http.StatusSeeOther && strings.HasPrefix(e.Input, "POST") {
		t.Errorf("a POST is answered with %d", a.status)
	}
	if e.Verdict() == "neutralise" {
		return neutralised(t, e, a)
	}
	switch {
	case begun:
		return "accept"
	case a.status >= 400, a.location == "/login":
		return "reject"
	}
	return strconv.Itoa(a.status) + " " + a.location
}

// neutralised looks for what was sent in what was answered.
func neutralised(t *testing.T, e hostile.Entry, a answer) string {
	text := a.body + a.location
	for _, part := range []string{"ATTACKER", "AAAAAAAA", "hunter2", "=admin", "evil.", "nonce=n&", "code_challenge=x&", "=plain"} {
		if strings.Contains(text, part) {
			t.Errorf("%q has an effect: %d %s", part, a.status, text)
		}
	}
	switch {
	case strings.Contains(e.Input, "/protected") && a.status != 401 && a.location != "/login":
		t.Errorf("/protected answers %d %s", a.status, a.location)
	case strings.Contains(e.Input, "provider=op") && !strings.Contains(a.location, url.QueryEscape(app+"/connect/github/callback")):
		t.Errorf("another strategy ran: %s", a.location)
	}
	return "neutralise"
}

// callbacks sends what comes back from a provider: with flows in cookies, which a browser
// removes when it is told, and with flows in a store, where copies of a cookie are no use.
func callbacks(t *testing.T, e hostile.Entry) string {
	cookies := newWorld(t, setup{})
	verdict := cookies.callback(t, e, false)
	store := newWorld(t, setup{configure: func(c *passport.Config) { c.Flows = passporttest.NewFlows() }})
	if other := store.callback(t, e, true); other != verdict {
		t.Errorf("with a store it is %s, with cookies %s", other, verdict)
	}
	return verdict
}

func (w *world) callback(t *testing.T, e hostile.Entry, copied bool) string {
	w.person("alice")
	input, past := strings.CutPrefix(e.Input, "{{clock:-1h}}")
	if copied {
		input = w.expand(input)
	}
	session := w.cookies("alice", "login")
	var a answer
	for part := range strings.SplitSeq(input, "---\n") {
		part = w.expand(part)
		if past { // a bubble's clock stands long before now
			synctest.Test(t, func(*testing.T) { a = w.send(part) })
			continue
		}
		a = w.send(part)
		if strings.Contains(a.location, "passport_bounce") {
			page := w.person("alice").From(app + "/").Follow(a.location)
			a = answer{page.Status, page.Header, page.Body, page.Location(), page.Status == http.StatusOK}
		}
	}
	verdict := a.verdict()
	w.check(t, e, a, verdict)
	if strings.Contains(strings.Join(a.header["Set-Cookie"], "\n"), "passport-login") && !strings.Contains(e.Input, "/auth/") {
		t.Error("the login was written")
	}
	if w.cookies("alice", "login") != session && !strings.Contains(e.Input, "/auth/") { // there it is a login
		t.Error("the session changed")
	}
	if e.Verdict() == "neutralise" && (verdict == "accept" || verdict == "reject") {
		return "neutralise"
	}
	return verdict
}

// check compares what else the entry expects.
func (w *world) check(t *testing.T, e hostile.Entry, a answer, verdict string) {
	hits := 0
	if match := regexp.MustCompile(`token_hits=(\d+)`).FindStringSubmatch(e.Expect); match != nil && decided[e.Key()].verdict != "accept" {
		hits, _ = strconv.Atoi(match[1])
	} else if sent := strings.Contains(e.Expect, "sent on exactly"); sent && w.op.Last(passporttest.Token).Form.Get("code") == "a b" || verdict == "accept" || strings.Contains(e.Input, "---\n") && strings.HasPrefix(e.Input, "GET /connect/op/callback?code") {
		hits = 1
	}
	if got := w.op.Count(passporttest.Token); got != hits {
		t.Errorf("the provider was asked for %d tokens, want %d", got, hits)
	}
	if last := w.op.Last(passporttest.Token).Form; hits == 1 {
		f := w.flowOf(map[bool]string{true: "anon", false: "alice"}[strings.Contains(e.Input, "{{flow:anon}}")])
		if !strings.HasPrefix(f.callback, last.Get("redirect_uri")) || strings.Contains(last.Encode(), "ATTACKER") || strings.Contains(last.Encode(), "evil") {
			t.Errorf("the provider was asked %v", last)
		}
	}
	if verdict == "accept" {
		if user := map[bool]string{true: w.seen.key, false: "alice"}[strings.Contains(e.Input, "/auth/")]; w.user != user || w.seen == nil {
			t.Errorf("the handler saw the user %s and the account %v", w.user, w.seen)
		}
		return
	}
	if a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("Cache-Control: %q", a.header.Get("Cache-Control"))
	}
	for _, part := range []string{"<script>", "javascript:", "EVIL", "evil", "User said no", strings.Repeat("x", 100), strings.Repeat("A", 100)} {
		if strings.Contains(a.body+a.location, part) {
			t.Errorf("%q is in the answer: %.300s", part, a.body)
		}
	}
	untouched := strings.Contains(e.Expect, "pending flow untouched") || strings.Contains(e.Name, "HEAD") || strings.Contains(e.Name, "prefetch")
	if untouched && strings.Contains(e.Input, "{{flow:alice}}") {
		f := w.flowOf("alice")
		page := w.person("alice").From(issuer + "/").Follow(f.callback)
		if page.Status != http.StatusOK {
			t.Errorf("the flow is gone: %d %s %v", page.Status, page.Body, w.last)
		}
	}
}
