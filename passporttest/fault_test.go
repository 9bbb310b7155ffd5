package passporttest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/strategies/gothprovider"
	"github.com/gopassport/passport/strategies/oauth1"
	"github.com/gopassport/passport/strategies/oidc"
)

// seen is what x/oauth2 and go-oidc see of one flow, left to themselves.
type seen struct {
	answer   url.Values // at the callback
	token    *oauth2.Token
	tokenErr error
	idToken  *gooidc.IDToken
	nonce    bool // it is the flow's
	idErr    error
	claims   map[string]any
	userinfo string
	userErr  error
}

// look walks a flow with libraries that know nothing of this package.
func look(t *testing.T, p *passporttest.Provider) (s seen) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	op, err := gooidc.NewProvider(ctx, p.URL)
	if err != nil {
		t.Fatal(err)
	}
	config := oauth2.Config{ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: op.Endpoint(), RedirectURL: app + "/callback", Scopes: []string{"openid"}}
	config.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	verifier, nonce := oauth2.GenerateVerifier(), rand.Text()
	s.answer = callback(t, config.AuthCodeURL("STATE", oauth2.S256ChallengeOption(verifier), gooidc.Nonce(nonce)))
	s.token, s.tokenErr = config.Exchange(ctx, s.answer.Get("code"), oauth2.VerifierOption(verifier))
	if s.tokenErr != nil {
		return s
	}
	raw, _ := s.token.Extra("id_token").(string)
	s.idToken, s.idErr = op.Verifier(&gooidc.Config{ClientID: p.ClientID}).Verify(ctx, raw)
	if s.idErr == nil {
		s.nonce = s.idToken.Nonce == nonce
		s.idErr = s.idToken.Claims(&s.claims)
	}
	info, err := op.UserInfo(ctx, oauth2.StaticTokenSource(s.token))
	if s.userErr = err; err == nil {
		s.userinfo = info.Subject
	}
	return s
}

// callback gives what the browser would bring back to the application.
func callback(t *testing.T, begin string) url.Values {
	t.Helper()
	b := passporttest.NewBrowser(t)
	b.Manual = true
	u, err := url.Parse(b.Open(begin).Location())
	if err != nil || !strings.HasPrefix(u.String(), app) {
		t.Fatalf("sent to %v, %v", u, err)
	}
	return u.Query()
}

func (s seen) status() int {
	var retrieve *oauth2.RetrieveError
	if errors.As(s.tokenErr, &retrieve) {
		return retrieve.Response.StatusCode
	}
	return 0
}

func (s seen) idErrHas(text string) bool {
	return s.idErr != nil && strings.Contains(s.idErr.Error(), text)
}

func (s seen) tokenErrHas(text string) bool {
	return s.tokenErr != nil && strings.Contains(s.tokenErr.Error(), text)
}

// effects says what each fault of an OAuth 2 provider looks like to who looks himself, and
// what the strategy oidc makes of it; 200 where the strategy does well to go on.
var effects = map[passporttest.Fault]struct {
	shows  func(p *passporttest.Provider, s seen) bool
	code   passport.Code
	status int
}{
	passporttest.Deny: {func(_ *passporttest.Provider, s seen) bool {
		return s.answer.Get("error") == "access_denied" && s.answer.Get("state") == "STATE"
	}, passport.CodeDenied, 403},
	passporttest.ServerError: {func(_ *passporttest.Provider, s seen) bool { return s.answer.Get("error") == "server_error" }, passport.CodeProvider, 502},
	passporttest.BadCode: {func(_ *passporttest.Provider, s seen) bool {
		return s.answer.Has("code") && s.tokenErrHas("invalid_grant")
	}, passport.CodeProvider, 502},
	passporttest.ReplayedCode: {func(_ *passporttest.Provider, s seen) bool {
		return s.answer.Has("code") && s.tokenErrHas("invalid_grant")
	}, passport.CodeProvider, 502},
	passporttest.WrongState: {func(_ *passporttest.Provider, s seen) bool {
		return s.answer.Get("state") != "STATE" && s.answer.Has("state") && s.tokenErr == nil
	}, passport.CodeFlowMissing, 400},
	passporttest.NoState: {func(_ *passporttest.Provider, s seen) bool { return !s.answer.Has("state") && s.tokenErr == nil }, passport.CodeCallback, 400},
	passporttest.WrongResponder: {func(p *passporttest.Provider, s seen) bool {
		return s.answer.Has("iss") && s.answer.Get("iss") != p.URL && s.tokenErr == nil
	}, passport.CodeIssuer, 400},
	passporttest.NoResponder: {func(_ *passporttest.Provider, s seen) bool { return !s.answer.Has("iss") && s.tokenErr == nil }, passport.CodeIssuer, 400},
	passporttest.TwiceInAnswer: {func(_ *passporttest.Provider, s seen) bool {
		return len(s.answer["code"]) == 2 && len(s.answer["state"]) == 2
	}, passport.CodeCallback, 400},

	passporttest.InternalError: {func(_ *passporttest.Provider, s seen) bool { return s.status() == 500 }, passport.CodeProvider, 502},
	passporttest.Unavailable:   {func(_ *passporttest.Provider, s seen) bool { return s.status() == 503 }, passport.CodeProvider, 502},
	passporttest.HTML:          {func(_ *passporttest.Provider, s seen) bool { return s.tokenErr != nil && s.status() == 0 }, passport.CodeProvider, 502},
	passporttest.EmptyBody:     {func(_ *passporttest.Provider, s seen) bool { return s.tokenErrHas("unexpected end of JSON") }, passport.CodeProvider, 502},
	passporttest.CutShort:      {func(_ *passporttest.Provider, s seen) bool { return s.tokenErrHas("unexpected EOF") }, passport.CodeProvider, 502},
	passporttest.Hang:          {func(_ *passporttest.Provider, s seen) bool { return errors.Is(s.tokenErr, context.DeadlineExceeded) }, passport.CodeProviderTimeout, 504},
	passporttest.SlowBody:      {func(_ *passporttest.Provider, s seen) bool { return s.tokenErrHas("deadline exceeded") }, passport.CodeProviderTimeout, 504},
	passporttest.HugeBody:      {func(_ *passporttest.Provider, s seen) bool { return s.tokenErr != nil }, passport.CodeProvider, 502},
	passporttest.ConnectionReset: {func(_ *passporttest.Provider, s seen) bool {
		return s.tokenErrHas("reset") || errors.Is(s.tokenErr, io.EOF)
	}, passport.CodeProvider, 502},
	passporttest.RedirectAway: {func(p *passporttest.Provider, s seen) bool {
		return p.Count(passporttest.Elsewhere) > 0 && p.Last(passporttest.Elsewhere).Form.Has("code_verifier")
	}, passport.CodeProvider, 502},
	passporttest.EchoSecrets: {func(_ *passporttest.Provider, s seen) bool {
		return s.status() == 500 && s.tokenErrHas("Basic ") && s.tokenErrHas("code_verifier")
	}, passport.CodeProvider, 502},
	passporttest.DuplicateMembers: {func(_ *passporttest.Provider, s seen) bool {
		return s.tokenErr != nil || s.token.AccessToken != "duplicate"
	}, passport.CodeProvider, 502},

	passporttest.InvalidGrant: {func(_ *passporttest.Provider, s seen) bool {
		return s.tokenErrHas("invalid_grant") && s.status() == 400
	}, passport.CodeProvider, 502},
	passporttest.NoAccessToken: {func(_ *passporttest.Provider, s seen) bool { return s.tokenErrHas("missing access_token") }, passport.CodeProvider, 502},
	passporttest.WrongTokenType: {func(_ *passporttest.Provider, s seen) bool {
		return s.token.Type() == "MAC" || s.token.TokenType == "mac"
	}, passport.CodeProvider, 502},
	passporttest.NoIDToken:    {func(_ *passporttest.Provider, s seen) bool { return s.token.Extra("id_token") == nil }, "id_token_malformed", 502},
	passporttest.EmptySubject: {func(_ *passporttest.Provider, s seen) bool { return s.idErr == nil && s.idToken.Subject == "" }, passport.CodeSubject, 502},
	passporttest.OtherSubject: {func(_ *passporttest.Provider, s seen) bool {
		return s.userinfo == "someone-else" && s.idToken.Subject == "1001"
	}, "subject_mismatch", 502},

	passporttest.WrongIssuer: {func(_ *passporttest.Provider, s seen) bool { return s.idErrHas("different provider") }, "id_token_issuer", 502},
	passporttest.WrongNonce: {func(_ *passporttest.Provider, s seen) bool {
		return s.idErr == nil && s.idToken.Nonce != "" && !s.nonce
	}, "id_token_nonce", 502},
	passporttest.NoNonce:       {func(_ *passporttest.Provider, s seen) bool { return s.idErr == nil && s.idToken.Nonce == "" }, "id_token_nonce", 502},
	passporttest.WrongAudience: {func(_ *passporttest.Provider, s seen) bool { return s.idErrHas("expected audience") }, "id_token_audience", 502},
	passporttest.WrongParty:    {func(_ *passporttest.Provider, s seen) bool { return s.claims["azp"] == "another-client" }, "id_token_audience", 502},
	passporttest.Expired:       {func(_ *passporttest.Provider, s seen) bool { return s.idErrHas("expired") }, "id_token_time", 502},
	passporttest.WrongTokenHash: {func(_ *passporttest.Provider, s seen) bool {
		return s.idErr == nil && s.idToken.VerifyAccessToken(s.token.AccessToken) != nil
	}, "id_token_hash", 502},
	passporttest.RotatedKey: {func(_ *passporttest.Provider, s seen) bool {
		return s.idErr == nil && s.nonce && s.idToken.VerifyAccessToken(s.token.AccessToken) == nil
	}, "", 200},
	passporttest.UnknownKey:   {func(_ *passporttest.Provider, s seen) bool { return s.idErrHas("failed to verify signature") }, "id_token_signature", 502},
	passporttest.BadSignature: {func(_ *passporttest.Provider, s seen) bool { return s.idErrHas("failed to verify") }, "id_token_signature", 502},
	passporttest.AlgNone: {func(_ *passporttest.Provider, s seen) bool {
		return s.idErrHas("alg") || s.idErrHas("signature algorithm") || s.idErrHas("malformed jwt")
	}, "id_token_signature", 502},
	passporttest.AlgHS256: {func(_ *passporttest.Provider, s seen) bool { return s.idErrHas("HS256") }, "id_token_signature", 502},
}

func TestEachFaultHappens(t *testing.T) {
	for fault, want := range effects {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			p := passporttest.NewProvider(t, passporttest.ProviderConfig{Algorithm: "ES256"})
			look(t, p) // so that there is a code to replay
			p.Next(fault)
			if s := look(t, p); !want.shows(p, s) {
				t.Errorf("seen: %+v", s)
			}
			if s := look(t, p); s.tokenErr != nil || s.idErr != nil || !s.nonce || s.answer.Get("state") != "STATE" || s.userErr != nil {
				t.Errorf("it happened again: %+v", s)
			}
		})
	}
}

// patience is short only where a fault hangs: on a busy machine everything else takes a while.
func patience(status int) time.Duration {
	if status == http.StatusGatewayTimeout {
		return 2 * time.Second
	}
	return 30 * time.Second
}

// What this module makes of a fault: a code and a status, no secret, and a connection as
// soon as the provider is well again.
func TestWhatTheStrategyMakesOfEachFault(t *testing.T) {
	for fault, want := range effects {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			p := passporttest.NewProvider(t, passporttest.ProviderConfig{Algorithm: "ES256"})
			s := oidc.New(oidc.Config{
				Issuer: p.URL, ClientID: p.ClientID, ClientSecret: p.ClientSecret, RedirectURL: app + "/connect/callback", Userinfo: true, Timeout: patience(want.status),
			}, func(_ *http.Request, who oidc.Identity) (string, error) { return who.Subject, nil })
			browser, last := newSite(t, s)
			browser.Walk(app + "/connect") // fetches metadata and keys
			p.Next(fault)
			page := browser.Walk(app + "/connect")
			code, err := last()
			if page.Status != want.status || code != want.code {
				t.Errorf("%d %s, want %d %s: %v", page.Status, code, want.status, want.code, err)
			}
			if text := fmt.Sprintf("%v %+v %s", err, err, page.Body); strings.Contains(text, p.ClientSecret) || strings.Contains(text, "code-") || strings.Contains(text, "access-") {
				t.Errorf("a secret shows up: %s", text)
			}
			if fault != passporttest.RotatedKey && p.Count(passporttest.Elsewhere) > 0 {
				t.Errorf("secrets went elsewhere: %+v", p.Last(passporttest.Elsewhere))
			}
			if page := browser.Walk(app + "/connect"); page.Body != "account 1001" {
				t.Errorf("afterwards: %d %s", page.Status, page.Body)
			}
		})
	}
}

// newSite is an application that connects accounts by a strategy, at /connect.
func newSite(t *testing.T, s passport.Strategy) (b *passporttest.Browser, last func() (passport.Code, error)) {
	t.Helper()
	var failed *passport.Error
	auth := passport.New(passport.Config{Keys: [][]byte{newKey()}, Observe: func(context.Context, passport.Event) {}, OnError: func(w http.ResponseWriter, _ *http.Request, err error) {
		errors.As(err, &failed)
		http.Error(w, failed.Message, failed.Status)
	}})
	auth.Use("op", s)
	mux := http.NewServeMux()
	for _, path := range []string{"/connect", "/connect/callback"} {
		mux.Handle(path, auth.Authorize("op")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			account, _ := passport.AccountFrom[string](r.Context())
			fmt.Fprint(w, "account "+account)
		})))
	}
	b = passporttest.NewBrowser(t)
	b.Serve(app, mux)
	return b, func() (code passport.Code, err error) {
		defer func() { failed = nil }()
		if failed == nil {
			return "", nil
		}
		return failed.Code, failed
	}
}

// oauth1Effects are the faults of an OAuth 1 provider, as the strategy sees them.
var oauth1Effects = map[passporttest.Fault]struct {
	at     passporttest.Endpoint
	code   passport.Code
	status int
}{
	passporttest.Deny:            {"", passport.CodeDenied, 403},
	passporttest.ServerError:     {"", passport.CodeProvider, 502},
	passporttest.BadCode:         {"", passport.CodeProvider, 502},
	passporttest.ReplayedCode:    {"", passport.CodeProvider, 502},
	passporttest.WrongState:      {"", passport.CodeFlowMissing, 400},
	passporttest.NoState:         {"", passport.CodeCallback, 400},
	passporttest.TwiceInAnswer:   {"", passport.CodeCallback, 400},
	passporttest.Unconfirmed:     {"", passport.CodeProvider, 502},
	passporttest.InvalidGrant:    {"", passport.CodeProvider, 502},
	passporttest.NoAccessToken:   {"", passport.CodeProvider, 502},
	passporttest.EmptySubject:    {"", passport.CodeSubject, 502},
	passporttest.InternalError:   {passporttest.RequestToken, passport.CodeProvider, 502},
	passporttest.Hang:            {"", passport.CodeProviderTimeout, 504},
	passporttest.HTML:            {"", passport.CodeProvider, 502},
	passporttest.Unavailable:     {"", passport.CodeProvider, 502},
	passporttest.EmptyBody:       {"", passport.CodeProvider, 502},
	passporttest.CutShort:        {"", passport.CodeProvider, 502},
	passporttest.SlowBody:        {"", passport.CodeProviderTimeout, 504},
	passporttest.HugeBody:        {"", passport.CodeProvider, 502},
	passporttest.ConnectionReset: {"", passport.CodeProvider, 502},
	passporttest.RedirectAway:    {"", passport.CodeProvider, 502},
	passporttest.EchoSecrets:     {passporttest.Userinfo, passport.CodeProvider, 502},
}

func TestEachFaultOfOAuth1Happens(t *testing.T) {
	for fault, want := range oauth1Effects {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			p := passporttest.NewOAuth1Provider(t, passporttest.OAuth1Config{})
			s := oauth1.New(oauth1.Config{
				ConsumerKey: p.ConsumerKey, ConsumerSecret: p.ConsumerSecret, CallbackURL: app + "/connect/callback", Timeout: patience(want.status),
				Endpoint: oauth1.Endpoint{RequestURL: p.At(passporttest.RequestToken), AuthorizeURL: p.At(passporttest.Authorize), AccessURL: p.At(passporttest.AccessToken)},
				Profile:  oauth1.JSONProfile(p.At(passporttest.Userinfo), "id_str"),
			}, func(_ *http.Request, g oauth1.Grant) (string, error) { return g.Subject, nil })
			browser, last := newSite(t, s)
			if page := browser.Walk(app + "/connect"); page.Body != "account 1001" {
				_, err := last()
				t.Fatalf("without a fault: %d %s %v", page.Status, page.Body, err)
			}
			if want.at == "" {
				p.Next(fault)
			} else {
				p.Next(fault, want.at)
			}
			page := browser.Walk(app + "/connect")
			code, err := last()
			if page.Status != want.status || code != want.code {
				t.Errorf("%d %s, want %d %s: %v", page.Status, code, want.status, want.code, err)
			}
			if page := browser.Walk(app + "/connect"); page.Body != "account 1001" {
				t.Errorf("afterwards: %d %s", page.Status, page.Body)
			}
		})
	}
}

// gothEffects are what the adapter of goth makes of the faults that plain OAuth 2 has.
var gothEffects = map[passporttest.Fault]struct {
	code   passport.Code
	status int
}{
	passporttest.Deny:             {passport.CodeDenied, 403},
	passporttest.ServerError:      {passport.CodeProvider, 502},
	passporttest.BadCode:          {passport.CodeProvider, 502},
	passporttest.ReplayedCode:     {passport.CodeProvider, 502},
	passporttest.WrongState:       {passport.CodeFlowMissing, 400},
	passporttest.NoState:          {passport.CodeCallback, 400},
	passporttest.TwiceInAnswer:    {passport.CodeCallback, 400},
	passporttest.InternalError:    {passport.CodeProvider, 502},
	passporttest.Unavailable:      {passport.CodeProvider, 502},
	passporttest.HTML:             {passport.CodeProvider, 502},
	passporttest.EmptyBody:        {passport.CodeProvider, 502},
	passporttest.CutShort:         {passport.CodeProvider, 502},
	passporttest.Hang:             {passport.CodeProviderTimeout, 504},
	passporttest.SlowBody:         {passport.CodeProviderTimeout, 504},
	passporttest.HugeBody:         {passport.CodeProvider, 502},
	passporttest.ConnectionReset:  {passport.CodeProvider, 502},
	passporttest.RedirectAway:     {passport.CodeProvider, 502},
	passporttest.EchoSecrets:      {passport.CodeProvider, 502},
	passporttest.DuplicateMembers: {passport.CodeProvider, 502},
	passporttest.InvalidGrant:     {passport.CodeProvider, 502},
	passporttest.NoAccessToken:    {passport.CodeProvider, 502},
	passporttest.EmptySubject:     {passport.CodeSubject, 502},
	passporttest.WrongTokenType:   {passport.CodeProvider, 502},
	passporttest.WrongResponder:   {"", 200}, // gothprovider.Issuer is not set
	passporttest.NoResponder:      {"", 200},
}

func TestWhatTheAdapterOfGothMakesOfFaults(t *testing.T) {
	for fault, want := range gothEffects {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			p := passporttest.NewProvider(t, passporttest.ProviderConfig{})
			browser, last := newSite(t, viaGoth(p, gothprovider.Timeout(patience(want.status))))
			browser.Walk(app + "/connect") // so that there is a code to replay
			p.Next(fault)
			page := browser.Walk(app + "/connect")
			if code, err := last(); page.Status != want.status || code != want.code || strings.Contains(fmt.Sprint(err), p.ClientSecret) {
				t.Errorf("%d %s, want %d %s: %v", page.Status, code, want.status, want.code, err)
			}
			if p.Count(passporttest.Elsewhere) > 0 {
				t.Errorf("secrets went elsewhere: %+v", p.Last(passporttest.Elsewhere))
			}
			if page := browser.Walk(app + "/connect"); page.Body != "account 1001" {
				t.Errorf("afterwards: %d %s", page.Status, page.Body)
			}
		})
	}
}
