package passporttest_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/strategies/basic"
	"github.com/gopassport/passport/strategies/bearer"
	"github.com/gopassport/passport/strategies/local"
)

type user struct{ id string }

func check(_ *http.Request, name, password string) (*user, error) {
	if name != "alice" || password != "sesame" {
		return nil, passport.Reject("")
	}
	return &user{name}, nil
}

func withHeader(value string) func() *http.Request {
	return func() *http.Request {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", value)
		return r
	}
}

func logInForm(password string) func() *http.Request {
	return func() *http.Request {
		form := url.Values{"username": {"alice"}, "password": {password}}
		r := httptest.NewRequest("POST", "/login", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	}
}

func TestTheStrategiesKeepTheContract(t *testing.T) {
	for name, h := range map[string]passporttest.StrategyHarness{
		"local": {
			Strategy: func(testing.TB) passport.Strategy { return local.New(check) },
			Good:     logInForm("sesame"), Bad: logInForm("wrong"), Secrets: []string{"sesame", "wrong"},
		},
		"basic": {
			Strategy: func(testing.TB) passport.Strategy { return basic.New("test", check) },
			Good:     withHeader("Basic YWxpY2U6c2VzYW1l"), Bad: withHeader("Basic YWxpY2U6d3Jvbmc="), Secrets: []string{"sesame", "YWxpY2U6c2VzYW1l", "YWxpY2U6d3Jvbmc="},
		},
		"bearer": {
			Strategy: func(testing.TB) passport.Strategy {
				return bearer.New(func(_ *http.Request, token string) (*user, error) { return check(nil, "alice", token) })
			},
			Good: withHeader("Bearer sesame"), Bad: withHeader("Bearer wrong"), Secrets: []string{"sesame", "wrong"},
		},
	} {
		t.Run(name, func(t *testing.T) { passporttest.TestStrategy(t, h) })
	}
}

// judge is a testing.TB that keeps what a suite complains of.
type judge struct {
	testing.TB
	mu         sync.Mutex
	complaints []string
}

func (j *judge) Helper() {}

func (j *judge) Errorf(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.complaints = append(j.complaints, fmt.Sprintf(format, args...))
}

func (j *judge) Fatalf(format string, args ...any) {
	j.Errorf(format, args...)
	runtime.Goexit()
}

// complains runs a function that is handed the judge, to its end.
func complains(t *testing.T, f func(testing.TB)) string {
	t.Helper()
	j := &judge{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(j)
	}()
	<-done
	return strings.Join(j.complaints, "\n")
}

// good is a strategy that keeps the contract; the broken ones below are it with one thing wrong.
func good(r *http.Request) (passport.Result, error) {
	switch r.Header.Get("Authorization") {
	case "Bearer sesame":
		return passport.Success{Value: &user{"alice"}}, nil
	case "":
		return passport.Failure{}, nil
	}
	return passport.Failure{Message: "Wrong."}, nil
}

func TestTheSuiteFindsABrokenStrategy(t *testing.T) {
	never := make(chan struct{})
	t.Cleanup(func() { close(never) })
	is := func(r *http.Request, header string) bool { return r.Header.Get("Authorization") == header }
	for name, c := range map[string]struct {
		strategy func() func(*http.Request) (passport.Result, error)
		want     string // "" for no complaint
	}{
		"a good one": {func() func(*http.Request) (passport.Result, error) { return good }, ""},
		"it panics on a request without a header": {func() func(*http.Request) (passport.Result, error) {
			return func(r *http.Request) (passport.Result, error) {
				_ = r.Header["Authorization"][0]
				return good(r)
			}
		}, "it panics"},
		"it lets a strange method in": {func() func(*http.Request) (passport.Result, error) {
			return func(r *http.Request) (passport.Result, error) {
				if r.Method == "PUT" {
					return passport.Success{Value: &user{"bob"}}, nil
				}
				return good(r)
			}
		}, "want anything but a Success"},
		"it decides nothing": {func() func(*http.Request) (passport.Result, error) {
			return func(r *http.Request) (passport.Result, error) {
				if is(r, "Bearer wrong") {
					return nil, nil
				}
				return good(r)
			}
		}, "it decides nothing"},
		"it decides twice": {func() func(*http.Request) (passport.Result, error) {
			return func(r *http.Request) (passport.Result, error) {
				if is(r, "Bearer wrong") {
					return passport.Failure{}, errors.New("and an error")
				}
				return good(r)
			}
		}, "it decides twice"},
		"a success with a nil pointer": {func() func(*http.Request) (passport.Result, error) {
			return func(r *http.Request) (passport.Result, error) {
				if is(r, "Bearer sesame") {
					return passport.Success{Value: (*user)(nil)}, nil
				}
				return good(r)
			}
		}, "a Success without a value"},
		"a redirect to nowhere": {func() func(*http.Request) (passport.Result, error) {
			return func(r *http.Request) (passport.Result, error) {
				if is(r, "") {
					return passport.Redirect{}, nil
				}
				return good(r)
			}
		}, "a Redirect to nowhere"},
		"it refuses the good": {func() func(*http.Request) (passport.Result, error) {
			return func(r *http.Request) (passport.Result, error) { return passport.Failure{}, nil }
		}, "want a Success or a Redirect"},
		"it lets everybody in": {func() func(*http.Request) (passport.Result, error) {
			return func(r *http.Request) (passport.Result, error) {
				return passport.Success{Value: &user{"alice"}}, nil
			}
		}, "want a Failure"},
		"it calls a wrong password a fault": {func() func(*http.Request) (passport.Result, error) {
			return func(r *http.Request) (passport.Result, error) {
				if is(r, "Bearer wrong") {
					return nil, errors.New("no such user")
				}
				return good(r)
			}
		}, "want a Failure"},
		"it quotes the password": {func() func(*http.Request) (passport.Result, error) {
			return func(r *http.Request) (passport.Result, error) {
				if is(r, "Bearer wrong") {
					return passport.Failure{Message: r.Header.Get("Authorization") + " is wrong"}, nil
				}
				return good(r)
			}
		}, `"wrong" shows up`},
		"it wraps the secret deep in a cause": {func() func(*http.Request) (passport.Result, error) {
			return func(r *http.Request) (passport.Result, error) {
				if is(r, "Bearer wrong") {
					return nil, &passport.Error{Code: passport.CodeRejected, Status: 401, Err: hidden{errors.New("the token is wrong")}}
				}
				return good(r)
			}
		}, `"wrong" shows up`},
		"it quotes what came": {func() func(*http.Request) (passport.Result, error) {
			return func(r *http.Request) (passport.Result, error) {
				if state := r.URL.Query().Get("state"); state != "" {
					return nil, fmt.Errorf("unknown state %q", state)
				}
				return good(r)
			}
		}, "CANARY"},
		"it uses the state of the request": {func() func(*http.Request) (passport.Result, error) {
			return func(r *http.Request) (passport.Result, error) {
				if state := r.URL.Query().Get("state"); state != "" {
					return passport.Redirect{URL: "https://op.example/?state=" + url.QueryEscape(state)}, nil
				}
				return good(r)
			}
		}, "CANARY"},
		"it remembers who came first": {func() func(*http.Request) (passport.Result, error) {
			var first passport.Result
			var mu sync.Mutex
			return func(r *http.Request) (passport.Result, error) {
				mu.Lock()
				defer mu.Unlock()
				if first == nil && is(r, "Bearer sesame") {
					first, _ = good(r)
				}
				if first != nil {
					return first, nil
				}
				return good(r)
			}
		}, "want a Failure"},
		"it says how often somebody was wrong": {func() func(*http.Request) (passport.Result, error) {
			var mu sync.Mutex
			n := 0
			return func(r *http.Request) (passport.Result, error) {
				mu.Lock()
				defer mu.Unlock()
				if is(r, "Bearer wrong") {
					n++
					return passport.Failure{Message: fmt.Sprint("try ", n)}, nil
				}
				return good(r)
			}
		}, "refused in two ways"},
		"it knows who was wrong before, by the code": {func() func(*http.Request) (passport.Result, error) {
			var wrong atomic.Bool
			return func(r *http.Request) (passport.Result, error) {
				if is(r, "Bearer wrong") && wrong.Swap(true) {
					return nil, &passport.Error{Code: passport.CodeFlowUser, Status: http.StatusUnauthorized, Message: "Wrong."}
				}
				return good(r)
			}
		}, "refused in two ways"},
		"it knows who was wrong before, by the status": {func() func(*http.Request) (passport.Result, error) {
			var wrong atomic.Bool
			return func(r *http.Request) (passport.Result, error) {
				if is(r, "Bearer wrong") && wrong.Swap(true) {
					return passport.Failure{Message: "Wrong.", Status: http.StatusForbidden}, nil
				}
				return good(r)
			}
		}, "refused in two ways"},
		"its challenge is a new one each time": {func() func(*http.Request) (passport.Result, error) {
			return func(r *http.Request) (passport.Result, error) {
				if is(r, "Bearer sesame") {
					return good(r)
				}
				return passport.Failure{Challenge: "Digest nonce=" + rand.Text()}, nil
			}
		}, ""},
		"only the log hears of another cause": {func() func(*http.Request) (passport.Result, error) {
			var calls atomic.Int64
			return func(r *http.Request) (passport.Result, error) {
				if is(r, "Bearer sesame") {
					return good(r)
				}
				return nil, &passport.Error{Code: passport.CodeRejected, Status: http.StatusUnauthorized, Err: fmt.Errorf("after %d others", calls.Add(1))}
			}
		}, ""},
		"it does not end with the request": {func() func(*http.Request) (passport.Result, error) {
			return func(r *http.Request) (passport.Result, error) {
				if r.Context().Err() != nil {
					<-never // a call to somebody that nobody waits for
				}
				return good(r)
			}
		}, "still at work"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := complains(t, func(tb testing.TB) {
				passporttest.TestStrategy(tb, passporttest.StrategyHarness{
					Strategy: func(testing.TB) passport.Strategy {
						f := c.strategy()
						return passport.StrategyFunc(func(r *http.Request, _ *passport.Attempt) (passport.Result, error) { return f(r) })
					},
					Good: withHeader("Bearer sesame"), Bad: withHeader("Bearer wrong"), Secrets: []string{"sesame", "wrong"},
				})
			})
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("the suite says %q, want %q", got, c.want)
			}
		})
	}
}

// hidden is an error whose text says less than its cause.
type hidden struct{ cause error }

func (hidden) Error() string   { return "hidden" }
func (e hidden) Unwrap() error { return e.cause }

func TestAStrategyAnswersWhatItIsTold(t *testing.T) {
	s := &passporttest.Strategy{}
	a := passporttest.NewAttempt(t, s)
	r := httptest.NewRequest("GET", "/", nil)
	if result, err := a.Do(r); result != nil || err == nil {
		t.Errorf("told nothing: %v, %v", result, err)
	}
	s.Always(passport.Success{Value: "alice"}, nil)
	s.Next(passport.Failure{Message: "no"}, nil)
	s.Next(nil, passport.ErrNoUser)
	for i, want := range []struct {
		result passport.Result
		err    error
	}{{passport.Failure{Message: "no"}, nil}, {nil, passport.ErrNoUser}, {passport.Success{Value: "alice"}, nil}, {passport.Success{Value: "alice"}, nil}} {
		if result, err := a.Do(r); result != want.result || !errors.Is(err, want.err) {
			t.Errorf("answer %d: %v, %v", i, result, err)
		}
	}
	if s.Calls() != 5 {
		t.Errorf("%d calls", s.Calls())
	}
}

// flowing is a strategy with a flow.
func flowing(r *http.Request, a *passport.Attempt) (passport.Result, error) {
	state := r.URL.Query().Get("state")
	if state == "" {
		return passport.Redirect{URL: "https://op.example/?scope=" + a.Param("scope")}, a.Save("the-state", "verifier")
	}
	var verifier string
	if err := a.Take(state, &verifier); err != nil {
		return nil, err
	}
	return passport.Success{Value: verifier + " of " + a.Strategy()}, nil
}

// links is a strategy that sends links: what it refuses has no flow, whether or not the
// browser has others.
func links(r *http.Request, a *passport.Attempt) (passport.Result, error) {
	if token := r.URL.Query().Get("token"); token != "" {
		var name string
		if err := a.Take(token, &name); err != nil {
			return nil, err
		}
		return passport.Success{Value: name}, nil
	}
	if r.Method != http.MethodPost {
		return passport.Failure{Message: "Ask for a link first."}, nil
	}
	return passport.Redirect{URL: "/sent"}, a.Save(rand.Text(), "alice")
}

func TestTheSuiteTakesAStrategyWithFlows(t *testing.T) {
	passporttest.TestStrategy(t, passporttest.StrategyHarness{
		Strategy: func(testing.TB) passport.Strategy { return passport.StrategyFunc(links) },
		Good:     func() *http.Request { return httptest.NewRequest("POST", "/login/link", nil) },
		Bad:      func() *http.Request { return httptest.NewRequest("GET", "/login/link?token=unknown", nil) },
	})
}

func TestAnAttemptKeepsWhatTheStrategySaved(t *testing.T) {
	a := passporttest.NewAttempt(t, passport.StrategyFunc(flowing), passport.Param("scope", "email"))
	result, err := a.Do(httptest.NewRequest("GET", "/begin", nil))
	if result != (passport.Redirect{URL: "https://op.example/?scope=email"}) || err != nil {
		t.Fatalf("%v, %v", result, err)
	}
	end := func() (passport.Result, error) { return a.Do(httptest.NewRequest("GET", "/end?state=the-state", nil)) }
	if result, err := end(); result != (passport.Success{Value: "verifier of strategy"}) || err != nil {
		t.Errorf("%v, %v", result, err)
	}
	var e *passport.Error
	if _, err := end(); !errors.As(err, &e) || e.Code != passport.CodeFlowMissing {
		t.Errorf("a second time: %v", err)
	}
}

func TestAnAttemptSaysWhereTheRequestCameFrom(t *testing.T) {
	a := passporttest.NewAttempt(t, passport.StrategyFunc(flowing))
	r := httptest.NewRequest("GET", "/begin", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	var e *passport.Error
	if _, err := a.Do(r); !errors.As(err, &e) || e.Code != passport.CodeNavigation && e.Code != passport.CodeCrossSite {
		t.Errorf("from another site: %v", err)
	}
	if r.Header.Get("Sec-Fetch-Mode") != "" || len(r.Cookies()) != 0 {
		t.Errorf("the test's own request was changed: %v", r.Header)
	}
}

type fussy struct{ passport.Strategy }

func (fussy) CheckParam(key, _ string) error { return errors.New("no " + key) }

func TestAnAttemptChecksTheParametersOfTheRoute(t *testing.T) {
	defer func() {
		if text := fmt.Sprint(recover()); !strings.Contains(text, "no scope") {
			t.Errorf("%s", text)
		}
	}()
	passporttest.NewAttempt(t, fussy{&passporttest.Strategy{}}, passport.Param("scope", "x"))
}
