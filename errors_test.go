package passport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gopassport/passport"
)

func TestTheTextOfAnErrorIsForTheLog(t *testing.T) {
	cause := errors.New("connection refused")
	for _, c := range []struct {
		err  passport.Error
		want string
	}{
		{passport.Error{Code: passport.CodeDenied}, "passport: access_denied"},
		{passport.Error{Code: passport.CodeDenied, Strategy: "github", Status: 403}, "passport: github: access_denied"},
		{passport.Error{Code: passport.CodeProvider, Strategy: "github", Message: "Try later.", Err: cause}, `passport: github: provider_error: "Try later.": connection refused`},
		{passport.Error{Code: passport.CodeRejected, Message: "a\nb\x1b[2J"}, `passport: credentials_rejected: "a\nb\x1b[2J"`},
	} {
		equal(t, "the text", c.err.Error(), c.want)
		equal(t, "the cause", errors.Unwrap(&c.err), c.err.Err)
	}
}

// mine is an error type of an application's.
type mine struct{ what string }

func (m *mine) Error() string { return m.what }

func TestCausesAreFound(t *testing.T) {
	timeout := &net.OpError{Op: "dial", Err: context.DeadlineExceeded}
	for _, c := range []struct {
		name  string
		err   error
		found func(error) bool
		code  passport.Code
		state int
	}{
		{"an error of the application's", &mine{"x"}, func(err error) bool { var m *mine; return errors.As(err, &m) && m.what == "x" }, passport.CodeStrategy, 500},
		{"one with words around it", fmt.Errorf("load: %w", &mine{"x"}), func(err error) bool { var m *mine; return errors.As(err, &m) }, passport.CodeStrategy, 500},
		{"a network's", &url.Error{Op: "Get", URL: "https://provider.example", Err: timeout}, func(err error) bool {
			var u *url.Error
			var n net.Error
			return errors.As(err, &u) && errors.As(err, &n) && errors.Is(err, context.DeadlineExceeded)
		}, passport.CodeStrategy, 500},
		{"one with a code", &passport.Error{Code: passport.CodeProviderTimeout, Status: 504, Err: timeout}, func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }, passport.CodeProviderTimeout, 504},
		{"one with a code, and words around it", fmt.Errorf("exchange: %w", &passport.Error{Code: passport.CodeProvider, Status: 502, Err: io.ErrUnexpectedEOF}), func(err error) bool {
			return errors.Is(err, io.ErrUnexpectedEOF) && strings.Contains(err.Error(), "exchange: ")
		}, passport.CodeProvider, 502},
		{"one with a code and no status", &passport.Error{Code: "own_code", Err: &mine{"x"}}, func(err error) bool { var m *mine; return errors.As(err, &m) }, "own_code", 500},
		{"several", errors.Join(io.EOF, &mine{"x"}), func(err error) bool { var m *mine; return errors.As(err, &m) && errors.Is(err, io.EOF) }, passport.CodeStrategy, 500},
	} {
		var got error
		s := newSite(t)
		s.Use("failing", said(nil, c.err))
		s.mount("/", s.Authenticate("failing", passport.OnError(func(_ http.ResponseWriter, _ *http.Request, err error) { got = err })))
		newBrowser(t, s).get("/")
		var e *passport.Error
		if !errors.As(got, &e) || e.Code != c.code || e.Status != c.state || e.Strategy != "failing" || !c.found(got) {
			t.Errorf("%s: OnError is given %#v", c.name, got)
		}
		if !c.found(s.last().Err) {
			t.Errorf("%s: Observe is given %v", c.name, s.last().Err)
		}
	}
}

func TestAChainsCausesAreFound(t *testing.T) {
	var got error
	refusal := func(err error) passport.Strategy {
		return said(nil, &passport.Error{Code: passport.CodeDenied, Status: 401, Err: err})
	}
	s := newSite(t)
	s.chain(strategies{refusal(io.EOF), form, refusal(&mine{"x"})}, passport.OnError(func(_ http.ResponseWriter, _ *http.Request, err error) { got = err }))
	newBrowser(t, s).get("/chain")
	var m *mine
	equal(t, "the first cause is found", errors.Is(got, io.EOF), true)
	equal(t, "the last cause is found", errors.As(got, &m), true)
}

func TestRejectAndVerdict(t *testing.T) {
	refusal := passport.Failure{Message: "own", Challenge: "Own", Status: 403}
	other := refusal
	other.Message = "closed"
	down := errors.New("down")
	for _, c := range []struct {
		name  string
		value any
		err   error
		want  passport.Result
		fails error
	}{
		{"a value", "alice", nil, passport.Success{Value: "alice"}, nil},
		{"a value of zero", 0, nil, passport.Success{Value: 0}, nil},
		{"a whole success", passport.Success{Value: "alice", Info: "by token"}, nil, passport.Success{Value: "alice", Info: "by token"}, nil},
		{"nothing", nil, nil, refusal, nil},
		{"a nil pointer", (*user)(nil), nil, refusal, nil},
		{"a nil slice", []string(nil), nil, refusal, nil},
		{"a rejection", nil, passport.Reject(""), refusal, nil},
		{"a rejection with a message", nil, passport.Reject("closed"), other, nil},
		{"a rejection beside a value", "alice", passport.Reject("closed"), other, nil},
		{"a rejection with words around it", nil, fmt.Errorf("check: %w", passport.Reject("closed")), other, nil},
		{"a fault", nil, down, nil, down},
		{"a fault beside a value", "alice", down, nil, down},
	} {
		result, err := passport.Verdict(c.value, c.err, refusal)
		if result != c.want || err != c.fails { //nolint:errorlint // it is returned as it is
			t.Errorf("%s: %v, %v; want %v, %v", c.name, result, err, c.want, c.fails)
		}
	}
	equal(t, "the text of a rejection", passport.Reject("closed").Error(), "rejected: closed")
}

func TestCodesAreStable(t *testing.T) {
	for code, want := range map[passport.Code]string{
		passport.CodeRejected: "credentials_rejected", passport.CodeUnauthenticated: "login_required", passport.CodeDenied: "access_denied",
		passport.CodeMethod: "method_not_allowed", passport.CodePrefetch: "prefetch", passport.CodeNavigation: "not_a_navigation",
		passport.CodeCrossSite: "cross_site", passport.CodeCallback: "callback_malformed",
		passport.CodeIssuer: "issuer_mismatch", passport.CodeFlowMissing: "flow_missing", passport.CodeFlowExpired: "flow_expired",
		passport.CodeFlowPurpose: "flow_purpose", passport.CodeFlowStrategy: "flow_strategy", passport.CodeFlowTenant: "flow_tenant",
		passport.CodeFlowUser: "flow_user", passport.CodeProvider: "provider_error", passport.CodeProviderTimeout: "provider_timeout",
		passport.CodeProviderUnavailable: "provider_unavailable", passport.CodeProviderPanic: "provider_panic", passport.CodeSubject: "subject_missing",
		passport.CodeSessionStore: "session_store", passport.CodeSessionTooLarge: "session_too_large", passport.CodeFlowStore: "flow_store",
		passport.CodeFlowTooLarge: "flow_too_large", passport.CodeUserLoad: "user_load", passport.CodeUserKey: "user_key",
		passport.CodeStrategy: "strategy_fault", passport.CodeStrategyPanic: "strategy_panic", passport.CodeConfiguration: "configuration",
	} {
		equal(t, "a code", string(code), want)
	}
}

func TestTheCodeOfASessionThatDoesNotFit(t *testing.T) {
	onEachShelf(t, func(t *testing.T, shelf shelf) {
		s := newSite(t, shelf.option)
		s.Use("large", always(passport.Success{Value: &user{strings.Repeat("a", 5000)}}))
		s.mount("/large", s.Authenticate("large", passport.FailureRedirect("/out")))
		b := newBrowser(t, s)
		b.get("/large").refused(http.StatusInternalServerError, passport.CodeSessionTooLarge)
		equal(t, "cookies", len(b.jar), 0)
	})
}

func TestRetryAfterIsRoundedUp(t *testing.T) {
	for after, want := range map[time.Duration]string{0: "", time.Nanosecond: "1", time.Second: "1", 1500 * time.Millisecond: "2", time.Minute: "60", -time.Second: ""} {
		s := newSite(t)
		s.Use("down", said(nil, &passport.Error{Code: passport.CodeProviderUnavailable, Status: 503, RetryAfter: after}))
		s.mount("/", s.Authenticate("down"))
		equal(t, fmt.Sprint("Retry-After of ", after), newBrowser(t, s).get("/").header.Get("Retry-After"), want)
	}
}
