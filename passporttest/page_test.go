package passporttest_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/strategies/local"
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
}

// An application may have a field of the same name.
func TestAnApplicationsQuestionIsNoneOfAProvider(t *testing.T) {
	posts := 0
	browser := passporttest.NewBrowser(t)
	browser.Serve(app, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posts++
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<form method="post"><input name="question"><button>Ask</button></form>`)
	}))
	if browser.Walk(app + "/"); posts != 0 {
		t.Errorf("asked %d times", posts)
	}
}

func TestAKeyThatCannotSignFailsTheTest(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		config passporttest.ProviderConfig
		want   string
	}{
		"an algorithm that is not there": {passporttest.ProviderConfig{Algorithm: "PS256"}, "Algorithm is PS256"},
		"another curve":                  {passporttest.ProviderConfig{Key: curve}, "Key is a *ecdsa.PrivateKey"},
		"a curve for RSA":                {passporttest.ProviderConfig{Algorithm: "RS256", Key: curve}, "no key of RS256"},
		"another kind of key":            {passporttest.ProviderConfig{Key: edwards}, "Key is a ed25519.PrivateKey"},
	} {
		if got := complains(t, func(tb testing.TB) { passporttest.NewProvider(tb, c.config) }); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", name, got)
		}
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

func TestAScriptSendsJSON(t *testing.T) {
	b := passporttest.NewBrowser(t)
	b.Serve(app, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprint(w, r.Method, " ", r.Header.Get("Content-Type"), " ", r.Header.Get("Accept"), " ", r.Header.Get("Sec-Fetch-Mode"), " ", r.Header.Get("Origin"), " ", string(body))
	}))
	page := b.From(app + "/page")
	for _, c := range []struct {
		method string
		body   any
		want   string
	}{
		{"POST", map[string]any{"a": []int{1, 2}}, `POST application/json */* cors https://app.example {"a":[1,2]}`},
		{"PUT", struct{ B string }{"<c>"}, `PUT application/json */* cors https://app.example {"B":"\u003cc\u003e"}`},
		{"PATCH", json.RawMessage(`{"a":1}`), `PATCH application/json */* cors https://app.example {"a":1}`},
		{"DELETE", nil, `DELETE application/json */* cors https://app.example null`},
	} {
		if got := page.FetchJSON(c.method, "/api", c.body); got.Body != c.want {
			t.Errorf("%s: %s, want %s", c.method, got.Body, c.want)
		}
	}
	if got := page.FetchJSON("POST", "/away", nil); got.Status != 303 || got.Location() != "/" {
		t.Errorf("a redirect was followed: %d %s", got.Status, got.Body)
	}
	if got := complains(t, func(tb testing.TB) { newPage(tb).FetchJSON("POST", "/", func() {}) }); !strings.Contains(got, "is no JSON") {
		t.Errorf("a body that is no JSON: %s", got)
	}
}

func TestSomebodyLogsInByJSON(t *testing.T) {
	loadable := true
	auth := members(&loadable)
	auth.Use("password", local.New(func(_ *http.Request, name, password string) (*user, error) {
		if password != "a long passphrase" {
			return nil, passport.Reject("")
		}
		return &user{name}, nil
	}))
	mux := http.NewServeMux()
	mux.Handle("POST /login", auth.Authenticate("password")(http.HandlerFunc(who)))
	mux.Handle("GET /", auth.Session(http.HandlerFunc(who)))
	b := passporttest.NewBrowser(t)
	b.Serve(app, mux)
	for password, want := range map[string]int{"a wrong one": 401, "a long passphrase": 200} {
		page := b.From(app+"/").FetchJSON("POST", "/login", map[string]string{"username": "alice", "password": password})
		if page.Status != want {
			t.Errorf("%s: %d %s", password, page.Status, page.Body)
		}
	}
	if got := b.Open(app + "/").Body; got != "alice " {
		t.Errorf("nobody is logged in: %s", got)
	}
}
