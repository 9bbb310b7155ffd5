package passport

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gopassport/passport/internal/absent"
	"github.com/gopassport/passport/internal/answer"
	"github.com/gopassport/passport/internal/intent"
	"github.com/gopassport/passport/internal/notes"
	"github.com/gopassport/passport/internal/returnto"
)

// Authenticate makes middleware that logs people in with a strategy, or with the first
// of several ([Or]) that succeeds. What the strategy verified is the user of the request
// ([UserFrom]); the login is kept in the session, whose identity is renewed, unless
// [NoSession] says otherwise. Then the person is redirected ([SuccessRedirect],
// [SuccessReturnToOrRedirect]; the handler may be nil then), or the wrapped handler runs.
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
		next = absent.Handler(fmt.Sprintf("%s(%q)", rt.call, rt.names[0]), next, rt.success != "")
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if answer.Preflight(r) {
				rt.preflight(w, r, next)
				return
			}
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

// preflight passes only where the route is an API's by AnswerAs: a handler that looks at
// no method would answer it for everybody. Nowhere is it refused.
func (rt *route) preflight(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if rt.answers == "api" {
		next.ServeHTTP(w, r)
		return
	}
	w.WriteHeader(http.StatusNoContent)
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
		p.observe(r, d.started, d.event("begin", rt))
		p.send(w, r, d, result)
	case Pass:
		p.observe(r, d.started, d.event("pass", rt))
		next.ServeHTTP(w, r)
	default:
		p.refuse(w, r, rt, d)
	}
}

func (d *decision) event(kind string, rt *route) Event {
	e := Event{Kind: kind, Purpose: string(rt.purpose)}
	if d.last != nil {
		e.Strategy, e.Tenant = d.last.name, d.last.tenant
	}
	return e
}

// loggedIn starts the login and goes on.
func (p *Registry) loggedIn(w http.ResponseWriter, r *http.Request, rt *route, d *decision, result Success, next http.Handler) {
	target := p.target(w, r, rt, d)
	if rt.noSession {
		key := ""
		if p.config.Users != nil {
			key, _, _ = p.config.Users.key(result.Value) // a user of another kind binds no flows
		}
		p.become(r, result.Value, key, d.started)
	} else {
		if _, err := p.establish(w, r, result.Value, rt.keepSessionInfo); err != nil {
			p.answer(w, r, rt, err)
			return
		}
		if p.notes.Read(w, r).ReturnTo != "" {
			p.notes.Change(w, r, func(n *notes.Notes) { n.ReturnTo = "" })
		}
	}
	p.observe(r, d.started, d.event("login", rt))
	p.proceed(w, r, rt, target, outcome{info: result.Info}, next)
}

// target is where a success leads; "" for the wrapped handler.
func (p *Registry) target(w http.ResponseWriter, r *http.Request, rt *route, d *decision) string {
	if !rt.returnTo {
		return rt.success
	}
	for _, wanted := range []string{d.last.returnTo, p.notes.Read(w, r).ReturnTo} {
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
		answer.Redirect(w, r, target, 0)
		return
	}
	if o != (outcome{}) {
		r = r.WithContext(context.WithValue(r.Context(), outcomeKey{}, o))
	}
	next.ServeHTTP(w, r)
}

// refuse sends a person back, or answers.
func (p *Registry) refuse(w http.ResponseWriter, r *http.Request, rt *route, d *decision) {
	p.report(r, rt, d.err, d.started)
	if !d.err.refusal() || rt.failure == "" || !rt.redirects(r) || d.err.Code == CodeMethod {
		rt.respond(w, r, d.err)
		return
	}
	p.leave(w, r, rt.failureMessage, d.err.Message)
	answer.Redirect(w, r, rt.failure, 0)
}

// redirects tells whether a refused request may be redirected: a script would follow to
// a page that means nothing to it, and a browser that only guesses has asked for nothing.
func (rt *route) redirects(r *http.Request) bool {
	if rt.answers == "page" {
		return !intent.Prefetch(r)
	}
	return rt.answers == "" && intent.Navigation(r)
}
