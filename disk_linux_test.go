package passport_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gorilla/sessions"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/realserver"
)

// disk is a folder on a file system of its own, of 64 KiB.
func disk(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		realserver.Missing(t, fmt.Sprintf("a small file system cannot be mounted (%v): it takes root", err))
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func remount(t *testing.T, dir string, flags uintptr) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|flags, "size=64k"); err != nil {
		t.Fatal(err)
	}
}

// fill writes until there is no room; what it wrote is removed by undo.
func fill(t *testing.T, dir string) (undo func()) {
	t.Helper()
	file := filepath.Join(dir, "full")
	err := os.WriteFile(file, []byte(strings.Repeat("x", 100<<10)), 0o600)
	if err == nil {
		t.Fatal("64 KiB take 100")
	}
	return func() { _ = os.Remove(file) }
}

func TestADiskThatTakesNothingIsAFaultAndLosesNothing(t *testing.T) {
	for name, spoil := range map[string]func(*testing.T, string) (undo func()){
		"full": fill,
		"read-only": func(t *testing.T, dir string) func() {
			remount(t, dir, syscall.MS_RDONLY)
			return func() { remount(t, dir, 0) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, key := disk(t), newKey()
			s := newSite(t, func(c *passport.Config) {
				c.Sessions = passport.GorillaSessions(sessions.NewFilesystemStore(dir, key, key), "session")
			})
			s.login("password", passport.FailureRedirect("/login"))
			form := map[string][]string{"user": {"bob"}, "password": {"sesame"}}
			alice, carol := newBrowser(t, s).as("alice"), newBrowser(t, s).as("carol")
			undo := spoil(t, dir)
			equal(t, "who is logged in", alice.me(), "alice")
			b := newBrowser(t, s)
			equal(t, "the cookies of a new login", len(b.post("/login/password", form).refused(503, passport.CodeSessionStore).cookies), 0)
			if name != "full" { // there, her own record makes room
				carol.post("/login/password", form).refused(503, passport.CodeSessionStore)
			}
			undo()
			equal(t, "who was logged in", alice.me(), "alice")
			equal(t, "who tried to log in as somebody else", carol.me(), "carol")
			equal(t, "a login afterwards", b.as("bob").me(), "bob")
			alice.get("/logout").wants(http.StatusOK, "")
			equal(t, "who logged out", alice.me(), "-")
		})
	}
}
