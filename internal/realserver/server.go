//go:build unix

package realserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Process says how a server is started.
type Process struct {
	Path string   // of the program, from [Program]
	Args []string // without the program's name
	Env  []string // beside the environment of the test
	Dir  string   // where it runs; "": where the test does

	// User is whom it runs as where the test runs as root, for programs that refuse root.
	// "" changes nobody.
	User string

	// Address is where it listens. [Start] waits until it answers there.
	Address string

	// Ready tells whether it can be used; nil: it can when it accepts connections.
	Ready func(context.Context) error

	// Within is how long it may take to get ready, and to stop. The default is 30 seconds.
	Within time.Duration

	// Stop is the signal that ends it in order. The default is SIGTERM.
	Stop syscall.Signal
}

// Server is a server that [Start] started. Its methods are for the test's own goroutine.
type Server struct {
	// Address is where it listens, host and port. It stays the same after a restart.
	Address string

	tb      testing.TB
	process Process
	command *exec.Cmd
	ended   chan struct{} // closed when the command has ended
	log     tail
}

// Start starts a server and waits until it is ready. It is stopped when the test ends,
// together with all that it has started itself. What it printed is shown if the test fails.
func Start(tb testing.TB, p Process) *Server {
	tb.Helper()
	if p.Within == 0 {
		p.Within = 30 * time.Second
	}
	if p.Stop == 0 {
		p.Stop = syscall.SIGTERM
	}
	s := &Server{Address: p.Address, tb: tb, process: p}
	tb.Cleanup(func() {
		s.end(syscall.SIGKILL)
		if tb.Failed() {
			tb.Logf("%s said:\n%s", p.Path, s.Log())
		}
	})
	s.Start()
	return s
}

// Start starts it again after Stop or Kill, at the same address, and waits until it is ready.
func (s *Server) Start() {
	s.tb.Helper()
	first := s.ended == nil
	err := s.attempt(first)
	if first && errors.Is(err, context.DeadlineExceeded) {
		// Once, on a machine for CI, Node printed its first line and then did nothing more.
		s.tb.Logf("%s hangs (%v), and is started once more:\n%s\n%s", s.process.Path, err, s.state(), s.Log())
		s.end(syscall.SIGKILL)
		err = s.attempt(first)
	}
	if err != nil {
		s.tb.Fatalf("%s does not get ready: %v\n%s", s.process.Path, err, s.Log())
	}
}

// attempt launches it and waits until it is ready.
func (s *Server) attempt(first bool) error {
	s.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), s.process.Within)
	defer cancel()
	s.launch()
	err := s.wait(ctx)
	for !first && errors.Is(err, errEnded) && ctx.Err() == nil {
		time.Sleep(50 * time.Millisecond) // after a crash, what it left behind may be in use for a moment
		s.launch()
		err = s.wait(ctx)
	}
	return err
}

// state is what its threads are at, where the system tells.
func (s *Server) state() string {
	threads := fmt.Sprintf("/proc/%d/task/*/", s.command.Process.Pid)
	var all strings.Builder
	for _, file := range []string{"stat", "wchan", "syscall"} {
		paths, _ := filepath.Glob(threads + file) // the pattern is sound
		for _, path := range paths {
			if text, err := os.ReadFile(path); err == nil { //nolint:gosec // below /proc, of a process that we started
				fmt.Fprintf(&all, "%s: %s\n", path, strings.TrimSpace(string(text)))
			}
		}
	}
	return all.String()
}

// Stop ends it in order, and waits until it is gone. It does nothing where it is gone.
func (s *Server) Stop() { s.tb.Helper(); s.end(s.process.Stop) }

// Kill ends it at once (SIGKILL), with all that it has started, as a power cut would.
func (s *Server) Kill() { s.tb.Helper(); s.end(syscall.SIGKILL) }

// Restart is Stop and then Start.
func (s *Server) Restart() { s.tb.Helper(); s.Stop(); s.Start() }

// Log is the last that it printed.
func (s *Server) Log() string { return s.log.String() }

// URL is its address on plain http, without a slash at the end.
func (s *Server) URL() string { return "http://" + s.Address }

var errEnded = errors.New("it has ended")

func (s *Server) launch() {
	s.tb.Helper()
	//nolint:gosec,noctx // the test chooses the program; end ends it, when the test's context is over already
	command := exec.Command(s.process.Path, s.process.Args...)
	command.Env = append(os.Environ(), s.process.Env...)
	command.Dir = s.process.Dir
	command.Stdout, command.Stderr = &s.log, &s.log
	command.SysProcAttr = attributes(credential(s.tb, s.process.User))
	command.WaitDelay = time.Second // for what it started and left behind
	if err := command.Start(); err != nil {
		s.tb.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = command.Wait() // how it ended is in its log
	}()
	s.command, s.ended = command, ended
}

// wait polls until it is ready.
func (s *Server) wait(ctx context.Context) error {
	ready := s.process.Ready
	if ready == nil {
		ready = s.accepts
	}
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return errEnded
		case <-ctx.Done():
			return fmt.Errorf("not within %v: %w (%w)", s.process.Within, err, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (s *Server) accepts(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // nothing was said
	if conn.LocalAddr().String() == conn.RemoteAddr().String() {
		return errors.New("nobody listens: a connection to a port that is free may come from that port, and so answer itself")
	}
	return nil
}

// end sends a signal, and kills what is then left of the group.
func (s *Server) end(signal syscall.Signal) {
	s.tb.Helper()
	if s.command == nil {
		return
	}
	group := -s.command.Process.Pid
	_ = syscall.Kill(s.command.Process.Pid, signal) // it may be gone already
	if signal == syscall.SIGKILL {
		_ = syscall.Kill(group, signal)
	}
	select {
	case <-s.ended:
	case <-time.After(s.process.Within):
		s.tb.Errorf("%s did not stop within %v", s.process.Path, s.process.Within)
	}
	_ = syscall.Kill(group, syscall.SIGKILL)
	<-s.ended
	s.command = nil
}

// credential is the user that a server is to run as, or nil where nothing changes: only
// root may be somebody else.
func credential(tb testing.TB, name string) *syscall.Credential {
	tb.Helper()
	if name == "" || os.Getuid() != 0 {
		return nil
	}
	found, err := user.Lookup(name)
	if err != nil {
		found, err = user.Lookup("nobody")
	}
	if err != nil {
		tb.Fatal(err)
	}
	uid, errUID := strconv.ParseUint(found.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(found.Gid, 10, 32)
	if err := errors.Join(errUID, errGID); err != nil {
		tb.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
