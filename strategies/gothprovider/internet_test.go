package gothprovider_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// everybody's requests go to the internet that is stored here, if any. It is put in place
// once, before anything runs: what a test leaves behind still reads http.DefaultTransport.
var everybody atomic.Pointer[internet]

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestMain(m *testing.M) {
	real := http.DefaultTransport
	http.DefaultTransport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if world := everybody.Load(); world != nil {
			return world.RoundTrip(r)
		}
		return real.RoundTrip(r)
	})
	m.Run()
}

// internet is every service at once: it answers all requests of all providers, and
// records them. It stands in for http.DefaultTransport, which many providers use whatever
// client they are given. Services that it does not know the right replies of answer with
// a token where one is asked for, else with {}.
type internet struct {
	token, profile string             // replies; "" for those that name nobody
	odd            map[string]odd     // by step, in place of the reply
	media          map[string]string  // by step, in place of the reply's
	request        string             // the request token; "" for one that will do
	ids            func() string      // of an ID token, where a reply has one
	mu             sync.Mutex         // held while a field below is used
	asked          map[string]*record // by step
	first          string             // the step that comes next; then the address of its first request
	sent           []string           // secrets that were seen on their way: never to be shown
	strayed        []string           // hosts that a redirect led to
}

// The steps of a flow that ask a service something.
const (
	stepBegin   = "request token"
	stepToken   = "token"
	stepProfile = "profile"

	stepApplication = "application" // Lark's, which has a token of its own and asks nobody who it is
)

// record is what a step asked.
type record struct {
	calls, ours int          // all requests, and those through the client of a flow
	verifier    string       // of the last token request
	read        atomic.Int64 // bytes of replies that were read
}

// odd is a reply that is not what it should be.
type odd func(*http.Request) (*http.Response, error)

func (n *internet) RoundTrip(r *http.Request) (*http.Response, error) {
	form := n.form(r)
	step, seen := n.note(r, form)
	if strange := n.odd[step]; strange != nil {
		return unpacked(r, seen)(strange(r))
	}
	media, other := n.media[step]
	if !other {
		media = "application/json"
	}
	return answered(r, http.StatusOK, media, n.right(r, step, form)), nil
}

// form reads the form of a request, in which most providers send the client's secret.
func (n *internet) form(r *http.Request) url.Values {
	if r.Body == nil {
		return nil
	}
	body, _ := io.ReadAll(r.Body)
	r.Body.Close()
	form, _ := url.ParseQuery(string(body))
	return form
}

// note finds out which step a request belongs to: what comes before a callback asks for a
// request token; the callback's first request, and its repetitions, for a token.
func (n *internet) note(r *http.Request, form url.Values) (step string, seen *record) {
	n.mu.Lock()
	defer n.mu.Unlock()
	address := r.Method + " " + r.URL.Host + r.URL.Path + r.URL.Query().Get("method") // Last.fm's
	switch {
	case strings.Contains(r.URL.Path, "app_access_token"):
		step = stepApplication
	case n.first == stepBegin:
		step = stepBegin
	case n.first == stepToken || n.first == address:
		step, n.first = stepToken, address
	default:
		step = stepProfile
	}
	if strings.HasSuffix(r.URL.Host, "evil.example") {
		n.strayed = append(n.strayed, step)
	}
	if n.asked == nil {
		n.asked = map[string]*record{}
	}
	if n.asked[step] == nil {
		n.asked[step] = &record{}
	}
	seen = n.asked[step]
	seen.calls++
	if _, ours := r.Context().Deadline(); ours { // nobody else gives them one
		seen.ours++
	}
	if form.Has("code_verifier") {
		seen.verifier = form.Get("code_verifier")
		n.sent = append(n.sent, seen.verifier)
	}
	return step, seen
}

// at tells the internet which step comes next.
func (n *internet) at(step string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.first = step
}

// of is what a step asked.
func (n *internet) of(step string) *record {
	n.mu.Lock()
	defer n.mu.Unlock()
	if seen := n.asked[step]; seen != nil {
		return seen
	}
	return &record{}
}

// right is the reply that a step should get.
func (n *internet) right(r *http.Request, step string, form url.Values) string {
	signed := strings.HasPrefix(r.Header.Get("Authorization"), "OAuth ")
	switch {
	case signed && strings.Contains(strings.ToLower(r.URL.Path), "token"):
		return "oauth_token=" + cmp.Or(n.request, "CANARY-T") + "&oauth_token_secret=CANARY&oauth_callback_confirmed=true"
	case form.Get("openid.mode") == "check_authentication":
		return confirmed
	case step == stepApplication:
		return `{"code":0,"app_access_token":"CANARY","expire":7200}`
	case r.URL.Host == "appleid.apple.com" && r.URL.Path == "/auth/keys":
		return appleKeys()
	case step == stepToken && n.token != "":
		if n.ids != nil {
			return strings.ReplaceAll(n.token, "ID-TOKEN", n.ids())
		}
		return n.token
	case step == stepToken && (form.Get("grant_type") == "authorization_code" || n.profile != ""):
		return goodToken
	case n.profile != "":
		return n.profile
	}
	return "{}"
}

const goodToken = `{"access_token":"CANARY-TOKEN","token_type":"bearer","refresh_token":"CANARY","expires_in":3600}`

// answered is a reply.
func answered(r *http.Request, status int, media, text string) *http.Response {
	return streamed(r, status, media, strings.NewReader(text))
}

func streamed(r *http.Request, status int, media string, body io.Reader) *http.Response {
	return &http.Response{
		StatusCode: status, Status: fmt.Sprintf("%d CANARY", status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {media}}, ContentLength: -1, Body: io.NopCloser(body), Request: r,
	}
}

// unpacked does what http.Transport does for a reply that is compressed, and counts what
// is read of it.
func unpacked(r *http.Request, seen *record) func(*http.Response, error) (*http.Response, error) {
	return func(reply *http.Response, err error) (*http.Response, error) {
		if err != nil {
			return nil, err
		}
		if reply.Header.Get("Content-Encoding") == "gzip" && r.Header.Get("Accept-Encoding") == "" {
			z, err := gzip.NewReader(reply.Body)
			if err != nil {
				return nil, err
			}
			reply.Header.Del("Content-Encoding")
			reply.Body = io.NopCloser(z)
		}
		reply.Body = &counted{reply.Body, &seen.read}
		return reply, nil
	}
}

type counted struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// appleKey signs the ID tokens of these tests.
var appleKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func appleKeys() string {
	public := appleKey().PublicKey
	encode := base64.RawURLEncoding.EncodeToString
	return fmt.Sprintf(`{"keys":[{"kty":"RSA","kid":"k","use":"sig","alg":"RS256","n":"%s","e":"AQAB"}]}`, encode(public.N.Bytes()))
}

// signed is an ID token of somebody for the client "id", with the hash of goodToken's
// access token, as Apple wants it.
func signed(issuer string, more map[string]any) string {
	sum := sha256.Sum256([]byte("CANARY-TOKEN"))
	claims := map[string]any{
		"iss": issuer, "aud": "id", "sub": "42", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		"at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
	}
	maps.Copy(claims, more)
	body, _ := json.Marshal(claims)
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"RS256","kid":"k"}`)) + "." + encode(body)
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, appleKey(), crypto.SHA256, digest[:])
	if err != nil {
		panic(err)
	}
	return text + "." + encode(signature)
}

// packed is what a small reply can hold: 8 MiB, in some 8 KiB.
var packed = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, `{"access_token":"CANARY","id":"42","x":"`)
	io.Copy(z, io.LimitReader(zeros{}, 8<<20))
	io.WriteString(z, `"}`)
	z.Close()
	return b.Bytes()
})

// zeros is an endless text.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}
