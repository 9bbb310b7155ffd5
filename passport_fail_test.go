package passport_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/gopassport/passport"
)

// nobodyIn checks what holds after each failure: no login, and no handler ran.
func nobodyIn(t *testing.T, s *site, b *browser) {
	t.Helper()
	equal(t, "the person afterwards", b.me(), "-")
	equal(t, "handlers that ran", s.ran.Load(), 0)
}

func TestPassportFail(t *testing.T) {
	to := passport.FailureRedirect("/login")
	for _, c := range []struct {
		name       string
		failure    passport.Failure
		opts       []passport.Option
		status     int
		location   string
		challenges string
	}{
		{"FAI-1 a failure is a 401", passport.Failure{}, nil, 401, "", ""},
		{"FAI-2 a failure may redirect", passport.Failure{Challenge: "MOCK challenge"}, []passport.Option{to}, 302, "/login", ""},
		{"FAI-3 a challenge", passport.Failure{Challenge: "MOCK challenge"}, nil, 401, "", "MOCK challenge"},
		{"FAI-4 a challenge with a 403 goes along with it", passport.Failure{Challenge: "MOCK challenge", Status: 403}, nil, 403, "", "MOCK challenge"},
		{"FAI-5 a status alone", passport.Failure{Status: 400}, nil, 400, "", ""},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			s, b := newRoute(t, shelf, always(c.failure), c.opts...)
			res := b.get("/in")
			if c.location != "" {
				res.sent(c.status, c.location)
			} else {
				res.fails(c.status, passport.CodeRejected)
			}
			equal(t, "challenges", res.challenges(), c.challenges)
			equal(t, "cookies set", len(res.cookies), 0)
			nobodyIn(t, s, b)
		})
	}
}

// What Passport calls failWithError is OnError: it gets the failure as an error, and
// writes the answer.
func TestPassportFailWithError(t *testing.T) {
	for _, c := range []struct {
		name    string
		failure passport.Failure
		want    string // status, message, challenges
	}{
		{"FAI-6 OnError gets a 401", passport.Failure{}, `401 "" []`},
		{"FAI-7 OnError gets the strategy's message", passport.Failure{Message: "Invalid password"}, `401 "Invalid password" []`},
		{"FAI-8 OnError gets message and status", passport.Failure{Message: "Invalid password", Status: 400}, `400 "Invalid password" []`},
		{"FAI-9 OnError gets the challenge", passport.Failure{Challenge: "Bearer challenge"}, `401 "" ["Bearer challenge"]`},
		{"FAI-10 OnError gets challenge and status", passport.Failure{Challenge: "Bearer challenge", Status: 403}, `403 "" ["Bearer challenge"]`},
		{"FAI-11 OnError gets the status", passport.Failure{Status: 402}, `402 "" []`},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			s, b := newRoute(t, shelf, always(c.failure), passport.OnError(func(w http.ResponseWriter, _ *http.Request, err error) {
				var e *passport.Error
				if !errors.As(err, &e) || e.Code != passport.CodeRejected || e.Strategy != "s" {
					t.Errorf("the error is %v", err)
				}
				_, _ = fmt.Fprintf(w, "%d %q %q", e.Status, e.Message, e.Challenges)
			}))
			res := b.get("/in").wants(http.StatusOK, c.want) // the status is OnError's, too
			equal(t, "challenges", res.challenges(), "")
			nobodyIn(t, s, b)
		})
	}
}

// What Passport calls a custom callback is Check: it gives the failure as an error.
func TestPassportFailCallback(t *testing.T) {
	opts := []passport.Option{passport.FailureRedirect("/login"), passport.FailureMessage(""), passport.Param("scope", "email")}
	for _, c := range []struct {
		name    string
		failure passport.Failure
		opts    []passport.Option
		want    string // status, message, challenges
	}{
		{"FCB-1 Check gives a 401", passport.Failure{}, nil, `401 "" []`},
		{"FCB-2 Check gives the message", passport.Failure{Message: "Invalid password"}, nil, `401 "Invalid password" []`},
		{"FCB-3 Check gives message and status", passport.Failure{Message: "Invalid password", Status: 403}, nil, `403 "Invalid password" []`},
		{"FCB-4 Check gives the challenge", passport.Failure{Challenge: "Bearer challenge"}, nil, `401 "" ["Bearer challenge"]`},
		{"FCB-5 Check gives challenge and status", passport.Failure{Challenge: "Bearer challenge", Status: 403}, nil, `403 "" ["Bearer challenge"]`},
		{"FCB-6 Check gives the status", passport.Failure{Status: 402}, nil, `402 "" []`},
		{"FCB-7 Check with options does no more", passport.Failure{}, opts, `401 "" []`},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			s, b := newRoute(t, shelf, always(c.failure))
			s.mux.HandleFunc("/check", func(w http.ResponseWriter, r *http.Request) {
				result, err := s.Check(w, r, "s", c.opts...)
				var e *passport.Error
				u, isUser := passport.UserFrom[*user](r.Context())
				if !errors.As(err, &e) || e.Code != passport.CodeRejected || result != nil || isUser {
					t.Errorf("Check gives %v, %v; the user is %v", result, err, u)
				}
				_, _ = fmt.Fprintf(w, "%d %q %q", e.Status, e.Message, e.Challenges)
			})
			res := b.get("/check").wants(http.StatusOK, c.want)
			equal(t, "challenges", res.challenges(), "")
			equal(t, "cookies set", len(res.cookies), 0)
			nobodyIn(t, s, b)
		})
	}
}

// As for a success, a message has no type.
func TestPassportFailFlash(t *testing.T) {
	const own = "" // leaves the strategy's own message
	for _, c := range []struct {
		name    string
		message string // of the strategy
		text    string // of FailureMessage
		want    string
	}{
		{"FFL-1 the strategy's message", "Invalid password", own, `["Invalid password"]`},
		{"FFL-2 the strategy's message, where Passport has a type for it", "Invalid password", own, `["Invalid password"]`},
		{"FFL-3 the route's message", "Invalid password", "Wrong credentials", `["Wrong credentials"]`},
		{"FFL-4 the route's message, named so", "Invalid password", "Try again", `["Try again"]`},
		{"FFL-5 the route's message, where Passport has a type for it", "Invalid password", "Try again", `["Try again"]`},
		{"FFL-6 the message of a strategy that gives it a type", "Invite required", own, `["Invite required"]`},
		{"FFL-7 the same, where the route gives another type", "Invite required", own, `["Invite required"]`},
		{"FFL-8 the route's message before that of such a strategy", "Invite required", "Wrong credentials", `["Wrong credentials"]`},
		{"FFL-9 the route's message before that of such a strategy, named so", "Invite required", "Try again", `["Try again"]`},
		{"FFL-10 the route's message before that of such a strategy, with a type", "Invite required", "Try again", `["Try again"]`},
		{"FFL-11 a message is no challenge", "Access denied", own, `["Access denied"]`},
		{"FFL-12 the same, where Passport has a type for it", "Access denied", own, `["Access denied"]`},
		{"FFL-13 the route's message before it", "Access denied", "Wrong credentials", `["Wrong credentials"]`},
		{"FFL-14 the route's message before it, named so", "Access denied", "Try again", `["Try again"]`},
		{"FFL-15 the route's message before it, with a type", "Access denied", "Try again", `["Try again"]`},
		{"FFL-16 no message of the strategy's", "", own, `[]`},
		{"FFL-17 no message of the strategy's, where Passport has a type for it", "", own, `[]`},
		{"FFL-18 the route's message where the strategy has none", "", "Wrong credentials", `["Wrong credentials"]`},
		{"FFL-19 the route's message where the strategy has none, named so", "", "Try again", `["Try again"]`},
		{"FFL-20 the route's message where the strategy has none, with a type", "", "Try again", `["Try again"]`},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			s, b := newRoute(t, shelf, always(passport.Failure{Message: c.message}), passport.FailureRedirect("/login"), passport.FailureMessage(c.text))
			res := b.get("/in").sent(http.StatusFound, "/login")
			equal(t, "challenges", res.challenges(), "")
			equal(t, "messages", b.get("/messages").body, c.want)
			equal(t, "messages, read again", b.get("/messages").body, "[]")
			equal(t, "a session", shelf.login(b), nil)
			nobodyIn(t, s, b)
		})
	}
}

func TestPassportFailMessage(t *testing.T) {
	for _, c := range []struct {
		name    string
		failure passport.Failure
		before  bool // a message is there already
		text    string
		want    string
	}{
		{"FMS-1 the route's message", passport.Failure{Message: "Invalid password"}, false, "Wrong credentials", `["Wrong credentials"]`},
		{"FMS-2 messages add up", passport.Failure{Message: "Invalid password"}, true, "Wrong credentials", `["I exist!" "Wrong credentials"]`},
		{"FMS-3 the strategy's message", passport.Failure{Message: "Invalid password"}, false, "", `["Invalid password"]`},
		{"FMS-4 the message only, not the challenge", passport.Failure{Message: "Invalid password", Challenge: `Bearer scope="read"`}, false, "", `["Invalid password"]`},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			s, b := newRoute(t, shelf, always(c.failure), passport.FailureRedirect("/login"), passport.FailureMessage(c.text))
			s.Use("first", form)
			s.mount("/first", s.Authenticate("first", passport.FailureRedirect("/login"), passport.FailureMessage("I exist!")))
			if c.before {
				b.get("/first").sent(http.StatusFound, "/login")
			}
			b.get("/in").sent(http.StatusFound, "/login")
			equal(t, "messages", b.get("/messages").body, c.want)
			nobodyIn(t, s, b)
		})
	}
}

func TestPassportFailMulti(t *testing.T) {
	fail := func(challenge string, status int) passport.Strategy {
		return always(passport.Failure{Challenge: challenge, Status: status})
	}
	unauthorized := strategies{fail("BASIC challenge", 0), fail("", 0), fail("DIGEST challenge", 0)}
	others := strategies{fail("BASIC challenge", 400), fail("", 402), fail("BEARER challenge", 403)}
	for _, c := range []struct {
		name       string
		chain      strategies
		status     int
		challenges string
	}{
		{"FMU-1 the challenges of all, in the order of the strategies", unauthorized, 401, "BASIC challenge|DIGEST challenge"},
		{"FMU-2 the first status decides, and its challenge goes along", others, 400, "BASIC challenge"},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			s := newSite(t, shelf.option)
			s.chain(slices.Clone(c.chain))
			b := newBrowser(t, s)
			res := b.get("/chain").fails(c.status, passport.CodeRejected)
			equal(t, "challenges", res.challenges(), c.challenges)
			nobodyIn(t, s, b)
		})
	}
	row(t, "FMU-3 the first message is left", func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.showMessages()
		s.chain(strategies{always(passport.Failure{Message: "A message"}), always(passport.Failure{Message: "B message"})}, passport.FailureRedirect("/login"), passport.FailureMessage(""))
		b := newBrowser(t, s)
		b.get("/chain").sent(http.StatusFound, "/login")
		equal(t, "messages", b.get("/messages").body, `["A message"]`)
		nobodyIn(t, s, b)
	})
	for _, c := range []struct {
		name  string
		chain strategies
		want  string
	}{
		{"FMU-4 Check gives one error with the challenges of all", unauthorized, `401 credentials_rejected ["BASIC challenge" "DIGEST challenge"]`},
		{"FMU-5 Check gives one error with the status that decided", others, `400 credentials_rejected ["BASIC challenge"]`},
		{"FMU-6 Check of one strategy gives an error of the same shape", unauthorized[:1], `401 credentials_rejected ["BASIC challenge"]`},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			s := newSite(t, shelf.option)
			s.chain(slices.Clone(c.chain))
			var opts []passport.Option
			for i := range c.chain[1:] {
				opts = append(opts, passport.Or(fmt.Sprint("s", i+1)))
			}
			s.mux.HandleFunc("/check", func(w http.ResponseWriter, r *http.Request) {
				result, err := s.Check(w, r, "s0", opts...)
				var e *passport.Error
				if !errors.As(err, &e) || result != nil {
					t.Fatalf("Check gives %v, %v", result, err)
				}
				_, _ = fmt.Fprintf(w, "%d %s %q", e.Status, e.Code, e.Challenges)
			})
			b := newBrowser(t, s)
			b.get("/check").wants(http.StatusOK, c.want)
			nobodyIn(t, s, b)
		})
	}
}

func TestPassportError(t *testing.T) {
	row(t, "ERR-1 an error is a fault, and no failure", func(t *testing.T, shelf shelf) {
		var cause error
		s, b := newRoute(t, shelf, said(nil, errDown), passport.FailureRedirect("/login"), passport.FailureMessage("Wrong credentials"), passport.OnError(func(w http.ResponseWriter, _ *http.Request, err error) {
			cause = err
			w.WriteHeader(http.StatusTeapot)
		}))
		res := b.get("/in").wants(http.StatusTeapot, "")
		equal(t, "the error wraps its cause", errors.Is(cause, errDown), true)
		equal(t, "cookies set", len(res.cookies), 0)
		nobodyIn(t, s, b)

		s, b = newRoute(t, shelf, said(nil, errDown), passport.FailureRedirect("/login"))
		b.get("/in").fails(http.StatusInternalServerError, passport.CodeStrategy)
		nobodyIn(t, s, b)
	})
	for _, c := range []struct {
		name string
		opts []passport.Option
	}{
		{"ERR-2 Check gives the error", nil},
		{"ERR-3 Check with options gives the error", []passport.Option{passport.FailureRedirect("/login"), passport.Param("scope", "email")}},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			s, b := newRoute(t, shelf, said(nil, errDown))
			s.mux.HandleFunc("/check", func(w http.ResponseWriter, r *http.Request) {
				result, err := s.Check(w, r, "s", c.opts...)
				_, isUser := passport.UserFrom[*user](r.Context())
				_, _ = fmt.Fprint(w, result, errors.Is(err, errDown), isUser)
			})
			b.get("/check").wants(http.StatusOK, "<nil> true false")
			nobodyIn(t, s, b)
		})
	}
}

// plainWriter is a framework's ResponseWriter: it can do what it must.
type plainWriter struct{ http.ResponseWriter }

func TestPassportPassAndRedirect(t *testing.T) {
	row(t, "PAS-1 a pass goes on without a user", func(t *testing.T, shelf shelf) {
		s, b := newRoute(t, shelf, passed, passport.FailureRedirect("/login"), passport.SuccessRedirect("/home"))
		res := b.get("/in").wants(http.StatusOK, "user -, account -")
		equal(t, "handlers that ran", s.ran.Load(), 1)
		equal(t, "cookies set", len(res.cookies), 0)
	})
	const to = "http://www.example.com/login"
	for _, c := range []struct {
		name   string
		status int // that the strategy asks for
		want   int
		framed bool
	}{
		{"RED-1 a redirect is a 302", 0, 302, false},
		{"RED-2 a redirect with a status", 303, 303, false},
		{"RED-3 the same in a framework", 0, 302, true},
		{"RED-4 the same with a status in a framework", 303, 303, true},
	} {
		row(t, c.name, func(t *testing.T, shelf shelf) {
			s, b := newRoute(t, shelf, always(passport.Redirect{URL: to, Status: c.status}), passport.FailureRedirect("/login"))
			if c.framed {
				b.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.ServeHTTP(plainWriter{w}, r) })
			}
			res := b.get("/in").sent(c.want, to)
			equal(t, "Content-Length", res.header.Get("Content-Length"), "0")
			b.post("/in", nil).sent(http.StatusSeeOther, to) // a 302 might repeat the form
			nobodyIn(t, s, b)
		})
	}
}
