package redisstore_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/realserver"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/stores/redisstore"
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

// dial makes a client as a machine of its own has it.
func dial(t *testing.T, address string) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: address, MaxRetries: 1, DialerRetries: 1, DialTimeout: time.Second})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func kill(server *realserver.Server) func(*testing.T) (mend func()) {
	return func(*testing.T) func() { server.Kill(); return server.Start }
}

func empty(t *testing.T, client *redis.Client) {
	t.Helper()
	if err := client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
}

func TestTheContractOfFlowsOnARealRedis(t *testing.T) {
	server := durable(t)
	passporttest.TestFlowStore(t, func(t *testing.T) passporttest.FlowHarness {
		empty(t, dial(t, server.Address))
		return passporttest.FlowHarness{
			Store: func() passport.FlowStore {
				return redisstore.New(redisstore.Config{Client: dial(t, server.Address)})
			},
			Break: kill(server),
		}
	})
}

func TestTheContractOfRevocationsOnARealRedis(t *testing.T) {
	server := durable(t)
	passporttest.TestRevocationStore(t, func(t *testing.T) passporttest.RevocationHarness {
		empty(t, dial(t, server.Address))
		return passporttest.RevocationHarness{
			Store: func() passport.RevocationStore {
				return redisstore.New(redisstore.Config{Client: dial(t, server.Address)})
			},
			Break: kill(server),
		}
	})
}

func TestWhatRedisHoldsTellsNothingAndEnds(t *testing.T) {
	client := dial(t, realserver.Redis(t).Address)
	store := redisstore.New(redisstore.Config{Client: client, Prefix: "app:"})
	ctx := t.Context()
	for _, err := range []error{
		store.Put(ctx, "flow1", []byte("sealed"), 10*time.Minute),
		store.Revoke(ctx, "alice@example.org", "LOGIN", time.Hour),
		store.Revoke(ctx, "alice@example.org", "", time.Hour),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	keys := client.Keys(ctx, "*").Val()
	if len(keys) != 3 {
		t.Fatalf("the keys are %q", keys)
	}
	for _, key := range keys {
		if !strings.HasPrefix(key, "app:") || strings.Contains(key, "alice") || strings.Contains(key, "LOGIN") {
			t.Errorf("the key %q does not begin with the prefix, or shows whose it is", key)
		}
		if left := client.PTTL(ctx, key).Val(); left <= 9*time.Minute || left > time.Hour {
			t.Errorf("the key %q is kept for %v", key, left)
		}
	}
}

func TestTwoPrefixesDoNotMeet(t *testing.T) {
	client := dial(t, realserver.Redis(t).Address)
	one, other := redisstore.New(redisstore.Config{Client: client, Prefix: "one:"}), redisstore.New(redisstore.Config{Client: client})
	if err := errors.Join(one.Put(t.Context(), "id", []byte("flow"), time.Minute), one.Revoke(t.Context(), "alice", "", time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Take(t.Context(), "id"); !errors.Is(err, passport.ErrNoFlow) {
		t.Errorf("the other application's flow: %v", err)
	}
	if ended, err := other.Revoked(t.Context(), "alice", "", time.Now()); ended || err != nil {
		t.Errorf("the other application's revocation: %v, %v", ended, err)
	}
}

// A revocation store that answers "no" because it does not understand would be worse than none.
func TestWhatIsNoRevocationIsAFault(t *testing.T) {
	client := dial(t, realserver.Redis(t).Address)
	store := redisstore.New(redisstore.Config{Client: client})
	if err := store.Revoke(t.Context(), "alice", "", time.Minute); err != nil {
		t.Fatal(err)
	}
	client.Set(t.Context(), client.Keys(t.Context(), "*").Val()[0], "true", time.Minute)
	if ended, err := store.Revoked(t.Context(), "alice", "a", time.Now()); err == nil {
		t.Errorf("it says %v", ended)
	}
}

// What docs/sessions.md warns of.
func TestARedisThatWasRestartedEmptyHasForgottenEverything(t *testing.T) {
	server := realserver.Redis(t)
	store := redisstore.New(redisstore.Config{Client: dial(t, server.Address)})
	began := time.Now()
	if err := errors.Join(store.Put(t.Context(), "id", []byte("flow"), time.Minute), store.Revoke(t.Context(), "alice", "", time.Minute)); err != nil {
		t.Fatal(err)
	}
	server.Restart()
	if _, err := store.Take(t.Context(), "id"); !errors.Is(err, passport.ErrNoFlow) {
		t.Errorf("a flow from before: %v, want ErrNoFlow", err)
	}
	if ended, err := store.Revoked(t.Context(), "alice", "a", began); ended || err != nil {
		t.Errorf("a revocation from before: %v, %v", ended, err)
	}
}

// Each is what somebody gets wrong in a configuration.
func TestARedisThatCannotBeUsedIsAFault(t *testing.T) {
	server := realserver.Redis(t)
	admin := dial(t, server.Address)
	for _, c := range []struct {
		name   string
		client func() *redis.Client
	}{
		{"nobody listens there", func() *redis.Client { return dial(t, realserver.Address(t)) }},
		{"no memory left", func() *redis.Client {
			if err := admin.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
				t.Fatal(err)
			}
			return dial(t, server.Address)
		}},
		{"a wrong password", func() *redis.Client {
			if err := admin.ConfigSet(t.Context(), "requirepass", "sesame").Err(); err != nil {
				t.Fatal(err)
			}
			client := redis.NewClient(&redis.Options{Addr: server.Address, Password: "CANARY"})
			t.Cleanup(func() { _ = client.Close() })
			return client
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := redisstore.New(redisstore.Config{Client: c.client()})
			for what, err := range map[string]error{
				"Put":    store.Put(t.Context(), "id", []byte("flow"), time.Minute),
				"Revoke": store.Revoke(t.Context(), "alice", "", time.Minute),
			} {
				if err == nil || errors.Is(err, passport.ErrNoFlow) || strings.Contains(err.Error(), "CANARY") {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
}

func TestAStoreWithoutAClientIsAMistakeInWiring(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "Config.Client is nil") {
			t.Errorf("the panic is %q", text)
		}
	}()
	redisstore.New(redisstore.Config{})
}
