package tenants_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/oauth2"
	"github.com/gopassport/passport/strategies/tenants"
)

// service is a tenant's own strategy that says which parameters it takes.
func service() (passport.Strategy, error) {
	return oauth2.New(oauth2.Config{
		ClientID: "c", Auth: oauth2.PublicClient, AuthorizationURL: "https://op.test/a", TokenURL: "https://op.test/t", RedirectURL: "https://app.test/cb",
		Profile: oauth2.JSONProfile("https://op.test/me", "id"),
	}, func(_ *http.Request, g oauth2.Grant) (*user, error) { return &user{g.Subject}, nil }), nil
}

func TestAParameterThatIsTheFlowsOwnPanicsWhenTheRouteIsMade(t *testing.T) {
	s := tenants.New(tenants.Config{Of: byPath, Find: builds(service)})
	for key, value := range map[string]string{"redirect_uri": "https://evil.test", "state": "x", "nonce": "x", "response_mode": "query", "request_uri": "x", "oauth_callback": "x", "scope": `a"b`} {
		func() {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "passport: Authenticate(\"sso\"): Param(\""+key+"\"): ") && !strings.HasPrefix(text, "passport: Authorize(\"sso\"): Param(\""+key+"\"): ") {
					t.Errorf("Param(%q, %q): %q", key, value, text)
				}
			}()
			newSite(t, s, passport.Param(key, value))
		}()
	}
}

// There is nobody to ask before the tenant is known.
func TestAParameterThatTheTenantsStrategyRefusesIsAFault(t *testing.T) {
	s := tenants.New(tenants.Config{Of: byPath, Find: builds(service)})
	p := newSite(t, s, passport.Param("promt", "login"))
	for _, path := range []string{"/acme/login", "/acme/login/callback?code=c&state=s"} {
		p.want(path, p.Browser().Get(path, "same-origin"), http.StatusInternalServerError, "configuration")
		if err := p.Last(); err == nil || !strings.Contains(err.Error(), `Param("promt")`) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestAParameterThatTheTenantsStrategyTakesIsSent(t *testing.T) {
	s := tenants.New(tenants.Config{Of: byPath, Find: builds(service)})
	p := newSite(t, s, passport.Param("prompt", "login"), oauth2.Scopes("a", "b"))
	w := p.Browser().Get("/acme/login", "same-origin")
	if to := parse(t, w.Header().Get("Location")).Query(); w.Code != http.StatusFound || to.Get("prompt") != "login" || to.Get("scope") != "a b" {
		t.Errorf("%d %v", w.Code, to)
	}
}

// A strategy that does not say which it takes takes all, as it does without tenants.
func TestAStrategyThatDoesNotSayWhichParametersItTakesIsNotAsked(t *testing.T) {
	p := newSite(t, strategyOf(two()), passport.Param("whatever", "x"))
	if w := p.Browser().Get("/acme/login", "same-origin"); w.Code != http.StatusFound {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
