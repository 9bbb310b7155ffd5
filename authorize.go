package passport

import "net/http"

// Authorize makes middleware that connects an account at another service. It is not
// access control: it runs the same strategies as [Registry.Authenticate], but what the
// strategy verified becomes the account of the request ([AccountFrom]). Who is logged in
// ([UserFrom]) and the session stay exactly as they were: nothing is saved, no cookie of
// the login is set.
//
// Wrap both the route that begins and the callback:
//
//	connect := auth.Authorize("twitter-authz", passport.FailureRedirect("/account"))
//	mux.Handle("GET /connect/twitter", connect(saveAccount))
//	mux.Handle("GET /connect/twitter/callback", connect(saveAccount))
//
// The first redirects to the provider. After the second, saveAccount runs with the
// account and associates it with the user. A flow ends only for who began it, in the
// browser where it began, and it begins only from a page of the application. A visitor
// who is not logged in may begin one; wrap the routes in [Registry.RequireUser] where
// that is not wanted.
//
// Panics on a name that is not registered and on options for sessions.
func (p *Registry) Authorize(name string, opts ...Option) func(http.Handler) http.Handler {
	return p.middleware(p.must("Authorize", connect, name, opts))
}

// connected hands the account over.
func (p *Registry) connected(w http.ResponseWriter, r *http.Request, rt *route, d *decision, result Success, next http.Handler) {
	p.observe(r, d.started, d.event("connect", rt))
	p.proceed(w, r, rt, p.target(w, r, rt, d), outcome{account: result.Value, info: result.Info}, next)
}
