package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"

	"github.com/gopassport/passport"
)

// Safe is an error whose text holds nothing that came from outside, so that it may be
// shown.
type Safe string

// Error is the text itself.
func (e Safe) Error() string { return string(e) }

// Error makes the error of a failed step. What libraries say about it cannot be shown: a
// [url.Error] has the query of the request, an [oauth2.RetrieveError] the whole reply,
// OAuth 1 libraries the Authorization header. So the text is put together anew; errors.As
// still reaches the cause, without what these two quote.
//
// The code is CodeProviderTimeout (504) where time ran out or the browser went away, else
// CodeProvider (502).
func (x *Exchange) Error(cause error) *passport.Error {
	code, status := passport.CodeProvider, http.StatusBadGateway
	if x.late(cause) {
		code, status = passport.CodeProviderTimeout, http.StatusGatewayTimeout
	}
	return &passport.Error{Code: code, Status: status, Err: &hidden{x.describe(cause), quiet(cause)}}
}

// quiet is a cause for error trackers, which print what errors wrap: the code of a reply,
// not its text, the address of a request, not its query, and of why it failed what is
// harmless.
func quiet(cause error) error {
	var retrieve *oauth2.RetrieveError
	var request *url.Error
	switch {
	case errors.As(cause, &retrieve):
		own := &oauth2.RetrieveError{Response: &http.Response{}}
		if strings.Trim(retrieve.ErrorCode, "abcdefghijklmnopqrstuvwxyz_") == "" { // as all that are registered are
			own.ErrorCode = retrieve.ErrorCode
		}
		if retrieve.Response != nil {
			own.Response.Status, own.Response.StatusCode = retrieve.Response.Status, retrieve.Response.StatusCode
		}
		return own
	case errors.As(cause, &request):
		address := ""
		if u, err := url.Parse(request.URL); err == nil {
			address = u.Scheme + "://" + u.Host + u.Path
		}
		return &url.Error{Op: request.Op, URL: address, Err: harmless(request.Err)}
	}
	return cause
}

// harmless is the part of an error of the network's that says nothing a provider made up:
// the first of a known type, without what is wrapped around it. Of any other only the class
// is left, for net/http quotes the lines of a reply that it cannot read, and a transport of
// the application's may say anything.
func harmless(err error) error {
	var (
		safe        Safe
		certificate *tls.CertificateVerificationError
		name        *net.DNSError
		network     *net.OpError
	)
	switch {
	case errors.As(err, &safe):
		return safe
	case errors.As(err, &certificate):
		return certificate
	case errors.As(err, &network): // before the name, which one has that failed to dial
		return network
	case errors.As(err, &name):
		return name
	}
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	return &class{err}
}

// class is an error of which only the type shows. It has no Unwrap, so nobody prints the
// cause by walking along; who knows what to ask for (the application's own transport may
// have failed) finds it all the same.
type class struct{ cause error }

func (c *class) Error() string        { return classOf(c.cause) }
func (c *class) GoString() string     { return c.Error() } // %#v would show the cause
func (c *class) Is(target error) bool { return errors.Is(c.cause, target) }
func (c *class) As(target any) bool   { return errors.As(c.cause, target) }

// Timeout is for [url.Error], which asks.
func (c *class) Timeout() bool {
	var timeout net.Error
	return errors.As(c.cause, &timeout) && timeout.Timeout()
}

// classOf names the type of an error.
func classOf(err error) string {
	return fmt.Sprintf("an error of type %T, whose text is not shown", innermost(err))
}

// hidden is a cause that does not show itself.
type hidden struct {
	text  string
	cause error
}

func (e *hidden) Error() string { return e.text }
func (e *hidden) Unwrap() error { return e.cause }

// late tells whether time ran out. Some libraries make a text of the cause, so the
// context is asked, too.
func (x *Exchange) late(cause error) bool {
	var timeout net.Error
	return x.Context.Err() != nil || errors.Is(cause, context.DeadlineExceeded) || errors.As(cause, &timeout) && timeout.Timeout()
}

// describe says what was done, to whom, and what came of it.
func (x *Exchange) describe(cause error) string {
	x.mu.Lock()
	step, host, status := x.step, x.host, x.last
	x.mu.Unlock()
	var address *url.Error
	if host == "" && errors.As(cause, &address) {
		if u, err := url.Parse(address.URL); err == nil {
			host = u.Host
		}
	}
	text := step
	if host != "" {
		text += " to " + host
	}
	if status != 0 {
		text += fmt.Sprintf(": status %d", status)
	}
	return text + ": " + x.reason(cause)
}

// reason is the class of a cause.
func (x *Exchange) reason(cause error) string {
	var (
		safe        Safe
		retrieve    *oauth2.RetrieveError
		certificate *tls.CertificateVerificationError
		name        *net.DNSError
		network     *net.OpError
	)
	switch {
	case errors.As(cause, &safe):
		return safe.Error()
	case errors.Is(x.Context.Err(), context.Canceled):
		return "the browser went away"
	case x.late(cause):
		return "no answer in time"
	case errors.As(cause, &retrieve):
		return tokenError(retrieve.ErrorCode)
	case errors.As(cause, &certificate):
		return "its certificate is not trusted"
	case errors.As(cause, &name):
		return "its name does not resolve"
	case errors.As(cause, &network):
		return "the network: " + network.Op
	}
	return classOf(cause)
}

// tokenError is an error code of RFC 6749, 5.2, or one that large services have in its
// place, and no other text.
func tokenError(code string) string {
	switch code {
	case "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope":
		return code
	case "redirect_uri_mismatch", "incorrect_client_credentials", "bad_verification_code", "bad_client_secret", "invalid_redirect_uri":
		return code + ": look at the callback URL and the secret in the application's settings there"
	}
	return "an error that RFC 6749 does not know"
}

func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
