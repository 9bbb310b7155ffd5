package passporttest

import (
	"errors"
	"net/http"
	"sync"

	"github.com/gopassport/passport"
)

// Strategy answers what it is told: for tests of routes and handlers, where it stands in
// for the real one. The zero value was told nothing, which is a fault of each request. It
// is safe for concurrent use.
//
//	s := &passporttest.Strategy{}
//	auth.Use("password", s)
//	s.Always(passport.Success{Value: alice}, nil)
//	s.Next(passport.Failure{Message: "Wrong user or password."}, nil)
type Strategy struct {
	mu     sync.Mutex
	next   []verdict
	always *verdict
	calls  int
}

type verdict struct {
	result passport.Result
	err    error
}

// Next answers one request. Several queue up.
func (s *Strategy) Next(result passport.Result, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next, verdict{result, err})
}

// Always answers each request for which there is no Next.
func (s *Strategy) Always(result passport.Result, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = &verdict{result, err}
}

// Calls tells how often it was asked.
func (s *Strategy) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// Authenticate implements [passport.Strategy].
func (s *Strategy) Authenticate(*http.Request, *passport.Attempt) (passport.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if len(s.next) > 0 {
		v := s.next[0]
		s.next = s.next[1:]
		return v.result, v.err
	}
	if s.always == nil {
		return nil, errors.New("passporttest: the Strategy was not told what to answer (Next, Always)")
	}
	return s.always.result, s.always.err
}
