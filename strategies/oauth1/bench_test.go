package oauth1_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dghubble/oauth1"

	"github.com/gopassport/passport/internal/testapp"
	passport1 "github.com/gopassport/passport/strategies/oauth1"
)

// inProcess answers as a service does, without a network.
func inProcess(r *http.Request) (*http.Response, error) {
	body := `{"id":42}`
	switch r.URL.Path {
	case "/request_token":
		body = "oauth_token=rt&oauth_token_secret=s&oauth_callback_confirmed=true"
	case "/access_token":
		body = "oauth_token=at&oauth_token_secret=s"
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func benchConfig() passport1.Config {
	return passport1.Config{
		ConsumerKey: "key", ConsumerSecret: "secret", CallbackURL: "https://app.example/callback",
		Endpoint: passport1.Endpoint{RequestURL: "https://op.example/request_token", AuthorizeURL: "https://op.example/authorize", AccessURL: "https://op.example/access_token"},
		Profile:  passport1.JSONProfile("https://op.example/me", "id"),
		Client:   &http.Client{Transport: transport(inProcess)},
	}
}

// BenchmarkBegin and BenchmarkCallback are a whole request each; BenchmarkLibrary… are the
// calls of the library that are in them.
func BenchmarkBegin(b *testing.B) {
	p := newApp(b)
	p.connect("op", passport1.New(benchConfig(), keep))
	b.ReportAllocs()
	for b.Loop() {
		if w := p.Browser().Get("/connect/op", "same-origin"); w.Code != http.StatusFound {
			b.Fatal(w.Code)
		}
	}
}

func BenchmarkCallback(b *testing.B) {
	p := newApp(b)
	p.connect("op", passport1.New(benchConfig(), keep))
	begun := p.Browser()
	begun.Begin("/connect/op")
	b.ReportAllocs()
	for b.Loop() {
		r := testapp.Navigation("GET", "/connect/op?oauth_token=rt&oauth_verifier=v", "cross-site")
		for _, c := range begun.Cookies {
			r.AddCookie(c) // sealed cookies can be replayed
		}
		w := httptest.NewRecorder()
		if p.Mux.ServeHTTP(w, r); w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}

func library() *oauth1.Config {
	c := benchConfig()
	return &oauth1.Config{ConsumerKey: c.ConsumerKey, ConsumerSecret: c.ConsumerSecret, CallbackURL: c.CallbackURL, HTTPClient: c.Client,
		Endpoint: oauth1.Endpoint{RequestTokenURL: c.Endpoint.RequestURL, AuthorizeURL: c.Endpoint.AuthorizeURL, AccessTokenURL: c.Endpoint.AccessURL}}
}

func BenchmarkLibraryBegin(b *testing.B) {
	c := library()
	b.ReportAllocs()
	for b.Loop() {
		token, _, err := c.RequestToken()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.AuthorizationURL(token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLibraryCallback(b *testing.B) {
	c := library()
	b.ReportAllocs()
	for b.Loop() {
		token, secret, err := c.AccessToken("rt", "s", "v")
		if err != nil {
			b.Fatal(err)
		}
		ctx := context.WithValue(b.Context(), oauth1.HTTPClient, c.HTTPClient)
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://op.example/me", nil)
		if err != nil {
			b.Fatal(err)
		}
		reply, err := c.Client(ctx, oauth1.NewToken(token, secret)).Do(r)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, reply.Body); err != nil {
			b.Fatal(err)
		}
	}
}
