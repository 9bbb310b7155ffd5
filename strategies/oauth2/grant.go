package oauth2

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	"golang.org/x/oauth2"

	"github.com/gopassport/passport/internal/codeflow"
	"github.com/gopassport/passport/internal/strictjson"
)

// Grant is what a person gave the application at a service. Printed, logged or made into
// JSON, it shows the subject and the scopes, never the token or the profile.
type Grant struct {
	// Subject is the id of the person at the service. It is never empty in a verify function,
	// and always in a [ProfileFunc].
	Subject string

	// Profile is what the service says about the person.
	Profile Members

	// Scopes are those that were granted: what the token reply says, or what was asked for
	// where it says nothing (RFC 6749, 5.1).
	Scopes []string

	// Reply is the rest of the token reply, without its tokens: some services name the person,
	// or a team, there.
	Reply Members

	token    *oauth2.Token // a pointer, so that printing what holds a Grant does not print it
	strategy *Strategy
}

func newGrant(s *Strategy, t *codeflow.Token) Grant {
	for _, secret := range []string{"access_token", "refresh_token", "id_token"} {
		delete(t.Reply, secret)
	}
	return Grant{Scopes: slices.Clone(t.Scopes), Reply: Members(t.Reply), token: t.Token, strategy: s}
}

// Token gives a copy of the token, to keep: the access token, its expiry, and the refresh
// token where the service gave one. It is a secret of the person's, worth encrypting where
// it is stored. [Strategy.TokenSource] takes it again.
func (g Grant) Token() *oauth2.Token {
	if g.token == nil {
		return &oauth2.Token{}
	}
	own := *g.token
	return &own
}

// Client gives a client for the service's API, whose requests bear the token. It refreshes
// the token when that has expired; ctx bounds the refreshes, not the requests. Redirects to
// another host are errors: they would take the token there. Outside of a strategy's verify
// function it is made anew with [Strategy.Client].
func (g Grant) Client(ctx context.Context) *http.Client {
	if g.strategy == nil {
		return oauth2.NewClient(ctx, g.TokenSource(ctx))
	}
	return g.strategy.Client(ctx, g.token)
}

// TokenSource gives the token, and refreshes it when it has expired.
func (g Grant) TokenSource(ctx context.Context) oauth2.TokenSource {
	if g.strategy == nil { // made by a test of the application's
		return oauth2.StaticTokenSource(g.Token())
	}
	return g.strategy.TokenSource(ctx, g.token)
}

// Client is [Grant.Client] for a token that was kept.
func (s *Strategy) Client(ctx context.Context, t *oauth2.Token) *http.Client {
	return s.client.API(s.TokenSource(ctx, t))
}

// TokenSource gives a token that was kept while it is good, and refreshes it then (RFC 6749,
// 6). Who waits for a refresh gets what it brought, and asks anew only where it failed. A
// reply to a refresh is judged as the first one was. Where it
// brings no new refresh token, the old one stays; where it brings one, the old one may be
// spent, so keep what Token returns.
//
// Errors are a [*passport.Error]; a person who took access away is an
// [*oauth2.RetrieveError] in it, with the ErrorCode invalid_grant.
func (s *Strategy) TokenSource(ctx context.Context, t *oauth2.Token) oauth2.TokenSource {
	return s.client.TokenSource(ctx, t)
}

// String shows whose grant it is, and for what.
func (g Grant) String() string {
	return fmt.Sprintf("oauth2.Grant(%q, scopes %q)", g.Subject, g.Scopes)
}

// Format implements [fmt.Formatter], so that no verb shows more than String does.
func (g Grant) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, g.String()) }

// LogValue implements [slog.LogValuer].
func (g Grant) LogValue() slog.Value {
	return slog.GroupValue(slog.String("subject", g.Subject), slog.Any("scopes", g.Scopes))
}

// MarshalJSON implements [json.Marshaler].
func (g Grant) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Subject string   `json:"subject"`
		Scopes  []string `json:"scopes"`
	}{g.Subject, g.Scopes})
}

// Members is a JSON object of a service's, by the exact names of its members. Printed, it
// shows the names.
type Members map[string]json.RawMessage

// Text gives a member that is a string, "" for none.
func (m Members) Text(name string) string {
	text, _ := strictjson.Object(m).Text(name)
	return text
}

// Claim reads a member into v, as [json.Unmarshal] does: integers are exact where v is one.
// It is an error where there is no such member, or one of another type.
func (m Members) Claim(name string, v any) error {
	raw, ok := m[name]
	if !ok || json.Unmarshal(raw, v) != nil {
		return fmt.Errorf("oauth2: there is no %q that fits a %T", name, v)
	}
	return nil
}

// Format implements [fmt.Formatter].
func (m Members) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "oauth2.Members%q", m.names()) }

// LogValue implements [slog.LogValuer].
func (m Members) LogValue() slog.Value { return slog.AnyValue(m.names()) }

func (m Members) names() []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
