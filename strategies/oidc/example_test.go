package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/oidc"
)

// User is somebody who may use the application.
type User struct{ ID, Name string }

// accounts keeps users by issuer and subject, byte for byte.
type accounts map[[2]string]*User

func (a accounts) find(_ *http.Request, who oidc.Identity) (*User, error) {
	user := a[[2]string{who.Issuer, who.Subject}]
	if user == nil {
		return nil, passport.Reject("Nobody here knows this account.")
	}
	return user, nil
}

func (a accounts) load(_ context.Context, id string) (*User, error) {
	for _, user := range a {
		if user.ID == id {
			return user, nil
		}
	}
	return nil, passport.ErrNoUser
}

// People log in at the provider of their company. Nothing is asked of it before somebody
// does.
func Example() {
	people := accounts{{"https://login.example", "248289761001"}: {ID: "1", Name: "Jane"}}
	auth := passport.New(passport.Config{
		Keys:  [][]byte{[]byte("a secret of 32 bytes, kept safe!")},
		Users: passport.Users[*User]{Key: func(u *User) string { return u.ID }, Load: people.load},
	})
	auth.Use("work", oidc.New(oidc.Config{
		Issuer:       "https://login.example",
		ClientID:     "client",
		ClientSecret: "of the client",
		RedirectURL:  "https://app.example/auth/work/callback",
		Scopes:       []string{"profile", "email"},
	}, people.find))

	login := auth.Authenticate("work", passport.SuccessReturnToOrRedirect("/"), passport.FailureRedirect("/login"))
	mux := http.NewServeMux()
	mux.Handle("GET /auth/work", login(http.NotFoundHandler()))
	mux.Handle("GET /auth/work/callback", login(http.NotFoundHandler()))
	fmt.Println("ready")
	// Output: ready
}

// Payments want a person who logged in at the provider within the last five minutes, with
// more than a password.
func ExampleACRValues() {
	auth := passport.New(passport.Config{Keys: [][]byte{[]byte("a secret of 32 bytes, kept safe!")}})
	auth.Use("bank", oidc.New(oidc.Config{
		Issuer: "https://login.example", ClientID: "client", ClientSecret: "of the client",
		RedirectURL: "https://app.example/auth/bank/callback",
		MaxAge:      5 * time.Minute,
	}, func(_ *http.Request, who oidc.Identity) (*User, error) { return &User{ID: who.Subject}, nil }))

	strong := auth.Authenticate("bank", oidc.ACRValues("phr", "mfa"), passport.NoSession())
	http.NewServeMux().Handle("/pay", strong(http.NotFoundHandler()))

	defer func() { fmt.Println(recover()) }()
	auth.Authenticate("bank", passport.Param("scope", "email"), passport.NoSession())
	// Output: passport: Authenticate("bank"): Param("scope"): the scope "email" lacks openid, without which there is no ID token; oidc.Scopes adds it
}

// The log-out button ends the login here, and then the one at the provider.
func ExampleStrategy_LogoutURL() {
	auth := passport.New(passport.Config{Keys: [][]byte{[]byte("a secret of 32 bytes, kept safe!")}})
	work := oidc.New(oidc.Config{
		Issuer: "https://login.example", ClientID: "client", ClientSecret: "of the client",
		RedirectURL: "https://app.example/auth/work/callback",
	}, func(_ *http.Request, who oidc.Identity) (*User, error) { return &User{ID: who.Subject}, nil })

	mux := http.NewServeMux()
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		if err := auth.Logout(w, r); err != nil {
			http.Error(w, "Please try again.", http.StatusServiceUnavailable)
			return
		}
		to, err := work.LogoutURL(r.Context(), "", "https://app.example/bye", "")
		if err != nil {
			to = "/bye" // the provider is down; the login here is over all the same
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	})
	fmt.Println("ready")
	// Output: ready
}

// The provider says when a session there is over.
func ExampleStrategy_BackchannelLogout() {
	auth := passport.New(passport.Config{Keys: [][]byte{[]byte("a secret of 32 bytes, kept safe!")}}) // with Users and Revocations
	work := oidc.New(oidc.Config{
		Issuer: "https://login.example", ClientID: "client", ClientSecret: "of the client",
		RedirectURL: "https://app.example/auth/work/callback",
	}, func(_ *http.Request, who oidc.Identity) (*User, error) { return &User{ID: who.Subject}, nil })

	mux := http.NewServeMux()
	mux.Handle("POST /auth/work/logout", work.BackchannelLogout(func(ctx context.Context, t oidc.LogoutToken) error {
		if t.Subject == "" {
			return errors.New("the provider named a session only")
		}
		return auth.LogoutEverywhere(ctx, t.Subject)
	}))
	fmt.Println("ready")
	// Output: ready
}
