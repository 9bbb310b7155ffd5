package sqlaccounts_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/gopassport/passport/accounts"
	"github.com/gopassport/passport/accounts/sqlaccounts"
)

// TestMain is also what a child process runs: the test binary again, with a role.
func TestMain(m *testing.M) {
	if role := os.Getenv("SQLACCOUNTS_ROLE"); role != "" {
		if err := child(context.Background(), role); err != nil {
			log.Fatal(err)
		}
		return
	}
	os.Exit(m.Run())
}

// plan is what a process needs to work on the accounts of a test.
type plan struct {
	Driver, DSN string
	Dialect     sqlaccounts.Dialect
	Key         []byte
	TokenURL    string
}

// keeper gives accounts as a process of its own would have them.
func (p plan) keeper() (*accounts.Accounts, *sql.DB, error) {
	db, err := sql.Open(p.Driver, p.DSN)
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(4)
	config := &oauth2.Config{ClientID: "app", Endpoint: oauth2.Endpoint{TokenURL: p.TokenURL, AuthStyle: oauth2.AuthStyleInParams}}
	return accounts.New(accounts.Config{
		Store: sqlaccounts.New(db, p.Dialect), Keys: [][]byte{p.Key},
		Services: map[string]accounts.Service{"github": {Refresh: accounts.OAuth2(config)}},
	}), db, nil
}

// command is a child process in a role.
func (p plan) command(t *testing.T, role string) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), "SQLACCOUNTS_ROLE="+role, "SQLACCOUNTS_PLAN="+base64.StdEncoding.EncodeToString(text))
	return c
}

func child(ctx context.Context, role string) error {
	text, err := base64.StdEncoding.DecodeString(os.Getenv("SQLACCOUNTS_PLAN"))
	if err != nil {
		return err
	}
	var p plan
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	keep, _, err := p.keeper()
	if err != nil {
		return err
	}
	if role == "refresh" {
		a, err := keep.Find(ctx, "github.com", "42")
		if err != nil {
			return err
		}
		t, err := keep.Token(ctx, a)
		if err == nil {
			_, err = os.Stdout.WriteString(t.Access)
		}
		return err
	}
	return work(ctx, keep)
}

// work links and refreshes until somebody kills the process.
func work(ctx context.Context, keep *accounts.Accounts) error {
	for i := 0; ; i++ {
		a := gitHub(fmt.Sprint(i%5), time.Now())
		kept, _, err := keep.Link(ctx, "ada", a)
		if err != nil {
			return err
		}
		if _, err := keep.Token(ctx, kept); err != nil {
			return err
		}
	}
}

func gitHub(subject string, expiry time.Time) accounts.Account {
	return accounts.Account{Strategy: "github", Issuer: "github.com", Subject: subject, Name: "octo", Scopes: []string{"read"},
		Token: accounts.Token{Access: "access-0", Refresh: "refresh-0", Type: "Bearer", Expiry: expiry}}
}

// provider refreshes tokens. With rotates, each refresh token is good once.
type provider struct {
	*httptest.Server
	mu      sync.Mutex
	rotates bool
	current string
	calls   int
}

func newProvider(t *testing.T, rotates bool) *provider {
	t.Helper()
	p := &provider{rotates: rotates, current: "refresh-0"}
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

func (p *provider) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	w.Header().Set("Content-Type", "application/json")
	if p.rotates && r.PostFormValue("refresh_token") != p.current {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	time.Sleep(20 * time.Millisecond) // a network is slow: without this hardly anybody would meet
	p.current = fmt.Sprint("refresh-", p.calls)
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": fmt.Sprint("access-", p.calls), "token_type": "Bearer", "refresh_token": p.current, "expires_in": 3600})
}

// shared is a database that several processes use.
func (d database) shared(t *testing.T, tokenURL string) plan {
	t.Helper()
	p := plan{Driver: d.driver, DSN: d.dsn(t), Dialect: d.dialect, Key: bytes.Repeat([]byte("0123456789abcdef"), 2), TokenURL: tokenURL}
	db := opened(t, p.Driver, p.DSN)
	if err := sqlaccounts.New(db, p.Dialect).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOfTwoPeopleWhoLinkOneAccountAtOnceOneHasIt(t *testing.T) {
	for _, d := range databases(t) {
		t.Run(d.name, func(t *testing.T) {
			p := d.shared(t, "")
			keep, db, err := p.keeper()
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			var wg sync.WaitGroup
			var mu sync.Mutex
			linked := map[string]int{}
			for i := range 200 {
				user := []string{"ada", "bob"}[i%2]
				wg.Go(func() {
					_, _, err := keep.Link(t.Context(), user, gitHub("42", time.Time{}))
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err == nil:
						linked[user]++
					case !errors.Is(err, accounts.ErrAccountInUse):
						t.Error(err)
					}
				})
			}
			wg.Wait()
			owner, err := keep.Find(t.Context(), "github.com", "42")
			if err != nil || len(linked) != 1 || linked[owner.User] != 100 {
				t.Errorf("%v linked it, and %s has it, %v", linked, owner.User, err)
			}
		})
	}
}

func TestSixteenProcessesRefreshATokenOnce(t *testing.T) {
	for _, d := range databases(t) {
		t.Run(d.name, func(t *testing.T) {
			service := newProvider(t, true)
			p := d.shared(t, service.URL)
			keep, db, err := p.keeper()
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, _, err := keep.Link(t.Context(), "ada", gitHub("42", time.Now())); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for range 16 {
				wg.Go(func() {
					if out, err := p.command(t, "refresh").CombinedOutput(); err != nil || string(out) != "access-1" {
						t.Errorf("%v: %q", err, out)
					}
				})
			}
			wg.Wait()
			a, err := keep.Find(t.Context(), "github.com", "42")
			if err != nil || a.Token.Refresh != "refresh-1" || a.Reconnect || service.count() != 1 {
				t.Errorf("%d calls of the service, reconnect %v, %v", service.count(), a.Reconnect, err)
			}
		})
	}
}

func TestAKillInTheMiddleLeavesNothingHalfWritten(t *testing.T) {
	for _, d := range databases(t) {
		t.Run(d.name, func(t *testing.T) {
			service := newProvider(t, false)
			p := d.shared(t, service.URL)
			for i := range 12 {
				c := p.command(t, "work")
				var out strings.Builder
				c.Stderr = &out
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				killed := time.AfterFunc(time.Duration(100+13*i)*time.Millisecond, func() { _ = c.Process.Kill() })
				if err := c.Wait(); err == nil || out.Len() > 0 {
					t.Errorf("it ended by itself: %v %s", err, out.String())
				}
				killed.Stop()
			}
			keep, db, err := p.keeper()
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			all, err := keep.List(t.Context(), "ada")
			if err != nil || len(all) == 0 || service.count() == 0 {
				t.Fatalf("%d accounts after %d refreshes, %v", len(all), service.count(), err)
			}
			for _, a := range all {
				if a.Reconnect || a.Token.Access == "" || a.Token.Refresh == "" || a.Name != "octo" {
					t.Errorf("half written: %v, reconnect %v", a, a.Reconnect)
				}
				if _, _, err := keep.Link(t.Context(), "ada", gitHub(a.Subject, time.Now())); err != nil {
					t.Error(err)
				}
			}
			t.Logf("12 processes killed after %d refreshes", service.count())
		})
	}
}
