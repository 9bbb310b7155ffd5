package faults_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
)

// direct is a transport without a network, in which time can stand still.
type direct struct{ world *world }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if d.world.mute(r) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	to := http.Handler(d.world.op)
	if r.URL.Host == "localhost" {
		to = d.world.tw
	}
	w := httptest.NewRecorder()
	sent := r.Clone(r.Context())
	if sent.Body == nil {
		sent.Body = http.NoBody
	}
	to.ServeHTTP(w, sent)
	return w.Result(), nil
}

// mute tells whether nobody answers a request. [passporttest.Hang] waits for the end of the
// test, too, and so it would keep time from going on.
func (w *world) mute(r *http.Request) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.silent != "" && passporttest.Endpoint(r.URL.Path) == w.silent
}

// silence is how one endpoint gives no answer any more; "" for all do.
func (w *world) silence(at passporttest.Endpoint) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silent = at
}

// offline is a world whose providers are called without a network; build makes it.
func offline(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, still: true, op: passporttest.NewProvider(t, passporttest.ProviderConfig{Algorithm: "ES256"}), tw: passporttest.NewOAuth1Provider(t, passporttest.OAuth1Config{})}
	w.op.URL, w.tw.URL = "https://op.test", "http://localhost"
	w.setup.transport = direct{w}
	return w
}

// What is under way when the clock is moved ends as if the time had passed, or is
// refused; it is never a fault, and what begins afterwards is as good as ever.
func TestTheClockMoves(t *testing.T) {
	day := 24 * time.Hour
	for _, c := range []struct {
		name string
		by   time.Duration
		me   string
		code passport.Code // of the flow that was under way
	}{
		{"nine minutes", 9 * time.Minute, "alice", ""},
		{"eleven minutes", 11 * time.Minute, "alice", passport.CodeFlowMissing},
		{"thirteen days", 13 * day, "alice", passport.CodeFlowMissing},
		{"fifteen days", 15 * day, "-", passport.CodeFlowMissing},
	} {
		for _, service := range services {
			w := offline(t)
			t.Run(c.name+", "+service, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w.t = t
					w.build()
					b := w.person("alice")
					asked := b.Follow(app + "/connect/" + service) // the person reads the provider's page for so long
					w.told()
					time.Sleep(c.by)
					pending := asked.Next()
					if me := b.Follow(app + "/me"); me.Body != "user "+c.me+", account -" {
						t.Errorf("there is %d %s", me.Status, me.Body)
					}
					w.told()
					w.ends(pending, c.code)
					b.LogIn(w.auth, app+"/", &user{"alice"})
					w.ends(begin(b, "/connect/"+service), "")
				})
			})
		}
	}
}

// A clock that was wrong and is put back: what seems to be from the future is none, and
// people log in again.
func TestTheClockIsPutBack(t *testing.T) {
	for _, service := range services {
		w := offline(t)
		var cookies []*http.Cookie
		var pending string
		t.Run(service, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // each begins at the same time
				w.t, w.setup.configure = t, func(*passport.Config) {}
				w.build()
				time.Sleep(time.Hour)
				b := w.person("alice")
				pending = begin(b, "/connect/"+service).Location()
				cookies = b.Cookies(app + "/")
			})
			synctest.Test(t, func(t *testing.T) {
				w.t = t
				b := w.person("")
				b.SetCookies(app+"/", cookies...)
				w.told()
				if me := b.Follow(app + "/me"); me.Body != "user -, account -" {
					t.Errorf("there is %d %s", me.Status, me.Body)
				}
				b.LogIn(w.auth, app+"/", &user{"alice"})
				w.told()
				page := b.From(w.op.URL + "/").Follow(pending)
				if code, kind := w.code(); code != passport.CodeFlowExpired || kind != "refusal" {
					t.Errorf("the flow from the future: %d %s", page.Status, code)
				}
				w.ends(begin(b, "/connect/"+service), "")
			})
		})
	}
}

// ends follows an answer back and compares the code; "" for success.
func (w *world) ends(pending *passporttest.Page, want passport.Code) {
	w.t.Helper()
	w.told()
	page := pending.Next()
	if want == "" {
		if page.Status != http.StatusOK {
			w.t.Errorf("%d %s", page.Status, page.Body)
		}
		return
	}
	if code, _ := w.code(); code != want || page.Status >= 500 {
		w.t.Errorf("%d %s; want %s", page.Status, code, want)
	}
}
