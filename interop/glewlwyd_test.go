//go:build unix

package interop_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/openidConnect"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/realserver"
	"github.com/gopassport/passport/strategies/gothprovider"
	"github.com/gopassport/passport/strategies/oauth2"
	"github.com/gopassport/passport/strategies/oidc"
)

// glewlwyd is Debian's OpenID provider, a second one: in C, with an at_hash in its ID
// tokens, and access tokens that are JWTs. ada has an account there.
type glewlwyd struct {
	t      *testing.T
	server *realserver.Server
	url    string
	Issuer string
	admin  *http.Client
}

const (
	glewlwydSQL    = "/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3"
	glewlwydWebapp = "/usr/share/glewlwyd/webapp"
	glewlwydConfig = "/etc/glewlwyd/config-2.7.json/config.json"
)

func startGlewlwyd(t *testing.T) *glewlwyd {
	t.Helper()
	realserver.Need(t, "glewlwyd", "sqlite3")
	folder, address := realserver.Folder(t, ""), realserver.Address(t)
	port := address[strings.LastIndex(address, ":")+1:]
	text, err := os.ReadFile("glewlwyd/glewlwyd.conf")
	if err != nil {
		t.Fatal(err)
	}
	conf := strings.NewReplacer("PORT", port, "FOLDER", folder).Replace(string(text))
	if err := os.WriteFile(filepath.Join(folder, "glewlwyd.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "sqlite3", filepath.Join(folder, "glewlwyd.db"), ".read "+glewlwydSQL)
	run(t, "cp", "-rL", glewlwydWebapp, filepath.Join(folder, "webapp"))
	run(t, "rm", "-r", filepath.Join(folder, "webapp", "config.json")) // a folder, in Debian's package
	run(t, "cp", glewlwydConfig, filepath.Join(folder, "webapp", "config.json"))
	server := realserver.Start(t, realserver.Process{Path: realserver.Program(t, "glewlwyd"), Args: []string{"-c", filepath.Join(folder, "glewlwyd.conf")}, Address: address})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	g := &glewlwyd{t: t, server: server, url: "http://localhost:" + port, admin: &http.Client{Jar: jar, Timeout: 20 * time.Second}}
	g.Issuer = g.url + "/api/oidc"
	g.configure()
	return g
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

// configure makes it an OpenID provider, and gives ada an account.
func (g *glewlwyd) configure() {
	g.t.Helper()
	key, public := newRSAKey(g.t)
	private := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	g.call(g.admin, "POST", "/auth/", metadata{"username": "admin", "password": "password"})
	for _, scope := range []string{"profile", "offline_access"} {
		g.call(g.admin, "POST", "/scope/", metadata{"name": scope, "display_name": scope, "description": scope, "password_required": false, "scheme": metadata{}})
	}
	g.plugin("oidc", true, private, public)
	g.plugin("silent", false, private, public)
	g.call(g.admin, "POST", "/user/", metadata{"username": "ada", "name": "Ada Lovelace", "password": "ada's password", "enabled": true, "scope": []string{"openid", "profile", "g_profile"}})
}

// plugin makes an issuer of it. It names itself in its answers (RFC 9207) or does not.
func (g *glewlwyd) plugin(name string, named bool, private []byte, public string) {
	g.t.Helper()
	g.call(g.admin, "POST", "/mod/plugin/", metadata{"module": "oidc", "name": name, "display_name": name, "order_rank": 0, "parameters": metadata{
		"iss": g.url + "/api/" + name, "jwt-type": "rsa", "jwt-key-size": "256", "key": string(private), "cert": public,
		"access-token-duration": 3600, "refresh-token-duration": 86400, "code-duration": 600, "refresh-token-rolling": true,
		"auth-type-code-enabled": true, "auth-type-refresh-enabled": true, "jwks-show": true, "secret-type": "public",
		"name-claim": "mandatory", "pkce-allowed": true, "pkce-required": true, "oauth-as-iss-id": named, "oauth-par-allowed": true, "oauth-par-duration": 60,
		"oauth-par-request_uri-prefix": "urn:ietf:params:oauth:request_uri:", "allowed-scope": []string{"openid"},
		"client-jwks-parameter": "jwks", "session-management-allowed": true, "session-cookie-name": "op_sid", "session-cookie-expiration": 86400,
		"allow-non-oidc": true,
	}})
}

// register makes a confidential client.
func (g *glewlwyd) register(id string, callbacks []string) {
	g.t.Helper()
	secret := secretOf(id)
	g.call(g.admin, "POST", "/client/", metadata{
		"client_id": id, "name": id, "confidential": true, "enabled": true, "password": secret, "client_secret": secret,
		"redirect_uri": callbacks, "authorization_type": []string{"code", "refresh_token"}, "scope": []string{"openid", "profile"},
		"token_endpoint_auth_method": []string{"client_secret_basic", "client_secret_post"},
	})
}

// call calls its API.
func (g *glewlwyd) call(as *http.Client, method, path string, body metadata) {
	g.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		g.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(g.t.Context(), method, g.url+"/api"+path, bytes.NewReader(text))
	if err != nil {
		g.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	reply, err := as.Do(request)
	if err != nil {
		g.t.Fatal(err)
	}
	defer reply.Body.Close()
	if said, _ := io.ReadAll(reply.Body); reply.StatusCode != http.StatusOK {
		g.t.Fatalf("%s %s: %s %s", method, path, reply.Status, said)
	}
}

// pages is what its pages, which are scripts, do for ada.
func (g *glewlwyd) pages(client string) service {
	return service{subject: "ada", allow: func(b browser) {
		v := b.(*visitor)
		for range 3 { // once to log in, once to agree
			to, ok := g.login(v)
			if !ok {
				return
			}
			g.call(v.client, "POST", "/auth/", metadata{"username": "ada", "password": "ada's password"})
			g.call(v.client, "PUT", "/auth/grant/"+client, metadata{"scope": "openid profile"})
			v.visit(to + "&g_continue")
		}
	}}
}

// login is where its page for logging in leads to, if it is shown.
func (g *glewlwyd) login(v *visitor) (to string, ok bool) {
	if v.at.Path != "/login.html" {
		return "", false
	}
	return v.at.Query().Get("callback_url"), true
}

// known is who it is, by the name that ada has there: the subject is one that it made up.
type known struct{ subjects map[string]bool }

func (k *known) person(subject, name string) (*person, error) {
	k.subjects[subject] = true
	if name != "Ada Lovelace" {
		return nil, passport.Reject("this is not ada")
	}
	return &person{"ada"}, nil
}

func TestATourOfGlewlwyd(t *testing.T) {
	g, k := startGlewlwyd(t), &known{map[string]bool{}}
	ours := func(change func(*oidc.Config)) func(*testing.T, string) makes {
		return func(_ *testing.T, id string) makes { return g.oidc(id, k, change, nil) }
	}
	for id, made := range map[string]func(t *testing.T, id string) makes{
		"oidc":                ours(func(c *oidc.Config) { c.Userinfo = true }),
		"oidc-secret-in-form": ours(func(c *oidc.Config) { c.Auth = oidc.SecretPost }),
		"odd-secret-in-form":  ours(func(c *oidc.Config) { c.Auth = oidc.SecretPost }),
		"oidc-pushed":         ours(func(c *oidc.Config) { c.PushedRequests = true }),
		"oidc-silent":         ours(func(c *oidc.Config) { c.Issuer = g.url + "/api/silent" }),
		"oidc-form-post":      ours(func(c *oidc.Config) { c.Issuer, c.FormPost = g.url+"/api/silent", true }),
		"oauth2":              func(_ *testing.T, id string) makes { return g.oauth2(id, k) },
	} {
		t.Run(id, func(t *testing.T) {
			a := newApp(t)
			g.register(id, a.callbacks("op"))
			a.uses("op", made(t, id))
			g.pages(id).tour(t, a, "op", visiting)
		})
	}
	if len(k.subjects) != 2 { // of its two issuers
		t.Errorf("ada is somebody else for each way to ask: %v", k.subjects)
	}
}

// secretOf is a client's secret. An odd one has characters that HTTP Basic encodes (RFC
// 6749, 2.3.1).
func secretOf(id string) string {
	if strings.HasPrefix(id, "odd-") {
		return "an odd secret: 100 % & more"
	}
	return "secret-of-" + id
}

func (g *glewlwyd) oidc(id string, k *known, change func(*oidc.Config), got *oidc.Identity) makes {
	return func(callback string) passport.Strategy {
		config := oidc.Config{Issuer: g.Issuer, ClientID: id, ClientSecret: secretOf(id), RedirectURL: callback, Scopes: []string{"profile"}}
		if change != nil {
			change(&config)
		}
		return oidc.New(config, func(_ *http.Request, who oidc.Identity) (*person, error) {
			if got != nil {
				*got = who
			}
			return k.person(who.Subject, who.Name)
		})
	}
}

func (g *glewlwyd) oauth2(id string, k *known) makes {
	return func(callback string) passport.Strategy {
		return oauth2.New(oauth2.Config{
			ClientID: id, ClientSecret: secretOf(id), Auth: oauth2.SecretBasic, RedirectURL: callback, Issuer: g.Issuer, RequireIssuer: true,
			AuthorizationURL: g.Issuer + "/auth", TokenURL: g.Issuer + "/token", PushURL: g.Issuer + "/par",
			Scopes: []string{"profile"}, Profile: oauth2.JSONProfile(g.Issuer+"/userinfo", "sub"),
		}, func(_ *http.Request, grant oauth2.Grant) (*person, error) {
			return k.person(grant.Subject, grant.Profile.Text("name"))
		})
	}
}

func (g *glewlwyd) goth(t *testing.T, id string, k *known) makes {
	return func(callback string) passport.Strategy {
		p, err := openidConnect.New(id, secretOf(id), callback, g.Issuer+"/.well-known/openid-configuration", "profile")
		if err != nil {
			t.Fatal(err)
		}
		return gothprovider.New(p, func(_ *http.Request, u goth.User) (*person, error) { return k.person(u.UserID, u.Name) })
	}
}

// TestWhatGlewlwydCannotDo has what is not for us to mend, so that docs/interop.md is right.
func TestWhatGlewlwydCannotDo(t *testing.T) {
	g, k := startGlewlwyd(t), &known{map[string]bool{}}
	for id, c := range map[string]struct {
		made makes
		says string
	}{
		"odd-secret-in-header": {g.oidc("odd-secret-in-header", k, nil, nil), "unauthorized_client"},                         // it does not decode it
		"goth":                 {g.goth(t, "goth", k), "the provider answered: invalid_request"},                             // it wants a nonce
		"form-post":            {g.oidc("form-post", k, func(c *oidc.Config) { c.FormPost = true }, nil), "issuer_mismatch"}, // it encodes iss twice
	} {
		t.Run(id, func(t *testing.T) {
			a, v := newApp(t), newVisitor(t)
			g.register(id, a.callbacks("op"))
			a.uses("op", c.made)
			v.open(a.URL + "/login/op")
			g.pages(id).allow(v)
			if err := a.lastError(); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("at %v: %v, want %s", v.at, err, c.says)
			}
		})
	}
}

func TestGlewlwydRefreshesTokensAndLogsOut(t *testing.T) {
	g, k := startGlewlwyd(t), &known{map[string]bool{}}
	a := newApp(t)
	g.register("app", a.callbacks("op"))
	var who oidc.Identity
	a.uses("op", g.oidc("app", k, nil, &who))
	v := newVisitor(t)
	v.open(a.URL + "/login/op")
	g.pages("app").allow(v)
	wantPage(t, a, v, "ada", "")

	s := oidc.New(oidc.Config{Issuer: g.Issuer, ClientID: "app", ClientSecret: secretOf("app"), RedirectURL: a.URL}, func(*http.Request, oidc.Identity) (*person, error) { return nil, nil })
	first := who.Token()
	second, err := s.TokenSource(t.Context(), who.Subject, expired(first)).Token()
	if err != nil || second.AccessToken == first.AccessToken || second.RefreshToken == "" {
		t.Errorf("%v, or the same token", err)
	}
	var hash string
	if err := who.Claim("at_hash", &hash); err != nil || hash == "" {
		t.Errorf("this provider gives an at_hash, for strategies/oidc to check: %v", err)
	}
	to, err := s.LogoutURL(t.Context(), who.IDToken(), a.URL+"/", "")
	if err != nil {
		t.Fatal(err)
	}
	if v.visit(to); v.status != http.StatusOK || v.at.Path != "/login.html" || !v.at.Query().Has("prompt") {
		t.Errorf("at %v: %d", v.at, v.status)
	}
}

func TestAProviderThatIsDownComesBack(t *testing.T) {
	g, k := startGlewlwyd(t), &known{map[string]bool{}}
	a := newApp(t)
	g.register("app", a.callbacks("op"))
	g.server.Kill()
	a.uses("op", g.oidc("app", k, nil, nil)) // nobody is asked when an application starts
	v := newVisitor(t)
	v.open(a.URL + "/login/op")
	if e, ok := errors.AsType[*passport.Error](a.lastError()); !ok || e.Code != passport.CodeProviderUnavailable || e.Status != http.StatusServiceUnavailable || e.RetryAfter == 0 {
		t.Errorf("%d %+v", v.status, e)
	}
	g.server.Start()
	for deadline := time.Now().Add(20 * time.Second); v.open(a.URL+"/login/op").status == http.StatusServiceUnavailable; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it is asked no more: %v", a.lastError())
		}
	}
	g.server.Kill() // while the person is there; what was learnt about it is not forgotten
	g.server.Start()
	g.pages("app").allow(v)
	wantPage(t, a, v, "ada", "")
}
