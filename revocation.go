package passport

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gopassport/passport/internal/record"
)

// RevocationStore remembers which logins were ended early. It is called from many goroutines
// at once, with the request's context. An error is a fault ([CodeRevocations], 503): nobody
// stays logged in because a database is down. docs/sessions.md says what else it has to do.
type RevocationStore interface {
	// Revoke ends the login of that id; where id is "", every login of the user that
	// began up to now. It is forgotten after ttl: the logins are over by then.
	Revoke(ctx context.Context, user, id string, ttl time.Duration) error

	// Revoked tells whether the login of that id was ended, or all that began when it
	// did. began is exact to the microsecond.
	Revoked(ctx context.Context, user, id string, began time.Time) (bool, error)
}

// LogoutEverywhere ends all logins of a user, by the key that Users.Key gives, on every
// machine: after a stolen telephone, say. Who logs in afterwards is not touched, so a
// handler that changes a password calls it and then [Registry.Login]. "Afterwards" goes by
// this machine's clock: until another that is behind has caught up, logins there end, too.
// It needs Config.Revocations; the error is an [*Error]. It is safe for concurrent use.
func (p *Registry) LogoutEverywhere(ctx context.Context, key string) error {
	if p.config.Revocations == nil || key == "" {
		return fault(CodeConfiguration, http.StatusInternalServerError, errors.New("LogoutEverywhere needs Config.Revocations, and the key of a user"))
	}
	if err := p.revoke(ctx, record.Record{Key: key}); err != nil {
		return err
	}
	p.config.Observe(ctx, Event{Kind: "revoke", User: key})
	return nil
}

// revoke ends a login, or all of its user where it has no id.
func (p *Registry) revoke(ctx context.Context, l record.Record) error {
	if p.config.Revocations == nil || l.Key == "" {
		return nil
	}
	// A minute more: the clocks of two machines may differ.
	if err := p.config.Revocations.Revoke(ctx, l.Key, l.ID, p.config.Lifetime+time.Minute); err != nil {
		return fault(CodeRevocations, http.StatusServiceUnavailable, err)
	}
	return nil
}

// revoked asks whether a login was ended before its time.
func (p *Registry) revoked(ctx context.Context, l record.Record) (bool, error) {
	if p.config.Revocations == nil {
		return false, nil
	}
	ended, err := p.config.Revocations.Revoked(ctx, l.Key, l.ID, l.At)
	if err != nil {
		return false, fault(CodeRevocations, http.StatusServiceUnavailable, err)
	}
	return ended, nil
}
