package gorillatest_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/boj/redistore"
	"github.com/gomodule/redigo/redis"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/realserver"
	"github.com/gopassport/passport/passporttest"
)

// durable starts a Redis that loses nothing when it is killed.
func durable(t *testing.T) *realserver.Server {
	t.Helper()
	address := realserver.Address(t)
	host, port, _ := net.SplitHostPort(address)
	return realserver.Start(t, realserver.Process{
		Path:    realserver.Program(t, "redis-server"),
		Args:    []string{"--bind", host, "--port", port, "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--dir", realserver.Folder(t, "")},
		Address: address,
	})
}

func newPool(t *testing.T, address string) *redis.Pool {
	t.Helper()
	pool := &redis.Pool{
		MaxIdle: 10,
		Dial:    func() (redis.Conn, error) { return redis.Dial("tcp", address, redis.DialConnectTimeout(time.Second)) },
		TestOnBorrow: func(c redis.Conn, _ time.Time) error {
			_, err := c.Do("PING")
			return err
		},
	}
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

// inRedis gives redistore as docs/sessions.md says it is set up.
func inRedis(t *testing.T, pool *redis.Pool, keys ...[]byte) *redistore.RediStore {
	t.Helper()
	store, err := redistore.NewRediStoreWithPool(pool, pairs(keys)...)
	if err != nil {
		t.Fatal(err)
	}
	store.Options.Secure, store.Options.HttpOnly, store.Options.SameSite = true, true, http.SameSiteLaxMode
	store.SetMaxAge(14 * 24 * 60 * 60)
	return store
}

func TestRedistoreKeepsTheContractOfSessions(t *testing.T) {
	server := durable(t)
	passporttest.TestSessionStore(t, func(t *testing.T) passporttest.SessionHarness {
		pool := newPool(t, server.Address)
		do(t, pool, "FLUSHALL")
		return passporttest.SessionHarness{
			Store: func(keys ...[]byte) passport.SessionStore {
				return passport.GorillaSessions(inRedis(t, pool, keys...), "session")
			},
			Cookie: "session",
			Ends:   true,
			Expire: func(t *testing.T) { expireAll(t, pool) },
			Break:  func(*testing.T) func() { server.Kill(); return server.Start },
		}
	})
}

// By default redistore keeps 4096 bytes of values; SetMaxLength(0) lifts that.
func TestWhatIsTooLargeForRedistoreCostsNothing(t *testing.T) {
	store := inRedis(t, newPool(t, realserver.Redis(t).Address), []byte("0123456789abcdef0123456789abcdef"))
	auth := passport.New(passport.Config{
		Keys:     [][]byte{[]byte("0123456789abcdef0123456789abcdef")},
		Sessions: passport.GorillaSessions(store, "session"),
		Observe:  func(context.Context, passport.Event) {},
		Users: passport.Users[string]{
			Key:  func(id string) string { return id },
			Load: func(_ context.Context, id string) (string, error) { return id, nil },
		},
	})
	var err error
	send := func(user string, cookies []*http.Cookie) (who string, set []*http.Cookie) {
		r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
		for _, c := range cookies {
			r.AddCookie(c)
		}
		auth.Session(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user != "" {
				err = auth.Login(w, r, user)
			}
			who, _ = passport.UserFrom[string](r.Context())
		})).ServeHTTP(w, r)
		return who, w.Result().Cookies()
	}
	_, alice := send("alice", nil)
	_, set := send(strings.Repeat("a", 5000), alice)
	var e *passport.Error
	if !errors.As(err, &e) || e.Status < 500 || !strings.Contains(err.Error(), "too big") || len(set) > 0 {
		t.Errorf("the error is %.200v, and %d cookies are set", err, len(set))
	}
	if who, _ := send("", alice); who != "alice" {
		t.Errorf("afterwards it is %q, want alice", who)
	}
}

func do(t *testing.T, pool *redis.Pool, command string, args ...any) any {
	t.Helper()
	conn := pool.Get()
	defer conn.Close()
	reply, err := conn.Do(command, args...)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func expireAll(t *testing.T, pool *redis.Pool) {
	t.Helper()
	keys, _ := redis.Strings(do(t, pool, "KEYS", "*"), nil)
	if len(keys) == 0 {
		t.Fatal("there are no records")
	}
	for _, key := range keys {
		do(t, pool, "PEXPIREAT", key, 1)
	}
}

// pairs gives each key to sign with and to encrypt with, as gorilla takes them.
func pairs(keys [][]byte) (all [][]byte) {
	for _, key := range keys {
		all = append(all, key, key)
	}
	return all
}
