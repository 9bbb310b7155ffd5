package gothprovider_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/gothprovider"
)

// Every provider that names a flow by a state may post its answer.
func TestEveryProviderWithAStateMayPostItsAnswer(t *testing.T) {
	t.Setenv("SHOPIFY_SECRET", "shopify")
	for _, each := range every(t, "https://app.example/callback") {
		world := serving(each.name)
		everybody.Store(world)
		p := newApp(t)
		if each.name == "lastfm" || each.name == "steam" || never(each.name) {
			continue
		}
		p.connect(each.name, gothprovider.New(each.provider, keep))
		b := p.Browser()
		world.at(stepBegin)
		query := parse(t, b.Begin("/connect/"+each.name)).Query()
		world.at(stepToken)
		form, err := url.ParseQuery(answerOf(query))
		if err != nil {
			t.Fatal(err)
		}
		path := "/connect/" + each.name
		if query.Has("oauth_token") { // OAuth 1 has no such answer (RFC 5849, 2.2)
			p.Want(each.name, b.Post(path, form), passport.CodeCrossSite, http.StatusForbidden)
			p.Want(each.name+", by GET", b.End("/connect/"+each.name, form.Encode()), "", 0)
			continue
		}
		p.Want(each.name, b.Posted(path, form), "", 0)
	}
	everybody.Store(nil)
}

// In a chain, with another strategy's form on the same route.
func TestAPostedAnswerEndsInAChain(t *testing.T) {
	for _, c := range []struct {
		first, second string
		code          passport.Code // of a password that another site sends with an answer
		status        int
	}{{"github", "password", passport.CodeFlowMissing, 400}, {"password", "github", passport.CodeCrossSite, 403}} {
		p, s := newApp(t), newService(t)
		p.Auth.Use("github", gothprovider.New(s.github(), keep))
		p.Auth.Use("password", passport.StrategyFunc(func(r *http.Request, _ *passport.Attempt) (passport.Result, error) {
			if r.PostFormValue("password") != "sesame" {
				return passport.Failure{Message: "no"}, nil
			}
			return passport.Success{Value: &account{ID: "password"}}, nil
		}))
		p.Mux.Handle("/connect/chain", p.Auth.Authorize(c.first, passport.Or(c.second))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a, _ := passport.AccountFrom[*account](r.Context())
			w.Write([]byte("connected true " + a.ID))
		})))
		b := p.Browser()
		form, err := url.ParseQuery(s.allow(t, b.Begin("/connect/chain")))
		if err != nil {
			t.Fatal(err)
		}
		p.Want("an answer", b.Posted("/connect/chain", form), "", 0)
		form.Set("password", "sesame")
		p.Want("another site's password with it", b.Posted("/connect/chain", form), c.code, c.status)
	}
}
