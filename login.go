package passport

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gopassport/passport/internal/absent"
	"github.com/gopassport/passport/internal/answer"
	"github.com/gopassport/passport/internal/intent"
	"github.com/gopassport/passport/internal/record"
	"github.com/gopassport/passport/internal/returnto"
)

// Login logs a user in by hand, after a sign-up say, or after [Registry.Check]. It
// forgets what the session held for somebody else, renews its identity, saves it and
// sets the cookie, so it comes before the first byte of the response. Logging in who is
// logged in already keeps the session's values. Under [Registry.Session], [UserFrom]
// gives the new user at once.
//
// On an error nothing has changed: nobody is half logged in. (With Config.Revocations, the
// login of before may be over.) The error is an [*Error].
func (p *Registry) Login(w http.ResponseWriter, r *http.Request, user any) error {
	started := time.Now()
	key, err := p.establish(w, r, user, false)
	if err != nil {
		return err
	}
	p.observe(r, started, Event{Kind: "login", Purpose: string(login), User: key})
	return nil
}

// establish makes user the one who is logged in: serialized first, so that a user who
// cannot be kept costs nobody the session they had.
func (p *Registry) establish(w http.ResponseWriter, r *http.Request, user any, keep bool) (string, error) {
	if p.config.Users == nil {
		return "", fault(CodeConfiguration, http.StatusInternalServerError, errors.New("a login needs Config.Users"))
	}
	key, stamp, err := p.config.Users.key(user)
	if err != nil {
		return "", err
	}
	session, err := p.load(r)
	if err != nil {
		return "", err
	}
	before, err := p.endLogin(r, session)
	if err != nil {
		return "", err
	}
	if !keep && before.Key != key {
		session.Clear()
	}
	session.Set(p.loginKey, record.New(stamp, key).String())
	if err := session.Save(w, r); err != nil {
		return "", storeFault(err)
	}
	p.become(r, user, key, time.Now())
	return key, nil
}

// become makes the change visible to UserFrom.
func (p *Registry) become(r *http.Request, user any, key string, at time.Time) {
	if s := p.stateOf(r); s != nil {
		s.set(user, key, at)
	}
}

// Logout ends the login and forgets the session and the messages, before the first byte
// of the response. Flows that the person began end for nobody else. With a store that
// keeps sessions on a server, copies of the cookie stop working; with cookies they do not
// until they expire, unless Config.Revocations remembers them (see Users.Stamp, too).
// Call it from a POST route behind [http.CrossOriginProtection].
//
// It does not load the user, but [Registry.Session] does, and answers with a fault where
// Load fails: mount the log-out beside Session, not under it, if it must work then.
//
// On an error [UserFrom] gives nobody, but the session may still be there. The error is
// an [*Error].
func (p *Registry) Logout(w http.ResponseWriter, r *http.Request) error {
	if p.config.Users == nil {
		return fault(CodeConfiguration, http.StatusInternalServerError, errors.New("a logout needs Config.Users"))
	}
	p.become(r, nil, "", time.Time{})
	p.notes.Drop(w, r)
	if err := p.end(w, r); err != nil {
		return err
	}
	p.observe(r, time.Time{}, Event{Kind: "logout"})
	return nil
}

// end empties and renews the session.
func (p *Registry) end(w http.ResponseWriter, r *http.Request) error {
	session, err := p.load(r)
	if err != nil {
		return err
	}
	if _, err := p.endLogin(r, session); err != nil {
		return err
	}
	session.Clear()
	if err := session.Save(w, r); err != nil {
		return storeFault(err)
	}
	return nil
}

// endLogin makes copies of the session's login worthless, as far as the stores can, and
// gives what it was. The session keeps its values.
func (p *Registry) endLogin(r *http.Request, session Session) (record.Record, error) {
	kept, _ := session.Get(p.loginKey)
	before, _ := record.Parse(kept)
	if err := p.revoke(r.Context(), before); err != nil {
		return before, err
	}
	if err := session.Renew(); err != nil {
		return before, storeFault(err)
	}
	return before, nil
}

// RequireUser lets a request pass only when somebody is logged in. Others are sent to
// loginURL, a path of this site, after the page they wanted has been noted for
// [SuccessReturnToOrRedirect]; what is no top-level navigation (a frame, a fetch, htmx, a
// POST) gets 401, and so does everybody where loginURL is "".
//
// Around loginURL itself it redirects for ever. A page is not noted where its address has
// more than 2048 bytes, or its path //, %25, %2F or %5C. Panics on a loginURL elsewhere.
func (p *Registry) RequireUser(loginURL string) func(http.Handler) http.Handler {
	return p.require("RequireUser", 0, loginURL)
}

// RequireRecentLogin lets a request pass only when the person logged in less than d ago,
// so that a session that was left open or stolen connects and disconnects nothing. It
// does with others what [Registry.RequireUser] does. After the log-in, a flow that was
// asked for goes on. (Where the log-in's page has a Content-Security-Policy, its
// form-action must allow the service's origin: Chromium looks at redirects, too.)
// Credentials that come with each request ([NoSession]: Basic, Bearer) count as a log-in
// just now. Panics on a d that is not positive and where there is no Config.Users.
func (p *Registry) RequireRecentLogin(d time.Duration, loginURL string) func(http.Handler) http.Handler {
	if d <= 0 || p.config.Users == nil {
		panic(fmt.Sprintf("passport: RequireRecentLogin(%v): it needs a positive duration, and Config.Users, which know when somebody logged in", d))
	}
	return p.require("RequireRecentLogin", d, loginURL)
}

// require makes the middleware of both. A maxAge of 0 is none.
func (p *Registry) require(call string, maxAge time.Duration, loginURL string) func(http.Handler) http.Handler {
	if loginURL != "" && !returnto.Sendable(loginURL, p.config.Origins) {
		panic(fmt.Sprintf("passport: %s(%q): it is neither a path of this site nor under Config.Origins", call, loginURL))
	}
	return func(next http.Handler) http.Handler {
		next = absent.Handler(call, next, false)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p.requireUser(w, r, next, maxAge, loginURL)
		})
	}
}

func (p *Registry) requireUser(w http.ResponseWriter, r *http.Request, next http.Handler, maxAge time.Duration, loginURL string) {
	if answer.Preflight(r) {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s, r, err := p.enter(r)
	rt := &route{onError: p.config.OnError}
	if err != nil {
		p.answer(w, r, rt, err)
		return
	}
	who, _ := s.get()
	user := p.subject(r, s)
	if (who != nil || user != "") && (maxAge == 0 || s.since() < maxAge) {
		next.ServeHTTP(w, r)
		return
	}
	if get := r.Method == http.MethodGet || r.Method == http.MethodHead; get && loginURL != "" && intent.Navigation(r) {
		own, _ := p.origins.Own(r)
		p.notes.Want(w, r, own, user)
		w.Header().Set("Cache-Control", "no-store")
		answer.Redirect(w, r, loginURL, 0)
		return
	}
	p.answer(w, r, rt, &Error{Code: CodeUnauthenticated, Status: http.StatusUnauthorized, Message: "Please log in first.",
		Err: errors.New("nobody is logged in, or not recently enough: no login came with the request, or one that is over or under a retired key (over plain http on a named host, browsers drop its cookie)")})
}
