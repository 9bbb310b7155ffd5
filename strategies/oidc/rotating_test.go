package oidc_test

import (
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/gopassport/passport"
)

// onceEach makes a provider's refresh tokens good once, and gives one.
func onceEach(p *provider) *oauth2.Token {
	uses := 0
	current := func() string { return "TOKENCANARY-once-" + strconv.Itoa(uses) }
	p.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/token" {
			return false
		}
		_ = r.ParseForm()
		if r.PostForm.Get("refresh_token") != current() {
			says(http.StatusBadRequest, "application/json", `{"error":"invalid_grant"}`)(w)
			return true
		}
		uses++
		return false
	}
	p.token = func(reply map[string]any) { reply["refresh_token"] = current() }
	return &oauth2.Token{AccessToken: "old", RefreshToken: current(), Expiry: time.Now().Add(-time.Hour)}
}

// downFor takes the keys of a provider away for a while.
func downFor(p *provider, d time.Duration) {
	end, before := time.Now().Add(d), p.before
	p.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/jwks" && time.Now().Before(end) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return before(w, r)
	}
}

func TestNoRefreshTokenIsSpentWhileTheKeysAreDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		s := newApp(t, p).strategy
		kept := onceEach(p)
		downFor(p, 30*time.Second)
		_, err := s.TokenSource(t.Context(), "s1", kept).Token()
		wantsCode(t, err, passport.CodeProviderUnavailable)
		if p.hit("/token") != 0 {
			t.Error("the refresh token was sent")
		}
		time.Sleep(2 * time.Minute)
		for i := range 2 {
			if kept, err = s.TokenSource(t.Context(), "s1", kept).Token(); err != nil || kept.RefreshToken != "TOKENCANARY-once-"+strconv.Itoa(i+1) {
				t.Fatal("the grant was lost:", err)
			}
			kept.Expiry = time.Now().Add(-time.Hour)
		}
	})
}

func TestARefreshWaitsForNewKeysThatAreDown(t *testing.T) {
	for _, tc := range []struct {
		name   string
		down   time.Duration
		change func(p *provider)
		code   passport.Code
	}{
		{"in order", 5 * time.Second, func(p *provider) { p.rotate(ecKey()) }, ""},
		{"never down", 0, func(p *provider) { p.rotate(ecKey()) }, ""},
		{"another's sub", 5 * time.Second, func(p *provider) { p.rotate(ecKey()); p.claims = set("sub", "victim") }, passport.CodeSubjectMismatch},
		{"a bad signature", 5 * time.Second, func(p *provider) { p.rotate(ecKey()); badSignature(p) }, signature},
		{"nobody's key", 5 * time.Second, func(p *provider) { p.header = set("kid", "none") }, signature},
		{"down for long", time.Hour, func(p *provider) { p.rotate(ecKey()) }, passport.CodeProviderUnavailable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProvider(t)
				a := newApp(t, p)
				a.accepted() // the keys are known
				kept := onceEach(p)
				tc.change(p)
				downFor(p, tc.down)
				begun, before := time.Now(), p.hit("/token")
				token, err := a.strategy.TokenSource(t.Context(), "s1", kept).Token()
				if took := time.Since(begun); took > 15*time.Second || p.hit("/token") != before+1 {
					t.Errorf("it took %v and %d token requests", took, p.hit("/token")-before)
				}
				if tc.code != "" {
					wantsCode(t, err, tc.code)
				} else if err != nil || token.RefreshToken != "TOKENCANARY-once-1" {
					t.Fatal("the grant was lost:", err)
				}
			})
		})
	}
}
