package gothprovider_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"
	"golang.org/x/oauth2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/gothprovider"
)

// The cost of a flow, beside the least that it could cost, each on a transport within the
// process. For the ratios:
//
//	go test -run '^$' -bench 'Begin|Callback' -count 6 ./strategies/gothprovider

// instant answers as GitHub does, at once.
type instant struct{}

func (instant) RoundTrip(r *http.Request) (*http.Response, error) {
	text, media := `{"id":42,"login":"octocat","name":"Octo Cat","email":"octocat@github.example","avatar_url":"https://avatars.example/42","location":"here"}`, "application/json; charset=utf-8"
	if r.Method == http.MethodPost {
		text, media = "access_token=gho_16C7e42F292c6912E7710c838347Ae178B4a&scope=read%3Auser&token_type=bearer", "application/x-www-form-urlencoded; charset=utf-8"
	}
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {media}}, Body: readCloser{strings.NewReader(text)}, ContentLength: int64(len(text)), Request: r,
	}, nil
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

func instantly() *github.Provider {
	p := github.New("Iv1.8a61f9b3a7aba766", "a secret of forty bytes, as GitHub's are", "https://app.example/connect/github", "read:user", "user:email")
	p.HTTPClient = &http.Client{Transport: instant{}}
	return p
}

// writer is a response that costs nothing.
type writer struct {
	header http.Header
	status int
}

func (w *writer) Header() http.Header         { return w.header }
func (w *writer) Write(p []byte) (int, error) { return len(p), nil }
func (w *writer) WriteHeader(status int)      { w.status = status }

// serve runs a handler b.N times and gives the last response.
func serve(b *testing.B, h http.Handler, r *http.Request, status int) *writer {
	b.Helper()
	b.ReportAllocs()
	w := &writer{header: http.Header{}}
	for b.Loop() {
		clear(w.header)
		w.status = http.StatusOK
		h.ServeHTTP(w, r)
		if w.status != status {
			b.Fatalf("%d %v", w.status, w.header)
		}
	}
	return w
}

func benchmarked() http.Handler {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	auth := passport.New(passport.Config{Keys: [][]byte{key}, Observe: func(context.Context, passport.Event) {}})
	auth.Use("github", gothprovider.New(instantly(), keep))
	return auth.Authorize("github")(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
}

func beginning() *http.Request {
	r := httptest.NewRequest("GET", "/connect/github", nil)
	for name, value := range map[string]string{"Mode": "navigate", "Dest": "document", "Site": "same-origin"} {
		r.Header.Set("Sec-Fetch-"+name, value)
	}
	return r
}

func BenchmarkBegin(b *testing.B) {
	b.Run("ours", func(b *testing.B) { serve(b, benchmarked(), beginning(), http.StatusFound) })
	b.Run("floor", func(b *testing.B) { serve(b, beginFloor(b), beginning(), http.StatusFound) })
}

// beginFloor is what every program must do: a state and a verifier, the address with
// PKCE, and both in one sealed cookie.
func beginFloor(b *testing.B) http.HandlerFunc {
	b.Helper()
	config := &oauth2.Config{ClientID: "Iv1.8a61f9b3a7aba766", ClientSecret: "s", RedirectURL: "https://app.example/connect/github", Scopes: []string{"read:user", "user:email"},
		Endpoint: oauth2.Endpoint{AuthURL: github.AuthURL, TokenURL: github.TokenURL}}
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		b.Fatal(err)
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		state, verifier := oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
		const name = "__Host-flow"
		sealed := seal.Seal(nil, nil, []byte(state+" "+verifier), []byte(name))
		http.SetCookie(w, &http.Cookie{Name: name, Value: base64.RawURLEncoding.EncodeToString(sealed), Path: "/", MaxAge: 600, HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode})
		w.Header().Set("Location", config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)))
		w.WriteHeader(http.StatusFound)
	}
}

func BenchmarkCallback(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		h := benchmarked()
		begun := httptest.NewRecorder()
		h.ServeHTTP(begun, beginning())
		to, err := url.Parse(begun.Header().Get("Location"))
		if err != nil {
			b.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/connect/github?code=0123456789abcdef0123&state="+to.Query().Get("state"), nil)
		for _, c := range begun.Result().Cookies() { // a flow in a cookie can be ended as often as the browser sends it
			r.AddCookie(c)
		}
		serve(b, h, r, http.StatusOK)
	})
	b.Run("floor", func(b *testing.B) {
		p := instantly()
		serve(b, callbackFloor(b, p), httptest.NewRequest("GET", "/connect/github?code=0123456789abcdef0123&state=s", nil), http.StatusOK)
	})
}

// callbackFloor is goth's own exchange and profile request.
func callbackFloor(b *testing.B, p goth.Provider) http.HandlerFunc {
	b.Helper()
	begun, err := p.BeginAuth("s")
	if err != nil {
		b.Fatal(err)
	}
	kept := begun.Marshal()
	return func(w http.ResponseWriter, r *http.Request) {
		session, err := p.UnmarshalSession(kept)
		if err == nil {
			_, err = session.Authorize(p, r.URL.Query())
		}
		if err == nil {
			_, err = p.FetchUser(session)
		}
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}
}
