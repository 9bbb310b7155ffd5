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
	const page, problem = "text/html; charset=utf-8", "application/problem+json"
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
		s.chain(strategies{askBasic, askBearer, form})
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
			shows(t, c.name, res, "No name.", "credentials_rejected")
			equal(t, c.name+": what the page may do", res.header.Get("Content-Security-Policy"), "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
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

func TestARouteFixesItsAnswers(t *testing.T) {
	for _, c := range []struct {
		name, as      string
		request       with
		chain         strategies
		status        int
		media, target string
	}{
		{"a script, by itself", "", fetch, strategies{askBasic}, 401, "application/problem+json", ""},
		{"a script, as a page", "page", fetch, strategies{askBasic}, 302, "", "/login"},
		{"a program, as a page", "page", both(plain, header("Accept", "*/*")), strategies{askBasic}, 302, "", "/login"},
		{"a prefetch, as a page", "page", header("Sec-Purpose", "prefetch"), strategies{askBasic}, 401, "text/html; charset=utf-8", ""},
		{"a fault for a script, as a page", "page", fetch, strategies{broken}, 500, "text/html; charset=utf-8", ""},
		{"a page, by itself", "", from("same-origin"), strategies{askBasic}, 302, "", "/login"},
		{"a page, as an API", "api", from("same-origin"), strategies{askBasic}, 401, "application/problem+json", ""},
		{"a fault for a page, as an API", "api", from("same-origin"), strategies{broken}, 500, "application/problem+json", ""},
	} {
		s := newSite(t)
		options := []passport.Option{passport.FailureRedirect("/login")}
		if c.as != "" {
			options = append(options, passport.AnswerAs(c.as))
		}
		s.chain(c.chain, options...)
		res := newBrowser(t, s).get("/chain", c.request)
		equal(t, c.name+": status", res.status, c.status)
		equal(t, c.name+": Content-Type", res.header.Get("Content-Type"), c.media)
		equal(t, c.name+": Location", res.location, c.target)
		if c.status == http.StatusUnauthorized {
			equal(t, c.name+": challenge", res.header.Get("WWW-Authenticate"), `Basic realm="x"`)
			equal(t, c.name+": varies", res.header.Get("Vary") != "", c.as == "")
		}
	}
}

// shows tells whether a page has the text and the code for a person to read.
func shows(t *testing.T, name string, page *reply, text, code string) {
	t.Helper()
	for _, part := range []string{"<p>" + text + "</p>", "<small>" + code + "</small>"} {
		if !strings.Contains(page.body, part) {
			t.Errorf("%s: the page lacks %q:\n%s", name, part, page.body)
		}
	}
}

func TestAPreflightIsNeitherRefusedNorLetThrough(t *testing.T) {
	s := newSite(t)
	s.chain(strategies{always(passport.Success{Value: &user{"alice"}})})
	s.mux.Handle("/private", s.RequireUser("/login")(http.HandlerFunc(show)))
	preflight := both(both(fetch, method("OPTIONS")), both(header("Origin", "https://other.example"), header("Access-Control-Request-Method", "POST")))
	for _, path := range []string{"/chain", "/private"} {
		res := newBrowser(t, s).get(path, preflight)
		equal(t, path+": status", res.status, http.StatusNoContent)
		equal(t, path+": body, which the handler would write", res.body, "")
		equal(t, path+": challenges", len(res.header["Www-Authenticate"]), 0)
		equal(t, path+": cookies", len(res.cookies), 0)
	}
	s.mux.Handle("/api", s.Authenticate("s0", passport.NoSession(), passport.AnswerAs("api"))(http.HandlerFunc(show)))
	equal(t, "an API's handler answers its own", newBrowser(t, s).get("/api", preflight).wants(http.StatusOK, "user -, account -").status, 200)
	plain := newBrowser(t, s).get("/private", both(fetch, method("OPTIONS")))
	equal(t, "an OPTIONS that is none", plain.status, http.StatusUnauthorized)
}

func TestAnAnswerWithoutAMessageIsTheTextOfItsStatus(t *testing.T) {
	for _, c := range []struct {
		err  error
		page [2]string
		json string
	}{
		{errors.New("the database at 10.0.0.7 is down"), [2]string{"Internal Server Error.", "strategy_fault"}, `{"title":"Internal Server Error","status":500,"code":"strategy_fault"}`},
		{&passport.Error{Code: passport.CodeProviderTimeout, Status: 504, Err: errors.New("10.0.0.7")}, [2]string{"Gateway Timeout.", "provider_timeout"}, `{"title":"Gateway Timeout","status":504,"code":"provider_timeout"}`},
		{&passport.Error{Code: passport.CodeDenied, Status: 403}, [2]string{"Forbidden.", "access_denied"}, `{"title":"Forbidden","status":403,"code":"access_denied"}`},
	} {
		s := newSite(t)
		s.chain(strategies{said(nil, c.err)})
		b := newBrowser(t, s)
		shows(t, "a page", b.get("/chain"), c.page[0], c.page[1])
		equal(t, "a problem", strings.TrimSpace(b.get("/chain", fetch).body), c.json)
	}
}

func TestAMessageIsShownAsItIs(t *testing.T) {
	s := newSite(t)
	s.chain(strategies{always(passport.Failure{Message: "<script>\"é\"\n"})})
	b := newBrowser(t, s)
	shows(t, "a page, which runs nothing of it", b.get("/chain"), "&lt;script&gt;&#34;é&#34;\n", "credentials_rejected")
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
