package oauth1_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gopassport/passport/strategies/oauth1"
)

// granted runs a flow and gives what verify got.
func granted(t *testing.T, change ...func(*oauth1.Config)) (oauth1.Grant, *service, *oauth1.Strategy) {
	t.Helper()
	p, s := newApp(t), newService(t)
	c := s.config()
	for _, f := range change {
		f(&c)
	}
	var got oauth1.Grant
	strategy := oauth1.New(c, func(r *http.Request, g oauth1.Grant) (*account, error) {
		got = g
		return keep(r, g)
	})
	p.connect("op", strategy)
	p.Want("the flow", p.through(s, "/connect/op"), "", 0)
	return got, s, strategy
}

func TestAGrantHasTheTokenAndWhatElseTheServiceSaid(t *testing.T) {
	g, s, _ := granted(t)
	if g.Subject != "9007199254740993" || s.secrets[g.Token()] != g.TokenSecret() || !strings.HasPrefix(g.Token(), "CANARY/at+") {
		t.Errorf("%q", g.Subject)
	}
	if got := g.Reply.Encode(); got != "screen_name=octocat&user_id=42" {
		t.Errorf("the parameters are %s", got)
	}
	var profile struct{ Name string }
	if err := g.Profile(&profile); err != nil || profile.Name != "Octo Cat" {
		t.Errorf("%+v, %v", profile, err)
	}
	g, _, _ = granted(t, func(c *oauth1.Config) { c.Profile = oauth1.ReplyProfile("user_id") })
	if err := g.Profile(&profile); err == nil || g.Subject != "42" {
		t.Errorf("%q, %v", g.Subject, err)
	}
}

func TestNoSecretIsPrinted(t *testing.T) {
	g, s, strategy := granted(t)
	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).Info("x", "grant", g, "pointer", &g, "inside", []any{g}, "config", s.config(), "strategy", strategy)
	}
	text, err := json.Marshal(map[string]any{"g": g, "p": &g})
	if err != nil {
		t.Error(err)
	}
	shown := log.String() + string(text)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown += fmt.Sprintf(strings.Repeat(verb+" ", 7), g, &g, []any{struct{ G oauth1.Grant }{g}}, struct{ g any }{g}, struct{ g oauth1.Grant }{g}, s.config(), strategy)
	}
	if strings.Contains(shown, "CANARY") || strings.Contains(shown, "43414e") || strings.Contains(shown, "Octo Cat") || strings.Count(shown, "9007199254740993") < 4+2+3*7 {
		t.Errorf("%s", shown)
	}
}

func TestTheClientOfAGrantSignsWhatIsAsked(t *testing.T) {
	key := newKey(t)
	for signature, method := range map[oauth1.Signature]string{"": "HMAC-SHA1", oauth1.HMACSHA256: "HMAC-SHA256", oauth1.RSASHA1: "RSA-SHA1", oauth1.RSASHA256: "RSA-SHA256"} {
		p, s := newApp(t), newService(t)
		s.method, s.public = method, &key.PublicKey
		c := s.config()
		if c.Signature = signature; strings.HasPrefix(method, "RSA") {
			c.PrivateKey = key
		}
		var token, secret string
		strategy := oauth1.New(c, func(r *http.Request, g oauth1.Grant) (*account, error) {
			token, secret = g.Token(), g.TokenSecret()
			ask(t, g.Client(r.Context()), s.URL)
			return keep(r, g)
		})
		p.connect("op", strategy)
		p.Want("the flow", p.through(s, "/connect/op"), "", 0)
		ask(t, strategy.Client(t.Context(), token, secret), s.URL) // the token was kept
		if len(s.refused) > 0 || s.count("/photos") != 8 {
			t.Errorf("%s: %d times asked, refused %v", method, s.count("/photos"), s.refused)
		}
	}
}

// ask sends requests of several kinds to a service.
func ask(t *testing.T, client *http.Client, service string) {
	t.Helper()
	for _, c := range []struct{ method, query, body string }{
		{"GET", "?file=vacation%20%C3%A9.jpg&size=&b5=%3D%253D&a%2Bb=x", ""},
		{"POST", "?z=1&c%40=", "status=r+b%26&a=~*!'()"},
		{"DELETE", "", ""},
		{"GET", "?x", ""},
	} {
		r, err := http.NewRequestWithContext(context.Background(), c.method, service+"/photos"+c.query, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if c.body != "" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		reply, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if reply.StatusCode == http.StatusUnauthorized {
			body, _ := io.ReadAll(reply.Body)
			t.Errorf("%s %s: %d %s", c.method, c.query, reply.StatusCode, body)
		}
		if err := reply.Body.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTheClientOfAGrantFollowsNoRedirectsAndEndsWithItsContext(t *testing.T) {
	g, s, _ := granted(t)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	s.does("/photos", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) })
	ctx, cancel := context.WithCancel(t.Context())
	for name, end := range map[string]func(){"a redirect": func() {}, "a context that ended": cancel} {
		end()
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.URL+"/photos", nil)
		if err != nil {
			t.Fatal(err)
		}
		reply, err := g.Client(ctx).Do(r)
		if err == nil {
			t.Errorf("%s: %d", name, reply.StatusCode)
			_ = reply.Body.Close() // the test failed
		}
	}
}

func TestAClientOfTheApplicationLendsItsTransport(t *testing.T) {
	asked := 0
	g, s, _ := granted(t, func(c *oauth1.Config) {
		c.Client = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			asked++
			return http.DefaultTransport.RoundTrip(r)
		}), Jar: jar{t}}
	})
	ask(t, g.Client(t.Context()), s.URL)
	if asked != 3+4 {
		t.Errorf("asked %d times", asked)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// jar fails where it is used: what a client of the application holds is nobody's here.
type jar struct{ t *testing.T }

func (j jar) SetCookies(*url.URL, []*http.Cookie) { j.t.Error("cookies were kept") }
func (j jar) Cookies(*url.URL) []*http.Cookie     { j.t.Error("cookies were sent"); return nil }
