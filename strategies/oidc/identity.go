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
// It knows tokens, and shows none of them: printed, logged or as JSON it has the issuer and
// the subject only. It is a value, cheap to copy, and safe for concurrent use.
type Identity struct {
	Issuer  string // with Subject, the key of an account: compare both byte for byte
	Subject string

	Name string // for people; may be "", and is cut to 1 KiB; escape it

	// Email may be anybody's, and may pass to somebody else: never find an account by it.
	// "" where there is none, or one that is no address. EmailVerified is nil where the
	// provider says nothing; it comes from the same document as Email does.
	Email         string
	EmailVerified *bool

	Picture string // an http or https address, or ""

	SessionID string    // the session at the provider (sid), for back-channel logout; "" where it does not say
	AuthTime  time.Time // when the person logged in there; zero where it does not say
	Scopes    []string  // that were granted

	*found
}

// found is what was found out. A pointer to it is not printed with what holds an Identity.
type found struct {
	strategy *Strategy
	client   *codeflow.Client
	token    *oauth2.Token
	raw      string // the ID token
	id, more claims // of the ID token, and of userinfo
}

// identity puts together what was verified.
func (s *Strategy) identity(p *provider, token *codeflow.Token, raw string, id, more claims) Identity {
	f := &found{strategy: s, client: p.client, token: token.Token, raw: raw, id: id, more: more}
	who := Identity{Scopes: token.Scopes, found: f}
	who.Issuer, _ = id.Text("iss")
	who.Subject, _ = id.Text("sub")
	who.SessionID, _ = id.Text("sid")
	if at, ok := seconds(id, "auth_time"); ok {
		who.AuthTime = time.Unix(int64(at), 0)
	}
	who.Name = short(f.text("name"))
	who.Picture = picture(f.text("picture"))
	who.Email, who.EmailVerified = f.email()
	return who
}

// text is a claim of the ID token, or else of userinfo.
func (f *found) text(name string) string {
	if f.id.Has(name) {
		text, _ := f.id.Text(name)
		return text
	}
	text, _ := f.more.Text(name)
	return text
}

// email takes the address and what is known about it from one document, so that nobody's
// word about one address is taken for another.
func (f *found) email() (address string, verified *bool) {
	from := f.more
	if f.id.Has("email") {
		from = f.id
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
	if i.found == nil {
		return nil
	}
	raw := i.id[name]
	if raw == nil {
		raw = i.more[name]
	}
	if raw != nil && json.Unmarshal(raw, v) != nil {
		return fmt.Errorf("oidc: the claim %q does not fit into %T", name, v)
	}
	return nil
}

// Token gives a copy of the token, to keep: the access token, its expiry, and the refresh
// token where the provider gave one. It is a secret of the person's, worth encrypting where
// it is stored. [Strategy.TokenSource] takes it again.
func (i Identity) Token() *oauth2.Token {
	if i.found == nil {
		return &oauth2.Token{}
	}
	own := *i.token
	return &own
}

// IDToken is the ID token as it was signed, for [Strategy.LogoutURL]. It names the person
// and is a secret.
func (i Identity) IDToken() string {
	if i.found == nil {
		return ""
	}
	return i.raw
}

// Client gives a client whose requests bear the access token. It refreshes the token when
// that has expired; ctx bounds the refreshes, not the requests. Redirects to another host
// are errors: they would take the token there.
func (i Identity) Client(ctx context.Context) *http.Client {
	if i.found == nil {
		return oauth2.NewClient(ctx, i.TokenSource(ctx))
	}
	return i.client.API(i.TokenSource(ctx))
}

// TokenSource gives the access token, and refreshes it when it has expired, as
// [Strategy.TokenSource] does.
func (i Identity) TokenSource(ctx context.Context) oauth2.TokenSource {
	if i.found == nil { // made by a test of the application's
		return oauth2.StaticTokenSource(i.Token())
	}
	return &refreshed{ctx: ctx, strategy: i.strategy, subject: i.Subject, nonce: string(i.id["nonce"]), token: i.Token()}
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
