package identity

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The calendar is an OAuth 2 service of today: it wants PKCE, its access tokens
// live for a short time, and each refresh token is good for one use.

// What an application may ask the calendar for.
const (
	scopeCalendar = "calendar"
	scopeTasks    = "tasks"
)

func (s *service) calendarToken(w http.ResponseWriter, r *http.Request) {
	client, p := s.calendarClient(r)
	if p != nil {
		answerCalendarProblem(w, p)
		return
	}
	issued, p := s.exchange(client, r)
	if p != nil {
		answerCalendarProblem(w, p)
		return
	}
	answerJSON(w, http.StatusOK, map[string]any{
		"access_token": issued.access, "token_type": "Bearer", "expires_in": int(s.permits.access.life / time.Second),
		"refresh_token": issued.refresh, "scope": issued.scope,
	})
}

func (s *service) calendarClient(r *http.Request) (Client, *problem) {
	if err := r.ParseForm(); err != nil {
		return Client{}, &problem{http.StatusBadRequest, "invalid_request", "the body is no form"}
	}
	return s.calendar.authenticate(r)
}

// exchange gives tokens for a code, or for a refresh token (RFC 6749, 6).
func (s *service) exchange(client Client, r *http.Request) (pair, *problem) {
	if one(r.PostForm, "grant_type") == "refresh_token" {
		issued, ok := s.permits.renew(client, one(r.PostForm, "refresh_token"))
		if !ok {
			return pair{}, &problem{http.StatusBadRequest, "invalid_grant", "the refresh token is unknown, used, expired or revoked"}
		}
		return issued, nil
	}
	g, p := s.calendar.redeem(client, r.PostForm)
	if p != nil {
		return pair{}, p
	}
	return s.permits.allow(client, g.person, s.calendar.known(g.scope)), nil
}

// known are the scopes that mean something, in order.
func (o office) known(scope string) string {
	names := slices.DeleteFunc(scopesOf(scope), func(name string) bool { return o.scopes[name] == "" })
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " ")
}

// calendarRevoke ends what a token is for. A token that is unknown is as good
// as revoked (RFC 7009, 2.2).
func (s *service) calendarRevoke(w http.ResponseWriter, r *http.Request) {
	client, p := s.calendarClient(r)
	if p != nil {
		answerCalendarProblem(w, p)
		return
	}
	s.permits.revoke(client, one(r.PostForm, "token"))
	w.WriteHeader(http.StatusOK)
}

func (s *service) calendarMe(w http.ResponseWriter, r *http.Request) {
	if t, ok := s.ticket(w, r, ""); ok {
		p := t.permit.person
		answerJSON(w, http.StatusOK, map[string]any{"id": strconv.Itoa(p.ID), "login": p.Login, "name": p.Name, "picture": avatarURL(r, p)})
	}
}

func (s *service) appointments(w http.ResponseWriter, r *http.Request) {
	if t, ok := s.ticket(w, r, scopeCalendar); ok {
		answerJSON(w, http.StatusOK, []string{"Monday 10:00: Tea at " + t.permit.person.Name + "'s", "Thursday 17:30: The engine club"})
	}
}

func (s *service) tasks(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.ticket(w, r, scopeTasks); ok {
		answerJSON(w, http.StatusOK, []string{"Oil the difference engine"})
	}
}

// ticket finds what the request's token gives, or answers that it does not give
// that (RFC 6750, 3.1).
func (s *service) ticket(w http.ResponseWriter, r *http.Request, scope string) (ticket, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	t, ok := s.permits.open(strings.TrimSpace(token))
	switch {
	case !ok || !strings.EqualFold(scheme, "Bearer"):
		w.Header().Set("WWW-Authenticate", `Bearer realm="calendar", error="invalid_token"`)
		answerJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
		return ticket{}, false
	case scope != "" && !t.allows(scope):
		w.Header().Set("WWW-Authenticate", `Bearer realm="calendar", error="insufficient_scope", scope="`+scope+`"`)
		answerJSON(w, http.StatusForbidden, map[string]string{"error": "insufficient_scope"})
		return ticket{}, false
	}
	return t, true
}

func answerCalendarProblem(w http.ResponseWriter, p *problem) {
	if p.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="calendar"`)
	}
	answerJSON(w, p.status, map[string]string{"error": p.code, "error_description": p.description})
}
