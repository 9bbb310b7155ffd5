package oidc

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/outbound"
)

// source is where documents of a provider come from.
type source struct{ transport http.RoundTripper }

// get reads a document that a provider publishes. step says which, for errors. A provider
// that is down is CodeProviderUnavailable or CodeProviderTimeout: that passes. What it says
// while it is up is CodeMetadata where it is of no use.
func (s source) get(ctx context.Context, step, address string) ([]byte, error) {
	x := &outbound.Exchange{Context: ctx, Transport: s.transport}
	x.Step(step)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, metadata(step + ": the address does not parse")
	}
	r.Header.Set("Accept", "application/json")
	reply, err := x.Client().Do(r)
	if err != nil {
		return nil, unreachable(x.Error(err))
	}
	body, err := io.ReadAll(reply.Body) // the exchange has read it to its end
	_ = reply.Body.Close()              // so nothing is left to close
	switch {
	case err != nil:
		return nil, unreachable(x.Error(err))
	case reply.StatusCode >= http.StatusInternalServerError || reply.StatusCode == http.StatusTooManyRequests:
		return nil, unreachable(x.Error(errDown))
	case reply.StatusCode != http.StatusOK:
		return nil, metadata(x.Error(outbound.Safe("that is no document")).Err.Error())
	}
	return body, nil
}

// errDown is a provider that answers, but not now.
var errDown = errors.New("down")

// unreachable gives an error of the exchange its code. A redirect, and a reply that is too
// large, will not pass by themselves.
func unreachable(e *passport.Error) *passport.Error {
	var safe outbound.Safe
	switch {
	case errors.As(e, &safe):
		e.Code = passport.CodeMetadata
	case e.Code == passport.CodeProvider:
		e.Code, e.Status = passport.CodeProviderUnavailable, http.StatusServiceUnavailable
	}
	return e
}

// metadata is the fault of a provider whose documents cannot be used. The cause quotes
// nothing of them.
func metadata(cause string) *passport.Error {
	return broken(passport.CodeMetadata, cause)
}

// broken is a fault of the provider's.
func broken(code passport.Code, cause string) *passport.Error {
	return &passport.Error{Code: code, Status: http.StatusBadGateway, Err: errors.New(cause)}
}
