package main

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/markbates/goth"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/examples/connect/store"
)

// accountAt makes a verify function for strategies that connect. What it
// returns becomes the account of the request.
func accountAt(provider string) func(*http.Request, goth.User) (*store.Account, error) {
	return func(_ *http.Request, u goth.User) (*store.Account, error) {
		return &store.Account{Provider: provider, Subject: u.UserID, Label: cmp.Or(u.NickName, u.Name, u.UserID), Avatar: u.AvatarURL}, nil
	}
}

// saveAccount runs after the callback: it associates the account with who is
// logged in.
func (a *app) saveAccount(w http.ResponseWriter, r *http.Request) {
	user, loggedIn := passport.UserFrom[*store.User](r.Context())
	account, connected := passport.AccountFrom[*store.Account](r.Context())
	if !loggedIn || !connected {
		a.fault(w, r, errors.New("saveAccount runs behind membersOnly and Authorize"))
		return
	}
	outcome, err := a.store.Link(r.Context(), user.ID, *account)
	switch {
	case errors.Is(err, store.ErrAccountInUse):
		tell(w, r, noticeInUse)
	case err != nil:
		a.fault(w, r, err)
	case outcome == store.Updated:
		tell(w, r, noticeUpdated)
	default:
		tell(w, r, noticeLinked)
	}
}

// logInOrConnect is the verify function of the strategy that does both. Who is
// logged in stays so, because it returns the same user; else the account says
// who it is, never an e-mail address.
func (a *app) logInOrConnect(r *http.Request, u goth.User) (*store.User, error) {
	account, err := accountAt("github")(r, u)
	if err != nil {
		return nil, err
	}
	if user, ok := passport.UserFrom[*store.User](r.Context()); ok {
		return a.connect(r, user, *account)
	}
	user, err := a.store.FindByAccount(r.Context(), account.Provider, account.Subject)
	if errors.Is(err, store.ErrNotFound) {
		return a.signUpWith(r, *account)
	}
	return user, err
}

func (a *app) connect(r *http.Request, user *store.User, account store.Account) (*store.User, error) {
	_, err := a.store.Link(r.Context(), user.ID, account)
	if errors.Is(err, store.ErrAccountInUse) {
		return nil, passport.Reject(notices[noticeInUse].Text)
	}
	return user, err
}

// signUpWith makes a user of somebody new. Where another callback was faster,
// the user is there already.
func (a *app) signUpWith(r *http.Request, account store.Account) (*store.User, error) {
	user, err := a.store.SignUpWithAccount(r.Context(), usernameLike(account.Label), account)
	if errors.Is(err, store.ErrAccountInUse) {
		return a.store.FindByAccount(r.Context(), account.Provider, account.Subject)
	}
	return user, err
}

func (a *app) disconnect(w http.ResponseWriter, r *http.Request) {
	user, _ := passport.UserFrom[*store.User](r.Context())
	id, err := strconv.ParseInt(r.PostFormValue("account"), 10, 64)
	if err == nil {
		err = a.store.Unlink(r.Context(), user.ID, id)
	}
	switch {
	case err == nil:
		tell(w, r, noticeUnlinked)
	case errors.Is(err, store.ErrLastLogin):
		tell(w, r, noticeLastLogin)
	case errors.Is(err, store.ErrNotFound), errors.Is(err, strconv.ErrSyntax), errors.Is(err, strconv.ErrRange):
		tell(w, r, noticeNoAccount)
	default:
		a.fault(w, r, err)
	}
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
