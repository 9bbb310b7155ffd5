//go:build unix

package realserver

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
)

// Redis starts a Redis that keeps everything in memory: after a restart it is empty.
func Redis(tb testing.TB) *Server {
	tb.Helper()
	path, address := Program(tb, "redis-server"), Address(tb)
	host, port, _ := net.SplitHostPort(address)
	return Start(tb, Process{
		Path:    path,
		Args:    []string{"--bind", host, "--port", port, "--save", "", "--appendonly", "no", "--dir", Folder(tb, "")},
		Address: address,
		Ready:   func(ctx context.Context) error { return ping(ctx, address) },
	})
}

// ping asks a Redis for a sign of life.
func ping(ctx context.Context, address string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // it has answered by then
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.HasPrefix(answer, "+PONG") {
		err = errors.New(answer)
	}
	return err
}
