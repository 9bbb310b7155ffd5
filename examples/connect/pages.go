package main

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/accounts"
	"github.com/gopassport/passport/examples/connect/store"
)

// view is what the pages show.
type view struct {
	Title    string
	User     *store.User // nil: nobody is logged in
	Messages []message
	Accounts []accountView
	Again    bool   // who is logged in is to log in once more
	Username string // what the person typed
	Status   int
	Code     passport.Code // of an error, to search for
}

// message is something to tell a person.
type message struct {
	Text string
	Bad  bool
}

type accountView struct {
	accounts.Account

	CanLogIn bool
	Agenda   *agenda // nil: it has none
}

// Service is the name for people.
func (a accountView) Service() string {
	switch a.Issuer {
	case "github":
		return "GitHub"
	case "twitter":
		return "Twitter"
	case "calendar":
		return "Calendar"
	default:
		return a.Issuer
	}
}

// notice names a message within an address of ours. It is a name and no text,
// so that nobody can make the application say something.
type notice string

const (
	noticeLinked        notice = notice(accounts.Linked)
	noticeUpdated       notice = notice(accounts.Updated)
	noticeAgain         notice = "again"
	noticeOther         notice = "other-account"
	noticeUnlinkedHere  notice = "disconnected-here"
	noticeGitHub        notice = "github"
	noticeInUse         notice = "in-use"
	noticeUnlinked      notice = "disconnected"
	noticeNoAccount     notice = "no-account"
	noticeLastLogin     notice = "last-login"
	noticePassword      notice = "password"
	noticeWrongPassword notice = "wrong-password"
	noticeBadPassword   notice = "bad-password"
)

var notices = map[notice]message{ //nolint:gochecknoglobals // a constant; Go has none of this kind
	noticeLinked:  {Text: "The account is connected."},
	noticeUpdated: {Text: "The account was connected before; its name and picture are up to date."},
	// True both of who logged in and of who connected an account that way.
	noticeGitHub:        {Text: "Your GitHub account is connected, and you can log in with it."},
	noticeInUse:         {Text: "This account is connected to another user. Choose another account, or disconnect it there first.", Bad: true},
	noticeAgain:         {Text: "The account is connected again."},
	noticeOther:         {Text: "That was another account than the one to be connected again. Nothing has changed.", Bad: true},
	noticeUnlinked:      {Text: "The account is disconnected."},
	noticeUnlinkedHere:  {Text: "The account is disconnected here, but the other service could not be told. Take our access away there.", Bad: true},
	noticeNoAccount:     {Text: "This account is not connected.", Bad: true},
	noticeLastLogin:     {Text: "This is your only way to log in. Set a password first, or connect another account that you can log in with.", Bad: true},
	noticePassword:      {Text: "Your password is set."},
	noticeWrongPassword: {Text: "That is not your current password.", Bad: true},
	noticeBadPassword:   {Text: "The new password must have at least 8 characters and at most 72 bytes.", Bad: true},
}

// tell goes back to the settings with a message.
func tell(w http.ResponseWriter, r *http.Request, n notice) {
	http.Redirect(w, r, "/settings?notice="+string(n), http.StatusSeeOther)
}

// tellOutcome goes back to the settings with what became of an account.
func (a *app) tellOutcome(w http.ResponseWriter, r *http.Request, done notice, err error) {
	for known, n := range map[error]notice{
		accounts.ErrAccountInUse: noticeInUse,
		accounts.ErrOtherAccount: noticeOther,
		accounts.ErrNotFound:     noticeNoAccount,
		accounts.ErrLastLogin:    noticeLastLogin,
	} {
		if errors.Is(err, known) {
			tell(w, r, n)
			return
		}
	}
	if err != nil {
		a.fault(w, r, err)
		return
	}
	tell(w, r, done)
}

func (a *app) home(w http.ResponseWriter, r *http.Request) {
	a.page(w, r, "home.html", view{Title: "Welcome"})
}

func (a *app) signUpPage(w http.ResponseWriter, r *http.Request) {
	if a.loggedIn(w, r) {
		return
	}
	a.page(w, r, "signup.html", view{Title: "Sign up"})
}

func (a *app) signUp(w http.ResponseWriter, r *http.Request) {
	username := r.PostFormValue("username")
	user, problem, err := a.newUser(r, username, r.PostFormValue("password"))
	if err == nil && problem == "" {
		err = a.auth.Login(w, r, user)
	}
	switch {
	case err != nil:
		a.fault(w, r, err)
	case problem != "":
		a.page(w, r, "signup.html", view{
			Title: "Sign up", Username: username, Status: http.StatusUnprocessableEntity, Messages: []message{{problem, true}},
		})
	default:
		http.Redirect(w, r, "/settings", http.StatusSeeOther)
	}
}

// newUser creates a user. problem says, to the person, what was wrong with the
// form.
func (a *app) newUser(r *http.Request, username, password string) (user *store.User, problem string, err error) {
	if !isUsername(username) {
		return nil, "Please choose a username of 1 to 32 letters, digits, dots, dashes and underscores. It begins with a letter or a digit.", nil
	}
	hash, problem, err := a.hash(password)
	if err != nil || problem != "" {
		return nil, problem, err
	}
	user, err = a.store.CreateUser(r.Context(), username, hash)
	if errors.Is(err, store.ErrUsernameTaken) {
		return nil, "This username is taken. Please choose another.", nil
	}
	return user, "", err
}

func (a *app) logInPage(w http.ResponseWriter, r *http.Request) {
	if a.loggedIn(w, r) {
		return
	}
	a.page(w, r, "login.html", view{Title: "Log in", Messages: a.messages(w, r)})
}

// logInAgainPage is for who is logged in, but not since recently. A connect that
// waits goes on after it.
func (a *app) logInAgainPage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", a.policy(a.services...))
	a.page(w, r, "login.html", view{Title: "Please log in again", Again: true, Messages: a.messages(w, r)})
}

// loggedIn sends people to their settings who need not log in. Messages stay
// unread for that page.
func (a *app) loggedIn(w http.ResponseWriter, r *http.Request) bool {
	_, ok := passport.UserFrom[*store.User](r.Context())
	if ok {
		http.Redirect(w, r, "/settings", http.StatusFound)
	}
	return ok
}

func (a *app) logOut(w http.ResponseWriter, r *http.Request) {
	if err := a.auth.Logout(w, r); err != nil {
		a.onError(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) settings(w http.ResponseWriter, r *http.Request) {
	user, _ := passport.UserFrom[*store.User](r.Context())
	all, err := a.accounts.List(r.Context(), user.Key())
	if err != nil {
		a.fault(w, r, err)
		return
	}
	v := view{Title: "Settings", Messages: a.messages(w, r)}
	for _, account := range all {
		shown := accountView{Account: account, CanLogIn: account.Issuer == "github"}
		if account.Issuer == "calendar" {
			shown.Account, shown.Agenda = a.agenda(r.Context(), account)
		}
		v.Accounts = append(v.Accounts, shown)
	}
	a.page(w, r, "settings.html", v)
}

// messages are those that the registry left, all of them refusals
// (FailureMessage), and the one that the address names.
func (a *app) messages(w http.ResponseWriter, r *http.Request) (all []message) {
	left, err := a.auth.Messages(w, r)
	if err != nil {
		slog.ErrorContext(r.Context(), "messages were lost", "error", err)
	}
	for _, text := range left {
		all = append(all, message{Text: text, Bad: true})
	}
	if m, ok := notices[notice(r.URL.Query().Get("notice"))]; ok {
		all = append(all, m)
	}
	return all
}

// onError answers every refusal and fault that no redirect takes. The registry
// has logged it already.
func (a *app) onError(w http.ResponseWriter, r *http.Request, err error) {
	v := view{Title: "That did not work", Status: http.StatusInternalServerError}
	if e, ok := errors.AsType[*passport.Error](err); ok {
		v.Status, v.Code = e.Status, e.Code
		for _, challenge := range e.Challenges {
			w.Header().Add("WWW-Authenticate", challenge)
		}
		_, known := passport.UserFrom[*store.User](r.Context())
		v.Again = known && e.Code == passport.CodeUnauthenticated
		if e.Message != "" {
			v.Messages = []message{{e.Message, true}}
		}
	}
	if v.Messages == nil {
		v.Messages = []message{{http.StatusText(v.Status) + ".", true}}
	}
	a.page(w, r, "error.html", v)
}

// fault answers where the application itself failed.
func (a *app) fault(w http.ResponseWriter, r *http.Request, err error) {
	slog.ErrorContext(r.Context(), "a request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	a.onError(w, r, err)
}

// page shows a page, whole or not at all.
func (a *app) page(w http.ResponseWriter, r *http.Request, name string, v view) {
	v.User, _ = passport.UserFrom[*store.User](r.Context())
	var b bytes.Buffer
	if err := a.pages.ExecuteTemplate(&b, name, v); err != nil {
		slog.ErrorContext(r.Context(), "a page failed", "page", name, "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if v.Status != 0 {
		w.WriteHeader(v.Status)
	}
	_, _ = b.WriteTo(w)
}

func style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=60")
	_, _ = w.Write(styleSheet)
}
