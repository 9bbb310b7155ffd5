package oauth2_test

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/testapp"
	"github.com/gopassport/passport/strategies/oauth2"
)

// fixed is a query without what is different each time.
func fixed(q url.Values) string {
	q = maps.Clone(q)
	delete(q, "state")
	delete(q, "code_challenge")
	return q.Encode()
}

func TestTheAuthorizationRequestSaysExactlyThis(t *testing.T) {
	p, _ := forge(t, nil)
	q := query(t, p.Browser().Begin("/connect/forge"))
	want := url.Values{"client_id": {clientID}, "redirect_uri": {redirectURL}, "response_type": {"code"}, "scope": {"read"}, "code_challenge_method": {"S256"}}
	if fixed(q) != want.Encode() || len(q["state"]) != 1 || len(q["code_challenge"]) != 1 {
		t.Errorf("%v", q)
	}
}

// R15, R16, R17: all is fresh, and of 256 bits.
func TestEachFlowHasAStateAndAChallengeOfItsOwn(t *testing.T) {
	p, _ := forge(t, nil)
	seen := map[string]bool{}
	for range 500 {
		q := query(t, p.Browser().Begin("/connect/forge"))
		for _, name := range []string{"state", "code_challenge"} {
			if v := q.Get(name); len(v) != 43 || seen[v] {
				t.Fatalf("%s is %q", name, v)
			}
			seen[q.Get(name)] = true
		}
	}
}

// R15, R23, R45: nothing of the request that begins gets into the flow.
func TestTheRequestThatBeginsCannotSetAnything(t *testing.T) {
	p, _ := forge(t, nil)
	b := p.Browser()
	evil := "?state=ATTACKER&nonce=ATTACKER&code_challenge=ATTACKER&code_verifier=ATTACKER&scope=admin&redirect_uri=https%3A%2F%2Fevil.example&request_uri=https%3A%2F%2Fevil.example&client_id=evil&prompt=none"
	r := testapp.Navigation("GET", "/connect/forge"+evil, "same-origin")
	r.Header.Set("X-Forwarded-Host", "evil.example") // R7
	r.Header.Set("Forwarded", "host=evil.example")
	w := b.Send(r)
	to := w.Header().Get("Location")
	if w.Code != http.StatusFound || strings.Contains(to, "ATTACKER") || strings.Contains(to, "evil") || query(t, to).Get("scope") != "read" || query(t, to).Has("prompt") {
		t.Errorf("%d %s", w.Code, to)
	}
}

func TestARouteSaysWhatMoreIsAskedFor(t *testing.T) { // peers.md 58
	params := func(c *oauth2.Config) { c.Params = map[string]string{"audience": "config", "display": "page"} }
	p, _ := forge(t, []passport.Option{oauth2.Scopes("a", "b:c"), oauth2.Prompt("consent"), oauth2.LoginHint("octo+cat@example.org"), passport.Param("audience", "route")}, params)
	to := p.Browser().Begin("/connect/forge")
	q := query(t, to)
	for name, want := range map[string]string{"scope": "a b:c", "prompt": "consent", "login_hint": "octo+cat@example.org", "audience": "route", "display": "page"} {
		if len(q[name]) != 1 || q.Get(name) != want {
			t.Errorf("%s is %q", name, q[name])
		}
	}
	if !strings.Contains(to, "scope=a%20b%3Ac") || !strings.Contains(to, "octo%2Bcat") {
		t.Errorf("a space is not %%20, or a plus is none: %s", to)
	}
}

func TestTheQueryOfTheEndpointStaysUnlessWeSayItToo(t *testing.T) {
	p, _ := forge(t, nil, func(c *oauth2.Config) {
		c.AuthorizationURL += "?foo=bar&foo=baz&state=theirs&scope=theirs&client_id=theirs"
	})
	q := query(t, p.Browser().Begin("/connect/forge"))
	if !slices.Equal(q["foo"], []string{"bar", "baz"}) || len(q["state"]) != 1 || q.Get("state") == "theirs" || !slices.Equal(q["scope"], []string{"read"}) || !slices.Equal(q["client_id"], []string{clientID}) {
		t.Errorf("%v", q)
	}
}

func TestWithoutScopesNoneAreAskedFor(t *testing.T) {
	p, _ := forge(t, nil, func(c *oauth2.Config) { c.Scopes = nil })
	if q := query(t, p.Browser().Begin("/connect/forge")); q.Has("scope") {
		t.Error(q)
	}
}

// R19, R20, R18: what is no person's wish begins nothing, and asks nobody.
func TestNothingIsPushedForARequestThatBeginsNothing(t *testing.T) {
	p, s := forge(t, nil, func(c *oauth2.Config) { c.PushURL = strings.Replace(c.TokenURL, "/token", "/par", 1) })
	for name, change := range map[string]func(*http.Request){
		"HEAD":                func(r *http.Request) { r.Method = "HEAD" },
		"PUT":                 func(r *http.Request) { r.Method = "PUT" },
		"a prefetch":          func(r *http.Request) { r.Header.Set("Sec-Purpose", "prefetch") },
		"a frame":             func(r *http.Request) { r.Header.Set("Sec-Fetch-Dest", "iframe") },
		"another site's link": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
	} {
		r := testapp.Navigation("GET", "/connect/forge", "same-origin")
		change(r)
		if w := p.Browser().Send(r); w.Code < 400 || w.Header().Get("Location") != "" || len(w.Result().Cookies()) > 0 {
			t.Errorf("%s: %d, %v", name, w.Code, w.Header())
		}
	}
	if s.count("/par") != 0 {
		t.Error("something was pushed")
	}
}

// R21, R22.
func TestAPostBeginsWith303AndNothingIsStored(t *testing.T) {
	p, _ := forge(t, nil)
	r := testapp.Navigation("POST", "/connect/forge", "same-origin")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := p.Browser().Send(r)
	if w.Code != http.StatusSeeOther || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// R140: the flow fits, with the longest of what is usual in it.
func TestTheFlowIsSmall(t *testing.T) {
	p, _ := forge(t, []passport.Option{oauth2.Scopes(strings.Fields(strings.Repeat("read:org ", 20))...)}, func(c *oauth2.Config) { c.Issuer = issuer })
	w := p.Browser().Send(testapp.Navigation("GET", "/connect/forge", "same-origin"))
	for _, c := range w.Result().Cookies() {
		if size := len(c.Name) + len(c.Value); size > 800 || strings.Contains(c.Value, "read") {
			t.Errorf("%s has %d bytes: %s", c.Name, size, c.Value)
		}
	}
	if w.Code != http.StatusFound {
		t.Error(w.Code, p.Last())
	}
}

// RFC 9126.
func TestAPushedRequestLeavesTheBrowserNothingButAReference(t *testing.T) {
	for _, auth := range []oauth2.Auth{oauth2.SecretBasic, oauth2.SecretPost, oauth2.PublicClient} {
		p, s := forge(t, []passport.Option{oauth2.Prompt("login")}, func(c *oauth2.Config) {
			c.PushURL = strings.Replace(c.TokenURL, "/token", "/par", 1)
			if c.Auth = auth; auth == oauth2.PublicClient {
				c.ClientSecret = ""
			}
		})
		s.auth = auth
		b := p.Browser()
		to := b.Begin("/connect/forge")
		if q := query(t, to); !slices.Equal(sorted(q), []string{"client_id", "request_uri"}) || q.Get("client_id") != clientID {
			t.Errorf("%s: %s", auth, to)
		}
		s.mu.Lock()
		pushed := s.form
		s.mu.Unlock()
		for name, want := range map[string]string{"response_type": "code", "redirect_uri": redirectURL, "scope": "read", "prompt": "login", "code_challenge_method": "S256"} {
			if pushed.Get(name) != want {
				t.Errorf("%s: pushed %s=%q", auth, name, pushed[name])
			}
		}
		p.Want("the end", b.End("/connect/forge", s.allow(to)), "", 0)
	}
}

func TestAReplyToAPushThatIsNoneBeginsNothing(t *testing.T) {
	const uri = `"request_uri":"urn:x"`
	for name, h := range map[string]http.HandlerFunc{
		"200":                   says(200, jsonType, `{`+uri+`,"expires_in":60}`),
		"400":                   says(400, jsonType, `{"error":"invalid_request","error_description":"CANARY"}`),
		"an error of its own":   says(400, jsonType, `{"error":"CANARY"}`),
		"500 with HTML":         says(500, "text/html", `<p>CANARY`),
		"nothing":               says(201, jsonType, ``),
		"null":                  says(201, jsonType, `null`),
		"an empty object":       says(201, jsonType, `{}`),
		"no request_uri":        says(201, jsonType, `{"expires_in":60}`),
		"an empty one":          says(201, jsonType, `{"request_uri":"","expires_in":60}`),
		"one that is no text":   says(201, jsonType, `{"request_uri":1,"expires_in":60}`),
		"one with a line break": says(201, jsonType, `{"request_uri":"urn:x\r\nX: y","expires_in":60}`),
		"a long one":            says(201, jsonType, `{"request_uri":"`+strings.Repeat("a", 2000)+`","expires_in":60}`),
		"two":                   says(201, jsonType, `{`+uri+`,`+uri+`,"expires_in":60}`),
		"no expires_in":         says(201, jsonType, `{`+uri+`}`),
		"an expires_in of 0":    says(201, jsonType, `{`+uri+`,"expires_in":0}`),
		"a negative one":        says(201, jsonType, `{`+uri+`,"expires_in":-60}`),
		"one that is a text":    says(201, jsonType, `{`+uri+`,"expires_in":"60"}`),
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/evil", http.StatusTemporaryRedirect)
		},
	} {
		p, s := forge(t, nil, func(c *oauth2.Config) { c.PushURL = strings.Replace(c.TokenURL, "/token", "/par", 1) })
		s.on("/par", h)
		w := p.Browser().Send(testapp.Navigation("GET", "/connect/forge", "same-origin"))
		p.Want(name, w, passport.CodeProvider, http.StatusBadGateway)
		if w.Header().Get("Location") != "" || len(w.Result().Cookies()) > 0 || s.count("/evil") > 0 {
			t.Errorf("%s: %v", name, w.Header())
		}
	}
}

// The verifier is nowhere in what the browser gets (R17).
func TestTheVerifierIsSealed(t *testing.T) {
	p, s := forge(t, nil)
	b := p.Browser()
	to := b.Begin("/connect/forge")
	kept := ""
	for _, c := range b.Cookies {
		raw, _ := base64.RawURLEncoding.DecodeString(c.Value)
		kept += c.Value + string(raw)
	}
	p.Want("the end", b.End("/connect/forge", s.allow(to)), "", 0)
	verifier := s.form.Get("code_verifier")
	if sum := sha256.Sum256([]byte(verifier)); len(verifier) != 43 || query(t, to).Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
		t.Errorf("the verifier is %q", verifier)
	}
	if strings.Contains(to+kept, verifier) || strings.Contains(kept, query(t, to).Get("state")) {
		t.Error("the browser can read the verifier or the state")
	}
}
