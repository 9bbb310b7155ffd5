package passport

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gopassport/passport/internal/absent"
	"github.com/gopassport/passport/internal/flows"
	"github.com/gopassport/passport/internal/formpost"
	"github.com/gopassport/passport/internal/intent"
	"github.com/gopassport/passport/internal/notes"
	"github.com/gopassport/passport/internal/seal"
	"github.com/gopassport/passport/internal/sealed"
	"github.com/gopassport/passport/internal/table"
	"github.com/gopassport/passport/internal/vault"
)

// Config says how a [Registry] keeps its users. It is copied by [New].
type Config struct {
	// Keys are secrets of 32 random bytes each, newest first. They seal what is kept in
	// a browser: logins (where Sessions is nil), pending flows, messages. All machines
	// that serve the application need the same. To rotate, add a new one behind the old
	// one on all machines, then move it to the front, and keep the old one for Lifetime.
	// Registries with the same Keys (or Sessions) and the same type of Users share their
	// logins. Empty only for a registry without Users, Subject, Sessions and Flows.
	Keys [][]byte

	// Users says how the logged-in user is kept. Nil: there are no login sessions, and
	// Authenticate needs NoSession.
	Users UserStore

	// Sessions is where logins are kept. Nil: in sealed cookies under Keys, which needs
	// no server; there only Revocations end one login of many. Users.Stamp ends all.
	Sessions SessionStore

	// Revocations is where ended logins are remembered, so that Logout and
	// [Registry.LogoutEverywhere] reach copies of a sealed cookie, too. Each request that
	// has a login asks it. Nil: a copy works until Lifetime is over (but see Users.Stamp).
	Revocations RevocationStore

	// Lifetime of a login, counted from the time of login, whatever the store.
	// 0 means 14 days.
	Lifetime time.Duration

	// Flows is where pending flows are kept. Nil: in sealed cookies under Keys. A
	// FlowStore spends each flow exactly once; a cookie that was copied out of a browser
	// can be used again for ten minutes (the provider's code cannot).
	Flows FlowStore

	// Subject says who is logged in, for applications that log people in by other means
	// and use Authorize only: key names the person, ok is false for nobody. Not together
	// with Users.
	Subject func(*http.Request) (key string, ok bool)

	// Origins are the addresses at which browsers see the application, such as
	// https://app.example. Nil: the request's Host, with https unless it is plain http
	// on a loopback host. Set it behind a proxy that changes Host.
	Origins []string

	// OnError answers every refusal and fault that no redirect takes. Nil: a status with
	// a short text, or application/problem+json (RFC 9457) for callers that are no page.
	OnError func(http.ResponseWriter, *http.Request, error)

	// Observe hears of every login, connection, refusal and fault, for audit and
	// metrics; not of errors that Login, Logout and LogoutEverywhere return, or Check before
	// a strategy ran. It is called in the goroutines of requests, many at once, so it must
	// not block. Nil: log/slog, faults as errors and the rest at debug level.
	Observe func(context.Context, Event)
}

// Format implements [fmt.Formatter], so that no verb shows Keys.
func (c Config) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "passport.Config(%q)", c.Origins) }

// Registry holds named strategies and makes middleware of them. Make one with [New],
// register with [Registry.Use] while the program starts, and wrap routes. It is safe for
// concurrent use; serving a request takes no lock.
type Registry struct {
	config     Config
	use        sync.Mutex // held by Use
	strategies table.Table[Strategy]
	origins    intent.Origins
	cross      *http.CrossOriginProtection
	sessions   SessionStore
	loginKey   string // where a session keeps the login
	flows      flows.Keeper
	notes      notes.Jar
	bounces    *formpost.Keeper
}

const defaultLifetime = 14 * 24 * time.Hour

// New makes a registry. It panics, in a sentence, on a configuration that cannot be right.
func New(config Config) *Registry {
	config.Keys, config.Origins = slices.Clone(config.Keys), slices.Clone(config.Origins)
	config.Lifetime = cmp.Or(config.Lifetime, defaultLifetime)
	if config.Observe == nil {
		config.Observe = logEvent
	}
	config.check()
	p := &Registry{config: config, origins: config.Origins, cross: http.NewCrossOriginProtection()}
	for _, origin := range config.Origins {
		if err := p.cross.AddTrustedOrigin(origin); err != nil || !intent.IsOrigin(origin) {
			panic(fmt.Sprintf("passport: New: Config.Origins has %q; an origin is a scheme and a host as browsers write them, https://app.example, and http only on a loopback host", origin))
		}
	}
	p.keep()
	p.config.Keys = nil // whatever prints a registry shows none
	return p
}

// check panics on what cannot be right.
func (c Config) check() {
	for field, store := range map[string]any{"Users": c.Users, "Sessions": c.Sessions, "Revocations": c.Revocations, "Flows": c.Flows} {
		if store != nil && absent.Nil(store) {
			panic(fmt.Sprintf("passport: New: Config.%s is a nil %T; leave it out, or make one", field, store))
		}
	}
	switch {
	case c.Lifetime < time.Second:
		panic(fmt.Sprintf("passport: New: Config.Lifetime is %v; it is how long a login lasts, and at least a second", c.Lifetime))
	case c.Users != nil && c.Subject != nil:
		panic("passport: New: Config has both Users and Subject; one of them says who is logged in")
	case c.Users == nil && c.Sessions != nil:
		panic("passport: New: Config has Sessions but no Users; Users says what a session keeps")
	case c.Users == nil && c.Revocations != nil:
		panic("passport: New: Config has Revocations but no Users, so there are no logins to end")
	case len(c.Keys) == 0 && (c.Users != nil || c.Subject != nil || c.Sessions != nil || c.Flows != nil):
		panic("passport: New: Config.Keys is empty; make one with crypto/rand, 32 bytes, and keep it where secrets are kept")
	}
	if c.Users != nil {
		c.Users.check()
	}
	for i, key := range c.Keys {
		if problem := seal.CheckKey(key); problem != "" {
			panic(fmt.Sprintf("passport: New: Config.Keys[%d] %s", i, problem))
		}
	}
}

// keep sets up all that is kept, in the browser and in stores.
func (p *Registry) keep() {
	p.sessions = p.config.Sessions
	if p.config.Users != nil {
		// Where two registries share a session, a user's login is none of an admin.
		p.loginKey = "passport-" + vault.Digest(p.config.Users.kind())[:8]
	}
	if len(p.config.Keys) == 0 {
		return
	}
	p.notes.Vault, p.bounces = p.vault("notes"), formpost.New(p.vault("bounce"))
	p.flows = flows.Cookies{Vault: p.vault("flow")}
	if p.config.Flows != nil {
		p.flows = flows.Records{Cookies: flows.Cookies{Vault: p.vault("binding")}, Sealed: p.vault("record"), Store: p.config.Flows, ErrNoFlow: ErrNoFlow}
	}
	if p.config.Users != nil && p.sessions == nil {
		p.loginKey = "login" // the cookie's own name and key tell registries apart; short is fast
		p.sessions = sealedSessions{sealed.Store{Vault: p.vault("login"), Lifetime: p.config.Lifetime}}
	}
}

func (p *Registry) vault(purpose string) *vault.Vault {
	scope := ""
	if p.config.Users != nil {
		scope = p.config.Users.kind()
	}
	v, err := vault.New(p.config.Keys, purpose, scope, p.origins)
	if err != nil {
		panic("passport: New: Config.Keys: " + err.Error())
	}
	return v
}

// Use registers a strategy under a name. Routes, flows and errors know it by that name
// alone. Call it before the middleware that names it is made. Panics on a name outside
// [A-Za-z0-9._-]{1,64}, on nil and on a name that is taken, and where a strategy with a
// method RedirectURL() string has the address of another.
func (p *Registry) Use(name string, s Strategy) {
	p.use.Lock()
	defer p.use.Unlock()
	switch {
	case !table.Name(name):
		panic(fmt.Sprintf("passport: Use(%q): a name is 1 to 64 of A-Z a-z 0-9 . _ -", name))
	case absent.Nil(s):
		panic(fmt.Sprintf("passport: Use(%q): the strategy is nil", name))
	case p.strategies.Get(name) != nil:
		panic(fmt.Sprintf("passport: Use(%q): the name is taken; give this instance another", name))
	}
	if own, ok := s.(interface{ RedirectURL() string }); ok && own.RedirectURL() != "" {
		if other := p.strategies.Claim(name, own.RedirectURL()); other != "" {
			panic(fmt.Sprintf("passport: Use(%q): its answers come to the same address as those of %q; register another redirect URL (RFC 9700, 4.4.2.2)", name, other))
		}
	}
	p.strategies.Put(name, s)
}

// known complains, for a call of the program's, of a name that nobody registered.
func (p *Registry) known(call, name string) error {
	if p.strategies.Get(name) != nil {
		return nil
	}
	have := "none: call Use first"
	if names := p.strategies.Names(20); len(names) > 0 {
		have = `"` + strings.Join(names, `", "`) + `"`
	}
	return fmt.Errorf("passport: %s(%q): no such strategy; have %s", call, name, have)
}
