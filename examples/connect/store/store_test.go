package store_test

import (
	"context"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gopassport/passport/examples/connect/store"
)

var (
	ada    = store.Account{Provider: "github", Subject: "1001", Label: "ada", Avatar: "https://pictures.example/ada"}
	grace  = store.Account{Provider: "github", Subject: "1002", Label: "grace"}
	tweets = store.Account{Provider: "twitter", Subject: "1001", Label: "@ada"}
	hash   = []byte("a hash")
)

// everywhere runs a test on a store in memory and on one in a file.
func everywhere(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	for name, file := range map[string]string{"in memory": "", "in a file": filepath.Join(t.TempDir(), "an odd name?#%.db")} {
		t.Run(name, func(t *testing.T) { test(t, open(t, file)) })
	}
}

func open(t *testing.T, file string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{File: file, Login: []string{"github"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// create makes a user with a password.
func create(t *testing.T, s *store.Store, name string) *store.User {
	t.Helper()
	user, err := s.CreateUser(t.Context(), name, hash)
	require.NoError(t, err)
	return user
}

// signUp makes a user with an account and no password.
func signUp(t *testing.T, s *store.Store, name string, account store.Account) *store.User {
	t.Helper()
	user, err := s.SignUpWithAccount(t.Context(), name, account)
	require.NoError(t, err)
	return user
}

func accountsOf(t *testing.T, s *store.Store, user *store.User) []store.Account {
	t.Helper()
	accounts, err := s.Accounts(t.Context(), user.ID)
	require.NoError(t, err)
	return accounts
}

func TestUserIsFoundByIDAndByNameInAnyCase(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		created := create(t, s, "Ada")
		require.Equal(t, "Ada", created.Username)
		require.Equal(t, hash, created.PasswordHash)
		require.WithinDuration(t, time.Now(), created.Created, time.Minute)

		byID, err := s.User(t.Context(), created.ID)
		require.NoError(t, err)
		require.Equal(t, created, byID)
		byName, err := s.UserByName(t.Context(), "aDA")
		require.NoError(t, err)
		require.Equal(t, created, byName)
	})
}

func TestNobodyIsFoundUnderAnotherIDOrName(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		create(t, s, "ada")
		_, err := s.User(t.Context(), 99)
		require.ErrorIs(t, err, store.ErrNotFound)
		_, err = s.UserByName(t.Context(), "ada%")
		require.ErrorIs(t, err, store.ErrNotFound)
		_, err = s.FindByAccount(t.Context(), "github", "1001")
		require.ErrorIs(t, err, store.ErrNotFound)
	})
}

func TestUsernameBelongsToOne(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		create(t, s, "ada")
		for _, name := range []string{"ada", "ADA"} {
			_, err := s.CreateUser(t.Context(), name, hash)
			require.ErrorIs(t, err, store.ErrUsernameTaken)
			require.EqualError(t, err, "store: the username is taken")
		}
	})
}

func TestPasswordCanBeSetAndChanged(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		user := signUp(t, s, "ada", ada)
		require.Nil(t, user.PasswordHash)
		require.NoError(t, s.SetPassword(t.Context(), user.ID, []byte("new")))
		user, err := s.User(t.Context(), user.ID)
		require.NoError(t, err)
		require.Equal(t, []byte("new"), user.PasswordHash)
		require.ErrorIs(t, s.SetPassword(t.Context(), 99, []byte("new")), store.ErrNotFound)
	})
}

func TestLinkConnectsThenUpdates(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		user := create(t, s, "ada")
		outcome, err := s.Link(t.Context(), user.ID, ada)
		require.NoError(t, err)
		require.Equal(t, store.Linked, outcome)
		before := accountsOf(t, s, user)
		require.Len(t, before, 1)

		renamed := ada
		renamed.Label, renamed.Avatar = "ada-w", "https://pictures.example/new"
		outcome, err = s.Link(t.Context(), user.ID, renamed)
		require.NoError(t, err)
		require.Equal(t, store.Updated, outcome)

		after := accountsOf(t, s, user)
		require.Len(t, after, 1)
		require.Equal(t, "ada-w", after[0].Label)
		require.Equal(t, "https://pictures.example/new", after[0].Avatar)
		require.Equal(t, before[0].ID, after[0].ID)
		require.Equal(t, before[0].ConnectedAt, after[0].ConnectedAt)
		require.False(t, after[0].UpdatedAt.Before(before[0].UpdatedAt))
	})
}

func TestLinkTellsProvidersWithOneSubjectApart(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		user, other := create(t, s, "ada"), create(t, s, "grace")
		for user, account := range map[*store.User]store.Account{user: ada, other: tweets} {
			_, err := s.Link(t.Context(), user.ID, account)
			require.NoError(t, err)
		}
		found, err := s.FindByAccount(t.Context(), "twitter", "1001")
		require.NoError(t, err)
		require.Equal(t, other.ID, found.ID)
	})
}

func TestLinkRefusesTheAccountOfSomebodyElse(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		owner, other := signUp(t, s, "ada", ada), create(t, s, "grace")
		_, err := s.Link(t.Context(), other.ID, ada)
		require.ErrorIs(t, err, store.ErrAccountInUse)
		for _, name := range []string{"ada", "grace", "1001"} {
			require.NotContains(t, err.Error(), name)
		}
		require.Len(t, accountsOf(t, s, owner), 1)
		require.Empty(t, accountsOf(t, s, other))
	})
}

func TestLinkRefusesAUserWhoIsGone(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		_, err := s.Link(t.Context(), 99, ada)
		require.ErrorIs(t, err, store.ErrNotFound)
	})
}

func TestLinkRefusesAnAccountWithoutASubject(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		user := create(t, s, "ada")
		for _, account := range []store.Account{{Provider: "github"}, {Subject: "1"}} {
			_, err := s.Link(t.Context(), user.ID, account)
			require.Error(t, err)
			require.NotErrorIs(t, err, store.ErrAccountInUse)
		}
	})
}

func TestSignUpWithAccountFindsAFreeName(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		create(t, s, "Ada")
		require.Equal(t, "ada-2", signUp(t, s, "ada", ada).Username)
		require.Equal(t, "ada-3", signUp(t, s, "ada", grace).Username)
	})
}

func TestSignUpWithAccountLeavesNoUserBehind(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		signUp(t, s, "ada", ada)
		_, err := s.SignUpWithAccount(t.Context(), "eve", ada)
		require.ErrorIs(t, err, store.ErrAccountInUse)
		_, err = s.UserByName(t.Context(), "eve")
		require.ErrorIs(t, err, store.ErrNotFound)
	})
}

func TestUnlink(t *testing.T) {
	for name, test := range map[string]struct {
		password bool
		accounts []store.Account
		unlink   int
		err      error
	}{
		"the only account, with a password":             {true, []store.Account{ada}, 0, nil},
		"the only account, without a password":          {false, []store.Account{ada}, 0, store.ErrLastLogin},
		"one of two that can log in":                    {false, []store.Account{ada, grace}, 0, nil},
		"the only one that can log in":                  {false, []store.Account{ada, tweets}, 0, store.ErrLastLogin},
		"one that cannot log in, beside one that can":   {false, []store.Account{ada, tweets}, 1, nil},
		"one that cannot log in, beside a password":     {true, []store.Account{tweets}, 0, nil},
		"the only one that can, with a password beside": {true, []store.Account{ada, tweets}, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, s *store.Store) {
				user := signUp(t, s, "ada", test.accounts[0])
				for _, account := range test.accounts[1:] {
					_, err := s.Link(t.Context(), user.ID, account)
					require.NoError(t, err)
				}
				if test.password {
					require.NoError(t, s.SetPassword(t.Context(), user.ID, hash))
				}
				before := accountsOf(t, s, user)
				require.ErrorIs(t, s.Unlink(t.Context(), user.ID, before[test.unlink].ID), test.err)
				if test.err != nil {
					require.Equal(t, before, accountsOf(t, s, user))
				} else {
					require.NotContains(t, accountsOf(t, s, user), before[test.unlink])
				}
			})
		})
	}
}

func TestUnlinkLeavesOtherPeopleAlone(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		owner, other := create(t, s, "ada"), create(t, s, "grace")
		_, err := s.Link(t.Context(), owner.ID, ada)
		require.NoError(t, err)
		account := accountsOf(t, s, owner)[0]
		require.ErrorIs(t, s.Unlink(t.Context(), other.ID, account.ID), store.ErrNotFound)
		require.ErrorIs(t, s.Unlink(t.Context(), owner.ID, account.ID+1), store.ErrNotFound)
		require.Len(t, accountsOf(t, s, owner), 1)
	})
}

func TestUnlinkedAccountCanGoToSomebodyElse(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		first, second := create(t, s, "ada"), create(t, s, "grace")
		_, err := s.Link(t.Context(), first.ID, ada)
		require.NoError(t, err)
		require.NoError(t, s.Unlink(t.Context(), first.ID, accountsOf(t, s, first)[0].ID))
		outcome, err := s.Link(t.Context(), second.ID, ada)
		require.NoError(t, err)
		require.Equal(t, store.Linked, outcome)
	})
}

const atOnce = 50

// race runs f many times at once and returns what each run returned.
func race[T any](f func(i int) T) []T {
	results := make([]T, atOnce)
	var wg sync.WaitGroup
	for i := range atOnce {
		wg.Go(func() { results[i] = f(i) })
	}
	wg.Wait()
	return results
}

func count[T comparable](all []T, wanted T) (n int) {
	for _, v := range all {
		if v == wanted {
			n++
		}
	}
	return n
}

func TestManyLinksOfOneAccountEndInOneRow(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		user := create(t, s, "ada")
		outcomes := race(func(int) store.Outcome {
			outcome, _ := s.Link(t.Context(), user.ID, ada)
			return outcome
		})
		require.Equal(t, 1, count(outcomes, store.Linked))
		require.Equal(t, atOnce-1, count(outcomes, store.Updated))
		require.Len(t, accountsOf(t, s, user), 1)
	})
}

func TestOfTwoUsersWhoLinkOneAccountOneGetsIt(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		users := []*store.User{create(t, s, "ada"), create(t, s, "grace")}
		errs := race(func(i int) error {
			_, err := s.Link(t.Context(), users[i%2].ID, ada)
			return err
		})
		require.Equal(t, atOnce/2, count(errs, nil))
		require.Equal(t, atOnce/2, count(errs, store.ErrAccountInUse))
		require.Equal(t, 1, len(accountsOf(t, s, users[0]))+len(accountsOf(t, s, users[1])))
	})
}

func TestManySignUpsWithOneAccountMakeOneUser(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		errs := race(func(int) error {
			_, err := s.SignUpWithAccount(t.Context(), "ada", ada)
			return err
		})
		require.Equal(t, 1, count(errs, nil))
		require.Equal(t, atOnce-1, count(errs, store.ErrAccountInUse))
		_, err := s.UserByName(t.Context(), "ada-2")
		require.ErrorIs(t, err, store.ErrNotFound)
	})
}

func TestManySignUpsWithOneNameAllGetAName(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		names := race(func(i int) string {
			user, err := s.SignUpWithAccount(t.Context(), "ada", store.Account{Provider: "github", Subject: strconv.Itoa(i)})
			if err != nil {
				return err.Error()
			}
			return user.Username
		})
		for i := 2; i <= atOnce; i++ {
			require.Contains(t, names, "ada-"+strconv.Itoa(i))
		}
	})
}

func TestManyUnlinksKeepOneWayToLogIn(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		user := signUp(t, s, "ada", store.Account{Provider: "github", Subject: "0"})
		for i := 1; i < atOnce; i++ {
			_, err := s.Link(t.Context(), user.ID, store.Account{Provider: "github", Subject: strconv.Itoa(i)})
			require.NoError(t, err)
		}
		accounts := accountsOf(t, s, user)
		errs := race(func(i int) error { return s.Unlink(t.Context(), user.ID, accounts[i].ID) })
		require.Equal(t, 1, count(errs, store.ErrLastLogin))
		require.Len(t, accountsOf(t, s, user), 1)
	})
}

func TestStoresInMemoryAreApart(t *testing.T) {
	first, second := open(t, ""), open(t, "")
	create(t, first, "ada")
	_, err := second.UserByName(t.Context(), "ada")
	require.ErrorIs(t, err, store.ErrNotFound)
}

func TestMemorySurvivesRequestsThatWereGivenUp(t *testing.T) {
	s := open(t, "")
	user := create(t, s, "ada")
	race(func(i int) error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*20*time.Microsecond)
		defer cancel()
		_, err := s.Link(ctx, user.ID, ada)
		return err
	})
	_, err := s.User(t.Context(), user.ID)
	require.NoError(t, err)
	_, err = s.Link(t.Context(), user.ID, grace)
	require.NoError(t, err)
}

func TestFileIsKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.db")
	s, err := store.Open(t.Context(), store.Config{File: file})
	require.NoError(t, err)
	created := signUp(t, s, "ada", ada)
	require.NoError(t, s.Close())

	found, err := open(t, file).FindByAccount(t.Context(), "github", "1001")
	require.NoError(t, err)
	require.Equal(t, created, found)
}

func TestOpenSaysThatAFileCannotBeOne(t *testing.T) {
	_, err := store.Open(t.Context(), store.Config{File: t.TempDir()})
	require.ErrorContains(t, err, "store: ")
}
