// Package redisstore keeps pending flows and ended logins in Redis, or in what speaks
// like it (Valkey, KeyDB): a flow is then spent exactly once, and a logout reaches every
// copy of a sealed cookie, whatever machine it comes to.
//
//	store := redisstore.New(redisstore.Config{Client: client})
//	auth := passport.New(passport.Config{…, Flows: store, Revocations: store})
//
// It takes a client of github.com/redis/go-redis/v9, which most programs with a Redis
// have already: one server, Sentinel or a cluster. Redis must be 6.2 or later (GETDEL).
//
// Give it a Redis that throws nothing away before its time (maxmemory-policy noeviction)
// and, for revocations, one that keeps its data over a restart (appendonly yes): what it
// forgets is not revoked any more.
package redisstore

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/gopassport/passport"
)

// Config says where a [Store] keeps things. It is copied by [New].
type Config struct {
	// Client is a *redis.Client, *redis.ClusterClient or redis.UniversalClient. Its
	// time-outs bound how long a request waits for a Redis that is gone. The store does not
	// close it. Required.
	Client redis.Cmdable

	// Prefix begins all keys. "" means "passport:". Set it where two applications share a
	// Redis and must not share their users' revocations.
	Prefix string
}

// Store is a [passport.FlowStore] and a [passport.RevocationStore]. It is safe for
// concurrent use. Its errors are those of the client.
type Store struct {
	config Config
	revoke *redis.Script
}

var (
	_ passport.FlowStore       = (*Store)(nil)
	_ passport.RevocationStore = (*Store)(nil)
)

// New makes a store. It does not connect, so a Redis that is gone shows with the first
// request. Panics where there is no client.
func New(config Config) *Store {
	if config.Client == nil {
		panic("redisstore: New: Config.Client is nil; give it the program's *redis.Client")
	}
	if config.Prefix == "" {
		config.Prefix = "passport:"
	}
	return &Store{config, redis.NewScript(revokeScript)}
}

func (s *Store) flowKey(id string) string { return s.config.Prefix + "flow:" + id }

// Put keeps a flow for ttl, by the clock of Redis.
func (s *Store) Put(ctx context.Context, id string, flow []byte, ttl time.Duration) error {
	return s.config.Client.Set(ctx, s.flowKey(id), flow, atLeast(ttl)).Err()
}

// Take gives a flow and removes it with one command, so of two callers one gets it. The
// error is [passport.ErrNoFlow] when there is none.
//
// A flow whose answer is lost on the way from Redis is spent: the client asks again, and
// finds nothing.
func (s *Store) Take(ctx context.Context, id string) ([]byte, error) {
	flow, err := s.config.Client.GetDel(ctx, s.flowKey(id)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, passport.ErrNoFlow
	}
	return flow, err
}

// revokeScript writes a revocation. An earlier one may reach further, and last longer:
// neither is taken back. The numbers stay strings, because Lua would round them.
const revokeScript = `
local at, ttl = ARGV[1], tonumber(ARGV[2])
local kept = redis.call('GET', KEYS[1])
if kept and tonumber(kept) > tonumber(at) then at = kept end
local left = redis.call('PTTL', KEYS[1])
if left > ttl then ttl = left end
redis.call('SET', KEYS[1], at, 'PX', ttl)
return 1`

// Revoke ends a login for ttl, or all of the user's that began up to now, by the clock of
// this machine.
func (s *Store) Revoke(ctx context.Context, user, id string, ttl time.Duration) error {
	at := strconv.FormatInt(time.Now().UnixMicro(), 10)
	return s.revoke.Run(ctx, s.config.Client, []string{s.loginKey(user, id)}, at, atLeast(ttl).Milliseconds()).Err()
}

// Revoked asks for both kinds of revocation with one command.
func (s *Store) Revoked(ctx context.Context, user, id string, began time.Time) (bool, error) {
	kept, err := s.config.Client.MGet(ctx, s.loginKey(user, ""), s.loginKey(user, id)).Result()
	if err != nil {
		return false, err
	}
	if kept[1] != nil && id != "" {
		return true, nil
	}
	if kept[0] == nil {
		return false, nil
	}
	text, _ := kept[0].(string)
	at, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return false, fmt.Errorf("redisstore: what is kept under %s is no revocation", s.loginKey(user, ""))
	}
	return began.UnixMicro() <= at, nil
}

// loginKey names a revocation: of one login, or of all where id is "". It holds digests,
// so that it neither shows who it is nor grows with them; the braces keep all keys of a
// user on one node of a cluster, as MGET demands.
func (s *Store) loginKey(user, id string) string {
	key := s.config.Prefix + "revoked:{" + digest(user) + "}"
	if id != "" {
		key += digest(id)
	}
	return key
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// atLeast keeps what Redis would refuse, no time at all, from being an error.
func atLeast(ttl time.Duration) time.Duration { return max(ttl, time.Millisecond) }
