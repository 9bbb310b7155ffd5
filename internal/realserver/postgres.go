//go:build unix

package realserver

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// PostgresUser is the user, and the database, that [Postgres] makes. It needs no password.
const PostgresUser = "postgres"

// Postgres starts a PostgreSQL with a new, empty database, which lasts through restarts.
// Its [Server.PostgresURL] is for drivers. Where the test runs as root, which PostgreSQL
// refuses, it runs as the user postgres, or nobody.
func Postgres(tb testing.TB) *Server {
	tb.Helper()
	Need(tb, "initdb", "postgres", "pg_isready")
	folder, address := Folder(tb, PostgresUser), Address(tb)
	data := filepath.Join(folder, "data")
	initialize(tb, folder, data)
	host, port, _ := net.SplitHostPort(address)
	isReady := Program(tb, "pg_isready")
	return Start(tb, Process{
		Path:    Program(tb, "postgres"),
		Args:    []string{"-D", data, "-h", host, "-p", port, "-k", folder, "-c", "fsync=off"},
		Dir:     folder,
		User:    PostgresUser,
		Address: address,
		Stop:    syscall.SIGINT, // does not wait for clients
		Ready: func(ctx context.Context) error {
			//nolint:gosec // the program is ours to choose
			return exec.CommandContext(ctx, isReady, "-q", "-h", host, "-p", port).Run()
		},
	})
}

// PostgresURL is where drivers find what [Postgres] started.
func (s *Server) PostgresURL() string {
	return fmt.Sprintf("postgres://%s@%s/%[1]s?sslmode=disable", PostgresUser, s.Address)
}

// initialize makes the files of an empty database.
func initialize(tb testing.TB, folder, data string) {
	tb.Helper()
	//nolint:gosec // the program is ours to choose
	command := exec.CommandContext(tb.Context(), Program(tb, "initdb"), "-D", data, "-A", "trust", "-U", PostgresUser, "-E", "UTF8", "--locale=C", "--no-sync")
	command.Dir = folder
	command.SysProcAttr = attributes(credential(tb, PostgresUser))
	if out, err := command.CombinedOutput(); err != nil {
		tb.Fatalf("initdb: %v\n%s", err, out)
	}
}
