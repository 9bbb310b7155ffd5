package gothprovider_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/gitlab"
	"golang.org/x/oauth2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/gothprovider"
)

func noPerson(*http.Request, goth.User) (*string, error) { return nil, nil }

// refreshing is gitlab, one of goth's providers that refresh, at a service that answers so.
func refreshing(t *testing.T, answer http.HandlerFunc) *gothprovider.Strategy {
	t.Helper()
	service := httptest.NewServer(answer)
	t.Cleanup(service.Close)
	return gothprovider.New(gitlab.NewCustomisedURL("key", "secret", "https://app.example/callback", service.URL, service.URL, service.URL), noPerson)
}

func TestGothRefreshesATokenThatWasKept(t *testing.T) {
	calls := 0
	s := refreshing(t, func(w http.ResponseWriter, r *http.Request) {
		calls++
		if r.PostFormValue("grant_type") != "refresh_token" || r.PostFormValue("refresh_token") != "old" {
			t.Error(r.PostForm)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"new","token_type":"Bearer","expires_in":3600}`)
	})
	source := s.TokenSource(t.Context(), &oauth2.Token{AccessToken: "a", RefreshToken: "old", Expiry: time.Now().Add(-time.Hour)})
	for range 2 {
		got, err := source.Token()
		if err != nil || got.AccessToken != "new" || got.RefreshToken != "old" {
			t.Fatal(got, err)
		}
	}
	if calls != 1 {
		t.Error(calls, "calls")
	}
	kept, err := s.TokenSource(t.Context(), &oauth2.Token{AccessToken: "good", Expiry: time.Now().Add(time.Hour)}).Token()
	if err != nil || kept.AccessToken != "good" || calls != 1 {
		t.Error("a token that is good was refreshed:", err)
	}
}

func TestWhatGothCannotRefresh(t *testing.T) {
	answers := func(status int, body string) *gothprovider.Strategy {
		return refreshing(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
	}
	for _, c := range []struct {
		name     string
		strategy *gothprovider.Strategy
		refresh  string
		code     passport.Code
		grant    string
	}{
		{"a provider without refresh", gothprovider.New(github.New("key", "secret", "https://app.example/callback"), noPerson), "canary", passport.CodeConfiguration, ""},
		{"no refresh token", answers(200, `{}`), "", passport.CodeProvider, ""},
		{"access was taken away", answers(400, `{"error":"invalid_grant","error_description":"canary"}`), "canary", passport.CodeProvider, "invalid_grant"},
		{"no token", answers(200, `{}`), "canary", passport.CodeProvider, ""},
		{"an error of the service", answers(500, `canary`), "canary", passport.CodeProvider, ""},
	} {
		_, err := c.strategy.TokenSource(t.Context(), &oauth2.Token{RefreshToken: c.refresh}).Token()
		var e *passport.Error
		if !errors.As(err, &e) || e.Code != c.code && e.Code != passport.CodeProviderUnavailable || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", c.name, err)
		}
		var reply *oauth2.RetrieveError
		if errors.As(err, &reply); c.grant != "" && (reply == nil || reply.ErrorCode != c.grant) {
			t.Errorf("%s: the cause is lost: %v", c.name, err)
		}
	}
}
