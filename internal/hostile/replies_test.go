package hostile_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/hostile"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/strategies/gothprovider"
	"github.com/gopassport/passport/strategies/oidc"
)

// connect walks a whole connection as alice and says what became of it.
func (w *world) connect(t *testing.T, route string) string {
	t.Helper()
	b := w.person("alice")
	b.Manual = false
	defer func() { b.Manual = true }()
	w.ran, w.seen, w.last = 0, nil, nil
	page := b.Walk(app + route)
	switch {
	case page.Status == http.StatusOK && w.ran == 1 && w.seen != nil:
		return "accept"
	case page.Status >= 400 && w.ran == 0 && w.last != nil:
		if strings.Contains(w.last.Error(), w.op.ClientSecret) || strings.Contains(fmt.Sprintf("%+v %s", w.last, page.Body), "code-") {
			t.Errorf("a secret shows up: %v", w.last)
		}
		return "reject"
	}
	return fmt.Sprint(page.Status, " ", page.Body, " ", w.last)
}

// rsaKey is made once: RSA keys take their time.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// newSigned is a world whose provider signs as the corpus has it: RS256, kid k1.
func newSigned(t *testing.T, o func(*oidc.Config)) *world {
	w := newWorld(t, setup{op: passporttest.ProviderConfig{Algorithm: "RS256", Key: rsaKey(), People: []map[string]any{{"sub": "s1", "id": 1}}}, oidc: o})
	w.op.EditResponse(passporttest.JWKS, func(r *passporttest.Reply) {
		r.Body = regexp.MustCompile(`"kid":"[^"]*"`).ReplaceAll(r.Body, []byte(`"kid":"k1"`))
	})
	w.op.EditClaims(func(header, _ map[string]any) { header["kid"] = "k1" })
	return w
}

// idTokens puts another ID token into the token reply.
func idTokens(t *testing.T, e hostile.Entry) string {
	w := newSigned(t, func(c *oidc.Config) {
		if strings.Contains(e.Expect, "max_age") {
			c.MaxAge = time.Hour
		}
	})
	var nonce string
	w.op.EditClaims(func(header, claims map[string]any) {
		header["kid"] = "k1"
		nonce, _ = claims["nonce"].(string)
		if strings.Contains(e.Expect, "max_age") { // which all but this entry satisfy
			claims["auth_time"] = time.Now().Unix()
		}
	})
	if strings.Contains(e.Expect, "max_age") {
		if got := w.connect(t, "/connect/op"); got != "accept" {
			t.Fatalf("a good token: %s", got)
		}
	}
	w.op.EditResponse(passporttest.Token, func(r *passporttest.Reply) { setIDToken(t, r, w.makeToken(t, e, nonce)) })
	got := w.connect(t, "/connect/op")
	if others := w.net.others(); len(others) > 0 {
		t.Errorf("somebody else was asked: %v", others)
	}
	if got == "reject" && w.last.Status != 502 && w.last.Status != 403 {
		t.Errorf("refused with %d: %v", w.last.Status, w.last)
	}
	if e.Name == "sub then Sub (go-oidc returns victim)" && got == "accept" && w.seen.who.Subject != "me" {
		t.Errorf("it is %s", w.seen.who.Subject)
	}
	return got
}

func setIDToken(t *testing.T, r *passporttest.Reply, token string) {
	var members map[string]any
	if err := json.Unmarshal(r.Body, &members); err != nil {
		t.Fatal(err)
	}
	members["id_token"] = token
	r.Body, _ = json.Marshal(members)
}

// makeToken makes the token that an entry describes.
func (w *world) makeToken(t *testing.T, e hostile.Entry, nonce string) string {
	if strings.HasPrefix(e.Name, "raw token: JSON") {
		good := strings.Split(w.op.Sign(map[string]any{"alg": "RS256", "kid": "k1"}, []byte(w.claims(`{"iss":"{{iss}}","aud":"{{cid}}","sub":"s1","iat":{{now}},"exp":{{now+60}},"nonce":"{{nonce}}"}`, nonce))), ".")
		return fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q},{"protected":%q,"signature":"AAAA"}]}`, good[1], good[0], good[2], good[0])
	}
	if strings.HasPrefix(e.Name, "raw token") {
		return e.Input
	}
	var made struct {
		Header  map[string]any
		Claims  json.RawMessage
		Payload *string `json:"payload_raw"`
	}
	if err := json.Unmarshal([]byte(e.Input), &made); err != nil {
		t.Fatal(err)
	}
	payload := w.claims(string(made.Claims), nonce)
	if made.Payload != nil {
		payload = w.claims(hostile.Bytes(*made.Payload), nonce)
	}
	bad := made.Header["_sig"] == "bad"
	delete(made.Header, "_sig")
	token := w.op.Sign(made.Header, []byte(payload))
	dot := strings.LastIndexByte(token, '.')
	switch {
	case bad:
		return token[:dot+1] + base64.RawURLEncoding.EncodeToString(make([]byte, 256))
	case made.Header["alg"] == "None":
		return token[:dot+1]
	case made.Header["alg"] == "HS256":
		mac := hmac.New(sha256.New, []byte(w.op.ClientSecret))
		mac.Write([]byte(token[:dot]))
		return token[:dot+1] + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	return token
}

// claims fills in the macros of a token. A quoted number is a number.
func (w *world) claims(text, nonce string) string {
	text = strings.NewReplacer("{{iss}}", issuer, "{{cid}}", w.op.ClientID, "{{nonce}}", nonce).Replace(hostile.Bytes(text))
	return regexp.MustCompile(`"?\{\{now([+-]\d+)?\}\}"?`).ReplaceAllStringFunc(text, func(macro string) string {
		offset := strings.TrimPrefix(strings.Trim(macro, `"{}`), "now")
		n, _ := strconv.ParseInt(offset, 10, 64) // none is 0
		return strconv.FormatInt(time.Now().Unix()+n, 10)
	})
}

// tokenReplies puts another reply in place of the token endpoint's. It must be refused,
// or taken, by OAuth 2 and by OpenID Connect.
func tokenReplies(t *testing.T, e hostile.Entry) string {
	s := setup{}
	if strings.Contains(e.Input, "{{hang}}") || strings.Contains(e.Input, "{{slow") {
		s.timeout = 2 * time.Second
	}
	w := newWorld(t, s)
	w.connect(t, "/connect/op")                                                   // keys and metadata are there
	w.op.EditClaims(func(_, claims map[string]any) { delete(claims, "at_hash") }) // the corpus has other access tokens
	w.op.EditResponse(passporttest.Userinfo, func(r *passporttest.Reply) { r.Status, r.Body = 200, []byte(`{"id":1}`) })
	switch {
	case strings.Contains(e.Input, "{{hang}}"):
		w.op.Always(passporttest.Hang)
	case strings.Contains(e.Input, "{{slow"):
		w.op.Always(passporttest.SlowBody)
	case strings.Contains(e.Input, "{{stream"):
		w.op.Always(passporttest.HugeBody) // 50 MB of it: nobody may read as far as that
	default:
		w.op.EditResponse(passporttest.Token, func(r *passporttest.Reply) { replaced(t, r, e.Input) })
	}
	before := w.op.Count(passporttest.Token)
	started := time.Now()
	got := w.connect(t, "/connect/op")
	if n := w.op.Count(passporttest.Token) - before; n != 1 {
		t.Errorf("the provider was asked %d times", n)
	}
	if time.Since(started) > 20*time.Second {
		t.Errorf("it took %v", time.Since(started))
	}
	if !strings.Contains(e.Input, `"id_token":`) || strings.Contains(e.Input, "{{idtoken}}") { // what only OpenID Connect reads
		if other := w.connect(t, "/connect/github"); other != got {
			t.Errorf("OpenID Connect: %s, OAuth 2: %s", got, other)
		}
	}
	if others := w.net.others(); len(others) > 0 {
		t.Errorf("somebody else was asked: %v", others)
	}
	return got
}

// replaced makes the reply of an HTTP text. {{idtoken}} is what the reply had.
func replaced(t *testing.T, r *passporttest.Reply, text string) {
	var good struct {
		IDToken string `json:"id_token"`
	}
	_ = json.Unmarshal(r.Body, &good) // OAuth 2 has none
	response := hostile.Response(strings.NewReplacer("{{idtoken}}", good.IDToken, "{{code}}", "code-CANARY").Replace(text))
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	r.Status, r.Header, r.Body = response.StatusCode, response.Header, body
}

// userinfos puts another reply in place of the userinfo endpoint's.
func userinfos(t *testing.T, e hostile.Entry) string {
	w := newSigned(t, func(c *oidc.Config) { c.Userinfo = true })
	w.op.EditResponse(passporttest.Userinfo, func(r *passporttest.Reply) {
		r.Body = []byte(hostile.Bytes(e.Input))
		if e.Input == "{{status:401}}" {
			r.Status = 401
		}
	})
	got := w.connect(t, "/connect/op")
	if e.Verdict() != "neutralise" {
		return got
	}
	if got == "reject" && strings.Contains(e.Expect, "or reject") {
		return "neutralise"
	}
	if got != "accept" {
		return got
	}
	return w.harmless(t, e)
}

// harmless looks at what userinfo may not change.
func (w *world) harmless(t *testing.T, e hostile.Entry) string {
	who := w.seen.who
	verified := "unknown"
	if who.EmailVerified != nil {
		verified = strconv.FormatBool(*who.EmailVerified)
	}
	_, want, asks := strings.Cut(e.Expect, "verified=")
	if asks {
		want = regexp.MustCompile(`^\w+`).FindString(want)
	}
	switch {
	case who.Issuer != issuer || who.Subject != "s1":
		t.Errorf("it is %s at %s", who.Subject, who.Issuer)
	case asks && verified != want:
		t.Errorf("verified is %s", verified)
	case strings.Contains(e.Expect, "e-mail dropped") && who.Email != "":
		t.Errorf("the address is %q", who.Email)
	case len(who.Name) > 1<<10:
		t.Errorf("a name of %d bytes", len(who.Name))
	case strings.Contains(e.Name, "script") && who.Name != "<script>alert(1)</script>":
		t.Errorf("the name is %q", who.Name)
	}
	return "neutralise"
}

// discoveries puts another document in place of the provider's metadata.
func discoveries(t *testing.T, e hostile.Entry) string {
	w := newWorld(t, setup{})
	w.op.EditResponse(passporttest.Discovery, func(r *passporttest.Reply) {
		r.Body = whole(t, e, r.Body)
	})
	page := w.person("alice").Follow(app + "/connect/op")
	if page.Location() != "" {
		return "accept: " + page.Location()
	}
	return "reject"
}

// whole completes a document: it is refused for what the entry has wrong, not for what it
// leaves out. Where a member is missing on purpose, it goes.
func whole(t *testing.T, e hostile.Entry, good []byte) []byte {
	var all, wrong map[string]any
	if json.Unmarshal(good, &all) != nil || json.Unmarshal([]byte(e.Input), &wrong) != nil {
		t.Fatal(e.Input)
	}
	maps.Copy(all, wrong)
	if member, missing := strings.CutSuffix(e.Name, " missing"); missing {
		delete(all, member)
	}
	body, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// keySets puts another set of keys in place of the provider's.
func keySets(t *testing.T, e hostile.Entry) string {
	w := newSigned(t, nil)
	w.op.EditResponse(passporttest.JWKS, func(r *passporttest.Reply) {
		n := regexp.MustCompile(`"n":"([^"]*)"`).FindSubmatch(r.Body)
		other := bytes.Clone(n[1])
		other[5] ^= 1
		r.Body = []byte(strings.NewReplacer("{{n}}", string(n[1]), "{{other}}", string(other)).Replace(e.Input))
	})
	return w.connect(t, "/connect/op")
}

// issuers makes a strategy for an issuer of the attacker's.
func issuers(t *testing.T, e hostile.Entry) (verdict string) {
	defer func() {
		if text, ok := recover().(string); ok && strings.HasPrefix(text, "oidc: New(") {
			verdict = "reject"
		}
	}()
	net := &network{to: map[string]string{}}
	s := oidc.New(oidc.Config{Issuer: e.Input, ClientID: "id", ClientSecret: "secret", RedirectURL: app + "/callback", Client: &http.Client{Transport: net}}, func(*http.Request, oidc.Identity) (*account, error) { return nil, nil })
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, app+"/connect", nil)
	if err != nil {
		t.Fatal(err)
	}
	result, err := passporttest.NewAttempt(t, s).Do(r)
	switch _, redirected := result.(passport.Redirect); {
	case len(net.hosts) > 0:
		return "accept" // so far that a connection would be made
	case redirected || err == nil:
		t.Errorf("%v, %v", result, err)
	}
	return "reject"
}

// oauth1s is a reply of an OAuth 1 service, or its answer by way of the browser.
func oauth1s(t *testing.T, e hostile.Entry) string {
	w := newWorld(t, setup{})
	w.route = "/connect/tw"
	kind, _, _ := strings.Cut(e.Name, ":")
	switch kind {
	case "request-token reply":
		w.tw.EditResponse(passporttest.RequestToken, func(r *passporttest.Reply) { r.Body = []byte(e.Input) })
		page := w.person("alice").Follow(app + "/connect/tw")
		if page.Location() != "" || w.tw.Count(passporttest.RequestToken) != 1 {
			return "sent to " + page.Location()
		}
		return "reject"
	case "access-token reply":
		w.tw.EditResponse(passporttest.AccessToken, func(r *passporttest.Reply) {
			r.Body = []byte(e.Input)
			if text, ok := strings.CutPrefix(e.Input, "{{status:401}}"); ok {
				r.Status, r.Body = 401, []byte(text+w.tw.Last(passporttest.AccessToken).Header.Get("Authorization"))
			}
		})
		got := w.connect(t, "/connect/tw")
		if w.last != nil && strings.Contains(w.last.Error(), "oauth_signature") {
			t.Errorf("the signature shows up: %v", w.last)
		}
		return got
	}
	return w.oauth1Callback(t, e)
}

func (w *world) oauth1Callback(t *testing.T, e hostile.Entry) string {
	good := w.flowOf("alice")
	hits := strings.Count(e.Input, "{{verifier}}")
	e.Input = strings.Replace(e.Input, "{{verifier}}", good.answer.Get("oauth_verifier"), 1)
	query, again := strings.CutSuffix(e.Input, " (twice)")
	query = w.expand(query)
	if again { // the good answer, and once more
		query, hits = good.answer.Encode(), 1
		if a := w.send("GET /connect/tw/callback?" + query + " HTTP/1.1\nHost: app.test\nCookie: " + w.cookies("alice", "") + "\n\n"); a.verdict() != "accept" {
			t.Fatalf("the good answer: %s %s", a.verdict(), w.last)
		}
	}
	a := w.send("GET /connect/tw/callback?" + query + " HTTP/1.1\nHost: app.test\nCookie: " + w.cookies("alice", "") + "\n\n")
	if n := w.tw.Count(passporttest.AccessToken); n != hits {
		t.Errorf("%d access tokens were asked for", n)
	}
	if strings.Contains(e.Expect, "typed denial") && w.last.Code != passport.CodeDenied {
		t.Errorf("%v", w.last)
	}
	if strings.Contains(e.Expect, "pending flow untouched") {
		if page := w.person("alice").From(w.tw.URL + "/").Follow(good.callback); page.Status != 200 {
			t.Errorf("the flow is gone: %d %s", page.Status, page.Body)
		}
	}
	return a.verdict()
}

// gothReplies puts a profile in place of the one that goth asks for.
func gothReplies(t *testing.T, e hostile.Entry) string {
	p := passporttest.NewProvider(t, passporttest.ProviderConfig{})
	p.EditResponse(passporttest.Userinfo, func(r *passporttest.Reply) { r.Body = []byte(e.Input) })
	s := gothprovider.New(
		github.NewCustomisedURL(p.ClientID, p.ClientSecret, app+"/connect/callback", p.At(passporttest.Authorize), p.At(passporttest.Token), p.At(passporttest.Userinfo), p.At("/emails")),
		func(_ *http.Request, u goth.User) (string, error) { return u.UserID, nil })
	a := passporttest.NewAttempt(t, s)
	begin, err := http.NewRequestWithContext(t.Context(), http.MethodGet, app+"/connect", nil)
	if err != nil {
		t.Fatal(err)
	}
	result, err := a.Do(begin)
	to, ok := result.(passport.Redirect)
	if !ok {
		t.Fatalf("%v, %v", result, err)
	}
	b := passporttest.NewBrowser(t)
	b.Manual = true
	end, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.Open(to.URL).Location(), nil)
	if err != nil {
		t.Fatal(err)
	}
	result, err = a.Do(end)
	if _, in := result.(passport.Success); in || err == nil {
		return fmt.Sprintf("%v, %v", result, err)
	}
	return "reject"
}
