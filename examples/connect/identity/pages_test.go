package identity_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gopassport/passport/examples/connect/identity"
)

func TestAPersonIsChosenFirstAndRememberedAfterwards(t *testing.T) {
	s := newSite(t)
	question := s.begin(authorization(nil))
	require.Equal(t, "/choose?request="+question, s.get("/consent?request="+question).Header.Get("Location"))
	chooser := s.get("/choose?request=" + question).body
	for _, want := range []string{`name="person" value="ada"`, `name="person" value="grace"`, `name="person" value="lin"`, `id="cancel"`, "The app"} {
		require.Contains(t, chooser, want)
	}

	chosen := s.post("/choose", url.Values{"request": {question}, "person": {"grace"}})
	cookie := chosen.Cookies()[0]
	require.Equal(t, "identity", cookie.Name)
	require.True(t, cookie.HttpOnly)
	require.Equal(t, http.SameSiteLaxMode, cookie.SameSite)

	next := s.begin(authorization(nil))
	consent := s.get("/consent?request=" + next)
	require.Equal(t, http.StatusOK, consent.StatusCode)
	for _, want := range []string{`id="allow"`, `id="deny"`, `id="other"`, "Grace Okoro", "your e-mail address", "app.example"} {
		require.Contains(t, consent.body, want)
	}
	require.Contains(t, s.get("/choose?request="+next).body, "chosen last")
}

func TestConsentShowsOnlyWhatIsAskedFor(t *testing.T) {
	s := newSite(t)
	question := s.begin(authorization(url.Values{"scope": nil}))
	s.post("/choose", url.Values{"request": {question}, "person": {"ada"}})
	require.NotContains(t, s.get("/consent?request="+question).body, "e-mail")
}

func TestAnswerIsThatOfThePersonOnThePage(t *testing.T) {
	s := newSite(t)
	question := s.begin(authorization(nil))
	s.post("/choose", url.Values{"request": {question}, "person": {"ada"}})
	s.post("/choose", url.Values{"request": {s.begin(authorization(nil))}, "person": {"grace"}}) // another tab
	code := s.decide(question, "ada", "allow").location(t).Query().Get("code")

	answer := must(url.ParseQuery(s.post("/login/oauth/access_token", tokenForm(code, nil)).body))
	request := s.request(http.MethodGet, "/user", nil)
	request.Header.Set("Authorization", "Bearer "+answer.Get("access_token"))
	require.Contains(t, s.send(request).body, `"login":"ada"`)
}

func TestPagesRefuse(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		send   func(s *site, question string) reply
	}{
		"a chooser for an unknown request":    {http.StatusGone, func(s *site, _ string) reply { return s.get("/choose?request=x") }},
		"a consent page for an unknown one":   {http.StatusGone, func(s *site, _ string) reply { return s.get("/consent") }},
		"cancelling an unknown one":           {http.StatusGone, func(s *site, _ string) reply { return s.get("/cancel?request=x") }},
		"choosing for an unknown one":         {http.StatusGone, func(s *site, _ string) reply { return s.post("/choose", url.Values{"person": {"ada"}}) }},
		"answering an unknown one":            {http.StatusGone, func(s *site, _ string) reply { return s.decide("x", "ada", "allow") }},
		"choosing nobody":                     {http.StatusBadRequest, func(s *site, q string) reply { return s.post("/choose", url.Values{"request": {q}, "person": {"eve"}}) }},
		"answering as nobody":                 {http.StatusBadRequest, func(s *site, q string) reply { return s.decide(q, "eve", "allow") }},
		"answering neither":                   {http.StatusBadRequest, func(s *site, q string) reply { return s.decide(q, "ada", "perhaps") }},
		"answering twice":                     {http.StatusGone, func(s *site, q string) reply { s.decide(q, "ada", "allow"); return s.decide(q, "ada", "allow") }},
		"allowing what was denied":            {http.StatusGone, func(s *site, q string) reply { s.decide(q, "ada", "deny"); return s.decide(q, "ada", "allow") }},
		"allowing what was cancelled":         {http.StatusGone, func(s *site, q string) reply { s.get("/cancel?request=" + q); return s.decide(q, "ada", "allow") }},
		"answering after ten minutes":         {http.StatusGone, func(s *site, q string) reply { s.clock.pass(10 * time.Minute); return s.decide(q, "ada", "allow") }},
		"the picture of nobody":               {http.StatusNotFound, func(s *site, _ string) reply { return s.get("/avatar/eve") }},
		"a page that is none":                 {http.StatusNotFound, func(s *site, _ string) reply { return s.get("/nothing") }},
		"answering in the address":            {http.StatusMethodNotAllowed, func(s *site, q string) reply { return s.send(s.request(http.MethodDelete, "/consent?request="+q, nil)) }},
		"parameters in the address of a POST": {http.StatusBadRequest, func(s *site, q string) reply { return s.post("/consent?person=ada&decision=allow&request="+q, nil) }},
		"an answer from another site":         {http.StatusForbidden, func(s *site, q string) reply { return s.send(s.crossSite("/consent", q)) }},
		"a choice from another site":          {http.StatusForbidden, func(s *site, q string) reply { return s.send(s.crossSite("/choose", q)) }},
		"a body beyond the limit":             {http.StatusBadRequest, func(s *site, q string) reply { return s.decide(q, "ada", strings.Repeat("x", 65<<10)) }},
		"a body beyond the limit, for a token": {http.StatusBadRequest, func(s *site, q string) reply {
			return s.post("/login/oauth/access_token", url.Values{"code": {strings.Repeat("x", 65<<10)}})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			got := test.send(s, s.begin(authorization(nil)))
			require.Equal(t, test.status, got.StatusCode, got.body)
			require.Empty(t, got.Header.Get("Location"))
		})
	}
}

func (s *site) crossSite(path, question string) *http.Request {
	request := s.request(http.MethodPost, path, url.Values{"request": {question}, "person": {"ada"}, "decision": {"allow"}})
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	return request
}

func TestPolicyLetsTheAnswerReachTheApplicationAndNobodyElse(t *testing.T) {
	s := newSite(t)
	question := s.begin(authorization(nil))
	for path, action := range map[string]string{
		"/": "'self'", "/consent": "'self'", "/style.css": "'self'",
		"/choose?request=" + question: "'self' http://app.example",
	} {
		require.Equal(t, "default-src 'none'; style-src 'self'; img-src 'self'; form-action "+action+"; base-uri 'none'; frame-ancestors 'none'",
			s.get(path).Header.Get("Content-Security-Policy"), path)
	}
}

func TestPagesNeedNoMoreThanThePolicyAllows(t *testing.T) {
	s := newSite(t)
	question := s.begin(authorization(nil))
	s.post("/choose", url.Values{"request": {question}, "person": {"ada"}})
	forbidden := regexp.MustCompile(`(?i)<script|<style|style=|\son[a-z]+=|(src|href)="?https?:`)
	for _, path := range []string{"/", "/choose?request=" + question, "/consent?request=" + question, "/consent?request=x"} {
		require.NotRegexp(t, forbidden, s.get(path).body, path)
	}
	require.Contains(t, s.get("/style.css").Header.Get("Content-Type"), "text/css")
	picture := s.get("/avatar/ada")
	require.Equal(t, "image/svg+xml", picture.Header.Get("Content-Type"))
	require.Contains(t, picture.body, `fill="#8a3ffc"`)
	require.Contains(t, picture.body, ">AW</text>")
}

func TestNewPanicsOnAClientThatCannotWork(t *testing.T) {
	for name, test := range map[string]struct {
		client identity.Client
		says   string
	}{
		"no secret":            {identity.Client{Name: "x", Key: "k", Callbacks: []string{callback}}, "needs a key, a secret and a callback"},
		"no callback":          {identity.Client{Name: "x", Key: "k", Secret: "s"}, "needs a key, a secret and a callback"},
		"a relative callback":  {identity.Client{Name: "x", Key: "k", Secret: "s", Callbacks: []string{"/callback"}}, "no absolute address"},
		"a fragment":           {identity.Client{Name: "x", Key: "k", Secret: "s", Callbacks: []string{callback + "#x"}}, "no absolute address"},
		"an unreadable target": {identity.Client{Name: "x", Key: "k", Secret: "s", Callbacks: []string{"http://%"}}, "no absolute address"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() { require.Contains(t, recover(), test.says) }()
			identity.New(identity.Config{OAuth1: []identity.Client{test.client}})
		})
	}
}
