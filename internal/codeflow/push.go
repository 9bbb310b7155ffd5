package codeflow

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/outbound"
	"github.com/gopassport/passport/internal/strictjson"
)

// push gives the provider the request itself, and what is left for the browser to carry
// (RFC 9126, 2 and 4).
func (c *Client) push(ctx context.Context, query url.Values) (url.Values, error) {
	ctx, cancel := c.Deadline(ctx)
	defer cancel()
	x := c.Calls(ctx, "the pushed authorization request")
	uri, err := c.pushed(x, query)
	var own *passport.Error
	switch {
	case errors.As(err, &own):
		return nil, own
	case err != nil:
		return nil, x.Error(err)
	}
	return url.Values{"client_id": {c.config.ClientID}, "request_uri": {uri}}, nil
}

// pushed is the request_uri that the provider gives for the request.
func (c *Client) pushed(x *outbound.Exchange, query url.Values) (string, error) {
	r, err := c.form(c.config.Endpoint.Push, maps.Clone(query))
	if err != nil {
		return "", err
	}
	reply, err := x.Client().Do(r)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(reply.Body)
	_ = reply.Body.Close() // it is in memory
	if err != nil {
		return "", err
	}
	return requestURI(reply, body)
}

// requestURI reads the reply to a pushed request (RFC 9126, 2.2 and 2.3).
func requestURI(reply *http.Response, body []byte) (string, error) {
	members, broken := strictjson.Parse(body, "request_uri", "expires_in", "error")
	if reply.StatusCode != http.StatusCreated {
		code, _ := members.Text("error")
		return "", &oauth2.RetrieveError{Response: reply, Body: body, ErrorCode: code}
	}
	if broken != nil {
		return "", outbound.Safe("the reply " + broken.Error())
	}
	uri, ok := members.Text("request_uri")
	if !ok || !outbound.Sendable(uri) || len(uri) > maxURI {
		return "", outbound.Safe("the reply has no request_uri, or one that cannot be sent")
	}
	if seconds := members["expires_in"]; !positive(seconds) {
		return "", outbound.Safe("the reply does not say for how many seconds it is good")
	}
	return uri, nil
}

// maxURI bounds a request_uri, in bytes: it goes into an address.
const maxURI = 1024

func positive(number json.RawMessage) bool {
	var n int64
	return json.Unmarshal(number, &n) == nil && n > 0
}
