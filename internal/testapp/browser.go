package testapp

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
)

// Browser is one person's. It sends all of its cookies everywhere.
type Browser struct {
	App     *App
	Cookies map[string]*http.Cookie
	Context context.Context // of the requests; nil: their own
}

// Browser makes a browser without cookies.
func (a *App) Browser() *Browser { return &Browser{App: a, Cookies: map[string]*http.Cookie{}} }

// Navigation is the request for a page of the application's, begun by a page of a site:
// none, same-origin, same-site or cross-site.
func Navigation(method, path, site string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), method, "https://app.example"+path, nil)
	navigates(r, site)
	return r
}

func navigates(r *http.Request, site string) {
	for name, value := range map[string]string{"Mode": "navigate", "Dest": "document", "Site": site} {
		r.Header.Set("Sec-Fetch-"+name, value)
	}
}

// Send sends a request, with the cookies.
func (b *Browser) Send(r *http.Request) *httptest.ResponseRecorder { return b.ask(b.App.Handler, r) }

func (b *Browser) ask(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	if b.Context != nil {
		r = r.WithContext(b.Context)
	}
	for _, c := range b.Cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if b.Cookies[c.Name] = c; c.MaxAge < 0 {
			delete(b.Cookies, c.Name)
		}
	}
	return w
}

// Get follows a link on a page of a site.
func (b *Browser) Get(path, site string) *httptest.ResponseRecorder {
	return b.Send(Navigation(http.MethodGet, path, site))
}

// Post is a provider's page that posts its answer: the cookies, which are Lax, stay away.
func (b *Browser) Post(path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "https://app.example"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://provider.example")
	navigates(r, "cross-site")
	strict := Browser{b.App, map[string]*http.Cookie{}, b.Context}
	w := strict.Send(r)
	maps.Copy(b.Cookies, strict.Cookies)
	return w
}

// Posted is Post, and follows the engine's redirect to where the cookies are.
func (b *Browser) Posted(path string, form url.Values) *httptest.ResponseRecorder {
	b.App.T.Helper()
	w := b.Post(path, form)
	to := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(to, path+"?") {
		b.App.T.Fatalf("POST %s is not sent on: %d to %q, %s", path, w.Code, to, w.Body)
	}
	b.App.Secretless("the redirect", w, form.Get("state"))
	return b.Get(to, "cross-site")
}

// Begin follows the application's own link, and gives the address it leads to.
func (b *Browser) Begin(path string) (location string) {
	b.App.T.Helper()
	w := b.Get(path, "same-origin")
	if w.Code != http.StatusFound {
		b.App.T.Fatalf("GET %s: %d %s %v", path, w.Code, w.Body, b.App.Last())
	}
	return w.Header().Get("Location")
}

// End comes back from the provider.
func (b *Browser) End(path, answer string) *httptest.ResponseRecorder {
	return b.Get(path+"?"+answer, "cross-site")
}

// LogIn logs somebody in, as a page of the application does.
func (b *Browser) LogIn(user any) {
	b.App.T.Helper()
	b.ask(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := b.App.Auth.Login(w, r, user); err != nil {
			b.App.T.Error(err)
		}
	}), Navigation(http.MethodPost, "/login", "same-origin"))
}

// LogOut is LogIn's other way.
func (b *Browser) LogOut() {
	b.App.T.Helper()
	b.ask(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := b.App.Auth.Logout(w, r); err != nil {
			b.App.T.Error(err)
		}
	}), Navigation(http.MethodPost, "/logout", "same-origin"))
}
