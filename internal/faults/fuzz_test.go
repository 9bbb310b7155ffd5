package faults_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
)

// scripted are providers that answer for tokens and profiles what a test says, and well
// elsewhere.
type scripted struct {
	good http.RoundTripper

	mu     sync.Mutex
	at     string // token or profile
	status int
	media  string
	body   string
}

func (s *scripted) say(at string, status int, media, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.status, s.media, s.body = at, status, media, body
}

func (s *scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kind := map[passporttest.Endpoint]string{passporttest.Token: "token", passporttest.AccessToken: "token", passporttest.Userinfo: "profile"}[passporttest.Endpoint(r.URL.Path)]
	if kind == "" || kind != s.at {
		return s.good.RoundTrip(r)
	}
	return &http.Response{
		StatusCode: s.status, Status: http.StatusText(s.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {s.media}}, Body: io.NopCloser(strings.NewReader(s.body)), ContentLength: int64(len(s.body)),
	}, nil
}

// Whatever a provider replies when it is asked for a token or a profile, with every
// strategy: somebody with an id is connected, or it is a fault of the provider's; what it
// replied is nowhere in the answer, the error and the event.
func FuzzReplies(f *testing.F) {
	for _, body := range []string{
		`{"access_token":"CANARYCANARY","token_type":"bearer"}`, `{"access_token":"CANARYCANARY","access_token":"x"}`, `{"error":"CANARYCANARY","error_description":"CANARYCANARY"}`,
		`{"error":"invalid_grant","error_uri":"CANARYCANARY"}`, `{"id":"CANARYCANARY","sub":"CANARYCANARY"}`, `{"id":0}`, `{"id":1,"login":"CANARYCANARY"}`, `[]`, `{}{}`, `<p>CANARYCANARY`,
		`oauth_token=CANARYCANARY&oauth_token_secret=CANARYCANARY`, `oauth_token=a&oauth_token=CANARYCANARY`, `oauth_problem=CANARYCANARY`, `{"id_str":"CANARYCANARY"}`, "\xff\x00CANARYCANARY",
		`{"access_token":"CANARYCANARY","token_type":"bearer","expires_in":1e99,"id_token":"CANARYCANARY.e30.x"}`, strings.Repeat(`[`, 2000) + "CANARYCANARY",
	} {
		for i, media := range []string{"application/json", "application/x-www-form-urlencoded", "CANARYCANARY/html"} {
			f.Add(body, media, uint16([]int{200, 401, 500}[i]), i%2 == 0)
		}
	}
	w, script := newScripted(f)
	f.Fuzz(func(t *testing.T, body, media string, status uint16, token bool) {
		at := map[bool]string{true: "token", false: "profile"}[token]
		if strings.ContainsAny(media, "\r\n\x00") {
			media = "application/json" // no such header arrives
		}
		code := 200 + int(status)%400
		for _, service := range services {
			script.say("", 0, "", "")
			b := w.visitor(t)
			pending := begin(b, "/connect/"+service)
			w.told()
			script.say(at, code, media, body)
			page := pending.Next()
			judge(t, service, page, w.told(), body)
		}
	})
}

func newScripted(f *testing.F) (*world, *scripted) {
	w := &world{op: passporttest.NewProvider(f, passporttest.ProviderConfig{Algorithm: "ES256"}), tw: passporttest.NewOAuth1Provider(f, passporttest.OAuth1Config{})}
	w.op.URL, w.tw.URL = "https://op.test", "http://localhost"
	script := &scripted{good: direct{w}}
	w.setup.transport, w.setup.configure = script, func(*passport.Config) {}
	w.build()
	return w, script
}

// visitor is person, for one input of many.
func (w *world) visitor(t *testing.T) *passporttest.Browser {
	t.Helper()
	b := passporttest.NewBrowser(t)
	b.Manual = true
	b.Serve(app, w.app)
	b.Serve(w.op.URL, w.op)
	b.Serve(w.tw.URL, w.tw)
	return b
}

func judge(t *testing.T, service string, page *passporttest.Page, told []passport.Event, body string) {
	t.Helper()
	if len(told) != 1 {
		t.Fatalf("%s: %d events", service, len(told))
	}
	e := told[0]
	var own *passport.Error
	switch {
	case e.Kind == "connect" && page.Status == http.StatusOK:
		if id := strings.TrimPrefix(page.Body, "user -, account "+service); strings.TrimSpace(id) == "" || strings.TrimSpace(id) == "0" {
			t.Errorf("%s: connected %q", service, page.Body)
		}
		return
	case e.Kind != "fault" || !errors.As(e.Err, &own) || page.Status < 500 || page.Status == http.StatusInternalServerError:
		t.Errorf("%s: %s %d %v", service, e.Kind, page.Status, e.Err)
	}
	data, err := json.Marshal(e)
	text := fmt.Sprintf("%v %+v %#v %s %v %v %s", e, e, e.Err, data, err, page.Header, page.Body)
	for err := e.Err; err != nil; err = errors.Unwrap(err) {
		text += fmt.Sprintf(" %v %+v", err, err)
	}
	if strings.Contains(body, "CANARYCANARY") && strings.Contains(text, "CANARYCANARY") {
		t.Errorf("%s: the reply shows up in %s", service, text)
	}
}

// Whatever somebody sends as the answer of a provider, for a flow of each strategy that
// is theirs: it ends well for the right answer alone, and is no fault of ours. "{code}",
// "{state}", "{iss}", "{token}" and "{verifier}" are those of the right one.
func FuzzAnswers(f *testing.F) {
	for _, query := range []string{
		"code={code}&state={state}&iss={iss}", "oauth_token={token}&oauth_verifier={verifier}", "code={code}&state={state}", "code=x&state={state}&iss={iss}",
		"error=access_denied&state={state}&iss={iss}", "denied={token}", "state={state}", "code={code}&code={code}&state={state}", "oauth_token={token}&oauth_verifier=", "code={code}&state={state}&iss={iss}&id_token=x",
		"code=%zz&state={state}", "code={code};state={state}", "%63ode={code}&state={state}&iss={iss}", "oauth_problem=user_refused&oauth_token={token}",
	} {
		f.Add(query)
	}
	w, _ := newScripted(f)
	f.Fuzz(func(t *testing.T, query string) {
		for _, service := range services {
			b := w.visitor(t)
			right := begin(b, "/connect/"+service)
			good := answerOf(t, right)
			w.told()
			sent := strings.NewReplacer("{code}", url.QueryEscape(good.Get("code")), "{state}", url.QueryEscape(good.Get("state")), "{iss}", url.QueryEscape(good.Get("iss")),
				"{token}", url.QueryEscape(good.Get("oauth_token")), "{verifier}", url.QueryEscape(good.Get("oauth_verifier"))).Replace(query)
			page := w.answered(b, service, sent)
			if page == nil {
				continue // no browser sends that
			}
			if page.Status == http.StatusInternalServerError {
				t.Errorf("%s: %q is a fault of ours: %s", service, query, page.Body)
			}
			got, _ := url.ParseQuery(sent)
			for _, name := range []string{"code", "state", "oauth_token", "oauth_verifier"} {
				if page.Status == http.StatusOK && got.Get(name) != good.Get(name) {
					t.Errorf("%s: %q ends it", service, query)
				}
			}
		}
	})
}

// answered opens the callback as a provider sends people there; nil for a query that is
// none in an address.
func (w *world) answered(b *passporttest.Browser, service, query string) *passporttest.Page {
	address := app + "/connect/" + service + "/callback?" + query
	u, err := url.Parse(address)
	if err != nil || u.Fragment != "" || strings.ContainsAny(query, "# ") || strings.ContainsFunc(query, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
		return nil
	}
	return b.From(w.op.URL + "/").Follow(address)
}
