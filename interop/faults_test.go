//go:build unix

package interop_test

import (
	"strings"
	"testing"
)

// fault is something that the provider can get wrong (oidc/faults.mjs), and what the
// strategies must say of it.
type fault struct {
	name   string
	oidc   string // the code of strategies/oidc, or "accepted"
	oauth2 string // that of strategies/oauth2, where it sees the fault at all
	warm   bool   // there was a log-in before it began
	quiet  bool   // nothing may be sent to the provider: the answer in the browser is wrong
}

// refresh tells whether the fault is in a later reply, after a log-in without.
func (f fault) refresh() bool { return strings.HasPrefix(f.name, "refresh-") }

// faults are all that a log-in, or a refresh, can meet.
func faults() []fault {
	return []fault{
		{name: "signature-of-another-key", oidc: "id_token_signature"},
		{name: "signature-missing", oidc: "id_token_signature"},
		{name: "alg-none", oidc: "id_token_signature"},
		{name: "alg-hs256-client-secret", oidc: "id_token_signature"},
		{name: "alg-hs256-public-key", oidc: "id_token_signature"},
		{name: "kid-of-another-key", oidc: "id_token_signature"},
		{name: "jwk-in-header", oidc: "id_token_signature"},
		{name: "iss-wrong", oidc: "id_token_issuer"},
		{name: "iss-missing", oidc: "id_token_issuer"},
		{name: "iss-with-slash", oidc: "id_token_issuer"},
		{name: "aud-wrong", oidc: "id_token_audience"},
		{name: "aud-missing", oidc: "id_token_audience"},
		{name: "aud-many-azp-missing", oidc: "id_token_audience"},
		{name: "azp-wrong", oidc: "id_token_audience"},
		{name: "exp-past", oidc: "id_token_time"},
		{name: "exp-missing", oidc: "id_token_time"},
		{name: "iat-missing", oidc: "id_token_time"},
		{name: "iat-future", oidc: "id_token_time"},
		{name: "nbf-future", oidc: "id_token_time"},
		{name: "sub-missing", oidc: "subject_missing"},
		{name: "sub-empty", oidc: "subject_missing"},
		{name: "sub-number", oidc: "subject_missing"},
		{name: "sub-twice", oidc: "id_token_malformed"},
		{name: "sub-in-capitals", oidc: "id_token_malformed"},
		{name: "nonce-wrong", oidc: "id_token_nonce"},
		{name: "nonce-missing", oidc: "id_token_nonce"},
		{name: "at-hash-wrong", oidc: "id_token_hash"},
		{name: "typ-of-a-logout-token", oidc: "id_token_malformed"},
		{name: "typ-of-an-access-token", oidc: "id_token_malformed"},
		{name: "id-token-missing", oidc: "id_token_malformed"},
		{name: "id-token-is-no-token", oidc: "id_token_malformed"},

		{name: "access-token-missing", oidc: "provider_error", oauth2: "provider_error"},
		{name: "token-type-unknown", oidc: "provider_error", oauth2: "provider_error"},
		{name: "token-500", oidc: "provider_error", oauth2: "provider_error"},
		{name: "token-html", oidc: "provider_error", oauth2: "provider_error"},
		{name: "token-redirect", oidc: "provider_error", oauth2: "provider_error"},
		{name: "token-huge", oidc: "provider_error", oauth2: "provider_error"},
		{name: "token-invalid-client", oidc: "provider_error", oauth2: "provider_error"},

		{name: "userinfo-other-sub", oidc: "subject_mismatch"},
		{name: "userinfo-no-sub", oidc: "subject_mismatch", oauth2: "subject_missing"},
		{name: "userinfo-500", oidc: "provider_error", oauth2: "provider_error"},
		{name: "userinfo-html", oidc: "provider_error", oauth2: "provider_error"},

		{name: "refresh-other-sub", oidc: "subject_mismatch"},
		{name: "refresh-other-iss", oidc: "id_token_issuer"},
		{name: "refresh-other-aud", oidc: "id_token_audience"},

		{name: "response-iss-wrong", oidc: "issuer_mismatch", oauth2: "issuer_mismatch", quiet: true},
		{name: "response-iss-missing", oidc: "issuer_mismatch", oauth2: "issuer_mismatch", quiet: true},
		{name: "response-iss-twice", oidc: "callback_malformed", oauth2: "callback_malformed", quiet: true},
		{name: "response-state-wrong", oidc: "flow_missing", oauth2: "flow_missing", quiet: true},
		{name: "response-state-missing", oidc: "callback_malformed", oauth2: "callback_malformed", quiet: true},
		{name: "response-code-missing", oidc: "callback_malformed", oauth2: "callback_malformed", quiet: true},
		{name: "response-code-twice", oidc: "callback_malformed", oauth2: "callback_malformed", quiet: true},
		{name: "response-error-and-code", oidc: "callback_malformed", oauth2: "callback_malformed", quiet: true},

		{name: "discovery-other-issuer", oidc: "provider_metadata"},
		{name: "discovery-500", oidc: "provider_unavailable"},
		{name: "keys-500", oidc: "provider_unavailable"},

		{name: "kid-absent", oidc: accepted},
		{name: "kid-absent-many-keys", oidc: accepted},
		{name: "key-rotated", oidc: accepted, warm: true},
		{name: "aud-list-of-one", oidc: accepted},
		{name: "azp-right", oidc: accepted},
	}
}

// column is a contender's in the table.
type column struct {
	title string
	make  func(*op) contender
	want  func(fault) string // "" for anything
}

func columns() []column {
	anything := func(fault) string { return "" }
	return []column{
		{"go-oidc alone", goOIDC, anything},
		{"goth openidConnect", gothOIDC, anything},
		{"strategies/oidc", oursOIDC, func(f fault) string { return f.oidc }},
		{"strategies/oauth2", oursOAuth2, func(f fault) string { return f.oauth2 }},
	}
}

// TestWhatTheProviderGetsWrong tries each fault with each contender. What ours say of it is
// in the list above; what the others do is in docs/interop.md, and the test fails where
// they now do something else.
func TestWhatTheProviderGetsWrong(t *testing.T) {
	o := startOP(t)
	rows := make([]row, 0, len(faults()))
	for _, f := range faults() {
		r := row{name: f.name}
		for _, c := range columns() {
			o.fault("")
			got := o.try(f, c)
			if want := c.want(f); want != "" && got != want {
				t.Errorf("%s: %s: %s, want %s", f.name, c.title, got, want)
			}
			r.cells = append(r.cells, got)
		}
		rows = append(rows, r)
	}
	o.fault("")
	compareDocument(t, "faults", headers(), rows)
}

func headers() (titles []string) {
	for _, c := range columns() {
		titles = append(titles, c.title)
	}
	return titles
}

// try is one log-in, or refresh, with a fault.
func (o *op) try(f fault, c column) string {
	o.t.Helper()
	if c.title == "strategies/oauth2" && f.oauth2 == "" {
		return "–" // no part of OAuth 2
	}
	if f.refresh() {
		return o.tryRefresh(f, c)
	}
	if f.warm {
		who := c.make(o)
		o.login(who)
		o.fault(f.name)
		o.login(who)
		return outcome(who.err())
	}
	o.fault(f.name)
	who := c.make(o)
	o.login(who)
	if sent := o.requests()["token"]; f.quiet && c.want(f) != "" && sent != 0 {
		o.t.Errorf("%s: %s: asked for a token %d times", f.name, c.title, sent)
	}
	if o.requests()["trap"] != 0 {
		return "follows it"
	}
	return outcome(who.err())
}

// login is a new visitor's.
func (o *op) login(who contender) {
	o.t.Helper()
	if who.begin() == "" {
		return
	}
	newVisitor(o.t).open(who.begin()).allow("ada")
}

func (o *op) tryRefresh(f fault, c column) string {
	o.t.Helper()
	who := c.make(o)
	o.login(who)
	if who.err() != nil {
		o.t.Fatalf("%s: %s: without a fault: %v", f.name, c.title, who.err())
	}
	o.fault(f.name)
	return outcome(who.refresh())
}
