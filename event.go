package passport

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// Event is one thing that happened, for audit and metrics. It holds no token, code,
// state, message or e-mail address.
type Event struct {
	Kind     string        // "begin", "login", "connect", "pass", "refusal", "fault", "logout", "revoke" (LogoutEverywhere), or "forget" (a login that is over: its user is gone, say)
	Purpose  string        // "login" or "connect"; "" outside of both
	Strategy string        // the registered name; "" where none was involved
	Tenant   string        // see Attempt.Tenant
	User     string        // the key of who is logged in afterwards; "" for nobody
	Code     Code          // of a refusal or a fault
	Err      error         // of a refusal or a fault; an *Error
	Duration time.Duration // from the start of the engine's work to its decision
}

// LogValue groups what is set, for log/slog.
func (e Event) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("kind", e.Kind), slog.Duration("duration", e.Duration)}
	for _, f := range [][2]string{{"purpose", e.Purpose}, {"strategy", e.Strategy}, {"tenant", e.Tenant}, {"user", e.User}, {"code", string(e.Code)}} {
		if f[1] != "" {
			attrs = append(attrs, slog.String(f[0], f[1]))
		}
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error", e.Err.Error()))
	}
	return slog.GroupValue(attrs...)
}

// logEvent is what Observe does by default. What people do every day is for debugging.
func logEvent(ctx context.Context, e Event) {
	level := slog.LevelDebug
	if e.Kind == "fault" {
		level = slog.LevelError
	}
	if log := slog.Default(); log.Enabled(ctx, level) { // else e need not go to the heap
		log.LogAttrs(ctx, level, "passport", slog.Any("event", e))
	}
}

// observe reports what came of a request, and to whom. started is zero for what takes no time.
func (p *Registry) observe(r *http.Request, started time.Time, e Event) {
	if s := p.stateOf(r); s != nil && e.User == "" {
		_, e.User = s.get()
	}
	if !started.IsZero() {
		e.Duration = time.Since(started)
	}
	p.config.Observe(r.Context(), e)
}
