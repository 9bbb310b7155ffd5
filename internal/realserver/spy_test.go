//go:build unix

package realserver_test

import (
	"fmt"
	"runtime"
	"testing"
)

// spy is a test that may fail without making the real one fail.
type spy struct {
	testing.TB // what the helpers do not use

	fatal, skipped string
	cleanups       []func()
}

// try runs a function as a test of its own, with its cleanups, and tells what it said.
func try(t *testing.T, f func(testing.TB)) *spy {
	t.Helper()
	s := &spy{TB: t}
	done := make(chan struct{})
	go func() { // of its own: it may end before its time
		defer close(done)
		defer s.clean()
		f(s)
	}()
	<-done
	return s
}

func (s *spy) clean() {
	for len(s.cleanups) > 0 {
		last := s.cleanups[len(s.cleanups)-1]
		s.cleanups = s.cleanups[:len(s.cleanups)-1]
		last()
	}
}

func (s *spy) Cleanup(f func())          { s.cleanups = append(s.cleanups, f) }
func (s *spy) Failed() bool              { return s.fatal != "" }
func (s *spy) Fatal(args ...any)         { s.fatal = fmt.Sprint(args...); runtime.Goexit() }
func (s *spy) Fatalf(f string, a ...any) { s.fatal = fmt.Sprintf(f, a...); runtime.Goexit() }
func (s *spy) Skip(args ...any)          { s.skipped = fmt.Sprint(args...); runtime.Goexit() }
