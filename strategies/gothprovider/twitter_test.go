package gothprovider_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/markbates/goth/providers/twitter"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/gothprovider"
)

// twitterAddress names the variable that tells the second run of the test below where
// its provider was linked to look for Twitter.
const twitterAddress = "PASSPORT_TEST_TWITTER"

// Goth's real Twitter provider, against a service that verifies signatures. Where that
// provider looks for Twitter only the linker can change, so this test runs itself anew,
// linked for an address of this machine.
func TestRealTwitterProvider(t *testing.T) {
	address := os.Getenv(twitterAddress)
	if address == "" {
		linked(t)
		return
	}
	t.Run("an account is connected", func(t *testing.T) {
		p, s := twitterApp(t, address)
		b := p.Browser()
		answer := s.allow(t, b.Begin("/connect/twitter"))
		w := b.End("/connect/twitter", answer)
		p.Want("right", w, "", 0)
		if !strings.Contains(w.Body.String(), "ID:12 Login:jack") {
			t.Errorf("%s", w.Body)
		}
		p.Want("again", b.End("/connect/twitter", answer), passport.CodeFlowMissing, 400)
		if s.hits["/access_token"] != 1 {
			t.Errorf("%d requests for an access token", s.hits["/access_token"])
		}
	})
	t.Run("an answer is refused before the service is asked", func(t *testing.T) {
		for name, c := range map[string]struct {
			answer string
			code   passport.Code
			status int
		}{
			"another token":     {"oauth_token=OTHER&oauth_verifier=VERIFIER", passport.CodeFlowMissing, 400},
			"no token":          {"oauth_verifier=VERIFIER", passport.CodeCallback, 400},
			"no verifier":       {"oauth_token=TOKEN", passport.CodeCallback, 400},
			"an empty verifier": {"oauth_token=TOKEN&oauth_verifier=", passport.CodeCallback, 400},
			"denied":            {"denied=TOKEN", passport.CodeDenied, 403},
			"a code":            {"code=c&state=TOKEN", passport.CodeCallback, 400},
		} {
			t.Run(name, func(t *testing.T) {
				p, s := twitterApp(t, address)
				b := p.Browser()
				good := parseQuery("?" + s.allow(t, b.Begin("/connect/twitter")))
				answer := strings.NewReplacer("TOKEN", good.Get("oauth_token"), "VERIFIER", good.Get("oauth_verifier")).Replace(c.answer)
				p.Want(name, b.End("/connect/twitter", answer), c.code, c.status)
				if s.hits["/access_token"] != 0 {
					t.Error("the service was asked")
				}
			})
		}
	})
	t.Run("the other tab's token is no good with this verifier", func(t *testing.T) {
		p, s := twitterApp(t, address)
		b := p.Browser()
		one := parseQuery("?" + s.allow(t, b.Begin("/connect/twitter")))
		two := parseQuery("?" + s.allow(t, b.Begin("/connect/twitter")))
		crossed := url.Values{"oauth_token": one["oauth_token"], "oauth_verifier": two["oauth_verifier"]}.Encode()
		p.Want("crossed", b.End("/connect/twitter", crossed), passport.CodeProvider, 502)
		p.Want("the second", b.End("/connect/twitter", two.Encode()), "", 0)
	})
	t.Run("what the service says wrong is an error without secrets", func(t *testing.T) {
		for name, c := range map[string]struct {
			path, reply string
			code        passport.Code
			status      int
		}{
			"a profile with a null": {"/profile", `{"id_str":"12","name":null}`, passport.CodeProviderPanic, 502},
			"no token":              {"/access_token", `oauth_token_secret=CANARY`, passport.CodeProvider, 502},
			"a page":                {"/access_token", `<html>CANARY</html>`, passport.CodeProvider, 502},
			"silence":               {"/profile", "", passport.CodeProviderTimeout, 504},
		} {
			t.Run(name, func(t *testing.T) {
				p, s := twitterApp(t, address)
				s.wrong = map[string]string{c.path: c.reply}
				b := p.Browser()
				p.Want(name, b.End("/connect/twitter", s.allow(t, b.Begin("/connect/twitter"))), c.code, c.status)
			})
		}
	})
	t.Run("a service that knows another secret gives no request token", func(t *testing.T) {
		p, s := twitterApp(t, address)
		s.secret = "another"
		w := p.Browser().Get("/connect/twitter", "same-origin")
		p.Want("begin", w, passport.CodeProvider, 502)
	})
}

// linked runs this test in a program that was linked for a free address.
func linked(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("it compiles and links this package once more")
	}
	golang, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go command")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	var flags []string
	for name, path := range map[string]string{"requestURL": "/request_token", "authorizeURL": "/authorize", "authenticateURL": "/authenticate", "tokenURL": "/access_token", "endpointProfile": "/profile"} {
		flags = append(flags, "-X github.com/markbates/goth/providers/twitter."+name+"=http://"+address+path)
	}
	cmd := exec.CommandContext(t.Context(), golang, "test", "-count=1", "-vet=off", "-v", "-run=^TestRealTwitterProvider$", "-ldflags="+strings.Join(flags, " "), ".")
	cmd.Env = append(os.Environ(), twitterAddress+"="+address)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestRealTwitterProvider/an_account") {
		t.Fatalf("%v\n%s", err, out)
	}
}

// oauth1 is a service of OAuth 1.0a (RFC 5849) in Twitter's shape.
type oauth1 struct {
	t         *testing.T
	secret    string            // the client's
	tokens    map[string]string // secrets of request and access tokens
	verifiers map[string]string // of request tokens that a person allowed
	hits      map[string]int
	wrong     map[string]string // replies that are not what they should be; "" hangs
}

func twitterApp(t *testing.T, address string) (*app, *oauth1) {
	t.Helper()
	s := &oauth1{t: t, secret: "CANARY-SECRET", tokens: map[string]string{}, verifiers: map[string]string{}, hits: map[string]int{}}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: s}}
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	p := newApp(t)
	p.connect("twitter", gothprovider.New(twitter.New("key", "CANARY-SECRET", "https://app.example/callback"), keep, gothprovider.Timeout(10*timeout)))
	return p, s
}

// allow is the person's yes.
func (s *oauth1) allow(t *testing.T, location string) (answer string) {
	t.Helper()
	token := parse(t, location).Query().Get("oauth_token")
	if s.tokens[token] == "" {
		t.Fatalf("nobody asked for the token in %s", location)
	}
	s.verifiers[token] = "verifier-of-" + token
	return url.Values{"oauth_token": {token}, "oauth_verifier": {s.verifiers[token]}}.Encode()
}

func (s *oauth1) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.hits[r.URL.Path]++
	if text, is := s.wrong[r.URL.Path]; is {
		if text == "" {
			<-r.Context().Done()
		}
		io.WriteString(w, text)
		return
	}
	params, ok := s.signed(r)
	if !ok {
		http.Error(w, "CANARY: "+r.Header.Get("Authorization"), http.StatusUnauthorized)
		return
	}
	token := params.Get("oauth_token")
	switch r.URL.Path {
	case "/request_token":
		if params.Get("oauth_callback") != "https://app.example/callback" {
			s.t.Errorf("the callback is %q", params.Get("oauth_callback"))
		}
		io.WriteString(w, s.issue("request").Encode()+"&oauth_callback_confirmed=true")
	case "/access_token":
		if v := params.Get("oauth_verifier"); v == "" || v != s.verifiers[token] {
			http.Error(w, "CANARY: "+r.Header.Get("Authorization"), http.StatusUnauthorized)
			return
		}
		delete(s.verifiers, token)
		io.WriteString(w, s.issue("access").Encode())
	case "/profile":
		io.WriteString(w, `{"id_str":"12","name":"Jack","screen_name":"jack","description":"","profile_image_url":"","location":""}`)
	}
}

// issue makes a token and its secret.
func (s *oauth1) issue(kind string) url.Values {
	token := fmt.Sprintf("%s-%d", kind, len(s.tokens))
	s.tokens[token] = "CANARY of " + token
	return url.Values{"oauth_token": {token}, "oauth_token_secret": {s.tokens[token]}}
}

// signed verifies a request (RFC 5849, 3.2) and gives its parameters.
func (s *oauth1) signed(r *http.Request) (url.Values, bool) {
	params := r.URL.Query()
	header, _ := strings.CutPrefix(r.Header.Get("Authorization"), "OAuth ")
	for item := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(item), "=")
		value, err := url.PathUnescape(strings.Trim(value, `"`))
		if err != nil {
			return nil, false
		}
		params.Set(name, value)
	}
	signature := params.Get("oauth_signature")
	params.Del("oauth_signature")
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(params)) {
		pairs = append(pairs, escape(name)+"="+escape(params.Get(name)))
	}
	base := r.Method + "&" + escape("http://"+r.Host+r.URL.Path) + "&" + escape(strings.Join(pairs, "&"))
	mac := hmac.New(sha1.New, []byte(escape(s.secret)+"&"+escape(s.tokens[params.Get("oauth_token")])))
	io.WriteString(mac, base)
	got, err := base64.StdEncoding.DecodeString(signature)
	return params, err == nil && params.Get("oauth_signature_method") == "HMAC-SHA1" && hmac.Equal(got, mac.Sum(nil))
}

// escape is the encoding of RFC 5849, 3.6.
func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
