package main

import (
	"errors"
	"net/http"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/examples/connect/store"
)

const (
	minPassword = 8  // characters
	maxPassword = 72 // bytes: bcrypt sees no more
)

// checkPassword is the verify function of the log-in form. An unknown user, and
// one without a password, costs as much time as a wrong password. A larger
// application also limits how often it may be asked.
func (a *app) checkPassword(r *http.Request, username, password string) (*store.User, error) {
	user, err := a.store.UserByName(r.Context(), username)
	switch {
	case errors.Is(err, store.ErrNotFound):
		user = &store.User{}
	case err != nil:
		return nil, err
	}
	if !a.matches(user, password) {
		return nil, passport.Reject("")
	}
	return user, nil
}

func (a *app) matches(user *store.User, password string) bool {
	hash := user.PasswordHash
	if hash == nil {
		hash = a.dummy
	}
	same := bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil
	return same && user.PasswordHash != nil && len(password) <= maxPassword
}

// hash makes what is stored of a password. problem says, to the person, why it
// cannot be one.
func (a *app) hash(password string) (hash []byte, problem string, err error) {
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return nil, "Please choose a password of at least 8 characters.", nil
	case len(password) > maxPassword:
		return nil, "Please choose a shorter password: at most 72 bytes.", nil
	}
	hash, err = bcrypt.GenerateFromPassword([]byte(password), a.cost)
	return hash, "", err
}

// setPassword gives somebody another password, or a first one. Other logins of
// theirs end, because the registry's Stamp changes; this one begins anew.
func (a *app) setPassword(w http.ResponseWriter, r *http.Request) {
	user, _ := passport.UserFrom[*store.User](r.Context())
	if user.PasswordHash != nil && !a.matches(user, r.PostFormValue("current")) {
		tell(w, r, noticeWrongPassword)
		return
	}
	hash, problem, err := a.hash(r.PostFormValue("password"))
	if problem != "" {
		tell(w, r, noticeBadPassword)
		return
	}
	if err == nil {
		err = a.store.SetPassword(r.Context(), user.ID, hash)
	}
	if err == nil {
		user, err = a.store.User(r.Context(), user.ID)
	}
	if err == nil {
		err = a.auth.Login(w, r, user)
	}
	if err != nil {
		a.fault(w, r, err)
		return
	}
	tell(w, r, noticePassword)
}
