// Package frame is what the fragments in README.md and docs take for granted. A fragment
// that declares one of these names itself gets its own. It may use every package that is
// imported here.
package frame

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/sessions"
	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/apple"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/google"
	"github.com/markbates/goth/providers/twitter"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/accounts"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/strategies/gothprovider"
	"github.com/gopassport/passport/strategies/local"
	"github.com/gopassport/passport/strategies/oauth1"
	"github.com/gopassport/passport/strategies/oauth2"
	"github.com/gopassport/passport/strategies/oidc"
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
