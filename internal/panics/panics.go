// Package panics makes a panic in an application's own code the cause of an error.
package panics

import (
	"fmt"
	"net/http"
	"runtime/debug"
)

// Cause is the error of what recover gave; nil where nothing panicked. A handler that
// ends its connection on purpose (http.ErrAbortHandler) goes on doing so. Call it as
// Cause(recover()) in the deferred function itself.
func Cause(recovered any) error {
	if recovered == http.ErrAbortHandler {
		panic(recovered)
	}
	return Any(recovered)
}

// Any is Cause for a goroutine of our own, where there is no connection to end, and where
// a panic that goes on, whichever it is, ends the program.
func Any(recovered any) error {
	if recovered == nil {
		return nil
	}
	return &panicked{recovered, debug.Stack()}
}

// panicked keeps the value and the stack for a debugger. The value of a panic may hold
// anything, so only a runtime error (an index, a nil map) shows its text.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string {
	if err, ok := p.value.(interface{ RuntimeError() }); ok {
		return fmt.Sprintf("panic: %v", err)
	}
	return fmt.Sprintf("panic: a value of type %T", p.value)
}

// GoString is for %#v, which would show the value.
func (p *panicked) GoString() string { return p.Error() }
