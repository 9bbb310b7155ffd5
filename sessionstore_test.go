package passport_test

import (
	"os"
	"testing"

	"github.com/gorilla/sessions"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
)

func TestTheDefaultKeepsTheContractOfSessions(t *testing.T) {
	passporttest.TestSessionStore(t, func(*testing.T) passporttest.SessionHarness {
		return passporttest.SessionHarness{
			Store:     func(...[]byte) passport.SessionStore { return nil },
			Cookie:    "passport-login",
			SkipsJunk: true,
			TooLarge:  5000,
		}
	})
}

func TestCookieSessionsKeepTheContractOfSessions(t *testing.T) {
	passporttest.TestSessionStore(t, func(*testing.T) passporttest.SessionHarness {
		return passporttest.SessionHarness{
			Store: func(keys ...[]byte) passport.SessionStore {
				return passport.GorillaSessions(passport.CookieSessions(keys...), "session")
			},
			Cookie:   "session",
			TooLarge: 5000,
		}
	})
}

func TestGorillasCookieStoreKeepsTheContractOfSessions(t *testing.T) {
	passporttest.TestSessionStore(t, func(*testing.T) passporttest.SessionHarness {
		return passporttest.SessionHarness{
			Store: func(keys ...[]byte) passport.SessionStore {
				return passport.GorillaSessions(sessions.NewCookieStore(pairs(keys)...), "session")
			},
			Cookie:   "session",
			TooLarge: 5000,
		}
	})
}

func TestGorillasFilesystemStoreKeepsTheContractOfSessions(t *testing.T) {
	passporttest.TestSessionStore(t, func(t *testing.T) passporttest.SessionHarness {
		dir := t.TempDir() + "/sessions"
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		return passporttest.SessionHarness{
			Store: func(keys ...[]byte) passport.SessionStore {
				return passport.GorillaSessions(sessions.NewFilesystemStore(dir, pairs(keys)...), "session")
			},
			Cookie:   "session",
			Ends:     true,
			TooLarge: 5000,
			Break:    func(t *testing.T) (mend func()) { return replaceByAFile(t, dir) },
		}
	})
}

// pairs gives each key to sign with and to encrypt with, as gorilla takes them.
func pairs(keys [][]byte) (all [][]byte) {
	for _, key := range keys {
		all = append(all, key, key)
	}
	return all
}

// replaceByAFile is a folder that is none: nothing in it can be read or written.
func replaceByAFile(t *testing.T, dir string) (mend func()) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Rename(dir, dir+".away"))
	must(os.WriteFile(dir, nil, 0o600))
	return func() {
		must(os.Remove(dir))
		must(os.Rename(dir+".away", dir))
	}
}

// The FilesystemStore cannot tell a folder that is gone from a record that is gone.
func TestAFolderThatIsGoneLooksLikeALogoutAndLosesNothing(t *testing.T) {
	dir, key := t.TempDir()+"/sessions", newKey()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, newSite(t, func(c *passport.Config) {
		c.Sessions = passport.GorillaSessions(sessions.NewFilesystemStore(dir, key, key), "session")
	})).as("alice")
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	equal(t, "without the folder", b.me(), "-")
	b.get("/as/bob")
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	equal(t, "with the folder", b.me(), "alice")
}
