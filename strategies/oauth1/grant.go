package oauth1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
)

// Grant is what a verify function gets: who the person is at the service, and a token to
// ask there in the person's name. In logs, in JSON and with fmt it shows no more than that
// there is one; as an unexported field of another struct it cannot hide from fmt.
type Grant struct {
	// Subject is the service's name for the person, never empty. Together with the
	// service, it is what an account is kept by.
	Subject string

	// Token and TokenSecret are the token credentials (RFC 5849, 2.3). Whoever has both
	// and the client's secret is the person to the service: keep them sealed, if at all.
	Token, TokenSecret string

	// Params is what the reply had beside them, as the service sent it: user_id and
	// screen_name of Twitter. It has at most one value a name; nobody has checked what it says.
	Params url.Values

	profile  json.RawMessage
	strategy *Strategy
}

// Profile decodes what Config.Profile read into v, as json.Unmarshal does. It is an error
// where that read no profile.
func (g Grant) Profile(v any) error {
	if g.profile == nil {
		return errors.New("oauth1: Config.Profile read no profile")
	}
	return json.Unmarshal(g.profile, v)
}

// Client gives a client that signs requests with the token; see [Strategy.Client].
func (g Grant) Client(ctx context.Context) *http.Client {
	return g.strategy.Client(ctx, g.Token, g.TokenSecret)
}

// Client gives a client that signs requests with a token that was kept (RFC 5849, 3). ctx
// bounds all its requests, whatever context they have themselves, and there is no other
// time-out. It follows no redirects, which would sign for another host, and takes no reply
// above 1 MiB. It is safe for concurrent use.
//
// github.com/dghubble/oauth1 signs, and signs wrongly what services answer 401 to: a query
// or form with a name that comes twice, a form whose Content-Type has a charset.
func (s *Strategy) Client(ctx context.Context, token, secret string) *http.Client {
	return s.client(s.exchange(ctx), credentials{token, secret})
}

const redacted = "oauth1.Grant{redacted}"

// Format implements [fmt.Formatter] for all verbs.
func (g Grant) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) } // fmt reports what goes wrong

// MarshalJSON implements [json.Marshaler].
func (g Grant) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// LogValue implements [slog.LogValuer].
func (g Grant) LogValue() slog.Value { return slog.StringValue(redacted) }
