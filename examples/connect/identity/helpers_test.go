package identity_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gopassport/passport/examples/connect/identity"
)

const (
	callback      = "http://app.example/connect/github/callback"
	otherCallback = "http://app.example/auth/github/callback"
)

var (
	app   = identity.Client{Name: "The app", Key: "app-key", Secret: "app-secret", Callbacks: []string{callback, otherCallback}}
	rival = identity.Client{Name: "A rival", Key: "rival-key", Secret: "rival-secret", Callbacks: []string{callback}}
)

// clock is a time that moves when a test says so.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// site is a running service, and a browser that has it open.
type site struct {
	t       *testing.T
	url     string
	clock   *clock
	browser *http.Client
}

func newSite(t *testing.T) *site {
	t.Helper()
	c := &clock{now: time.Now()}
	server := httptest.NewServer(identity.New(identity.Config{
		OAuth2:   []identity.Client{app, rival},
		OAuth1:   []identity.Client{app, rival},
		Calendar: []identity.Client{app, rival},
		Now:      c.Now,
	}))
	t.Cleanup(server.Close)
	return &site{t: t, url: server.URL, clock: c, browser: newBrowser(t)}
}

func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// reply is an answer with its body read.
type reply struct {
	*http.Response
	body string
}

// location is where the answer redirects to.
func (r reply) location(t *testing.T) *url.URL {
	t.Helper()
	u, err := r.Location()
	require.NoError(t, err, "a redirect was expected, not %d: %s", r.StatusCode, r.body)
	return u
}

func (s *site) send(request *http.Request) reply {
	s.t.Helper()
	response, err := s.browser.Do(request)
	require.NoError(s.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	return reply{response, string(body)}
}

func (s *site) get(pathOrURL string) reply {
	s.t.Helper()
	return s.send(s.request(http.MethodGet, pathOrURL, nil))
}

func (s *site) post(path string, form url.Values) reply {
	s.t.Helper()
	return s.send(s.request(http.MethodPost, path, form))
}

func (s *site) request(method, pathOrURL string, form url.Values) *http.Request {
	s.t.Helper()
	if strings.HasPrefix(pathOrURL, "/") {
		pathOrURL = s.url + pathOrURL
	}
	request, err := http.NewRequest(method, pathOrURL, strings.NewReader(form.Encode()))
	require.NoError(s.t, err)
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return request
}

// begin opens an authorization address and returns the question that it leads
// to.
func (s *site) begin(address string) (question string) {
	s.t.Helper()
	question = s.get(address).location(s.t).Query().Get("request")
	require.NotEmpty(s.t, question)
	return question
}

// answer goes through the pages as a person does, and returns where the
// browser is sent in the end.
func (s *site) answer(question, person, decision string) *url.URL {
	s.t.Helper()
	chosen := s.post("/choose", url.Values{"request": {question}, "person": {person}})
	require.Equal(s.t, "/consent", chosen.location(s.t).Path)
	return s.decide(question, person, decision).location(s.t)
}

func (s *site) decide(question, person, decision string) reply {
	s.t.Helper()
	return s.post("/consent", url.Values{"request": {question}, "person": {person}, "decision": {decision}})
}
