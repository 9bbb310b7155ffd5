package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/accounts"
	"github.com/gopassport/passport/examples/connect/store"
	"github.com/gopassport/passport/strategies/oauth2"
)

// What the calendar is asked for: appointments at first, tasks once somebody
// wants to see them.
const (
	scopeCalendar = "calendar"
	scopeTasks    = "tasks"
)

// calendar is a service whose data the settings show.
type calendar struct {
	address      string
	client       *http.Client
	first, again *oauth2.Strategy // connect an account, and extend one
}

func newCalendar(cfg config) *calendar {
	c := &calendar{address: cfg.Calendar, client: &http.Client{Transport: cfg.Calls, Timeout: 10 * time.Second}}
	c.first = c.strategy(cfg.Base + "/connect/calendar/callback")
	c.again = c.strategy(cfg.Base + "/connect/calendar/again/callback")
	return c
}

func (c *calendar) strategy(callback string) *oauth2.Strategy {
	return oauth2.New(oauth2.Config{
		ClientID: demoKey, ClientSecret: demoSecret, Auth: oauth2.SecretBasic,
		AuthorizationURL: c.address + "/authorize", TokenURL: c.address + "/token", RedirectURL: callback,
		Scopes:  []string{scopeCalendar},
		Profile: oauth2.JSONProfile(c.address+"/me", "id"),
		Client:  c.client,
	}, func(_ *http.Request, g oauth2.Grant) (*accounts.Account, error) {
		return &accounts.Account{
			Strategy: "calendar", Issuer: "calendar", Subject: g.Subject, Name: g.Profile.Text("login"), Picture: g.Profile.Text("picture"),
			Scopes: g.Scopes, Token: accounts.FromOAuth2(g.Token()),
		}, nil
	})
}

// revoke tells the calendar that the tokens are not needed any more (RFC 7009).
func (c *calendar) revoke(ctx context.Context, a accounts.Account) error {
	form := url.Values{"token": {cmp.Or(a.Token.Refresh, a.Token.Access)}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address+"/revoke", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(demoKey, demoSecret)
	reply, err := c.client.Do(r)
	if err != nil {
		return err
	}
	defer reply.Body.Close() //nolint:errcheck // nothing of it is read
	if reply.StatusCode != http.StatusOK {
		return fmt.Errorf("the calendar answers %s", reply.Status)
	}
	return nil
}

// errRefused is for a token that the calendar does not take.
var errRefused = errors.New("the calendar does not take the token")

// list asks the calendar for a list.
func (c *calendar) list(ctx context.Context, t accounts.Token, path string) (list []string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.address+path, nil)
	if err != nil {
		return nil, err
	}
	t.OAuth2().SetAuthHeader(r)
	reply, err := c.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close() //nolint:errcheck // reading has the error
	switch reply.StatusCode {
	case http.StatusOK:
		return list, json.NewDecoder(http.MaxBytesReader(nil, reply.Body, 1<<20)).Decode(&list)
	case http.StatusUnauthorized:
		return nil, errRefused
	}
	return nil, fmt.Errorf("the calendar answers %s", reply.Status)
}

// ask asks the calendar in the name of an account. A token that is refused
// before it expires is renewed, once: the person may have taken access away.
func (a *app) ask(ctx context.Context, account accounts.Account, path string) ([]string, error) {
	token, err := a.accounts.Token(ctx, account)
	if err != nil {
		return nil, err
	}
	list, err := a.calendar.list(ctx, token, path)
	if !errors.Is(err, errRefused) {
		return list, err
	}
	account.Token = token
	if token, err = a.accounts.Renew(ctx, account); err != nil {
		return nil, err
	}
	return a.calendar.list(ctx, token, path)
}

// agenda is what the settings show of a calendar.
type agenda struct {
	Appointments []string
	Tasks        []string
	SeesTasks    bool
	Trouble      bool // it does not answer
}

// agenda uses a connected account, and gives it as it is afterwards. The page is
// shown whatever the calendar does.
func (a *app) agenda(ctx context.Context, account accounts.Account) (accounts.Account, *agenda) {
	shown := &agenda{SeesTasks: slices.Contains(account.Scopes, scopeTasks)}
	var err error
	shown.Appointments, err = a.ask(ctx, account, "/appointments")
	if err == nil && shown.SeesTasks {
		shown.Tasks, err = a.ask(ctx, account, "/tasks")
	}
	if err != nil {
		slog.WarnContext(ctx, "the calendar cannot be shown", "account", account, "error", err)
		shown.Trouble = true
	}
	if now, err := a.accounts.Get(ctx, account.User, account.ID); err == nil {
		account = now
	}
	return account, shown
}

// cookieAgain remembers which account is connected again. It needs no
// protection: Extend looks whose the account is, and whether it is the one.
const cookieAgain = "connect-again"

// connectAgain asks for an account that there is already: with more scopes, or
// because the calendar takes its tokens no more. What was granted is asked for
// once more, because many services forget what is not.
func (a *app) connectAgain(more ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := passport.UserFrom[*store.User](r.Context())
		account, err := a.accounts.Get(r.Context(), user.Key(), r.URL.Query().Get("account"))
		if err != nil || account.Issuer != "calendar" {
			a.tellOutcome(w, r, noticeNoAccount, err)
			return
		}
		scopes := append([]string{scopeCalendar}, more...)
		if slices.Contains(account.Scopes, scopeTasks) {
			scopes = []string{scopeCalendar, scopeTasks}
		}
		a.rememberAgain(w, account.ID, 600)
		begin := a.connect("calendar-again", oauth2.Scopes(scopes...), oauth2.LoginHint(account.Subject))
		begin(http.NotFoundHandler()).ServeHTTP(w, r)
	})
}

// saveAgain runs after the callback.
func (a *app) saveAgain(w http.ResponseWriter, r *http.Request) {
	user, _ := passport.UserFrom[*store.User](r.Context())
	account, _ := passport.AccountFrom[*accounts.Account](r.Context())
	id := ""
	if cookie, err := r.Cookie(cookieAgain); err == nil {
		id = cookie.Value
	}
	a.rememberAgain(w, "", -1)
	_, err := a.accounts.Extend(r.Context(), user.Key(), id, *account)
	a.tellOutcome(w, r, noticeAgain, err)
}

func (a *app) rememberAgain(w http.ResponseWriter, id string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieAgain, Value: id, Path: "/connect/calendar/again", MaxAge: seconds,
		HttpOnly: true, Secure: a.base.Scheme == "https", SameSite: http.SameSiteLaxMode,
	})
}
