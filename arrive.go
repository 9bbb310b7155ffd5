package passport

import (
	"errors"
	"net/http"

	"github.com/gopassport/passport/internal/formpost"
	"github.com/gopassport/passport/internal/intent"
	"github.com/gopassport/passport/internal/returnto"
)

// arrive settles what other sites sent: a POST from one may be a provider's answer by
// form, and nothing else. It gives the request that strategies see, or a result or refusal
// in d. posted: it may end a flow only, else forms with a password could come by this way.
func (p *Registry) arrive(r *http.Request, rt *route, d *decision) (seen *http.Request, posted bool) {
	if formpost.Kept(r) && p.bounces != nil {
		return p.land(r, d)
	}
	err := p.cross.Check(r)
	switch {
	case err == nil, rt.noSession && !intent.Navigation(r): // APIs log nobody in
	case p.bounces != nil && formpost.Is(r):
		d.flows = true
		d.result, d.err = p.bounce(r, d)
	case !rt.noSession:
		d.err = crossSite(err)
	}
	return r, false
}

func crossSite(cause error) *Error {
	return &Error{Code: CodeCrossSite, Status: http.StatusForbidden, Message: "Please start this from the application's own page.", Err: cause}
}

// bounce keeps the form and sends the browser to the same address with GET.
func (p *Registry) bounce(r *http.Request, d *decision) (Result, *Error) {
	c, to, err := p.bounces.Keep(r, returnto.Asked(r))
	switch {
	case err != nil:
		return nil, &Error{Code: CodeCallback, Status: http.StatusRequestEntityTooLarge, Err: err}
	case !returnto.Local(to):
		return nil, crossSite(errors.New("the callback's address cannot be sent back to the browser"))
	}
	d.set = append(d.set, c)
	return Redirect{URL: to, Status: http.StatusSeeOther}, nil
}

// land takes the form up again.
func (p *Registry) land(r *http.Request, d *decision) (seen *http.Request, posted bool) {
	post, spent, ok := p.bounces.Restore(r, returnto.Asked(r))
	d.set, d.flows = append(d.set, spent...), true
	if !ok {
		d.err = noFlow("the posted answer is not there any more")
		return r, false
	}
	return post, true
}
