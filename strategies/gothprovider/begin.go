package gothprovider

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"iter"
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
	f.Session = shrink(b.session, b.address)
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
func shrink(session, address string) json.RawMessage {
	if !strings.HasPrefix(session, "{") || !json.Valid([]byte(session)) {
		kept, _ := json.Marshal(session) // a string always marshals
		return kept
	}
	quoted, _ := json.Marshal(address) // as goth does
	empty := []string{`""`, `null`, `0`, `false`, `"0001-01-01T00:00:00Z"`, string(quoted)}
	var kept []string
	for member := range members(session) {
		if _, value, _ := strings.Cut(member, `":`); member != "" && !slices.Contains(empty, value) {
			kept = append(kept, member)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return json.RawMessage("{" + strings.Join(kept, ",") + "}")
}

// members are those of a JSON object that is known to be one, name and value in one text.
// encoding/json would take apart and put together what is only passed on.
func members(object string) iter.Seq[string] {
	return func(yield func(string) bool) {
		depth, quoted, start := 0, false, 1
		for i := 0; i < len(object); i++ {
			switch c := object[i]; {
			case quoted && c == '\\':
				i++
			case c == '"':
				quoted = !quoted
			case quoted:
			case c == '{' || c == '[':
				depth++
			case depth == 1 && (c == ',' || c == '}'):
				if !yield(object[start:i]) {
					return
				}
				start = i + 1
			case c == '}' || c == ']':
				depth--
			}
		}
	}
}

// unshrink is the session that goth reads at the callback.
func (f flow) unshrink() string {
	switch {
	case len(f.Session) == 0:
		return "{}"
	case f.Session[0] == '"':
		var text string
		_ = json.Unmarshal(f.Session, &text) // a string that shrink wrote
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
	if f.Token || s.skipPKCE || s.build != nil || !pkce(s.provider, s.kind) {
		return more
	}
	f.Verifier = random.Token()
	sum := sha256.Sum256([]byte(f.Verifier))
	more.Set("code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]))
	more.Set("code_challenge_method", "S256")
	return more
}

// extended is the address with more parameters. With none it stays as the provider made
// it, byte by byte: some services (WeChat) look at the order.
func extended(original string, parsed *url.URL, query, more url.Values) string {
	if len(more) == 0 {
		return original
	}
	u := *parsed
	added := more
	if known := func(name string) bool { return query.Has(name) }; slices.ContainsFunc(slices.Collect(maps.Keys(more)), known) {
		maps.Copy(query, more)
		u.RawQuery, added = "", query
	}
	u.RawQuery = strings.TrimPrefix(u.RawQuery+"&", "&") + strings.ReplaceAll(added.Encode(), "+", "%20") // Apple does not read a + as a space
	return u.String()
}
