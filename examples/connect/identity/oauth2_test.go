package identity_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

func authorization(change url.Values) string {
	q := url.Values{
		"client_id": {app.Key}, "redirect_uri": {callback}, "response_type": {"code"},
		"state": {"s1"}, "scope": {"user:email"},
	}
	for name, values := range change {
		if q[name] = values; values == nil {
			q.Del(name)
		}
	}
	return "/login/oauth/authorize?" + q.Encode()
}

// code is an authorization code that Ada agreed to.
func (s *site) code(change url.Values) string {
	s.t.Helper()
	code := s.answer(s.begin(authorization(change)), "ada", "allow").Query().Get("code")
	require.NotEmpty(s.t, code)
	return code
}

func tokenForm(code string, change url.Values) url.Values {
	form := url.Values{
		"client_id": {app.Key}, "client_secret": {app.Secret}, "grant_type": {"authorization_code"},
		"code": {code}, "redirect_uri": {callback},
	}
	for name, values := range change {
		if form[name] = values; values == nil {
			form.Del(name)
		}
	}
	return form
}

func s256(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestGothsGitHubProviderLearnsWhoAllowedIt(t *testing.T) {
	s := newSite(t)
	provider := github.NewCustomisedURL(app.Key, app.Secret, callback,
		s.url+"/login/oauth/authorize", s.url+"/login/oauth/access_token", s.url+"/user", s.url+"/user/emails", "user:email")
	session, err := provider.BeginAuth("the-state")
	require.NoError(t, err)
	address, err := session.GetAuthURL()
	require.NoError(t, err)

	back := s.answer(s.begin(address), "grace", "allow")
	require.Equal(t, "the-state", back.Query().Get("state"))
	_, err = session.Authorize(provider, back.Query())
	require.NoError(t, err)
	user, err := provider.FetchUser(session)
	require.NoError(t, err)

	user.RawData = nil
	user.AccessToken = ""
	require.Equal(t, goth.User{
		Provider: "github", UserID: "1002", NickName: "grace", Name: "Grace Okoro", Email: "grace@people.example",
		Description: "Finds the moth in the machine.", Location: "Lagos", AvatarURL: s.url + "/avatar/grace",
	}, user)
}

func TestOAuth2WithPKCE(t *testing.T) {
	s := newSite(t)
	config := oauth2.Config{
		ClientID: app.Key, ClientSecret: app.Secret, RedirectURL: callback,
		Endpoint: oauth2.Endpoint{AuthURL: s.url + "/login/oauth/authorize", TokenURL: s.url + "/login/oauth/access_token"},
	}
	verifier := oauth2.GenerateVerifier()
	back := s.answer(s.begin(config.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier))), "lin", "allow")
	token, err := config.Exchange(t.Context(), back.Query().Get("code"), oauth2.VerifierOption(verifier))
	require.NoError(t, err)

	response, err := config.Client(t.Context(), token).Get(s.url + "/user")
	require.NoError(t, err)
	defer response.Body.Close()
	var user struct{ ID int }
	require.NoError(t, json.NewDecoder(response.Body).Decode(&user))
	require.Equal(t, 1003, user.ID)
}

func TestAuthorizationNeverRedirectsToAnUnknownPlace(t *testing.T) {
	for name, change := range map[string]url.Values{
		"no client":                       {"client_id": nil},
		"an unknown client":               {"client_id": {"nobody"}},
		"a client twice":                  {"client_id": {app.Key, rival.Key}},
		"no callback":                     {"redirect_uri": nil},
		"another site":                    {"redirect_uri": {"http://evil.example/connect/github/callback"}},
		"a longer path":                   {"redirect_uri": {callback + "/more"}},
		"an added query":                  {"redirect_uri": {callback + "?x=1"}},
		"a callback twice":                {"redirect_uri": {callback, callback}},
		"the callback of somebody else":   {"client_id": {rival.Key}, "redirect_uri": {otherCallback}},
		"a callback in upper case":        {"redirect_uri": {strings.ToUpper(callback)}},
		"a callback with another user":    {"redirect_uri": {"http://app.example@evil.example/"}},
		"a callback with a fragment":      {"redirect_uri": {callback + "#x"}},
		"a callback with dots in the way": {"redirect_uri": {"http://app.example/x/../connect/github/callback"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := newSite(t).get(authorization(change))
			require.Equal(t, http.StatusBadRequest, got.StatusCode)
			require.Empty(t, got.Header.Get("Location"))
			require.Contains(t, got.body, `id="error"`)
		})
	}
}

func TestAuthorizationTellsTheApplicationWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		change url.Values
		code   string
	}{
		"no response type":             {url.Values{"response_type": nil}, "invalid_request"},
		"the implicit flow":            {url.Values{"response_type": {"token"}}, "unsupported_response_type"},
		"a plain challenge":            {url.Values{"code_challenge": {s256("v")}, "code_challenge_method": {"plain"}}, "invalid_request"},
		"a challenge without a method": {url.Values{"code_challenge": {s256("v")}}, "invalid_request"},
		"a method without a challenge": {url.Values{"code_challenge_method": {"S256"}}, "invalid_request"},
		"a short challenge":            {url.Values{"code_challenge": {"short"}, "code_challenge_method": {"S256"}}, "invalid_request"},
		"a scope twice":                {url.Values{"scope": {"user", "repo"}}, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			back := newSite(t).get(authorization(test.change)).location(t)
			require.Equal(t, "app.example", back.Host)
			require.Equal(t, test.code, back.Query().Get("error"))
			require.Equal(t, "s1", back.Query().Get("state"))
			require.Empty(t, back.Query().Get("code"))
		})
	}
}

func TestDenialGoesBackWithAccessDenied(t *testing.T) {
	for name, deny := range map[string]func(*site, string) *url.URL{
		"Deny":   func(s *site, question string) *url.URL { return s.answer(question, "ada", "deny") },
		"Cancel": func(s *site, question string) *url.URL { return s.get("/cancel?request=" + question).location(s.t) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			back := deny(s, s.begin(authorization(nil)))
			require.Equal(t, callback, "http://"+back.Host+back.Path)
			require.Equal(t, "access_denied", back.Query().Get("error"))
			require.Equal(t, "s1", back.Query().Get("state"))
			require.False(t, back.Query().Has("code"))
		})
	}
}

func TestTokenEndpointRefuses(t *testing.T) {
	pkce := url.Values{"code_challenge": {s256("right")}, "code_challenge_method": {"S256"}}
	for name, test := range map[string]struct {
		begin, change url.Values
		status        int
		code          string
	}{
		"a wrong secret":                 {nil, url.Values{"client_secret": {"wrong"}}, 401, "invalid_client"},
		"no secret":                      {nil, url.Values{"client_secret": nil}, 401, "invalid_client"},
		"an unknown client":              {nil, url.Values{"client_id": {"nobody"}}, 401, "invalid_client"},
		"another client's code":          {nil, url.Values{"client_id": {rival.Key}, "client_secret": {rival.Secret}}, 400, "invalid_grant"},
		"another grant":                  {nil, url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type"},
		"an unknown code":                {nil, url.Values{"code": {"code-unknown"}}, 400, "invalid_grant"},
		"no code":                        {nil, url.Values{"code": nil}, 400, "invalid_grant"},
		"a code twice":                   {nil, url.Values{"code": {"a", "b"}}, 400, "invalid_request"},
		"another callback":               {nil, url.Values{"redirect_uri": {otherCallback}}, 400, "invalid_grant"},
		"no callback":                    {nil, url.Values{"redirect_uri": nil}, 400, "invalid_grant"},
		"a wrong PKCE verifier":          {pkce, url.Values{"code_verifier": {"wrong"}}, 400, "invalid_grant"},
		"no PKCE verifier":               {pkce, nil, 400, "invalid_grant"},
		"the challenge as the verifier":  {pkce, url.Values{"code_verifier": {s256("right")}}, 400, "invalid_grant"},
		"a verifier without a challenge": {nil, url.Values{"code_verifier": {"right"}}, 400, "invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			got := s.post("/login/oauth/access_token", tokenForm(s.code(test.begin), test.change))
			require.Equal(t, test.status, got.StatusCode, got.body)
			answer, err := url.ParseQuery(got.body)
			require.NoError(t, err)
			require.Equal(t, test.code, answer.Get("error"))
			require.Empty(t, answer.Get("access_token"))
			require.Equal(t, "no-store", got.Header.Get("Cache-Control"))
		})
	}
}

func TestTokenEndpointRefusesTwoSecrets(t *testing.T) {
	s := newSite(t)
	request := s.request(http.MethodPost, "/login/oauth/access_token", tokenForm(s.code(nil), nil))
	request.SetBasicAuth(app.Key, app.Secret)
	got := s.send(request)
	require.Equal(t, http.StatusBadRequest, got.StatusCode)
	require.Contains(t, got.body, "invalid_request")
}

func TestCodeWorksOnce(t *testing.T) {
	s := newSite(t)
	code := s.code(nil)
	require.Equal(t, http.StatusOK, s.post("/login/oauth/access_token", tokenForm(code, nil)).StatusCode)
	again := s.post("/login/oauth/access_token", tokenForm(code, nil))
	require.Equal(t, http.StatusBadRequest, again.StatusCode)
	require.Contains(t, again.body, "invalid_grant")
}

func TestCodeIsSpentByAWrongRequest(t *testing.T) {
	s := newSite(t)
	code := s.code(nil)
	s.post("/login/oauth/access_token", tokenForm(code, url.Values{"redirect_uri": {otherCallback}}))
	require.Contains(t, s.post("/login/oauth/access_token", tokenForm(code, nil)).body, "invalid_grant")
}

func TestCodeLivesForAMinute(t *testing.T) {
	for name, test := range map[string]struct {
		after  time.Duration
		status int
	}{
		"just before": {59 * time.Second, http.StatusOK},
		"just after":  {60 * time.Second, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			code := s.code(nil)
			s.clock.pass(test.after)
			require.Equal(t, test.status, s.post("/login/oauth/access_token", tokenForm(code, nil)).StatusCode)
		})
	}
}

func TestTokenAnswerFollowsAccept(t *testing.T) {
	for name, test := range map[string]struct{ accept, contentType string }{
		"nothing asked": {"", "application/x-www-form-urlencoded; charset=utf-8"},
		"JSON asked":    {"application/json", "application/json; charset=utf-8"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			request := s.request(http.MethodPost, "/login/oauth/access_token", tokenForm(s.code(nil), nil))
			request.Header.Set("Accept", test.accept)
			got := s.send(request)
			require.Equal(t, http.StatusOK, got.StatusCode)
			require.Equal(t, test.contentType, got.Header.Get("Content-Type"))
			require.Contains(t, got.body, "access_token")
		})
	}
}

func TestProfileNeedsAToken(t *testing.T) {
	s := newSite(t)
	answer, err := url.ParseQuery(s.post("/login/oauth/access_token", tokenForm(s.code(url.Values{"scope": nil}), nil)).body)
	require.NoError(t, err)
	token := answer.Get("access_token")
	for name, test := range map[string]struct {
		path, authorization string
		status              int
	}{
		"no token":                   {"/user", "", 401},
		"a wrong token":              {"/user", "Bearer access-wrong", 401},
		"another scheme":             {"/user", "Basic " + token, 401},
		"the token":                  {"/user", "Bearer " + token, 200},
		"the token in the old style": {"/user", "token " + token, 200},
		"e-mails without the scope":  {"/user/emails", "Bearer " + token, 403},
		"e-mails without a token":    {"/user/emails", "", 401},
	} {
		t.Run(name, func(t *testing.T) {
			request := s.request(http.MethodGet, test.path, nil)
			request.Header.Set("Authorization", test.authorization)
			got := s.send(request)
			require.Equal(t, test.status, got.StatusCode)
			require.Equal(t, test.status != 200, got.Header.Get("WWW-Authenticate") != "")
		})
	}
}

func TestTokenLivesForAnHour(t *testing.T) {
	s := newSite(t)
	answer, err := url.ParseQuery(s.post("/login/oauth/access_token", tokenForm(s.code(nil), nil)).body)
	require.NoError(t, err)
	s.clock.pass(time.Hour)
	request := s.request(http.MethodGet, "/user", nil)
	request.Header.Set("Authorization", "Bearer "+answer.Get("access_token"))
	require.Equal(t, http.StatusUnauthorized, s.send(request).StatusCode)
}
