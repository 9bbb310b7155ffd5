//go:build unix

package realserver

import (
	"crypto/rand"
	"encoding/binary"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// Need skips the test, or fails it under CI, where one of these programs is missing.
func Need(tb testing.TB, programs ...string) {
	tb.Helper()
	for _, name := range programs {
		Program(tb, name)
	}
}

// Program is the path of a program. Without it the test is skipped, or fails under CI.
// Programs of PostgreSQL, which Debian leaves out of PATH, are found as well. "chromium"
// is any browser that Chromium's tests can drive.
func Program(tb testing.TB, name string) string {
	tb.Helper()
	for _, candidate := range candidates(name) {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	Missing(tb, "there is no "+name+" (Debian: apt-get install "+debian(name)+")")
	return ""
}

// Missing skips the test because of what the machine lacks, or fails it under CI.
func Missing(tb testing.TB, what string) {
	tb.Helper()
	if os.Getenv("CI") != "" {
		tb.Fatal(what)
	}
	tb.Skip(what + ": this was not tested")
}

func candidates(name string) []string {
	switch name {
	case "chromium":
		return []string{name, "chromium-browser", "google-chrome", "google-chrome-stable"}
	case "postgres", "initdb", "psql", "pg_isready":
		versions, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
		return append(versions, name)
	case "python3": // Debian's own, which has Debian's packages
		return []string{"/usr/bin/python3", name}
	}
	return []string{name, "/usr/sbin/" + name}
}

// debian is the package that brings a program.
func debian(program string) string {
	switch program {
	case "node":
		return "nodejs"
	case "postgres", "initdb", "psql", "pg_isready":
		return "postgresql"
	}
	return program
}

// Address is an address of loopback, 127.0.0.1:PORT, where nobody listens. The port is
// below those that systems give to outgoing connections, so that none of these, of this
// test or of another, takes it before the server does.
func Address(tb testing.TB) string {
	tb.Helper()
	for range 1000 {
		var chance [2]byte
		_, _ = rand.Read(chance[:]) // never fails
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+int(binary.BigEndian.Uint16(chance[:]))%ports))
		listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", address)
		if err != nil {
			continue // somebody listens there
		}
		if err := listener.Close(); err != nil {
			tb.Fatal(err)
		}
		return address
	}
	tb.Fatal("no port is free")
	return ""
}

// Outgoing connections begin at 32768 on Linux, higher elsewhere.
const firstPort, ports = 12000, 20000

// Folder makes a folder for a server that may run as another user. It is below the
// system's folder for temporary files, not t.TempDir's: only the test's own user may look
// into that, and its path may be too long for a socket. It is removed with the test.
func Folder(tb testing.TB, user string) string {
	tb.Helper()
	folder, err := os.MkdirTemp("", "real-") //nolint:usetesting // see above: TempDir will not do
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			tb.Error(err)
		}
	})
	if id := credential(tb, user); id != nil {
		if err := os.Chown(folder, int(id.Uid), int(id.Gid)); err != nil {
			tb.Fatal(err)
		}
	}
	return folder
}
