package accounts

import (
	"context"
	"time"
)

// Record is an account as a [Store] keeps it: its tokens are sealed.
type Record struct {
	Account              // its Token is empty
	Strategies []string  // all through which it was linked; none in records of before there was this field
	Sealed     []byte    // the tokens; nil for none. Encrypted, and bound to ID
	Claimed    time.Time // until when one process may refresh them; zero: nobody does
}

// Store keeps records. It is called from many goroutines and processes at once.
//
// A change function does no I/O and may be called more than once for one call of the
// store; only the effects of the last one count. Its error is returned as it is, and then
// nothing was written. Each call is atomic: it happens wholly, or not at all. [Accounts]
// keeps no text that has a NUL byte or is not UTF-8, which not every database takes.
// docs/accounts.md says what else a store has to do.
type Store interface {
	// Put makes or changes the record of an issuer and a subject, which are compared byte
	// for byte. change gets the record; its ID is "" where there is none, and must be set
	// then. Two Puts of one account happen one after the other.
	Put(ctx context.Context, issuer, subject string, change func(*Record) error) error

	// Change changes a record; ErrNotFound where there is none. Changes and Puts of one
	// record happen one after the other.
	Change(ctx context.Context, id string, change func(*Record) error) error

	// Get gives a record by its id; ErrNotFound where there is none.
	Get(ctx context.Context, id string) (Record, error)

	// Find gives a record by its issuer and subject; ErrNotFound where there is none.
	Find(ctx context.Context, issuer, subject string) (Record, error)

	// List gives the records of a user, in the order of Connected and then of ID.
	List(ctx context.Context, user string) ([]Record, error)

	// Delete removes a record of a user, unless check says no. check gets the record and
	// the user's others; two Deletes of one user happen one after the other, so that each
	// sees what the other left. ErrNotFound where the user has no such record.
	Delete(ctx context.Context, user, id string, check func(record Record, others []Record) error) error
}
