package passport

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/gopassport/passport/internal/returnto"
)

// Option changes what a route does with a strategy's result. The words are Passport's.
type Option func(*route)

// purpose is why a strategy runs.
type purpose string

const (
	login   purpose = "login"
	connect purpose = "connect"
)

// route is one use of Authenticate, Authorize or Check. It does not change once made.
type route struct {
	call            string
	purpose         purpose
	names           []string
	strategies      []Strategy // in the order of names
	params          map[string]string
	noSession       bool
	keepSessionInfo bool
	success         string // where to, "" for the wrapped handler
	returnTo        bool   // success is only where there is no return target
	failure         string
	wanted          []string // every address that an option named
	again           bool     // success or failure was named twice
	successMessage  *string
	failureMessage  *string
	answers         string // "page", "api", or "" for what the request's headers say
	onError         func(http.ResponseWriter, *http.Request, error)
}

// Or adds a strategy to try when those before it failed.
func Or(name string) Option { return func(rt *route) { rt.names = append(rt.names, name) } }

// Param gives the strategies of this route a parameter, from code, such as a scope or
// a prompt. What keys there are, a strategy says ([Attempt.Param]); one with a method
// CheckParam(key, value string) error is asked when the route is made, and its error panics.
func Param(key, value string) Option { return func(rt *route) { rt.params[key] = value } }

// NoSession makes the user known to this request only. For APIs.
func NoSession() Option { return func(rt *route) { rt.noSession = true } }

// KeepSessionInfo keeps what the application holds in the session when somebody else
// logs in, a shopping cart say. The session's identity is renewed all the same. Values
// set before a login may be somebody else's: keep them only when that does no harm.
func KeepSessionInfo() Option { return func(rt *route) { rt.keepSessionInfo = true } }

// SuccessRedirect sends the person to url, a path of this site or an address under
// Config.Origins, instead of calling the wrapped handler.
func SuccessRedirect(url string) Option { return func(rt *route) { rt.redirect(&rt.success, url) } }

// SuccessReturnToOrRedirect sends the person where they wanted to go ([Registry.RequireUser]
// took note of it), else to url.
func SuccessReturnToOrRedirect(url string) Option {
	return func(rt *route) { rt.redirect(&rt.success, url); rt.returnTo = true }
}

// redirect sets where to go, "" being no address.
func (rt *route) redirect(to *string, url string) {
	rt.again = rt.again || *to != ""
	rt.wanted = append(rt.wanted, url)
	*to = url
}

// SuccessMessage leaves a message for [Registry.Messages]. "" leaves the strategy's own,
// which is the Info of its Success where that is a string.
func SuccessMessage(text string) Option { return func(rt *route) { rt.successMessage = &text } }

// FailureRedirect sends a person whose credentials were refused to url, a path of this
// site or an address under Config.Origins. A fault never goes there, and a request that
// is no navigation gets its status instead.
func FailureRedirect(url string) Option { return func(rt *route) { rt.redirect(&rt.failure, url) } }

// FailureMessage leaves a message for [Registry.Messages] when FailureRedirect applies.
// "" leaves the strategy's own.
func FailureMessage(text string) Option { return func(rt *route) { rt.failureMessage = &text } }

// AnswerAs fixes what the refusals and faults of this route are answered with, whatever
// the request's headers say. "page": FailureRedirect, or a short page. "api": the status
// with its challenges and application/problem+json, never a redirect; and a CORS preflight
// passes to the wrapped handler, which must look at the method, because nobody is known
// then (elsewhere it gets 204: wrap CORS around this). Most routes need neither.
func AnswerAs(kind string) Option { return func(rt *route) { rt.answers = kind } }

// OnError answers the refusals and faults of this route that no redirect takes, in
// place of Config.OnError. The error is an [*Error]. f writes the whole answer: also its
// Challenges, as WWW-Authenticate, and its RetryAfter, in seconds, as Retry-After.
func OnError(f func(w http.ResponseWriter, r *http.Request, err error)) Option {
	return func(rt *route) { rt.onError = f }
}

// route reads the options of one use. The error is one of the program's.
func (p *Registry) route(call string, why purpose, name string, opts []Option) (*route, error) {
	rt := &route{call: call, purpose: why, names: []string{name}, params: map[string]string{}, onError: p.config.OnError}
	for i, opt := range opts {
		if opt == nil {
			return nil, fmt.Errorf("passport: %s(%q): option %d is nil; leave it out", call, name, i+1)
		}
		opt(rt)
	}
	for _, name := range rt.names {
		if err := p.known(call, name); err != nil {
			return nil, err
		}
	}
	if problem := p.problem(rt); problem != "" {
		return nil, fmt.Errorf("passport: %s(%q): %s", call, name, problem)
	}
	for _, each := range rt.names {
		rt.strategies = append(rt.strategies, p.strategies.Get(each))
		if err := rt.checkParams(p.strategies.Get(each)); err != nil {
			return nil, fmt.Errorf("passport: %s(%q): %w", call, name, err)
		}
	}
	return rt, nil
}

// must is route for wiring: it panics.
func (p *Registry) must(call string, why purpose, name string, opts []Option) *route {
	rt, err := p.route(call, why, name, opts)
	if err != nil {
		panic(err.Error())
	}
	return rt
}

// checkParams asks a strategy that knows its parameters, so that a parameter that would be
// refused later is a mistake in wiring now.
func (rt *route) checkParams(s Strategy) error {
	checker, ok := s.(interface{ CheckParam(key, value string) error })
	for _, key := range slices.Sorted(maps.Keys(rt.params)) {
		if !ok {
			break
		}
		if err := checker.CheckParam(key, rt.params[key]); err != nil {
			return fmt.Errorf("Param(%q): %w", key, err)
		}
	}
	return nil
}

// problem says what cannot be right about a route.
func (p *Registry) problem(rt *route) string {
	for i, name := range rt.names {
		if slices.Contains(rt.names[:i], name) {
			return fmt.Sprintf("Or(%q) names a strategy that is there already", name)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(rt.params)) {
		if key == "" || strings.ContainsFunc(key+rt.params[key], unicode.IsControl) {
			return fmt.Sprintf("Param(%q): a key is not empty, and neither key nor value has control characters", key)
		}
	}
	for _, url := range rt.wanted {
		if !returnto.Sendable(url, p.config.Origins) {
			return fmt.Sprintf("cannot redirect to %q; it is neither a path of this site nor under Config.Origins", url)
		}
	}
	switch {
	case rt.answers != "" && rt.answers != "page" && rt.answers != "api":
		return fmt.Sprintf("AnswerAs(%q): there are \"page\" and \"api\"", rt.answers)
	case rt.again:
		return "it redirects to two places at once; leave SuccessRedirect, SuccessReturnToOrRedirect or FailureRedirect out"
	case rt.purpose == connect && (rt.keepSessionInfo || rt.noSession):
		return "Authorize never touches the session; leave out KeepSessionInfo and NoSession"
	case rt.keepSessionInfo && rt.noSession:
		return "KeepSessionInfo and NoSession exclude each other"
	case rt.call == "Authenticate" && !rt.noSession && p.config.Users == nil:
		return "there is no Config.Users to keep the login with; set it, or add NoSession()"
	}
	return ""
}
