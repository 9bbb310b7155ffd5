package oidc_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	issuer   = "https://op.test"
	clientID = "client-1"
	secret   = "SECRETCANARY-client"
	redirect = "https://app.test/callback"
)

// signing is a key of the provider's.
type signing struct {
	kid, alg string
	key      crypto.Signer
}

// The keys take long to make; all tests share them.
var (
	rsaKey   = sync.OnceValue(func() signing { return newRSA("k1", 2048) })
	otherRSA = sync.OnceValue(func() signing { return newRSA("k1", 2048) })
	smallRSA = sync.OnceValue(func() signing { return newRSA("k1", 1024) })
	ecKey    = sync.OnceValue(func() signing {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		return signing{"e1", "ES256", must(key, err)}
	})
	edKey = sync.OnceValue(func() signing {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return signing{"d1", "EdDSA", must(key, err)}
	})
)

func newRSA(kid string, bits int) signing {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	return signing{kid, "RS256", must(key, err)}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (s signing) jwk() map[string]any {
	var members map[string]any
	raw := must(json.Marshal(jose.JSONWebKey{Key: s.key.Public(), KeyID: s.kid, Algorithm: s.alg, Use: "sig"}))
	_ = must(0, json.Unmarshal(raw, &members))
	return members
}

// sign makes the signature that an algorithm wants. What is no algorithm gets some bytes.
func (s signing) sign(alg, input string) []byte {
	sum := sha256.Sum256([]byte(input))
	switch {
	case alg == "HS256":
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(input))
		return mac.Sum(nil)
	case s.alg == "ES256":
		r, v, err := ecdsa.Sign(rand.Reader, s.key.(*ecdsa.PrivateKey), sum[:])
		must(0, err)
		return append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
	case s.alg == "EdDSA":
		return must(s.key.Sign(rand.Reader, []byte(input), crypto.Hash(0)))
	}
	return must(s.key.Sign(rand.Reader, sum[:], crypto.SHA256))
}

// jwt makes a token of any header and payload, be they what they may.
func (s signing) jwt(header map[string]any, payload []byte) string {
	input := b64(must(json.Marshal(header))) + "." + b64(payload)
	alg, _ := header["alg"].(string)
	return input + "." + b64(s.sign(alg, input))
}

func (s signing) header() map[string]any {
	return map[string]any{"alg": s.alg, "kid": s.kid, "typ": "JWT"}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// grant is what the provider knows about a code.
type grant struct{ nonce, challenge, redirect string }

// provider is an OpenID Provider in memory that can do everything wrong. Its functions
// change what is about to be sent; nil ones change nothing.
type provider struct {
	t    testing.TB
	key  signing
	also []signing // published, too

	metadata func(map[string]any)
	jwks     func() (status int, body string)
	header   func(map[string]any)
	claims   func(map[string]any)
	payload  func(map[string]any) []byte // in place of the claims as JSON
	idToken  func(good string) any       // in place of the signed one
	token    func(map[string]any)
	userinfo func(w http.ResponseWriter)
	answer   func(url.Values)
	before   func(w http.ResponseWriter, r *http.Request) bool // true: it has answered

	mu        sync.Mutex
	hits      map[string]int
	grants    map[string]grant
	pushed    map[string]url.Values
	lastToken url.Values
	lastAuth  string
}

func newProvider(tb testing.TB) *provider {
	return &provider{t: tb, key: rsaKey(), hits: map[string]int{}, grants: map[string]grant{}, pushed: map[string]url.Values{}}
}

// RoundTrip makes the provider the network, too.
func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

func (p *provider) hit(what string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hits[what]
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.hits[r.URL.Path]++
	p.mu.Unlock()
	if p.before != nil && p.before(w, r) {
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		doc := p.document("https://" + r.URL.Host)
		if r.URL.Scheme != "https" {
			doc = p.document("http://" + r.Host)
		}
		send(w, change(doc, p.metadata))
	case "/jwks":
		p.serveKeys(w)
	case "/token":
		p.serveToken(w, r)
	case "/userinfo":
		p.serveUserinfo(w, r)
	case "/par":
		p.servePush(w, r)
	default:
		http.NotFound(w, r)
	}
}

func change(m map[string]any, f func(map[string]any)) map[string]any {
	if f != nil {
		f(m)
	}
	return m
}

func send(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (p *provider) document(base string) map[string]any {
	return map[string]any{
		"issuer": base, "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/token",
		"jwks_uri": base + "/jwks", "userinfo_endpoint": base + "/userinfo", "end_session_endpoint": base + "/logout",
		"pushed_authorization_request_endpoint": base + "/par",
		"response_types_supported":              []string{"code"}, "response_modes_supported": []string{"query", "form_post"},
		"grant_types_supported": []string{"authorization_code", "refresh_token"}, "code_challenge_methods_supported": []string{"S256"},
		"id_token_signing_alg_values_supported":          []string{"RS256", "ES256", "EdDSA"},
		"authorization_response_iss_parameter_supported": true,
	}
}

func (p *provider) serveKeys(w http.ResponseWriter) {
	if p.jwks != nil {
		status, body := p.jwks()
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	keys := []any{p.key.jwk()}
	for _, k := range p.also {
		keys = append(keys, k.jwk())
	}
	send(w, map[string]any{"keys": keys})
}

// rotate takes another key from now on.
func (p *provider) rotate(k signing) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key = k
}

// authorize is a person who says yes at the address that the application sent them to.
func (p *provider) authorize(location string) url.Values {
	u := must(url.Parse(location))
	query := u.Query()
	if uri := query.Get("request_uri"); uri != "" {
		query = p.pushed[uri]
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	code := "CODECANARY-" + fmt.Sprint(len(p.grants))
	p.grants[code] = grant{query.Get("nonce"), query.Get("code_challenge"), query.Get("redirect_uri")}
	answer := url.Values{"code": {code}, "state": {query.Get("state")}, "iss": {u.Scheme + "://" + u.Host}}
	if p.answer != nil {
		p.answer(answer)
	}
	return answer
}

func (p *provider) serveToken(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	p.mu.Lock()
	p.lastToken, p.lastAuth = r.PostForm, r.Header.Get("Authorization")
	g, ok := p.grants[r.PostForm.Get("code")]
	delete(p.grants, r.PostForm.Get("code"))
	key := p.key
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	refresh := r.PostForm.Get("grant_type") == "refresh_token"
	if !refresh && (!ok || b64(sum[:]) != g.challenge || r.PostForm.Get("redirect_uri") != g.redirect) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	reply := map[string]any{"access_token": "TOKENCANARY-access", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "TOKENCANARY-refresh"}
	if refresh {
		reply["access_token"] = "TOKENCANARY-access-2"
	}
	base := issuer
	if r.URL.Scheme != "https" {
		base = "http://" + r.Host
	}
	reply["id_token"] = p.newIDToken(key, base, g.nonce)
	send(w, change(reply, p.token))
}

// newIDToken makes one with what is to be wrong about it.
func (p *provider) newIDToken(key signing, base, nonce string) any {
	claims := map[string]any{"iss": base, "sub": "s1", "aud": clientID, "iat": time.Now().Unix(), "exp": time.Now().Unix() + 60, "nonce": nonce}
	if nonce == "" {
		delete(claims, "nonce")
	}
	claims = change(claims, p.claims)
	payload := must(json.Marshal(claims))
	if p.payload != nil {
		payload = p.payload(claims)
	}
	good := key.jwt(change(key.header(), p.header), payload)
	if p.idToken != nil {
		return p.idToken(good)
	}
	return good
}

func (p *provider) serveUserinfo(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer TOKENCANARY-access" || len(r.URL.RawQuery) > 0 {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if p.userinfo != nil {
		p.userinfo(w)
		return
	}
	send(w, map[string]any{"sub": "s1", "name": "Alice", "email": "alice@example.org", "email_verified": true})
}

func (p *provider) servePush(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	uri := fmt.Sprintf("urn:ietf:params:oauth:request_uri:%d", p.hit("/par"))
	p.mu.Lock()
	p.pushed[uri] = maps.Clone(r.PostForm)
	p.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]any{"request_uri": uri, "expires_in": 60})
}

// says is a document as a reply.
func says(status int, kind, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func tampered(jwt string) string {
	head, sig, _ := strings.Cut(jwt, ".")
	payload, sig, _ := strings.Cut(sig, ".")
	raw := must(base64.RawURLEncoding.DecodeString(sig))
	raw[5] ^= 1
	return head + "." + payload + "." + b64(raw)
}
