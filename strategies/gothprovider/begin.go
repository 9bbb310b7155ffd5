package gothprovider

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/outbound"
	"github.com/gopassport/passport/internal/random"
)

// flow is what is kept until the callback.
type flow struct {
	Session  json.RawMessage `json:"s,omitempty"` // goth's, without what it does not need any more
	Verifier string          `json:"v,omitempty"` // of PKCE
	Token    bool            `json:"t,omitempty"` // a request token names the flow (OAuth 1), no state
}

// begun is what goth says at the beginning of a flow.
type begun struct{ address, session string }

// begin sends the person to the provider.
func (s *Strategy) begin(r *http.Request, a *passport.Attempt) (passport.Result, error) {
	if err := a.Begin(); err != nil { // before goth calls out for a request token
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.timeout)
	defer cancel()
	state := random.Token()
	c, err := s.call(ctx, state, "")
	if err != nil {
		return nil, err
	}
	b, err := ask(c, "the beginning of a flow", func() (begun, error) { return beginAuth(c, state) })
	if err != nil {
		return nil, err
	}
	address, err := url.Parse(b.address)
	if err != nil {
		return nil, misconfigured(errors.New("the provider's authorization address does not parse"))
	}
	query := address.Query()
	key, f, err := s.bind(query, b, state)
	if err != nil {
		return nil, err
	}
	more := s.more(a, &f)
	if err := a.Save(key, f); err != nil {
		return nil, err
	}
	return passport.Redirect{URL: extended(b.address, address, query, more)}, nil
}

func beginAuth(c call, state string) (begun, error) {
	session, err := c.provider.BeginAuth(state)
	if err != nil {
		return begun{}, err
	}
	if session == nil {
		return begun{}, outbound.Safe("goth gave neither a session nor an error")
	}
	address, err := session.GetAuthURL()
	return begun{address, session.Marshal()}, err
}

// bind finds out what the answer will name the flow by, and what must be kept for it. An
// address without any such name is refused: whoever answers it, nobody could tell.
func (s *Strategy) bind(query url.Values, b begun, state string) (key string, f flow, err error) {
	f.Session = s.shrink(b)
	token := query.Get("oauth_token")
	switch {
	case s.build != nil:
		if !slices.ContainsFunc(flatten(query), func(v string) bool { return strings.Contains(v, state) }) {
			return "", f, misconfigured(errors.New("CallbackPerFlow made a provider whose callback URL does not have the flow"))
		}
		return state, f, nil
	case slices.Equal(query["state"], []string{state}):
		return state, f, nil
	case token == "" || query.Has("state"):
		return "", f, misconfigured(errors.New("the provider's authorization address has neither our state nor a request token; see CallbackPerFlow"))
	case token != requestToken(b.session):
		return "", f, misconfigured(errors.New("the provider's authorization address has another request token than its session"))
	}
	f.Token = true
	return token, f, nil
}

func flatten(query url.Values) (all []string) {
	for _, values := range query {
		all = append(all, values...)
	}
	return all
}

// requestToken is the token in a session of goth's OAuth 1 providers.
func requestToken(session string) string {
	var s struct{ RequestToken struct{ Token string } }
	_ = json.Unmarshal([]byte(session), &s) // no JSON, no token
	return s.RequestToken.Token
}

// shrink leaves out of a session what is only good at the beginning: the address, which
// alone can be longer than a flow may be, and what is empty. A session that is no JSON
// object is kept whole.
//
// Most providers need nothing of it. Then all their sessions are the same but for the
// address, so the first is remembered, and others like it are not taken apart.
func (s *Strategy) shrink(b begun) json.RawMessage {
	quoted, _ := json.Marshal(b.address) // as the session quotes it; a string always marshals
	rest := strings.Replace(b.session, string(quoted), "", 1)
	if blank := s.blank.Load(); blank != nil && *blank == rest {
		return nil
	}
	kept := shrunk(b.session, string(quoted))
	if kept == nil {
		s.blank.Store(&rest)
	}
	return kept
}

func shrunk(session, address string) json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(session), &members) != nil {
		kept, _ := json.Marshal(session)
		return kept
	}
	for name, value := range members {
		switch text := string(value); text {
		case address, `""`, `null`, `0`, `false`, `"0001-01-01T00:00:00Z"`:
			delete(members, name)
		}
	}
	if len(members) == 0 {
		return nil
	}
	kept, _ := json.Marshal(members) // so does what was just unmarshalled
	return kept
}

// unshrink is the session that goth reads at the callback.
func (f flow) unshrink() string {
	var text string
	switch {
	case f.Session == nil:
		return "{}"
	case json.Unmarshal(f.Session, &text) == nil:
		return text
	}
	return string(f.Session)
}

// extras are the authorization parameters that a route may set. What decides about the
// flow itself (state, redirect_uri, client_id, response_type, nonce, code_challenge) is
// not, and cannot be, among them.
func extras() []string {
	return []string{"access_type", "acr_values", "allow_signup", "approval_prompt", "audience", "auth_type", "claims",
		"connection", "display", "domain_hint", "force_login", "hd", "include_granted_scopes", "kc_idp_hint", "login",
		"login_hint", "max_age", "organization", "prompt", "resource", "scope", "screen_name", "ui_locales"}
}

// more is what is added to the authorization address: the route's parameters, and PKCE,
// whose verifier is kept in the flow.
func (s *Strategy) more(a *passport.Attempt, f *flow) url.Values {
	more := url.Values{}
	for _, name := range extras() {
		if value := a.Param(name); value != "" {
			more.Set(name, value)
		}
	}
	if f.Token || s.skipPKCE || s.build != nil || !pkce(s.kind, s.field >= 0) {
		return more
	}
	f.Verifier = random.Token()
	sum := sha256.Sum256([]byte(f.Verifier))
	more.Set("code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]))
	more.Set("code_challenge_method", "S256")
	return more
}

// extended is the address with more parameters, each in place of what it holds by that
// name. What need not change stays as the provider made it, byte by byte: some services
// (WeChat) look at the order.
func extended(original string, parsed *url.URL, query, more url.Values) string {
	if len(more) == 0 {
		return original
	}
	u, kept := *parsed, parsed.RawQuery+"&"
	for name := range more {
		if query.Has(name) {
			maps.Copy(query, more)
			kept, more = "", query
			break
		}
	}
	u.RawQuery = kept + strings.ReplaceAll(more.Encode(), "+", "%20") // Apple does not read a + as a space
	return u.String()
}
