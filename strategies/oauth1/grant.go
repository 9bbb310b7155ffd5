package oauth1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
)

// Grant is what a person gave the application at a service. Printed, logged or made into
// JSON, it shows the subject, never the token or the profile.
type Grant struct {
	// Subject is the id of the person at the service. It is never empty in a verify function,
	// and always in a [ProfileFunc]. Together with the service, it is what an account is kept
	// by.
	Subject string

	// Reply is what came beside the token, without it: user_id and screen_name of Twitter. A
	// name has one value.
	Reply url.Values

	token   func() credentials     // functions, so that printing what holds a Grant prints none of it:
	profile func() json.RawMessage // fmt looks into pointers, with some verbs
	client  func(context.Context) *http.Client
}

// Token and TokenSecret are the token credentials (RFC 5849, 2.3), to keep. They are
// secrets of the person's, worth encrypting where they are stored; [Strategy.Client] takes
// them again. They are empty in a Grant that no flow made.
func (g Grant) Token() string {
	if g.token == nil {
		return ""
	}
	return g.token().id
}

// TokenSecret is the secret of Token.
func (g Grant) TokenSecret() string {
	if g.token == nil {
		return ""
	}
	return g.token().secret
}

// Profile decodes what Config.Profile read into v, as json.Unmarshal does. It is an error
// where that read no profile.
func (g Grant) Profile(v any) error {
	if g.profile == nil {
		return errors.New("oauth1: Config.Profile read no profile")
	}
	return json.Unmarshal(g.profile(), v)
}

// Client gives a client that signs requests with the token; see [Strategy.Client]. The
// Grant is one of a flow's.
func (g Grant) Client(ctx context.Context) *http.Client {
	return g.client(ctx)
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

// String shows whose grant it is.
func (g Grant) String() string { return fmt.Sprintf("oauth1.Grant(%q)", g.Subject) }

// Format implements [fmt.Formatter], so that no verb shows more than String does.
func (g Grant) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, g.String()) } // fmt reports what goes wrong

// LogValue implements [slog.LogValuer].
func (g Grant) LogValue() slog.Value { return slog.GroupValue(slog.String("subject", g.Subject)) }

// MarshalJSON implements [json.Marshaler].
func (g Grant) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Subject string `json:"subject"`
	}{g.Subject})
}
