package oidc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/oidc"
)

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

func logoutHeader(k signing) map[string]any {
	return map[string]any{"alg": k.alg, "kid": k.kid, "typ": "logout+jwt"}
}

func logoutClaims() map[string]any {
	return map[string]any{"iss": issuer, "aud": clientID, "iat": in(0), "exp": in(120), "jti": "j1", "sub": "s1", "sid": "session-1",
		"events": map[string]any{logoutEvent: map[string]any{}}}
}

// logout posts a logout token. end nil is one that takes all.
func logout(a *app, end func(context.Context, oidc.LogoutToken) error, token string) *httptest.ResponseRecorder {
	if end == nil {
		end = nothing
	}
	return postForm(a.strategy.BackchannelLogout(end), url.Values{"logout_token": {token}}.Encode())
}

func postForm(h http.Handler, form string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "https://app.test/logout", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func signed(claims map[string]any) string {
	return rsaKey().jwt(logoutHeader(rsaKey()), must(json.Marshal(claims)))
}

func TestALogoutToken(t *testing.T) {
	for _, tc := range []struct {
		name   string
		header func(map[string]any)
		claims func(map[string]any)
		good   bool
	}{
		{"sub and sid", nil, nil, true},
		{"sub only", nil, unset("sid"), true},
		{"sid only", nil, unset("sub"), true},
		{"no typ", unset("typ"), nil, true},
		{"typ JWT", set("typ", "JWT"), nil, true},
		{"typ in other letters", set("typ", "Logout+JWT"), nil, true},
		{"more events", nil, set("events", map[string]any{logoutEvent: map[string]any{}, "other": 1}), true},

		{"typ at+jwt", set("typ", "at+jwt"), nil, false},
		{"typ dpop+jwt", set("typ", "dpop+jwt"), nil, false},
		{"alg none", set("alg", "none"), nil, false},
		{"HS256", set("alg", "HS256"), nil, false},
		{"crit", set("crit", []string{"exp"}), nil, false},
		{"neither sub nor sid", nil, both(unset("sub"), unset("sid")), false},
		{"an empty sub", nil, set("sub", ""), false},
		{"sub a number", nil, set("sub", 1), false},
		{"an empty sid", nil, set("sid", ""), false},
		{"another issuer", nil, set("iss", "https://evil.test"), false},
		{"no issuer", nil, unset("iss"), false},
		{"another audience", nil, set("aud", "other"), false},
		{"no audience", nil, unset("aud"), false},
		{"an audience beside us", nil, set("aud", []string{clientID, "other"}), false},
		{"expired", nil, set("exp", in(-61)), false},
		{"no exp", nil, unset("exp"), false},
		{"no iat", nil, unset("iat"), false},
		{"from the future", nil, set("iat", in(120)), false},
		{"six minutes old", nil, set("iat", in(-360)), false},
		{"a nonce", nil, set("nonce", "n"), false},
		{"a nonce that is null", nil, set("nonce", nil), false},
		{"no events", nil, unset("events"), false},
		{"another event", nil, set("events", map[string]any{"http://schemas.openid.net/event/other": map[string]any{}}), false},
		{"an event that is a text", nil, set("events", map[string]any{logoutEvent: "x"}), false},
		{"an event that is null", nil, set("events", map[string]any{logoutEvent: nil}), false},
		{"events in a list", nil, set("events", []string{logoutEvent}), false},
		{"events in another spelling", nil, both(unset("events"), set("Events", map[string]any{logoutEvent: map[string]any{}})), false},
		{"no jti", nil, unset("jti"), false},
		{"a long jti", nil, set("jti", strings.Repeat("j", 256)), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newApp(t, newProvider(t))
			var got *oidc.LogoutToken
			token := rsaKey().jwt(change(logoutHeader(rsaKey()), tc.header), must(json.Marshal(change(logoutClaims(), tc.claims))))
			w := logout(a, func(_ context.Context, t oidc.LogoutToken) error { got = &t; return nil }, token)
			if want := map[bool]int{true: 200, false: 400}[tc.good]; w.Code != want || (got != nil) != tc.good {
				t.Fatalf("status %d, want %d; %v", w.Code, want, got)
			}
			if w.Header().Get("Cache-Control") != "no-store" {
				t.Error("it may be stored")
			}
			if got == nil {
				return
			}
			claims := change(logoutClaims(), tc.claims)
			sub, _ := claims["sub"].(string)
			sid, _ := claims["sid"].(string)
			if got.Issuer != issuer || got.Subject != sub || got.SessionID != sid || time.Since(got.IssuedAt) > time.Minute {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestABadSignatureEndsNoLogin(t *testing.T) {
	a := newApp(t, newProvider(t))
	end := func(context.Context, oidc.LogoutToken) error { t.Error("end was called"); return nil }
	for name, token := range map[string]string{
		"tampered":      tampered(signed(logoutClaims())),
		"another's key": otherRSA().jwt(logoutHeader(otherRSA()), must(json.Marshal(logoutClaims()))),
		"empty":         "", "dots": strings.Repeat(".", 60<<10), "no token": "x.y.z",
	} {
		if w := logout(a, end, token); w.Code != 400 {
			t.Errorf("%s: status %d", name, w.Code)
		}
	}
}

func TestAnIDTokenIsNoLogoutToken(t *testing.T) {
	p := newProvider(t)
	a := newApp(t, p)
	who := a.accepted()
	if w := logout(a, nil, who.IDToken()); w.Code != 400 {
		t.Errorf("status %d", w.Code)
	}
}

func TestOnlyAFormEndsLogins(t *testing.T) {
	a := newApp(t, newProvider(t))
	h := a.strategy.BackchannelLogout(func(context.Context, oidc.LogoutToken) error { t.Error("end was called"); return nil })
	form := url.Values{"logout_token": {signed(logoutClaims())}}.Encode()
	send := func(method, target, kind, body string) int {
		r := httptest.NewRequest(method, target, strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	const urlencoded = "application/x-www-form-urlencoded"
	for name, status := range map[string]int{
		"GET":        send(http.MethodGet, "https://app.test/logout?"+form, "", ""),
		"PUT":        send(http.MethodPut, "https://app.test/logout", urlencoded, form),
		"query":      send(http.MethodPost, "https://app.test/logout?"+form, urlencoded, ""),
		"JSON":       send(http.MethodPost, "https://app.test/logout", "application/json", `{"logout_token":"x"}`),
		"no type":    send(http.MethodPost, "https://app.test/logout", "", form),
		"twice":      send(http.MethodPost, "https://app.test/logout", urlencoded, form+"&"+form),
		"bad escape": send(http.MethodPost, "https://app.test/logout", urlencoded, "logout_token=%zz"),
		"large":      send(http.MethodPost, "https://app.test/logout", urlencoded, form+"&x="+strings.Repeat("x", 64<<10)),
	} {
		if status != 400 {
			t.Errorf("%s: status %d", name, status)
		}
	}
}

// A token is good once, unless it could not be obeyed.
func TestALogoutTokenIsGoodOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, newProvider(t))
		calls := 0
		var fails error
		h := a.strategy.BackchannelLogout(func(context.Context, oidc.LogoutToken) error { calls++; return fails })
		form := url.Values{"logout_token": {signed(logoutClaims())}}.Encode()
		fails = errors.New("the database is down")
		old := slog.Default()
		slog.SetDefault(slog.New(slog.DiscardHandler))
		if w := postForm(h, form); w.Code != 400 || calls != 1 {
			t.Fatalf("status %d after %d calls", w.Code, calls)
		}
		slog.SetDefault(old)
		fails = nil
		for i, want := range []int{200, 400, 400} {
			if w := postForm(h, form); w.Code != want || calls != 2 {
				t.Fatalf("%d: status %d after %d calls", i, w.Code, calls)
			}
			time.Sleep(30 * time.Second)
		}
		other := logoutClaims()
		other["jti"] = "j2"
		if w := postForm(h, url.Values{"logout_token": {signed(other)}}.Encode()); w.Code != 200 {
			t.Errorf("another token: status %d", w.Code)
		}
	})
}

// A panic in the application's end is an error: the logout is not lost, and the log tells
// nothing of what panicked.
func TestALogoutTokenWhoseEndPanickedMayComeAgain(t *testing.T) {
	for _, value := range []any{"CANARY", http.ErrAbortHandler} {
		var log bytes.Buffer
		old := slog.Default()
		slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
		calls := 0
		h := newApp(t, newProvider(t)).strategy.BackchannelLogout(func(context.Context, oidc.LogoutToken) error {
			if calls++; calls == 1 {
				panic(value)
			}
			return nil
		})
		form := url.Values{"logout_token": {signed(logoutClaims())}}.Encode()
		func() {
			defer func() { // net/http's own way to end a connection stays one
				if v := recover(); (v != nil) != (value == http.ErrAbortHandler) {
					t.Errorf("panic: %v", v)
				}
			}()
			if w := postForm(h, form); w.Code != 400 || !strings.Contains(log.String(), "level=ERROR") {
				t.Errorf("status %d, logged %s", w.Code, log.String())
			}
		}()
		slog.SetDefault(old)
		secretFree(t, log.String())
		if w := postForm(h, form); w.Code != 200 || calls != 2 {
			t.Errorf("once more: status %d after %d calls", w.Code, calls)
		}
	}
}

// What is logged about a token that was refused tells nothing of it.
func TestTheLogOfALogoutHoldsNoToken(t *testing.T) {
	var log bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(old) })
	a := newApp(t, newProvider(t))
	claims := logoutClaims()
	claims["jti"] = "CANARY"
	claims["aud"] = "other"
	logout(a, nil, signed(claims))
	logout(a, nil, "CANARY")
	secretFree(t, log.String())
	if strings.Count(log.String(), "refused") != 2 || strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("logged %s", log.String())
	}
}

func TestLogoutURL(t *testing.T) {
	p := newProvider(t)
	p.metadata = set("end_session_endpoint", issuer+"/logout?tenant=1")
	a := newApp(t, p)
	u := must(url.Parse(must(a.strategy.LogoutURL(t.Context(), "a.b.c", "https://app.test/bye", "s&t"))))
	want := url.Values{"tenant": {"1"}, "client_id": {clientID}, "id_token_hint": {"a.b.c"}, "post_logout_redirect_uri": {"https://app.test/bye"}, "state": {"s&t"}}
	if u.Host != "op.test" || u.Query().Encode() != want.Encode() {
		t.Errorf("%s", u)
	}
	u = must(url.Parse(must(a.strategy.LogoutURL(t.Context(), "", "", ""))))
	if want := (url.Values{"tenant": {"1"}, "client_id": {clientID}}); u.Query().Encode() != want.Encode() {
		t.Errorf("%s", u)
	}
	for _, to := range []string{"/bye", "http://app.test/bye", "javascript:alert(1)"} {
		var e *passport.Error
		if _, err := a.strategy.LogoutURL(t.Context(), "", to, ""); !errors.As(err, &e) || e.Code != passport.CodeConfiguration {
			t.Errorf("%s: %v", to, err)
		}
	}
	p.metadata = unset("end_session_endpoint")
	var e *passport.Error
	if _, err := newApp(t, p).strategy.LogoutURL(t.Context(), "", "", ""); !errors.As(err, &e) || e.Code != passport.CodeMetadata {
		t.Errorf("%v", err)
	}
}

// The handler and the registry together end all logins of a person, everywhere.
func TestABackchannelLogoutEndsLogins(t *testing.T) {
	p := newProvider(t)
	ended := map[string]time.Time{}
	auth := passport.New(passport.Config{
		Keys:        [][]byte{[]byte("0123456789abcdefghijklmnopqrstuv")},
		Users:       passport.Users[string]{Key: func(s string) string { return s }, Load: func(_ context.Context, key string) (string, error) { return key, nil }},
		Revocations: revocations(ended),
	})
	s := oidc.New(config(p), func(_ *http.Request, who oidc.Identity) (string, error) { return "user-of-" + who.Subject, nil })
	auth.Use("op", s)
	a := &app{t: t, op: p, jar: map[string]*http.Cookie{}, strategy: s}
	who := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := passport.UserFrom[string](r.Context())
		fmt.Fprintf(w, "user %q", user)
	})
	login := auth.Authenticate("op")(who)
	a.routes = map[string]http.Handler{"/login": login, "/callback": login, "/me": auth.Session(who)}
	me := func() string {
		var b bytes.Buffer
		_, _ = b.ReadFrom(a.get("/me").Body)
		return b.String()
	}
	a.login()
	if me() != `user "user-of-s1"` {
		t.Fatal(me())
	}
	end := func(ctx context.Context, t oidc.LogoutToken) error {
		return auth.LogoutEverywhere(ctx, "user-of-"+t.Subject)
	}
	if w := logout(a, end, signed(logoutClaims())); w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	if me() != `user ""` {
		t.Error(me())
	}
}

// revocations remembers when all logins of a user ended.
type revocations map[string]time.Time

func (r revocations) Revoke(_ context.Context, user, _ string, _ time.Duration) error {
	r[user] = time.Now()
	return nil
}

func (r revocations) Revoked(_ context.Context, user, _ string, began time.Time) (bool, error) {
	ended, ok := r[user]
	return ok && !began.After(ended), nil
}

func TestAHandlerWithoutAnEndPanicsAtStartUp(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.HasPrefix(text, "oidc: BackchannelLogout of ") {
			t.Errorf("the panic is %q", text)
		}
	}()
	newApp(t, newProvider(t)).strategy.BackchannelLogout(nil)
}

func nothing(context.Context, oidc.LogoutToken) error { return nil }
