package gothprovider

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/outbound"
)

// ask calls into goth, and makes of everything that may go wrong there an error that can
// be shown. step says what is done, for that error. Many providers panic when a reply is
// not what they expect.
func ask[T any](c call, step string, f func() (T, error)) (T, error) {
	c.exchange.Step(step)
	run := apart[T]
	if c.bounded {
		run = here[T]
	}
	v, err := run(c.exchange.Context, f)
	if err == nil {
		return v, nil
	}
	failure := c.exchange.Error(err)
	var p *panicked
	if errors.As(err, &p) && c.exchange.Context.Err() == nil { // some panic because they got no reply in time
		failure.Code = passport.CodeProviderPanic
	}
	return v, failure
}

// here runs f, which ends with ctx by itself: all its calls go through our client.
func here[T any](_ context.Context, f func() (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicked{outbound.Safe(panicText(p))}
		}
	}()
	return f()
}

// apart runs f until it ends or ctx does: goth knows no contexts. When ctx ends first, the
// goroutine lives on until f returns, when the other side answers or hangs up.
func apart[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		o := outcome{err: outbound.Safe("goth ended the goroutine")}
		defer func() { done <- o }()
		o.value, o.err = here(ctx, f)
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// panicked is a panic in goth. Its value may quote a reply and is dropped.
type panicked struct{ outbound.Safe }

func (p *panicked) Unwrap() error { return p.Safe }

// panicText says what panicked, and where. A runtime error (a nil map, a type that is
// another) names types and indexes only.
func panicText(v any) string {
	what := fmt.Sprintf("a value of type %T", v)
	if err, ok := v.(runtime.Error); ok {
		what = err.Error()
	}
	return fmt.Sprintf("goth panicked in %s: %s", where(), what)
}

// where is the function that panicked, and the line, without the file: its path is the
// machine's.
func where() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	panicking := false
	for {
		frame, more := frames.Next()
		if panicking && !strings.HasPrefix(frame.Function, "runtime.") {
			return fmt.Sprintf("%s:%d", frame.Function, frame.Line)
		}
		panicking = panicking || frame.Function == "runtime.gopanic"
		if !more {
			return "an unknown place"
		}
	}
}
