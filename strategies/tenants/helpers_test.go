package tenants_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/gopassport/passport"
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
type site struct {
	t    *testing.T
	auth *passport.Registry
	mux  *http.ServeMux
	mu   sync.Mutex
	errs []*passport.Error
	told []passport.Event
}

func newSite(t *testing.T, s passport.Strategy, opts ...passport.Option) *site {
	t.Helper()
	p := &site{t: t, mux: http.NewServeMux()}
	key := sha256.Sum256([]byte(t.Name()))
	p.auth = passport.New(passport.Config{
		Keys: [][]byte{key[:]},
		Users: passport.Users[*user]{
			Key:  func(u *user) string { return u.ID },
			Load: func(_ context.Context, id string) (*user, error) { return &user{id}, nil },
		},
		Observe: func(_ context.Context, e passport.Event) { p.mu.Lock(); p.told = append(p.told, e); p.mu.Unlock() },
	})
	p.auth.Use("sso", s)
	note := passport.OnError(func(w http.ResponseWriter, _ *http.Request, err error) {
		var e *passport.Error
		errors.As(err, &e)
		p.mu.Lock()
		p.errs = append(p.errs, e)
		p.mu.Unlock()
		w.WriteHeader(e.Status)
		fmt.Fprint(w, e.Code)
	})
	opts = append(opts, note)
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, _ := passport.UserFrom[*user](r.Context())
		a, _ := passport.AccountFrom[*user](r.Context())
		fmt.Fprintf(w, "user %v, account %v", u, a)
	})
	for path, wrap := range map[string]func(http.Handler) http.Handler{
		"/{tenant}/login": p.auth.Authenticate("sso", opts...), "/{tenant}/connect": p.auth.Authorize("sso", opts...),
	} {
		p.mux.Handle(path, wrap(show))
		p.mux.Handle(path+"/callback", wrap(show))
	}
	p.mux.HandleFunc("/as/{id}/now", func(w http.ResponseWriter, r *http.Request) {
		if err := p.auth.Login(w, r, &user{r.PathValue("id")}); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p *site) last() *passport.Error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.errs) == 0 {
		return nil
	}
	return p.errs[len(p.errs)-1]
}

// browser is one person's.
type browser struct {
	*site
	cookies map[string]*http.Cookie
}

func (p *site) browser() *browser { return &browser{p, map[string]*http.Cookie{}} }

func (b *browser) send(r *http.Request, lax bool) *httptest.ResponseRecorder {
	for _, c := range b.cookies {
		if lax {
			r.AddCookie(c)
		}
	}
	w := httptest.NewRecorder()
	b.auth.Session(b.mux).ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if b.cookies[c.Name] = c; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return w
}

func (b *browser) get(path, from string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	navigates(r, from)
	return b.send(r, true)
}

func navigates(r *http.Request, from string) {
	for name, value := range map[string]string{"Mode": "navigate", "Dest": "document", "Site": from} {
		r.Header.Set("Sec-Fetch-"+name, value)
	}
}

// begin gives the state of a flow that began at /tenant/purpose.
func (b *browser) begin(tenant, purpose string) (state string) {
	w := b.get("/"+tenant+"/"+purpose, "same-origin")
	to, err := url.Parse(w.Header().Get("Location"))
	if w.Code != http.StatusFound || err != nil || to.Host != tenant+".example" {
		b.t.Errorf("%s at %s: %d to %v, %v", purpose, tenant, w.Code, to, b.last())
		return ""
	}
	return to.Query().Get("state")
}

func (b *browser) end(tenant, purpose, state string) *httptest.ResponseRecorder {
	return b.get("/"+tenant+"/"+purpose+"/callback?code=c&state="+state, "cross-site")
}

// post is a provider's page that posts its answer: the Lax cookies stay away.
func (b *browser) post(path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://provider.example")
	navigates(r, "cross-site")
	return b.send(r, false)
}

// want checks an answer: a text with 200, or else an error.
func (p *site) want(what string, w *httptest.ResponseRecorder, status int, text string) {
	p.t.Helper()
	if w.Code != status || w.Body.String() != text {
		p.t.Errorf("%s: %d %s, %v; want %d %s", what, w.Code, w.Body, p.last(), status, text)
	}
}

func request(ctx context.Context, path string) *http.Request {
	r := httptest.NewRequest("GET", path, nil).WithContext(ctx)
	navigates(r, "same-origin")
	return r
}
