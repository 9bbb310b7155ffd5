//go:build unix

package realserver_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gopassport/passport/internal/realserver"
)

func TestRedisForgetsWhatItKnewAfterARestart(t *testing.T) {
	redis := realserver.Redis(t)
	for what, again := range map[string]func(){
		"restart":        redis.Restart,
		"kill and start": func() { redis.Kill(); redis.Start() },
		"stop and start": func() { redis.Stop(); redis.Start() },
	} {
		address := redis.Address
		if said := ask(t, address, "SET a b\r\n"); said != "+OK\r\n" {
			t.Errorf("%s: %q", what, said)
		}
		again()
		if said := ask(t, address, "GET a\r\n"); said != "$-1\r\n" {
			t.Errorf("%s: %q", what, said)
		}
	}
	redis.Kill()
	if refused(redis.Address) == nil {
		t.Error("it listens after Kill")
	}
	redis.Kill() // may come twice
}

func TestPostgresKeepsWhatItKnewAfterARestart(t *testing.T) {
	postgres := realserver.Postgres(t)
	sql(t, postgres, "create table a (b int); insert into a values (42)")
	for what, again := range map[string]func(){
		"restart":        postgres.Restart,
		"kill and start": func() { postgres.Kill(); postgres.Start() },
	} {
		again()
		if said := sql(t, postgres, "select b from a"); said != "42" {
			t.Errorf("%s: %q", what, said)
		}
	}
}

func TestNginxPassesRequestsOn(t *testing.T) {
	app := realserver.Node(t, "testdata", "hello.mjs", "GREETING=hello")
	nginx := realserver.Nginx(t, `server { listen LISTEN; location / { proxy_pass `+app.URL()+`; } }`)
	if said := get(t, nginx.URL()+"/there"); said != "hello /there" {
		t.Errorf("%q", said)
	}
	app.Stop()
	if said := get(t, nginx.URL()+"/there"); !strings.Contains(said, "502 Bad Gateway") {
		t.Errorf("%q", said)
	}
}

func TestWhatAServerPrintsIsKept(t *testing.T) {
	node := realserver.Node(t, "testdata", "hello.mjs")
	eventually(t, "it printed that it listens", func() bool { return strings.Contains(node.Log(), "it listens") })
}

func TestAServerThatDoesNotGetReadyFailsTheTest(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		within time.Duration
		says   string
	}{
		"it ends":     {"echo oops; exit 3", time.Minute, "it has ended\noops"},
		"it hangs":    {"echo oops; sleep 60", 100 * time.Millisecond, "not within 100ms"},
		"it is slain": {"echo oops; kill -9 $$", time.Minute, "it has ended\noops"},
	} {
		t.Run(name, func(t *testing.T) {
			spy := try(t, func(tb testing.TB) {
				realserver.Start(tb, realserver.Process{Path: "/bin/sh", Args: []string{"-c", c.script}, Address: realserver.Address(tb), Within: c.within})
			})
			if !strings.Contains(spy.fatal, c.says) {
				t.Errorf("%q, want %q in it", spy.fatal, c.says)
			}
		})
	}
}

func TestAServerThatHangsIsStartedOnceMore(t *testing.T) {
	mark := realserver.Folder(t, "") + "/mark"
	count := 0
	spy := try(t, func(tb testing.TB) {
		realserver.Start(tb, realserver.Process{
			Path: "/bin/sh", Args: []string{"-c", "echo started >> " + mark + "; sleep 60"}, Within: 2 * time.Second,
			Ready: func(context.Context) error {
				lines, err := os.ReadFile(mark)
				if count = strings.Count(string(lines), "started"); count < 2 {
					return errors.Join(errors.New("it hangs"), err)
				}
				return nil
			},
		})
	})
	if spy.fatal != "" || count != 2 {
		t.Errorf("%q, %d starts", spy.fatal, count)
	}
}

func TestNothingThatAServerStartedIsLeft(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("this system does not tell in /proc who is running")
	}
	folder := realserver.Folder(t, "")
	pid := folder + "/pid"
	var child []byte
	try(t, func(tb testing.TB) {
		realserver.Start(tb, realserver.Process{
			Path: "/bin/sh", Args: []string{"-c", "sleep 600 & echo $! > " + pid + "; wait"},
			Ready: func(context.Context) (err error) {
				child, err = os.ReadFile(pid)
				if err == nil && len(child) == 0 {
					err = errors.New("not yet")
				}
				return err
			},
		})
	})
	eventually(t, "the child is gone", func() bool { return !running(strings.TrimSpace(string(child))) })
}

func TestAMissingProgramSkipsAndFailsUnderCI(t *testing.T) {
	t.Setenv("CI", "")
	spy := try(t, func(tb testing.TB) { realserver.Need(tb, "sh", "no-such-program") })
	if spy.fatal != "" || !strings.Contains(spy.skipped, "apt-get install no-such-program") {
		t.Errorf("%+v", spy)
	}
	t.Setenv("CI", "true")
	spy = try(t, func(tb testing.TB) { realserver.Need(tb, "sh", "no-such-program") })
	if !strings.Contains(spy.fatal, "apt-get install no-such-program") || spy.skipped != "" {
		t.Errorf("%+v", spy)
	}
	if spy := try(t, func(tb testing.TB) { realserver.Need(tb, "sh") }); spy.fatal+spy.skipped != "" {
		t.Errorf("%+v", spy)
	}
}

func ask(t *testing.T, address, command string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, command); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 100)
	n, err := conn.Read(answer)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer[:n])
}

func get(t *testing.T, address string) string {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second}
	response, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func sql(t *testing.T, postgres *realserver.Server, command string) string {
	t.Helper()
	out, err := exec.Command(realserver.Program(t, "psql"), "-qtA", "-c", command, postgres.PostgresURL()).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func refused(address string) error {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err == nil {
		conn.Close()
	}
	return err
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in ten seconds: %s", what)
		}
	}
}

func running(pid string) bool {
	state, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !strings.Contains(string(state), ") Z ") && pid != ""
}
