package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/gopassport/passport/accounts"
)

// service rotates refresh tokens, and takes a second use for theft: then all are dead.
type service struct {
	mu      sync.Mutex
	current string
	calls   int
	fails   error         // in place of an answer
	takes   time.Duration // for an answer
	keeps   bool          // sends no refresh token
}

// TokenSource makes it what accounts.OAuth2 takes.
func (s *service) TokenSource(ctx context.Context, t *oauth2.Token) oauth2.TokenSource {
	return source(func() (*oauth2.Token, error) { return s.refresh(ctx, t.RefreshToken) })
}

type source func() (*oauth2.Token, error)

func (f source) Token() (*oauth2.Token, error) { return f() }

var errGrant = &oauth2.RetrieveError{ErrorCode: "invalid_grant"}

func (s *service) refresh(ctx context.Context, refreshToken string) (*oauth2.Token, error) {
	if s.takes > 0 {
		select {
		case <-time.After(s.takes):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	switch {
	case s.fails != nil:
		return nil, s.fails
	case refreshToken != s.current:
		s.current = ""
		return nil, errGrant
	}
	t := &oauth2.Token{AccessToken: fmt.Sprint("access-", s.calls), RefreshToken: fmt.Sprint("refresh-", s.calls), Expiry: time.Now().Add(time.Hour)}
	if s.keeps {
		t.RefreshToken = ""
		return t, nil
	}
	s.current = t.RefreshToken
	return t, nil
}

func (s *service) option(c *accounts.Config) {
	c.Services = map[string]accounts.Service{"github": {Refresh: accounts.OAuth2(s)}}
}

// expiring is an account whose token has some time left.
func expiring(left time.Duration) accounts.Account {
	a := gitHub("42")
	a.Token.Expiry = time.Now().Add(left)
	return a
}

// ending links an account whose token came an hour ago and has some time left.
func (d *desk) ending(t *testing.T, left time.Duration) accounts.Account {
	t.Helper()
	kept := d.link(t, "ada", expiring(left))
	kept.Updated = kept.Updated.Add(-time.Hour)
	if err := d.store.Change(t.Context(), kept.ID, func(r *accounts.Record) error { r.Updated = kept.Updated; return nil }); err != nil {
		t.Fatal(err)
	}
	return kept
}

// Keycloak's live for a minute, as long as Config.Ahead is.
func TestATokenThatLivesShortlyIsUsedForHalfOfItsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		d := newDesk(t, func(c *accounts.Config) {
			c.Services = map[string]accounts.Service{"github": {Refresh: func(context.Context, accounts.Account) (accounts.Token, error) {
				calls++
				return accounts.Token{Access: "access", Refresh: "refresh", Expiry: time.Now().Add(time.Minute)}, nil
			}}}
		})
		kept := d.link(t, "ada", expiring(time.Minute))
		source := d.TokenSource(t.Context(), kept)
		for second := range 300 {
			if _, err := source.Token(); err != nil {
				t.Error(err)
			}
			list, _ := d.List(t.Context(), "ada")
			if got, err := d.Token(t.Context(), list[0]); err != nil || time.Until(got.Expiry) < 30*time.Second {
				t.Error("after", second, "seconds:", time.Until(got.Expiry), err)
			}
			time.Sleep(time.Second)
		}
		if calls < 9 || calls > 10 {
			t.Error(calls, "refreshes in five minutes")
		}
	})
}

// A source that has a token asks nobody.
func TestASourceOfTokensKeepsTheLast(t *testing.T) {
	s := &service{current: "refresh-42"}
	d := newDesk(t, s.option)
	source := d.TokenSource(t.Context(), d.link(t, "ada", expiring(0)))
	for range 3 {
		got, err := source.Token()
		if err != nil || got.AccessToken != "access-1" {
			t.Fatal(err)
		}
		d.store.Fail(errors.New("down"))
	}
}

func TestATokenIsRefreshedAheadOfItsExpiry(t *testing.T) { // peers.md 60
	synctest.Test(t, func(t *testing.T) {
		s := &service{current: "refresh-42"}
		d := newDesk(t, s.option)
		kept := d.link(t, "ada", expiring(10*time.Minute))
		source := d.TokenSource(t.Context(), kept)
		for _, c := range []struct {
			after time.Duration
			want  string
		}{{0, "access-42"}, {9*time.Minute - time.Second, "access-42"}, {2 * time.Second, "access-1"}, {58 * time.Minute, "access-1"}, {2 * time.Minute, "access-2"}} {
			time.Sleep(c.after)
			got, err := source.Token()
			if err != nil {
				t.Fatal(err)
			}
			equal(t, fmt.Sprint("after ", c.after), got.AccessToken, c.want)
		}
		equal(t, "what was told", d.heard(), "linked ada/42, refreshed ada/42, refreshed ada/42")
		all, _ := d.List(t.Context(), "ada")
		equal(t, "the refresh token that is kept", all[0].Token.Refresh, "refresh-2")
	})
}

// openID is the service as strategies/oidc has it.
type openID struct{ *service }

func (s openID) TokenSource(ctx context.Context, subject string, t *oauth2.Token) oauth2.TokenSource {
	return source(func() (*oauth2.Token, error) {
		if subject != "42" {
			return nil, errors.New("this is another subject")
		}
		return s.refresh(ctx, t.RefreshToken)
	})
}

func TestOpenIDConnectIsToldWhoseTokenItIs(t *testing.T) {
	d := newDesk(t, func(c *accounts.Config) {
		c.Services = map[string]accounts.Service{"github": {Refresh: accounts.OpenID(openID{&service{current: "refresh-42"}})}}
	})
	if got, err := d.Token(t.Context(), d.link(t, "ada", expiring(0))); err != nil || got.Access != "access-1" {
		t.Error(err)
	}
}

func TestATokenThatDoesNotExpireIsNeverRefreshed(t *testing.T) {
	s := &service{}
	d := newDesk(t, s.option)
	got, err := d.Token(t.Context(), d.link(t, "ada", gitHub("42")))
	if err != nil || got.Access != "access-42" || s.calls != 0 {
		t.Error(err, s.calls)
	}
}

func TestTheRefreshTokenIsKeptWhereNoneComes(t *testing.T) {
	s := &service{current: "refresh-42", keeps: true}
	d := newDesk(t, s.option)
	got, err := d.Token(t.Context(), d.link(t, "ada", expiring(0)))
	if err != nil || got.Refresh != "refresh-42" {
		t.Error(got.Refresh == "", err)
	}
}

func TestOfManyWhoAskOneRefreshes(t *testing.T) {
	s := &service{current: "refresh-42", takes: 20 * time.Millisecond}
	d := newDesk(t, s.option)
	kept := d.link(t, "ada", expiring(0))
	var wg sync.WaitGroup
	for range 8 { // processes: each has an Accounts of its own
		process := accounts.New(d.config)
		for range 8 {
			wg.Go(func() {
				if got, err := process.Token(t.Context(), kept); err != nil || got.Access != "access-1" {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	equal(t, "calls of the service", s.calls, 1)
}

func TestWhoAskedFirstMayGoAway(t *testing.T) {
	s := &service{current: "refresh-42", takes: 50 * time.Millisecond}
	d := newDesk(t, s.option)
	kept := d.link(t, "ada", expiring(0))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := d.Token(ctx, kept); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	<-ctx.Done()
	got, err := d.Token(t.Context(), kept)
	wg.Wait()
	if err != nil || got.Access != "access-1" || s.calls != 1 {
		t.Error(err, s.calls)
	}
}

func TestAnAccountWhoseTokensAreWorthlessIsMarkedAndStays(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*service, *accounts.Account, *accounts.Config)
	}{
		{"the service refuses", func(s *service, _ *accounts.Account, _ *accounts.Config) { s.current = "another" }},
		{"the strategy says so", func(s *service, _ *accounts.Account, _ *accounts.Config) {
			s.fails = fmt.Errorf("x: %w", accounts.ErrReconnect)
		}},
		{"there is no refresh token", func(_ *service, a *accounts.Account, _ *accounts.Config) { a.Token.Refresh = "" }},
		{"nothing refreshes", func(_ *service, _ *accounts.Account, c *accounts.Config) { c.Services = nil }},
	} {
		s, a := &service{current: "refresh-42"}, expiring(0)
		d := newDesk(t, s.option, func(config *accounts.Config) { c.spoil(s, &a, config) })
		kept := d.link(t, "ada", a)
		for range 2 {
			if _, err := d.Token(t.Context(), kept); !errors.Is(err, accounts.ErrReconnect) {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		marked, err := d.Get(t.Context(), "ada", kept.ID)
		if err != nil || !marked.Reconnect {
			t.Errorf("%s: %v, %v", c.name, marked.Reconnect, err)
		}
		equal(t, c.name+": what was told", d.heard(), "linked ada/42, expired ada/42")
		equal(t, c.name+": calls of the service", s.calls <= 1, true)

		back := d.link(t, "ada", gitHub("42"))
		got, err := d.Token(t.Context(), back)
		if err != nil || got.Access != "access-42" || back.Reconnect {
			t.Errorf("%s: connected again: %v, %v", c.name, back.Reconnect, err)
		}
	}
}

// A process that was told invalid_grant looks again: somebody else may have been faster.
func TestALostRaceIsNoReasonToReconnect(t *testing.T) {
	var d *desk
	var kept accounts.Account
	calls := 0
	d = newDesk(t, func(c *accounts.Config) {
		c.Services = map[string]accounts.Service{"github": {Refresh: func(ctx context.Context, a accounts.Account) (accounts.Token, error) {
			calls++
			theirs := gitHub("42") // a machine whose claim was over
			theirs.Token.Access, theirs.Token.Expiry = "theirs", time.Now().Add(time.Hour)
			if _, _, err := d.Link(ctx, "ada", theirs); err != nil {
				t.Error(err)
			}
			return accounts.Token{}, errGrant
		}}}
	})
	kept = d.link(t, "ada", expiring(0))
	got, err := d.Token(t.Context(), kept)
	if err != nil || got.Access != "theirs" || calls != 1 {
		t.Error(err, calls)
	}
}

func TestAServiceThatIsDownCostsNothing(t *testing.T) {
	down := errors.New("down")
	for _, c := range []struct {
		name  string
		left  time.Duration
		fails error
		want  error
	}{
		{"the old token is still good", 30 * time.Second, down, nil},
		{"it is over", 0, down, down},
		{"another error of OAuth 2", 0, &oauth2.RetrieveError{ErrorCode: "temporarily_unavailable"}, nil},
	} {
		s := &service{current: "refresh-42", fails: c.fails}
		d := newDesk(t, s.option)
		kept := d.ending(t, c.left)
		got, err := d.Token(t.Context(), kept)
		if c.left > 0 {
			if err != nil || got.Access != "access-42" {
				t.Errorf("%s: %v", c.name, err)
			}
		} else if err == nil || errors.Is(err, accounts.ErrReconnect) || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		s.mu.Lock()
		s.fails = nil
		s.mu.Unlock()
		got, err = d.Token(t.Context(), kept)
		if err != nil || got.Access != "access-2" {
			t.Errorf("%s: afterwards: %v", c.name, err)
		}
		equal(t, c.name+": what was told", d.heard(), "linked ada/42, refreshed ada/42")
	}
}

func TestAProcessThatDiedWhileItRefreshedDelaysTheOthersOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{current: "refresh-42"}
		d := newDesk(t, s.option)
		kept := d.link(t, "ada", expiring(0))
		claimed := func(r *accounts.Record) error { r.Claimed = time.Now().Add(30 * time.Second); return nil }
		if err := d.store.Change(t.Context(), kept.ID, claimed); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		got, err := d.Token(t.Context(), kept)
		if err != nil || got.Access != "access-1" {
			t.Error(err)
		}
		if waited := time.Since(began); waited < 30*time.Second || waited > 31*time.Second {
			t.Error("waited", waited)
		}
	})
}

// The old refresh token may be worthless already, so a store that is away for a moment
// must not cost the new one.
func TestANewTokenIsKeptAlthoughTheStoreFailsForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d *desk
		s := &service{current: "refresh-42"}
		d = newDesk(t, func(c *accounts.Config) {
			c.Services = map[string]accounts.Service{"github": {Refresh: func(ctx context.Context, a accounts.Account) (accounts.Token, error) {
				d.store.Fail(errors.New("away"))
				time.AfterFunc(2*time.Second, func() { d.store.Fail(nil) })
				return accounts.OAuth2(s)(ctx, a)
			}}}
		})
		kept := d.link(t, "ada", expiring(0))
		if got, err := d.Token(t.Context(), kept); err != nil || got.Access != "access-1" {
			t.Error(err)
		}
		again, err := d.Get(t.Context(), "ada", kept.ID)
		if err != nil || again.Token.Refresh != "refresh-1" {
			t.Error("the new token was lost:", err)
		}
	})
}

func TestAPanicOfAServiceIsAnErrorOfThisCall(t *testing.T) {
	d := newDesk(t, func(c *accounts.Config) {
		c.Services = map[string]accounts.Service{"github": {Refresh: func(context.Context, accounts.Account) (accounts.Token, error) { panic("canary-token") }}}
	})
	_, err := d.Token(t.Context(), d.link(t, "ada", expiring(0)))
	if err == nil || !strings.Contains(err.Error(), "panic") || strings.Contains(err.Error(), "canary") {
		t.Error(err)
	}
}

func TestAnAnswerWithoutATokenIsAnError(t *testing.T) {
	d := newDesk(t, func(c *accounts.Config) {
		c.Services = map[string]accounts.Service{"github": {Refresh: func(context.Context, accounts.Account) (accounts.Token, error) { return accounts.Token{}, nil }}}
	})
	if _, err := d.Token(t.Context(), d.link(t, "ada", expiring(0))); err == nil {
		t.Error("there is no error")
	}
}

func TestAnAccountThatWasDisconnectedHasNoToken(t *testing.T) {
	var calls atomic.Int64
	d := newDesk(t, func(c *accounts.Config) {
		c.Services = map[string]accounts.Service{"github": {Refresh: func(context.Context, accounts.Account) (accounts.Token, error) {
			calls.Add(1)
			return accounts.Token{}, nil
		}}}
	})
	kept := d.link(t, "ada", expiring(0))
	if _, err := d.Unlink(t.Context(), "ada", kept.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Token(t.Context(), kept); !errors.Is(err, accounts.ErrNotFound) || calls.Load() != 0 {
		t.Error(err, calls.Load())
	}
}

func TestATokenThatTheServiceRefusesIsRenewed(t *testing.T) {
	s := &service{current: "refresh-42"}
	d := newDesk(t, s.option)
	kept := d.link(t, "ada", expiring(time.Hour))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got, err := d.Renew(t.Context(), kept); err != nil || got.Access != "access-1" {
				t.Error(got.Access, err)
			}
		})
	}
	all.Wait()
	got, err := d.Renew(t.Context(), kept) // somebody comes late with the same refusal
	if err != nil || got.Access != "access-1" || s.calls != 1 {
		t.Error(got.Access, err, s.calls)
	}
	list, _ := d.List(t.Context(), "ada")
	equal(t, "what is kept", list[0].Token.Access, "access-1")
	if got, err := d.Renew(t.Context(), list[0]); err != nil || got.Access != "access-2" {
		t.Error("refused again:", got.Access, err)
	}
}

func TestARefusedTokenThatCannotBeRenewedMeansReconnect(t *testing.T) {
	for name, c := range map[string]struct {
		account accounts.Account
		current string
	}{
		"the person took access away":            {expiring(time.Hour), "none"},
		"it never expires, nor can be refreshed": {accounts.Account{Strategy: "gitlab", Issuer: "gitlab", Subject: "42", Token: accounts.Token{Access: "a"}}, ""},
	} {
		s := &service{current: c.current}
		d := newDesk(t, s.option)
		kept := d.link(t, "ada", c.account)
		for range 2 {
			if _, err := d.Renew(t.Context(), kept); !errors.Is(err, accounts.ErrReconnect) {
				t.Errorf("%s: %v", name, err)
			}
		}
		all, _ := d.List(t.Context(), "ada")
		equal(t, name+": is marked", all[0].Reconnect, true)
		if _, err := d.Token(t.Context(), all[0]); !errors.Is(err, accounts.ErrReconnect) {
			t.Errorf("%s: the refused token is given again: %v", name, err)
		}
		again := d.link(t, "ada", c.account)
		if got, err := d.Token(t.Context(), again); err != nil || got.Access != c.account.Token.Access {
			t.Errorf("%s: connected again: %v", name, err)
		}
	}
	d := newDesk(t)
	if _, err := d.Renew(t.Context(), accounts.Account{ID: "none"}); !errors.Is(err, accounts.ErrNotFound) {
		t.Error(err)
	}
}

// Who refreshes has spent the refresh token already: its answer must be kept, also where
// that process refreshes earlier than this one would.
func TestARefusalDoesNotDisturbWhoRefreshes(t *testing.T) {
	for _, left := range []time.Duration{30 * time.Second, 90 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := &service{current: "refresh-42", takes: 5 * time.Second}
			d := newDesk(t, s.option)
			kept := d.ending(t, left)
			early := d.config
			early.Ahead = 2 * time.Minute
			go func() { _, _ = accounts.New(early).Token(t.Context(), kept) }()
			time.Sleep(time.Second)
			if _, err := d.Renew(t.Context(), kept); err != nil {
				t.Error(err)
			}
			time.Sleep(5 * time.Second)
			list, _ := d.List(t.Context(), "ada")
			equal(t, "what is kept", list[0].Token.Access, "access-1")
			equal(t, "refreshes", s.calls, 1)
		})
	}
}

// A log-in, or a connect without a refresh token, while somebody refreshes: the refresh
// token that is kept must not be the one that is being spent.
func TestALinkDoesNotDisturbWhoRefreshes(t *testing.T) {
	for name, c := range map[string]struct {
		token  accounts.Token
		access string // what is kept afterwards
	}{
		"without a token":         {accounts.Token{}, "access-1"},
		"without a refresh token": {accounts.Token{Access: "linked", Expiry: time.Time{}}, "linked"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &service{current: "refresh-42", takes: 5 * time.Second}
			d := newDesk(t, s.option)
			kept := d.ending(t, 30*time.Second)
			go func() {
				if got, err := d.Token(t.Context(), kept); err != nil || got.Access != "access-1" {
					t.Error(name, got.Access, err)
				}
			}()
			time.Sleep(time.Second)
			again := gitHub("42")
			again.Token = c.token
			d.link(t, "ada", again)
			time.Sleep(5 * time.Second)
			list, _ := d.List(t.Context(), "ada")
			equal(t, name+": the access token", list[0].Token.Access, c.access)
			equal(t, name+": the refresh token", list[0].Token.Refresh, "refresh-1")
			equal(t, name+": refreshes", s.calls, 1)
		})
	}
}

// Two processes die, one after the other, before this one has its turn. The service has
// rotated when the request comes, and is slow with its answer.
func TestARefreshThatBeginsLateHasItsTimeAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{current: "refresh-42"}
		d := newDesk(t, func(c *accounts.Config) {
			c.Services = map[string]accounts.Service{"github": {Refresh: func(ctx context.Context, a accounts.Account) (accounts.Token, error) {
				t, err := s.refresh(ctx, a.Token.Refresh)
				select {
				case <-time.After(12 * time.Second):
					return accounts.FromOAuth2(t), err
				case <-ctx.Done():
					return accounts.Token{}, ctx.Err()
				}
			}}}
		})
		kept := d.link(t, "ada", expiring(0))
		claim := func() {
			err := d.store.Change(t.Context(), kept.ID, func(r *accounts.Record) error { r.Claimed = time.Now().Add(30 * time.Second); return nil })
			if err != nil {
				t.Error(err)
			}
		}
		claim()
		time.AfterFunc(25*time.Second, claim)
		got, err := d.Token(t.Context(), kept)
		if err != nil || got.Refresh != "refresh-1" {
			t.Error(err)
		}
		list, _ := d.List(t.Context(), "ada")
		equal(t, "the refresh token that is kept", list[0].Token.Refresh, "refresh-1")
	})
}

func TestARefreshTokenIsSentByTheClientThatGotItOnly(t *testing.T) {
	var sent []string
	d := newDesk(t, func(c *accounts.Config) {
		c.Services = map[string]accounts.Service{"github": {}, "other": {Refresh: func(_ context.Context, a accounts.Account) (accounts.Token, error) {
			sent = append(sent, a.Token.Refresh)
			return accounts.Token{}, errGrant
		}}}
	})
	d.link(t, "ada", gitHub("42"))
	other := expiring(0)
	other.Strategy, other.Token.Refresh = "other", ""
	kept := d.link(t, "ada", other)
	if _, err := d.Token(t.Context(), kept); !errors.Is(err, accounts.ErrReconnect) || len(sent) > 0 {
		t.Error(sent, err)
	}
}

func TestATokenThatComesAfterADisconnectIsRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var revoked []string
		s := &service{current: "refresh-42", takes: 5 * time.Second}
		d := newDesk(t, func(c *accounts.Config) {
			c.Services = map[string]accounts.Service{"github": {Refresh: accounts.OAuth2(s), Revoke: func(ctx context.Context, a accounts.Account) error {
				mu.Lock()
				defer mu.Unlock()
				revoked = append(revoked, a.Token.Refresh)
				return ctx.Err()
			}}}
		})
		kept := d.link(t, "ada", expiring(0))
		go func() {
			if _, err := d.Token(t.Context(), kept); !errors.Is(err, accounts.ErrNotFound) {
				t.Error(err)
			}
		}()
		time.Sleep(time.Second)
		if _, err := d.Unlink(t.Context(), "ada", kept.ID); err != nil {
			t.Error(err)
		}
		time.Sleep(5 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		equal(t, "what was revoked", strings.Join(revoked, " "), "refresh-42 refresh-1")
	})
}
