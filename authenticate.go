package passport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gopassport/passport/internal/cookies"
	"github.com/gopassport/passport/internal/intent"
	"github.com/gopassport/passport/internal/returnto"
)

// Authenticate makes middleware that logs people in with a strategy, or with the first
// of several ([Or]) that succeeds. What the strategy verified is the user of the request
// ([UserFrom]); the login is kept in the session, whose identity is renewed, unless
// [NoSession] says otherwise. Then the person is redirected ([SuccessRedirect],
// [SuccessReturnToOrRedirect]), or the wrapped handler runs.
//
// A POST that another site sent is refused, so that nobody can log a person in to an
// account that is not theirs. Panics on a name that is not registered and on options
// that exclude each other.
func (p *Registry) Authenticate(name string, opts ...Option) func(http.Handler) http.Handler {
	return p.middleware(p.must("Authenticate", login, name, opts))
}

// Check runs a strategy and decides, but does not act, for handlers of one's own. It
// logs nobody in (call [Registry.Login]), calls no handler and writes no body; the
// cookies of pending flows and a few headers are all it adds to the response, so it
// comes before the first byte.
//
// It returns a [Success], a [Redirect] (with its status; send it with [http.Redirect])
// or a [Pass], or else an [*Error]. Of the options, [Or], [Param] and [NoSession]
// matter; the last lets a POST from another site pass, for APIs.
func (p *Registry) Check(w http.ResponseWriter, r *http.Request, name string, opts ...Option) (Result, error) {
	rt, err := p.route("Check", login, name, opts)
	if err != nil {
		return nil, fault(CodeConfiguration, http.StatusInternalServerError, err)
	}
	s, r, err := p.enter(r)
	if err != nil {
		return nil, err
	}
	d := p.decide(w, r, s, rt)
	d.write(w)
	if d.err != nil {
		p.report(r, rt, d.err, d.started)
		return nil, d.err
	}
	return d.result, nil
}

// middleware is what Authenticate and Authorize have in common: decide, then act.
func (p *Registry) middleware(rt *route) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, r, err := p.enter(r)
			if err != nil {
				p.answer(w, r, rt, err)
				return
			}
			d := p.decide(w, r, s, rt)
			d.write(w)
			p.act(w, r, rt, d, next)
		})
	}
}

// decision is what the strategies of a route came to.
type decision struct {
	started time.Time
	result  Result // Success, Redirect or Pass; nil with an error
	err     *Error
	last    *Attempt // the one that decided
	flows   bool     // a flow began, or ended: the address holds what nobody else should see
	set     []*http.Cookie
}

// write adds the flows' cookies to the response, and what keeps a callback's address
// out of caches and of other sites' logs.
func (d *decision) write(w http.ResponseWriter) {
	for _, c := range d.set {
		cookies.Set(w, c)
	}
	if d.flows {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
	}
}

// decide runs the strategies of a route in turn. Failures add up; everything else ends
// the chain.
func (p *Registry) decide(w http.ResponseWriter, r *http.Request, s *state, rt *route) *decision {
	d := &decision{started: time.Now()}
	r, bounced := p.arrive(r, rt, d)
	if d.result != nil || d.err != nil {
		return d
	}
	var failures []*Error
	for i, name := range rt.names {
		a := &Attempt{registry: p, route: rt, w: w, request: r, name: name, user: p.subject(r, s)}
		d.last = a
		result, err := run(rt.strategies[i], r, a, bounced)
		d.set = append(d.set, a.spent...)
		d.flows = d.flows || a.begun || a.ended
		switch {
		case err == nil:
			d.result = result
			if _, ok := result.(Redirect); ok {
				d.set = append(d.set, a.saved...)
			}
			return d
		case !err.refusal():
			d.err = err
			return d
		}
		failures = append(failures, err)
	}
	d.err = merge(failures)
	return d
}

// subject is a digest of who is logged in, "" for nobody.
func (p *Registry) subject(r *http.Request, s *state) string {
	_, key := s.get()
	if p.config.Subject != nil {
		k, ok := p.config.Subject(r)
		if !ok {
			return ""
		}
		key = k
	}
	if key == "" {
		return ""
	}
	return digest("user", key)
}

// run calls a strategy and sorts what it says: a Result is a Success, a Redirect or a
// Pass; everything else is an error. A panic is a fault of this request.
func run(strategy Strategy, r *http.Request, a *Attempt, bounced bool) (result Result, failure *Error) {
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			result, failure = nil, fault(CodeStrategyPanic, http.StatusInternalServerError, &panicked{v, debug.Stack()})
		}
		if failure != nil && failure.Strategy == "" {
			failure.Strategy = a.name
		}
	}()
	result, err := strategy.Authenticate(r, a)
	if err != nil {
		return nil, asError(err, CodeStrategy, http.StatusInternalServerError)
	}
	if err := a.accept(&result, bounced); err != nil {
		return nil, asError(err, CodeStrategy, http.StatusInternalServerError)
	}
	return result, nil
}

// accept checks what a strategy returned.
func (a *Attempt) accept(result *Result, bounced bool) error {
	switch v := (*result).(type) {
	case Success:
		switch {
		case isNil(v.Value):
			return errors.New("the strategy succeeded with a nil value")
		case bounced && !a.taken:
			return crossSite(errors.New("another site sent this form, and it ends no flow that began here"))
		}
		return nil
	case Failure:
		return v.err()
	case Redirect:
		if err := a.Begin(); err != nil {
			return err
		}
		return v.complete(a.request, result)
	case Pass:
		return nil
	}
	return fmt.Errorf("the strategy returned a %T; it is a Success, Failure, Redirect or Pass, or there is an error", *result)
}

func (f Failure) err() error {
	e := &Error{Code: CodeRejected, Status: f.Status, Message: f.Message}
	if f.Challenge != "" {
		e.Challenges = []string{f.Challenge}
	}
	if f.Status != 0 && (f.Status < 400 || f.Status > 499) {
		return fmt.Errorf("the strategy failed with the status %d; a Failure has one of 400 to 499", f.Status)
	}
	if f.Status == 0 {
		e.Status = http.StatusUnauthorized
	}
	return e
}

// complete fills in the status of a redirect, and refuses addresses that are none.
func (v Redirect) complete(r *http.Request, result *Result) error {
	if v.Status == 0 {
		v.Status = seeOther(r)
	}
	u, err := url.Parse(v.URL)
	absolute := err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") && !strings.ContainsAny(v.URL, " \t\r\n\\")
	if !absolute && !returnto.Local(v.URL) || v.Status != http.StatusFound && v.Status != http.StatusSeeOther {
		return errors.New("the strategy redirects with another status than 302 or 303, or to an address that is neither http nor a path of this site")
	}
	*result = v
	return nil
}

// merge makes one refusal of the failures of a chain. The first that set a status
// decides, else the first; a 401 carries the challenges of all.
func merge(failures []*Error) *Error {
	lead := failures[0]
	for _, e := range failures {
		if lead.Status == http.StatusUnauthorized && e.Status != http.StatusUnauthorized {
			lead = e
		}
	}
	if len(failures) == 1 || lead.Status != http.StatusUnauthorized {
		return lead
	}
	whole := *lead
	whole.Challenges = nil
	var causes []error
	for _, e := range failures {
		whole.Challenges = append(whole.Challenges, e.Challenges...)
		causes = append(causes, e.Err)
	}
	whole.Err = errors.Join(causes...)
	return &whole
}

// act does what was decided.
func (p *Registry) act(w http.ResponseWriter, r *http.Request, rt *route, d *decision, next http.Handler) {
	switch result := d.result.(type) {
	case Success:
		if rt.purpose == connect {
			p.connected(w, r, rt, d, result, next)
			return
		}
		p.loggedIn(w, r, rt, d, result, next)
	case Redirect:
		p.observe(r, d.started, d.event("begin", rt, ""))
		p.send(w, r, d, result)
	case Pass:
		p.observe(r, d.started, d.event("pass", rt, ""))
		next.ServeHTTP(w, r)
	default:
		p.refuse(w, r, rt, d)
	}
}

func (d *decision) event(kind string, rt *route, user string) Event {
	e := Event{Kind: kind, Purpose: string(rt.purpose), User: user}
	if d.last != nil {
		e.Strategy, e.Tenant = d.last.name, d.last.tenant
	}
	return e
}

// loggedIn starts the login and goes on.
func (p *Registry) loggedIn(w http.ResponseWriter, r *http.Request, rt *route, d *decision, result Success, next http.Handler) {
	key, target := "", p.target(w, r, rt, d)
	if rt.noSession {
		if p.config.Users != nil {
			key, _ = p.config.Users.key(result.Value) // a user of another kind binds no flows
		}
		p.become(r, result.Value, key)
	} else {
		var err error
		if key, err = p.establish(w, r, result.Value, rt.keepSessionInfo); err != nil {
			p.answer(w, r, rt, err)
			return
		}
		if p.noted(w, r).returnTo != "" {
			p.note(w, r, func(n *notes) { n.returnTo = "" })
		}
	}
	p.observe(r, d.started, d.event("login", rt, key))
	p.proceed(w, r, rt, target, outcome{info: result.Info}, next)
}

// target is where a success leads; "" for the wrapped handler.
func (p *Registry) target(w http.ResponseWriter, r *http.Request, rt *route, d *decision) string {
	if !rt.returnTo {
		return rt.success
	}
	for _, wanted := range []string{d.last.returnTo, p.noted(w, r).returnTo} {
		if returnto.Local(wanted) {
			return wanted
		}
	}
	return rt.success
}

// proceed leaves the success message, then redirects or calls the wrapped handler.
func (p *Registry) proceed(w http.ResponseWriter, r *http.Request, rt *route, target string, o outcome, next http.Handler) {
	own, _ := o.info.(string)
	p.leave(w, r, rt.successMessage, own)
	if target != "" {
		redirect(w, r, target, 0)
		return
	}
	if o != (outcome{}) {
		r = r.WithContext(context.WithValue(r.Context(), outcomeKey{}, o))
	}
	next.ServeHTTP(w, r)
}

// refuse sends a person back, or answers.
func (p *Registry) refuse(w http.ResponseWriter, r *http.Request, rt *route, d *decision) {
	if !d.err.refusal() || rt.failure == "" || !intent.Navigation(r) || d.err.Code == CodeMethod {
		p.answer(w, r, rt, d.err)
		return
	}
	p.report(r, rt, d.err, d.started)
	p.leave(w, r, rt.failureMessage, d.err.Message)
	redirect(w, r, rt.failure, 0)
}
