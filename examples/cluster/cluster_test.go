//go:build unix

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gopassport/passport/internal/realserver"
	"github.com/gopassport/passport/passporttest"
)

const (
	oldKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	newKey = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f"
)

// cluster is what run.sh starts, on other ports.
type cluster struct {
	t            *testing.T
	binary       string
	redis, nginx *realserver.Server
	provider     *passporttest.Provider
	addresses    [2]string
	instances    [2]*realserver.Server
	base         string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	realserver.Need(t, "redis-server", "nginx")
	c := &cluster{t: t, binary: filepath.Join(t.TempDir(), "cluster")}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", c.binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	c.provider = passporttest.NewProvider(t, passporttest.ProviderConfig{ClientID: "client", ClientSecret: "secret"})
	c.redis = startRedis(t)
	conf, err := os.ReadFile("nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(conf), "http {")
	block = strings.Replace(block[:strings.LastIndex(block, "}")], "access_log off;", "", 1)
	for i := range c.addresses {
		c.addresses[i] = realserver.Address(t)
		block = strings.Replace(block, fmt.Sprintf("127.0.0.1:900%d", i+1), c.addresses[i], 1)
	}
	c.nginx = realserver.Nginx(t, strings.Replace(block, "127.0.0.1:8080", "LISTEN", 1))
	c.base = c.nginx.URL()
	for i := range c.instances {
		c.start(i, oldKey)
	}
	return c
}

// startRedis starts one that has everything again after a restart.
func startRedis(t *testing.T) *realserver.Server {
	t.Helper()
	address := realserver.Address(t)
	host, port, _ := net.SplitHostPort(address)
	return realserver.Start(t, realserver.Process{
		Path:    realserver.Program(t, "redis-server"),
		Args:    []string{"--bind", host, "--port", port, "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--dir", realserver.Folder(t, "")},
		Address: address,
	})
}

// start starts an instance, in place of the one that may be there.
func (c *cluster) start(i int, keys string) {
	c.t.Helper()
	if c.instances[i] != nil {
		c.instances[i].Stop()
	}
	c.instances[i] = realserver.Start(c.t, realserver.Process{
		Path: c.binary, Address: c.addresses[i],
		Env: []string{"ADDR=" + c.addresses[i], "REDIS=" + c.redis.Address, "BASE=" + c.base, "KEYS=" + keys, "PROVIDER=" + c.provider.URL},
	})
}

// browser is one person's. It follows no redirects by itself.
type browser struct {
	*cluster

	client *http.Client
}

func (c *cluster) browser() *browser {
	jar, _ := cookiejar.New(nil) // its error is always nil
	return &browser{c, &http.Client{
		Jar: jar, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// page is what a request came to.
type page struct {
	status             int
	body, to, instance string
}

func (b *browser) send(method, address string, form url.Values) (page, error) {
	r, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return page{}, err
	}
	for name, value := range map[string]string{"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "same-origin"} {
		r.Header.Set(name, value)
	}
	if r.URL.Host == b.addresses[0] || r.URL.Host == b.addresses[1] {
		r.Host = b.nginx.Address // as nginx passes it on
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	// nginx ends a connection after a thousand requests, perhaps just when the next is sent.
	// Browsers then send it again; Go does that with a POST only where this is set.
	r.Header["X-Idempotency-Key"] = nil
	reply, err := b.client.Do(r)
	if err != nil {
		return page{}, err
	}
	body, err := io.ReadAll(reply.Body)
	return page{reply.StatusCode, string(body), reply.Header.Get("Location"), reply.Header.Get("X-Instance")}, errors.Join(err, reply.Body.Close())
}

func (b *browser) logIn(at, name string) error {
	p, err := b.send(http.MethodPost, at+"/login", url.Values{"username": {name}, "password": {"secret"}})
	if err == nil && p.status != http.StatusSeeOther {
		err = fmt.Errorf("logging %s in: %+v", name, p)
	}
	return err
}

// greets checks who the application says it is.
func (b *browser) greets(at, name string) error {
	p, err := b.send(http.MethodGet, at+"/", nil)
	if err == nil && (p.status != http.StatusOK || p.body != "hello "+name) {
		err = fmt.Errorf("%s is met with %+v", name, p)
	}
	return err
}

// begin starts a flow and goes to the provider, which answers at once. It gives the address
// that the provider sends the browser back to.
func (b *browser) begin(at string) (callback string, err error) {
	p, err := b.send(http.MethodGet, at+"/service", nil)
	if err == nil {
		p, err = b.send(http.MethodGet, p.to, nil)
	}
	if err == nil && !strings.HasPrefix(p.to, b.base+"/service/callback?") {
		err = fmt.Errorf("no flow began: %+v", p)
	}
	return p.to, err
}

// end comes back from the provider, to one instance or to nginx, and is logged in.
func (b *browser) end(at, callback string) error {
	p, err := b.send(http.MethodGet, strings.Replace(callback, b.base, at, 1), nil)
	if err == nil && (p.status != http.StatusFound && p.status != http.StatusSeeOther || p.to != "/") {
		err = fmt.Errorf("the flow did not end: %+v", p)
	}
	if err == nil {
		err = b.greets(at, "service:"+passporttest.People()[0]["sub"].(string))
	}
	return err
}

// each runs f for many at once, at most some at a time, and tells of what went wrong.
func each[T any](t *testing.T, all []T, f func(T) error) {
	t.Helper()
	var wait sync.WaitGroup
	var wrong atomic.Int64
	room := make(chan struct{}, 16)
	for _, one := range all {
		room <- struct{}{}
		wait.Go(func() {
			defer func() { <-room }()
			if err := f(one); err != nil && wrong.Add(1) <= 5 {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := wrong.Load(); n > 0 {
		t.Fatalf("%d of %d went wrong", n, len(all))
	}
}

func (c *cluster) at(i int) string { return "http://" + c.addresses[i] }

func (c *cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func TestAFlowThatBeganOnOneInstanceEndsOnTheOther(t *testing.T) {
	c := newCluster(t)
	for from := range 2 {
		b := c.browser()
		callback, err := b.begin(c.at(from))
		c.must(err)
		c.must(b.end(c.at(1-from), callback))
		if p, err := b.send(http.MethodGet, strings.Replace(callback, c.base, c.at(from), 1), nil); err != nil || p.status < 400 {
			t.Errorf("the flow ends twice: %+v, %v", p, err)
		}
	}
}

// Behind nginx, so that the browsers do not see that anything happened.
func TestAnInstanceThatIsKilledLosesNoFlow(t *testing.T) {
	c := newCluster(t)
	type pending struct {
		*browser

		callback string
	}
	all := make([]pending, 500)
	numbers := make([]int, len(all))
	for i := range all {
		numbers[i] = i
	}
	each(t, numbers, func(i int) (err error) {
		all[i].browser = c.browser()
		all[i].callback, err = all[i].begin(c.base)
		return err
	})
	c.instances[0].Kill()
	each(t, all, func(p pending) error { return p.end(c.base, p.callback) })
}

func TestALogoutReachesTheOtherInstance(t *testing.T) {
	c := newCluster(t)
	b, thief := c.browser(), c.browser()
	c.must(b.logIn(c.base, "ada"))
	u, err := url.Parse(c.base)
	c.must(err)
	thief.client.Jar.SetCookies(u, b.client.Jar.Cookies(u))
	c.must(thief.greets(c.at(1), "ada"))
	if p, err := b.send(http.MethodPost, c.at(0)+"/logout", url.Values{}); err != nil || p.status != http.StatusSeeOther {
		t.Fatalf("logging out: %+v, %v", p, err)
	}
	c.must(b.greets(c.at(1), "stranger"))
	c.must(thief.greets(c.at(1), "stranger"))
}

// While Redis is gone nobody looks logged out, and afterwards all logins are there.
func TestARedisThatIsGoneLogsNobodyOut(t *testing.T) {
	c := newCluster(t)
	var all []*browser
	for range 20 {
		all = append(all, c.browser())
	}
	each(t, all, func(b *browser) error { return b.logIn(c.base, "ada") })
	pending := c.browser()
	callback, err := pending.begin(c.base)
	c.must(err)
	c.redis.Kill()
	each(t, all, func(b *browser) error {
		p, err := b.send(http.MethodGet, c.base+"/", nil)
		if err == nil && p.status != http.StatusServiceUnavailable {
			err = fmt.Errorf("without Redis: %+v", p)
		}
		return err
	})
	c.must(c.browser().greets(c.base, "stranger")) // needs no Redis
	c.redis.Start()
	c.recover(all[0])
	each(t, all, func(b *browser) error { return b.greets(c.base, "ada") })
	c.must(pending.end(c.base, callback))
}

// recover waits until both instances have found Redis again: the client tries once a second.
func (c *cluster) recover(b *browser) {
	c.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		err := errors.Join(b.greets(c.at(0), "ada"), b.greets(c.at(1), "ada"))
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// At every moment of a rotation the instances have different keys, and what one sealed the
// other opens.
func TestKeysAreRotatedWithoutALostLogin(t *testing.T) {
	c := newCluster(t)
	var all []*browser
	for _, keys := range []string{oldKey + "," + newKey, newKey + "," + oldKey} {
		for i := range c.instances {
			c.start(i, keys)
			for at := range c.instances {
				b := c.browser()
				c.must(b.logIn(c.at(at), "ada"))
				all = append(all, b)
			}
			each(t, all, func(b *browser) error {
				return errors.Join(b.greets(c.at(0), "ada"), b.greets(c.at(1), "ada"))
			})
		}
	}
	for i := range c.instances {
		c.start(i, newKey)
	}
	c.must(all[len(all)-1].greets(c.base, "ada"))
	c.must(all[0].greets(c.base, "stranger")) // the old key's logins are over
}

// CLUSTER_LOAD says how many browsers, and how long: CLUSTER_LOAD=200,60s.
func TestManyBrowsersAreServedWithoutAFailure(t *testing.T) {
	var count int
	browsers, long, given := strings.Cut(cmp.Or(os.Getenv("CLUSTER_LOAD"), "20,2s"), ",")
	d, err := time.ParseDuration(long)
	if _, bad := fmt.Sscan(browsers, &count); bad != nil || err != nil || !given {
		t.Fatalf("CLUSTER_LOAD=%s: it is a number and a duration", os.Getenv("CLUSTER_LOAD"))
	}
	c := newCluster(t)
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var wait sync.WaitGroup
	var served atomic.Int64
	for i := range count {
		wait.Go(func() {
			name := fmt.Sprintf("person%d", i)
			b := c.browser()
			for round := 0; ctx.Err() == nil; round++ {
				act := b.greets
				if round%20 == 0 {
					act = b.logIn
				}
				if err := act(c.base, name); err != nil {
					t.Error(err)
					return
				}
				served.Add(1)
			}
		})
	}
	wait.Wait()
	t.Logf("%d browsers, %v: %d requests", count, d, served.Load())
	if served.Load() < int64(count) {
		t.Error("not every browser was served")
	}
}
