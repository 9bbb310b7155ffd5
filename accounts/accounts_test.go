package accounts_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/gopassport/passport/accounts"
	"github.com/gopassport/passport/passporttest"
)

func newKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return key
}

// desk is an Accounts with what a test looks at.
type desk struct {
	*accounts.Accounts
	config accounts.Config
	store  *passporttest.AccountStore
	mu     sync.Mutex
	told   []string
}

func newDesk(t *testing.T, options ...func(*accounts.Config)) *desk {
	t.Helper()
	d := &desk{store: &passporttest.AccountStore{}}
	d.config = accounts.Config{Store: d.store, Keys: [][]byte{newKey()}, Changed: func(_ context.Context, what accounts.Change, a accounts.Account) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.told = append(d.told, string(what)+" "+a.User+"/"+a.Subject)
	}}
	for _, option := range options {
		option(&d.config)
	}
	d.Accounts = accounts.New(d.config)
	return d
}

func (d *desk) heard() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.told, ", ")
}

// link links an account that must be linked.
func (d *desk) link(t *testing.T, user string, a accounts.Account) accounts.Account {
	t.Helper()
	kept, _, err := d.Link(t.Context(), user, a)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

func gitHub(subject string) accounts.Account {
	return accounts.Account{Strategy: "github", Issuer: "github.com", Subject: subject, Name: "octo", Scopes: []string{"read"},
		Token: accounts.Token{Access: "access-" + subject, Refresh: "refresh-" + subject, Type: "Bearer"}}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestAnAccountIsLinkedOnceAndThenUpdated(t *testing.T) { // peers.md 54
	d := newDesk(t)
	first, what, err := d.Link(t.Context(), "ada", gitHub("42"))
	if err != nil || what != accounts.Linked || first.ID == "" || first.User != "ada" {
		t.Fatal(first, what, err)
	}
	again := gitHub("42")
	again.Name = "octo cat"
	second, what, err := d.Link(t.Context(), "ada", again)
	if err != nil || what != accounts.Updated {
		t.Fatal(what, err)
	}
	equal(t, "the id", second.ID, first.ID)
	equal(t, "the name", second.Name, "octo cat")
	equal(t, "when it was connected", second.Connected, first.Connected)
	equal(t, "what was told", d.heard(), "linked ada/42, updated ada/42")
	all, err := d.List(t.Context(), "ada") // peers.md 56
	if err != nil || len(all) != 1 || all[0].Token.Access != "access-42" {
		t.Error(all, err)
	}
}

func TestAnAccountOfAnotherUserStaysTheirs(t *testing.T) { // peers.md 53
	d := newDesk(t)
	d.link(t, "ada", gitHub("42"))
	theirs := gitHub("42")
	theirs.Name, theirs.Token.Access = "thief", "stolen"
	_, _, err := d.Link(t.Context(), "bob", theirs)
	if !errors.Is(err, accounts.ErrAccountInUse) || strings.Contains(err.Error(), "ada") {
		t.Error(err)
	}
	owner, err := d.Find(t.Context(), "github.com", "42")
	if err != nil || owner.User != "ada" || owner.Name != "octo" || owner.Token.Access != "access-42" {
		t.Error(owner, err)
	}
	equal(t, "what was told", d.heard(), "linked ada/42")
}

func TestReconnectingLosesNeitherScopesNorTheRefreshToken(t *testing.T) { // peers.md 59
	d := newDesk(t)
	d.link(t, "ada", gitHub("42"))
	again := gitHub("42")
	again.Scopes, again.Token = []string{"write", "read"}, accounts.Token{Access: "new"}
	kept := d.link(t, "ada", again)
	equal(t, "scopes", strings.Join(kept.Scopes, " "), "read write")
	equal(t, "the access token", kept.Token.Access, "new")
	equal(t, "the refresh token", kept.Token.Refresh, "refresh-42")
}

func TestALinkWithoutTokensLeavesThemAsTheyAre(t *testing.T) {
	d := newDesk(t)
	d.link(t, "ada", gitHub("42"))
	login := accounts.Account{Strategy: "github-login", Issuer: "github.com", Subject: "42", Name: "new"}
	kept := d.link(t, "ada", login)
	listed, err := d.Get(t.Context(), "ada", kept.ID)
	if err != nil {
		t.Fatal(err)
	}
	for what, a := range map[string]accounts.Account{"given": kept, "kept": listed} {
		equal(t, what+": the name", a.Name, "new")
		equal(t, what+": the tokens", a.Token, gitHub("42").Token)
		equal(t, what+": whose they are", a.Strategy, "github")
		equal(t, what+": the scopes", strings.Join(a.Scopes, " "), "read")
		equal(t, what+": reconnect", a.Reconnect, false)
	}
}

func TestExtendingTakesNoOtherAccount(t *testing.T) {
	d := newDesk(t)
	mine := d.link(t, "ada", gitHub("42"))
	other := d.link(t, "ada", gitHub("43"))
	bobs := d.link(t, "bob", gitHub("44"))
	for _, c := range []struct {
		name, id string
		account  accounts.Account
		want     error
	}{
		{"the same account", mine.ID, gitHub("42"), nil},
		{"another of one's own", mine.ID, gitHub("43"), accounts.ErrOtherAccount},
		{"a new one", mine.ID, gitHub("45"), accounts.ErrOtherAccount},
		{"somebody else's", mine.ID, gitHub("44"), accounts.ErrOtherAccount},
		{"somebody else's, by its id", bobs.ID, gitHub("44"), accounts.ErrAccountInUse},
		{"an id that is none", "x", gitHub("42"), accounts.ErrOtherAccount},
		{"no id, and a new one", "", gitHub("45"), accounts.ErrOtherAccount},
		{"no id", "", gitHub("42"), accounts.ErrOtherAccount},
	} {
		wider := c.account
		wider.Scopes = []string{"write"}
		kept, err := d.Extend(t.Context(), "ada", c.id, wider)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if c.want == nil {
			equal(t, "scopes", strings.Join(kept.Scopes, " "), "read write")
		}
	}
	kept, err := d.Get(t.Context(), "ada", other.ID)
	if err != nil || !slices.Equal(kept.Scopes, []string{"read"}) {
		t.Error("the other account was changed:", kept.Scopes, err)
	}
	if _, err := d.Find(t.Context(), "github.com", "45"); !errors.Is(err, accounts.ErrNotFound) {
		t.Error("a new account was kept:", err)
	}
}

func TestLinkNeedsSomebodyAndSomething(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct{ name, user, issuer, subject string }{
		{"nobody", "", "github.com", "42"}, {"no issuer", "ada", "", "42"}, {"no subject", "ada", "github.com", ""},
	} {
		if _, _, err := d.Link(t.Context(), c.user, accounts.Account{Issuer: c.issuer, Subject: c.subject}); err == nil {
			t.Errorf("%s: there is no error", c.name)
		}
	}
	equal(t, "what was told", d.heard(), "")
}

func TestTwoAccountsOfOneServiceStandBesideEachOther(t *testing.T) {
	d := newDesk(t)
	d.link(t, "ada", gitHub("42"))
	d.link(t, "ada", gitHub("43"))
	all, err := d.List(t.Context(), "ada")
	if err != nil || len(all) != 2 {
		t.Error(all, err)
	}
}

func TestTheIssuerTellsAccountsOfOneSubjectApart(t *testing.T) {
	d := newDesk(t)
	d.link(t, "ada", gitHub("42"))
	elsewhere := gitHub("42")
	elsewhere.Issuer = "gitlab.com"
	elsewhere.Email = "ada@example.com" // proves nothing
	d.link(t, "bob", elsewhere)
	for issuer, want := range map[string]string{"github.com": "ada", "gitlab.com": "bob"} {
		owner, err := d.Find(t.Context(), issuer, "42")
		if err != nil || owner.User != want {
			t.Errorf("%s: %v, %v", issuer, owner, err)
		}
	}
}

func TestAnotherUsersAccountIsNotFound(t *testing.T) {
	d := newDesk(t)
	mine := d.link(t, "ada", gitHub("42"))
	if _, err := d.Get(t.Context(), "bob", mine.ID); !errors.Is(err, accounts.ErrNotFound) {
		t.Error(err)
	}
	if _, err := d.Unlink(t.Context(), "bob", mine.ID); !errors.Is(err, accounts.ErrNotFound) {
		t.Error(err)
	}
}

func TestWhoCanBeDisconnected(t *testing.T) { // peers.md 55
	const login, other = "github", "calendar"
	for _, c := range []struct {
		name     string
		logins   int // passwords and passkeys
		accounts []string
		unlink   string
		want     error
	}{
		{"the only way in", 0, []string{login}, login, accounts.ErrLastLogin},
		{"with a password", 1, []string{login}, login, nil},
		{"with a passkey and a password", 2, []string{login}, login, nil},
		{"with another that logs in", 0, []string{login, login}, login, nil},
		{"with another that does not", 0, []string{login, other}, login, accounts.ErrLastLogin},
		{"one that does not log in", 0, []string{login, other}, other, nil},
		{"one that does not log in, where nothing does", 0, []string{other}, other, nil},
	} {
		d := newDesk(t, func(config *accounts.Config) {
			config.Services = map[string]accounts.Service{login: {LogsIn: true}}
			config.Logins = func(_ context.Context, user string) (int, error) {
				equal(t, "the user", user, "ada")
				return c.logins, nil
			}
		})
		var id string
		for i, strategy := range c.accounts {
			a := gitHub(fmt.Sprint(i))
			a.Strategy = strategy
			if kept := d.link(t, "ada", a); strategy == c.unlink {
				id = kept.ID
			}
		}
		_, err := d.Unlink(t.Context(), "ada", id)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		_, err = d.Get(t.Context(), "ada", id)
		equal(t, c.name+": it is gone", errors.Is(err, accounts.ErrNotFound), c.want == nil)
	}
}

// The strategy of an account changes with its tokens; that it is a way in does not.
func TestAWayInStaysOneWhicheverStrategyConnectsTheAccountToo(t *testing.T) {
	login, repos := gitHub("42"), gitHub("42")
	login.Token, repos.Strategy = accounts.Token{}, "github-repos"
	tokens := gitHub("42")
	for name, order := range map[string][]accounts.Account{
		"first to log in":             {login, repos},
		"first for the tokens":        {repos, login},
		"the log-in has tokens, too":  {tokens, repos},
		"for the tokens, twice since": {login, repos, repos},
	} {
		d := newDesk(t, func(c *accounts.Config) {
			c.Services = map[string]accounts.Service{"github": {LogsIn: true}, "github-repos": {}}
		})
		var kept accounts.Account
		for _, a := range order {
			kept = d.link(t, "ada", a)
		}
		equal(t, name+": whose the tokens are", kept.Strategy, "github-repos")
		if _, err := d.Unlink(t.Context(), "ada", kept.ID); !errors.Is(err, accounts.ErrLastLogin) {
			t.Errorf("%s: the only way in was disconnected: %v", name, err)
		}
		d.link(t, "ada", gitHub("43"))
		if _, err := d.Unlink(t.Context(), "ada", kept.ID); err != nil {
			t.Errorf("%s: with another one: %v", name, err)
		}
	}
}

func TestARecordOfBeforeCountsByItsStrategy(t *testing.T) {
	d := newDesk(t, func(c *accounts.Config) { c.Services = map[string]accounts.Service{"github": {LogsIn: true}} })
	kept := d.link(t, "ada", gitHub("42"))
	if err := d.store.Change(t.Context(), kept.ID, func(r *accounts.Record) error { r.Strategies = nil; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Unlink(t.Context(), "ada", kept.ID); !errors.Is(err, accounts.ErrLastLogin) {
		t.Error(err)
	}
	repos := gitHub("42")
	repos.Strategy = "github-repos"
	d.link(t, "ada", repos)
	if _, err := d.Unlink(t.Context(), "ada", kept.ID); !errors.Is(err, accounts.ErrLastLogin) {
		t.Error("after another strategy connected it:", err)
	}
}

func TestTheLastTwoAreNotBothDisconnectedAtOnce(t *testing.T) {
	for range 50 {
		d := newDesk(t, func(c *accounts.Config) { c.Services = map[string]accounts.Service{"github": {LogsIn: true}} })
		one, two := d.link(t, "ada", gitHub("1")), d.link(t, "ada", gitHub("2"))
		var wg sync.WaitGroup
		for _, id := range []string{one.ID, two.ID} {
			wg.Go(func() { _, _ = d.Unlink(t.Context(), "ada", id) })
		}
		wg.Wait()
		if all, _ := d.List(t.Context(), "ada"); len(all) != 1 {
			t.Fatalf("%d accounts are left", len(all))
		}
	}
}

func TestAnAccountThatCannotBeCountedStays(t *testing.T) {
	down := errors.New("down")
	d := newDesk(t, func(c *accounts.Config) {
		c.Logins = func(context.Context, string) (int, error) { return 0, down }
	})
	kept := d.link(t, "ada", gitHub("42"))
	if _, err := d.Unlink(t.Context(), "ada", kept.ID); !errors.Is(err, down) {
		t.Error(err)
	}
	if _, err := d.Get(t.Context(), "ada", kept.ID); err != nil {
		t.Error(err)
	}
}

func TestTheServiceIsToldOfADisconnect(t *testing.T) {
	down := errors.New("down")
	for _, c := range []struct {
		name  string
		fails error
		token accounts.Token
		calls int
	}{
		{"it revokes", nil, gitHub("42").Token, 1},
		{"it is down: the account is gone all the same", down, gitHub("42").Token, 1},
		{"there is no token", nil, accounts.Token{}, 0},
	} {
		calls := 0
		d := newDesk(t, func(config *accounts.Config) {
			config.Services = map[string]accounts.Service{"github": {Revoke: func(_ context.Context, a accounts.Account) error {
				calls++
				equal(t, c.name+": the token", a.Token.Refresh, "refresh-42")
				return c.fails
			}}}
		})
		a := gitHub("42")
		a.Token = c.token
		kept := d.link(t, "ada", a)
		revoked, err := d.Unlink(t.Context(), "ada", kept.ID)
		if err != nil || !errors.Is(revoked, c.fails) {
			t.Errorf("%s: %v, %v", c.name, revoked, err)
		}
		equal(t, c.name+": calls", calls, c.calls)
		equal(t, c.name+": what was told", d.heard(), "linked ada/42, unlinked ada/42")
	}
}

func TestTheServiceIsToldAlsoWhereTheBrowserHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		d := newDesk(t, func(c *accounts.Config) {
			c.Services = map[string]accounts.Service{"github": {Revoke: func(ctx context.Context, _ accounts.Account) error {
				if ctx.Err() != nil {
					t.Error("the context had ended")
				}
				<-ctx.Done() // a service that hangs
				return ctx.Err()
			}}}
			c.Changed = func(_ context.Context, what accounts.Change, _ accounts.Account) {
				if what == accounts.Unlinked {
					cancel()
				}
			}
		})
		kept := d.link(t, "ada", gitHub("42"))
		began := time.Now()
		revoked, err := d.Unlink(ctx, "ada", kept.ID)
		if err != nil || !errors.Is(revoked, context.DeadlineExceeded) {
			t.Error(revoked, err)
		}
		equal(t, "the time it had", time.Since(began), 20*time.Second)
	})
}

func TestTokensAreSealedAtRest(t *testing.T) { // peers.md 61
	d := newDesk(t)
	kept := d.link(t, "ada", gitHub("42"))
	r, err := d.store.Get(t.Context(), kept.ID)
	if err != nil {
		t.Fatal(err)
	}
	if all := fmt.Sprintf("%+v %s", r, r.Sealed); strings.Contains(all, "access-42") || strings.Contains(all, "refresh-42") || r.Token != (accounts.Token{}) {
		t.Error("the store sees a token:", all)
	}
	equal(t, "the token of the list", kept.Token, gitHub("42").Token)
}

func TestASealedTokenOpensForItsOwnAccountOnly(t *testing.T) {
	d := newDesk(t)
	one, two := d.link(t, "ada", gitHub("1")), d.link(t, "bob", gitHub("2"))
	stolen, _ := d.store.Get(t.Context(), one.ID)
	for name, sealed := range map[string][]byte{"another's": stolen.Sealed, "junk": []byte("junk"), "of no key": make([]byte, 64)} {
		if err := d.store.Change(t.Context(), two.ID, func(r *accounts.Record) error { r.Sealed = sealed; return nil }); err != nil {
			t.Fatal(err)
		}
		a, err := d.Get(t.Context(), "bob", two.ID)
		if err != nil || a.Token != (accounts.Token{}) || !a.Reconnect {
			t.Errorf("%s: %v, %v, %v", name, a.Token == (accounts.Token{}), a.Reconnect, err)
		}
	}
}

func TestKeysAreRotated(t *testing.T) {
	d := newDesk(t)
	old := d.config.Keys[0]
	kept := d.link(t, "ada", gitHub("42"))
	rotated := func(keys ...[]byte) *accounts.Accounts {
		config := d.config
		config.Keys = keys
		return accounts.New(config)
	}
	fresh := newKey()
	a, err := rotated(fresh, old).Get(t.Context(), "ada", kept.ID)
	if err != nil || a.Token.Access != "access-42" || a.Reconnect {
		t.Error("with both keys:", a.Reconnect, err)
	}
	if _, _, err := rotated(fresh, old).Link(t.Context(), "ada", gitHub("42")); err != nil {
		t.Error(err)
	}
	a, err = rotated(fresh).Get(t.Context(), "ada", kept.ID)
	if err != nil || a.Token.Access != "access-42" {
		t.Error("with the new key alone, after it was written anew:", err)
	}
	a, err = rotated(newKey()).Get(t.Context(), "ada", kept.ID)
	if err != nil || a.Token != (accounts.Token{}) || !a.Reconnect {
		t.Error("with neither:", a.Reconnect, err)
	}
}

// While keys are rotated, a machine may not have the newest one yet.
func TestALinkLosesNoRefreshTokenThatItCannotOpen(t *testing.T) {
	d := newDesk(t)
	fresh := newKey()
	ahead := d.config
	ahead.Keys = [][]byte{fresh, d.config.Keys[0]}
	there := accounts.New(ahead)
	kept, _, err := there.Link(t.Context(), "ada", gitHub("42"))
	if err != nil {
		t.Fatal(err)
	}
	again := gitHub("42")
	again.Token = accounts.Token{Access: "again"}
	if _, _, err := d.Link(t.Context(), "ada", again); err == nil {
		t.Error("there is no error")
	}
	got, err := there.Get(t.Context(), "ada", kept.ID)
	if err != nil || got.Token != gitHub("42").Token {
		t.Error("the tokens have changed:", err)
	}
	login := gitHub("42")
	login.Token = accounts.Token{}
	d.link(t, "ada", login)
	if got, err = there.Get(t.Context(), "ada", kept.ID); err != nil || got.Token != gitHub("42").Token {
		t.Error("the tokens have changed with a log-in:", err)
	}
	if got, err = d.Extend(t.Context(), "ada", kept.ID, again); err != nil || got.Token != again.Token || got.Reconnect {
		t.Error("connected again:", got.Reconnect, err)
	}
	equal(t, "what comes whole", d.link(t, "ada", gitHub("42")).Token, gitHub("42").Token)
}

func TestNothingOfATokenOrAPersonIsWritten(t *testing.T) {
	a := gitHub("42")
	a.ID, a.User, a.Email, a.Picture, a.Token.Secret = "id", "ada", "canary@example.com", "https://canary.example", "canary-secret"
	a.Name, a.Token.Access, a.Token.Refresh = "canary name", "canary-access", "canary-refresh"
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "account", a, "token", a.Token, "pointer", &a)
	text, err := json.Marshal(map[string]any{"account": a, "token": a.Token, "record": accounts.Record{Account: a}})
	if err != nil {
		t.Fatal(err)
	}
	for _, written := range []string{
		fmt.Sprint(a), fmt.Sprintf("%v %+v %#v %s", a, a, a, a), fmt.Sprintf("%v %+v %#v", &a, a.Token, a.Token), fmt.Sprintf("%+v", accounts.Record{Account: a}), log.String(), string(text),
	} {
		if strings.Contains(written, "canary") {
			t.Error("written:", written)
		}
	}
	equal(t, "the text", a.String(), "account id of user ada (github)")
}

func TestNewPanicsOnWhatCannotBeRight(t *testing.T) {
	good := accounts.Config{Store: &passporttest.AccountStore{}, Keys: [][]byte{newKey()}}
	for _, c := range []struct {
		name  string
		spoil func(*accounts.Config)
		want  string
	}{
		{"no store", func(c *accounts.Config) { c.Store = nil }, "Config.Store is nil"},
		{"no key", func(c *accounts.Config) { c.Keys = nil }, "Config.Keys is empty"},
		{"a short key", func(c *accounts.Config) { c.Keys = [][]byte{newKey(), {1}} }, "Config.Keys[1] has 1 bytes"},
		{"a constant key", func(c *accounts.Config) { c.Keys = [][]byte{make([]byte, 32)} }, "Config.Keys[0] is one byte over and over"},
		{"ahead of nothing", func(c *accounts.Config) { c.Ahead = -1 }, "Config.Ahead is negative"},
		{"a short lease", func(c *accounts.Config) { c.Lease = time.Millisecond }, "Config.Lease is below a second"},
	} {
		config := good
		c.spoil(&config)
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.Contains(text, c.want) {
					t.Errorf("%s: the panic is %q", c.name, text)
				}
			}()
			accounts.New(config)
		}()
	}
}

func TestATokenOfOAuth2KeepsItsShape(t *testing.T) {
	want := &oauth2.Token{AccessToken: "a", RefreshToken: "r", TokenType: "Bearer", Expiry: time.Now()}
	got := accounts.FromOAuth2(want).OAuth2()
	if got.AccessToken != "a" || got.RefreshToken != "r" || got.TokenType != "Bearer" || !got.Expiry.Equal(want.Expiry) {
		t.Error(got)
	}
	equal(t, "no token", accounts.FromOAuth2(nil), accounts.Token{})
}
