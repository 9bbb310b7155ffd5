package tenants_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gopassport/passport"
)

// The answer of a provider that posts it (response_mode form_post) comes without cookies,
// is taken up by the engine, and lands at the same address with them.

func answer(state string) url.Values { return url.Values{"state": {state}, "code": {"c"}} }

func TestAPostedAnswerEndsForItsTenantAndNoOther(t *testing.T) {
	for _, kind := range []string{"", "page", "api"} {
		for _, purpose := range []string{"login", "connect"} {
			var opts []passport.Option
			if kind != "" {
				opts = append(opts, passport.AnswerAs(kind))
			}
			p := newSite(t, strategyOf(two()), opts...)
			b := p.browser()
			b.LogIn(&user{"alice"})
			want := map[string]string{"login": "user &{acme/c}, account <nil>", "connect": "user &{alice}, account &{acme/c}"}[purpose]
			what := fmt.Sprintf("%s, answers as %q", purpose, kind)
			p.want(what, b.Posted("/acme/"+purpose+"/callback", answer(b.begin("acme", purpose))), 200, want)

			b = p.browser()
			state := b.begin("acme", purpose)
			p.want(what+", at another tenant", b.Posted("/globex/"+purpose+"/callback", answer(state)), 400, "flow_tenant")
			p.want(what+", afterwards", b.Posted("/acme/"+purpose+"/callback", answer(state)), 400, "flow_missing")
		}
	}
}

// What was posted to one tenant's address does not land at another's.
func TestAPostedAnswerLandsAtItsOwnTenant(t *testing.T) {
	p, _ := app(t, two())
	b := p.browser()
	state := b.begin("globex", "login")
	w := b.Post("/acme/login/callback", answer(state))
	p.want("at the other", b.Get(strings.Replace(w.Header().Get("Location"), "acme", "globex", 1), "cross-site"), 400, "flow_missing")
	p.want("at its own, afterwards", b.end("globex", "login", state), 200, "user &{globex/c}, account <nil>")
}

func TestAnAnswerPostedToATenantThatIsNoneIsRefusedWhereItLands(t *testing.T) {
	d := two()
	p, s := app(t, d)
	b := p.browser()
	state := b.begin("acme", "login")
	d.remove("acme")
	s.Forget("acme")
	p.want("removed", b.Posted("/acme/login/callback", answer(state)), 404, "tenant_unknown")
	p.want("never there", b.Posted("/initech/login/callback", answer(state)), 404, "tenant_unknown")
}

// A refusal of a posted answer goes where the route says, as that of any other.
func TestARefusalOfAPostedAnswerIsAnsweredAsTheRouteSays(t *testing.T) {
	for kind, status := range map[string]int{"": http.StatusFound, "page": http.StatusFound, "api": http.StatusBadRequest} {
		opts := []passport.Option{passport.FailureRedirect("/again")}
		if kind != "" {
			opts = append(opts, passport.AnswerAs(kind))
		}
		p := newSite(t, strategyOf(two()), opts...)
		b := p.browser()
		b.begin("acme", "login")
		if w := b.Posted("/acme/login/callback", answer("foreign")); w.Code != status {
			t.Errorf("answers as %q: %d %s", kind, w.Code, w.Body)
		}
	}
}
