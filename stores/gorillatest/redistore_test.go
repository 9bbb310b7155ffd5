package gorillatest_test

import (
	"net"
	"net/http"
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
			Cookie:   "session",
			Ends:     true,
			Expire:   func(t *testing.T) { expireAll(t, pool) },
			TooLarge: 5000, // redistore keeps 4096 bytes; SetMaxLength(0) lifts that
			Break:    func(*testing.T) func() { server.Kill(); return server.Start },
		}
	})
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
