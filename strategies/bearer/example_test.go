package bearer_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/bearer"
)

// Client is a program that holds a token.
type Client struct {
	Name   string
	Scopes []string
}

func Example() {
	// Tokens are kept as hashes: nobody can use a copy of this table, and how long a
	// look-up takes says nothing about a token.
	clients := map[[32]byte]*Client{
		sha256.Sum256([]byte("t0ken-of-the-backup")): {"backup", []string{"read"}},
		sha256.Sum256([]byte("t0ken-of-a-guest")):    {"guest", nil},
	}

	checkToken := func(_ *http.Request, token string) (*Client, error) {
		client := clients[sha256.Sum256([]byte(token))]
		if client == nil {
			return nil, passport.Reject("The access token is unknown or expired")
		}
		if !slices.Contains(client.Scopes, "read") {
			return nil, bearer.InsufficientScope("read")
		}
		return client, nil
	}

	auth := passport.New(passport.Config{}) // nothing is kept, so there is nothing to seal
	auth.Use("api", bearer.New(checkToken, bearer.Realm("API")))
	api := auth.Authenticate("api", passport.NoSession())(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, _ := passport.UserFrom[*Client](r.Context())
		_, _ = fmt.Fprintf(w, "hello %s", client.Name)
	}))

	for _, authorization := range []string{"Bearer t0ken-of-the-backup", "", "Bearer unknown", "Bearer t0ken-of-a-guest"} {
		r := httptest.NewRequest("GET", "/api", nil)
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code == http.StatusOK {
			fmt.Println(w.Code, w.Body)
		} else {
			fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
		}
	}
	// Output:
	// 200 hello backup
	// 401 Bearer realm="API"
	// 401 Bearer realm="API", error="invalid_token", error_description="The access token is unknown or expired"
	// 403 Bearer realm="API", error="insufficient_scope", error_description="The access token does not reach this far", scope="read"
}
