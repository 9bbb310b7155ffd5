// Package outbound is how strategies call providers: with the deadline of the person who
// waits, a limit on what comes back, no redirects, and errors that tell no secrets.
package outbound

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// DefaultTimeout is how long all calls of one flow may take together.
const DefaultTimeout = 15 * time.Second

// maxReply is the largest reply that is taken, in bytes after decompression.
const maxReply = 1 << 20

// Exchange is the calls that one flow makes to its provider. Set the fields, then call
// [Exchange.Client]. It may be used from several goroutines at once.
type Exchange struct {
	// Context bounds every request, whatever context the request has itself: many
	// libraries give theirs none.
	Context context.Context

	// Transport sends the requests. Nil means http.DefaultTransport.
	Transport http.RoundTripper

	// TokenForm is set in the form of the token request (a POST with the grant_type
	// authorization_code), in place of what it holds by these names. That request may be
	// sent twice: x/oauth2 does, where it does not know how the client authenticates.
	TokenForm url.Values

	// AsIs sends forms as they are, and leaves it to the caller to judge replies that are
	// not too large and do not redirect.
	AsIs bool

	// Check may refuse a reply with a status of 200 to 299. May be nil. Return a [Safe].
	Check func(r *http.Request, reply []byte) error

	mu          sync.Mutex
	step, host  string
	first, last int // statuses
}

// Client gives a client for the requests of this exchange. A reply was read to its end
// before the caller sees it, so an unclosed Body leaks nothing. Replies that are too
// large or redirect are errors: a redirect would carry the client's secret, the code and
// the verifier to another host (307, 308), or bring back that host's answer.
func (x *Exchange) Client() *http.Client { return &http.Client{Transport: x} }

// Step names what is done next, for errors, and forgets the replies that came before.
func (x *Exchange) Step(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.step, x.host, x.first, x.last = name, "", 0, 0
}

// Statuses are those of the first and the last reply of this step; 0 where none came, or
// none passed through the Client.
func (x *Exchange) Statuses() (first, last int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.first, x.last
}

// RoundTrip implements [http.RoundTripper].
func (x *Exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	r, token, err := x.prepare(r)
	if err != nil {
		return nil, err
	}
	transport := x.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	x.note(r.URL.Host, 0)
	reply, err := transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	x.note(r.URL.Host, reply.StatusCode)
	if reply.StatusCode < http.StatusOK {
		// After 101 (Switching Protocols), the body is the bare connection, whose reads no
		// context ends: who read it would wait for as long as the provider keeps it open.
		_ = reply.Body.Close() // nothing of it is wanted
		return nil, Safe("the reply is none: its status is below 200")
	}
	body, err := whole(reply)
	if err != nil {
		return nil, err
	}
	if err := x.judge(r, reply.StatusCode, body, token); err != nil {
		return nil, err
	}
	reply.Body = &read{*bytes.NewReader(body), body}
	return reply, nil
}

// read is a body that was read already.
type read struct {
	bytes.Reader

	whole []byte
}

// Close implements [io.Closer].
func (*read) Close() error { return nil }

// Body is the whole body of a reply that came through an Exchange, without another copy. It
// is not to be changed. A reply from elsewhere is read to its end.
func Body(reply *http.Response) ([]byte, error) {
	if body, ok := reply.Body.(*read); ok {
		return body.whole, nil
	}
	defer func() { _ = reply.Body.Close() }() // all that matters was read
	return io.ReadAll(reply.Body)
}

// prepare gives the request its context and, where it asks for a token, what else it
// must say.
func (x *Exchange) prepare(r *http.Request) (_ *http.Request, token bool, err error) {
	if r.Context() != x.Context {
		r = r.WithContext(x.Context)
	}
	if err := x.Context.Err(); err != nil { // x/oauth2 tries again, whatever the first error was
		if r.Body != nil {
			_ = r.Body.Close() // as a RoundTripper must
		}
		return nil, false, err
	}
	if x.AsIs {
		return r, false, nil
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Method != http.MethodPost || r.Body == nil || media != "application/x-www-form-urlencoded" {
		return r, false, nil
	}
	body, err := io.ReadAll(r.Body)
	_ = r.Body.Close() // it was read to its end
	if err != nil {
		return nil, false, err
	}
	if form, err := url.ParseQuery(string(body)); err == nil && form.Get("grant_type") == "authorization_code" {
		token = true
		maps.Copy(form, x.TokenForm)
		body = []byte(form.Encode())
	}
	r.ContentLength = int64(len(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.Body, err = r.GetBody()
	return r, token, err
}

// whole reads a reply, as io.ReadAll does, but for a size that is mostly known. The transport
// has decompressed it already, so a small reply that unpacks to a large one is a large one.
func whole(reply *http.Response) ([]byte, error) {
	defer func() { _ = reply.Body.Close() }() // all that matters was read

	size := 512
	if known := reply.ContentLength; known > 0 && known < maxReply {
		size = int(known) + 1 // so that the end is seen without growing
	}
	body := make([]byte, 0, size)
	for {
		n, err := reply.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case len(body) > maxReply:
			return nil, Safe("the reply has more than 1 MiB")
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return body, err
		case len(body) == cap(body):
			body = slices.Grow(body, size)
		}
	}
}

// judge refuses replies that are none.
func (x *Exchange) judge(r *http.Request, status int, body []byte, token bool) error {
	switch {
	case status >= 300 && status < 400:
		return Safe("the reply is a redirect, and redirects are not followed")
	case status > 299:
		return nil // the caller knows what to do about it, and reads the error in it
	case token:
		if err := checkToken(body); err != nil {
			return err
		}
	}
	if x.Check != nil {
		return x.Check(r, body)
	}
	return nil
}

// note remembers whom was asked and what came back.
func (x *Exchange) note(host string, status int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.host, x.last = host, status
	if x.first == 0 {
		x.first = status
	}
}
