// Package tenants makes one [passport.Strategy] of many: one for each tenant of an
// application, with the tenant's own credentials, which are kept in a database and may be
// added, changed and removed while the application serves:
//
//	auth.Use("sso", tenants.New(tenants.Config{
//		Of:   func(r *http.Request) string { return r.PathValue("tenant") },
//		Find: func(ctx context.Context, tenant string) (tenants.Tenant, error) { … },
//	}))
//	mux.Handle("GET /{tenant}/login", auth.Authenticate("sso")(home))
//	mux.Handle("GET /{tenant}/callback", auth.Authenticate("sso")(home))
//
// A flow that began for a tenant ends for that tenant, and with the credentials that it
// began with: when they were changed or removed meanwhile, the person is told to start
// again (flow_tenant), and no code of one provider ever reaches another.
//
// docs/tenants.md has a whole application.
package tenants

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/codeflow"
	"github.com/gopassport/passport/internal/vault"
)

// Codes of this package's errors, beside those of the tenant's own strategy.
const (
	CodeUnknown passport.Code = "tenant_unknown" // 404: nobody has heard of the tenant
	CodeFind    passport.Code = "tenant_lookup"  // 503: Config.Find failed; 500: its Tenant has no strategy
)

// ErrUnknown is what [Config.Find] returns when there is no such tenant, or no longer.
var ErrUnknown = errors.New("tenants: no such tenant")

// Config says who the tenants are.
type Config struct {
	// Of names the tenant of a request, from what both the beginning of a flow and its
	// callback have: the path or the host. It comes from outside and is only a question
	// to Find. "" and names above 255 bytes are unknown without asking.
	Of func(r *http.Request) string

	// Find looks a tenant up. It returns ErrUnknown where there is none; any other error
	// is a fault (tenant_lookup, 503) of this request. It is called once at a time for
	// each tenant, unless that was forgotten meanwhile, and from many goroutines for
	// different ones; ctx ends after ten seconds, and not when one of those who wait goes
	// away.
	Find func(ctx context.Context, tenant string) (Tenant, error)

	// Fresh is how long what Find said holds. 0: a minute. A change in the database takes
	// effect after this time at the latest; in this process, at once with [Strategy.Forget].
	Fresh time.Duration

	// Keep bounds how many tenants' strategies are held, those that are in use first. 0:
	// 1000. A tenant beyond it costs a look-up; nothing fails.
	Keep int
}

// Tenant is what [Config.Find] knows of one.
type Tenant struct {
	// Version changes whenever the strategy must be another one: the number or the time
	// of the row's last change, say, or a hash of the credentials. It must be the same on
	// all machines. Flows that began with another version are refused.
	Version string

	// Strategy makes the strategy from the credentials. It is called when the version is
	// new to this process, so it may do work, but it calls nobody. An error is a fault
	// (tenant_lookup, 500), and so is a panic, as wiring mistakes are to constructors.
	Strategy func() (passport.Strategy, error)
}

// Strategy is a [passport.Strategy]. Make one with [New]. It is safe for concurrent use; a
// request of a tenant that is held takes no lock.
type Strategy struct {
	of    func(r *http.Request) string
	cache *cache
}

// New makes the strategy. Panics, in a sentence, without Of or Find, and on a Fresh or
// Keep below zero.
func New(c Config) *Strategy {
	switch {
	case c.Of == nil:
		panic("tenants: New: Config.Of is nil; it names the tenant of a request, by r.PathValue or r.Host")
	case c.Find == nil:
		panic("tenants: New: Config.Find is nil; it looks a tenant's credentials up")
	case c.Fresh < 0 || c.Keep < 0:
		panic(fmt.Sprintf("tenants: New: Config.Fresh is %v and Config.Keep %d; neither is below zero", c.Fresh, c.Keep))
	}
	if c.Fresh == 0 {
		c.Fresh = time.Minute
	}
	if c.Keep == 0 {
		c.Keep = 1000
	}
	return &Strategy{c.Of, newCache(c.Find, c.Fresh, c.Keep)}
}

// maxName bounds the name of a tenant, in bytes. A host name has at most 253.
const maxName = 255

// Authenticate implements [passport.Strategy]: it hands over to the tenant's own.
func (s *Strategy) Authenticate(r *http.Request, a *passport.Attempt) (passport.Result, error) {
	tenant := s.of(r)
	if tenant == "" || len(tenant) > maxName {
		return nil, unknown(ErrUnknown)
	}
	a.Tenant(tenant) // for the events of what goes wrong from here
	e, err := s.cache.get(r.Context(), tenant)
	if err != nil {
		return nil, err
	}
	if err := a.CheckParams(e.strategy); err != nil { // this one was not there when the route was made
		return nil, &passport.Error{Code: passport.CodeConfiguration, Status: http.StatusInternalServerError, Err: err}
	}
	a.Tenant(e.binding)
	defer a.Tenant(tenant)
	result, err := e.strategy.Authenticate(r, a)
	return result, explained(err)
}

// CheckParam refuses parameters of a route that no strategy lets a route set. The registry
// asks when the route is made. What else a tenant's strategy refuses, a typo say, is a fault
// (configuration, 500) of each request for it: only then is there one to ask.
func (s *Strategy) CheckParam(key, value string) error {
	if strings.HasPrefix(key, "oauth_") {
		return errors.New("names that begin with oauth_ are the protocol's own")
	}
	return codeflow.CheckParam(key, value)
}

// Format implements [fmt.Formatter], so that no verb shows more than how many are held at most.
func (s *Strategy) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "tenants.Strategy(%d)", s.cache.keep)
}

// Forget makes the next request of a tenant look it up, for whoever changes or removes
// credentials in this process. Requests that are with the old strategy already end with it.
func (s *Strategy) Forget(tenant string) { s.cache.forget(tenant) }

// binding is what the flows of a tenant are sealed to.
func binding(tenant, version string) string { return vault.Digest("tenant", tenant, version) }

// explained adds to the engine's word about a flow of another tenant what it cannot know.
func explained(err error) error {
	var e *passport.Error
	if !errors.As(err, &e) || e.Code != passport.CodeFlowTenant {
		return err
	}
	more := *e
	more.Err = errors.New("the flow began for another tenant, or with credentials of this tenant that were changed since")
	return &more
}

func unknown(cause error) error {
	return &passport.Error{Code: CodeUnknown, Status: http.StatusNotFound, Message: "There is no such place to log in.", Err: cause}
}
