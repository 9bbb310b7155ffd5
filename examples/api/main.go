// Command api is an API for programs, which bring a token (RFC 6750), and for people with
// curl, who bring a name and a password (RFC 7617). It keeps no sessions and answers errors
// as application/problem+json (RFC 9457):
//
//	go -C examples run ./api
//	curl -i http://127.0.0.1:8080/reports
//	curl -i -u ada:a-long-passphrase http://127.0.0.1:8080/reports
//	curl -i -H 'Authorization: Bearer token-of-the-backup' http://127.0.0.1:8080/reports
package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"log"
	"net/http"
	"slices"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/basic"
	"github.com/gopassport/passport/strategies/bearer"
)

func main() {
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: newAPI(), ReadHeaderTimeout: 5 * time.Second}
	log.Println("curl -i -u ada:a-long-passphrase http://127.0.0.1:8080/reports")
	log.Fatal(server.ListenAndServe())
}

// Caller is a program or a person.
type Caller struct {
	Name   string
	Scopes []string
}

// callers are known by a hash: of a token, which is random, so that a fast one will do. For
// passwords take argon2id or bcrypt.
type callers map[[32]byte]*Caller

func (c callers) byToken(_ *http.Request, token string) (*Caller, error) {
	caller := c[sha256.Sum256([]byte(token))]
	if caller == nil {
		return nil, passport.Reject("The token is unknown or expired.")
	}
	return caller, nil
}

func (c callers) byPassword(_ *http.Request, name, password string) (*Caller, error) {
	caller := c[sha256.Sum256([]byte(name+":"+password))]
	if caller == nil || subtle.ConstantTimeCompare([]byte(caller.Name), []byte(name)) == 0 {
		return nil, passport.Reject("")
	}
	return caller, nil
}

func newAPI() http.Handler {
	tokens := callers{
		sha256.Sum256([]byte("token-of-the-backup")): {"backup", []string{"read", "write"}},
		sha256.Sum256([]byte("token-of-a-reader")):   {"reader", []string{"read"}},
	}
	passwords := callers{sha256.Sum256([]byte("ada:a-long-passphrase")): {"ada", []string{"read"}}}

	auth := passport.New(passport.Config{}) // nothing is kept, so there is nothing to seal
	auth.Use("token", bearer.New(tokens.byToken, bearer.Realm("Reports")))
	auth.Use("writer", bearer.New(func(r *http.Request, token string) (*Caller, error) {
		caller, err := tokens.byToken(r, token)
		if err == nil && !slices.Contains(caller.Scopes, "write") {
			return nil, bearer.InsufficientScope("write")
		}
		return caller, err
	}, bearer.Realm("Reports")))
	auth.Use("password", basic.New("Reports", passwords.byPassword))

	read := auth.Authenticate("token", passport.Or("password"), passport.NoSession())
	write := auth.Authenticate("writer", passport.NoSession())
	mux := http.NewServeMux()
	mux.Handle("GET /reports", read(http.HandlerFunc(reports)))
	mux.Handle("POST /reports", write(http.HandlerFunc(reports)))
	return mux
}

func reports(w http.ResponseWriter, r *http.Request) {
	caller, _ := passport.UserFrom[*Caller](r.Context())
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"for": caller.Name}) // an error means that nobody reads it
}
