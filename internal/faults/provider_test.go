package faults_test

import (
	"net/http"
	"testing"
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
	fine     = outcome{http.StatusOK, ""}
	broken   = outcome{http.StatusBadGateway, passport.CodeProvider}
	late     = outcome{http.StatusGatewayTimeout, passport.CodeProviderTimeout}
	nobody   = outcome{http.StatusBadGateway, passport.CodeSubject}
	denied   = outcome{http.StatusForbidden, passport.CodeDenied}
	odd      = outcome{http.StatusBadRequest, passport.CodeCallback}
	unknown  = outcome{http.StatusBadRequest, passport.CodeFlowMissing}
	stranger = outcome{http.StatusBadRequest, passport.CodeIssuer}
)

func badToken(code passport.Code) outcome { return outcome{http.StatusBadGateway, code} }

// providerFault is one, where it happens, and what becomes of it with each of services;
// the zero outcome is for a service that has no such fault.
type providerFault struct {
	fault                      passporttest.Fault
	at                         []passporttest.Endpoint
	oauth2, oidc, oauth1, goth outcome
}

func same(f passporttest.Fault, o outcome, at ...passporttest.Endpoint) providerFault {
	return providerFault{f, at, o, o, o, o}
}

func byOIDC(f passporttest.Fault, o outcome) providerFault {
	return providerFault{fault: f, at: []passporttest.Endpoint{passporttest.IDToken}, oidc: o}
}

func providerFaults() []providerFault {
	none := outcome{}
	all := []providerFault{
		same(passporttest.Deny, denied),
		{passporttest.ServerError, nil, broken, broken, broken, broken},
		{passporttest.BadCode, nil, broken, broken, broken, broken},
		same(passporttest.WrongState, unknown),
		same(passporttest.NoState, odd),
		same(passporttest.TwiceInAnswer, odd),
		{passporttest.WrongResponder, nil, stranger, stranger, none, fine}, // goth: gothprovider.Issuer is not set here
		{passporttest.NoResponder, nil, stranger, stranger, none, fine},
		{passporttest.InvalidGrant, nil, broken, broken, none, broken},
		{passporttest.NoAccessToken, nil, broken, broken, broken, broken},
		{passporttest.WrongTokenType, nil, broken, broken, none, broken},
		{passporttest.NoIDToken, nil, none, badToken(passport.CodeIDTokenMalformed), none, none},
		{passporttest.OtherSubject, []passporttest.Endpoint{passporttest.Userinfo}, none, badToken(passport.CodeSubjectMismatch), none, none},
		byOIDC(passporttest.EmptySubject, nobody),
		byOIDC(passporttest.WrongIssuer, badToken(passport.CodeIDTokenIssuer)),
		byOIDC(passporttest.WrongNonce, badToken(passport.CodeIDTokenNonce)),
		byOIDC(passporttest.NoNonce, badToken(passport.CodeIDTokenNonce)),
		byOIDC(passporttest.WrongAudience, badToken(passport.CodeIDTokenAudience)),
		byOIDC(passporttest.WrongParty, badToken(passport.CodeIDTokenAudience)),
		byOIDC(passporttest.Expired, badToken(passport.CodeIDTokenTime)),
		byOIDC(passporttest.WrongTokenHash, badToken(passport.CodeIDTokenHash)),
		byOIDC(passporttest.RotatedKey, fine), // before the next, after which keys are looked for a minute later
		byOIDC(passporttest.BadSignature, badToken(passport.CodeIDTokenSignature)),
		byOIDC(passporttest.UnknownKey, badToken(passport.CodeIDTokenSignature)),
		byOIDC(passporttest.AlgNone, badToken(passport.CodeIDTokenSignature)),
		byOIDC(passporttest.AlgHS256, badToken(passport.CodeIDTokenSignature)),
		{passporttest.EmptySubject, []passporttest.Endpoint{passporttest.Userinfo}, nobody, badToken(passport.CodeSubjectMismatch), nobody, nobody},
	}
	for _, f := range []passporttest.Fault{
		passporttest.InternalError, passporttest.Unavailable, passporttest.HTML, passporttest.EmptyBody, passporttest.CutShort,
		passporttest.HugeBody, passporttest.ConnectionReset, passporttest.RedirectAway, passporttest.EchoSecrets,
	} {
		all = append(all, same(f, broken, passporttest.Token, passporttest.AccessToken), same(f, broken, passporttest.Userinfo))
	}
	for _, f := range []passporttest.Fault{passporttest.Hang, passporttest.SlowBody} {
		all = append(all, same(f, late, passporttest.Token, passporttest.AccessToken), same(f, late, passporttest.Userinfo))
	}
	return all
}

func (f providerFault) of(service string) outcome {
	return map[string]outcome{"oauth2": f.oauth2, "oidc": f.oidc, "oauth1": f.oauth1, "goth": f.goth}[service]
}

// Only what hangs meets a short time-out: on a busy machine everything else takes a while.
const (
	hasty   = 300 * time.Millisecond
	patient = 30 * time.Second
)

// hasty is the application once more, with the keys and stores it has, and little patience.
func (w *world) hasty() http.Handler {
	other := &world{t: w.t, op: w.op, tw: w.tw, setup: w.setup}
	other.setup.timeout = hasty
	config := w.setup.configure
	other.setup.configure = func(c *passport.Config) { config(c); c.Observe = w.observe }
	other.build()
	return other.app
}

// Whatever a provider does, it costs the flow that met it and nothing else: the person
// stays logged in, a flow in another tab ends, and the next flow is as good as the first.
func TestEachFaultOfAProvider(t *testing.T) {
	injected := 0
	for _, flows := range []string{"cookies", "a store"} {
		for _, service := range services {
			t.Run(service+", flows in "+flows, func(t *testing.T) {
				keys := [][]byte{newKey()}
				s := setup{timeout: patient, configure: func(c *passport.Config) { c.Keys = keys }}
				w := unbuilt(t, s)
				if flows == "a store" {
					w.setup.configure = func(c *passport.Config) { c.Keys = keys; w.inStores(c) }
				}
				w.build()
				for _, f := range providerFaults() {
					if want := f.of(service); want.status != 0 {
						injected++
						w.suffers(service, f, want)
					}
				}
			})
		}
	}
	t.Logf("%d faults injected", injected)
}

func (w *world) suffers(service string, f providerFault, want outcome) {
	w.t.Helper()
	path := "/connect/" + service
	b := w.person("alice")
	other := begin(b, path) // in another tab
	w.told()
	w.op.Always(f.fault, f.at...)
	w.tw.Always(f.fault, f.at...)
	answer := begin(b, path)
	page := answer
	if came(answer) {
		if want == late { // the same application, but it does not wait long
			b.Serve(app, w.hasty())
		}
		page = answer.Next()
		b.Serve(app, w.app)
	}
	w.op.Heal()
	w.tw.Heal()
	name := string(f.fault)
	if len(f.at) > 0 {
		name += " at " + string(f.at[0])
	}
	if page.Status != want.status {
		w.t.Errorf("%s: %d %s; want %d", name, page.Status, page.Body, want.status)
	}
	if want.code != "" {
		if code, kind := w.code(); code != want.code || (kind == "fault") != (want.status >= 500) {
			w.t.Errorf("%s: the event is a %s %s; want %s", name, kind, code, want.code)
		}
	}
	if me := b.Follow(app + "/me"); me.Body != "user alice, account -" {
		w.t.Errorf("%s: then there is %d %s", name, me.Status, me.Body)
	}
	if page := other.Next(); page.Status != http.StatusOK {
		w.t.Errorf("%s: the flow in the other tab ends with %d %s", name, page.Status, page.Body)
	}
	if page := begin(b, path).Next(); page.Status != http.StatusOK {
		w.t.Errorf("%s: the next flow ends with %d %s", name, page.Status, page.Body)
	}
}

// What is down before a flow begins lets none begin, and nothing is kept.
func TestAProviderThatIsDownBeginsNoFlow(t *testing.T) {
	for _, c := range []struct {
		service string
		at      passporttest.Endpoint
		fault   passporttest.Fault
		want    outcome
	}{
		{"oidc", passporttest.Discovery, passporttest.InternalError, outcome{503, passport.CodeProviderUnavailable}},
		{"oidc", passporttest.Discovery, passporttest.ConnectionReset, outcome{503, passport.CodeProviderUnavailable}},
		{"oidc", passporttest.Discovery, passporttest.Hang, late},
		{"oidc", passporttest.Discovery, passporttest.HTML, badToken(passport.CodeMetadata)},
		{"oidc", passporttest.Discovery, passporttest.HugeBody, badToken(passport.CodeMetadata)},
		{"oidc", passporttest.Discovery, passporttest.RedirectAway, badToken(passport.CodeMetadata)},
		{"oauth1", passporttest.RequestToken, passporttest.InternalError, broken},
		{"oauth1", passporttest.RequestToken, passporttest.ConnectionReset, broken},
		{"oauth1", passporttest.RequestToken, passporttest.Hang, late},
		{"oauth1", passporttest.RequestToken, passporttest.HTML, broken},
		{"oauth1", passporttest.RequestToken, passporttest.Unconfirmed, broken},
		{"oauth1", passporttest.RequestToken, passporttest.RedirectAway, broken},
	} {
		t.Run(c.service+", "+string(c.fault), func(t *testing.T) {
			s := setup{timeout: patient}
			if c.want == late {
				s.timeout = hasty
			}
			w := newWorld(t, s)
			b := w.person("alice")
			w.op.Always(c.fault, c.at)
			w.tw.Always(c.fault, c.at)
			w.told()
			page := begin(b, "/connect/"+c.service)
			code, _ := w.code()
			if (outcome{page.Status, code}) != c.want || w.flows.Len() != 0 {
				t.Errorf("%d %s, %d flows; want %v", page.Status, code, w.flows.Len(), c.want)
			}
			if me := b.Follow(app + "/me"); me.Body != "user alice, account -" {
				t.Errorf("then there is %d %s", me.Status, me.Body)
			}
		})
	}
}
