//go:build unix

package realserver

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

// Node starts a script on Node, in a folder. The script gets HOST and PORT in its
// environment, beside the given settings (NAME=value), and has to listen there. Where the
// folder has a package.json, its packages must be installed: its setup.sh does that.
func Node(tb testing.TB, folder, script string, environment ...string) *Server {
	tb.Helper()
	path := Program(tb, "node")
	if exists(filepath.Join(folder, "package.json")) && !exists(filepath.Join(folder, "node_modules", ".package-lock.json")) {
		where, _ := filepath.Abs(folder) // fails only where there is no folder to be in
		Missing(tb, "the packages of "+script+" are not installed: run "+filepath.Base(where)+"/setup.sh")
	}
	address := Address(tb)
	host, port, _ := net.SplitHostPort(address)
	return Start(tb, Process{
		Path:    path,
		Args:    []string{script},
		Dir:     folder,
		Env:     append([]string{"HOST=" + host, "PORT=" + port, "NODE_ENV=production"}, environment...),
		Address: address,
	})
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
