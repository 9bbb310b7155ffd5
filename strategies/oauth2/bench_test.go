package oauth2_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	x "golang.org/x/oauth2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/testapp"
	"github.com/gopassport/passport/strategies/oauth2"
)

// Issue 4, "Speed": to begin costs at most 1.5 times what somebody pays who writes it by
// hand, and the callback at most 1.3 times the exchange and the profile request alone.
//
//	go test -bench . -run ^$ ./strategies/oauth2

// canned is a service in the same process that is as fast as one can be.
type canned struct{}

func (canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	body := `{"id":9007199254740993,"login":"octocat","name":"Octo Cat","email":"octocat@example.org","bio":null,"followers":20,"following":0}`
	if r.Method == http.MethodPost {
		body = `{"access_token":"gho_16C7e42F292c6912E7710c838347Ae178B4a","token_type":"bearer","expires_in":28800,"refresh_token":"ghr_1B4a2e77838347a7E420ce178F2E7c6912E169246c34E1ccbF66C46812d16D5B1A9Dc86A1498","scope":"read:user"}`
	}
	return &http.Response{Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, Body: io.NopCloser(bytes.NewReader([]byte(body))), ContentLength: int64(len(body)), Request: r}, nil
}

func benchConfig() oauth2.Config {
	return oauth2.Config{ClientID: "id", ClientSecret: "secret", Auth: oauth2.SecretPost, RedirectURL: redirectURL, Scopes: []string{"read:user"},
		AuthorizationURL: issuer + "/authorize", TokenURL: issuer + "/token", Client: &http.Client{Transport: canned{}},
		Profile: oauth2.JSONProfile(issuer+"/me", "id")}
}

// byHand is the same with x/oauth2.
func byHand() *x.Config {
	return &x.Config{ClientID: "id", ClientSecret: "secret", RedirectURL: redirectURL, Scopes: []string{"read:user"},
		Endpoint: x.Endpoint{AuthURL: issuer + "/authorize", TokenURL: issuer + "/token", AuthStyle: x.AuthStyleInParams}}
}

// benchRoute is a connect route.
func benchRoute(b *testing.B) http.Handler {
	b.Helper()
	auth := passport.New(passport.Config{Keys: [][]byte{[]byte("0123456789abcdef0123456789abcdef")}, Observe: func(context.Context, passport.Event) {},
		Users: passport.Users[string]{Key: func(u string) string { return u }, Load: func(_ context.Context, key string) (string, error) { return key, nil }}})
	auth.Use("forge", oauth2.New(benchConfig(), func(_ *http.Request, g oauth2.Grant) (*string, error) { return &g.Subject, nil }))
	return auth.Authorize("forge")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, ok := passport.AccountFrom[*string](r.Context()); !ok || *id != "9007199254740993" {
			b.Error("no account")
		}
	}))
}

// sealer seals a cookie.
func sealer(b *testing.B) cipher.AEAD {
	b.Helper()
	block, err := aes.NewCipher([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		b.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	return aead
}

func BenchmarkBegin(b *testing.B) {
	b.Run("floor", func(b *testing.B) {
		config, aead := byHand(), sealer(b)
		floor := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			state, verifier := rand.Text(), x.GenerateVerifier()
			flow, _ := json.Marshal(map[string]string{"state": state, "verifier": verifier})
			nonce := make([]byte, aead.NonceSize(), 512)
			_, _ = rand.Read(nonce)
			sealed := aead.Seal(nonce, nonce, flow, []byte("__Host-flow"))
			http.SetCookie(w, &http.Cookie{Name: "__Host-flow", Value: base64.RawURLEncoding.EncodeToString(sealed), Path: "/", MaxAge: 600, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
			http.Redirect(w, r, config.AuthCodeURL(state, x.S256ChallengeOption(verifier)), http.StatusFound)
		})
		begin(b, floor)
	})
	b.Run("strategy", func(b *testing.B) { begin(b, benchRoute(b)) })
}

func begin(b *testing.B, h http.Handler) {
	b.Helper()
	r := testapp.Navigation("GET", "/connect/forge", "same-origin")
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusFound {
			b.Fatal(w.Code)
		}
	}
}

func BenchmarkCallback(b *testing.B) {
	b.Run("floor", func(b *testing.B) {
		config, client := byHand(), &http.Client{Transport: canned{}}
		verifier := x.GenerateVerifier()
		b.ReportAllocs()
		for b.Loop() {
			ctx := context.WithValue(b.Context(), x.HTTPClient, client)
			token, err := config.Exchange(ctx, "a-code", x.VerifierOption(verifier))
			if err != nil {
				b.Fatal(err)
			}
			reply, err := config.Client(ctx, token).Get(issuer + "/me")
			if err != nil {
				b.Fatal(err)
			}
			var me struct{ ID json.Number }
			if err := json.NewDecoder(reply.Body).Decode(&me); err != nil || me.ID != "9007199254740993" {
				b.Fatal(err, me)
			}
			_ = reply.Body.Close()
		}
	})
	b.Run("strategy", func(b *testing.B) {
		h := benchRoute(b)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, testapp.Navigation("GET", "/connect/forge", "same-origin"))
		to, err := url.Parse(w.Header().Get("Location"))
		if err != nil {
			b.Fatal(err)
		}
		state := to.Query().Get("state")
		r := testapp.Navigation("GET", "/connect/forge?"+url.Values{"code": {"a-code"}, "state": {state}}.Encode(), "cross-site")
		for _, c := range w.Result().Cookies() {
			r.AddCookie(c)
		}
		b.ReportAllocs()
		for b.Loop() {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r) // the default store keeps flows in the browser, so this one comes again
			if w.Code != http.StatusOK {
				b.Fatal(w.Code, w.Body)
			}
		}
	})
}
