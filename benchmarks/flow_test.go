package benchmarks_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gorilla/sessions"
	"github.com/markbates/goth"
	"github.com/markbates/goth/gothic" //nolint:depguard // the peer that is measured
	"github.com/markbates/goth/providers/github"
	"golang.org/x/oauth2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/gothprovider"
)

const callbackURL = "https://app.example/connect/github/callback"

// service answers as GitHub does, in process.
type service struct{}

const (
	tokenReply = "access_token=gho_16C7e42F292c6912E7710c838347Ae178B4a&scope=read%3Auser&token_type=bearer"

	profileReply = `{"login":"ada","id":4711,"node_id":"MDQ6VXNlcjQ3MTE=","avatar_url":"https://avatars.example/u/4711?v=4","gravatar_id":"",` +
		`"url":"https://api.example/users/ada","html_url":"https://github.example/ada","followers_url":"https://api.example/users/ada/followers",` +
		`"following_url":"https://api.example/users/ada/following{/other_user}","gists_url":"https://api.example/users/ada/gists{/gist_id}",` +
		`"starred_url":"https://api.example/users/ada/starred{/owner}{/repo}","subscriptions_url":"https://api.example/users/ada/subscriptions",` +
		`"organizations_url":"https://api.example/users/ada/orgs","repos_url":"https://api.example/users/ada/repos",` +
		`"events_url":"https://api.example/users/ada/events{/privacy}","received_events_url":"https://api.example/users/ada/received_events",` +
		`"type":"User","site_admin":false,"name":"Ada","company":null,"blog":"","location":"London","email":"ada@example.org","hireable":null,` +
		`"bio":null,"public_repos":8,"public_gists":1,"followers":20,"following":0,"created_at":"2008-01-14T04:33:35Z","updated_at":"2024-02-08T04:33:35Z"}`
)

func (service) RoundTrip(r *http.Request) (*http.Response, error) {
	media, body := "application/json; charset=utf-8", profileReply
	if r.Method == http.MethodPost {
		media, body = "application/x-www-form-urlencoded; charset=utf-8", tokenReply
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
	}
	return &http.Response{
		StatusCode: http.StatusOK, Status: "200 OK", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {media}}, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

func provider() *github.Provider {
	p := github.New("client", "client-secret", callbackURL, "read:user")
	p.HTTPClient = &http.Client{Transport: service{}}
	return p
}

// newFlows makes a registry where a person who is logged in connects an account.
func newFlows() *passport.Registry {
	auth := newRegistry(nil)
	auth.Use("github", gothprovider.New(provider(), func(_ *http.Request, u goth.User) (*goth.User, error) { return &u, nil }))
	return auth
}

// useGothic sets up the peer, whose provider and store are global.
func useGothic() {
	goth.UseProviders(provider()) //nolint:forbidigo // gothic knows no other way
	gothic.Store = sessions.NewCookieStore([]byte(secret))
}

// BenchmarkBegin sends a person to the provider.
func BenchmarkBegin(b *testing.B) {
	b.Run("bare", bare)
	b.Run("floor", func(b *testing.B) {
		endpoint := oauth2.Endpoint{AuthURL: github.AuthURL, TokenURL: github.TokenURL}
		measure(b, beginFloor(&oauth2.Config{ClientID: "client", ClientSecret: "client-secret", RedirectURL: callbackURL, Scopes: []string{"read:user"}, Endpoint: endpoint}), visit())
	})
	b.Run("passport", func(b *testing.B) { measure(b, newFlows().Authorize("github")(http.HandlerFunc(done)), visit()) })
	b.Run("gothic", func(b *testing.B) {
		useGothic()
		measure(b, fresh(gothic.BeginAuthHandler), at(visit(), "provider=github"))
	})
}

// at gives the request a query.
func at(r *http.Request, query string) *http.Request {
	r.URL.RawQuery, r.RequestURI = query, r.URL.Path+"?"+query
	return r
}

// answered is the callback of a flow that a handler just began.
func answered(b *testing.B, begin http.Handler, query string) *http.Request {
	b.Helper()
	w := httptest.NewRecorder()
	begin.ServeHTTP(w, at(visit(), query))
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil || to.Query().Get("state") == "" {
		b.Fatalf("no flow began: %d %s", w.Code, w.Body)
	}
	r := at(visit(w.Result().Cookies()...), query+"code=c0ffee&state="+url.QueryEscape(to.Query().Get("state")))
	r.Header.Set("Sec-Fetch-Site", "cross-site") // it comes from the provider
	return r
}

// BenchmarkCallback ends a flow: one code exchanged, one profile read. "goth" is that
// alone, with the provider's own functions.
func BenchmarkCallback(b *testing.B) {
	b.Run("bare", bare)
	b.Run("goth", func(b *testing.B) {
		p, params := provider(), url.Values{"code": {"c0ffee"}}
		measure(b, ended(b, func(http.ResponseWriter, *http.Request) (goth.User, error) {
			session := &github.Session{}
			if _, err := session.Authorize(p, params); err != nil {
				return goth.User{}, err
			}
			return p.FetchUser(session)
		}), visit())
	})
	b.Run("passport", func(b *testing.B) {
		connect := newFlows().Authorize("github")
		h := connect(ended(b, func(_ http.ResponseWriter, r *http.Request) (goth.User, error) {
			u, _ := passport.AccountFrom[*goth.User](r.Context())
			return *u, nil
		}))
		measure(b, h, answered(b, h, ""))
	})
	b.Run("gothic", func(b *testing.B) {
		useGothic()
		r := answered(b, http.HandlerFunc(gothic.BeginAuthHandler), "provider=github&")
		measure(b, fresh(ended(b, gothic.CompleteUserAuth)), r)
	})
}

func ended(b *testing.B, complete func(http.ResponseWriter, *http.Request) (goth.User, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if u, err := complete(w, r); err != nil || u.UserID != userKey {
			b.Fatal("the flow did not end well: ", err)
		}
		done(w, r)
	}
}
