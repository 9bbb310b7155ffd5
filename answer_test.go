package passport_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/gopassport/passport"
)

func TestTheDefaultAnswer(t *testing.T) {
	const page, problem = "text/plain; charset=utf-8", "application/problem+json"
	for _, c := range []struct {
		name    string
		request with
		media   string
	}{
		{"a page", from("same-origin"), page},
		{"a form", method("POST"), page},
		{"an old browser", plain, page},
		{"a page that takes JSON rather than HTML", header("Accept", "application/json, text/html;q=0.9"), problem},
		{"a page that takes JSON, but rather HTML", header("Accept", "text/html, application/json;q=0.9"), page},
		{"a program", both(plain, header("Accept", "*/*")), problem},
		{"a program without Accept", both(plain, header("Accept")), problem},
		{"a program that takes JSON", both(plain, header("Accept", "application/json")), problem},
		{"a script", fetch, problem},
		{"an old script", both(plain, header("X-Requested-With", "XMLHttpRequest")), problem},
		{"a frame", header("Sec-Fetch-Dest", "iframe"), problem},
		{"Fetch Metadata that came twice", header("Sec-Fetch-Mode", "navigate", "navigate"), problem},
	} {
		s := newSite(t)
		s.chain(strategies{basic, bearer, form})
		res := newBrowser(t, s).get("/chain?q=CANARY", c.request)
		equal(t, c.name+": status", res.status, http.StatusUnauthorized)
		equal(t, c.name+": Content-Type", res.header.Get("Content-Type"), c.media)
		equal(t, c.name+": nosniff", res.header.Get("X-Content-Type-Options"), "nosniff")
		equal(t, c.name+": Cache-Control", res.header.Get("Cache-Control"), "no-store")
		equal(t, c.name+": challenges, each in a line", strings.Join(res.header["Www-Authenticate"], "\n"), "Basic realm=\"x\"\nBearer")
		for _, name := range []string{"Accept", "Sec-Fetch-Mode", "Sec-Fetch-Dest"} {
			if !strings.Contains(strings.Join(res.header["Vary"], ","), name) {
				t.Errorf("%s: Vary is %q, and lacks %s", c.name, res.header["Vary"], name)
			}
		}
		if strings.Contains(res.body, "CANARY") {
			t.Errorf("%s: the answer repeats the query: %s", c.name, res.body)
		}
		if c.media == page {
			equal(t, c.name+": text", res.body, "No name. (credentials_rejected)\n")
			continue
		}
		var got struct {
			Title, Detail, Code string
			Status              int
		}
		if err := json.Unmarshal([]byte(res.body), &got); err != nil || got.Title != "Unauthorized" || got.Status != 401 || got.Detail != "No name." || got.Code != "credentials_rejected" {
			t.Errorf("%s: the problem is %s (%v)", c.name, res.body, err)
		}
	}
}

func TestAnAnswerWithoutAMessageIsTheTextOfItsStatus(t *testing.T) {
	for _, c := range []struct {
		err  error
		page string
		json string
	}{
		{errors.New("the database at 10.0.0.7 is down"), "Internal Server Error (strategy_fault)\n", `{"title":"Internal Server Error","status":500,"code":"strategy_fault"}`},
		{&passport.Error{Code: passport.CodeProviderTimeout, Status: 504, Err: errors.New("10.0.0.7")}, "Gateway Timeout (provider_timeout)\n", `{"title":"Gateway Timeout","status":504,"code":"provider_timeout"}`},
		{&passport.Error{Code: passport.CodeDenied, Status: 403}, "Forbidden (access_denied)\n", `{"title":"Forbidden","status":403,"code":"access_denied"}`},
	} {
		s := newSite(t)
		s.chain(strategies{said(nil, c.err)})
		b := newBrowser(t, s)
		equal(t, "a page", b.get("/chain").body, c.page)
		equal(t, "a problem", strings.TrimSpace(b.get("/chain", fetch).body), c.json)
	}
}

func TestAMessageIsShownAsItIs(t *testing.T) {
	s := newSite(t)
	s.chain(strategies{always(passport.Failure{Message: "<script>\"é\"\n"})})
	b := newBrowser(t, s)
	page := b.get("/chain")
	equal(t, "a page, which is text", page.body, "<script>\"é\"\n (credentials_rejected)\n")
	equal(t, "its type", page.header.Get("Content-Type"), "text/plain; charset=utf-8")
	var problem struct{ Detail string }
	if err := json.Unmarshal([]byte(b.get("/chain", fetch).body), &problem); err != nil || problem.Detail != "<script>\"é\"\n" {
		t.Errorf("a problem: %q (%v)", problem.Detail, err)
	}
}

func TestAChallengeNeverBreaksOut(t *testing.T) {
	s := newSite(t)
	s.chain(strategies{always(passport.Failure{Challenge: "Basic realm=\"x\r\nSet-Cookie: a=b\""})})
	h := newBrowser(t, s).get("/chain").header
	equal(t, "cookies", len(h["Set-Cookie"]), 0)
}

func TestAWrongMethodIsAllowedOthers(t *testing.T) {
	s := newSite(t)
	s.login("github")
	for _, verb := range []string{"PUT", "DELETE", "HEAD", "OPTIONS", "get", "PROPFIND"} {
		res := newBrowser(t, s).get("/login/github", method(verb))
		equal(t, verb, res.status, http.StatusMethodNotAllowed)
		equal(t, verb+": Allow", res.header.Get("Allow"), "GET, POST")
		equal(t, verb+": cookies", len(res.cookies), 0)
	}
}

func TestNothingOfARequestIsInAnAnswerOrALog(t *testing.T) {
	s := newSite(t)
	s.connect("github")
	s.login("github", passport.FailureRedirect("/login"))
	s.login("password")
	s.mount("/private", s.RequireUser("/login"))
	b := newBrowser(t, s)
	query := "?state=CANARY&code=CANARY&error=CANARY%0aINFO&error_description=%3Cscript%3ECANARY"
	for _, path := range []string{"/connect/github/callback", "/login/github/callback", "/connect/github", "/login/password", "/private"} {
		for _, request := range []with{from("cross-site"), fetch, method("CANARY<SCRIPT>"), method("POST"), header("Accept", "CANARY/html"), header("User-Agent", "CANARY\x1b[2J"), header("Origin", "https://CANARY.test")} {
			res := b.get(path+query, request)
			text := res.body
			for name, values := range res.header {
				if name != "Set-Cookie" {
					text += name + strings.Join(values, " ")
				}
			}
			text += s.last().LogValue().String()
			if strings.Contains(text, "CANARY") || strings.Contains(text, "<script>") {
				t.Errorf("%s: %d shows what came in: %s", path, res.status, text)
			}
		}
	}
}
