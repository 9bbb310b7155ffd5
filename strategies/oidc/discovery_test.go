package oidc_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/oidc"
)

const discovery = "/.well-known/openid-configuration"

func TestMetadataIsRefused(t *testing.T) {
	for _, tc := range []struct {
		name     string
		metadata func(map[string]any)
		config   func(*oidc.Config)
	}{
		{"another issuer", set("issuer", "https://evil.test"), nil},
		{"an issuer with a slash more", set("issuer", issuer+"/"), nil},
		{"no issuer", unset("issuer"), nil},
		{"an issuer in a list", set("issuer", []string{issuer}), nil},
		{"the issuer in another spelling, too", set("Issuer", "https://evil.test"), nil},
		{"no authorization endpoint", unset("authorization_endpoint"), nil},
		{"no token endpoint", unset("token_endpoint"), nil},
		{"no jwks_uri", unset("jwks_uri"), nil},
		{"a token endpoint with http", set("token_endpoint", "http://op.test/token"), nil},
		{"a token endpoint on this machine", set("token_endpoint", "http://127.0.0.1/token"), nil},
		{"a userinfo endpoint with http", set("userinfo_endpoint", "http://op.test/u"), nil},
		{"a jwks_uri that is a path", set("jwks_uri", "/jwks"), nil},
		{"a jwks_uri that is a file", set("jwks_uri", "file:///etc/passwd"), nil},
		{"a logout endpoint that is a script", set("end_session_endpoint", "javascript:alert(1)"), nil},
		{"an endpoint with a user", set("jwks_uri", "https://a:b@op.test/jwks"), nil},
		{"an endpoint with a fragment", set("userinfo_endpoint", "https://op.test/u#b"), nil},
		{"an authorization endpoint with a state", set("authorization_endpoint", issuer+"/a?state=fixed&redirect_uri=https://evil.test"), nil},
		{"an authorization endpoint whose query does not parse", set("authorization_endpoint", issuer+"/a?x=%zz"), nil},
		{"PKCE without S256", set("code_challenge_methods_supported", []string{"plain"}), nil},
		{"no response type code", set("response_types_supported", []string{"id_token"}), nil},
		{"no grant for codes", set("grant_types_supported", []string{"implicit"}), nil},
		{"signs with none", set("id_token_signing_alg_values_supported", []string{"none"}), nil},
		{"signs with HS256", set("id_token_signing_alg_values_supported", []string{"HS256"}), nil},
		{"signs with nothing that is configured", nil, func(c *oidc.Config) { c.Algorithms = []string{"PS512"} }},
		{"no form_post", set("response_modes_supported", []string{"query"}), formPost},
		{"no endpoint to push to", unset("pushed_authorization_request_endpoint"), func(c *oidc.Config) { c.PushedRequests = true }},
		{"no endpoint to push to, though it is required", both(unset("pushed_authorization_request_endpoint"), set("require_pushed_authorization_requests", true)), nil},
		{"no userinfo endpoint", unset("userinfo_endpoint"), withUserinfo},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newProvider(t)
			p.metadata = tc.metadata
			a := newApp(t, p, func(c *oidc.Config) {
				if tc.config != nil {
					tc.config(c)
				}
			})
			a.wants(a.get("/login"), passport.CodeMetadata, 502)
			if a.err.RetryAfter != 0 {
				t.Error("it will not pass by itself")
			}
			if len(p.hits) != 1 {
				t.Errorf("sent %v", p.hits)
			}
		})
	}
}

func TestMetadataThatSaysLittleWillDo(t *testing.T) {
	p := newProvider(t)
	p.metadata = func(m map[string]any) {
		for _, name := range []string{"response_types_supported", "grant_types_supported", "response_modes_supported", "code_challenge_methods_supported",
			"id_token_signing_alg_values_supported", "userinfo_endpoint", "end_session_endpoint", "pushed_authorization_request_endpoint"} {
			delete(m, name)
		}
		m["authorization_endpoint"] = issuer + "/authorize?p=B2C_1_signin"
	}
	a := newApp(t, p)
	a.accepted()
	if !strings.Contains(a.begin(), "p=B2C_1_signin") {
		t.Error("the endpoint's own query is lost")
	}
}

// What a provider says at a time when it says nonsense, or nothing.
func TestAProviderThatIsDown(t *testing.T) {
	refused := errors.New("connection refused")
	for _, tc := range []struct {
		name   string
		answer func(w http.ResponseWriter)
		err    error
		code   passport.Code
		status int
		passes bool
	}{
		{"refuses connections", nil, &net.OpError{Op: "dial", Err: refused}, passport.CodeProviderUnavailable, 503, true},
		{"has no name", nil, &net.DNSError{Name: "op.test"}, passport.CodeProviderUnavailable, 503, true},
		{"does not answer", nil, context.DeadlineExceeded, passport.CodeProviderTimeout, 504, true},
		{"500", says(500, "text/html", "CANARY"), nil, passport.CodeProviderUnavailable, 503, true},
		{"503", says(503, "text/html", "CANARY"), nil, passport.CodeProviderUnavailable, 503, true},
		{"429", says(429, "text/html", "CANARY"), nil, passport.CodeProviderUnavailable, 503, true},
		{"404", says(404, "text/html", "CANARY"), nil, passport.CodeMetadata, 502, false},
		{"HTML", says(200, "text/html", "<html>CANARY"), nil, passport.CodeMetadata, 502, false},
		{"nothing", says(200, "application/json", ""), nil, passport.CodeMetadata, 502, false},
		{"a list", says(200, "application/json", "[]"), nil, passport.CodeMetadata, 502, false},
		{"2 MiB", says(200, "application/json", `{"x":"`+strings.Repeat("x", 2<<20)+`"}`), nil, passport.CodeMetadata, 502, false},
		{"20000 deep", says(200, "application/json", strings.Repeat(`{"x":`, 20000)), nil, passport.CodeMetadata, 502, false},
		{"a redirect", func(w http.ResponseWriter) { w.Header().Set("Location", "https://evil.test"); w.WriteHeader(302) }, nil, passport.CodeMetadata, 502, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProvider(t)
				down := true
				p.before = func(w http.ResponseWriter, _ *http.Request) bool {
					if down && tc.answer != nil {
						tc.answer(w)
					}
					return down
				}
				a := newApp(t, p, func(c *oidc.Config) {
					c.Client = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
						if down && tc.err != nil {
							p.hits[discovery]++
							return nil, tc.err
						}
						return p.RoundTrip(r)
					})}
				})
				reply := a.get("/login")
				a.wants(reply, tc.code, tc.status)
				if (a.err.RetryAfter > 0) != tc.passes {
					t.Errorf("RetryAfter: %v", a.err.RetryAfter)
				}
				a.wants(a.get("/login"), tc.code, tc.status)
				if p.hit(discovery) != 1 {
					t.Errorf("asked %d times at once", p.hit(discovery))
				}
				down = false
				time.Sleep(time.Second)
				a.accepted()
			})
		})
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// While a provider is down it is asked less and less often, and at least once a minute.
func TestABrokenProviderIsAskedLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		var asked []time.Time
		down := true
		p.before = func(w http.ResponseWriter, r *http.Request) bool {
			if down {
				asked = append(asked, time.Now())
				w.WriteHeader(503)
			}
			return down
		}
		a := newApp(t, p)
		for range 60 * 30 {
			a.get("/login")
			if a.err.RetryAfter < time.Second || a.err.RetryAfter > time.Minute {
				t.Fatalf("Retry-After: %v", a.err.RetryAfter)
			}
			time.Sleep(time.Second)
		}
		if len(asked) < 30 || len(asked) > 70 {
			t.Errorf("asked %d times in half an hour", len(asked))
		}
		if first, last := asked[1].Sub(asked[0]), asked[len(asked)-1].Sub(asked[len(asked)-2]); first > 2*time.Second || last < 30*time.Second || last > 61*time.Second {
			t.Errorf("pauses from %v to %v", first, last)
		}
		down = false
		time.Sleep(time.Minute)
		a.accepted()
	})
}

// A hundred people arrive at a program that has just started.
func TestOneDiscoveryForAllWhoWait(t *testing.T) {
	for _, up := range []bool{true, false} {
		p := newProvider(t)
		arrived, leave := make(chan struct{}, 100), make(chan struct{})
		p.before = func(w http.ResponseWriter, _ *http.Request) bool {
			<-leave
			if !up {
				w.WriteHeader(503)
			}
			return !up
		}
		a := newApp(t, p)
		var wg sync.WaitGroup
		statuses := make(chan int, 100)
		for range 100 {
			wg.Go(func() {
				arrived <- struct{}{}
				w := httptest.NewRecorder()
				r := httptest.NewRequest(http.MethodGet, "https://app.test/login", nil)
				r.Header.Set("Accept", "text/html")
				a.routes["/login"].ServeHTTP(w, r)
				statuses <- w.Code
			})
		}
		for range 100 {
			<-arrived
		}
		close(leave)
		wg.Wait()
		close(statuses)
		for status := range statuses {
			if want := map[bool]int{true: 302, false: 503}[up]; status != want {
				t.Fatalf("status %d, want %d", status, want)
			}
		}
		if p.hit(discovery) != 1 {
			t.Errorf("asked %d times", p.hit(discovery))
		}
	}
}

// The one whose request began the fetch goes away; the others get what it brings.
func TestAFetchDoesNotEndBecauseOneBrowserWentAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		p.before = func(http.ResponseWriter, *http.Request) bool { time.Sleep(time.Second); return false }
		a := newApp(t, p)
		ctx, cancel := context.WithCancel(t.Context())
		go cancel()
		_, err := a.strategy.LogoutURL(ctx, "", "", "")
		var e *passport.Error
		if !errors.As(err, &e) || e.Code != passport.CodeProviderTimeout {
			t.Errorf("%v", err)
		}
		if _, err := a.strategy.LogoutURL(t.Context(), "", "", ""); err != nil || p.hit(discovery) != 1 {
			t.Errorf("%v after %d requests", err, p.hit(discovery))
		}
	})
}

func TestAProviderThatHangsIsATimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, newProvider(t), func(c *oidc.Config) {
			c.Client = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})}
		})
		began := time.Now()
		reply := a.get("/login")
		a.wants(reply, passport.CodeProviderTimeout, 504)
		if took := time.Since(began); took != 15*time.Second {
			t.Errorf("it took %v", took)
		}
		if a.err.RetryAfter < time.Second || a.err.RetryAfter > time.Minute {
			t.Errorf("RetryAfter: %v", a.err.RetryAfter)
		}
		synctest.Wait()
	})
}

// A transport that hangs, whatever its context says, hangs alone: others ask again.
func TestATransportThatForgetsTheDeadlineDoesNotKeepTheProviderAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		free := make(chan struct{})
		defer close(free)
		var asked atomic.Bool
		a := newApp(t, p, func(c *oidc.Config) {
			c.Client = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				if !asked.Swap(true) {
					<-free
				}
				return p.RoundTrip(r)
			})}
		})
		a.wants(a.get("/login"), passport.CodeProviderTimeout, 504)
		time.Sleep(2 * time.Second) // the deadline has passed, and what is then waited
		a.accepted()
	})
}

// A 101 for the metadata is an answer like any other bad one: the provider is asked again.
func TestAProviderThatSwitchesProtocolsIsAskedAgain(t *testing.T) {
	p := newProvider(t)
	var asked atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Swap(true) {
			p.ServeHTTP(w, r)
			return
		}
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
		<-t.Context().Done() // the connection stays open
		c.Close()
	}))
	t.Cleanup(server.Close)
	a := newApp(t, p, func(c *oidc.Config) { c.Issuer, c.Client = server.URL, server.Client() })
	a.wants(a.get("/login"), passport.CodeMetadata, 502)
	time.Sleep(time.Second) // that long it is left in peace
	if _, err := a.strategy.LogoutURL(t.Context(), "", "", ""); err != nil {
		t.Error(err)
	}
}

// Metadata that is an hour old is fetched again, while the old one is used.
func TestMetadataIsFetchedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t)
		a := newApp(t, p)
		a.begin()
		time.Sleep(59 * time.Minute)
		a.begin()
		if p.hit(discovery) != 1 {
			t.Errorf("asked %d times within an hour", p.hit(discovery))
		}
		p.metadata = set("authorization_endpoint", issuer+"/new")
		time.Sleep(2 * time.Minute)
		a.begin() // begins the fetch
		synctest.Wait()
		if !strings.HasPrefix(a.begin(), issuer+"/new?") || p.hit(discovery) != 2 {
			t.Errorf("asked %d times", p.hit(discovery))
		}
		p.before = at(discovery, says(503, "text/plain", ""))
		time.Sleep(2 * time.Hour)
		a.begin()
		synctest.Wait()
		if !strings.HasPrefix(a.begin(), issuer+"/new?") {
			t.Error("a refresh that fails takes the old metadata away")
		}
	})
}

// A transport of the application's that panics is an error of that request.
func TestATransportThatPanicsEndsNothing(t *testing.T) {
	a := newApp(t, newProvider(t), func(c *oidc.Config) {
		c.Client = &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) { panic("CANARY") })}
	})
	a.wants(a.get("/login"), passport.CodeProviderPanic, 502)
}

func TestTheAnswerSaysWhenToComeBack(t *testing.T) {
	p := newProvider(t)
	p.before = at(discovery, says(503, "text/plain", ""))
	auth := passport.New(passport.Config{Keys: [][]byte{[]byte("0123456789abcdefghijklmnopqrstuv")}, Observe: func(context.Context, passport.Event) {}})
	auth.Use("op", oidc.New(config(p), func(*http.Request, oidc.Identity) (string, error) { return "", nil }))
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "https://app.test/login", nil)
	r.Header.Set("Accept", "text/html")
	auth.Authenticate("op", passport.NoSession())(http.NotFoundHandler()).ServeHTTP(w, r)
	if w.Code != 503 || w.Header().Get("Retry-After") != "1" {
		t.Errorf("%d, Retry-After: %q", w.Code, w.Header().Get("Retry-After"))
	}
}
