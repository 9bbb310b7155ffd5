//go:build unix

package interop_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"testing"

	goidc "github.com/coreos/go-oidc/v3/oidc"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/oidc"
)

// logoutApp is an application whose people can log out, here and at the provider, and that
// is told where they do it elsewhere.
type logoutApp struct {
	*app
	who    identities
	client metadata
	op     *op
	posted chan string // the answers to what the provider's server posted
	alone  chan error  // what go-oidc alone says of the same tokens
}

func (o *op) logoutApp() *logoutApp {
	o.t.Helper()
	a := &logoutApp{app: newApp(o.t), op: o, posted: make(chan string, 10), alone: make(chan error, 10)}
	a.client = o.register(a.callbacks("op"), metadata{
		"backchannel_logout_uri": a.URL + "/backchannel", "backchannel_logout_session_required": true,
		"post_logout_redirect_uris": []string{a.URL + "/"},
	})
	var s *oidc.Strategy
	a.uses("op", func(callback string) passport.Strategy {
		s = a.who.make(oidc.Config{Issuer: o.Issuer, ClientID: a.client.id(), ClientSecret: a.client.secret(), RedirectURL: callback})
		return s
	})
	ended := s.BackchannelLogout(func(_ context.Context, t oidc.LogoutToken) error {
		a.end(t.Subject)
		return nil
	})
	a.mux.HandleFunc("POST /backchannel", func(w http.ResponseWriter, r *http.Request) { a.told(ended, w, r) })
	a.mux.HandleFunc("GET /logout", func(w http.ResponseWriter, r *http.Request) { a.logout(s, w, r) })
	return a
}

// told hands the provider's message to the strategy, and to go-oidc for comparison.
func (a *logoutApp) told(h http.Handler, w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	provider, err := goidc.NewProvider(r.Context(), a.op.Issuer)
	if err == nil {
		_, err = provider.Verifier(&goidc.Config{ClientID: a.client.id()}).VerifyLogout(r.Context(), form.Get("logout_token"))
	}
	a.alone <- err
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	noted := &noting{ResponseWriter: w}
	h.ServeHTTP(noted, again)
	a.posted <- http.StatusText(noted.status)
}

func (a *logoutApp) logout(s *oidc.Strategy, w http.ResponseWriter, r *http.Request) {
	hint := ""
	if len(a.who.all) > 0 {
		hint = a.who.last().IDToken()
	}
	to, err := s.LogoutURL(r.Context(), hint, a.URL+"/", r.FormValue("state"))
	if err == nil {
		err = a.auth.Logout(w, r)
	}
	if err != nil {
		a.refused(w, r, err)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// noting notes the status of an answer.
type noting struct {
	http.ResponseWriter
	status int
}

func (n *noting) WriteHeader(status int) { n.status = status; n.ResponseWriter.WriteHeader(status) }

func TestALogOutHereIsALogOutAtTheProviderToo(t *testing.T) {
	a := startOP(t).logoutApp()
	for name, c := range map[string]struct{ query, back string }{
		"with a state": {"?state=kept", "/?state=kept"},
		"without":      {"", "/"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVisitor(t)
			v.open(a.URL + "/login/op").allow("ada")
			v.visit(a.URL + "/logout" + c.query).press("logout")
			if v.at.String() != a.URL+c.back || v.textAt("user") != "nobody" {
				t.Errorf("at %v: %s", v.at, v.text())
			}
			if said := <-a.posted; said != "OK" {
				t.Errorf("the provider was told %q", said)
			}
			<-a.alone
			v.visit(a.URL + "/login/op") // the provider asks who one is again
			if find(v.page, byName("password")) == nil {
				t.Errorf("at %v: %s", v.at, v.text())
			}
		})
	}
}

func TestALogOutAtTheProviderEndsTheLoginHere(t *testing.T) {
	o := startOP(t)
	a := o.logoutApp()
	v, w := newVisitor(t), newVisitor(t)
	v.open(a.URL + "/login/op").allow("ada")
	w.open(a.URL + "/login/op").allow("grace")
	v.open(o.Issuer + "/session/end").press("logout")
	if said := <-a.posted; said != "OK" {
		t.Fatalf("the provider was told %q", said)
	}
	if v.open(a.URL + "/"); v.textAt("user") != "nobody" {
		t.Errorf("still logged in: %s", v.text())
	}
	if w.open(a.URL + "/"); w.textAt("user") != "grace" {
		t.Errorf("somebody else was logged out, too: %s", w.text())
	}
}

// TestWhatALogOutTokenGetsWrong is the other half of the table of faults.
func TestWhatALogOutTokenGetsWrong(t *testing.T) {
	o, log := startOP(t), captureLog(t)
	var rows []row
	for _, f := range []struct{ name, code string }{
		{"logout-signature-of-another-key", "id_token_signature"},
		{"logout-alg-none", "id_token_signature"},
		{"logout-alg-hs256", "id_token_signature"},
		{"logout-no-event", "id_token_malformed"},
		{"logout-wrong-event", "id_token_malformed"},
		{"logout-with-nonce", "id_token_malformed"},
		{"logout-nobody", "id_token_malformed"},
		{"logout-no-jti", "id_token_malformed"},
		{"logout-aud-wrong", "id_token_audience"},
		{"logout-iss-wrong", "id_token_issuer"},
		{"logout-exp-past", "id_token_time"},
	} {
		o.fault("")
		a, v := o.logoutApp(), newVisitor(t)
		v.open(a.URL + "/login/op").allow("ada")
		o.fault(f.name)
		newTab(v).open(o.Issuer + "/session/end").press("logout")
		said, alone := <-a.posted, <-a.alone
		if v.open(a.URL + "/"); said != "Bad Request" || v.textAt("user") != "ada" {
			t.Errorf("%s: %q, and then %s", f.name, said, v.text())
		}
		code := log.code()
		if code != f.code {
			t.Errorf("%s: %s, want %s", f.name, code, f.code)
		}
		rows = append(rows, row{f.name, []string{outcome(alone), code}})
	}
	compareDocument(t, "logout", []string{"go-oidc alone", "strategies/oidc"}, rows)
}

// newTab is the same browser.
func newTab(v *visitor) *visitor { return &visitor{t: v.t, client: v.client} }

// capture keeps the code of the last error that was logged.
type capture struct {
	slog.Handler
	mu   sync.Mutex
	last string
}

// captureLog has what is logged for the rest of the test.
func captureLog(t *testing.T) *capture {
	before := slog.Default()
	c := &capture{Handler: slog.DiscardHandler}
	slog.SetDefault(slog.New(c))
	t.Cleanup(func() { slog.SetDefault(before) })
	return c
}

func (c *capture) Enabled(context.Context, slog.Level) bool { return true }

func (c *capture) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.last = outcome(err)
		}
		return true
	})
	return nil
}

// code takes the last code.
func (c *capture) code() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.last
	c.last = ""
	return last
}
