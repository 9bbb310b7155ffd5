package oauth1_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/testapp"
	"github.com/gopassport/passport/strategies/oauth1"
)

// The tests in this file are named by the rows of testdata/rows.txt.

// row runs one: an application with the strategy "op" that keep or verify ends in.
type row struct {
	*app
	s       *service
	browser *testapp.Browser
}

func newRow(t *testing.T, change func(*oauth1.Config), verify func(*http.Request, oauth1.Grant) (*account, error), opts ...passport.Option) row {
	t.Helper()
	p, s := newApp(t), newService(t)
	c := s.config()
	if change != nil {
		change(&c)
	}
	if verify == nil {
		verify = keep
	}
	p.connect("op", oauth1.New(c, verify), opts...)
	return row{p, s, p.Browser()}
}

// callbackSent is the oauth_callback that the service was told.
func (r row) callbackSent() *string {
	sent := new(string)
	r.s.does("/request_token", func(w http.ResponseWriter, q *http.Request) {
		oauth, err := readHeader(q.Header.Get("Authorization"))
		if err != nil {
			r.T.Error(err)
		}
		*sent = oauth.Get("oauth_callback")
		r.s.serve(w, q)
	})
	return sent
}

// answered begins and gives the good answer.
func (r row) answered() string { return r.s.allow(r.T, r.browser.Begin("/connect/op")) }

func TestPassportOAuth1Construction(t *testing.T) {
	mistakes := func(change func(*oauth1.Config), want string) func(*testing.T) {
		return func(t *testing.T) {
			c := newService(t).config()
			change(&c)
			if got := panics(func() { oauth1.New(c, keep) }); !strings.HasPrefix(got, "oauth1: New: Config."+want) {
				t.Errorf("the panic is %q", got)
			}
		}
	}
	t.Run("O1C-1 a strategy has no name, and no headers, of its own", func(t *testing.T) {
		r := newRow(t, nil, nil)
		var header http.Header
		r.s.does("/request_token", func(w http.ResponseWriter, q *http.Request) { header = q.Header; r.s.serve(w, q) })
		r.answered()
		if len(header) > 4 || header.Get("Authorization") == "" { // and User-Agent, Content-Length, Accept-Encoding
			t.Errorf("sent %v", header)
		}
	})
	t.Run("O1C-2 headers are the transport's", func(t *testing.T) {
		r := newRow(t, func(c *oauth1.Config) {
			c.Client = &http.Client{Transport: transport(func(q *http.Request) (*http.Response, error) {
				q = q.Clone(q.Context())
				q.Header.Set("User-Agent", "ours")
				return http.DefaultTransport.RoundTrip(q)
			})}
		}, nil)
		var agent string
		r.s.does("/request_token", func(w http.ResponseWriter, q *http.Request) { agent = q.UserAgent(); r.s.serve(w, q) })
		r.answered()
		if agent != "ours" {
			t.Errorf("User-Agent %q", agent)
		}
	})
	t.Run("O1C-3 no verify", func(t *testing.T) {
		if got := panics(func() { oauth1.New[*account](newService(t).config(), nil) }); !strings.HasPrefix(got, "oauth1: New: verify is nil") {
			t.Errorf("the panic is %q", got)
		}
	})
	t.Run("O1C-4 no RequestURL", mistakes(func(c *oauth1.Config) { c.Endpoint.RequestURL = "" }, "Endpoint.RequestURL"))
	t.Run("O1C-5 no AccessURL", mistakes(func(c *oauth1.Config) { c.Endpoint.AccessURL = "" }, "Endpoint.AccessURL"))
	t.Run("O1C-6 no AuthorizeURL", mistakes(func(c *oauth1.Config) { c.Endpoint.AuthorizeURL = "" }, "Endpoint.AuthorizeURL"))
	t.Run("O1C-7 no ConsumerKey", mistakes(func(c *oauth1.Config) { c.ConsumerKey = "" }, "ConsumerKey"))
	t.Run("O1C-8 no ConsumerSecret", mistakes(func(c *oauth1.Config) { c.ConsumerSecret = "" }, "ConsumerSecret"))
	t.Run("O1C-9 an empty ConsumerSecret is for RSA only", func(t *testing.T) {
		c := newService(t).config()
		c.ConsumerSecret, c.Signature, c.PrivateKey = "", oauth1.RSASHA1, newKey(t)
		if got := panics(func() { oauth1.New(c, keep) }); got != "" {
			t.Errorf("the panic is %q", got)
		}
	})
	t.Run("O1C-10 only a verify function", mistakes(func(c *oauth1.Config) { *c = oauth1.Config{} }, "ConsumerKey"))
}

func TestPassportOAuth1AuthorizationRequest(t *testing.T) {
	refused := func(callback string) func(*testing.T) {
		return func(t *testing.T) {
			c := newService(t).config()
			c.CallbackURL = callback
			if got := panics(func() { oauth1.New(c, keep) }); !strings.HasPrefix(got, "oauth1: New: Config.CallbackURL is ") {
				t.Errorf("the panic is %q", got)
			}
		}
	}
	t.Run("O1R-1 without a callback URL there is no strategy", refused(""))
	t.Run("O1R-2 a query is kept", func(t *testing.T) {
		r := newRow(t, func(c *oauth1.Config) { c.Endpoint.AuthorizeURL += "?foo=bar" }, nil)
		if location := r.browser.Begin("/connect/op"); !strings.Contains(location, "/authorize?foo=bar&oauth_token=") {
			t.Errorf("sent to %s", location)
		}
	})
	t.Run("O1R-3 the callback URL is sent for the request token and not with the person", func(t *testing.T) {
		r := newRow(t, nil, nil)
		sent := r.callbackSent()
		location, err := url.Parse(r.browser.Begin("/connect/op"))
		if err != nil || *sent != callbackURL || len(location.Query()) != 1 {
			t.Errorf("%v: told %q, sent to %s", err, *sent, location)
		}
	})
	t.Run("O1R-4 without a confirmation nobody is sent there", func(t *testing.T) {
		r := newRow(t, nil, nil)
		r.s.reply("/request_token", 200, "oauth_token=a&oauth_token_secret=b")
		r.Want("not confirmed", r.browser.Get("/connect/op", "same-origin"), passport.CodeProvider, 502)
	})
	for _, name := range []string{"O1R-5 a callback URL is absolute", "O1R-6 and not made of the request"} {
		t.Run(name, refused("/connect/callback"))
	}
	for _, name := range []string{"O1R-7 a registration has one callback URL", "O1R-8 and a route none of its own"} {
		t.Run(name, func(t *testing.T) {
			strategy := oauth1.New(newService(t).config(), keep)
			if strategy.CheckParam("oauth_callback", "x") == nil || strategy.CheckParam("callbackURL", "x") == nil {
				t.Error("a route may name a callback URL")
			}
		})
	}
	t.Run("O1R-9 a service that cannot be reached", func(t *testing.T) {
		r := newRow(t, nil, nil)
		r.s.Close()
		r.Want("nobody there", r.browser.Get("/connect/op", "same-origin"), passport.CodeProvider, 502)
		if len(r.browser.Cookies) > 0 {
			t.Errorf("kept %v", r.browser.Cookies)
		}
	})
	t.Run("O1R-10 a service that answers 500", func(t *testing.T) {
		r := newRow(t, nil, nil)
		r.s.reply("/request_token", 500, "CANARY")
		r.Want("500", r.browser.Get("/connect/op", "same-origin"), passport.CodeProvider, 502)
		if len(r.browser.Cookies) > 0 || !strings.Contains(r.Last().Error(), "status 500") {
			t.Errorf("kept %v, %v", r.browser.Cookies, r.Last())
		}
	})
	t.Run("O1R-11 no session is needed", sessionless)
	forwarded := func(t *testing.T) {
		r := newRow(t, nil, nil)
		sent := r.callbackSent()
		q := testapp.Navigation("GET", "/connect/op", "same-origin")
		q.Header.Set("X-Forwarded-Proto", "http")
		q.Header.Set("X-Forwarded-Host", "evil.example")
		if w := r.browser.Send(q); w.Code != http.StatusFound || *sent != callbackURL {
			t.Errorf("%d: told %q", w.Code, *sent)
		}
	}
	for n := 12; n <= 17; n++ {
		t.Run(fmt.Sprintf("O1R-%d what a proxy says does not matter", n), forwarded)
	}
}

// sessionless runs a flow in a registry that has neither users nor sessions.
func sessionless(t *testing.T) {
	s := newService(t)
	auth := passport.New(passport.Config{Keys: [][]byte{[]byte("0123456789abcdef0123456789ABCDEF")}, Observe: func(context.Context, passport.Event) {}})
	auth.Use("op", oauth1.New(s.config(), keep))
	h := auth.Authorize("op")(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, testapp.Navigation("GET", "/", "same-origin"))
	r := testapp.Navigation("GET", "/?"+s.allow(t, w.Header().Get("Location")), "cross-site")
	for _, c := range w.Result().Cookies() {
		r.AddCookie(c)
	}
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusTeapot {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestPassportOAuth1Callback(t *testing.T) {
	once := func(look func(*testing.T, *http.Request, oauth1.Grant)) func(*testing.T) {
		return func(t *testing.T) {
			called := 0
			r := newRow(t, nil, func(q *http.Request, g oauth1.Grant) (*account, error) {
				called++
				look(t, q, g)
				return keep(q, g)
			})
			answer := r.answered()
			r.Want("the callback", r.browser.End("/connect/op", answer), "", 0)
			r.Want("once more", r.browser.End("/connect/op", answer), passport.CodeFlowMissing, 400)
			if called != 1 || len(r.browser.Cookies) != 0 {
				t.Errorf("verify was called %d times; kept %v", called, r.browser.Cookies)
			}
		}
	}
	whole := func(t *testing.T, q *http.Request, g oauth1.Grant) {
		var profile struct{ Name string }
		if err := g.Profile(&profile); err != nil || profile.Name != "Octo Cat" || g.Token() == "" || g.TokenSecret() == "" {
			t.Errorf("%v: %s", err, profile.Name)
		}
		if g.Reply.Get("user_id") != "42" || q.URL.Query().Get("from") != "op" {
			t.Errorf("%v, %v", g.Reply, q.URL)
		}
	}
	t.Run("O1S-1 verify gets token, secret and profile", once(whole))
	t.Run("O1S-2 verify gets what else the reply had", once(whole))
	t.Run("O1S-3 verify gets the request", once(whole))
	t.Run("O1S-4 verify gets all of it at once", once(whole))

	ends := func(verify func(*http.Request, oauth1.Grant) (*account, error), code passport.Code, status int, text string) func(*testing.T) {
		return func(t *testing.T) {
			r := newRow(t, nil, verify)
			answer := r.answered()
			w := r.browser.End("/connect/op", answer)
			r.Want("the callback", w, code, status)
			if !strings.HasSuffix(w.Body.String(), text) {
				t.Errorf("%s", w.Body)
			}
			r.Want("once more", r.browser.End("/connect/op", answer), passport.CodeFlowMissing, 400)
		}
	}
	t.Run("O1F-1 a nil account is a refusal", ends(func(*http.Request, oauth1.Grant) (*account, error) { return nil, nil }, passport.CodeRejected, 401, "cannot be used here."))
	t.Run("O1F-2 a Reject has a message", ends(func(*http.Request, oauth1.Grant) (*account, error) { return nil, passport.Reject("not today") }, passport.CodeRejected, 401, "not today"))
	t.Run("O1E-4 an error is a fault", ends(func(*http.Request, oauth1.Grant) (*account, error) { return nil, errors.New("db") }, passport.CodeStrategy, 500, ""))
	t.Run("O1E-5 a panic is a fault of the request", ends(func(*http.Request, oauth1.Grant) (*account, error) { panic("CANARY") }, passport.CodeStrategyPanic, 500, ""))
	t.Run("O1E-1 an answer without cookies asks nothing", func(t *testing.T) { unknown(t, true) })
	t.Run("O1E-2 an answer to nothing is the browser's fault", func(t *testing.T) { unknown(t, false) })
	t.Run("O1E-3 a request token is spent by the answer, whatever the service says", spent)
}

// unknown ends a flow that this browser does not have.
func unknown(t *testing.T, begun bool) {
	r := newRow(t, nil, func(*http.Request, oauth1.Grant) (*account, error) { t.Error("verify was called"); return nil, nil })
	answer := "oauth_token=T&oauth_verifier=V"
	if begun {
		answer = r.answered()
	}
	r.Want("the answer", r.app.Browser().End("/connect/op", answer), passport.CodeFlowMissing, 400)
	if n := r.s.count("/access_token"); n != 0 {
		t.Errorf("the service was asked %d times", n)
	}
}

func spent(t *testing.T) {
	r := newRow(t, nil, nil)
	answer := r.answered()
	r.s.does("/access_token", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	r.Want("the answer", r.browser.End("/connect/op", answer), passport.CodeProvider, 502)
	r.s.does("/access_token", nil)
	r.Want("once more", r.browser.End("/connect/op", answer), passport.CodeFlowMissing, 400)
}

// shelf is a flow store that may fail.
type shelf struct {
	flows     map[string][]byte
	put, take func() error
	puts      int
	takes     int
}

func (s *shelf) Put(_ context.Context, id string, flow []byte, _ time.Duration) error {
	s.puts++
	s.flows[id] = flow
	return s.put()
}

func (s *shelf) Take(_ context.Context, id string) ([]byte, error) {
	s.takes++
	if err := s.take(); err != nil {
		return nil, err
	}
	flow, ok := s.flows[id]
	if !ok {
		return nil, passport.ErrNoFlow
	}
	delete(s.flows, id)
	return flow, nil
}

// shelved runs a flow with a store that fails as told.
func shelved(t *testing.T, put, take func() error) (*app, *service, *shelf, *httptest.ResponseRecorder) {
	t.Helper()
	s, store := newService(t), &shelf{map[string][]byte{}, put, take, 0, 0}
	p := newApp(t, func(c *passport.Config) { c.Flows, c.Users = store, nil })
	p.connect("op", oauth1.New(s.config(), keep))
	return p, s, store, p.through(s, "/connect/op")
}

func TestPassportOAuth1State(t *testing.T) {
	none := func() error { return nil }
	down := func() error { return errors.New("CANARY-STORE is down") }
	panicking := func() error { panic("CANARY") }
	stored := func(t *testing.T) {
		p, _, store, w := shelved(t, none, none)
		p.Want("the flow", w, "", 0)
		if store.puts != 1 || store.takes != 1 || len(store.flows) != 0 {
			t.Errorf("%d puts, %d takes, %d left", store.puts, store.takes, len(store.flows))
		}
	}
	fails := func(put, take func() error, code passport.Code, status int) func(*testing.T) {
		return func(t *testing.T) {
			p, s, _, w := shelved(t, put, take)
			if w.Code != status || p.Last() == nil || p.Last().Code != code || s.count("/access_token") != 0 {
				t.Errorf("%d %v, asked %v", w.Code, p.Last(), s.hits)
			}
		}
	}
	returns := func(t *testing.T) { // the page to go back to is the state that there is
		r := newRow(t, nil, nil, passport.SuccessReturnToOrRedirect("/default"))
		r.Mux.Handle("/page", r.Auth.RequireUser("/connect/op")(http.NotFoundHandler()))
		r.browser.Get("/page?x=1", "none")
		location := r.browser.Begin("/connect/op")
		if w := r.browser.End("/connect/op", r.s.allow(t, location)); w.Header().Get("Location") != "/page?x=1" || strings.Contains(location, "page") {
			t.Errorf("%d %v; sent to %s", w.Code, w.Header(), location)
		}
	}
	noInfo := func(t *testing.T) {
		s := newService(t)
		p := newApp(t)
		p.Auth.Use("op", oauth1.New(s.config(), keep))
		p.Mux.Handle("/connect/op", p.Auth.Authorize("op")(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if info, ok := passport.InfoFrom[any](r.Context()); ok {
				t.Errorf("info %v", info)
			}
		})))
		if w := p.through(s, "/connect/op"); w.Code != http.StatusOK {
			t.Errorf("%d", w.Code)
		}
	}
	info := func(t *testing.T) { // what verify has to say besides, it returns as a Success
		s := newService(t)
		p := newApp(t)
		p.Auth.Use("op", oauth1.New(s.config(), func(r *http.Request, g oauth1.Grant) (passport.Success, error) {
			a, err := keep(r, g)
			return passport.Success{Value: a, Info: "hello"}, err
		}))
		p.Mux.Handle("/connect/op", p.Auth.Authorize("op")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text, _ := passport.InfoFrom[string](r.Context())
			fmt.Fprint(w, text)
		})))
		if w := p.through(s, "/connect/op"); w.Body.String() != "hello" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	for _, c := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"O1T-1 a flow is begun", stored},
		{"O1T-2 the page to go back to is kept with the flow", returns},
		{"O1T-3 no session is needed", sessionless},
		{"O1T-4 there is no info where verify gives none", noInfo},
		{"O1T-5 the page to go back to comes back", returns},
		{"O1T-6 an answer without cookies asks nothing", func(t *testing.T) { unknown(t, true) }},
		{"O1T-7 an answer to nothing is the browser's fault", func(t *testing.T) { unknown(t, false) }},
		{"O1K-1 a flow store is asked once", stored},
		{"O1K-2 a store that fails is a fault", fails(down, none, passport.CodeFlowStore, 503)},
		{"O1K-3 a store that panics is a fault", fails(panicking, none, passport.CodeStrategyPanic, 500)},
		{"O1K-4 a flow is taken once and is gone", stored},
		{"O1K-5 a store that fails at the end is a fault", fails(none, down, passport.CodeFlowStore, 503)},
		{"O1K-6 a store that panics at the end is a fault", fails(none, panicking, passport.CodeStrategyPanic, 500)},
		{"O1K-7 the page to go back to comes back, and no info", returns},
		{"O1K-8 an info is verify's", info},
		{"O1K-9 a flow that is not there is a refusal", fails(none, func() error { return passport.ErrNoFlow }, passport.CodeFlowMissing, 400)},
		{"O1K-10 a store has no say in what is shown", fails(none, func() error { return fmt.Errorf("CANARY: %w", passport.ErrNoFlow) }, passport.CodeFlowMissing, 400)},
		{"O1K-11 to take is to forget", stored},
		{"O1K-12 there is no third call that could panic", stored},
	} {
		t.Run(c.name, c.run)
	}
}

func TestPassportOAuth1Providers(t *testing.T) {
	t.Run("O1U-1 the request address has the parameters of the request", func(t *testing.T) {
		r := newRow(t, func(c *oauth1.Config) { c.Endpoint.RequestURL += "?scope=read" }, nil)
		location := r.browser.Begin("/connect/op")
		if got := r.s.queries["/request_token"].Encode(); got != "scope=read" || strings.Contains(location, "scope") {
			t.Errorf("asked with %q, sent to %s", got, location)
		}
	})
	t.Run("O1U-2 a route adds a parameter to the authorization address", func(t *testing.T) {
		r := newRow(t, func(c *oauth1.Config) { c.RouteParams = []string{"screen_name"} }, nil, passport.Param("screen_name", "bob"))
		if location := r.browser.Begin("/connect/op"); !strings.HasSuffix(location, "&screen_name=bob") {
			t.Errorf("sent to %s", location)
		}
	})
	problem := func(path string) func(*testing.T) {
		return func(t *testing.T) {
			r := newRow(t, nil, nil)
			r.s.reply(path, 401, "oauth_problem=timestamp_refused&oauth_acceptable_timestamps=CANARY")
			r.Want("refused", r.through(r.s, "/connect/op"), passport.CodeProvider, 502)
			if !strings.HasSuffix(r.Last().Error(), "status 401: the service refuses: timestamp_refused") {
				t.Errorf("%v", r.Last())
			}
		}
	}
	t.Run("O1U-3 the words of a problem are read for a request token", problem("/request_token"))
	t.Run("O1U-4 and for an access token", problem("/access_token"))
	t.Run("O1U-5 any other error has its status", func(t *testing.T) {
		r := newRow(t, nil, nil)
		r.s.reply("/request_token", 500, "CANARY")
		r.Want("500", r.through(r.s, "/connect/op"), passport.CodeProvider, 502)
		if !strings.HasSuffix(r.Last().Error(), "status 500: the service refuses") {
			t.Errorf("%v", r.Last())
		}
	})
	profile := func(f oauth1.ProfileFunc, id string, code passport.Code, asked int) func(*testing.T) {
		return func(t *testing.T) {
			r := newRow(t, func(c *oauth1.Config) {
				if f != nil {
					ask := c.Profile
					c.Profile = func(ctx context.Context, api *http.Client, g oauth1.Grant) (string, json.RawMessage, error) {
						who, _, err := f(ctx, api, g)
						if err == nil && who == "ask" {
							return ask(ctx, api, g)
						}
						return who, nil, err
					}
				}
			}, nil)
			answer := r.answered()
			w := r.browser.End("/connect/op", answer)
			r.Want("the answer", w, code, 502)
			if !strings.Contains(w.Body.String(), id) || r.s.count("/me") != asked {
				t.Errorf("%s; asked %d times", w.Body, r.s.count("/me"))
			}
			r.Want("once more", r.browser.End("/connect/op", answer), passport.CodeFlowMissing, 400)
		}
	}
	skip := func(ask bool, err error) oauth1.ProfileFunc {
		return func(_ context.Context, _ *http.Client, g oauth1.Grant) (string, json.RawMessage, error) {
			if ask {
				return "ask", nil, err
			}
			return g.Reply.Get("user_id"), nil, err
		}
	}
	t.Run("O1U-6 a profile is read", profile(nil, "ID:9007199254740993", "", 1))
	t.Run("O1U-7 a profile that fails spends the flow", profile(skip(false, errors.New("the application's own")), "", passport.CodeProvider, 0))
	t.Run("O1U-8 the reply with the token is the profile", profile(oauth1.ReplyProfile("user_id"), "ID:42", "", 0))
	t.Run("O1U-9 a function may ask", profile(skip(true, nil), "ID:9007199254740993", "", 1))
	t.Run("O1U-10 or not", profile(skip(false, nil), "ID:42", "", 0))
	t.Run("O1U-11 a function that waits may ask", profile(skip(true, nil), "ID:9007199254740993", "", 1))
	t.Run("O1U-12 or not, too", profile(skip(false, nil), "ID:42", "", 0))
	t.Run("O1U-13 its error is a fault", profile(skip(true, errors.New("the application's own")), "", passport.CodeProvider, 0))
}

func TestPassportOAuth1Errors(t *testing.T) {
	for _, c := range []struct {
		name, want string // how the text ends, or where it ends in …, what is in it
		misbehave  func(row)
	}{
		{"O1I-1 an error has a code in any case", "passport: op: provider_error: …", func(r row) { r.s.reply("/request_token", 200, "") }},
		{"O1I-2 an error says what happened", ": the reply has a parameter twice", func(r row) { r.s.reply("/request_token", 200, "a=1&a=2") }},
		{"O1I-3 a cause is told by its kind", ": the network: dial", func(r row) { r.s.Close() }},
		{"O1I-4 a status is shown, and a body never", ": status 418: the service refuses", func(r row) { r.s.reply("/request_token", 418, "CANARY") }},
		{"O1I-5 without a status there is none", ": the reply is a redirect, and redirects are not followed", func(r row) { r.s.reply("/request_token", 302, "") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRow(t, nil, nil)
			c.misbehave(r)
			r.Want("the beginning", r.browser.Get("/connect/op", "same-origin"), passport.CodeProvider, 502)
			text := r.Last().Error()
			if within, some := strings.CutSuffix(c.want, "…"); !strings.Contains(text, within) || !some && !strings.HasSuffix(text, c.want) {
				t.Errorf("%s", text)
			}
		})
	}
}

func TestPassportOAuth1Gaps(t *testing.T) {
	t.Run("OG-11 another oauth_token has no flow", func(t *testing.T) {
		r := newRow(t, nil, nil)
		answer := r.answered()
		values, err := url.ParseQuery(answer)
		if err != nil {
			t.Fatal(err)
		}
		values.Set("oauth_token", "OTHER")
		r.Want("another token", r.browser.End("/connect/op", values.Encode()), passport.CodeFlowMissing, 400)
		if n := r.s.count("/access_token"); n != 0 {
			t.Errorf("the service was asked %d times", n)
		}
		r.Want("the token", r.browser.End("/connect/op", answer), "", 0)
	})
	t.Run("OG-12 two strategies do not meet", func(t *testing.T) {
		r := newRow(t, nil, nil)
		r.connect("second", oauth1.New(r.s.configFor("second"), keep))
		first, second := r.answered(), r.s.allow(t, r.browser.Begin("/connect/second"))
		r.Want("the first", r.browser.End("/connect/op", first), "", 0)
		r.Want("the second", r.browser.End("/connect/second", second), "", 0)
	})
	t.Run("OG-13 denied is a refusal", func(t *testing.T) {
		r := newRow(t, nil, nil)
		token := tokenIn(t, r.browser.Begin("/connect/op"))
		r.Want("denied", r.browser.End("/connect/op", "denied="+url.QueryEscape(token)), passport.CodeDenied, 403)
		if n := r.s.count("/request_token"); n != 1 {
			t.Errorf("%d request tokens", n)
		}
	})
	t.Run("OG-14 a request token is spent before it is exchanged", spent)
	t.Run("OG-15 the Host header makes no callback URL", func(t *testing.T) {
		r := newRow(t, nil, nil)
		sent := r.callbackSent()
		q := testapp.Navigation("GET", "/connect/op", "same-origin")
		q.Host = "evil.example"
		r.browser.Send(q)
		if *sent != callbackURL {
			t.Errorf("told %q", *sent)
		}
	})
}
