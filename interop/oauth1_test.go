//go:build unix

package interop_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/realserver"
	"github.com/gopassport/passport/strategies/oauth1"
)

const (
	consumerKey    = "passportinteroptests0001" // within what oauthlib takes
	consumerSecret = "a & secret = with % signs"
)

// oauth1Service is a service of OAuth 1.0a, and how it is started.
type oauth1Service struct {
	name    string
	command func(t *testing.T) (program, script string)
	rsa     bool // it checks RSA signatures
}

func oauth1Services() []oauth1Service {
	return []oauth1Service{
		{name: "oauthorize", command: func(t *testing.T) (string, string) {
			if _, err := os.Stat(filepath.Join("node_modules", "oauthorize")); err != nil {
				realserver.Missing(t, "oauthorize is not installed: run setup.sh in interop")
			}
			return realserver.Program(t, "node"), "oauth1/server.mjs"
		}},
		{name: "oauthlib", rsa: true, command: func(t *testing.T) (string, string) {
			for _, module := range []string{"flask", "oauthlib", "jwt"} {
				if exec.Command(realserver.Program(t, "python3"), "-c", "import "+module).Run() != nil {
					realserver.Missing(t, "Python has no "+module+" (Debian: apt-get install python3-flask python3-oauthlib python3-jwt)")
				}
			}
			return realserver.Program(t, "python3"), "oauth1/server.py"
		}},
	}
}

// start starts it at an address of 127.0.0.1, and gives its URL, which is another site.
func (s oauth1Service) start(t *testing.T, address string, env ...string) string {
	t.Helper()
	noticed(t, "oauth1")
	program, script := s.command(t)
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	realserver.Start(t, realserver.Process{
		Path: program, Args: []string{script}, Address: address,
		Env: append([]string{"HOST=" + host, "PORT=" + port, "CONSUMER_KEY=" + consumerKey, "CONSUMER_SECRET=" + consumerSecret}, env...),
	})
	return "http://localhost:" + port
}

// oauth1App is an application with our strategy for a service, under the name "op".
func oauth1App(t *testing.T, service string, change func(*oauth1.Config)) *app {
	t.Helper()
	a := newApp(t)
	a.uses("op", func(callback string) passport.Strategy {
		config := oauth1.Config{
			ConsumerKey: consumerKey, ConsumerSecret: consumerSecret, CallbackURL: callback,
			Endpoint: oauth1.Endpoint{RequestURL: service + "/oauth/request_token", AuthorizeURL: service + "/oauth/authorize", AccessURL: service + "/oauth/access_token"},
			Profile:  oauth1.JSONProfile(service+"/profile", "id_str"),
		}
		if change != nil {
			change(&config)
		}
		return oauth1.New(config, func(_ *http.Request, g oauth1.Grant) (*person, error) { return &person{g.Subject}, nil })
	})
	return a
}

// oauth1Pages is the service's page for ada. It asks each time who one is.
func oauth1Pages() service {
	return service{
		subject: "1001",
		allow:   func(b browser) { b.click("allow", "login", "ada", "password", "ada's password") },
		cancel:  func(b browser) { b.click("cancel") },
	}
}

func TestATourOfOAuth1(t *testing.T) {
	for _, s := range oauth1Services() {
		t.Run(s.name, func(t *testing.T) {
			key, public := newRSAKey(t)
			service := s.start(t, realserver.Address(t), "RSA_PUBLIC_KEY="+public)
			for name, c := range map[string]struct {
				rsa    bool
				config func(*oauth1.Config)
			}{
				"HMAC-SHA1":          {false, nil},
				"HMAC-SHA256":        {false, func(c *oauth1.Config) { c.Signature = oauth1.HMACSHA256 }},
				"RSA-SHA1":           {true, func(c *oauth1.Config) { c.Signature, c.PrivateKey = oauth1.RSASHA1, key }},
				"RSA-SHA256":         {true, func(c *oauth1.Config) { c.Signature, c.PrivateKey = oauth1.RSASHA256, key }},
				"the reply's name":   {false, func(c *oauth1.Config) { c.Profile = oauth1.ReplyProfile("user_id") }},
				"a callback's query": {false, func(c *oauth1.Config) { c.CallbackURL += "?from=a%20b&and=%26" }},
			} {
				if c.rsa && !s.rsa {
					continue
				}
				t.Run(name, func(t *testing.T) {
					oauth1Pages().tour(t, oauth1App(t, service, c.config), "op", visiting)
				})
			}
			t.Run("answers that are not right", func(t *testing.T) { wrongAnswers(t, service) })
		})
	}
}

// wrongAnswers brings back what the service did not say.
func wrongAnswers(t *testing.T, service string) {
	for name, c := range map[string]struct {
		change func(url.Values)
		code   passport.Code
	}{
		"another verifier": {func(q url.Values) { q.Set("oauth_verifier", strings.Repeat("x", 24)) }, passport.CodeProvider},
		"no verifier":      {func(q url.Values) { q.Del("oauth_verifier") }, passport.CodeCallback},
		"another token":    {func(q url.Values) { q.Set("oauth_token", strings.Repeat("x", 24)) }, passport.CodeFlowMissing},
	} {
		t.Run(name, func(t *testing.T) {
			a, v := oauth1App(t, service, nil), newVisitor(t)
			v.open(a.URL + "/login/op")
			v.before = a.URL
			oauth1Pages().allow(v)
			v.before = ""
			answer, err := url.Parse(v.seen[len(v.seen)-1])
			if err != nil {
				t.Fatal(err)
			}
			q := answer.Query()
			c.change(q)
			answer.RawQuery = q.Encode()
			if v.open(answer.String()); a.code() != c.code {
				t.Errorf("%d %v, want %s", v.status, a.lastError(), c.code)
			}
		})
	}
	t.Run("another secret", func(t *testing.T) {
		a := oauth1App(t, service, func(c *oauth1.Config) { c.ConsumerSecret = "another" })
		if newVisitor(t).open(a.URL + "/login/op"); a.code() != passport.CodeProvider {
			t.Errorf("%v", a.lastError())
		}
	})
}

func newRSAKey(t *testing.T) (key *rsa.PrivateKey, public string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}
