// Package frame is what the fragments in README.md and docs take for granted. A fragment
// that declares one of these names itself gets its own. It may use every package that is
// imported here.
package frame

import (
	"context"
	"database/sql"
	"net/http"

	"github.com/markbates/goth"

	"github.com/gopassport/passport"
)

// User is whom the application logs in.
type User struct{ ID, Name, Email string }

// Client is a program that calls the application.
type Client struct{ ID string }

// Account is an account at another service.
type Account struct{ Provider, ID, Name string }

var (
	addr, base, key, secret string
	keys                    [][]byte
	ctx                     context.Context
	db                      *sql.DB
	auth                    *passport.Registry
	mux                     *http.ServeMux
	api, home               http.Handler
	saveAccount             http.Handler
)

func userID(u *User) string                                       { return u.ID }
func loadUser(ctx context.Context, id string) (*User, error)      { return nil, passport.ErrNoUser }
func findClient(ctx context.Context, key string) (*Client, error) { return nil, passport.Reject("") }
func findOrCreate(ctx context.Context, u goth.User) (*Account, error) {
	return nil, passport.Reject("")
}
func checkPassword(r *http.Request, name, password string) (*User, error) {
	return nil, passport.Reject("")
}
