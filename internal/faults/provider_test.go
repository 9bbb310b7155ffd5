package faults_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
)

// outcome is what a person gets of a fault, and what Observe hears.
type outcome struct {
	status int
	code   passport.Code
}

var (
	none     = outcome{} // a service that has no such fault
	fine     = outcome{http.StatusOK, ""}
	broken   = outcome{http.StatusBadGateway, passport.CodeProvider}
	late     = outcome{http.StatusGatewayTimeout, passport.CodeProviderTimeout}
	gone     = outcome{http.StatusServiceUnavailable, passport.CodeProviderUnavailable}
	useless  = outcome{http.StatusBadGateway, passport.CodeMetadata}
	nobody   = outcome{http.StatusBadGateway, passport.CodeSubject}
	denied   = outcome{http.StatusForbidden, passport.CodeDenied}
	odd      = outcome{http.StatusBadRequest, passport.CodeCallback}
	unknown  = outcome{http.StatusBadRequest, passport.CodeFlowMissing}
	stranger = outcome{http.StatusBadRequest, passport.CodeIssuer}
)

func badToken(code passport.Code) outcome { return outcome{http.StatusBadGateway, code} }

// providerFault is one, where it happens, and what becomes of it with each of services.
type providerFault struct {
	fault                      passporttest.Fault
	at                         []passporttest.Endpoint
	oauth2, oidc, oauth1, goth outcome
	lie                        func(*passporttest.Reply) // makes the reply another one, where the kit has no such fault
}

func each(f passporttest.Fault, oauth2, oidc, oauth1, goth outcome, at ...passporttest.Endpoint) providerFault {
	return providerFault{f, at, oauth2, oidc, oauth1, goth, nil}
}

func same(f passporttest.Fault, o outcome, at ...passporttest.Endpoint) providerFault {
	return each(f, o, o, o, o, at...)
}

func byOIDC(f passporttest.Fault, o outcome, at passporttest.Endpoint) providerFault {
	return each(f, none, o, none, none, at)
}

func providerFaults() []providerFault {
	return slices.Concat(answerFaults(), tokenFaults(), idTokenFaults(), replyFaults())
}

func answerFaults() []providerFault {
	return []providerFault{
		same(passporttest.Deny, denied),
		same(passporttest.ServerError, broken),
		same(passporttest.BadCode, broken),
		same(passporttest.WrongState, unknown),
		same(passporttest.NoState, odd),
		same(passporttest.TwiceInAnswer, odd),
		each(passporttest.WrongResponder, stranger, stranger, none, fine), // goth: gothprovider.Issuer is not set here
		each(passporttest.NoResponder, stranger, stranger, none, fine),
	}
}

func tokenFaults() []providerFault {
	const token, profile = passporttest.Token, passporttest.Userinfo
	mismatch := badToken(passport.CodeSubjectMismatch)
	return []providerFault{
		each(passporttest.InvalidGrant, broken, broken, none, broken),
		each(passporttest.NoAccessToken, broken, broken, broken, broken),
		each(passporttest.WrongTokenType, broken, broken, none, broken),
		each(passporttest.DuplicateMembers, broken, broken, none, broken, token),
		each(passporttest.DuplicateMembers, broken, broken, broken, none, profile), // goth reads profiles as encoding/json does
		each(passporttest.NoIDToken, none, badToken(passport.CodeIDTokenMalformed), none, none),
		byOIDC(passporttest.OtherSubject, mismatch, profile),
		each(passporttest.EmptySubject, nobody, mismatch, nobody, nobody, profile),
		each(passporttest.Unconfirmed, none, none, broken, none, passporttest.RequestToken),
	}
}

func idTokenFaults() []providerFault {
	const at = passporttest.IDToken
	return []providerFault{
		byOIDC(passporttest.EmptySubject, nobody, at),
		byOIDC(passporttest.DuplicateMembers, badToken(passport.CodeIDTokenMalformed), at),
		byOIDC(passporttest.WrongIssuer, badToken(passport.CodeIDTokenIssuer), at),
		byOIDC(passporttest.WrongNonce, badToken(passport.CodeIDTokenNonce), at),
		byOIDC(passporttest.NoNonce, badToken(passport.CodeIDTokenNonce), at),
		byOIDC(passporttest.WrongAudience, badToken(passport.CodeIDTokenAudience), at),
		byOIDC(passporttest.WrongParty, badToken(passport.CodeIDTokenAudience), at),
		byOIDC(passporttest.Expired, badToken(passport.CodeIDTokenTime), at),
		byOIDC(passporttest.WrongTokenHash, badToken(passport.CodeIDTokenHash), at),
		byOIDC(passporttest.RotatedKey, fine, at), // before the next, after which keys are looked for a minute later
		byOIDC(passporttest.BadSignature, badToken(passport.CodeIDTokenSignature), at),
		byOIDC(passporttest.UnknownKey, badToken(passport.CodeIDTokenSignature), at),
		byOIDC(passporttest.AlgNone, badToken(passport.CodeIDTokenSignature), at),
		byOIDC(passporttest.AlgHS256, badToken(passport.CodeIDTokenSignature), at),
	}
}

// replyFaults strike each endpoint that the application asks. Of a document that cannot be
// had, oidc tells apart what passes by itself.
func replyFaults() (all []providerFault) {
	for _, c := range []struct {
		fault           passporttest.Fault
		reply, document outcome
	}{
		{passporttest.InternalError, broken, gone},
		{passporttest.Unavailable, broken, gone},
		{passporttest.HTML, broken, useless},
		{passporttest.EmptyBody, broken, useless},
		{passporttest.CutShort, broken, gone},
		{passporttest.HugeBody, broken, useless},
		{passporttest.ConnectionReset, broken, gone},
		{passporttest.RedirectAway, broken, useless},
		{passporttest.EchoSecrets, broken, gone},
		{passporttest.Hang, late, late},
		{passporttest.SlowBody, late, late},
	} {
		all = append(all,
			byOIDC(c.fault, c.document, passporttest.Discovery),
			byOIDC(c.fault, c.document, passporttest.JWKS),
			each(c.fault, c.reply, c.reply, none, none, passporttest.PAR),
			each(c.fault, none, none, c.reply, none, passporttest.RequestToken),
			same(c.fault, c.reply, passporttest.Token, passporttest.AccessToken),
			same(c.fault, c.reply, passporttest.Userinfo),
		)
	}
	return append(all,
		byOIDC(passporttest.DuplicateMembers, useless, passporttest.Discovery),
		byOIDC(passporttest.DuplicateMembers, useless, passporttest.JWKS),
		each(passporttest.DuplicateMembers, broken, broken, none, none, passporttest.PAR),
	)
}

// lies are good replies that say what cannot be true.
func lies() []providerFault {
	const metadata, keys, push, request = passporttest.Discovery, passporttest.JWKS, passporttest.PAR, passporttest.RequestToken
	stolen := badToken(passport.CodeIDTokenSignature)
	lie := func(name passporttest.Fault, oauth2, oidc, oauth1 outcome, at passporttest.Endpoint, lie func(*passporttest.Reply)) providerFault {
		return providerFault{name, []passporttest.Endpoint{at}, oauth2, oidc, oauth1, none, lie}
	}
	return []providerFault{
		lie("another issuer", none, useless, none, metadata, member("issuer", "https://other.test")),
		lie("no issuer", none, useless, none, metadata, member("issuer", nil)),
		lie("no address of keys", none, useless, none, metadata, member("jwks_uri", nil)),
		lie("no userinfo", none, useless, none, metadata, member("userinfo_endpoint", nil)),
		lie("tokens by plain http", none, useless, none, metadata, member("token_endpoint", "http://other.test/token")),
		lie("no PKCE", none, useless, none, metadata, member("code_challenge_methods_supported", []string{"plain"})),
		lie("signs with secrets", none, useless, none, metadata, member("id_token_signing_alg_values_supported", []string{"HS256"})),
		lie("no keys", none, useless, none, keys, member("keys", []string{})),
		lie("keys that are none", none, useless, none, keys, member("keys", []string{"key"})),
		lie("a text for keys", none, useless, none, keys, member("keys", "key")),
		lie("a secret for a key", none, useless, none, keys, member("keys", []any{map[string]string{"kty": "oct", "k": "c2VjcmV0"}})),
		lie("somebody else's keys", none, stolen, none, keys, member("keys", []any{map[string]string{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}})), // RFC 8037, A.2
		lie("no reference", broken, broken, none, push, member("request_uri", nil)),
		lie("a reference that is over", broken, broken, none, push, member("expires_in", 0)),
		lie("refused", broken, broken, none, push, func(r *passporttest.Reply) {
			r.Status, r.Body = http.StatusBadRequest, []byte(`{"error":"invalid_request"}`)
		}),
		lie("not created", broken, broken, none, push, func(r *passporttest.Reply) { r.Status = http.StatusOK }),
		lie("no request token", none, none, broken, request, field("oauth_token")),
		lie("no secret of it", none, none, broken, request, field("oauth_token_secret")),
		lie("two request tokens", none, none, broken, request, field("oauth_token", "one", "two")),
		lie("a long request token", none, none, broken, request, field("oauth_token", strings.Repeat("x", 513))),
		lie("a problem", none, none, broken, request, func(r *passporttest.Reply) {
			r.Status, r.Body = http.StatusUnauthorized, []byte("oauth_problem=consumer_key_unknown")
		}),
	}
}

// member gives a reply in JSON another member; nil: none.
func member(name string, value any) func(*passporttest.Reply) {
	return func(r *passporttest.Reply) {
		all := map[string]any{}
		_ = json.Unmarshal(r.Body, &all) // the kit's own reply
		if all[name] = value; value == nil {
			delete(all, name)
		}
		r.Body, _ = json.Marshal(all) // it was JSON
	}
}

// field gives a reply that is a form other values by a name.
func field(name string, values ...string) func(*passporttest.Reply) {
	return func(r *passporttest.Reply) {
		all, _ := url.ParseQuery(string(r.Body)) // the kit's own reply
		all[name] = values
		r.Body = []byte(all.Encode())
	}
}

func (f providerFault) of(service string) outcome {
	return map[string]outcome{"oauth2": f.oauth2, "oidc": f.oidc, "oauth1": f.oauth1, "goth": f.goth}[service]
}

func (f providerFault) name() string { return string(f.fault) + " at " + f.where() }

func (f providerFault) where() string {
	if f.at == nil {
		return "its place" // the kit's
	}
	return string(f.at[0])
}

// strikes tells whether it happens at one of some endpoints.
func (f providerFault) strikes(some ...passporttest.Endpoint) bool {
	return slices.ContainsFunc(some, func(e passporttest.Endpoint) bool { return slices.Contains(f.at, e) })
}

// document tells whether it strikes what oidc keeps.
func (f providerFault) document() bool {
	return f.strikes(passporttest.Discovery, passporttest.JWKS)
}

// early tells whether it strikes before a flow begins.
func (f providerFault) early() bool {
	return f.strikes(passporttest.Discovery, passporttest.PAR, passporttest.RequestToken)
}

// strike lets it happen until the world is healed.
func (f providerFault) strike(w *world) {
	switch {
	case f.lie != nil:
		w.op.EditResponse(f.at[0], f.lie)
		w.tw.EditResponse(f.at[0], f.lie)
	case w.still && f.fault == passporttest.Hang:
		w.silence(f.at[0])
	default:
		w.op.Always(f.fault, f.at...)
		w.tw.Always(f.fault, f.at...)
	}
}

func (f providerFault) heal(w *world) {
	w.op.Heal()
	w.tw.Heal()
	w.silence("")
	if f.lie != nil {
		w.op.EditResponse(f.at[0], nil)
		w.tw.EditResponse(f.at[0], nil)
	}
}

// Only what hangs meets a short time-out: on a busy machine everything else takes a while.
const (
	hasty   = 100 * time.Millisecond
	patient = 30 * time.Second
)

// Whatever a provider does, wherever it is asked, costs the flow that met it and nothing
// else: the person stays logged in, flows in other tabs end, and the next flow is as good
// as the first. Before a flow has begun, none begins.
func TestEachFaultOfAProvider(t *testing.T) {
	for _, flows := range []string{"cookies", "a store"} {
		for _, service := range services {
			t.Run(service+", flows in "+flows, func(t *testing.T) {
				t.Parallel() // most of the time, they wait for what hangs
				s := setup{timeout: patient}
				if flows == "cookies" {
					s.configure = func(*passport.Config) {}
				}
				w, injected := newWorld(t, s), map[string]int{}
				for _, f := range slices.Concat(providerFaults(), lies()) {
					if want := f.of(service); want != none {
						w.suffers(service, f, want)
						injected[f.where()]++
					}
				}
				t.Logf("faults injected: %v", injected)
			})
		}
	}
}

// What oidc could not fetch it leaves alone for a while: it says the same again, and for
// how long. Then the very machine that met the fault is as good as any.
func TestTheProviderIsLeftInPeaceForAsLongAsIsSaid(t *testing.T) {
	network := []passporttest.Fault{passporttest.CutShort, passporttest.HugeBody, passporttest.ConnectionReset, passporttest.SlowBody}
	for _, f := range slices.Concat(replyFaults(), lies()) {
		if !f.document() || slices.Contains(network, f.fault) {
			continue
		}
		w := offline(t)
		t.Run(f.name(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w.t, w.setup.timeout = t, patient
				w.build()
				w.suffers("oidc", f, f.oidc)
			})
		})
	}
}

// instance is the application as a fault meets it: as it is, or as another machine has it,
// which has just started, pushes its requests, or has little patience.
func (w *world) instance(f providerFault, timeout time.Duration) http.Handler {
	if !f.document() && !f.strikes(passporttest.PAR) && timeout == w.setup.timeout {
		return w.app
	}
	return w.another(func(s *setup) { s.timeout, s.pushed = timeout, f.strikes(passporttest.PAR) })
}

// suffers is what becomes of a fault, and of everything else.
func (w *world) suffers(service string, f providerFault, want outcome) {
	w.t.Helper()
	path, timeout := "/connect/"+service, w.setup.timeout
	if want == late && !w.still {
		timeout = hasty
	}
	b := w.person("alice")
	tabs := w.tabs(b, service)
	before := w.belongings(b)
	w.told()
	machine := w.instance(f, timeout)
	f.strike(w)
	page := w.flow(b, path, f, machine)
	w.meets(f, page, want)
	f.heal(w)
	w.keeps(f, before, w.belongings(b), page, want)
	if w.still {
		w.rests(b, path, f, machine, want)
	} else {
		machine = w.instance(f, w.setup.timeout)
	}
	b.Serve(app, machine)
	if me := b.Follow(app + "/me"); me.Body != "user alice, account -" {
		w.t.Errorf("%s: then there is %d %s", f.name(), me.Status, me.Body)
	}
	for _, tab := range tabs {
		w.connects(f.name()+", another tab", tab)
	}
	w.connects(f.name()+", the next flow", tab{service, begin(b, path)})
}

// tab is a flow with a service, on its way there or back.
type tab struct {
	service string
	page    *passporttest.Page
}

// tabs are flows that are under way: one with the same service, and one with another.
func (w *world) tabs(b *passporttest.Browser, service string) (all []tab) {
	next := services[(slices.Index(services, service)+1)%len(services)]
	for _, name := range []string{service, next} {
		all = append(all, tab{name, b.Follow(app + "/connect/" + name)}) // codes do not live as long as some pauses
	}
	return all
}

// flow is one that meets a fault, at its beginning or at its end.
func (w *world) flow(b *passporttest.Browser, path string, f providerFault, machine http.Handler) *passporttest.Page {
	defer b.Serve(app, w.app)
	if f.early() {
		b.Serve(app, machine)
	}
	page := begin(b, path)
	if came(page) {
		b.Serve(app, machine)
		page = page.Next()
	}
	return page
}

// meets compares what a person gets of a fault, and what is told, and looks whether
// anything was sent to where a redirect leads.
func (w *world) meets(f providerFault, page *passporttest.Page, want outcome) {
	w.t.Helper()
	if page.Status != want.status {
		w.t.Errorf("%s: %d %s; want %d", f.name(), page.Status, page.Body, want.status)
	}
	told := w.errors()
	switch {
	case want == fine && len(told) > 0, want != fine && len(told) != 1:
		w.t.Errorf("%s: there are %d events: %v", f.name(), len(told), told)
	case want != fine && (told[0].Code != want.code || (told[0].Kind == "fault") != (want.status >= http.StatusInternalServerError)):
		w.t.Errorf("%s: the event is a %s %s; want %s", f.name(), told[0].Kind, told[0].Code, want.code)
	}
	passes := ""
	if want == gone || want == late {
		passes = "1" // seconds
	}
	if after := page.Header.Get("Retry-After"); f.document() && (w.still || want != late) && after != passes { // the hasty may be late for something else
		w.t.Errorf("%s: Retry-After is %q; want %q", f.name(), after, passes)
	}
	if n := w.op.Count(passporttest.Elsewhere) + w.tw.Count(passporttest.Elsewhere); n > 0 {
		w.t.Errorf("%s: %d redirects were followed", f.name(), n)
	}
}

// belongings are what a browser keeps for the application, and how many flows a store does.
type belongings struct {
	cookies map[string]string
	stored  int
}

func (w *world) belongings(b *passporttest.Browser) belongings {
	all := belongings{map[string]string{}, w.flows.Len()}
	for _, c := range b.Cookies(app + "/") {
		all.cookies[c.Name] = c.Value
	}
	return all
}

// keeps compares them: nothing is lost, written once more, or left over. A flow is spent by
// its answer, unless that does not say which it is.
func (w *world) keeps(f providerFault, before, after belongings, page *passporttest.Page, want outcome) {
	w.t.Helper()
	if want == unknown || want == odd {
		maps.DeleteFunc(after.cookies, func(name, _ string) bool { return before.cookies[name] == "" })
		after.stored = min(after.stored, before.stored)
	}
	if !maps.Equal(before.cookies, after.cookies) || before.stored != after.stored {
		w.t.Errorf("%s: before there was %v; then there is %v", f.name(), before, after)
	}
	for _, c := range (&http.Response{Header: page.Header}).Cookies() {
		if before.cookies[c.Name] != "" {
			w.t.Errorf("%s: the cookie %s is set", f.name(), c.Name)
		}
	}
}

// rests looks at the pause after a failed fetch, and waits for its end.
func (w *world) rests(b *passporttest.Browser, path string, f providerFault, machine http.Handler, want outcome) {
	w.t.Helper()
	synctest.Wait() // a fetch may end in the moment in which who waits for it gives up
	asked := w.op.Count(f.at[0])
	w.meets(f, w.flow(b, path, f, machine), want)
	if n := w.op.Count(f.at[0]) - asked; n > 0 {
		w.t.Errorf("%s: asked %d times in the pause", f.name(), n)
	}
	pause := time.Second
	if want.code == passport.CodeIDTokenSignature {
		pause = time.Minute // keys came, and did not do
	}
	time.Sleep(pause)
}

// connects ends a flow, and well.
func (w *world) connects(name string, t tab) {
	w.t.Helper()
	page := t.page
	for page.Location() != "" {
		page = page.Next()
	}
	if page.Status != http.StatusOK || page.Body != "user alice, account "+t.service+" 1001" {
		w.t.Errorf("%s, with %s: %d %s", name, t.service, page.Status, page.Body)
	}
}
