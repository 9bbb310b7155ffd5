package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/outbound"
	"github.com/gopassport/passport/internal/panics"
	"github.com/gopassport/passport/internal/strictjson"
)

// LogoutURL is where to send a person so that the provider ends its own session, too
// (OpenID Connect RP-Initiated Logout 1.0, 2). End the login here first ([passport.Registry.Logout]),
// then redirect there with 303.
//
// idTokenHint is the ID token of the login ([Identity.IDToken]); "" makes most providers
// ask the person. It is a secret and goes into an address: some providers refuse long ones.
// returnTo is where the provider sends the person afterwards, one of the addresses that are
// registered there; "" lets it show a page of its own. state comes back with it, and may
// be "": a page that does more than to say goodbye compares it with what it sent.
//
// The error is an [*passport.Error]: the provider is down, has no end_session_endpoint
// (provider_metadata), or returnTo is no address (configuration). It is safe for
// concurrent use.
func (s *Strategy) LogoutURL(ctx context.Context, idTokenHint, returnTo, state string) (string, error) {
	if problem := unfit(returnTo, true); returnTo != "" && problem != "" {
		return "", &passport.Error{Code: passport.CodeConfiguration, Status: http.StatusInternalServerError, Err: errors.New("LogoutURL: returnTo " + problem)}
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	p, err := s.metadata.get(ctx)
	if err != nil {
		return "", err
	}
	if p.EndSessionEndpoint == "" {
		return "", metadata("the provider's metadata has no end_session_endpoint")
	}
	u, _ := url.Parse(p.EndSessionEndpoint) // it parsed when the metadata came
	query := u.Query()
	query.Set("client_id", s.config.ClientID)
	for name, value := range map[string]string{"id_token_hint": idTokenHint, "post_logout_redirect_uri": returnTo, "state": state} {
		if value != "" {
			query.Set(name, value)
		}
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// LogoutToken says that a session at the provider is over (OpenID Connect Back-Channel
// Logout 1.0, 2.4). Subject or SessionID may be "", never both: without a session, all of
// the person's are over; without a subject, the session's.
type LogoutToken struct {
	Issuer    string
	Subject   string // see [Identity.Subject]
	SessionID string // see [Identity.SessionID]
	IssuedAt  time.Time
}

const (
	maxForm     = 64 << 10
	maxLogout   = 5 * 60 // seconds since a logout token was issued; the standard recommends two minutes at most
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
)

// BackchannelLogout is the handler for the address that is registered at the provider as
// backchannel_logout_uri: a POST route without cookies, which the provider's server calls
// when a session there is over (OpenID Connect Back-Channel Logout 1.0). Nothing else may
// stand before it that asks for a login, or for an Origin.
//
// It answers 200 where the token is good and end returned nil, else 400; the causes are
// logged (log/slog: a bad token at debug level, for anybody can send one, an error of end,
// or its panic, as an error). A token is good once, on one machine: the last ten thousand
// that were obeyed are remembered while they are valid. Where there are several machines,
// end may be called again.
//
// end finds whose logins are meant and ends them:
//
//	mux.Handle("POST /auth/work/logout", work.BackchannelLogout(func(ctx context.Context, t oidc.LogoutToken) error {
//		user, err := findUser(ctx, t.Issuer, t.Subject)
//		if err != nil {
//			return err
//		}
//		return auth.LogoutEverywhere(ctx, user.ID)
//	}))
//
// LogoutEverywhere ends all logins of a user where Config.Revocations is set, with sealed
// cookies as well as with a SessionStore. It does not tell sessions of one user apart, so a
// token that names a session only (no Subject) needs an application that keeps which user
// had which [Identity.SessionID]. Without Config.Revocations, a sealed cookie cannot be
// ended from afar: it lasts until Config.Lifetime, unless Users.Stamp gives another value
// from now on (end can change it in the database), which each request checks. What a
// SessionStore keeps, its own means end.
//
// Panics on a nil end. The handler is safe for concurrent use, as far as end is.
func (s *Strategy) BackchannelLogout(end func(ctx context.Context, t LogoutToken) error) http.Handler {
	if end == nil {
		panic(fmt.Sprintf("oidc: BackchannelLogout of %q: end is nil; it is the function that ends the logins of a person", s.config.Issuer))
	}
	seen := &recent{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		err := s.logout(w, r, end, seen)
		if err == nil {
			w.WriteHeader(http.StatusOK)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_request"}`)
	})
}

// logout ends what a request says is over, and logs why it does not.
func (s *Strategy) logout(w http.ResponseWriter, r *http.Request, end func(context.Context, LogoutToken) error, seen *recent) error {
	t, id, err := s.logoutToken(w, r)
	if err == nil && !seen.add(id) {
		err = errors.New("the logout token came before")
	}
	if err != nil {
		slog.DebugContext(r.Context(), "oidc: a back-channel logout was refused", "issuer", s.config.Issuer, "error", err)
		return err
	}
	if err := obeyed(r.Context(), t, end, func() { seen.forget(id) }); err != nil {
		slog.ErrorContext(r.Context(), "oidc: a back-channel logout failed", "issuer", s.config.Issuer, "error", err)
		return err
	}
	return nil
}

// obeyed calls end, of which a panic is an error like another. Unless it returned nil, again
// makes the token new, however it ended: the provider may send it once more.
func obeyed(ctx context.Context, t LogoutToken, end func(context.Context, LogoutToken) error, again func()) (err error) {
	done := false
	defer func() {
		if !done {
			again()
		}
	}()
	defer func() {
		if cause := panics.Cause(recover()); cause != nil {
			err = cause
		}
	}()
	err = end(ctx, t)
	done = err == nil
	return err
}

// logoutToken is the token of a request, if it is good (OpenID Connect Back-Channel Logout
// 1.0, 2.6), and its id.
func (s *Strategy) logoutToken(w http.ResponseWriter, r *http.Request) (t LogoutToken, id string, err error) {
	raw, err := posted(w, r)
	if err != nil {
		return t, "", err
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.config.Timeout)
	defer cancel()
	p, err := s.metadata.get(ctx)
	if err != nil {
		return t, "", err
	}
	if err := header(raw, p.Algorithms, logoutTokenType); err != nil {
		return t, "", err
	}
	payload, _, err := s.signed(ctx, raw, p.Algorithms, &s.keys.logouts)
	if err != nil {
		return t, "", err
	}
	return s.readLogout(payload)
}

// posted is the token in a form.
func posted(w http.ResponseWriter, r *http.Request) (string, error) {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Method != http.MethodPost || media != "application/x-www-form-urlencoded" {
		return "", outbound.Safe("it is no POST of a form")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if r.ParseForm() != nil {
		return "", outbound.Safe("the form does not parse, or is larger than 64 KiB")
	}
	if len(r.PostForm["logout_token"]) != 1 {
		return "", outbound.Safe("the form has not one logout_token")
	}
	return r.PostForm.Get("logout_token"), nil
}

// logoutTokenType tells whether a typ may be a logout token's: logout+jwt, which is
// recommended, or none in particular.
func logoutTokenType(typ string) bool {
	return typ == "" || strings.EqualFold(typ, "JWT") || strings.EqualFold(typ, "logout+jwt") || strings.EqualFold(typ, "application/logout+jwt")
}

// readLogout checks the claims of a logout token whose signature is good.
func (s *Strategy) readLogout(payload []byte) (t LogoutToken, id string, err error) {
	c, err := strictjson.Parse(payload, registered()...)
	if err != nil {
		return t, "", outbound.Safe("the logout token's payload " + err.Error())
	}
	for _, check := range []func(claims) error{s.fromIssuer, s.forClient, current, recently, ended} {
		if err := check(c); err != nil {
			return t, "", err
		}
	}
	issued, _ := seconds(c, "iat") // current has looked at it
	t.Issuer, t.IssuedAt = s.config.Issuer, time.Unix(int64(issued), 0)
	t.Subject, _ = c.Text("sub")
	t.SessionID, _ = c.Text("sid")
	id, _ = c.Text("jti")
	return t, id, nil
}

// recently: a token that may be good for longer than its id is remembered is not taken.
func recently(c claims) error {
	if issued, _ := seconds(c, "iat"); issued < float64(time.Now().Unix()-maxLogout) {
		return broken(passport.CodeIDTokenTime, "it was issued more than five minutes ago")
	}
	return nil
}

// ended checks that it is about a session that is over.
func ended(c claims) error {
	var events map[string]json.RawMessage
	var event map[string]json.RawMessage
	_ = json.Unmarshal(c["events"], &events)        // what is none has no event
	_ = json.Unmarshal(events[logoutEvent], &event) // and so here
	id, _ := c.Text("jti")
	sub, subText := c.Text("sub")
	sid, sidText := c.Text("sid")
	switch {
	case event == nil:
		return malformed("it is no logout token: it has no such event")
	case c.Has("nonce"): // an ID token has one
		return malformed("it is no logout token: it has a nonce")
	case id == "" || len(id) > maxID:
		return malformed("it has no jti, or a long one")
	case c.Has("sub") && (!subText || !isSub(sub)), c.Has("sid") && (!sidText || sid == ""):
		return malformed("its sub or sid names nobody")
	case !c.Has("sub") && !c.Has("sid"):
		return malformed("it has neither sub nor sid")
	}
	return nil
}
