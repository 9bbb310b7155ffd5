package oidc

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/outbound"
	"github.com/gopassport/passport/internal/strictjson"
)

// userinfo asks for more about the person of an ID token (OpenID Connect Core 5.3). A reply
// about somebody else is refused.
func (s *Strategy) userinfo(ctx context.Context, p *provider, accessToken, subject string) (claims, error) {
	x := p.client.Calls(ctx, "the request for userinfo")
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.UserinfoEndpoint, http.NoBody)
	if err != nil {
		return nil, x.Error(err)
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", "Bearer "+accessToken) // RFC 6750, 2.1
	reply, err := x.Client().Do(r)
	if err != nil {
		return nil, x.Error(err)
	}
	body, err := io.ReadAll(reply.Body)
	_ = reply.Body.Close() // it was read to its end
	if err != nil {
		return nil, x.Error(err)
	}
	c, problem := readUserinfo(reply, body)
	if problem != "" {
		return nil, x.Error(outbound.Safe(problem))
	}
	return c, sameSubject(subject, c)
}

// readUserinfo reads a reply, or says why it cannot.
func readUserinfo(reply *http.Response, body []byte) (claims, string) {
	kind := reply.Header.Get("Content-Type")
	switch {
	case reply.StatusCode != http.StatusOK:
		return nil, "no userinfo"
	case strings.HasPrefix(strings.ToLower(kind), "application/jwt"):
		return nil, "the userinfo is signed or encrypted, which is not supported; switch that off for this client"
	case !strictjson.Media(kind):
		return nil, "the userinfo is not application/json"
	}
	c, err := strictjson.Parse(body, registered()...)
	if err != nil {
		return nil, "the userinfo " + err.Error()
	}
	return c, ""
}

// sameSubject tells whether a document is about the person who logged in (OpenID Connect
// Core 5.3.2).
func sameSubject(want string, other claims) error {
	if sub, ok := other.Text("sub"); !ok || sub != want {
		return broken(passport.CodeSubjectMismatch, "its sub is missing, or not the one that logged in")
	}
	return nil
}
