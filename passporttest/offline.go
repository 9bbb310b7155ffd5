package passporttest

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"
)

// pipes is a listener without a network. Who waits at it, or at its connections, waits for
// others of the same program, so that in a bubble of testing/synctest the clock goes on.
type pipes struct {
	host   string
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Accept gives the server's end of the next connection.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close ends the listening.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr is the host that stands in addresses.
func (p *pipes) Addr() net.Addr { return p }

// Network is a name for what this is.
func (p *pipes) Network() string { return "pipe" }

// String is the host.
func (p *pipes) String() string { return p.host }

// dial gives the client's end of a new connection.
func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// listen starts a server, with or without a network.
func (s *Server) listen(offline bool, host string, h http.Handler) (server *httptest.Server, at string) {
	if !offline {
		server = httptest.NewServer(h)
		return server, server.URL
	}
	line := &pipes{host: strings.ToLower(s.name) + "." + host + ".test", conns: make(chan net.Conn), closed: make(chan struct{})}
	server = &httptest.Server{Listener: line, Config: &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}}
	server.Start()
	return server, "https://" + line.host
}

// Client calls the provider, and nobody else where that is offline. Strategies take it as
// their Config.Client. It is safe for concurrent use.
func (s *Server) Client() *http.Client { return &http.Client{Transport: s.transport} }

// pipe is the way to a provider that is offline; nil for others.
func (s *Server) pipe() *http.Transport {
	if s.transport.DialContext == nil {
		return nil
	}
	return s.transport
}

// transportOf calls servers that are offline. There is no TLS between two ends of a pipe.
func transportOf(servers ...*httptest.Server) *http.Transport {
	dial := func(ctx context.Context, _, address string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(address)
		for _, server := range servers {
			if line, ok := server.Listener.(*pipes); ok && line.host == host {
				return line.dial(ctx)
			}
		}
		return nil, &net.DNSError{Err: "the provider of this client is offline, and is all that it knows", Name: host, IsNotFound: true}
	}
	return &http.Transport{DialContext: dial, DialTLSContext: dial}
}

// secured says that a request came by https, where that is what the address says.
func secured(r *http.Request, at string) {
	if u, err := url.Parse(at); err == nil && u.Scheme == "https" && r.TLS == nil {
		r.TLS = &tls.ConnectionState{}
	}
}
