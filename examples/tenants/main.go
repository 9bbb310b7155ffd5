// Command tenants is one application of many customers, each of which logs its people in
// with credentials of its own, kept in a table that may change while the program runs:
//
//	go -C examples run ./tenants
//
// serves it at http://127.0.0.1:8080/acme/ and /globex/, and plays the provider, which both
// customers use, at http://localhost:8081. docs/tenants.md has it with a database.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"html"
	"log"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/examples/connect/identity"
	"github.com/gopassport/passport/examples/internal/standin"
	"github.com/gopassport/passport/strategies/oauth2"
	"github.com/gopassport/passport/strategies/tenants"
)

const base = "http://127.0.0.1:8080"

func main() {
	rows := newTable()
	go standin.Serve(provider(rows))
	key := make([]byte, 32) // a real one is kept where secrets are kept
	_, _ = rand.Read(key)
	server := &http.Server{Addr: base[len("http://"):], Handler: newApp(key, rows, standin.URL), ReadHeaderTimeout: 5 * time.Second}
	log.Printf("open %s/acme/ or %s/globex/", base, base)
	log.Fatal(server.ListenAndServe())
}

// User belongs to one tenant. The same person at two tenants is two users.
type User struct{ Tenant, ID, Name string }

// table stands for that of a database: what each tenant is at its provider.
type table struct {
	mu   sync.Mutex
	rows map[string]row
}

type row struct{ version, clientID, secret string }

func newTable() *table {
	return &table{rows: map[string]row{
		"acme":   {"1", "client-of-acme", "secret-of-acme"},
		"globex": {"1", "client-of-globex", "secret-of-globex"},
	}}
}

func (t *table) remove(tenant string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.rows, tenant)
}

func callback(tenant string) string { return base + "/" + tenant + "/callback" }

// find makes the strategy of a tenant, once for each version of its row.
func (t *table) find(provider string) func(context.Context, string) (tenants.Tenant, error) {
	return func(_ context.Context, tenant string) (tenants.Tenant, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		row, ok := t.rows[tenant]
		if !ok {
			return tenants.Tenant{}, tenants.ErrUnknown
		}
		return tenants.Tenant{Version: row.version, Strategy: func() (passport.Strategy, error) {
			return oauth2.New(oauth2.Config{
				ClientID: row.clientID, ClientSecret: row.secret, Auth: oauth2.SecretPost,
				AuthorizationURL: provider + "/login/oauth/authorize",
				TokenURL:         provider + "/login/oauth/access_token",
				RedirectURL:      callback(tenant),
				Profile:          oauth2.JSONProfile(provider+"/user", "id"),
			}, func(_ *http.Request, g oauth2.Grant) (*User, error) {
				return &User{tenant, g.Subject, g.Profile.Text("login")}, nil // a database would find or make it, by tenant and id
			}), nil
		}}, nil
	}
}

// newApp is the application, with the provider at an address.
func newApp(key []byte, rows *table, provider string) http.Handler {
	auth := passport.New(passport.Config{
		Keys: [][]byte{key},
		Users: passport.Users[*User]{
			Key: func(u *User) string { return u.Tenant + "/" + u.ID + "/" + u.Name },
			Load: func(_ context.Context, key string) (*User, error) {
				part := strings.SplitN(key, "/", 3)
				return &User{part[0], part[1], part[2]}, nil
			},
		},
	})
	auth.Use("sso", tenants.New(tenants.Config{
		Of:    func(r *http.Request) string { return r.PathValue("tenant") },
		Find:  rows.find(provider),
		Fresh: time.Second, // so that one sees a change at once; the default is a minute
	}))

	login := auth.Authenticate("sso", passport.OnError(refused))(http.HandlerFunc(entered))
	mux := http.NewServeMux()
	mux.Handle("GET /{tenant}/login", login)
	mux.Handle("GET /{tenant}/callback", login)
	mux.HandleFunc("GET /{tenant}/{$}", home)
	return auth.Session(mux)
}

func entered(w http.ResponseWriter, r *http.Request) {
	user, _ := passport.UserFrom[*User](r.Context())
	http.Redirect(w, r, "/"+user.Tenant+"/", http.StatusSeeOther)
}

// refused says what went wrong; a customer that left is 404.
func refused(w http.ResponseWriter, _ *http.Request, err error) {
	status := http.StatusInternalServerError
	if e, ok := err.(*passport.Error); ok { //nolint:errorlint // OnError always gets one
		status = e.Status
	}
	http.Error(w, http.StatusText(status), status)
}

// home is for the members of the tenant in the path, and for nobody else who is logged in.
func home(w http.ResponseWriter, r *http.Request) {
	user, ok := passport.UserFrom[*User](r.Context())
	if !ok || user.Tenant != r.PathValue("tenant") {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `<!doctype html><p>You are not a member here.</p><a href="login">Log in</a>`)
		return
	}
	fmt.Fprintf(w, "<!doctype html><p>Hello, %s of %s.</p>", html.EscapeString(user.Name), html.EscapeString(user.Tenant))
}

// provider plays the one that both customers use.
func provider(rows *table) http.Handler {
	rows.mu.Lock()
	defer rows.mu.Unlock()
	var clients []identity.Client
	for tenant, row := range rows.rows {
		clients = append(clients, identity.Client{Name: tenant, Key: row.clientID, Secret: row.secret, Callbacks: []string{callback(tenant)}})
	}
	return identity.New(identity.Config{OAuth2: clients})
}
