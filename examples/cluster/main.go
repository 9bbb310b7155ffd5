// Command cluster is an application that runs as many instances as one likes behind a
// load balancer. Logins are sealed cookies, which every instance opens that has the keys;
// Redis keeps pending flows, so that each is spent once, and the logins that have ended.
//
//	examples/cluster/run.sh
//
// starts Redis, two instances and nginx, and serves them at http://127.0.0.1:8080. The
// settings are in the environment:
//
//	ADDR      where the instance listens, 127.0.0.1:9001
//	REDIS     where Redis listens, 127.0.0.1:6379
//	BASE      what browsers call the application, http://127.0.0.1:8080
//	KEYS      64 hexadecimal digits each, the newest first, with commas between
//	PROVIDER  an OAuth 2 service with /authorize, /token and /userinfo; may be empty
package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/stores/redisstore"
	"github.com/gopassport/passport/strategies/local"
	"github.com/gopassport/passport/strategies/oauth2"
)

type user struct{ id string }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Getenv)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends, and lets go of no request that has come.
func run(ctx context.Context, getenv func(string) string) error {
	keys, err := parseKeys(getenv("KEYS"))
	if err != nil {
		return err
	}
	client := redis.NewClient(&redis.Options{Addr: cmp.Or(getenv("REDIS"), "127.0.0.1:6379"), MaxRetries: 1, DialTimeout: time.Second})
	defer client.Close() //nolint:errcheck // nothing is left to do
	server := &http.Server{
		Addr: cmp.Or(getenv("ADDR"), "127.0.0.1:9001"), Handler: app(getenv, keys, redisstore.New(redisstore.Config{Client: client})),
		ReadHeaderTimeout: 10 * time.Second,
	}
	stopped := context.AfterFunc(ctx, func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = server.Shutdown(last) // the process ends in any case
	})
	defer stopped()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// parseKeys reads the keys. To rotate without a lost login: give every instance the new key
// behind the old one; only then put it in front everywhere; drop the old one when the
// logins that it sealed are over.
func parseKeys(text string) (keys [][]byte, err error) {
	for part := range strings.SplitSeq(text, ",") {
		key, err := hex.DecodeString(strings.TrimSpace(part))
		if err != nil || len(key) != 32 {
			return nil, errors.New("KEYS: a key has 64 hexadecimal digits, such as openssl rand -hex 32 prints")
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// app is the application, as each instance has it.
func app(getenv func(string) string, keys [][]byte, store *redisstore.Store) http.Handler {
	base := cmp.Or(getenv("BASE"), "http://127.0.0.1:8080")
	auth := passport.New(passport.Config{
		Keys: keys, Flows: store, Revocations: store, Origins: []string{base},
		Users: passport.Users[user]{Key: func(u user) string { return u.id }, Load: load},
	})
	mux := http.NewServeMux()
	auth.Use("password", local.New(checkPassword))
	mux.Handle("POST /login", auth.Authenticate("password", passport.SuccessRedirect("/"))(http.NotFoundHandler()))
	if provider := getenv("PROVIDER"); provider != "" {
		auth.Use("service", service(provider, base))
		through := auth.Authenticate("service", passport.SuccessRedirect("/"))(http.NotFoundHandler())
		mux.Handle("GET /service", through)
		mux.Handle("GET /service/callback", through)
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		u, ok := passport.UserFrom[user](r.Context())
		if !ok {
			u.id = "stranger"
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Instance", cmp.Or(getenv("ADDR"), "127.0.0.1:9001"))
		fmt.Fprint(w, "hello "+u.id)
	})
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		if err := auth.Logout(w, r); err != nil {
			http.Error(w, "Please try again.", http.StatusServiceUnavailable)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
	return http.NewCrossOriginProtection().Handler(auth.Session(mux))
}

func service(provider, base string) passport.Strategy {
	return oauth2.New(oauth2.Config{
		ClientID: "client", ClientSecret: "secret", Auth: oauth2.SecretBasic, RedirectURL: base + "/service/callback",
		AuthorizationURL: provider + "/authorize", TokenURL: provider + "/token", Profile: oauth2.JSONProfile(provider+"/userinfo", "sub"),
	}, func(_ *http.Request, g oauth2.Grant) (user, error) { return user{"service:" + g.Subject}, nil })
}

// load stands for the application's database.
func load(_ context.Context, key string) (user, error) { return user{key}, nil }

func checkPassword(_ *http.Request, name, password string) (user, error) {
	if password != "secret" {
		return user{}, passport.Reject("Wrong name or password")
	}
	return user{name}, nil
}
