// Command connect is a small application in which people log in and connect
// their accounts at other services. It needs no configuration:
//
//	go -C examples run ./connect
//
// serves it at http://127.0.0.1:8080, and an identity service that plays GitHub,
// Twitter and a calendar at http://localhost:8081: to a browser, another site.
// With
// GITHUB_KEY and GITHUB_SECRET, or TWITTER_KEY and TWITTER_SECRET, in the
// environment, the real service is used. PASSPORT_KEY, 64 hexadecimal digits,
// lets logins and the accounts' tokens outlive the process; -db keeps users and
// accounts in a file.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gopassport/passport/examples/connect/identity"
	"github.com/gopassport/passport/examples/connect/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "connect:", err)
		os.Exit(1)
	}
}

// run serves both until ctx ends.
func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("connect", flag.ContinueOnError)
	addr := flags.String("addr", "127.0.0.1:8080", "where the application listens")
	identityAddr := flags.String("identity", "localhost:8081", "where the identity service listens")
	tokenLife := flags.Duration("tokens", time.Minute, "how long the calendar's access tokens live")
	recently := flags.Duration("recent", 15*time.Minute, "how long ago people may have logged in when they connect and disconnect")
	file := flags.String("db", "", "the file to keep users and accounts in; without one they are kept in memory")
	if err := flags.Parse(args); err != nil {
		return err
	}
	keys, err := keysFrom(getenv("PASSPORT_KEY"))
	if err != nil {
		return err
	}
	app, err := listen(ctx, *addr)
	if err != nil {
		return err
	}
	defer app.Close() //nolint:errcheck // serving closes it first
	service, err := listen(ctx, *identityAddr)
	if err != nil {
		return err
	}
	defer service.Close() //nolint:errcheck // serving closes it first

	users, err := store.Open(ctx, *file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, users.Close()) }()

	s := servicesFrom(getenv, service.url)
	if !s.realTwitter() {
		pointTwitterAt(service.url)
	}
	handler, err := newApp(config{
		Base: app.url, Keys: keys, Store: users, GitHub: s.github, Twitter: s.twitter, Calendar: s.calendar(),
		Pictures: s.pictures(), Services: s.asking(), Recently: *recently,
	})
	if err != nil {
		return err
	}
	announce(out, app.url, s)
	identities := clients(app.url)
	identities.TokenLife = *tokenLife
	return serve(ctx, map[net.Listener]http.Handler{app: handler, service: identity.New(identities)})
}

// keysFrom reads a key, or makes one that lives as long as the process.
func keysFrom(digits string) ([][]byte, error) {
	if digits == "" {
		key := make([]byte, 32)
		_, err := rand.Read(key)
		return [][]byte{key}, err
	}
	key, err := hex.DecodeString(digits)
	if err != nil || len(key) != 32 {
		return nil, errors.New("PASSPORT_KEY must have 64 hexadecimal digits; `openssl rand -hex 32` makes some")
	}
	return [][]byte{key}, nil
}

// listener knows under which address browsers reach it.
type listener struct {
	net.Listener

	url string
}

// listen keeps the host's name, which decides what is one site to a browser,
// and takes the port from the listener, in case 0 was asked for.
func listen(ctx context.Context, addr string) (listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return listener{}, err
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return listener{}, err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return listener{l, "http://" + net.JoinHostPort(host, port)}, err
}

func announce(out io.Writer, base string, s services) {
	answers := func(isReal bool) string {
		if isReal {
			return "the real one"
		}
		return "played by the identity service"
	}
	fmt.Fprintf(out, `The example is running. Open %s

  Log in        sign up with a username and a password, or with GitHub
  Connect       GitHub  (%s)
                Twitter (%s)
                a calendar, whose tokens live for a minute
  Identities    %s: be Ada, Grace or Lin

Stop it with Ctrl-C.
`, base, answers(s.realGitHub()), answers(s.realTwitter()), s.identity)
}

// serve serves until ctx ends or one of the servers fails; then it lets what
// has begun finish.
func serve(ctx context.Context, handlers map[net.Listener]http.Handler) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var servers []*http.Server
	for l, handler := range handlers {
		server := newServer(handler)
		servers = append(servers, server)
		go func() { cancel(server.Serve(l)) }()
	}
	<-ctx.Done()
	err := context.Cause(ctx)
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	grace, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer stop()
	for _, server := range servers {
		err = errors.Join(err, server.Shutdown(grace))
	}
	return err
}

// newServer leaves time to write for a callback that waits for its provider.
func newServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}
