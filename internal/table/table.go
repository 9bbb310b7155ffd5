// Package table holds what is registered by name.
package table

import (
	"slices"
	"strings"
	"sync"
)

// Table is safe for concurrent use. Reading takes no lock, and adding does not copy what is
// there: with 100,000 names, that would take minutes.
type Table[T any] struct {
	values    sync.Map // each T by its name
	addresses sync.Map // names by what is theirs alone
}

// Name tells whether a text may be a name: it stands in errors, logs and the names of cookies.
func Name(text string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
	return text != "" && len(text) <= 64 && strings.Trim(text, letters) == ""
}

// Put adds a value, or replaces it.
func (t *Table[T]) Put(name string, value T) { t.values.Store(name, value) }

// Get finds a value; the zero value where there is none.
func (t *Table[T]) Get(name string) T {
	found, _ := t.values.Load(name)
	value, _ := found.(T)
	return value
}

// Claim makes an address the name's own, and tells whose it is already; "" for nobody's.
func (t *Table[T]) Claim(name, address string) (owner string) {
	found, taken := t.addresses.LoadOrStore(address, name)
	if !taken {
		return ""
	}
	owner, _ = found.(string)
	return owner
}

// Names lists the names in order, or that many of them.
func (t *Table[T]) Names(most int) (names []string) {
	for key := range t.values.Range {
		if len(names) == most {
			break
		}
		name, _ := key.(string)
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
