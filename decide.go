package passport

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gopassport/passport/internal/absent"
	"github.com/gopassport/passport/internal/answer"
	"github.com/gopassport/passport/internal/cookies"
	"github.com/gopassport/passport/internal/intent"
	"github.com/gopassport/passport/internal/returnto"
	"github.com/gopassport/passport/internal/vault"
)

// decision is what the strategies of a route came to.
type decision struct {
	started time.Time
	result  Result // Success, Redirect or Pass; nil with an error
	err     *Error
	last    *Attempt // the one that decided
	first   Attempt  // most routes have one strategy, and one allocation holds it all
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
	r, posted := p.arrive(r, rt, d)
	if d.result != nil || d.err != nil {
		return d
	}
	var failures []*Error
	for i, name := range rt.names {
		a := &d.first
		if i > 0 {
			a = new(Attempt)
		}
		a.registry, a.route, a.w, a.request, a.name, a.user = p, rt, w, r, name, p.subject(r, s)
		d.last = a
		result, err := run(rt.strategies[i], r, a, posted)
		d.set = append(d.set, a.spent...)
		d.flows = d.flows || a.flow
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
	ok := true
	if p.config.Subject != nil {
		key, ok = p.config.Subject(r)
	}
	if !ok || key == "" {
		return ""
	}
	return vault.Digest("user", key)
}

// run calls a strategy and sorts what it says: a Result is a Success, a Redirect or a
// Pass; everything else is an error.
func run(strategy Strategy, r *http.Request, a *Attempt, posted bool) (Result, *Error) {
	result, err := call(strategy, r, a)
	if err == nil {
		err = a.accept(&result, posted)
	}
	if err == nil {
		return result, nil
	}
	failure := asError(err, CodeStrategy, http.StatusInternalServerError)
	failure.Strategy, failure.tenant = cmp.Or(failure.Strategy, a.name), a.tenant
	return nil, failure
}

func call(strategy Strategy, r *http.Request, a *Attempt) (result Result, err error) {
	defer caught(&err, CodeStrategyPanic)
	return strategy.Authenticate(r, a)
}

// accept checks what a strategy returned.
func (a *Attempt) accept(result *Result, posted bool) error {
	switch v := (*result).(type) {
	case Success:
		switch {
		case absent.Nil(v.Value):
			return errors.New("the strategy succeeded with a nil value")
		case !a.taken && !a.route.noSession && intent.Prefetch(a.request):
			return a.person()
		case posted && !a.taken:
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
	e := &Error{Code: CodeRejected, Status: cmp.Or(f.Status, http.StatusUnauthorized), Message: f.Message, implied: f.Status == 0}
	if f.Challenge != "" {
		e.Challenges = []string{f.Challenge}
	}
	if e.Status < 400 || e.Status > 499 {
		return fmt.Errorf("the strategy failed with the status %d; a Failure has one of 400 to 499", f.Status)
	}
	return e
}

// complete fills in the status of a redirect, and refuses addresses that are none.
func (v Redirect) complete(r *http.Request, result *Result) error {
	v.Status = cmp.Or(v.Status, answer.SeeOther(r))
	u, err := url.Parse(v.URL)
	absolute := err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http") && !strings.ContainsAny(v.URL, " \t\r\n\\")
	if !absolute && !returnto.Local(v.URL) || v.Status != http.StatusFound && v.Status != http.StatusSeeOther {
		return errors.New("the strategy redirects with another status than 302 or 303, or to an address that is neither http nor a path of this site")
	}
	*result = v
	return nil
}

// merge makes one refusal of the failures of a chain. The first that set a status
// decides, else the first; a 401 carries the challenges of all. The message is the first
// that there is, as in Passport: the first strategy is the one that people mean.
func merge(failures []*Error) *Error {
	if len(failures) == 1 {
		return failures[0]
	}
	lead := failures[0]
	if i := slices.IndexFunc(failures, func(e *Error) bool { return !e.implied }); i >= 0 {
		lead = failures[i]
	}
	whole := *lead
	if i := slices.IndexFunc(failures, func(e *Error) bool { return e.Message != "" }); i >= 0 {
		whole.Message = failures[i].Message
	}
	if lead.Status != http.StatusUnauthorized {
		return &whole
	}
	whole.Challenges = nil
	var causes []error
	for _, e := range failures {
		whole.Challenges = append(whole.Challenges, e.Challenges...)
		causes = append(causes, e.Err)
	}
	whole.Err = errors.Join(causes...)
	return &whole
}
