package benchmarks_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/basic"
	"github.com/gopassport/passport/strategies/bearer"
)

const token = "mF_9.B5f-4.1JqMmF_9.B5f-4.1JqM" // as RFC 6750 has one, twice

var errUnknown = errors.New("unknown")

// Credentials in each request. "verify" is a handler that has them already, and only
// calls the verify function; what comes on top of it is the library's.
func BenchmarkBearer(b *testing.B) {
	people := people{token: {"ada"}}
	verify := func(r *http.Request, token string) (*user, error) { return people.load(r.Context(), token) }
	b.Run("verify", func(b *testing.B) {
		measure(b, verified(b, func(r *http.Request) (*user, error) { return verify(r, token) }), call("Bearer "+token))
	})
	b.Run("passport", func(b *testing.B) {
		credentials(b, bearer.New(verify), call("Bearer "+token))
	})
}

func BenchmarkBasic(b *testing.B) {
	people := people{"ada:lovelace": {"ada"}}
	verify := func(r *http.Request, name, password string) (*user, error) {
		if name != "ada" || password != "lovelace" {
			return nil, errUnknown
		}
		return people.load(r.Context(), "ada:lovelace")
	}
	r := call("")
	r.SetBasicAuth("ada", "lovelace")
	b.Run("verify", func(b *testing.B) {
		measure(b, verified(b, func(r *http.Request) (*user, error) { return verify(r, "ada", "lovelace") }), r)
	})
	b.Run("passport", func(b *testing.B) { credentials(b, basic.New("Reports", verify), r) })
}

func verified(b *testing.B, verify func(*http.Request) (*user, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if u, err := verify(r); err != nil || u.Name != "ada" {
			b.Fatal("the credentials were refused", err)
		}
		done(w, r)
	}
}

func credentials(b *testing.B, s passport.Strategy, r *http.Request) {
	b.Helper()
	auth := passport.New(passport.Config{})
	auth.Use("api", s)
	measure(b, auth.Authenticate("api", passport.NoSession())(greet(b, func(ctx context.Context) (*user, bool) {
		return passport.UserFrom[*user](ctx)
	})), r)
}

// call is a request of a program's.
func call(authorization string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "https://app.example/api/reports", nil)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "reports/1.0")
	r.Header.Set("Authorization", authorization)
	return r
}
