package codeflow

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/outbound"
	"github.com/gopassport/passport/internal/strictjson"
)

// Token is what a provider gave, and holds secrets.
type Token struct {
	*oauth2.Token // its Extra knows id_token and scope

	Scopes []string          // granted
	Reply  strictjson.Object // the whole reply
}

// Redeem exchanges the code of an answer for a token (RFC 6749, 4.1.3). ctx bounds the
// call; see [Client.Deadline]. The error is an [*passport.Error], and reaches an
// [*oauth2.RetrieveError] where the provider gave an error.
func (c *Client) Redeem(ctx context.Context, code string, f Flow) (*Token, error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {c.config.RedirectURL}, "code_verifier": {f.Verifier}}
	return c.ask(ctx, "the request for a token", c.asked(f), form)
}

// ask asks for a token, and judges the reply. x/oauth2 could do this, too; but it reads
// JSON as encoding/json does, and everything would have to be read twice.
func (c *Client) ask(ctx context.Context, step string, asked []string, form url.Values) (*Token, error) {
	x := c.Calls(ctx, step)
	x.AsIs = true
	reply, err := c.post(x, c.config.Endpoint.Token, form)
	if err != nil {
		return nil, failed(x, err)
	}
	t, err := c.read(reply)
	if err != nil {
		return nil, failed(x, err)
	}
	if !given(t.Reply, "scope") {
		t.Scopes = asked // RFC 6749, 5.1
	}
	return t, nil
}

// failed gives the error of a step a code, where it has none.
func failed(x *outbound.Exchange, err error) error {
	var own *passport.Error
	if errors.As(err, &own) {
		return own
	}
	return x.Error(err)
}

// read makes a token of a reply (RFC 6749, 5.1), or the provider's error (5.2).
func (c *Client) read(reply answered) (*Token, error) {
	members, err := strictjson.Parse(reply.body, "access_token", "token_type", "expires_in", "refresh_token", "id_token", "scope", "error")
	problem, _ := members.Text("error")
	switch {
	case reply.StatusCode < 200 || reply.StatusCode > 299 || problem != "":
		return nil, &oauth2.RetrieveError{Response: reply.Response, Body: reply.body, ErrorCode: problem}
	case !strictjson.Media(reply.Header.Get("Content-Type")):
		return nil, outbound.Safe("the token reply is not application/json")
	case err != nil:
		return nil, outbound.Safe("the token reply " + err.Error())
	}
	seconds, ok := lifetime(members)
	if !ok {
		return nil, outbound.Safe("expires_in is no number of seconds")
	}
	token := tokenOf(members, seconds)
	if err := check(members, token); err != nil {
		return nil, err
	}
	scopes, err := granted(members, c.config.ScopeSeparator)
	return &Token{token, scopes, members}, err
}

// check looks at the members of a reply that are texts, and at what the token got of them:
// "" for one that is none.
func check(reply strictjson.Object, t *oauth2.Token) error {
	switch {
	case given(reply, "error"):
		return outbound.Safe("the token reply has an error that is no error code")
	case !outbound.Sendable(t.AccessToken):
		return outbound.Safe("the access_token is missing, empty, too long or not printable")
	case !strings.EqualFold(t.TokenType, "bearer"):
		return outbound.Safe("the token_type is missing, or another than Bearer")
	case given(reply, "refresh_token") && !refreshable(reply):
		return outbound.Safe("the refresh_token is no text, or too long or not printable")
	case reply.Has("id_token") && t.Extra("id_token") == nil:
		return outbound.Safe("the id_token is no text")
	}
	return nil
}

// given tells whether a member is there and not null.
func given(reply strictjson.Object, name string) bool {
	return reply.Has(name) && string(reply[name]) != "null"
}

// refreshable looks at a refresh token, which may have spaces (RFC 6749, A.17). An empty one
// is none.
func refreshable(reply strictjson.Object) bool {
	refresh, ok := reply.Text("refresh_token")
	return ok && (refresh == "" || outbound.Sendable(strings.ReplaceAll(refresh, " ", "_")))
}

// maxLifetime is the longest that a token is believed to live, in seconds: ten years. More
// is a way to say for ever.
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
	if seconds > maxLifetime {
		return 0, err == nil
	}
	return seconds, err == nil && seconds >= 0
}

// granted reads the scopes. Twitch gives a list.
func granted(reply strictjson.Object, separator string) ([]string, error) {
	if !given(reply, "scope") {
		return nil, nil
	}
	text, ok := reply.Text("scope")
	list := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || separator == "," && r == ',' })
	if !ok && json.Unmarshal(reply["scope"], &list) != nil {
		return nil, outbound.Safe("the scope is neither a text nor a list of texts")
	}
	for _, scope := range list {
		if !token(scope) {
			return nil, outbound.Safe("the scope has characters that it cannot have")
		}
	}
	return list, nil
}

// tokenOf is the token of a reply, as far as that has texts for it.
func tokenOf(reply strictjson.Object, seconds int64) *oauth2.Token {
	t := &oauth2.Token{ExpiresIn: seconds}
	t.AccessToken, _ = reply.Text("access_token")
	t.TokenType, _ = reply.Text("token_type")
	t.RefreshToken, _ = reply.Text("refresh_token")
	if seconds > 0 {
		t.Expiry = time.Now().Add(time.Duration(seconds) * time.Second)
	}
	extra := map[string]any{}
	for _, name := range []string{"id_token", "scope"} {
		if text, ok := reply.Text(name); ok {
			extra[name] = text
		}
	}
	return t.WithExtra(extra)
}

// answered is a reply that was read to its end.
type answered struct {
	*http.Response

	body []byte
}
