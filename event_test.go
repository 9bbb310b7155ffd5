package passport_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gopassport/passport"
)

// story is all that was heard, a line each.
func (e *events) story() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var lines []string
	for _, v := range e.all {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", v.Kind, v.Purpose, v.Strategy, v.User, v.Code)))
	}
	e.all = nil
	return strings.Join(lines, "\n")
}

func TestWhatObserveHears(t *testing.T) {
	s := newSite(t)
	s.Use("broken", broken)
	s.Use("passed", passed)
	s.login("password")
	s.login("github")
	s.connect("google", passport.FailureRedirect("/account"))
	s.mount("/login/broken", s.Authenticate("broken"))
	s.mount("/login/passed", s.Authenticate("passed"))
	s.mount("/private", s.RequireUser("/login"))
	b := newBrowser(t, s)
	for _, c := range []struct {
		name string
		do   func()
		want string
	}{
		{"a page", func() { b.get("/me") }, ""},
		{"a page for users", func() { b.get("/private") }, ""},
		{"a script for users", func() { b.get("/private", fetch) }, "refusal     login_required"},
		{"a wrong password", func() { b.post("/login/password", nil) }, "refusal login password  credentials_rejected"},
		{"a login", func() { b.post("/login/password", sesame("alice")) }, "login login password alice"},
		{"a pass", func() { b.get("/login/passed") }, "pass login passed alice"},
		{"a connection", func() { b.providerSays("/connect/google", "1") }, "begin connect google alice\nconnect connect google alice"},
		{"a denial", func() { b.get("/connect/google/callback?error=x&state=" + b.begin("/connect/google")) }, "begin connect google alice\nrefusal connect google alice access_denied"},
		{"a callback of nothing", func() { b.back("/connect/google", "x", "1") }, "refusal connect google alice flow_missing"},
		{"another site", func() { b.get("/connect/google", from("cross-site")) }, "refusal connect google alice cross_site"},
		{"a fault", func() { b.get("/login/broken") }, "fault login broken alice strategy_fault"},
		{"a database that is down", func() { s.fail(errors.New("down")); b.get("/me"); s.fail(nil) }, "fault     user_load"},
		{"another login", func() { b.providerSays("/login/github", "bob") }, "begin login github alice\nlogin login github bob"},
		{"a login by hand", func() { b.as("carol") }, "login login  carol"},
		{"a logout", func() { b.get("/logout") }, "logout"},
		{"a user who is gone", func() { b.as("dave"); s.remove("dave"); b.get("/me") }, "login login  dave\nforget"},
	} {
		s.story()
		c.do()
		got := strings.Join(strings.Fields(strings.ReplaceAll(s.story(), "\n", " ; ")), " ")
		equal(t, c.name, got, strings.Join(strings.Fields(strings.ReplaceAll(c.want, "\n", " ; ")), " "))
	}
}

func TestEventsTellTheTenantAndHowLongItTook(t *testing.T) {
	s := newSite(t)
	s.Use("slow", passport.StrategyFunc(func(_ *http.Request, a *passport.Attempt) (passport.Result, error) {
		a.Tenant("acme")
		time.Sleep(2 * time.Millisecond)
		return passport.Success{Value: &user{"alice"}}, nil
	}))
	s.mount("/", s.Authenticate("slow"))
	newBrowser(t, s).get("/")
	e := s.last()
	if e.Tenant != "acme" || e.Duration < 2*time.Millisecond || e.Duration > time.Minute {
		t.Errorf("the event is %+v", e)
	}
}

func TestObserveIsGivenTheRequestsContext(t *testing.T) {
	type key struct{}
	var seen []any
	s := newSite(t, func(c *passport.Config) {
		c.Observe = func(ctx context.Context, _ passport.Event) { seen = append(seen, ctx.Value(key{})) }
	})
	s.login("password")
	b := newBrowser(t, s)
	traced := func(r *http.Request) { *r = *r.WithContext(context.WithValue(r.Context(), key{}, "traced")) }
	b.post("/login/password", sesame("alice"), traced)
	b.post("/login/password", nil, traced)
	b.get("/logout", traced)
	equal(t, "the contexts", fmt.Sprint(seen), "[traced traced traced]")
}

func TestAnEventInALog(t *testing.T) {
	fault := passport.Event{Kind: "fault", Purpose: "login", Strategy: "github", Tenant: "acme", User: "alice", Code: passport.CodeProvider, Duration: time.Second,
		Err: &passport.Error{Code: passport.CodeProvider, Strategy: "github", Message: "a\nb", Err: io.EOF}}
	equal(t, "a fault", fault.LogValue().String(), `[kind=fault duration=1s purpose=login strategy=github tenant=acme user=alice code=provider_error error=passport: github: provider_error: "a\nb": EOF]`)
	equal(t, "a login", passport.Event{Kind: "login", User: "alice"}.LogValue().String(), "[kind=login duration=0s user=alice]")
}

func TestTheDefaultLogIsQuietUntilThereIsAFault(t *testing.T) {
	var written bytes.Buffer
	logger, flags := slog.Default(), log.Flags()
	out, errOut := os.Stdout, os.Stderr
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout, os.Stderr = writer, writer
	slog.SetDefault(slog.New(slog.NewTextHandler(&written, nil)))
	defer func() {
		os.Stdout, os.Stderr = out, errOut
		slog.SetDefault(logger)
		log.SetOutput(errOut)
		log.SetFlags(flags)
	}()

	s := newSite(t, func(c *passport.Config) { c.Observe = nil })
	s.Use("broken", said(nil, errors.New("the database is down")))
	s.login("password")
	s.connect("google")
	s.mount("/broken", s.Authenticate("broken"))
	b := newBrowser(t, s)
	b.post("/login/password", url.Values{"user": {"alice"}, "password": {"CANARY"}})
	b.post("/login/password", sesame("alice"))
	b.providerSays("/connect/google", "1")
	b.back("/connect/google", "CANARY", "CANARY")
	b.get("/logout")
	equal(t, "what is written of logins, connections and refusals", written.String(), "")
	b.get("/broken?CANARY")
	if text := written.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "code=strategy_fault") || !strings.Contains(text, "the database is down") || strings.Contains(text, "CANARY") {
		t.Errorf("what is written of a fault: %s", text)
	}
	_ = writer.Close()
	printed, err := io.ReadAll(reader)
	equal(t, "what is printed", string(printed), "")
	equal(t, "reading it", err, nil)
}

func TestEventsHoldNoSecrets(t *testing.T) {
	s := newSite(t)
	s.login("password", passport.SuccessMessage("CANARY-MESSAGE"))
	s.connect("github")
	s.providers["github"].data = "CANARY-VERIFIER"
	b := newBrowser(t, s)
	b.post("/login/password", url.Values{"user": {"alice"}, "password": {"CANARY-PASSWORD"}})
	b.post("/login/password", sesame("alice"))
	cookie := b.jar[0].Value
	state := b.begin("/connect/github")
	b.thief().back("/connect/github", state+"x", "CANARY-CODE")
	b.back("/connect/github", state, "CANARY-CODE")
	b.back("/connect/github", state, "CANARY-CODE")
	for _, e := range s.all {
		text := fmt.Sprintf("%v %+v %#v %s", e, e, e, e.LogValue())
		for _, secret := range []string{"CANARY", state, cookie, "sesame"} {
			if strings.Contains(text, secret) {
				t.Errorf("the event %s holds %q", e.Kind, secret)
			}
		}
	}
}
