//go:build unix

package interop_test

import (
	"testing"

	"github.com/gopassport/passport/strategies/oidc"
)

// suite is the relying-party tests of the OpenID Foundation's conformance suite that are
// about the authorization code flow, by the names that they have there, each with the
// fault that does the same here, and what has to come of it. What the suite asks of
// log-outs is in TestWhatALogOutTokenGetsWrong.
func suite() []struct {
	name, fault, want string
	client            metadata
} {
	es256 := metadata{"id_token_signed_response_alg": "ES256"}
	return []struct {
		name, fault, want string
		client            metadata
	}{
		{"oidcc-client-test", "", accepted, nil},
		{"oidcc-client-test-invalid-iss", "iss-wrong", "id_token_issuer", nil},
		{"oidcc-client-test-missing-sub", "sub-missing", "subject_missing", nil},
		{"oidcc-client-test-invalid-aud", "aud-wrong", "id_token_audience", nil},
		{"oidcc-client-test-missing-aud", "aud-missing", "id_token_audience", nil},
		{"oidcc-client-test-missing-iat", "iat-missing", "id_token_time", nil},
		{"oidcc-client-test-kid-absent-single-jwks", "kid-absent", accepted, nil},
		{"oidcc-client-test-kid-absent-multiple-jwks", "kid-absent-many-keys", accepted, nil},
		{"oidcc-client-test-idtoken-sig-rs256", "", accepted, metadata{"id_token_signed_response_alg": "RS256"}},
		{"oidcc-client-test-idtoken-sig-none", "alg-none", "id_token_signature", nil},
		{"oidcc-client-test-invalid-sig-rs256", "signature-of-another-key", "id_token_signature", nil},
		{"oidcc-client-test-invalid-sig-es256", "signature-of-another-key", "id_token_signature", es256},
		{"oidcc-client-test-invalid-sig-hs256", "alg-hs256-client-secret", "id_token_signature", nil},
		{"oidcc-client-test-userinfo-bearer-header", "", accepted, nil},
		{"oidcc-client-test-userinfo-invalid-sub", "userinfo-other-sub", "subject_mismatch", nil},
		{"oidcc-client-test-nonce-invalid", "nonce-wrong", "id_token_nonce", nil},
		{"oidcc-client-test-client-secret-basic", "", accepted, metadata{"token_endpoint_auth_method": "client_secret_basic"}},
		{"oidcc-client-test-discovery-openid-config", "", accepted, nil},
		{"oidcc-client-test-discovery-jwks-uri-keys", "", accepted, nil},
		{"oidcc-client-test-discovery-issuer-mismatch", "discovery-other-issuer", "provider_metadata", nil},
		{"oidcc-client-test-signing-key-rotation", "key-rotated", accepted, nil},
		{"oidcc-client-test-refresh-token", "refresh-right", accepted, nil},
		{"oidcc-client-test-refresh-token-invalid-issuer", "refresh-other-iss", "id_token_issuer", nil},
		{"oidcc-client-test-refresh-token-invalid-sub", "refresh-other-sub", "subject_mismatch", nil},
	}
}

func TestTheConformanceSuitesTestsOfTheCodeFlow(t *testing.T) {
	o := startOP(t)
	for mode, change := range map[string]func(*oidc.Config){
		"basic":     func(*oidc.Config) {},
		"form-post": func(c *oidc.Config) { c.FormPost = true },
	} {
		for _, c := range suite() {
			t.Run(mode+"/"+c.name, func(t *testing.T) {
				o := &op{t, o.server, o.Issuer}
				o.fault("")
				ours := column{"strategies/oidc", func(o *op) contender { return oursWith(o, c.client, change) }, func(fault) string { return c.want }}
				if got := o.try(fault{name: c.fault, warm: c.fault == "key-rotated"}, ours); got != c.want {
					t.Errorf("%s, want %s", got, c.want)
				}
			})
		}
	}
}

// oidcc-client-test-scope-userinfo-claims.
func TestClaimsThatOnlyUserinfoHasAreThere(t *testing.T) {
	o := startOP(t)
	a, who := o.app(nil, func(c *oidc.Config) { c.Userinfo = true })
	newVisitor(t).open(a.URL + "/login/op").allow("ada")
	id := who.last()
	if id.Name != "Ada Lovelace" || id.Email != "ada@people.example" || id.EmailVerified == nil || !*id.EmailVerified {
		t.Errorf("%q %q %v", id.Name, id.Email, id.EmailVerified)
	}
}
