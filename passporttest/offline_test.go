package passporttest_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/strategies/oauth1"
	"github.com/gopassport/passport/strategies/oidc"
)

// viaOAuth1 is the module's own, as a person by the name that Twitter's reply has.
func viaOAuth1(p *passporttest.OAuth1Provider, use func(oauth1.Grant)) passport.Strategy {
	return oauth1.New(oauth1.Config{
		ConsumerKey: p.ConsumerKey, ConsumerSecret: p.ConsumerSecret, CallbackURL: app + "/connect/callback", Client: p.Client(), Profile: oauth1.ReplyProfile("user_id"),
		Endpoint: oauth1.Endpoint{RequestURL: p.At(passporttest.RequestToken), AuthorizeURL: p.At(passporttest.Authorize), AccessURL: p.At(passporttest.AccessToken)},
	}, func(_ *http.Request, g oauth1.Grant) (string, error) {
		use(g)
		return g.Reply.Get("screen_name"), nil
	})
}

// In a bubble of testing/synctest the provider, the browser and the application have one
// clock, which the test moves.
func TestAnOfflineProviderHasTheClockOfItsBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := passporttest.NewProvider(t, passporttest.ProviderConfig{Offline: true, Algorithm: "ES256", TokenLife: 10 * time.Minute})
		var access string
		strategy := oidc.New(oidc.Config{
			Issuer: p.URL, ClientID: p.ClientID, ClientSecret: p.ClientSecret, RedirectURL: app + "/connect/callback", Client: p.Client(), Timeout: time.Minute,
		}, func(_ *http.Request, who oidc.Identity) (string, error) {
			access = who.Token().AccessToken
			return who.Subject, nil
		})
		browser, last := newSite(t, strategy)
		browser.Serve(p.URL, p)
		if page := browser.Walk(app + "/connect"); page.Body != "account 1001" {
			t.Fatalf("%d %s", page.Status, page.Body)
		}
		for _, c := range []struct {
			after time.Duration
			want  int
		}{{0, 200}, {10*time.Minute - 1, 200}, {1, 401}} {
			time.Sleep(c.after)
			if got := opens(t, p, access); got != c.want {
				t.Errorf("%v later, the token gives %d", c.after, got)
			}
		}
		browser.Manual = true
		there := browser.Follow(app + "/connect")
		time.Sleep(11 * time.Minute) // a flow lasts for ten
		page := there.Next().Next()
		if code, err := last(); page.Status != 400 || code != passport.CodeFlowMissing {
			t.Errorf("a late answer: %d %s: %v", page.Status, page.Body, err)
		}
		browser.Manual = false
		p.Next(passporttest.Hang)
		begun := time.Now()
		if page := browser.Walk(app + "/connect"); page.Status != 504 || time.Since(begun) != time.Minute {
			_, err := last()
			t.Errorf("a provider that hangs: %d after %v: %v", page.Status, time.Since(begun), err)
		}
	})
}

// An access token of OAuth 1 has no end: no reply could name one, and nothing renews it.
func TestTokensOfOAuth1DoNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := passporttest.NewOAuth1Provider(t, passporttest.OAuth1Config{Offline: true})
		var client *http.Client
		browser, _ := newSite(t, viaOAuth1(p, func(g oauth1.Grant) { client = g.Client(t.Context()) }))
		browser.Serve(p.URL, p)
		if page := browser.Walk(app + "/connect"); page.Body != "account ada" {
			t.Fatalf("%d %s", page.Status, page.Body)
		}
		time.Sleep(365 * 24 * time.Hour)
		response, err := client.Get(p.At(passporttest.Userinfo))
		if err != nil {
			t.Fatal(err)
		}
		if response.Body.Close(); response.StatusCode != http.StatusOK {
			t.Errorf("a year later: %s", response.Status)
		}
	})
}

// The faults of a connection are those of pages, too, where the browser walks a provider
// that is offline.
func TestAnOfflineProviderMisbehavesAtItsPages(t *testing.T) {
	for _, fault := range []passporttest.Fault{passporttest.Hang, passporttest.SlowBody, passporttest.ConnectionReset, passporttest.CutShort} {
		t.Run(string(fault), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := passporttest.NewProvider(t, passporttest.ProviderConfig{Offline: true})
				browser := passporttest.NewBrowser(t)
				browser.Serve(p.URL, p)
				p.Next(fault, passporttest.Authorize)
				if page := browser.Open(p.At(passporttest.Authorize)); page.Err == nil {
					t.Errorf("%d %q", page.Status, page.Body)
				}
			})
		})
	}
}

// A pipe holds nothing, so who does not read keeps who writes: not beyond the test.
func TestAnOfflineProviderEndsWhoeverReadsIt(t *testing.T) {
	p := passporttest.NewProvider(t, passporttest.ProviderConfig{Offline: true})
	p.EditResponse(passporttest.Discovery, func(r *passporttest.Reply) { r.Body = make([]byte, 1<<16) })
	if _, err := p.Client().Get(p.At(passporttest.Discovery)); err != nil {
		t.Fatal(err)
	}
}

func TestWhoIsOfflineKnowsNobodyElse(t *testing.T) {
	p := passporttest.NewProvider(t, passporttest.ProviderConfig{Offline: true})
	for _, address := range []string{"https://example.com/", "http://127.0.0.1:1/", strings.Replace(p.URL, "://", "://x", 1)} {
		response, err := p.Client().Get(address)
		if err == nil {
			response.Body.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "the provider of this client is offline") {
			t.Errorf("%s: %v", address, err)
		}
	}
	p.Next(passporttest.RedirectAway, passporttest.Discovery)
	response, err := p.Client().Get(p.At(passporttest.Discovery))
	if err != nil {
		t.Fatal(err)
	}
	if response.Body.Close(); p.Count(passporttest.Elsewhere) != 1 {
		t.Errorf("a client that follows redirects gets elsewhere %d times", p.Count(passporttest.Elsewhere))
	}
}
