package codeflow

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/gopassport/passport/internal/outbound"
	"github.com/gopassport/passport/internal/strictjson"
)

// Token is what a provider gave, and holds secrets.
type Token struct {
	*oauth2.Token

	Scopes []string          // granted
	Reply  strictjson.Object // the whole reply
}

// Redeem exchanges the code of an answer for a token (RFC 6749, 4.1.3). ctx bounds the
// call; see [Client.Deadline]. The error is an [*passport.Error], and reaches an
// [*oauth2.RetrieveError] where the provider gave an error.
func (c *Client) Redeem(ctx context.Context, code string, f Flow) (*Token, error) {
	return c.ask(ctx, "the request for a token", c.asked(f), func(ctx context.Context) (*oauth2.Token, error) {
		return c.oauth2.Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	})
}

// ask asks for a token, and judges the reply.
func (c *Client) ask(ctx context.Context, step string, asked []string, send func(context.Context) (*oauth2.Token, error)) (*Token, error) {
	assertion, err := c.assertion()
	if err != nil {
		return nil, err
	}
	t := &Token{Scopes: asked}
	x := &outbound.Exchange{Context: ctx, Transport: c.config.Transport, TokenForm: assertion, Token: func(reply *http.Response, body []byte) error {
		return t.read(reply, body, c.config.ScopeSeparator)
	}}
	x.Step(step)
	t.Token, err = send(context.WithValue(ctx, oauth2.HTTPClient, x.Client()))
	if err != nil {
		return nil, x.Error(err)
	}
	if seconds, _ := lifetime(t.Reply); seconds > maxLifetime {
		t.Expiry = time.Time{} // it is a way to say never
	}
	return t, nil
}

// read judges a reply (RFC 6749, 5.1). One that says error is left to x/oauth2, which makes
// an error of it.
func (t *Token) read(reply *http.Response, body []byte, separator string) error {
	media, _, err := mime.ParseMediaType(reply.Header.Get("Content-Type"))
	if err != nil || media != "application/json" && !strings.HasSuffix(media, "+json") {
		return outbound.Safe("the token reply is not application/json")
	}
	t.Reply, err = strictjson.Parse(body, "access_token", "token_type", "expires_in", "refresh_token", "id_token", "scope", "error")
	if err != nil {
		return outbound.Safe("the token reply " + err.Error())
	}
	if code, ok := t.Reply.Text("error"); ok && code != "" {
		return nil
	}
	if err := check(t.Reply); err != nil {
		return err
	}
	return t.granted(separator)
}

// check looks at the members of a reply that are not scopes.
func check(reply strictjson.Object) error {
	access, _ := reply.Text("access_token")
	kind, _ := reply.Text("token_type")
	_, whole := lifetime(reply)
	_, id := reply.Text("id_token")
	switch {
	case given(reply, "error"):
		return outbound.Safe("the token reply has an error that is no error code")
	case !outbound.Sendable(access):
		return outbound.Safe("the access_token is missing, empty, too long or not printable")
	case !strings.EqualFold(kind, "bearer"):
		return outbound.Safe("the token_type is missing, or another than Bearer")
	case !whole:
		return outbound.Safe("expires_in is no number of seconds")
	case given(reply, "refresh_token") && !refreshable(reply):
		return outbound.Safe("the refresh_token is no text, or too long or not printable")
	case reply.Has("id_token") && !id:
		return outbound.Safe("the id_token is no text")
	}
	return nil
}

// given tells whether a member is there and not null.
func given(reply strictjson.Object, name string) bool {
	return reply.Has(name) && string(reply[name]) != "null"
}

// refreshable looks at a refresh token. An empty one is none.
func refreshable(reply strictjson.Object) bool {
	refresh, ok := reply.Text("refresh_token")
	return ok && (refresh == "" || outbound.Sendable(strings.ReplaceAll(refresh, " ", ""))) // RFC 6749, A.17 allows spaces
}

// maxLifetime is the longest that a token is believed to live, in seconds: ten years.
const maxLifetime = 10 * 365 * 24 * 60 * 60

// lifetime is for how many seconds a token is good, 0 where nobody says. PayPal says it in a
// string.
func lifetime(reply strictjson.Object) (seconds int64, ok bool) {
	if !given(reply, "expires_in") {
		return 0, true
	}
	text, ok := reply.ID("expires_in")
	if !ok {
		return 0, false
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	return seconds, err == nil && seconds >= 0
}

// granted reads the scopes. Where the reply says nothing, they are those asked for (RFC
// 6749, 5.1). Twitch gives a list.
func (t *Token) granted(separator string) error {
	if !given(t.Reply, "scope") {
		return nil
	}
	text, ok := t.Reply.Text("scope")
	list := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || separator == "," && r == ',' })
	if !ok && json.Unmarshal(t.Reply["scope"], &list) != nil {
		return outbound.Safe("the scope is neither a text nor a list of texts")
	}
	for _, scope := range list {
		if !token(scope) {
			return outbound.Safe("the scope has characters that it cannot have")
		}
	}
	t.Scopes = list
	return nil
}
