package benchmarks_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// floor is what a login costs at least: the cookie found by hand, base64, one pooled
// HMAC-SHA256 compared, the clock, a map look-up, one request with a context value.
type floor struct {
	people  people
	scratch sync.Pool
}

type floorUser struct{}

// floorScratch keeps off the heap what one request needs.
type floorScratch struct {
	mac       hash.Hash
	text, raw [256]byte
	sum       [sha256.Size]byte
}

func newFloor() *floor {
	return &floor{newPeople(), sync.Pool{New: func() any { return &floorScratch{mac: hmac.New(sha256.New, []byte(secret))} }}}
}

const floorName = "session"

func (s *floorScratch) sign(payload []byte) []byte {
	s.mac.Reset()
	s.mac.Write(payload)
	return s.mac.Sum(s.sum[:0])
}

func (f *floor) cookie(key string) *http.Cookie {
	payload := binary.BigEndian.AppendUint64(nil, uint64(time.Now().Unix()))
	payload = append(payload, key...)
	value := append(f.scratch.Get().(*floorScratch).sign(payload), payload...)
	return &http.Cookie{Name: floorName, Value: base64.RawURLEncoding.EncodeToString(value)}
}

func (f *floor) middleware(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next(w, r.WithContext(context.WithValue(r.Context(), floorUser{}, f.user(r))))
	})
}

func (f *floor) user(r *http.Request) *user {
	s := f.scratch.Get().(*floorScratch)
	defer f.scratch.Put(s)
	_, value, _ := strings.Cut(r.Header["Cookie"][0], floorName+"=")
	n, err := base64.RawURLEncoding.Decode(s.raw[:], s.text[:copy(s.text[:], value)])
	if err != nil || n < sha256.Size+8 {
		return nil
	}
	payload := s.raw[sha256.Size:n]
	if !hmac.Equal(s.sign(payload), s.raw[:sha256.Size]) {
		return nil
	}
	if at := time.Unix(int64(binary.BigEndian.Uint64(payload)), 0); time.Since(at) > 14*24*time.Hour {
		return nil
	}
	return f.people[string(payload[8:])]
}

// beginFloor begins a flow by hand: a state, PKCE, AuthCodeURL of x/oauth2, one cookie
// with both sealed by AES-GCM, and a redirect.
func beginFloor(config *oauth2.Config) http.HandlerFunc {
	block, _ := aes.NewCipher([]byte(secret))
	aead, _ := cipher.NewGCMWithRandomNonce(block)
	return func(w http.ResponseWriter, r *http.Request) {
		state, verifier := rand.Text(), oauth2.GenerateVerifier()
		sealed := aead.Seal(nil, nil, []byte(state+" "+verifier), nil)
		http.SetCookie(w, &http.Cookie{
			Name: "__Host-flow", Value: base64.RawURLEncoding.EncodeToString(sealed),
			Path: "/", MaxAge: 600, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		})
		http.Redirect(w, r, config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)), http.StatusFound)
	}
}
