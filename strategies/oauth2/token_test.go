package oauth2_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	x "golang.org/x/oauth2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/oauth2"
)

// R10: in the one way that was said, once.
func TestTheClientAuthenticatesInOneWay(t *testing.T) {
	for _, auth := range []oauth2.Auth{oauth2.SecretBasic, oauth2.SecretPost, oauth2.PublicClient} {
		p, s := forge(t, nil, func(c *oauth2.Config) {
			if c.Auth = auth; auth == oauth2.PublicClient {
				c.ClientSecret = ""
			}
		})
		s.auth = auth
		p.Want(string(auth), flow(p, s, ""), "", 0)
		s.mu.Lock()
		names := sorted(s.form)
		s.mu.Unlock()
		want := []string{"client_id", "client_secret", "code", "code_verifier", "grant_type", "redirect_uri"}
		if auth != oauth2.SecretPost {
			want = slices.DeleteFunc(want, func(name string) bool {
				return name == "client_secret" || auth == oauth2.SecretBasic && name == "client_id"
			})
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s: the form has %q, want %q", auth, names, want)
		}
		s.on("/token", says(401, jsonType, `{"error":"invalid_client"}`))
		p.Want("refused", flow(p, s, ""), passport.CodeProvider, http.StatusBadGateway)
		if s.count("/token") != 2 {
			t.Errorf("%s: it was tried %d times", auth, s.count("/token")-1)
		}
	}
}

// RFC 7523, 2.2 and 3.
func TestAnAssertionIsSignedForTheServiceAndOnce(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[jose.SignatureAlgorithm]crypto.Signer{jose.RS256: rsaKey}
	for algorithm, curve := range map[jose.SignatureAlgorithm]elliptic.Curve{jose.ES256: elliptic.P256(), jose.ES384: elliptic.P384(), jose.ES512: elliptic.P521()} {
		if keys[algorithm], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	if _, keys[jose.EdDSA], err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	for algorithm, key := range keys {
		p, s := forge(t, nil, func(c *oauth2.Config) {
			keyed(key)(c)
			c.KeyID = "k1"
			c.PushURL = strings.Replace(c.TokenURL, "/token", "/par", 1)
			if algorithm == jose.ES256 {
				c.Issuer = issuer
			}
		})
		s.auth = oauth2.PrivateKeyJWT
		audience := s.URL + "/token"
		if algorithm == jose.ES256 {
			audience = issuer
		}
		b := p.Browser()
		to := b.Begin("/connect/forge")
		pushed := s.form
		p.Want(string(algorithm), b.End("/connect/forge", s.allow(to)), "", 0)
		seen := map[string]bool{}
		for _, form := range []map[string][]string{pushed, s.form} {
			if form["client_assertion_type"][0] != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || form["client_id"][0] != clientID {
				t.Errorf("%v", form)
			}
			signed, err := jose.ParseSigned(form["client_assertion"][0], []jose.SignatureAlgorithm{algorithm})
			if err != nil {
				t.Fatal(err)
			}
			payload, err := signed.Verify(key.Public())
			if err != nil || signed.Signatures[0].Header.KeyID != "k1" {
				t.Fatalf("%s: %v %+v", algorithm, err, signed.Signatures[0].Header)
			}
			var claims struct {
				Iss, Sub, Aud, Jti string
				Iat, Exp           int64
			}
			if err := json.Unmarshal(payload, &claims); err != nil {
				t.Fatal(err)
			}
			if claims.Iss != clientID || claims.Sub != clientID || claims.Aud != audience || claims.Exp-claims.Iat != 60 ||
				time.Since(time.Unix(claims.Iat, 0)).Abs() > time.Minute || len(claims.Jti) != 43 || seen[claims.Jti] {
				t.Errorf("%s: %+v", algorithm, claims)
			}
			seen[claims.Jti] = true
		}
	}
}

// RFC 6749, 5.1: what is not in the corpus.
func TestTokenReplies(t *testing.T) {
	const token = `"access_token":"CANARY","token_type":"bearer"`
	for _, c := range []struct {
		reply  string
		ok     bool
		scopes string // "" for what was asked for
		lives  time.Duration
	}{
		{reply: `{` + token + `}`, ok: true},
		{reply: ` {"token_type":"BEARER","access_token":"CANARY"} `, ok: true},
		{reply: `{` + token + `,"expires_in":3600}`, ok: true, lives: time.Hour},
		{reply: `{` + token + `,"expires_in":"3600"}`, ok: true, lives: time.Hour},
		{reply: `{` + token + `,"expires_in":0}`, ok: true},
		{reply: `{` + token + `,"expires_in":null}`, ok: true},
		{reply: `{` + token + `,"expires_in":9999999999}`, ok: true}, // for ever
		{reply: `{` + token + `,"expires_in":315360000}`, ok: true, lives: 315360000 * time.Second},
		{reply: `{` + token + `,"expires_in":3600.5}`},
		{reply: `{` + token + `,"expires_in":1e3}`},
		{reply: `{` + token + `,"expires_in":-1}`},
		{reply: `{` + token + `,"expires_in":"-1"}`},
		{reply: `{` + token + `,"expires_in":""}`},
		{reply: `{` + token + `,"expires_in":true}`},
		{reply: `{` + token + `,"expires_in":99999999999999999999}`},
		{reply: `{` + token + `,"scope":"a b"}`, ok: true, scopes: "a b"},
		{reply: `{` + token + `,"scope":" a  b "}`, ok: true, scopes: "a b"},
		{reply: `{` + token + `,"scope":["a","b"]}`, ok: true, scopes: "a b"}, // Twitch
		{reply: `{` + token + `,"scope":"a,b"}`, ok: true, scopes: "a,b"},
		{reply: `{` + token + `,"scope":""}`, ok: true, scopes: "-"},
		{reply: `{` + token + `,"scope":null}`, ok: true},
		{reply: `{` + token + `,"scope":1}`},
		{reply: `{` + token + `,"scope":[1]}`},
		{reply: `{` + token + `,"scope":["a b"]}`},
		{reply: `{` + token + `,"scope":"a\nb"}`},
		{reply: `{` + token + `,"scope":"a\"b"}`},
		{reply: `{` + token + `,"scope":"a","Scope":"admin"}`},
		{reply: `{` + token + `,"refresh_token":"CANARY x"}`, ok: true},
		{reply: `{` + token + `,"refresh_token":""}`, ok: true},
		{reply: `{` + token + `,"refresh_token":null}`, ok: true},
		{reply: `{` + token + `,"refresh_token":1}`},
		{reply: `{` + token + `,"refresh_token":"a\nb"}`},
		{reply: `{` + token + `,"refresh_token":"a","refresh_token":"b"}`},
		{reply: `{` + token + `,"Expires_in":1}`},
		{reply: `{` + token + `,"error":null}`, ok: true},
		{reply: `{` + token + `,"error":""}`},
		{reply: `{` + token + `,"error":{}}`},
		{reply: `{` + token + `,"error":"CANARY"}`},
		{reply: `{` + token + `,"ERROR":"x"}`},
		{reply: `{"access_token":"` + strings.Repeat("a", 16<<10+1) + `","token_type":"bearer"}`},
		{reply: `{"access_token":"é","token_type":"bearer"}`},
		{reply: `{"access_token":["a"],"token_type":"bearer"}`},
		{reply: `{"access_token":"a","token_type":""}`},
		{reply: `{"access_token":"a","token_type":null}`},
		{reply: `{"access_token":"a","token_type":"Bearer "}`},
	} {
		p, s := forge(t, nil)
		s.on("/token", says(200, "application/json;charset=UTF-8", c.reply))
		s.on("/me", says(200, jsonType, `{"id":1}`))
		if !c.ok {
			p.Want(c.reply, flow(p, s, ""), passport.CodeProvider, http.StatusBadGateway)
			continue
		}
		p.Want(c.reply, flow(p, s, ""), "", 0)
		want := strings.Fields(strings.Trim(c.scopes, "-"))
		if c.scopes == "" {
			want = []string{"read"}
		}
		if g := p.linked.Grant; !slices.Equal(g.Scopes, want) {
			t.Errorf("%s: granted %q, want %q", c.reply, g.Scopes, want)
		}
		if expiry := p.linked.Grant.Token().Expiry; expiry.IsZero() != (c.lives == 0) || c.lives > 0 && (time.Until(expiry)-c.lives).Abs() > time.Minute {
			t.Errorf("%s: it expires at %v", c.reply, expiry)
		}
	}
}

func TestScopesOfARouteAreThoseThatAreTakenForGranted(t *testing.T) {
	p, s := forge(t, []passport.Option{oauth2.Scopes("gist", "repo")})
	p.Want("a flow", flow(p, s, ""), "", 0)
	if g := p.linked.Grant.Scopes; !slices.Equal(g, []string{"gist", "repo"}) {
		t.Errorf("%q", g)
	}
}

func TestACommaMayStandBetweenScopes(t *testing.T) {
	p, s := forge(t, []passport.Option{oauth2.Scopes("gist", "repo")}, func(c *oauth2.Config) { c.ScopeSeparator = "," })
	s.on("/token", says(200, jsonType, `{"access_token":"CANARY-TOKEN-1","token_type":"bearer","scope":"gist,user"}`))
	b := p.Browser()
	to := b.Begin("/connect/forge")
	p.Want("a flow", b.End("/connect/forge", s.allow(to)), "", 0)
	if query(t, to).Get("scope") != "gist,repo" || !slices.Equal(p.linked.Grant.Scopes, []string{"gist", "user"}) {
		t.Errorf("asked for %q, got %q", query(t, to).Get("scope"), p.linked.Grant.Scopes)
	}
}

func TestAProvidersErrorCanBeReached(t *testing.T) {
	p, s := forge(t, nil)
	for _, status := range []int{400, 200} { // some services say 200 to everything
		s.on("/token", says(status, jsonType, `{"error":"invalid_grant","error_description":"CANARY"}`))
		p.Want("a refusal", flow(p, s, ""), passport.CodeProvider, http.StatusBadGateway)
		var retrieve *x.RetrieveError
		if e := p.Last(); !errors.As(e, &retrieve) || retrieve.ErrorCode != "invalid_grant" || retrieve.Response.StatusCode != status || !strings.HasSuffix(e.Error(), fmt.Sprintf("status %d: invalid_grant", status)) {
			t.Errorf("%v", e)
		}
	}
}

// expired is a token that needs a refresh.
func expired() *x.Token {
	return &x.Token{AccessToken: "CANARY-OLD", TokenType: "bearer", RefreshToken: "CANARY-REFRESH-old", Expiry: time.Now().Add(-time.Hour)}
}

func TestARefreshKeepsTheOldRefreshTokenWhereNoneCame(t *testing.T) {
	s := newService(t)
	strategy := oauth2.New(s.config(), keep)
	for more, want := range map[string]string{
		"":                                      "CANARY-REFRESH-old",
		`,"refresh_token":""`:                   "CANARY-REFRESH-old",
		`,"refresh_token":"CANARY-REFRESH-new"`: "CANARY-REFRESH-new",
	} {
		s.refresh = func() string { return more }
		got, err := strategy.TokenSource(t.Context(), expired()).Token()
		if err != nil || got.RefreshToken != want || !strings.HasPrefix(got.AccessToken, "CANARY-TOKEN-") || !got.Valid() {
			t.Errorf("%s: %+v, %v", more, got, err)
		}
		if s.form.Get("grant_type") != "refresh_token" || s.form.Get("refresh_token") != "CANARY-REFRESH-old" || s.form.Has("code") || s.form.Has("redirect_uri") {
			t.Errorf("the request says %v", s.form)
		}
	}
}

func TestASecondRefreshUsesTheNewRefreshToken(t *testing.T) {
	s := newService(t)
	s.refresh = func() string { return `,"refresh_token":"CANARY-REFRESH-new"` }
	s.on("/token", func(w http.ResponseWriter, r *http.Request) {
		short := httptest.NewRecorder()
		s.token(short, r)
		says(200, jsonType, strings.Replace(short.Body.String(), "3600", "1", 1))(w, r) // x/oauth2 takes it for expired
	})
	source := oauth2.New(s.config(), keep).TokenSource(t.Context(), expired())
	for _, want := range []string{"CANARY-REFRESH-old", "CANARY-REFRESH-new"} {
		if _, err := source.Token(); err != nil || s.form.Get("refresh_token") != want {
			t.Errorf("%v: %q, want %q", err, s.form.Get("refresh_token"), want)
		}
	}
}

func TestARefreshIsJudgedAsTheFirstReplyWas(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"another type": says(200, jsonType, `{"access_token":"CANARY","token_type":"mac"}`),
		"twice":        says(200, jsonType, `{"access_token":"CANARY","access_token":"CANARY","token_type":"bearer"}`),
		"no JSON":      says(200, "text/html", `CANARY`),
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/evil", http.StatusTemporaryRedirect)
		},
		"invalid_grant": says(400, jsonType, `{"error":"invalid_grant","error_description":"CANARY"}`),
		"50 MB": func(w http.ResponseWriter, r *http.Request) {
			write(w, "HTTP/1.1 200 OK\nContent-Type: application/json\n\n{{stream:1073741824}}")
		},
	} {
		s := newService(t)
		s.on("/token", h)
		_, err := oauth2.New(s.config(), keep).TokenSource(t.Context(), expired()).Token()
		var e *passport.Error
		if !errors.As(err, &e) || e.Code != passport.CodeProvider || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "CANARY") || s.count("/evil") > 0 {
			t.Errorf("%s: %v", name, err)
		}
		var retrieve *x.RetrieveError
		if name == "invalid_grant" && (!errors.As(err, &retrieve) || retrieve.ErrorCode != "invalid_grant") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnExpiredTokenWithoutARefreshTokenIsAnError(t *testing.T) {
	strategy := oauth2.New(good(), keep)
	for name, token := range map[string]*x.Token{"none": nil, "an expired one": {AccessToken: "CANARY", Expiry: time.Now().Add(-time.Hour)}} {
		_, err := strategy.TokenSource(t.Context(), token).Token()
		var e *passport.Error
		if !errors.As(err, &e) || !strings.Contains(e.Error(), "there is no refresh token") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARefreshEndsWithItsContextAndItsTimeout(t *testing.T) {
	s := newService(t)
	s.on("/token", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // a server sees the end of a connection when it has read what was sent
		<-r.Context().Done()
	})
	config := s.config()
	config.Timeout = 20 * time.Millisecond
	_, err := oauth2.New(config, keep).TokenSource(t.Context(), expired()).Token()
	var e *passport.Error
	if !errors.As(err, &e) || e.Code != passport.CodeProviderTimeout {
		t.Errorf("time-out: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := oauth2.New(s.config(), keep).TokenSource(ctx, expired()).Token(); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestAllWhoWaitForARefreshGetTheSame(t *testing.T) {
	s := newService(t)
	api := oauth2.New(s.config(), keep).Client(t.Context(), expired())
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			reply, err := api.Get(s.URL + "/me")
			if err != nil || reply.StatusCode != http.StatusOK {
				t.Errorf("%v %v", reply, err)
				return
			}
			reply.Body.Close()
		})
	}
	all.Wait()
	if s.count("/token") != 1 {
		t.Errorf("%d refreshes", s.count("/token"))
	}
}

func TestTheClientOfAGrantBearsTheTokenOnOneHostOnly(t *testing.T) {
	evil := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the other host got %v", r.Header) }))
	defer evil.Close()
	p, s := forge(t, nil)
	p.Want("a flow", flow(p, s, ""), "", 0)
	api := p.linked.Grant.Client(t.Context())
	s.on("/here", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/me", http.StatusFound) })
	s.on("/there", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, evil.URL, http.StatusFound) })
	s.on("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	reply, err := api.Get(s.URL + "/here")
	if err != nil || reply.StatusCode != http.StatusOK || s.header.Get("Authorization") != "Bearer CANARY-TOKEN-1" {
		t.Fatalf("%v %v", reply, err)
	}
	reply.Body.Close()
	for _, path := range []string{"/there", "/round"} {
		if reply, err := api.Get(s.URL + path); err == nil {
			reply.Body.Close()
			t.Errorf("%s was followed", path)
		}
	}
	if s.count("/round") > 10 {
		t.Errorf("%d times round", s.count("/round"))
	}
}

func TestAGrantGivesCopiesOfItsToken(t *testing.T) {
	p, s := forge(t, nil)
	p.Want("a flow", flow(p, s, ""), "", 0)
	g := p.linked.Grant
	first := g.Token()
	if first.AccessToken != "CANARY-TOKEN-1" || first.RefreshToken != "CANARY-REFRESH-0" || first.Type() != "Bearer" || time.Until(first.Expiry) < 59*time.Minute {
		t.Errorf("%+v", first)
	}
	first.AccessToken = "changed"
	if again, err := g.TokenSource(t.Context()).Token(); err != nil || again.AccessToken != "CANARY-TOKEN-1" || g.Token().AccessToken != "CANARY-TOKEN-1" {
		t.Errorf("%+v, %v", again, err)
	}
	if (oauth2.Grant{}).Token().AccessToken != "" {
		t.Error("a token from nowhere")
	}
}

// R131: whatever prints a grant, and whatever it is in, shows no secret.
func TestAGrantPrintsNoSecret(t *testing.T) {
	p, s := forge(t, nil)
	s.on("/me", says(200, jsonType, `{"id":"octo","email":"PRIVATE@example.org"}`))
	s.on("/token", says(200, jsonType, `{"access_token":"CANARY-TOKEN-1","token_type":"bearer","refresh_token":"CANARY","id_token":"CANARY","scope":"read","team":"PRIVATE"}`))
	p.Want("a flow", flow(p, s, ""), "", 0)
	g := p.linked.Grant
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	logger.Info("x", "grant", g, "pointer", &g, "profile", g.Profile, "reply", g.Reply)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "grant", g, "list", []any{g})
	text := log.String() + mustJSON(t, g) + mustJSON(t, &g) + mustJSON(t, map[string]any{"g": g})
	for _, v := range []any{g, &g, []oauth2.Grant{g}, map[string]oauth2.Grant{"g": g}, *p.linked, g.Profile, g.Reply} {
		text += fmt.Sprintf("%v %+v %#v %s %q %x %d\n", v, v, v, v, v, v, v)
	}
	text += fmt.Sprint(g) + g.String()
	if strings.Contains(text, "PRIVATE") {
		t.Errorf("it shows the profile: %s", text)
	}
	hidden := struct{ grant oauth2.Grant }{g} // fmt does not call the methods of what is not exported, but the token is behind a pointer
	text += fmt.Sprintf("%v %+v %#v", hidden, hidden, hidden)
	for _, secret := range []string{"CANARY", fmt.Sprintf("%x", "CANARY")} {
		if strings.Contains(text, secret) {
			t.Errorf("it shows %s: %s", secret, text)
		}
	}
	if !strings.Contains(g.String(), `"octo"`) || !strings.Contains(mustJSON(t, g), `"scopes":["read"]`) {
		t.Errorf("it shows nothing: %s %s", g, mustJSON(t, g))
	}
	for _, name := range []string{"access_token", "refresh_token", "id_token"} {
		if _, ok := g.Reply[name]; ok {
			t.Errorf("Reply has the %s", name)
		}
	}
	if g.Reply.Text("team") != "PRIVATE" || g.Profile.Text("email") != "PRIVATE@example.org" {
		t.Errorf("the members are out of reach: %v %v", g.Reply, g.Profile)
	}
}
