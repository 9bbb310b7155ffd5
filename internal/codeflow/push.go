package codeflow

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"

	"github.com/gopassport/passport/internal/outbound"
	"github.com/gopassport/passport/internal/strictjson"
)

// push gives the provider the request itself, and what is left for the browser to carry
// (RFC 9126, 2 and 4).
func (c *Client) push(ctx context.Context, query url.Values) (url.Values, error) {
	ctx, cancel := c.Deadline(ctx)
	defer cancel()
	x := c.Calls(ctx, "the pushed authorization request")
	x.AsIs = true
	reply, err := c.post(x, c.config.Endpoint.Push, maps.Clone(query))
	if err != nil {
		return nil, failed(x, err)
	}
	uri, err := requestURI(reply)
	if err != nil {
		return nil, x.Error(err)
	}
	return url.Values{"client_id": {c.config.ClientID}, "request_uri": {uri}}, nil
}

// maxURI bounds a request_uri, in bytes: it goes into an address.
const maxURI = 1024

// requestURI reads the reply to a pushed request (RFC 9126, 2.2 and 2.3).
func requestURI(reply answered) (string, error) {
	members, broken := strictjson.Parse(reply.body, "request_uri", "expires_in", "error")
	if reply.StatusCode != http.StatusCreated {
		code, _ := members.Text("error")
		return "", &oauth2.RetrieveError{Response: reply.Response, Body: reply.body, ErrorCode: code}
	}
	if broken != nil {
		return "", outbound.Safe("the reply " + broken.Error())
	}
	uri, ok := members.Text("request_uri")
	if !ok || !outbound.Sendable(uri) || len(uri) > maxURI {
		return "", outbound.Safe("the reply has no request_uri, or one that cannot be sent")
	}
	var seconds int64
	if json.Unmarshal(members["expires_in"], &seconds) != nil || seconds <= 0 {
		return "", outbound.Safe("the reply does not say for how many seconds it is good")
	}
	return uri, nil
}
