package accounts

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/oauth2"
)

// Account is an account at another service. A verify function makes one; what [Accounts]
// adds to it stands below the line.
//
// Its text, its JSON and its value in a log have no tokens, no name and no e-mail address.
type Account struct {
	Strategy string   // the name of the strategy that connected it, and whose its tokens are; Config.Services has what it can do
	Issuer   string   // which service it is at: the issuer of OpenID Connect, or a name of your choice, for ever the same
	Subject  string   // which account it is there: the id that never changes, byte for byte
	Name     string   // for display, as are the next two; they may change, and prove nothing
	Email    string   // never to find anybody by
	Picture  string   // an address
	Scopes   []string // granted; Link adds those of before
	Token    Token

	// What is known once it is kept.

	ID        string    // names it in forms and addresses; random
	User      string    // the owner's key
	Reconnect bool      // the service takes the tokens no more
	Connected time.Time // when it was linked first
	Updated   time.Time // when anything of it changed last
}

// Token is what an account is used with.
type Token struct {
	Access  string    // the access token; for OAuth 1 the token
	Secret  string    // OAuth 1's token secret
	Refresh string    // "": it cannot be refreshed
	Type    string    // "" means Bearer
	Expiry  time.Time // zero: it does not expire, as far as anybody said
}

// FromOAuth2 takes a token of x/oauth2 over.
func FromOAuth2(t *oauth2.Token) Token {
	if t == nil {
		return Token{}
	}
	return Token{Access: t.AccessToken, Refresh: t.RefreshToken, Type: t.TokenType, Expiry: t.Expiry}
}

// OAuth2 gives the token as x/oauth2 has it.
func (t Token) OAuth2() *oauth2.Token {
	return &oauth2.Token{AccessToken: t.Access, RefreshToken: t.Refresh, TokenType: t.Type, Expiry: t.Expiry}
}

// String hides the token.
func (t Token) String() string { return "[token]" }

// GoString hides the token.
func (t Token) GoString() string { return t.String() }

// LogValue hides the token.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalJSON hides the token.
func (t Token) MarshalJSON() ([]byte, error) { return []byte(`"[token]"`), nil }

// String names the account, and the person not.
func (a Account) String() string {
	return fmt.Sprintf("account %s of user %s (%s)", a.ID, a.User, a.Strategy)
}

// GoString is String.
func (a Account) GoString() string { return a.String() }

// LogValue groups what may stand in a log.
func (a Account) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", a.ID), slog.String("user", a.User), slog.String("strategy", a.Strategy), slog.Bool("reconnect", a.Reconnect))
}

// MarshalJSON writes what the account is, without tokens, names and addresses.
func (a Account) MarshalJSON() ([]byte, error) { return marshal(a) }

// granted adds the scopes of before to those of now.
func granted(before, now []string) []string {
	all := append(slices.Clone(before), now...)
	slices.Sort(all)
	return slices.Compact(all)
}

func marshal(a Account) ([]byte, error) {
	return json.Marshal(struct {
		ID        string    `json:"id"`
		Strategy  string    `json:"strategy"`
		Issuer    string    `json:"issuer"`
		Subject   string    `json:"subject"`
		Scopes    []string  `json:"scopes"`
		Reconnect bool      `json:"reconnect"`
		Connected time.Time `json:"connected"`
		Updated   time.Time `json:"updated"`
	}{a.ID, a.Strategy, a.Issuer, a.Subject, a.Scopes, a.Reconnect, a.Connected, a.Updated})
}
