package oauth1_test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopassport/passport/strategies/oauth1"
)

const (
	clientKey    = "client"
	clientSecret = "CANARY&client secret" // with what must be escaped in a key
	callbackURL  = "https://app.example/connect/callback?from=op"
)

// service is a service with accounts: it checks all that RFC 5849 asks it to check.
type service struct {
	*httptest.Server
	method string         // the signature method that it takes
	public *rsa.PublicKey // the application's, for RSA

	mu       sync.Mutex
	odd      map[string]http.HandlerFunc // by path: what it does in place of the right thing
	secrets  map[string]string           // of its tokens
	verifier map[string]string           // of request tokens that a person allowed
	nonces   map[string]bool
	hits     map[string]int // by path
	refused  []string       // what was wrong with requests
	queries  map[string]url.Values
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{method: "HMAC-SHA1", odd: map[string]http.HandlerFunc{}, secrets: map[string]string{}, verifier: map[string]string{},
		nonces: map[string]bool{}, hits: map[string]int{}, queries: map[string]url.Values{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.hits[r.URL.Path]++
	s.queries[r.URL.Path] = r.URL.Query()
	odd := s.odd[r.URL.Path]
	s.mu.Unlock()
	if odd != nil {
		odd(w, r)
		return
	}
	s.serve(w, r)
}

// does makes the service do something else at one path; nil: the right thing.
func (s *service) does(path string, odd http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.odd[path] = odd
}

// serve does the right thing.
func (s *service) serve(w http.ResponseWriter, r *http.Request) {
	oauth, wrong := s.authenticate(r)
	if wrong != "" {
		s.mu.Lock()
		s.refused = append(s.refused, r.URL.Path+": "+wrong)
		s.mu.Unlock()
		w.Header().Set("WWW-Authenticate", `OAuth realm="CANARY", oauth_problem="`+wrong+`"`)
		http.Error(w, "CANARY "+r.Header.Get("Authorization"), http.StatusUnauthorized)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	token := oauth.Get("oauth_token")
	switch r.URL.Path {
	case "/request_token":
		s.issue(w, "CANARY/rt+", url.Values{"oauth_callback_confirmed": {"true"}})
	case "/access_token":
		delete(s.secrets, token)
		s.issue(w, "CANARY/at+", url.Values{"user_id": {"42"}, "screen_name": {"octocat"}})
	case "/me", "/photos":
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		fmt.Fprintf(w, `{"id":9007199254740993,"name":"Octo Cat","method":%q}`, r.Method)
	default:
		http.NotFound(w, r)
	}
}

// issue makes a token.
func (s *service) issue(w io.Writer, prefix string, reply url.Values) {
	token := prefix + rand.Text()
	s.secrets[token] = "CANARY&" + rand.Text()
	reply.Set("oauth_token", token)
	reply.Set("oauth_token_secret", s.secrets[token])
	io.WriteString(w, reply.Encode()+"\n")
}

// authenticate checks a request (RFC 5849, 3.2), and gives what is wrong in the words of
// the problem reporting extension.
func (s *service) authenticate(r *http.Request) (oauth url.Values, wrong string) {
	from, err := readSigned("http", r)
	if err != nil {
		return nil, "parameter_rejected"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	oauth = from.oauth
	token := oauth.Get("oauth_token")
	at, err := strconv.ParseInt(oauth.Get("oauth_timestamp"), 10, 64)
	switch {
	case oauth.Get("oauth_version") != "1.0":
		return nil, "version_rejected"
	case oauth.Get("oauth_consumer_key") != clientKey:
		return nil, "consumer_key_unknown"
	case oauth.Get("oauth_signature_method") != s.method:
		return nil, "signature_method_rejected"
	case err != nil || time.Since(time.Unix(at, 0)).Abs() > time.Minute:
		return nil, "timestamp_refused"
	case !regexp.MustCompile(`^[A-Za-z0-9]{20,30}$`).MatchString(oauth.Get("oauth_nonce")) || s.nonces[oauth.Get("oauth_nonce")]:
		return nil, "nonce_used"
	case oauth.Has("oauth_token") == (r.URL.Path == "/request_token") || oauth.Has("oauth_token") && s.secrets[token] == "":
		return nil, "token_rejected"
	case r.URL.Path == "/request_token" && !strings.HasPrefix(oauth.Get("oauth_callback"), callbackURL):
		return nil, "parameter_absent"
	case r.URL.Path == "/access_token" && (s.verifier[token] == "" || s.verifier[token] != oauth.Get("oauth_verifier")):
		return nil, "verifier_invalid"
	case !from.good(clientSecret, s.secrets[token], s.public):
		return nil, "signature_invalid"
	}
	s.nonces[oauth.Get("oauth_nonce")] = true
	return oauth, ""
}

// allow is the person's yes.
func (s *service) allow(tb testing.TB, location string) (answer string) {
	tb.Helper()
	token := tokenIn(tb, location)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verifier[token] = "CANARY-VERIFIER-" + rand.Text()
	return url.Values{"from": {"op"}, "oauth_token": {token}, "oauth_verifier": {s.verifier[token]}}.Encode()
}

// tokenIn is the request token in an authorization address.
func tokenIn(tb testing.TB, location string) string {
	tb.Helper()
	u, err := url.Parse(location)
	if err != nil || len(u.Query()["oauth_token"]) != 1 {
		tb.Fatalf("%s has not one request token: %v", location, err)
	}
	return u.Query().Get("oauth_token")
}

func (s *service) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits[path]
}

// reply makes the service answer one path with a text.
func (s *service) reply(path string, status int, text string) {
	s.does(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		io.WriteString(w, text)
	})
}

// config is what the application knows of the service.
// configFor is config for another registration: answers come to an address of its own.
func (s *service) configFor(name string) oauth1.Config {
	c := s.config()
	c.CallbackURL += "&for=" + name
	return c
}

func (s *service) config() oauth1.Config {
	return oauth1.Config{
		ConsumerKey:    clientKey,
		ConsumerSecret: clientSecret,
		Endpoint:       oauth1.Endpoint{RequestURL: s.URL + "/request_token", AuthorizeURL: s.URL + "/authorize", AccessURL: s.URL + "/access_token"},
		CallbackURL:    callbackURL,
		Profile:        oauth1.JSONProfile(s.URL+"/me", "id"),
	}
}
