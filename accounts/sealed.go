package accounts

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/gopassport/passport/internal/seal"
)

// keyIDSize is how many bytes of a sealed token name its key, so that one key is tried
// and a key that is missing can be told from a record that was tampered with.
const keyIDSize = 4

type sealer struct {
	id []byte
	*seal.Sealer
}

func newSealer(key []byte) sealer {
	s, err := seal.New(key, "accounts")
	if err != nil {
		panic("accounts: New: Config.Keys: " + err.Error()) // its length was checked
	}
	id := sha256.Sum256(append([]byte("passport/v1 accounts key "), key...))
	return sealer{id[:keyIDSize], s}
}

// kept is a token as it is sealed.
type kept struct {
	Access  string    `json:"a,omitempty"`
	Secret  string    `json:"s,omitempty"`
	Refresh string    `json:"r,omitempty"`
	Type    string    `json:"t,omitempty"`
	Expiry  time.Time `json:"e,omitzero"`
}

// seal puts a token into a record, bound to the record's id.
func (s *Accounts) seal(r *Record, t Token) error {
	if t == (Token{}) {
		r.Sealed = nil
		return nil
	}
	plain, err := json.Marshal(kept(t)) //nolint:gosec // to be sealed: that is what this is for
	if err != nil {
		return fmt.Errorf("accounts: the token cannot be kept: %w", err)
	}
	newest := s.sealers[0]
	r.Sealed = append(bytes.Clone(newest.id), newest.Seal(r.ID, plain)...)
	return nil
}

// hasKey tells whether what is sealed names a key that is here.
func (s *Accounts) hasKey(sealed []byte) bool {
	return slices.ContainsFunc(s.sealers, func(key sealer) bool { return bytes.HasPrefix(sealed, key.id) })
}

// open gives the account of a record, with its token. A token that does not open, because
// its key is gone, is one that is not there.
func (s *Accounts) open(r Record) Account {
	a := r.Account
	a.Token = Token{}
	for _, key := range s.sealers {
		sealed, ok := bytes.CutPrefix(r.Sealed, key.id)
		if !ok {
			continue
		}
		if plain, ok := key.Open(r.ID, bytes.Clone(sealed)); ok {
			var t kept
			if json.Unmarshal(plain, &t) == nil {
				a.Token = Token(t)
				return a
			}
		}
	}
	a.Reconnect = a.Reconnect || len(r.Sealed) > 0
	return a
}
