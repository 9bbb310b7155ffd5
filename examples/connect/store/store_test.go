package store_test

import (
	"context"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gopassport/passport/accounts"
	"github.com/gopassport/passport/examples/connect/store"
)

var hash = []byte("a hash")

// everywhere runs a test on a store in memory and on one in a file.
func everywhere(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	for name, file := range map[string]string{"in memory": "", "in a file": filepath.Join(t.TempDir(), "an odd name?#%.db")} {
		t.Run(name, func(t *testing.T) { test(t, open(t, file)) })
	}
}

func open(t *testing.T, file string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), file)
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

// like makes a user without a password.
func like(t *testing.T, s *store.Store, name string) *store.User {
	t.Helper()
	user, err := s.CreateUserLike(t.Context(), name)
	require.NoError(t, err)
	return user
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
		user := like(t, s, "ada")
		require.Nil(t, user.PasswordHash)
		require.NoError(t, s.SetPassword(t.Context(), user.ID, []byte("new")))
		user, err := s.User(t.Context(), user.ID)
		require.NoError(t, err)
		require.Equal(t, []byte("new"), user.PasswordHash)
		require.ErrorIs(t, s.SetPassword(t.Context(), 99, []byte("new")), store.ErrNotFound)
	})
}

func TestANameThatIsTakenGetsANumber(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		create(t, s, "Ada")
		require.Equal(t, "ada-2", like(t, s, "ada").Username)
		require.Equal(t, "ada-3", like(t, s, "ada").Username)
	})
}

func TestADeletedUserIsGoneAndNobodyGetsTheirKey(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		user := create(t, s, "ada")
		require.NoError(t, s.DeleteUser(t.Context(), user.ID))
		_, err := s.User(t.Context(), user.ID)
		require.ErrorIs(t, err, store.ErrNotFound)
		require.NotEqual(t, user.Key(), create(t, s, "ada").Key())
	})
}

func TestAccountsAreKeptBesideTheUsers(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		user := create(t, s, "ada")
		err := s.Accounts().Put(t.Context(), "github", "1001", func(r *accounts.Record) error {
			r.ID, r.User, r.Issuer, r.Subject = "a", user.Key(), "github", "1001"
			return nil
		})
		require.NoError(t, err)
		all, err := s.Accounts().List(t.Context(), user.Key())
		require.NoError(t, err)
		require.Len(t, all, 1)
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

func TestManySignUpsWithOneNameAllGetAName(t *testing.T) {
	everywhere(t, func(t *testing.T, s *store.Store) {
		names := race(func(int) string {
			user, err := s.CreateUserLike(t.Context(), "ada")
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
		return s.SetPassword(ctx, user.ID, hash)
	})
	_, err := s.User(t.Context(), user.ID)
	require.NoError(t, err)
	require.NoError(t, s.SetPassword(t.Context(), user.ID, hash))
}

func TestFileIsKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "app.db")
	s, err := store.Open(t.Context(), file)
	require.NoError(t, err)
	created := create(t, s, "ada")
	require.NoError(t, s.Close())

	found, err := open(t, file).UserByName(t.Context(), "ada")
	require.NoError(t, err)
	require.Equal(t, created, found)
}

func TestOpenSaysThatAFileCannotBeOne(t *testing.T) {
	_, err := store.Open(t.Context(), t.TempDir())
	require.ErrorContains(t, err, "store: ")
}
