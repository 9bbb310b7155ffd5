package readme_test

import (
	"bytes"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gopassport/passport/passporttest"
)

// The program of README.md is run as somebody would who has read nothing else: with the
// commands of its transcript, and in a browser, with the stand-in's line in place of GitHub's.

const (
	itsAddress  = "127.0.0.1:8080"
	itsCallback = "http://" + itsAddress + "/connect/github/callback"
	itsStandIn  = "http://localhost:8081"
)

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(moduleRoot(t), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// program gives the complete program of the page, and the line for those without keys.
func program(t *testing.T) (whole, standIn string) {
	t.Helper()
	found, err := extract("README.md", page(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range found {
		switch {
		case s.whole():
			whole = s.code
		case strings.HasPrefix(s.code, "provider := "):
			standIn = strings.TrimSuffix(strings.TrimPrefix(s.code, "provider := "), "\n")
		}
	}
	if lines := strings.Count(whole, "\n"); lines == 0 || lines >= 60 {
		t.Errorf("the program has %d lines; it shall have less than 60", lines)
	}
	return whole, standIn
}

// replaced is strings.ReplaceAll for what must be there.
func replaced(t *testing.T, text, old, by string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("there is no %q in %s", old, text)
	}
	return strings.ReplaceAll(text, old, by)
}

// start builds a program and runs it until the test is over. It gives its address.
func start(t *testing.T, code string) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "example.exe")
	write(t, source, []byte(replaced(t, code, itsAddress, address)))
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, source)
	build.Dir = moduleRoot(t)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), binary) // killed when the test is over
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address); err == nil {
			_ = c.Close()
			return address
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

func TestTheTranscriptOfTheProgramIsTrue(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("curl is missing: ", err)
	}
	block := regexp.MustCompile("(?s)```console\n(.*?)```").FindStringSubmatch(page(t))
	if block == nil {
		t.Fatal("README.md shows no transcript")
	}
	code, _ := program(t)
	address, dir := start(t, code), t.TempDir()
	commands := strings.Split(strings.TrimPrefix(block[1], "$ "), "\n$ ")
	if len(commands) < 4 {
		t.Fatalf("found only %q", commands)
	}
	for _, command := range commands {
		line, want, _ := strings.Cut(command, "\n")
		cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(line, itsAddress, address)+" --silent --show-error")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
		shows(t, line, string(out), strings.ReplaceAll(want, itsAddress, address))
	}
}

// shows checks that an output has all of the lines, in their order; … stands for anything.
func shows(t *testing.T, command, output, lines string) {
	t.Helper()
	rest := strings.Split(strings.ReplaceAll(output, "\r", ""), "\n")
	for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*") + "$")
		for len(rest) > 0 && !pattern.MatchString(rest[0]) {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			t.Errorf("%s\nhas no line (or not there)\n%s\nin\n%s", command, line, output)
			return
		}
		rest = rest[1:]
	}
}

// One browser, one person: log in, connect, and still be who one was.
func TestTheProgramConnectsAnAccount(t *testing.T) {
	provider := passporttest.NewProvider(t, passporttest.ProviderConfig{ClientID: "passport-example", ClientSecret: "not-a-secret", Consent: true})
	code, standIn := program(t)
	line := regexp.MustCompile(`github\.New\(os\.Getenv.*"\)`).FindString(code)
	for its, ours := range map[string]string{
		itsStandIn + "/login/oauth/authorize":    provider.At(passporttest.Authorize),
		itsStandIn + "/login/oauth/access_token": provider.At(passporttest.Token),
		itsStandIn + `/user"`:                    provider.At(passporttest.Userinfo) + `"`,
	} {
		standIn = replaced(t, standIn, its, ours)
	}
	if !strings.Contains(line, itsCallback) || !strings.Contains(standIn, itsCallback) {
		t.Errorf("the callbacks differ: %s and %s", line, standIn)
	}
	code = replaced(t, replaced(t, code, line, standIn), "\t\"os\"\n", "")
	base := "http://" + start(t, code)

	page := passporttest.NewBrowser(t).Open(base + "/")
	page = page.Submit(url.Values{"username": {"ada"}, "password": {"a long passphrase"}})
	if page.Status != http.StatusOK || !strings.Contains(page.Body, "Hello, ada.") {
		t.Fatalf("after the log-in: %d %s", page.Status, page.Body)
	}
	page = page.Follow("/connect/github").AllowAs("1002")
	login, _ := passporttest.People()[1]["login"].(string)
	if page.Status != http.StatusOK || page.Body != "ada is "+login+" at GitHub.\n" {
		t.Errorf("after the consent: %d %s", page.Status, page.Body)
	}
	if page = page.Follow("/"); !strings.Contains(page.Body, "Hello, ada.") {
		t.Errorf("and then: %d %s", page.Status, page.Body)
	}
}

func TestGothHasMoreThanSeventyProviders(t *testing.T) {
	list, err := os.ReadFile(filepath.Join(moduleRoot(t), "strategies", "gothprovider", "PROVIDERS.md"))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(regexp.MustCompile(`(?m)^\| [a-z0-9]+ \| (?:state|request|a callback)`).FindAll(list, -1)); n <= 70 {
		t.Errorf("the table has %d; README.md says more than 70", n)
	}
}

// The page repeats targets of docs/performance.md. Those that are missed it may not repeat.
func TestTheFiguresAreMet(t *testing.T) {
	measured, err := os.ReadFile(filepath.Join(moduleRoot(t), "docs", "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(page(t), "| what | target, which is met |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(table, "\n")
	if len(rows) < 5 {
		t.Fatalf("found only %q", rows)
	}
	for _, row := range rows {
		row = strings.Replace(row, "a request without a cookie through `Session`: allocations", "… allocations", 1)
		met := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(row) + ` [^|]+\| met \|$`)
		if !met.Match(measured) {
			t.Errorf("docs/performance.md does not say that this is met: %s", row)
		}
	}
	if !bytes.Contains(measured, []byte("missed")) && strings.Contains(page(t), "the targets that are missed") {
		t.Error("README.md speaks of targets that are missed, and there are none any more")
	}
}
