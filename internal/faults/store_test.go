package faults_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
)

var (
	down  = passporttest.Trouble{Load: passporttest.ErrDown, Save: passporttest.ErrDown}
	noRow = passporttest.Trouble{Load: passporttest.ErrDown}
	full  = passporttest.Trouble{Save: passporttest.ErrDown} // failing on save only
	slow  = passporttest.Trouble{Delay: 20 * time.Millisecond}
	stuck = passporttest.Trouble{Delay: time.Minute} // until the request is over
)

// step is one thing that somebody does; the store suffers meanwhile.
type step func(w *world, b *passporttest.Browser, pending *passporttest.Page) *passporttest.Page

var (
	look step = func(_ *world, b *passporttest.Browser, _ *passporttest.Page) *passporttest.Page {
		return b.Follow(app + "/me")
	}
	start step = func(_ *world, b *passporttest.Browser, _ *passporttest.Page) *passporttest.Page {
		return b.Follow(app + "/connect/oauth2")
	}
	end step = func(_ *world, _ *passporttest.Browser, pending *passporttest.Page) *passporttest.Page {
		return pending.Next()
	}
	leave step = func(_ *world, b *passporttest.Browser, _ *passporttest.Page) *passporttest.Page {
		return b.Follow(app + "/logout")
	}
	log step = func(_ *world, b *passporttest.Browser, _ *passporttest.Page) *passporttest.Page {
		return b.From(app+"/").Post("/login", url.Values{"username": {"alice"}, "password": {sesame}})
	}
	arrive step = func(w *world, _ *passporttest.Browser, _ *passporttest.Page) *passporttest.Page {
		return look(w, w.person(""), nil)
	}
)

// Each store, in each trouble, at each step: what the person gets and what is told. Then
// the store is well again, and so is the rest: the login is there, and the flow that was
// under way ends, unless it ended at that step.
func TestEachFaultOfAStore(t *testing.T) {
	sessionStore, flowStore, revocations := outcome{503, passport.CodeSessionStore}, outcome{503, passport.CodeFlowStore}, outcome{503, passport.CodeRevocations}
	sessions := func(w *world, t passporttest.Trouble) { w.sessions.Suffer(t) }
	flows := func(w *world, t passporttest.Trouble) { w.flows.Suffer(t) }
	ended := func(w *world, t passporttest.Trouble) { w.revocations.Suffer(t) }
	begun := outcome{http.StatusFound, ""}
	for _, c := range []struct {
		name    string
		suffer  func(*world, passporttest.Trouble)
		trouble passporttest.Trouble
		do      step
		want    outcome
		spent   bool // the flow that was under way
		out     bool // nobody is logged in afterwards
	}{
		{"sessions down, a page", sessions, down, look, sessionStore, false, false},
		{"sessions down, a visitor's page", sessions, down, arrive, fine, false, false},
		{"sessions down, a begin", sessions, down, start, sessionStore, false, false},
		{"sessions down, a callback", sessions, down, end, sessionStore, false, false},
		{"sessions down, a log-in", sessions, down, log, sessionStore, false, false},
		{"sessions down, a log-out", sessions, down, leave, sessionStore, false, false},
		{"sessions cannot be read, a page", sessions, noRow, look, sessionStore, false, false},
		{"sessions cannot be read, a callback", sessions, noRow, end, sessionStore, false, false},
		{"sessions cannot be saved, a page", sessions, full, look, fine, false, false},
		{"sessions cannot be saved, a begin", sessions, full, start, begun, false, false},
		{"sessions cannot be saved, a connection", sessions, full, end, fine, true, false},
		// With revocations, the login before is ended first: better nobody than two.
		{"sessions cannot be saved, a log-in", sessions, full, log, sessionStore, false, true},
		{"sessions slow, a page", sessions, slow, look, fine, false, false},
		{"sessions slow, a callback", sessions, slow, end, fine, true, false},
		{"sessions slow, a log-in", sessions, slow, log, fine, false, false},
		{"sessions stuck, a page", sessions, stuck, look, sessionStore, false, false},
		{"sessions stuck, a visitor's page", sessions, stuck, arrive, fine, false, false},
		{"sessions stuck, a callback", sessions, stuck, end, sessionStore, false, false},
		{"sessions stuck, a log-in", sessions, stuck, log, sessionStore, false, false},

		{"flows down, a page", flows, down, look, fine, false, false},
		{"flows down, a begin", flows, down, start, flowStore, false, false},
		{"flows down, a callback", flows, down, end, flowStore, false, false},
		{"flows down, a log-in", flows, down, log, fine, false, false},
		{"flows down, a log-out", flows, down, leave, fine, false, true},
		{"flows cannot be saved, a begin", flows, full, start, flowStore, false, false},
		{"flows cannot be saved, a callback", flows, full, end, fine, true, false},
		{"flows cannot be read, a begin", flows, noRow, start, begun, false, false},
		{"flows slow, a begin", flows, slow, start, begun, false, false},
		{"flows slow, a callback", flows, slow, end, fine, true, false},
		{"flows stuck, a begin", flows, stuck, start, flowStore, false, false},
		{"flows stuck, a callback", flows, stuck, end, flowStore, false, false},

		{"revocations down, a page", ended, down, look, revocations, false, false},
		{"revocations down, a visitor's page", ended, down, arrive, fine, false, false},
		{"revocations down, a begin", ended, down, start, revocations, false, false},
		{"revocations down, a callback", ended, down, end, revocations, false, false},
		{"revocations down, a log-in", ended, down, log, revocations, false, false},
		{"revocations cannot be saved, a page", ended, full, look, fine, false, false},
		{"revocations cannot be saved, a callback", ended, full, end, fine, true, false},
		{"revocations cannot be saved, a log-in", ended, full, log, revocations, false, false},
		{"revocations cannot be saved, a log-out", ended, full, leave, outcome{503, ""}, false, false},
		{"sessions cannot be saved, a log-out", sessions, full, leave, outcome{503, ""}, false, true}, // revoked already
		{"revocations slow, a callback", ended, slow, end, fine, true, false},
		{"revocations stuck, a page", ended, stuck, look, revocations, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // some wait for what is stuck
			w := newWorld(t, setup{})
			b := w.person("alice")
			pending := begin(b, "/connect/oauth2")
			w.told()
			patience := time.Minute
			if c.trouble == stuck {
				patience = 500 * time.Millisecond
			}
			w.cut.after(patience)
			c.suffer(w, c.trouble)
			page := c.do(w, b, pending)
			c.suffer(w, passporttest.Trouble{})
			w.cut.after(0)
			if page.Status != c.want.status {
				t.Errorf("%d %s; want %d", page.Status, page.Body, c.want.status)
			}
			if c.want.code != "" {
				if code, kind := w.code(); code != c.want.code || kind != "fault" {
					t.Errorf("the event is a %s %s; want %s", kind, code, c.want.code)
				}
			}
			w.survives(b, pending, c.spent, c.out)
		})
	}
}

// survives looks at the login, at a flow that was under way, and at a new one.
func (w *world) survives(b *passporttest.Browser, pending *passporttest.Page, spent, out bool) {
	w.t.Helper()
	who := "alice"
	if out {
		who = "-"
	}
	if me := b.Follow(app + "/me"); me.Body != "user "+who+", account -" {
		w.t.Errorf("then there is %d %s", me.Status, me.Body)
	}
	want := http.StatusOK
	switch {
	case spent:
		want = http.StatusBadRequest
	case out:
		want = http.StatusUnauthorized
	}
	if page := pending.Next(); page.Status != want {
		w.t.Errorf("the flow under way ends with %d %s; want %d", page.Status, page.Body, want)
	}
	if page := begin(b, "/connect/oauth2").Next(); page.Status != http.StatusOK {
		w.t.Errorf("the next flow ends with %d %s", page.Status, page.Body)
	}
}

// A request that is over at any step of its way connects nothing, tells so, and costs
// neither the login nor another flow.
func TestARequestThatIsOverConnectsNothing(t *testing.T) {
	for _, service := range services {
		for _, c := range []struct {
			where string
			code  passport.Code
			spent bool // the flow that it was to end
		}{
			{"start", passport.CodeSessionStore, false},
			{"sessions", passport.CodeSessionStore, false},
			{"flows", passport.CodeFlowStore, false},
			{"token", passport.CodeProviderTimeout, true},
			{"userinfo", passport.CodeProviderTimeout, true},
			{"verify", passport.CodeStrategy, true},
		} {
			t.Run(service+", "+c.where, func(t *testing.T) {
				w := stepwise(t)
				b := w.person("alice")
				other := begin(b, "/connect/oauth2")
				pending := begin(b, "/connect/"+service)
				w.told()
				ran := w.ran
				w.cut.arm(c.where)
				page := pending.Next()
				w.cut.arm("")
				code, kind := w.code()
				if code != c.code || kind != "fault" || page.Status < 500 || w.ran != ran {
					t.Errorf("%d, a %s %s, the handler ran: %t; want %s", page.Status, kind, code, w.ran != ran, c.code)
				}
				if page := pending.Next(); (page.Status == http.StatusOK) == c.spent {
					t.Errorf("the flow: %d %s", page.Status, page.Body)
				}
				w.survives(b, other, false, false)
			})
		}
	}
}

// A request that is over while it begins a flow begins none, and costs the login nothing.
func TestARequestThatIsOverBeginsNothing(t *testing.T) {
	for _, c := range []struct {
		service, where string
		code           passport.Code
	}{
		{"oauth2", "start", passport.CodeSessionStore},
		{"oauth2", "sessions", passport.CodeSessionStore},
		{"oauth2", "put", passport.CodeFlowStore},
		{"oidc", "put", passport.CodeFlowStore},
		{"oidc", "discovery", passport.CodeProviderTimeout},
		{"oauth1", "request token", passport.CodeProviderTimeout},
		{"oauth1", "put", passport.CodeFlowStore},
		{"goth", "put", passport.CodeFlowStore},
	} {
		t.Run(c.service+", "+c.where, func(t *testing.T) {
			w := stepwise(t)
			b := w.person("alice")
			w.told()
			w.cut.arm(c.where)
			page := b.Follow(app + "/connect/" + c.service)
			w.cut.arm("")
			code, kind := w.code()
			if code != c.code || kind != "fault" || page.Status < 500 || page.Location() != "" || len(page.Header["Set-Cookie"]) > 0 || w.flows.Len() > 0 {
				t.Errorf("%d, a %s %s, %d flows; want %s", page.Status, kind, code, w.flows.Len(), c.code)
			}
			if me := b.Follow(app + "/me"); me.Body != "user alice, account -" {
				t.Errorf("then there is %d %s", me.Status, me.Body)
			}
			w.ends(begin(b, "/connect/"+c.service), "")
		})
	}
}

// calling is a transport that says where a request is. (A provider that ended it in its
// reply would race with the reply.)
type calling struct{ w *world }

func (c calling) RoundTrip(r *http.Request) (*http.Response, error) {
	c.w.cut.at(map[passporttest.Endpoint]string{
		passporttest.Token: "token", passporttest.AccessToken: "token", passporttest.Userinfo: "userinfo",
		passporttest.Discovery: "discovery", passporttest.RequestToken: "request token",
	}[passporttest.Endpoint(r.URL.Path)])
	return http.DefaultTransport.RoundTrip(r)
}

// stepwise is a world whose requests can be ended at each step.
func stepwise(t *testing.T) *world {
	t.Helper()
	w := unbuilt(t, setup{})
	w.setup.transport = calling{w}
	w.build()
	return w
}

// stepping is a FlowStore that says where a request is.
type stepping struct {
	passport.FlowStore
	w *world
}

func (s stepping) Put(ctx context.Context, id string, flow []byte, ttl time.Duration) error {
	s.w.cut.at("put")
	return s.FlowStore.Put(ctx, id, flow, ttl)
}

func (s stepping) Take(ctx context.Context, id string) ([]byte, error) {
	s.w.cut.at("flows")
	return s.FlowStore.Take(ctx, id)
}

// stepped is a SessionStore that says so.
type stepped struct {
	passport.SessionStore
	w *world
}

func (s stepped) Load(r *http.Request) (passport.Session, error) {
	s.w.cut.at("sessions")
	return s.SessionStore.Load(r)
}
