package oidc

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/oauth2"

	"github.com/gopassport/passport/internal/codeflow"
)

// maxText bounds what a provider says about a person, in bytes (R129).
const maxText = 1 << 10

// Identity is who logged in at the provider, for sure. What it says beyond Issuer and
// Subject is the provider's word.
//
// It holds tokens, and shows none of them: printed, logged or as JSON it has the issuer and
// the subject only. It is a value; to copy it is cheap.
type Identity struct {
	Issuer  string // with Subject, the key of an account: compare both byte for byte
	Subject string

	Name string // for people; may be "" or cut to 1 KiB; escape it

	// Email may be anybody's, and may pass to somebody else: never find an account by it.
	// "" where there is none, or one that is no address. EmailVerified is nil where the
	// provider says nothing; it comes from the same document as Email does.
	Email         string
	EmailVerified *bool

	Picture string // an http or https address, or ""

	SessionID string    // the session at the provider (sid), for back-channel logout; "" where it does not say
	AuthTime  time.Time // when the person logged in there; zero where it does not say
	Scopes    []string  // that were granted

	Token   *oauth2.Token // a secret
	IDToken string        // as it was signed; for [Strategy.LogoutURL]; a secret, too

	strategy *Strategy
	client   *codeflow.Client
	id, more claims // of the ID token, and of userinfo
}

// identity puts together what was verified.
func (s *Strategy) identity(p *provider, token *codeflow.Token, raw string, id, more claims) Identity {
	who := Identity{Scopes: token.Scopes, Token: token.Token, IDToken: raw, strategy: s, client: p.client, id: id, more: more}
	who.Issuer, _ = id.Text("iss")
	who.Subject, _ = id.Text("sub")
	who.SessionID, _ = id.Text("sid")
	if at, ok := seconds(id, "auth_time"); ok {
		who.AuthTime = time.Unix(int64(at), 0)
	}
	who.Name = short(who.text("name"))
	who.Picture = picture(who.text("picture"))
	who.Email, who.EmailVerified = who.email()
	return who
}

// text is a claim of the ID token, or else of userinfo.
func (i Identity) text(name string) string {
	if i.id.Has(name) {
		text, _ := i.id.Text(name)
		return text
	}
	text, _ := i.more.Text(name)
	return text
}

// email takes the address and what is known about it from one document, so that nobody's
// word about one address is taken for another.
func (i Identity) email() (address string, verified *bool) {
	from := i.more
	if i.id.Has("email") {
		from = i.id
	}
	address, _ = from.Text("email")
	if !isAddress(address) {
		return "", nil
	}
	switch string(from["email_verified"]) {
	case `true`, `"true"`: // Amazon Cognito and Apple say it in a string
		verified = new(bool)
		*verified = true
	case `false`, `"false"`:
		verified = new(bool)
	}
	return address, verified
}

// isAddress drops what two programs may read differently. Whether there is such a mailbox,
// only a message to it can tell.
func isAddress(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && local != "" && domain != "" && len(s) <= 254 && utf8.ValidString(s) &&
		!strings.Contains(domain, "@") &&
		!strings.ContainsFunc(s, func(r rune) bool {
			return r == '\uFF20' || r == '\uFE6B' || unicode.IsSpace(r) || !unicode.IsPrint(r) // two look like an @
		})
}

// short cuts a text, between characters.
func short(s string) string {
	if len(s) <= maxText {
		return s
	}
	s = s[:maxText]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}

// picture drops what is no address of a picture, such as a script.
func picture(address string) string {
	u, err := url.Parse(address)
	if err != nil || len(address) > maxText || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return address
}

// Claim reads any other claim into v, as json.Unmarshal does: from the ID token, or else
// from userinfo. A claim that is not there leaves v as it is and is no error. The error
// quotes nothing of the claim.
func (i Identity) Claim(name string, v any) error {
	raw := i.id[name]
	if raw == nil {
		raw = i.more[name]
	}
	if raw == nil {
		return nil
	}
	if json.Unmarshal(raw, v) != nil {
		return fmt.Errorf("oidc: the claim %q does not fit into %T", name, v)
	}
	return nil
}

// Format shows no token, whatever the verb.
func (i Identity) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "oidc.Identity{Issuer: %q, Subject: %q}", i.Issuer, i.Subject)
}

// LogValue shows no token.
func (i Identity) LogValue() slog.Value {
	return slog.GroupValue(slog.String("issuer", i.Issuer), slog.String("subject", i.Subject))
}

// MarshalJSON shows no token.
func (i Identity) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"issuer": i.Issuer, "subject": i.Subject})
}

// Client makes requests with the access token, and refreshes it where there is a refresh
// token. It follows redirects on one host only. ctx bounds the refreshes, not the requests;
// where the client outlives the request, use another than the request's. See TokenSource.
func (i Identity) Client(ctx context.Context) *http.Client {
	return i.client.API(i.TokenSource(ctx))
}

// TokenSource gives the access token while it is good, and refreshes it then. A refreshed
// ID token that is another person's, provider's or client's is an error, and its access
// token is not given (OpenID Connect Core 12.2). It is safe for concurrent use.
func (i Identity) TokenSource(ctx context.Context) oauth2.TokenSource {
	return &refreshed{ctx: ctx, base: i.client.TokenSource(ctx, i.Token), who: i, checked: i.Token.AccessToken}
}
