// Package chromium_test looks at the example through a real browser: each test
// starts the program that `go run ./connect` runs, and visits it with a
// headless Chromium, in a profile of its own.
package chromium_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	// What the program is made of. The tests use none of it, but `go test` would
	// else take their results from its cache after a change of it.
	_ "github.com/gopassport/passport/accounts/sqlaccounts"
	_ "github.com/gopassport/passport/strategies/gothprovider"
	_ "github.com/gopassport/passport/strategies/local"
	_ "github.com/gopassport/passport/strategies/oauth2"
)

const (
	testLimit  = 60 * time.Second // of a test; most need two
	startLimit = time.Minute      // of the build, and of Chromium's start
)

// What the tests share: the program and one Chromium. Neither is there until
// the first test asks for it.
var (
	folder   string // for both; removed after the last test
	chromium context.Context
	ready    = sync.OnceValue(func() error { return errors.Join(build(), start()) })
)

func TestMain(m *testing.M) {
	os.Exit(withFolder(m.Run))
}

func withFolder(run func() int) int {
	var err error
	if folder, err = os.MkdirTemp("", "passport-chromium-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options()...)
	defer stop()
	chromium, _ = chromedp.NewContext(allocator)
	defer chromedp.Cancel(chromium)
	return run()
}

func options() []chromedp.ExecAllocatorOption {
	return append(chromedp.DefaultExecAllocatorOptions[:], // headless, no first run, no background networking, no sync; no sandbox for root
		chromedp.ExecPath(findChromium()),
		chromedp.UserDataDir(filepath.Join(folder, "profile")),
		chromedp.WindowSize(1000, 700),
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
	)
}

// findChromium is "" where there is none.
func findChromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func program() string { return filepath.Join(folder, "connect.exe") } // Windows wants the .exe; others do not mind

func build() error {
	// For the cache of `go test`, too: it notes which folders a test has read.
	if err := filepath.WalkDir("..", func(string, fs.DirEntry, error) error { return nil }); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program(), "..").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

func start() error {
	started := make(chan error, 1)
	go func() { started <- chromedp.Do(chromium) }()
	select {
	case err := <-started:
		return err
	case <-time.After(startLimit):
		return errors.New("Chromium does not start")
	}
}

// world is the program, running, and what a test needs to visit it.
type world struct {
	t        *testing.T
	ctx      context.Context // ends when the test has taken too long
	url      string
	identity string // another site than the program's
}

func newWorld(t *testing.T, flags ...string) *world {
	t.Helper()
	t.Parallel()
	if findChromium() == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("there is no Chromium; install it, as .ci/run does")
		}
		t.Skip("there is no Chromium: this was not tested")
	}
	require.NoError(t, ready())

	ctx, cancel := context.WithTimeout(chromium, testLimit)
	t.Cleanup(cancel)
	run := exec.CommandContext(ctx, program(), append(flags, "-addr", "127.0.0.1:0", "-identity", "localhost:0")...)
	run.Env = []string{} // without keys of real services
	run.Stderr = t.Output()
	out, err := run.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, run.Start())
	t.Cleanup(func() {
		assert.NoError(t, run.Process.Signal(os.Interrupt))
		assert.NoError(t, run.Wait())
	})
	addresses := readAddresses(bufio.NewScanner(out))
	require.Len(t, addresses, 2)
	return &world{t: t, ctx: ctx, url: addresses[0], identity: addresses[1]}
}

// readAddresses reads what the program says when it is ready.
func readAddresses(lines *bufio.Scanner) (all []string) {
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Stop it") {
		all = append(all, regexp.MustCompile(`http://[\w.]+:\d+`).FindAllString(lines.Text(), -1)...)
	}
	return all
}
