// Package stacks compares whole servers over loopback: one page, for the person who is
// logged in, with this library, with peers in Go, and with Passport on Node. Each server
// has one core, the load the other.
package stacks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Stack is a server to measure.
type Stack struct {
	Name    string
	command []string
	dir     string
}

// Missing says what the machine lacks.
type Missing struct{ What string }

// Error says what is missing.
func (m *Missing) Error() string { return m.What }

// All builds the servers in Go into dir and lists all stacks, of the module in root.
// Without Node, or before setup.sh, it lists only those in Go, and the error is a *Missing.
func All(ctx context.Context, root, dir string) ([]Stack, error) {
	server := filepath.Join(dir, "server")
	build := exec.CommandContext(ctx, "go", "build", "-o", server, "./server") //nolint:gosec // server is a file in a folder of the caller's
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	var all []Stack
	for _, kind := range []string{"bare", "passport", "gorilla", "scs"} {
		all = append(all, Stack{Name: kind, command: []string{server, kind}})
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return all, &Missing{"there is no node"}
	}
	app := filepath.Join(root, "node")
	if _, err := os.Stat(filepath.Join(app, "node_modules", "passport")); err != nil {
		return all, &Missing{"Passport is not installed: run benchmarks/setup.sh"}
	}
	return append(all, Stack{Name: "node", command: []string{node, "app.mjs"}, dir: app}), nil
}

// Measure starts the stack, logs in, and gives the requests a second that it answers
// within the time. An answer for somebody else, or none, is an error.
func (s Stack) Measure(ctx context.Context, d time.Duration) (perSecond float64, err error) {
	base, stop, err := s.start(ctx)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", s.Name, err)
	}
	defer stop()
	cookie, err := logIn(ctx, base)
	if err == nil {
		err = greeted(ctx, base, cookie)
	}
	if err == nil {
		_, err = load(ctx, base+"/page", cookie, min(d/4, time.Second)) // V8 compiles while it runs
	}
	if err == nil {
		perSecond, err = load(ctx, base+"/page", cookie, d)
	}
	if err == nil {
		err = greeted(ctx, base, cookie)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", s.Name, err)
	}
	return perSecond, nil
}

// pinned runs a command on one core, where the system can do that.
func pinned(ctx context.Context, core int, command ...string) *exec.Cmd {
	if taskset, err := exec.LookPath("taskset"); err == nil {
		command = append([]string{taskset, "-c", strconv.Itoa(core % runtime.NumCPU())}, command...)
	}
	return exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // what runs is written above
}

// start gives the address of the server, and a function that ends it.
func (s Stack) start(ctx context.Context) (base string, stop func(), err error) {
	command := pinned(ctx, 0, s.command...)
	command.Dir = s.dir
	command.Env = append(os.Environ(), "GOMAXPROCS=1", "NODE_ENV=production")
	command.Stderr = os.Stderr
	command.WaitDelay = 5 * time.Second
	stdin, err := command.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := command.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = stdin.Close() // it ends by itself
		timer := time.AfterFunc(5*time.Second, func() { _ = command.Process.Kill() })
		defer timer.Stop()
		_ = command.Wait() // how it ends says nothing
	}
	var port int
	if _, err := fmt.Fscanf(stdout, "ready %d\n", &port); err != nil {
		stop()
		return "", nil, fmt.Errorf("it did not start: %w", err)
	}
	return fmt.Sprintf("http://127.0.0.1:%d", port), stop, nil
}

// logIn gives the Cookie header of somebody who is logged in.
func logIn(ctx context.Context, base string) (string, error) {
	form := url.Values{"username": {"ada"}, "password": {"lovelace"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/login", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	cookies, _, err := send(r)
	if err != nil {
		return "", err
	}
	var pairs []string
	for _, c := range cookies {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; "), nil
}

// greeted checks that the server still knows who it is.
func greeted(ctx context.Context, base, cookie string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/page", nil)
	if err != nil {
		return err
	}
	r.Header.Set("Cookie", cookie)
	if _, body, err := send(r); err != nil || body != "hello ada" {
		return errors.Join(err, fmt.Errorf("it says %q", body))
	}
	return nil
}

func send(r *http.Request) (cookies []*http.Cookie, body string, err error) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	reply, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = reply.Body.Close() }() // it was read
	text, err := io.ReadAll(io.LimitReader(reply.Body, 1<<16))
	if err == nil && reply.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", reply.Status, text)
	}
	return reply.Cookies(), string(text), err
}
