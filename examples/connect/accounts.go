package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/markbates/goth"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/accounts"
	"github.com/gopassport/passport/examples/connect/store"
)

// keeper keeps the accounts, and knows what can be done with them.
func (a *app) keeper(cfg config) *accounts.Accounts {
	return accounts.New(accounts.Config{
		Store: cfg.Store.Accounts(),
		Keys:  cfg.Keys,
		Services: map[string]accounts.Service{
			"github":   {LogsIn: true},
			"calendar": {Refresh: accounts.OAuth2(a.calendar.first), Revoke: a.calendar.revoke},
		},
		Logins: a.passwords,
		Changed: func(ctx context.Context, what accounts.Change, account accounts.Account) {
			slog.InfoContext(ctx, "an account has changed", "what", what, "account", account) // without names and tokens
		},
		Ahead: 5 * time.Second, // the calendar's tokens live for a minute
	})
}

// passwords counts the ways to log in that are not accounts.
func (a *app) passwords(ctx context.Context, key string) (n int, err error) {
	user, err := a.loadUser(ctx, key)
	if err == nil && user.PasswordHash != nil {
		n = 1
	}
	return n, err
}

// accountAt makes a verify function for strategies that connect. What it
// returns becomes the account of the request. Nothing is asked of these
// services later, so that their tokens are not kept.
func accountAt(service string) func(*http.Request, goth.User) (*accounts.Account, error) {
	return func(_ *http.Request, u goth.User) (*accounts.Account, error) {
		return &accounts.Account{
			Strategy: service, Issuer: service, Subject: u.UserID, Name: cmp.Or(u.NickName, u.Name, u.UserID), Picture: u.AvatarURL,
		}, nil
	}
}

// saveAccount runs after the callback: it associates the account with who is
// logged in.
func (a *app) saveAccount(w http.ResponseWriter, r *http.Request) {
	user, _ := passport.UserFrom[*store.User](r.Context())
	account, _ := passport.AccountFrom[*accounts.Account](r.Context())
	_, what, err := a.accounts.Link(r.Context(), user.Key(), *account)
	a.tellOutcome(w, r, notice(what), err)
}

func (a *app) disconnect(w http.ResponseWriter, r *http.Request) {
	user, _ := passport.UserFrom[*store.User](r.Context())
	revoked, err := a.accounts.Unlink(r.Context(), user.Key(), r.PostFormValue("account"))
	done := noticeUnlinked
	if revoked != nil {
		slog.WarnContext(r.Context(), "an account was disconnected here only", "error", revoked)
		done = noticeUnlinkedHere
	}
	a.tellOutcome(w, r, done, err)
}

// logInOrConnect is the verify function of the strategy that does both. Who is
// logged in stays so, because it returns the same user; else the account says
// who it is, never an e-mail address.
func (a *app) logInOrConnect(r *http.Request, u goth.User) (*store.User, error) {
	account, err := accountAt("github")(r, u)
	if err != nil {
		return nil, err
	}
	user, loggedIn := passport.UserFrom[*store.User](r.Context())
	if !loggedIn {
		return a.userWith(r.Context(), *account)
	}
	if _, _, err = a.accounts.Link(r.Context(), user.Key(), *account); errors.Is(err, accounts.ErrAccountInUse) {
		return nil, passport.Reject(notices[noticeInUse].Text)
	}
	return user, err
}

// userWith finds who has an account, or makes a user of somebody new.
func (a *app) userWith(ctx context.Context, account accounts.Account) (*store.User, error) {
	kept, err := a.accounts.Find(ctx, account.Issuer, account.Subject)
	switch {
	case err == nil:
		return a.loadUser(ctx, kept.User)
	case !errors.Is(err, accounts.ErrNotFound):
		return nil, err
	}
	user, err := a.store.CreateUserLike(ctx, usernameLike(account.Name))
	if err != nil {
		return nil, err
	}
	if _, _, err = a.accounts.Link(ctx, user.Key(), account); err == nil {
		return user, nil
	}
	undone := a.store.DeleteUser(context.WithoutCancel(ctx), user.ID)
	if errors.Is(err, accounts.ErrAccountInUse) && undone == nil { // another callback was faster
		return a.userWith(ctx, account)
	}
	return nil, errors.Join(err, undone)
}

// logInAgain is the verify function for people who are logged in and prove that
// it is still them: it connects nothing. What that proves is as good as the
// login at the other service.
func (a *app) logInAgain(r *http.Request, u goth.User) (*store.User, error) {
	user, loggedIn := passport.UserFrom[*store.User](r.Context())
	kept, err := a.accounts.Find(r.Context(), "github", u.UserID)
	switch {
	case errors.Is(err, accounts.ErrNotFound), err == nil && loggedIn && kept.User != user.Key():
		return nil, passport.Reject("This is not your account.")
	case err != nil:
		return nil, err
	}
	return a.loadUser(r.Context(), kept.User)
}

const maxUsername = 32

// usernameLike makes a username of what somebody is called elsewhere.
func usernameLike(label string) string {
	kept := strings.Map(func(r rune) rune {
		if strings.ContainsRune(usernameRunes, r) {
			return r
		}
		return -1
	}, label)
	kept = strings.TrimLeft(kept, "._-")
	return cmp.Or(kept[:min(len(kept), maxUsername)], "somebody")
}

const usernameRunes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

// isUsername allows what looks the same to everybody: SQLite knows upper and
// lower case in ASCII alone.
func isUsername(name string) bool { return name != "" && usernameLike(name) == name }
