package gothprovider_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/gothprovider"
)

// reply answers with a status, a media type and a text.
func reply(status int, media, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", media)
		w.WriteHeader(status)
		io.WriteString(w, text)
	}
}

func jsonReply(text string) http.HandlerFunc { return reply(200, "application/json", text) }

// large answers with many bytes, which all are one JSON string.
func large(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"access_token":"CANARY","id":42,"x":"`)
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	for range 50 {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
	io.WriteString(w, `"}`)
}

// bomb answers with few bytes that unpack to many.
func bomb(t *testing.T) http.HandlerFunc {
	t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, `{"access_token":"CANARY","id":42}`+strings.Repeat(" ", 4<<20))
	z.Close()
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed.Bytes())
	}
}

// hang answers never, or not to the end.
func hang(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // only then does the server notice who hangs up
		if text != "" {
			io.WriteString(w, text)
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	}
}

func reset(w http.ResponseWriter, _ *http.Request) {
	conn, _, _ := w.(http.Hijacker).Hijack()
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}

const timeout = 100 * time.Millisecond

func TestTokenRepliesThatAreNone(t *testing.T) {
	for name, c := range map[string]struct {
		token  http.HandlerFunc
		code   passport.Code
		status int
	}{
		"500":                       {reply(500, "text/plain", "CANARY"), passport.CodeProvider, 502},
		"400 invalid_grant":         {reply(400, "application/json", `{"error":"invalid_grant","error_description":"CANARY"}`), passport.CodeProvider, 502},
		"200 with an error":         {jsonReply(`{"error":"invalid_grant","access_token":"CANARY"}`), passport.CodeProvider, 502},
		"204":                       {reply(204, "application/json", ""), passport.CodeProvider, 502},
		"an empty body":             {jsonReply(""), passport.CodeProvider, 502},
		"null":                      {jsonReply("null"), passport.CodeProvider, 502},
		"a list":                    {jsonReply("[]"), passport.CodeProvider, 502},
		"{}":                        {jsonReply("{}"), passport.CodeProvider, 502},
		"a page":                    {reply(200, "text/html", "<html>CANARY</html>"), passport.CodeProvider, 502},
		"half of one":               {jsonReply(`{"access_token":"CANARY`), passport.CodeProvider, 502},
		"JSON called text":          {reply(200, "text/plain", `{"access_token":"CANARY","token_type":"bearer"}`), passport.CodeProvider, 502},
		"two tokens":                {jsonReply(`{"access_token":"CANARY","access_token":"b"}`), passport.CodeProvider, 502},
		"a token in capitals":       {jsonReply(`{"ACCESS_TOKEN":"CANARY"}`), passport.CodeProvider, 502},
		"a token with a space":      {jsonReply(`{"access_token":"CANARY b"}`), passport.CodeProvider, 502},
		"a token of another type":   {jsonReply(`{"access_token":"CANARY","token_type":"mac"}`), passport.CodeProvider, 502},
		"one that never expired":    {jsonReply(`{"access_token":"CANARY","expires_in":"soon"}`), passport.CodeProvider, 502},
		"50 MiB":                    {large, passport.CodeProvider, 502},
		"a bomb":                    {bomb(t), passport.CodeProvider, 502},
		"a connection that is gone": {reset, passport.CodeProvider, 502},
		"silence":                   {hang(""), passport.CodeProviderTimeout, 504},
		"a reply that does not end": {hang(`{"access_token":`), passport.CodeProviderTimeout, 504},
	} {
		p, s := githubApp(t, gothprovider.Timeout(50*timeout))
		if c.status == 504 {
			p, s = githubApp(t, gothprovider.Timeout(timeout))
		}
		s.token = c.token
		b := p.Browser()
		answer := s.allow(t, b.Begin("/connect/github"))
		p.Want(name, b.End("/connect/github", answer), c.code, c.status)
		if s.count("/user") != 0 {
			t.Errorf("%s: the profile was asked for", name)
		}
		p.Want(name+": again", b.End("/connect/github", answer), passport.CodeFlowMissing, 400)
	}
}

func TestProfilesThatAreNone(t *testing.T) {
	for name, c := range map[string]struct {
		user   http.HandlerFunc
		code   passport.Code
		status int
	}{
		"500":                       {reply(500, "text/plain", "CANARY"), passport.CodeProvider, 502},
		"401":                       {reply(401, "application/json", `{"message":"CANARY"}`), passport.CodeProvider, 502},
		"204":                       {reply(204, "application/json", ""), passport.CodeProvider, 502},
		"{}":                        {jsonReply("{}"), passport.CodeSubject, 502},
		"null":                      {jsonReply("null"), passport.CodeSubject, 502},
		"a list":                    {jsonReply("[]"), passport.CodeProvider, 502},
		"an id that is zero":        {jsonReply(`{"id":0}`), passport.CodeSubject, 502},
		"an id that is negative":    {jsonReply(`{"id":-1}`), passport.CodeSubject, 502},
		"an id that is a text":      {jsonReply(`{"id":"CANARY"}`), passport.CodeProvider, 502},
		"a page":                    {reply(200, "text/html", "<html>CANARY</html>"), passport.CodeProvider, 502},
		"50 MiB":                    {large, passport.CodeProvider, 502},
		"a bomb":                    {bomb(t), passport.CodeProvider, 502},
		"a connection that is gone": {reset, passport.CodeProvider, 502},
		"silence":                   {hang(""), passport.CodeProviderTimeout, 504},
		"a reply that does not end": {hang(`{"id":`), passport.CodeProviderTimeout, 504},
	} {
		p, s := githubApp(t, gothprovider.Timeout(50*timeout))
		if c.status == 504 {
			p, s = githubApp(t, gothprovider.Timeout(timeout))
		}
		s.user = c.user
		b := p.Browser()
		p.Want(name, b.End("/connect/github", s.allow(t, b.Begin("/connect/github"))), c.code, c.status)
	}
}

func TestNoRedirectOfAProviderIsFollowed(t *testing.T) {
	var hits atomic.Int32
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		jsonReply(`{"access_token":"evil","id":666}`)(w, r)
	}))
	defer evil.Close()
	for status := 301; status <= 308; status++ {
		redirect := func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", evil.URL+"/?CANARY")
			w.WriteHeader(status)
		}
		for where := range 2 {
			p, s := githubApp(t)
			*[]*http.HandlerFunc{&s.token, &s.user}[where] = redirect
			b := p.Browser()
			name := fmt.Sprintf("%d at %s", status, []string{"the token", "the profile"}[where])
			p.Want(name, b.End("/connect/github", s.allow(t, b.Begin("/connect/github"))), passport.CodeProvider, 502)
		}
	}
	if hits.Load() != 0 {
		t.Errorf("the other host was asked %d times", hits.Load())
	}
}

func TestTheCauseOfAnErrorIsWithinReach(t *testing.T) {
	p, s := githubApp(t)
	b := p.Browser()
	s.token = reply(400, "application/json", `{"error":"invalid_grant","error_description":"CANARY"}`)
	b.End("/connect/github", s.allow(t, b.Begin("/connect/github")))
	var retrieve *oauth2.RetrieveError
	if err := p.Last(); !errors.As(err, &retrieve) || retrieve.ErrorCode != "invalid_grant" {
		t.Errorf("%v", err)
	}
	host := parse(t, s.URL).Host
	if want := "the request for a token to " + host + ": status 400: invalid_grant"; !strings.HasSuffix(p.Last().Error(), want) {
		t.Errorf("%q, want %q", p.Last(), want)
	}
	answer := s.allow(t, b.Begin("/connect/github"))
	s.Close()
	b.End("/connect/github", answer)
	var address *url.Error
	var network *net.OpError
	if err := p.Last(); !errors.As(err, &address) || !errors.As(err, &network) || !strings.HasSuffix(err.Error(), "to "+host+": the network: dial") {
		t.Errorf("%v", err)
	}
}

func TestBadRepliesLeaveNothingRunning(t *testing.T) {
	p, s := githubApp(t)
	s.token = reply(500, "text/plain", "no")
	b := p.Browser()
	b.End("/connect/github", s.allow(t, b.Begin("/connect/github")))
	before := runtime.NumGoroutine()
	for range 100 {
		b.End("/connect/github", s.allow(t, b.Begin("/connect/github")))
	}
	if after := runtime.NumGoroutine(); after > before+10 {
		t.Errorf("%d goroutines, and %d before", after, before)
	}
}
