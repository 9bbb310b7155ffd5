package tenants_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/testapp"
	"github.com/gopassport/passport/strategies/tenants"
)

// user is who logs in, and the account that is connected.
type user struct{ ID string }

// sso is the strategy of one tenant, at a provider of its own. It counts who comes back.
type sso struct {
	tenant, secret string
	exchanged      *sync.Map // state → tenant and secret that exchanged the code
}

func (s *sso) Authenticate(r *http.Request, a *passport.Attempt) (passport.Result, error) {
	q := r.URL.Query()
	if r.Method == http.MethodPost {
		if err := r.ParseForm(); err != nil {
			return nil, err
		}
		q = r.PostForm
	}
	if !q.Has("code") {
		state := rand.Text() + rand.Text()
		return passport.Redirect{URL: "https://" + s.tenant + ".example/authorize?state=" + state}, a.Save(state, s.secret)
	}
	var secret string
	if err := a.Take(q.Get("state"), &secret); err != nil {
		return nil, err
	}
	s.exchanged.Store(q.Get("state"), s.tenant+"/"+s.secret)
	if secret != s.secret {
		return nil, fmt.Errorf("a flow of another secret came through")
	}
	return passport.Success{Value: &user{s.tenant + "/" + q.Get("code")}}, nil
}

// table is the database of tenants and their credentials.
type table struct {
	mu        sync.Mutex
	rows      map[string]string // secret by tenant
	err       error
	asked     map[string]int
	built     map[string]int
	exchanged sync.Map
	wait      chan struct{} // look-ups wait for it; nil: they do not
}

func newTable(rows map[string]string) *table {
	return &table{rows: rows, asked: map[string]int{}, built: map[string]int{}}
}

func (d *table) set(tenant, secret string) { d.mu.Lock(); d.rows[tenant] = secret; d.mu.Unlock() }
func (d *table) remove(tenant string)      { d.mu.Lock(); delete(d.rows, tenant); d.mu.Unlock() }
func (d *table) fail(err error)            { d.mu.Lock(); d.err = err; d.mu.Unlock() }

func (d *table) counts(tenant string) (asked, built int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked[tenant], d.built[tenant]
}

func (d *table) find(ctx context.Context, tenant string) (tenants.Tenant, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked[tenant]++
	secret, ok := d.rows[tenant]
	wait := d.wait
	if wait != nil {
		d.mu.Unlock()
		<-wait
		d.mu.Lock()
	}
	switch {
	case ctx.Err() != nil:
		return tenants.Tenant{}, ctx.Err()
	case d.err != nil:
		return tenants.Tenant{}, d.err
	case !ok:
		return tenants.Tenant{}, fmt.Errorf("%q: %w", tenant, tenants.ErrUnknown)
	}
	return tenants.Tenant{Version: secret, Strategy: func() (passport.Strategy, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.built[tenant]++
		return &sso{tenant, secret, &d.exchanged}, nil
	}}, nil
}

func byPath(r *http.Request) string { return r.PathValue("tenant") }

// site is an application at /{tenant}/login and /{tenant}/connect, with callbacks.
type site struct{ *testapp.App }

func newSite(t *testing.T, s passport.Strategy, opts ...passport.Option) *site {
	t.Helper()
	p := &site{testapp.New(t, func(c *passport.Config) {
		c.Users = passport.Users[*user]{
			Key:  func(u *user) string { return u.ID },
			Load: func(_ context.Context, id string) (*user, error) { return &user{id}, nil },
		}
	})}
	p.Handler = p.Auth.Session(p.Mux)
	p.Auth.Use("sso", s)
	opts = append(opts, passport.OnError(p.OnError))
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, _ := passport.UserFrom[*user](r.Context())
		a, _ := passport.AccountFrom[*user](r.Context())
		fmt.Fprintf(w, "user %v, account %v", u, a)
	})
	for path, wrap := range map[string]func(http.Handler) http.Handler{
		"/{tenant}/login": p.Auth.Authenticate("sso", opts...), "/{tenant}/connect": p.Auth.Authorize("sso", opts...),
	} {
		p.Mux.Handle(path, wrap(show))
		p.Mux.Handle(path+"/callback", wrap(show))
	}
	return p
}

// browser is one person's.
type browser struct{ *testapp.Browser }

func (p *site) browser() *browser { return &browser{p.Browser()} }

// begin gives the state of a flow that began at /tenant/purpose.
func (b *browser) begin(tenant, purpose string) (state string) {
	w := b.Get("/"+tenant+"/"+purpose, "same-origin")
	to, err := url.Parse(w.Header().Get("Location"))
	if w.Code != http.StatusFound || err != nil || to.Host != tenant+".example" {
		b.App.T.Errorf("%s at %s: %d to %v, %v", purpose, tenant, w.Code, to, b.App.Last())
		return ""
	}
	return to.Query().Get("state")
}

func (b *browser) end(tenant, purpose, state string) *httptest.ResponseRecorder {
	return b.Get("/"+tenant+"/"+purpose+"/callback?code=c&state="+state, "cross-site")
}

// want checks an answer: a text with 200, or else the code of an error.
func (p *site) want(what string, w *httptest.ResponseRecorder, status int, text string) {
	p.T.Helper()
	got := w.Body.String()
	if w.Code != http.StatusOK {
		got, _, _ = strings.Cut(got, ": ")
	}
	if w.Code != status || got != text {
		p.T.Errorf("%s: %d %s, %v; want %d %s", what, w.Code, w.Body, p.Last(), status, text)
	}
}
