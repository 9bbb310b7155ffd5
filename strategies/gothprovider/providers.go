package gothprovider

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/markbates/goth"

	"github.com/gopassport/passport/internal/outbound"
)

// This file is what must be known about goth's providers one by one. It was read from
// their source, version 1.82.

// packageOf names goth's own package that a provider comes from, "" for others.
func packageOf(p goth.Provider) string {
	t := reflect.TypeOf(p)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name, own := strings.CutPrefix(t.PkgPath(), "github.com/markbates/goth/providers/")
	if !own {
		return ""
	}
	return name
}

// stateless tells whether a provider sends back nothing that names a flow.
func stateless(kind string) bool { return kind == "lastfm" || kind == "steam" }

// ownClient tells whether a provider asks for a token or a profile with another client
// than the one that can be set. Nothing bounds such calls but our patience.
func ownClient(kind string) bool {
	switch kind {
	case "apple", "auth0", "dailymotion", "discord", "fitbit", "intercom", "mailru", "oura", "reddit", "seatalk",
		"tumblr", "twitter", "twitterv2", "wechat", "xero", "yandex":
		return true
	}
	return false
}

// pkce tells whether PKCE can be added from outside: the token request goes through our
// client, it is a form, and the service does not mind.
func pkce(kind string, client bool) bool {
	switch kind {
	case "fitbit": // has a client of its own, but takes the verifier as a parameter
		return true
	case "lark", "wecom": // ask for it with JSON, or with GET
		return false
	case "facebook": // "code_verifier param is provided without a code_challenge", though it was there
		return false
	case "linkedin": // answers invalid_client to a code_verifier
		return false
	case "tiktok": // has another PKCE, with the challenge in hexadecimal
		return false
	}
	return client && !ownClient(kind)
}

// answersOf are the parameters that Authorize of a provider reads beside code, state,
// oauth_token and oauth_verifier. redirect_uri, which some read as well, is never among
// them: it is the program's to say.
func answersOf(kind string) []string {
	if kind == "shopify" {
		return []string{"hmac", "host", "hostname", "shop", "timestamp"}
	}
	return nil
}

// perFlowAnswers are those of the providers that name no flow: Last.fm's, and OpenID 2's
// (Steam).
func perFlowAnswers() []string {
	return []string{"token", "openid.assoc_handle", "openid.claimed_id", "openid.identity", "openid.mode", "openid.ns",
		"openid.op_endpoint", "openid.response_nonce", "openid.return_to", "openid.sig", "openid.signed"}
}

// checkOf refuses replies that a provider should refuse itself.
func checkOf(kind string) func(*http.Request, []byte) error {
	switch kind {
	case "steam":
		return checkSteam
	case "salesforce":
		return checkSalesforce
	}
	return nil
}

// checkSteam wants a yes. Goth takes anything for one that is not "is_valid:false" on the
// second line.
func checkSteam(r *http.Request, reply []byte) error {
	if r.Method == http.MethodPost && !bytes.Contains(reply, []byte("\nis_valid:true\n")) {
		return outbound.Safe("Steam did not confirm the answer")
	}
	return nil
}

// checkSalesforce looks where the token would be sent to. Goth asks for the profile
// wherever the token's reply says.
func checkSalesforce(r *http.Request, reply []byte) error {
	var token struct{ ID string }
	if r.Method != http.MethodPost || json.Unmarshal(reply, &token) != nil {
		return nil
	}
	u, err := url.Parse(token.ID)
	if err != nil || u.Scheme != "https" || u.Port() != "" || !strings.HasSuffix(u.Hostname(), ".salesforce.com") && !strings.HasSuffix(u.Hostname(), ".salesforce.mil") {
		return outbound.Safe("the profile is at an address that is not Salesforce's")
	}
	return nil
}

// copied makes a shallow copy of a provider, so that a flow can change it. The copy gets
// the client, where that is not nil and there is a field for it. A provider that is no
// pointer to a struct is given back as it is.
func copied(p goth.Provider, client *http.Client, field int) goth.Provider {
	from := reflect.ValueOf(p)
	if from.Kind() != reflect.Pointer || from.Elem().Kind() != reflect.Struct {
		return p
	}
	to := reflect.New(from.Type().Elem())
	to.Elem().Set(from.Elem())
	if client != nil && field >= 0 {
		to.Elem().Field(field).Set(reflect.ValueOf(client))
	}
	return to.Interface().(goth.Provider) //nolint:forcetypeassert // of the same type as p
}

// transportOf is how the client that a provider has already sends requests: by a proxy,
// say. Nil means the default.
func transportOf(p goth.Provider, field int) http.RoundTripper {
	if field < 0 {
		return nil
	}
	if client, _ := reflect.TypeAssert[*http.Client](reflect.ValueOf(p).Elem().Field(field)); client != nil {
		return client.Transport
	}
	return nil
}

// clientField is the field of a provider that takes an HTTP client, usually HTTPClient;
// -1 where there is none. A field of an embedded provider does not count: that provider
// is shared.
func clientField(p goth.Provider) int {
	t := reflect.TypeOf(p)
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return -1
	}
	for i := range t.Elem().NumField() {
		f := t.Elem().Field(i)
		if f.IsExported() && !f.Anonymous && f.Type == reflect.TypeFor[*http.Client]() {
			return i
		}
	}
	return -1
}

// RedirectURL is where the answers come to, "" where nobody can tell. The registry takes
// each address once.
func (s *Strategy) RedirectURL() string {
	provider := reflect.Indirect(reflect.ValueOf(s.provider))
	if s.build != nil || provider.Kind() != reflect.Struct {
		return ""
	}
	if callback := provider.FieldByName("CallbackURL"); callback.IsValid() && callback.Kind() == reflect.String {
		return callback.String()
	}
	return ""
}
