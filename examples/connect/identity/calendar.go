package identity

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gopassport/passport/internal/authserver"
)

// The calendar is an OAuth 2 service of today: it wants PKCE, its access tokens
// live for a short time, and each refresh token is good for one use.

// What an application may ask the calendar for.
const (
	scopeCalendar = "calendar"
	scopeTasks    = "tasks"
)

func (s *service) calendarToken(w http.ResponseWriter, r *http.Request) {
	issued, problem := s.calendar.redeem(r)
	if problem != nil {
		challenge(w, problem)
		answerJSON(w, problem.Status, problem)
		return
	}
	answerJSON(w, http.StatusOK, map[string]any{
		"access_token": issued.Access, "token_type": "Bearer", "expires_in": int(issued.Life / time.Second),
		"refresh_token": issued.Refresh, "scope": issued.Scope,
	})
}

func (s *service) calendarRevoke(w http.ResponseWriter, r *http.Request) {
	client, problem := s.calendar.client(r)
	if problem != nil {
		challenge(w, problem)
		answerJSON(w, problem.Status, problem)
		return
	}
	s.calendar.Tokens.Revoke(client, authserver.One(r.PostForm, "token"))
	w.WriteHeader(http.StatusOK)
}

func (s *service) calendarMe(w http.ResponseWriter, r *http.Request) {
	if p, ok := s.calendarOf(w, r, ""); ok {
		answerJSON(w, http.StatusOK, map[string]any{"id": strconv.Itoa(p.ID), "login": p.Login, "name": p.Name, "picture": avatarURL(r, p)})
	}
}

func (s *service) appointments(w http.ResponseWriter, r *http.Request) {
	if p, ok := s.calendarOf(w, r, scopeCalendar); ok {
		answerJSON(w, http.StatusOK, []string{"Monday 10:00: Tea at " + p.Name + "'s", "Thursday 17:30: The engine club"})
	}
}

func (s *service) tasks(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.calendarOf(w, r, scopeTasks); ok {
		answerJSON(w, http.StatusOK, []string{"Oil the difference engine"})
	}
}

// calendarOf finds whose calendar the request's token opens, or answers that it
// does not open one so far (RFC 6750, 3.1).
func (s *service) calendarOf(w http.ResponseWriter, r *http.Request, scope string) (Person, bool) {
	access, ok := s.calendar.Tokens.Open(r, "Bearer")
	switch {
	case !ok:
		w.Header().Set("WWW-Authenticate", `Bearer realm="calendar", error="invalid_token"`)
		answerJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
		return Person{}, false
	case scope != "" && !slices.Contains(scopesOf(access.Scope), scope):
		w.Header().Set("WWW-Authenticate", `Bearer realm="calendar", error="insufficient_scope", scope="`+scope+`"`)
		answerJSON(w, http.StatusForbidden, map[string]string{"error": "insufficient_scope"})
		return Person{}, false
	}
	return s.person(access.Subject)
}
