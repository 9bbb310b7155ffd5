package passporttest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopassport/passport"
)

// StrategyHarness tells [TestStrategy] what a strategy takes.
type StrategyHarness struct {
	// Strategy makes the strategy. Required.
	Strategy func(tb testing.TB) passport.Strategy

	// Good makes a request with which it succeeds, or redirects. Required. It is called
	// often, and from many goroutines.
	Good func() *http.Request

	// Bad makes a request whose credentials it refuses. Nil for a strategy that only begins
	// flows; then these cases are skipped.
	Bad func() *http.Request

	// Secrets are what must show up in no result and no error: passwords and tokens of Good
	// and Bad, the client's secret.
	Secrets []string

	// Options are those of the route.
	Options []passport.Option
}

// TestStrategy checks what a [passport.Strategy] promises:
//
//   - It decides: a result or an error, never neither; a Success has a value.
//   - It panics on no request, and lets nobody in by accident.
//   - A refusal is a Failure, or an [*passport.Error] below 500, with the same code, status
//     and message each time.
//   - No result and no error shows a secret, or quotes a request that is hostile.
//   - It is called from many goroutines at once (run the test with -race), and remembers
//     nothing of one request in the next.
//   - It ends when the request is over.
func TestStrategy(tb testing.TB, h StrategyHarness) {
	tb.Helper()
	for _, c := range []struct {
		name string
		test func(h StrategyHarness, tb testing.TB)
	}{
		{"good requests", StrategyHarness.good},
		{"bad requests", StrategyHarness.bad},
		{"hostile requests", StrategyHarness.hostile},
		{"requests at once", StrategyHarness.atOnce},
		{"requests that are over", StrategyHarness.over},
	} {
		if whole, ok := tb.(*testing.T); ok {
			whole.Run(c.name, func(t *testing.T) { c.test(h, t) })
			continue
		}
		c.test(h, tb)
	}
}

// attempt makes a strategy of its own.
func (h StrategyHarness) attempt(tb testing.TB) *Attempt {
	tb.Helper()
	return NewAttempt(tb, h.Strategy(tb), h.Options...)
}

func (h StrategyHarness) good(tb testing.TB) {
	tb.Helper()
	a := h.attempt(tb)
	for range 3 {
		h.wants(tb, "a good request", a, h.Good(), accepted)
	}
}

func (h StrategyHarness) bad(tb testing.TB) {
	tb.Helper()
	if h.Bad == nil {
		return
	}
	a := h.attempt(tb)
	first := h.wants(tb, "a bad request", a, h.Bad(), refusal)
	h.wants(tb, "a good request after a bad one", a, h.Good(), accepted)
	if again := h.wants(tb, "a bad request after a good one", a, h.Bad(), refusal); again != first {
		tb.Errorf("a bad request is refused in two ways:\n%s\n%s", first, again)
	}
}

// atOnce runs good and bad requests side by side.
func (h StrategyHarness) atOnce(tb testing.TB) {
	tb.Helper()
	a := h.attempt(tb)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for range 4 {
				if i%2 == 0 || h.Bad == nil {
					h.wants(tb, "a good request among others", a, h.Good(), accepted)
					continue
				}
				h.wants(tb, "a bad request among others", a, h.Bad(), refusal)
			}
		})
	}
	all.Wait()
}

// endsWithin is how soon a strategy must see that nobody waits any more.
const endsWithin = 5 * time.Second

// over calls with a context that is cancelled already. What comes out is open: a strategy
// that asks nobody need not notice.
func (h StrategyHarness) over(tb testing.TB) {
	tb.Helper()
	a := h.attempt(tb)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.wants(tb, "a request that is over", a, h.Good().WithContext(ctx), anything)
	}()
	timer := time.NewTimer(endsWithin)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		tb.Errorf("a request that is over: the strategy is still at work after %v", endsWithin)
	}
}

func (h StrategyHarness) hostile(tb testing.TB) {
	tb.Helper()
	a := h.attempt(tb)
	for name, r := range hostileRequests() {
		h.wants(tb, "a hostile request: "+name, a, r, harmless)
	}
	if h.Bad != nil {
		h.wants(tb, "a bad request after hostile ones", a, h.Bad(), refusal)
	}
	h.wants(tb, "a good request after hostile ones", a, h.Good(), accepted)
}

// kind is what came out.
type kind string

const (
	anything kind = "a decision"
	accepted kind = "a Success or a Redirect"
	refusal  kind = "a Failure, or an *Error below 500"
	harmless kind = "anything but a Success or a panic"
)

// wants does one request, judges what came out, and gives what is shown of it.
func (h StrategyHarness) wants(tb testing.TB, what string, a *Attempt, r *http.Request, want kind) string {
	tb.Helper()
	result, err := a.Do(r)
	text := dump(result, err)
	if problem := judge(result, err, want); problem != "" {
		tb.Errorf("%s: %s; got %s", what, problem, text)
	}
	for _, secret := range append([]string{canary}, h.Secrets...) {
		if secret != "" && strings.Contains(text, secret) && !isSuccess(result) {
			tb.Errorf("%s: %q shows up in %s", what, secret, text)
		}
	}
	return shown(result, err)
}

// shown is what of a refusal an attacker sees, and who counts events. The cause is for the
// log, and a challenge may have a nonce: both may be others each time.
func shown(result passport.Result, err error) string {
	failure, _ := result.(passport.Failure)
	e := &passport.Error{Code: passport.CodeRejected, Status: failure.Status, Message: failure.Message}
	_ = errors.As(err, &e)
	return fmt.Sprintf("%s %d %q", e.Code, cmp.Or(e.Status, http.StatusUnauthorized), e.Message)
}

// judge says what is wrong; "" for nothing.
func judge(result passport.Result, err error, want kind) string {
	var panicked *Panic
	var refused *passport.Error
	success, succeeded := result.(passport.Success)
	redirect, redirected := result.(passport.Redirect)
	_, failed := result.(passport.Failure)
	low := errors.As(err, &refused) && refused.Status < http.StatusInternalServerError
	switch {
	case errors.As(err, &panicked):
		return "it panics"
	case result == nil && err == nil:
		return "it decides nothing: neither a result nor an error"
	case result != nil && err != nil:
		return "it decides twice: a result and an error"
	case succeeded && empty(success.Value):
		return "a Success without a value"
	case redirected && redirect.URL == "":
		return "a Redirect to nowhere"
	case want == accepted && !succeeded && !redirected, want == refusal && !failed && !low, want == harmless && succeeded:
		return "want " + string(want)
	}
	return ""
}

func isSuccess(result passport.Result) bool { _, ok := result.(passport.Success); return ok }

func empty(value any) bool {
	v := reflect.ValueOf(value)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// dump shows a decision in all the ways in which one ends up in a log.
func dump(result passport.Result, err error) string {
	text := fmt.Sprintf("%+v %#v", result, result)
	if redirect, ok := result.(passport.Redirect); ok { // the state is new each time
		address, _, _ := strings.Cut(redirect.URL, "?")
		query, _ := url.ParseQuery(redirect.URL[min(len(address)+1, len(redirect.URL)):]) // what does not parse is empty
		text = "Redirect to " + address
		for _, values := range query {
			for _, value := range values {
				if strings.Contains(value, canary) {
					text += " with " + value
				}
			}
		}
	}
	var e *passport.Error
	for cause := err; cause != nil; cause = errors.Unwrap(cause) {
		text += fmt.Sprintf(" | %T %v %+v", cause, cause, cause)
	}
	if errors.As(err, &e) {
		data, _ := json.Marshal(e) //nolint:musttag // as somebody's log would; an error that has no JSON shows nothing there
		text += " | " + string(data)
	}
	return text
}

// canary is in every hostile request.
const canary = "CANARY-3c1d"

// hostileRequests are requests that nobody well-behaved sends.
func hostileRequests() map[string]*http.Request {
	all := map[string]*http.Request{
		"no body at all":     {Method: http.MethodPost, URL: &url.URL{Path: "/"}, Header: http.Header{}, Host: "app.example"},
		"a body that breaks": request(http.MethodPost, "/", formMedia, io.NopCloser(broken{})),
	}
	for name, query := range map[string]string{
		"a code without a state":   "code=" + canary,
		"a state of no flow":       "code=c&state=" + canary,
		"two states":               "code=c&state=a&state=" + canary,
		"an error":                 "error=" + canary + "&error_description=" + canary + "&state=" + canary,
		"a token in the address":   "access_token=" + canary + "&id_token=" + canary,
		"an OAuth 1 answer":        "oauth_token=" + canary + "&oauth_verifier=" + canary,
		"a denial":                 "denied=" + canary,
		"a query that is none":     "%zz=" + canary + ";;&=&",
		"a long state":             "code=c&state=" + strings.Repeat(canary, 2000),
		"line breaks":              "code=a%0d%0aX:" + canary + "&state=%00",
		"what belongs to the flow": "redirect_uri=https://" + canary + "&code_verifier=" + canary + "&nonce=" + canary + "&username=" + canary,
	} {
		all[name] = request(http.MethodGet, "/?"+query, "", http.NoBody)
		all[name+", posted"] = request(http.MethodPost, "/", formMedia, io.NopCloser(strings.NewReader(query)))
	}
	for name, value := range map[string]string{
		"no credentials": "Basic", "Basic of nothing": "Basic Og==", "Basic that is none": "Basic " + canary + "!", "Bearer": "Bearer", "two tokens": "Bearer a " + canary,
		"a token": "Bearer " + canary, "a long header": "Bearer " + strings.Repeat(canary, 2000), "control characters": "Bearer \x00\x7f", "not UTF-8": "Basic //46Yg==", "an unknown scheme": canary + " x",
	} {
		r := request(http.MethodGet, "/", "", http.NoBody)
		r.Header["Authorization"] = []string{value}
		all["Authorization: "+name] = r
	}
	twice := request(http.MethodGet, "/", "", http.NoBody)
	twice.Header["Authorization"] = []string{"Bearer " + canary, "Basic " + canary}
	all["two Authorization headers"] = twice
	for _, method := range []string{http.MethodHead, http.MethodPut, http.MethodTrace, http.MethodOptions, "get", canary} {
		r := request(http.MethodGet, "/?code=c&state=s", "", http.NoBody)
		r.Method = method
		all["method "+method] = r
	}
	for name, media := range map[string]string{"JSON": "application/json", "multipart without parts": "multipart/form-data; boundary=x", "no media type": "", "nonsense": "/;;="} {
		all["a body of "+name] = request(http.MethodPost, "/", media, io.NopCloser(strings.NewReader(`{"password":"`+canary+`"`)))
	}
	return all
}

const formMedia = "application/x-www-form-urlencoded"

func request(method, target, media string, body io.ReadCloser) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), method, "/", body)
	r.URL = &url.URL{Path: "/"}
	_, r.URL.RawQuery, _ = strings.Cut(target, "?")
	r.Body = body
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	return r
}

// broken is a body whose connection broke.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the connection broke") }
