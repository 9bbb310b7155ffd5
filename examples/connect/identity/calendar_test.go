package identity_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// issued is what the calendar's token endpoint answers.
type issued struct {
	Status           int    `json:"-"`
	Access           string `json:"access_token"`
	Type             string `json:"token_type"`
	Refresh          string `json:"refresh_token"`
	Scope            string `json:"scope"`
	Seconds          int    `json:"expires_in"`
	Error            string `json:"error"`
	ErrorDescription string `json:"error_description"`
}

func (s *site) calendarPost(path string, form url.Values) issued {
	s.t.Helper()
	answer := s.post("/calendar"+path, form)
	got := issued{Status: answer.StatusCode}
	if answer.body != "" {
		require.NoError(s.t, json.Unmarshal([]byte(answer.body), &got))
	}
	return got
}

func calendarAuthorization(scope string, change url.Values) string {
	q := url.Values{
		"client_id": {app.Key}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {scope},
		"code_challenge": {s256("verifier")}, "code_challenge_method": {"S256"},
	}
	maps.Copy(q, change)
	return "/calendar/authorize?" + q.Encode()
}

// calendar connects a person's calendar.
func (s *site) calendar(person, scope string) issued {
	s.t.Helper()
	code := s.answer(s.begin(calendarAuthorization(scope, nil)), person, "allow").Query().Get("code")
	got := s.calendarPost("/token", tokenForm(code, url.Values{"code_verifier": {"verifier"}}))
	require.Equal(s.t, http.StatusOK, got.Status, got.Error)
	return got
}

func (s *site) renew(refresh string, change url.Values) issued {
	s.t.Helper()
	form := url.Values{"client_id": {app.Key}, "client_secret": {app.Secret}, "grant_type": {"refresh_token"}, "refresh_token": {refresh}}
	maps.Copy(form, change)
	return s.calendarPost("/token", form)
}

// see is the status of a request to the calendar.
func (s *site) see(path, access string) int {
	s.t.Helper()
	request := s.request(http.MethodGet, "/calendar"+path, nil)
	request.Header.Set("Authorization", "Bearer "+access)
	got := s.send(request)
	require.Equal(s.t, got.StatusCode != 200, got.Header.Get("WWW-Authenticate") != "")
	return got.StatusCode
}

func TestTheCalendarWantsPKCE(t *testing.T) {
	s := newSite(t)
	q := url.Values{"client_id": {app.Key}, "redirect_uri": {callback}, "response_type": {"code"}}
	require.Equal(t, "invalid_request", s.get("/calendar/authorize?"+q.Encode()).location(t).Query().Get("error"))
}

func TestTheCalendarShowsWhatWasAllowed(t *testing.T) {
	s := newSite(t)
	for scope, want := range map[string]struct {
		granted             string
		appointments, tasks int
	}{
		"calendar":                 {"calendar", 200, 403},
		"tasks calendar":           {"calendar tasks", 200, 200},
		"tasks":                    {"tasks", 403, 200},
		"everything":               {"", 403, 403},
		"calendar calendar user x": {"calendar", 200, 403},
	} {
		got := s.calendar("ada", scope)
		require.Equal(t, want.granted, got.Scope, scope)
		require.Equal(t, 60, got.Seconds)
		require.Equal(t, "Bearer", got.Type)
		require.Equal(t, 200, s.see("/me", got.Access))
		require.Equal(t, want.appointments, s.see("/appointments", got.Access), scope)
		require.Equal(t, want.tasks, s.see("/tasks", got.Access), scope)
	}
	require.Equal(t, 401, s.see("/me", "access-unknown"))
}

func TestAnAccessTokenLivesForAMinuteAndARefreshTokenOnce(t *testing.T) {
	s := newSite(t)
	first := s.calendar("ada", "calendar")
	s.clock.pass(59 * time.Second)
	require.Equal(t, 200, s.see("/me", first.Access))
	s.clock.pass(time.Second)
	require.Equal(t, 401, s.see("/me", first.Access))

	second := s.renew(first.Refresh, nil)
	require.Equal(t, 200, second.Status)
	require.Equal(t, "calendar", second.Scope)
	require.Equal(t, 200, s.see("/appointments", second.Access))
	require.Equal(t, 200, s.renew(second.Refresh, nil).Status)

	again := s.renew(first.Refresh, nil)
	require.Equal(t, 400, again.Status)
	require.Equal(t, "invalid_grant", again.Error)
	require.Equal(t, 401, s.see("/me", second.Access), "a second use is theft: all of it ends")
}

func TestARefreshTokenIsForOneClient(t *testing.T) {
	s := newSite(t)
	first := s.calendar("ada", "calendar")
	for name, c := range map[string]struct {
		change url.Values
		code   string
	}{
		"another client": {url.Values{"client_id": {rival.Key}, "client_secret": {rival.Secret}}, "invalid_grant"},
		"a wrong secret": {url.Values{"client_secret": {"x"}}, "invalid_client"},
		"another token":  {url.Values{"refresh_token": {"x"}}, "invalid_grant"},
		"two tokens":     {url.Values{"refresh_token": {first.Refresh, first.Refresh}}, "invalid_request"},
		"another grant":  {url.Values{"grant_type": {"password"}}, "unsupported_grant_type"},
	} {
		require.Equal(t, c.code, s.renew(first.Refresh, c.change).Error, name)
	}
	require.Equal(t, 200, s.renew(first.Refresh, nil).Status)
}

func TestRevokingATokenEndsWhatItIsFor(t *testing.T) {
	for name, which := range map[string]func(issued) string{
		"the refresh token": func(i issued) string { return i.Refresh },
		"the access token":  func(i issued) string { return i.Access },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			ada, grace := s.calendar("ada", "calendar"), s.calendar("grace", "calendar")
			revoke := func(client [2]string, token string) int {
				return s.calendarPost("/revoke", url.Values{"client_id": {client[0]}, "client_secret": {client[1]}, "token": {token}}).Status
			}
			require.Equal(t, 401, revoke([2]string{app.Key, "wrong"}, which(ada)))
			require.Equal(t, 200, revoke([2]string{rival.Key, rival.Secret}, which(ada)))
			require.Equal(t, 200, revoke([2]string{app.Key, app.Secret}, "unknown"))
			require.Equal(t, 200, s.see("/me", ada.Access), "nothing has ended yet")

			require.Equal(t, 200, revoke([2]string{app.Key, app.Secret}, which(ada)))
			require.Equal(t, 401, s.see("/me", ada.Access))
			require.Equal(t, "invalid_grant", s.renew(ada.Refresh, nil).Error)
			require.Equal(t, 200, s.see("/me", grace.Access))
		})
	}
}

func TestAPersonTakesAccessAway(t *testing.T) {
	s := newSite(t)
	ada, grace := s.calendar("ada", "calendar"), s.calendar("grace", "calendar")
	page := s.get("/").body
	require.Contains(t, page, "Grace Okoro</h2>")
	permit := regexp.MustCompile(`name="permit" value="([^"]+)"`).FindStringSubmatch(page)
	require.Len(t, permit, 2, "grace, who was chosen last, sees hers")

	s.begin(calendarAuthorization("calendar", url.Values{"login_hint": {"1001"}})) // now it is Ada who looks at it
	s.post("/end", url.Values{"permit": {permit[1]}})
	require.Equal(t, 200, s.see("/me", grace.Access), "Ada ends nothing of Grace's")

	s.begin(calendarAuthorization("calendar", url.Values{"login_hint": {"1002"}}))
	s.post("/end", url.Values{"permit": {permit[1]}})
	require.Equal(t, 401, s.see("/me", grace.Access))
	require.Equal(t, 200, s.see("/me", ada.Access))
	require.NotContains(t, s.get("/").body, `name="permit"`)
}
