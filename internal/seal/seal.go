// Package seal makes values that a browser may keep but neither read nor change:
// AES-256-GCM under a subkey that belongs to one purpose only.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"sync"
)

// KeySize is the length of a master key in bytes.
const KeySize = 32

// nonceSize is GCM's own. Nonces are random, so one subkey is good for some 2^32
// values before the chance of a repeat matters (NIST SP 800-38D, 8.3): logins and
// flows, not requests, use them up.
const nonceSize = 12

// maxText bounds what Open looks at. No browser sends a longer cookie.
const maxText = 4096

// encoding is strict, so that no flipped bit is ignored.
var encoding = base64.RawURLEncoding.Strict()

// A Sealer seals and opens values under one subkey. It is safe for concurrent use.
type Sealer struct{ aead cipher.AEAD }

// New derives the subkey of a purpose from a master key of [KeySize] bytes.
func New(master []byte, purpose string) (*Sealer, error) {
	if len(master) != KeySize {
		return nil, fmt.Errorf("a key has %d bytes, not %d", len(master), KeySize)
	}
	subkey, err := hkdf.Key(sha256.New, master, nil, "passport/v1 "+purpose, KeySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(subkey)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &Sealer{aead}, err
}

// Seal encrypts plain and binds it to name: it opens under no other.
func (s *Sealer) Seal(name string, plain []byte) []byte {
	sealed := make([]byte, nonceSize, nonceSize+len(plain)+s.aead.Overhead())
	_, _ = rand.Read(sealed) // crypto/rand.Read never fails: it ends the process instead
	return s.aead.Seal(sealed, sealed, plain, []byte(name))
}

// Open is the reverse of Seal; ok is false for whatever was not sealed under this
// key and name. The plain text overwrites sealed.
func (s *Sealer) Open(name string, sealed []byte) (plain []byte, ok bool) {
	return s.open([]byte(name), sealed)
}

func (s *Sealer) open(name, sealed []byte) ([]byte, bool) {
	if len(sealed) < nonceSize {
		return nil, false
	}
	nonce, text := sealed[:nonceSize], sealed[nonceSize:]
	plain, err := s.aead.Open(text[:0], nonce, text, name)
	return plain, err == nil
}

// SealText is Seal with a result fit for a cookie.
func (s *Sealer) SealText(name string, plain []byte) string {
	return encoding.EncodeToString(s.Seal(name, plain))
}

// A Buffer holds an opened value. Opening a login is the cost of every request, so
// the scratch it needs is taken from a pool and given back by Free.
type Buffer struct{ sealed, name []byte }

var buffers = sync.Pool{New: func() any {
	return &Buffer{sealed: make([]byte, maxText), name: make([]byte, 0, 128)}
}}

// NewBuffer takes a buffer from the pool.
func NewBuffer() *Buffer { return buffers.Get().(*Buffer) }

// Free gives the buffer back. What was opened in it must not be used afterwards.
func (b *Buffer) Free() { buffers.Put(b) }

// OpenText opens what SealText made. The plain text lives in b until b is freed or used again.
func (s *Sealer) OpenText(b *Buffer, name, text string) (plain []byte, ok bool) {
	if len(text) > maxText {
		return nil, false
	}
	b.name = append(b.name[:0], name...)
	n, err := encoding.Decode(b.sealed, []byte(text))      // only read, so the compiler makes no copy
	if err != nil || encoding.EncodedLen(n) != len(text) { // encoding/base64 skips line breaks
		return nil, false
	}
	return s.open(b.name, b.sealed[:n])
}

// Size is the length of SealText's result for n bytes of plain text.
func (s *Sealer) Size(n int) int {
	return encoding.EncodedLen(nonceSize + n + s.aead.Overhead())
}

// CheckKey says what is wrong with a key, as the end of a sentence; "" where nothing is.
func CheckKey(key []byte) string {
	switch {
	case len(key) != KeySize:
		return fmt.Sprintf("has %d bytes; a key has %d random ones", len(key), KeySize)
	case !slices.ContainsFunc(key, func(b byte) bool { return b != key[0] }):
		return "is one byte over and over; a key is random (crypto/rand)"
	}
	return ""
}
