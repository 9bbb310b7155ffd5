package sidebyside

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestSideBySide is the run. With -v it prints the table: each case, and where the two
// differ both sides. A difference without a reason fails, and so does a reason for none.
func TestSideBySide(t *testing.T) {
	provider := newProvider(t)
	theirs := startOriginal(t, provider.URL)
	here := startOurs(t, provider.URL)
	var results []result
	for _, c := range cases() {
		results = append(results, result{
			testCase: c,
			theirs:   play(newBrowser(t, theirs, provider), c.steps),
			ours:     play(newBrowser(t, here, provider), c.steps),
		})
	}
	if testing.Verbose() {
		t.Log("\n" + table(results))
	}
	judge(t, results)
	compareDocument(t, results)
	uncached(t)
}

// uncached keeps go test from giving this run's result for the next one's, too: it does
// not see that the original or the document, outside of the module, has changed. It never
// keeps the result of a test that opened a file as young as this one.
func uncached(t *testing.T) {
	const name = "node_modules/.side-by-side"
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile(name); err != nil {
		t.Fatal(err)
	}
}

// play takes the steps of a case and joins what there was to see.
func play(b *browser, steps []step) string {
	var seen []string
	for _, s := range steps {
		if facts := b.do(s); facts != "" {
			seen = append(seen, facts)
		}
	}
	return strings.Join(seen, "; ")
}

func startOurs(t *testing.T, provider string) string {
	server := httptest.NewUnstartedServer(nil)
	base := "http://" + server.Listener.Addr().String()
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // panics are part of the table
	server.Config.Handler = newOurs(base, provider, t.TempDir())
	server.Start()
	t.Cleanup(server.Close)
	return base
}

// startOriginal starts the application on Node and gives its address.
func startOriginal(t *testing.T, provider string) string {
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "there is no node")
	}
	if _, err := os.Stat("node_modules/passport"); errors.Is(err, fs.ErrNotExist) {
		missing(t, "Passport is not installed: run sidebyside/setup.sh")
	}
	command := exec.Command(node, "--disable-warning=DEP0005", "app.mjs")
	command.Env = append(os.Environ(), "PORT=0", "PROVIDER="+provider, "NODE_ENV=production")
	command.WaitDelay = 5 * time.Second
	said := &tail{}
	command.Stderr = said
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close() // it ends by itself
		timer := time.AfterFunc(5*time.Second, func() { _ = command.Process.Kill() })
		defer timer.Stop()
		_ = command.Wait()
	})
	ready := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(stdout).ReadString('\n')
		ready <- line
	}()
	select {
	case line := <-ready:
		var port int
		if _, err := fmt.Sscanf(line, "ready %d\n", &port); err != nil {
			t.Fatalf("the original did not start: %q\n%s", line, said)
		}
		return "http://" + net.JoinHostPort("127.0.0.1", fmt.Sprint(port))
	case <-time.After(20 * time.Second):
		t.Fatalf("the original did not start in 20 seconds\n%s", said)
	}
	return ""
}

// missing skips where a developer has no Node, and fails where the run is wanted.
func missing(t *testing.T, what string) {
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// tail keeps the last of what a program says.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (w *tail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, p...)
	w.text = w.text[max(0, len(w.text)-4000):]
	return len(p), nil
}

func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.text)
}

var _ http.Handler = (*ours)(nil)
