package oidc

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/gopassport/passport/internal/codeflow"
	"github.com/gopassport/passport/internal/intent"
	"github.com/gopassport/passport/internal/strictjson"
)

// document is the OpenID Provider Metadata that matters here (OpenID Connect Discovery 3;
// RFC 8414, 2; RFC 9126, 5; RFC 9207, 3).
type document struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	UserinfoEndpoint      string   `json:"userinfo_endpoint"`
	PushEndpoint          string   `json:"pushed_authorization_request_endpoint"`
	EndSessionEndpoint    string   `json:"end_session_endpoint"`
	KeysEndpoint          string   `json:"jwks_uri"`
	PushRequired          bool     `json:"require_pushed_authorization_requests"`
	NamesIssuer           bool     `json:"authorization_response_iss_parameter_supported"`
	ResponseTypes         []string `json:"response_types_supported"`
	ResponseModes         []string `json:"response_modes_supported"`
	GrantTypes            []string `json:"grant_types_supported"`
	ChallengeMethods      []string `json:"code_challenge_methods_supported"`
	Algorithms            []string `json:"id_token_signing_alg_values_supported"`
}

// provider is who is asked, as far as the metadata says, and the client that asks.
type provider struct {
	document
	client *codeflow.Client
}

// wellKnown is where the metadata of an issuer is (OpenID Connect Discovery 4).
func wellKnown(issuer string) string {
	return strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
}

// discover reads the metadata of the configured provider.
func (c Config) discover(ctx context.Context) (*provider, error) {
	body, err := source{c.transport()}.get(ctx, "the request for the provider's metadata", wellKnown(c.Issuer))
	if err != nil {
		return nil, err
	}
	if _, err := strictjson.Parse(body, "issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri",
		"pushed_authorization_request_endpoint", "end_session_endpoint"); err != nil {
		return nil, metadata("the provider's metadata " + err.Error())
	}
	p := &provider{}
	if json.Unmarshal(body, &p.document) != nil {
		return nil, metadata("the provider's metadata has a member of another type than it should")
	}
	if problem := c.unusable(&p.document); problem != "" {
		return nil, metadata("the provider's metadata: " + problem)
	}
	p.Algorithms = c.algorithms(p.Algorithms)
	if p.client, err = codeflow.New(c.at(p)); err != nil {
		return nil, metadata("the provider's metadata: " + err.Error())
	}
	return p, nil
}

// at is the client's configuration for what the provider says about itself.
func (c Config) at(p *provider) codeflow.Config {
	flow := c.flow()
	flow.NamesIssuer = p.NamesIssuer
	flow.Endpoint = codeflow.Endpoint{Authorize: p.AuthorizationEndpoint, Token: p.TokenEndpoint}
	if c.PushedRequests || p.PushRequired {
		flow.Endpoint.Push = p.PushEndpoint
	}
	return flow
}

// unusable says why a document cannot be used; "" where it can.
func (c Config) unusable(d *document) string {
	lacks := func(list []string, value string) bool { return len(list) > 0 && !slices.Contains(list, value) }
	switch {
	case d.Issuer != c.Issuer: // byte for byte (OpenID Connect Discovery 4.3)
		return "its issuer is not the one that is configured"
	case lacks(d.ResponseTypes, "code"):
		return "it does not support the response type code"
	case lacks(d.GrantTypes, "authorization_code"):
		return "it does not support the grant type authorization_code"
	case lacks(d.ChallengeMethods, "S256"):
		return "it supports PKCE without S256"
	case c.FormPost && lacks(d.ResponseModes, "form_post"):
		return "it does not support response_mode=form_post, and Config.FormPost is set"
	case len(c.algorithms(d.Algorithms)) == 0:
		return "it signs ID tokens with no algorithm that is accepted"
	case d.PushEndpoint == "" && (c.PushedRequests || d.PushRequired):
		return "it has no endpoint for pushed authorization requests"
	case d.UserinfoEndpoint == "" && c.Userinfo:
		return "it has no userinfo endpoint, and Config.Userinfo is set"
	}
	return c.unusableEndpoint(d)
}

func (c Config) unusableEndpoint(d *document) string {
	endpoints := []struct {
		name, address string
		needed        bool
	}{
		{"authorization_endpoint", d.AuthorizationEndpoint, true},
		{"token_endpoint", d.TokenEndpoint, true},
		{"jwks_uri", d.KeysEndpoint, true},
		{"userinfo_endpoint", d.UserinfoEndpoint, false},
		{"pushed_authorization_request_endpoint", d.PushEndpoint, false},
		{"end_session_endpoint", d.EndSessionEndpoint, false},
	}
	plain := strings.HasPrefix(c.Issuer, "http:")
	for _, e := range endpoints {
		if e.address == "" && !e.needed {
			continue
		}
		if problem := unfit(e.address, plain); problem != "" {
			return fmt.Sprintf("its %s %s", e.name, problem)
		}
	}
	if u, _ := url.Parse(d.AuthorizationEndpoint); overlaps(u.Query()) { // it parsed just now
		return "its authorization_endpoint has a parameter that the strategy sets"
	}
	return ""
}

// unfit says why an address cannot be called; "" where it can. plain allows http, on a
// loopback host: for an issuer that is there itself.
func unfit(address string, plain bool) string {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "":
		return "is missing, or no absolute address"
	case u.User != nil || u.Fragment != "":
		return "has a user or a fragment"
	case u.Scheme == "https" || plain && u.Scheme == "http" && intent.Loopback(u.Host):
		return ""
	}
	return "is not https"
}

// overlaps tells whether a query has a parameter that decides about the flow.
func overlaps(query url.Values) bool {
	for name := range query {
		if codeflow.CheckParam(name, "x") != nil {
			return true
		}
	}
	return false
}
