package oidc

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/panics"
)

const (
	// maxAge is how old a kept value may be before it is fetched again, while the old one
	// is still used.
	maxAge = time.Hour

	// renewal is how often a value may be fetched again because it does not do (R60): who
	// sends a token with an unknown key does not decide how often the provider is asked.
	renewal = time.Minute

	// A fetch that failed is not tried again for a second, then two, up to a minute.
	minBackOff, maxBackOff = time.Second, time.Minute

	// grace is how long after its deadline a fetch may still say itself what went wrong.
	grace = time.Second
)

// kept is something of the provider's that is fetched when it is first needed: a provider
// that is down does not keep a program from starting. However many need it, one fetch is
// under way; it ends for nobody because another browser went away.
type kept[T any] struct {
	fetch   func(context.Context) (T, error)
	timeout time.Duration

	mu       sync.Mutex
	value    T
	at       time.Time       // when the value came; zero: there is none
	err      error           // of the last fetch
	failures int             // in a row
	retry    time.Time       // not before
	flight   <-chan struct{} // closed when the fetch under way has ended
}

// limit counts one reason to fetch a value again. The zero limit allows it at once.
type limit struct{ next time.Time }

// get gives the value, and fetches it where there is none. The error is an
// [*passport.Error]; where the trouble may pass, it says when to come back.
func (k *kept[T]) get(ctx context.Context) (T, error) {
	return k.wait(ctx, k.needed(ctx), false)
}

// needed tells what get must wait for; nil: nothing.
func (k *kept[T]) needed(ctx context.Context) <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	switch old := now.Sub(k.at) > maxAge; {
	case now.Before(k.retry) || !old:
		return nil
	case k.at.IsZero():
		return k.start(ctx)
	}
	k.start(ctx) // the old value will do meanwhile
	return nil
}

// renew fetches the value again, unless that was done within the last minute for the same
// reason or just failed, and gives what there is then. Where the last fetch failed, that
// is the error, though there may be an older value.
func (k *kept[T]) renew(ctx context.Context, l *limit) (T, error) {
	return k.wait(ctx, k.renewed(ctx, l), true)
}

// renewed tells what renew must wait for; nil: nothing.
func (k *kept[T]) renewed(ctx context.Context, l *limit) <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	switch {
	case k.flight != nil:
		return k.flight
	case now.Before(l.next) || now.Before(k.retry):
		return nil
	}
	l.next = now.Add(renewal)
	return k.start(ctx)
}

// wait gives what there is when a fetch has landed.
func (k *kept[T]) wait(ctx context.Context, landed <-chan struct{}, latest bool) (T, error) {
	var none T
	if landed != nil {
		select {
		case <-landed:
		case <-ctx.Done():
			return none, later(late(ctx.Err()), minBackOff) // the fetch has not ended, so there is no better guess
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.at.IsZero() || latest && k.err != nil {
		return none, later(k.err, time.Until(k.retry))
	}
	return k.value, nil
}

// late is the error where there was no answer in time.
func late(cause error) error {
	return &passport.Error{Code: passport.CodeProviderTimeout, Status: http.StatusGatewayTimeout, Err: cause}
}

// later says when to come back, where the trouble may pass.
func later(err error, after time.Duration) error {
	var e *passport.Error
	if !errors.As(err, &e) || e.Status < http.StatusServiceUnavailable {
		return err
	}
	own := *e
	own.RetryAfter = max(after, minBackOff)
	return &own
}

// start begins a fetch, or finds the one that is under way.
func (k *kept[T]) start(ctx context.Context) <-chan struct{} {
	if k.flight != nil {
		return k.flight
	}
	landed := make(chan struct{})
	k.flight = landed
	go func() {
		defer close(landed)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.timeout)
		defer cancel()
		k.land(k.bounded(ctx))
	}()
	return landed
}

// bounded is fetch, where one that does not end with its context (a transport that waits
// for something else, say) ends for those who wait: else nobody would ever ask again. What
// it brings later is lost.
func (k *kept[T]) bounded(ctx context.Context) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	came := make(chan outcome, 1) // so that nobody need be there to take it
	go func() {
		value, err := k.guarded(ctx)
		came <- outcome{value, err}
	}()
	patience := time.NewTimer(k.timeout + grace)
	defer patience.Stop()
	select {
	case o := <-came:
		return o.value, o.err
	case <-patience.C:
		var none T
		return none, late(context.DeadlineExceeded)
	}
}

// guarded is fetch, where a panic (of a Config.Client, say) does not end the program.
func (k *kept[T]) guarded(ctx context.Context) (value T, err error) {
	defer func() {
		if cause := panics.Any(recover()); cause != nil {
			err = &passport.Error{Code: passport.CodeProviderPanic, Status: http.StatusBadGateway, Err: cause}
		}
	}()
	return k.fetch(ctx)
}

// land keeps what came of a fetch.
func (k *kept[T]) land(value T, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	k.flight, k.err = nil, err
	if err == nil {
		k.value, k.at, k.failures, k.retry = value, now, 0, time.Time{}
		return
	}
	pause := min(minBackOff<<min(k.failures, 10), maxBackOff)
	k.failures++
	k.retry = now.Add(jittered(pause))
}

// jittered is half of a pause up to all of it, so that not all machines ask at once.
func jittered(pause time.Duration) time.Duration {
	var b [1]byte
	_, _ = rand.Read(b[:]) // never fails: without random bits the program ends
	return pause/2 + pause/2*time.Duration(b[0])/256
}
