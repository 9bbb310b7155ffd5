package faults_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
)

// spy keeps everything that anybody gets to see, and the secrets that must not be in it.
type spy struct {
	mu      sync.Mutex
	seen    bytes.Buffer
	leads   []string          // Locations
	secrets map[string]string // a value, and what it is
}

func (s *spy) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.Write(text)
}

// hide notes a secret. Short ones would be found anywhere.
func (s *spy) hide(kind, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.secrets[value]; !known && len(value) >= 16 {
		s.secrets[value] = kind
	}
}

// wrap looks at each answer of the application.
func (s *spy) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		header := rec.Header().Clone()
		for _, c := range rec.Result().Cookies() {
			s.hide("the cookie "+c.Name, c.Value)
		}
		s.mu.Lock()
		s.leads = append(s.leads, header.Get("Location"))
		s.mu.Unlock()
		header.Del("Set-Cookie")
		header.Del("Location")
		fmt.Fprintf(s, "%v\n%s\n", header, rec.Body)
		maps.Copy(w.Header(), rec.Header())
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

// show prints a value in all the ways in which programs print.
func (s *spy) show(v any) {
	fmt.Fprintf(s, "%v %+v %#v %s\n", v, v, v, v)
	data, err := json.Marshal(v)
	fmt.Fprintf(s, "%s %v\n", data, err)
	for _, h := range []slog.Handler{slog.NewJSONHandler(s, nil), slog.NewTextHandler(s, nil)} {
		slog.New(h).Info("shown", "v", v)
	}
}

// Everything that is secret and everything that anybody sees, of good flows and of bad
// ones, of each strategy: they do not meet. Nothing is printed.
func TestNoSecretShows(t *testing.T) {
	for _, observed := range []bool{true, false} {
		t.Run(fmt.Sprintf("Observe is set: %t", observed), func(t *testing.T) {
			s := &spy{secrets: map[string]string{}}
			printed := quiet(t, s, func() { s.everything(t, observed) })
			if printed != "" {
				t.Errorf("printed: %s", printed)
			}
			s.judge(t)
		})
	}
}

func (s *spy) everything(t *testing.T, observed bool) {
	w := newWorld(t, setup{
		timeout: 100 * time.Millisecond,
		pushed:  observed, // where errors are looked at most closely
		configure: func(c *passport.Config) {
			if !observed {
				c.Observe = nil
			}
		},
		verify: func(_ *http.Request, _ string, grant any) error {
			s.show(grant)
			return nil
		},
	})
	w.app = s.wrap(w.app)
	s.listen(w)
	s.credentials(w)
	for _, service := range services {
		for _, f := range append(providerFaults(), providerFault{oauth2: fine, oidc: fine, oauth1: fine, goth: fine}) {
			if f.of(service).status == 0 {
				continue
			}
			w.op.Always(f.fault, f.at...)
			w.tw.Always(f.fault, f.at...)
			s.walk(w, "/connect/"+service, "alice")
			s.walk(w, "/login/"+service, "")
			w.op.Heal()
			w.tw.Heal()
		}
	}
	s.panics(w)
	for _, e := range w.told() {
		s.show(e)
		for err := e.Err; err != nil; err = errors.Unwrap(err) {
			s.show(err)
		}
	}
}

// listen notes the secrets that providers and strategies tell each other.
func (s *spy) listen(w *world) {
	s.hide("the password", sesame)
	s.hide("the client's secret", w.op.ClientSecret)
	s.hide("the consumer's secret", w.tw.ConsumerSecret)
	for _, at := range []passporttest.Endpoint{passporttest.Token, passporttest.RequestToken, passporttest.AccessToken} {
		edit := func(r *passporttest.Reply) {
			var members map[string]any
			form, _ := url.ParseQuery(string(r.Body))
			if json.Unmarshal(r.Body, &members) == nil {
				for name, v := range members {
					if text, ok := v.(string); ok && strings.HasSuffix(name, "token") {
						s.hide(name, text)
					}
				}
				return
			}
			s.hide("a secret of OAuth 1", form.Get("oauth_token_secret"))
			kind := "a token of OAuth 1"
			if at == passporttest.RequestToken {
				kind = "asked with a request token"
			}
			s.hide(kind, form.Get("oauth_token"))
		}
		w.op.EditResponse(at, edit)
		w.tw.EditResponse(at, edit)
	}
}

// walk is one flow, and what is secret in its addresses and calls.
func (s *spy) walk(w *world, path, who string) {
	b := w.person(who)
	page := b.Follow(app + path)
	s.query("asked with ", page.Location())
	if strings.HasPrefix(page.Location(), "http") {
		page = page.Next()
	}
	s.query("answered with ", page.Location())
	if came(page) {
		page.Next()
		page.Next() // once more
	}
	for _, asked := range []passporttest.Request{w.op.Last(passporttest.PAR), w.op.Last(passporttest.Token), w.op.Last(passporttest.Userinfo), w.tw.Last(passporttest.RequestToken), w.tw.Last(passporttest.AccessToken), w.tw.Last(passporttest.Userinfo)} {
		s.hide("an Authorization header", asked.Header.Get("Authorization"))
		_, value, _ := strings.Cut(asked.Header.Get("Authorization"), " ")
		s.hide("credentials", value)
		for _, name := range []string{"code", "code_verifier", "client_secret", "refresh_token", "state", "nonce", "code_challenge"} {
			s.hide("sent as "+name, asked.Form.Get(name))
		}
	}
}

func (s *spy) query(how, address string) {
	u, err := url.Parse(address)
	if err != nil {
		return
	}
	for _, name := range []string{"state", "nonce", "code", "oauth_token", "oauth_verifier", "code_challenge"} {
		s.hide(how+name, u.Query().Get(name))
	}
}

// credentials are right, wrong, and met by a fault and by a panic.
func (s *spy) credentials(w *world) {
	b := w.person("")
	for _, tail := range []string{"", "-fault", "-panic", "-wrong"} {
		b.From(app+"/").Post("/login", url.Values{"username": {"alice"}, "password": {sesame + tail}})
		for path, header := range map[string]string{"/basic": "Basic " + basicOf("alice", sesame+tail), "/bearer": "Bearer " + sesame + tail} {
			b.Header = http.Header{"Authorization": {header}}
			b.Follow(app + path)
			b.Header = nil
			s.hide("an Authorization header", header)
		}
		b.Follow(app + "/bearer?access_token=" + sesame + tail)
	}
}

func basicOf(name, password string) string {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.SetBasicAuth(name, password)
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Basic ")
}

// panics are those of verify functions, with all that they know in hand.
func (s *spy) panics(w *world) {
	w.setup.verify = func(_ *http.Request, _ string, grant any) error {
		s.mu.Lock()
		all := fmt.Sprint(s.secrets)
		s.mu.Unlock()
		panic(fmt.Sprintf("PANIC %v %s", grant, all))
	}
	for _, service := range services {
		s.walk(w, "/connect/"+service, "alice")
	}
}

// judge looks for each secret in all that was seen. In an address that the browser is
// sent to, only what the protocol puts there may be.
func (s *spy) judge(t *testing.T) {
	if len(s.secrets) < 500 || s.seen.Len() < 100_000 {
		t.Fatalf("only %d secrets and %d bytes: is there anything to find?", len(s.secrets), s.seen.Len())
	}
	text := words(s.seen.String())
	for secret, kind := range s.secrets {
		for _, form := range []string{secret, url.QueryEscape(secret), fmt.Sprintf("%x", secret)} {
			if i := strings.Index(text, form); i >= 0 {
				t.Errorf("%s shows up: … %q …", kind, text[max(0, i-150):min(len(text), i+80)])
				break
			}
		}
		if strings.HasPrefix(kind, "asked with ") {
			continue
		}
		for _, to := range s.leads {
			if strings.Contains(to, secret) {
				t.Errorf("%s is in the address %s", kind, to)
			}
		}
	}
	t.Logf("%d secrets looked for in %d bytes and %d addresses", len(s.secrets), s.seen.Len(), len(s.leads))
}

// words are the pieces of a text that a secret could be, each once.
func words(text string) string {
	once := map[string]bool{}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\n\"\\'(){}[],;&?<>", r) }) {
		if len(word) >= 16 {
			once[word] = true
		}
	}
	return strings.Join(slices.Collect(maps.Keys(once)), "\n")
}

// quiet gives what is printed meanwhile. What is logged is seen.
func quiet(t *testing.T, s *spy, do func()) string {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, errOut, logger := os.Stdout, os.Stderr, slog.Default()
	os.Stdout, os.Stderr = writer, writer
	slog.SetDefault(slog.New(slog.NewJSONHandler(s, &slog.HandlerOptions{Level: slog.LevelDebug})))
	printed := make(chan string)
	go func() {
		text, _ := io.ReadAll(reader) // the end of a pipe of our own
		printed <- string(text)
	}()
	func() {
		defer func() {
			os.Stdout, os.Stderr = out, errOut
			slog.SetDefault(logger)
			_ = writer.Close()
		}()
		do()
	}()
	return <-printed
}
