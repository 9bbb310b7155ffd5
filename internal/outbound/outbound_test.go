package outbound_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/outbound"
)

// serve answers with a handler, and gives an exchange to ask it with.
func serve(t *testing.T, h http.HandlerFunc) (*outbound.Exchange, string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	x := &outbound.Exchange{Context: t.Context(), Transport: server.Client().Transport}
	x.Step("the request")
	return x, server.URL
}

func body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
}

func TestAReplyArrivesWholeAndIsKnownByItsStatus(t *testing.T) {
	x, url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/second" {
			w.WriteHeader(http.StatusTeapot)
		}
		io.WriteString(w, "hello")
	})
	for _, path := range []string{"/first", "/second"} {
		reply, err := x.Client().Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := io.ReadAll(reply.Body); string(text) != "hello" {
			t.Errorf("%s: %q", path, text)
		}
	}
	if first, last := x.Statuses(); first != 200 || last != http.StatusTeapot {
		t.Errorf("statuses %d, %d", first, last)
	}
	x.Step("the next")
	if first, last := x.Statuses(); first != 0 || last != 0 {
		t.Errorf("statuses of the step before: %d, %d", first, last)
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	var hits atomic.Int32
	evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer evil.Close()
	for status := 300; status <= 308; status++ {
		x, address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", evil.URL+"/?secret=CANARY")
			w.WriteHeader(status)
		})
		_, err := x.Client().PostForm(address, url.Values{"grant_type": {"authorization_code"}, "code": {"CANARY"}})
		if err == nil || !strings.Contains(x.Error(err).Error(), "redirect") {
			t.Errorf("%d: %v", status, err)
		}
	}
	if hits.Load() != 0 {
		t.Errorf("the other host was asked %d times", hits.Load())
	}
}

func TestAReplyAboveOneMebibyteIsAnErrorAndNotCut(t *testing.T) {
	const limit = 1 << 20
	for name, c := range map[string]struct {
		size int
		ok   bool
	}{"exactly the limit": {limit, true}, "one byte more": {limit + 1, false}, "fifty times as much": {50 * limit, false}} {
		x, url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.CopyN(w, zeros{}, int64(c.size)) // fails when the client hangs up
		})
		reply, err := x.Client().Get(url)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			if text, _ := io.ReadAll(reply.Body); len(text) != c.size {
				t.Errorf("%s: %d bytes", name, len(text))
			}
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestASmallReplyThatUnpacksToALargeOneIsAnError(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = io.CopyN(z, zeros{}, 4<<20)
	z.Close()
	x, url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(bomb.Bytes())
	})
	if _, err := x.Client().Get(url); err == nil || !strings.Contains(x.Error(err).Error(), "1 MiB") {
		t.Errorf("%v", err)
	}
}

func TestAHangEndsWithTheContextWhereverItHangs(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"before the header": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"within the body": func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "{")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
		"within a body that is unpacked": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			io.WriteString(z, "{")
			z.Flush()
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
		"in a body that never ends": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				io.WriteString(w, " ")
				w.(http.Flusher).Flush()
				time.Sleep(time.Millisecond)
			}
		},
	} {
		x, url := serve(t, h)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		x.Context = ctx
		_, err := x.Client().Get(url)
		if err == nil {
			t.Fatalf("%s: an answer", name)
		}
		if e := x.Error(err); e.Code != passport.CodeProviderTimeout || e.Status != http.StatusGatewayTimeout || !errors.Is(e, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, e)
		}
	}
}

// After 101, net/http hands out the bare connection, and its time-outs end no read of it.
func TestAReplyThatSwitchesProtocolsIsAnErrorAndHangsNowhere(t *testing.T) {
	for _, asIs := range []bool{false, true} {
		address := raw(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		x := &outbound.Exchange{Context: ctx, Transport: &http.Transport{}, AsIs: asIs}
		done := make(chan error, 1)
		go func() {
			_, err := x.Client().Get(address)
			done <- err
		}()
		select {
		case err := <-done:
			var safe outbound.Safe
			if e := x.Error(err); !errors.As(err, &safe) || e.Code != passport.CodeProvider {
				t.Errorf("%v", e)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("it hangs")
		}
	}
}

// raw is the address of a server that sends a text, whatever it is asked, and then keeps
// the connection open.
func raw(t *testing.T, text string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = c.Read(make([]byte, 4096))
				io.WriteString(c, text)
				<-t.Context().Done()
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

func TestNothingIsSentAfterTheEnd(t *testing.T) {
	x, address := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request") })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	x.Context = ctx
	if _, err := x.Client().PostForm(address, url.Values{"a": {"b"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestABrowserThatGoesAwayEndsTheExchange(t *testing.T) {
	x, url := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	x.Context = ctx
	time.AfterFunc(10*time.Millisecond, cancel)
	_, err := x.Client().Get(url)
	if e := x.Error(err); e.Code != passport.CodeProviderTimeout || !strings.Contains(e.Error(), "the browser went away") {
		t.Errorf("%v", e)
	}
}

func TestTheTokenRequestSaysWhatTheExchangeAddsAndNoOtherDoes(t *testing.T) {
	for _, c := range []struct{ name, grant, had, want string }{
		{"a token request", "authorization_code", "", "OURS"},
		{"one that says something else", "authorization_code", "THEIRS", "OURS"},
		{"a refresh", "refresh_token", "", ""},
		{"a form that is something else", "", "THEIRS", "THEIRS"},
	} {
		var got url.Values
		x, address := serve(t, func(_ http.ResponseWriter, r *http.Request) {
			r.ParseForm()
			got = r.PostForm
		})
		x.TokenForm = url.Values{"code_verifier": {"OURS"}}
		form := url.Values{"code": {"c"}}
		for name, value := range map[string]string{"grant_type": c.grant, "code_verifier": c.had} {
			if value != "" {
				form.Set(name, value)
			}
		}
		if _, err := x.Client().PostForm(address, form); err != nil {
			t.Fatal(err)
		}
		if got.Get("code_verifier") != c.want || len(got["code_verifier"]) > 1 || got.Get("code") != "c" {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestATokenRequestThatIsSentTwiceHasTheVerifierTwice(t *testing.T) {
	var verifiers []string
	x, address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		verifiers = append(verifiers, r.PostForm.Get("code_verifier"))
		w.Header().Set("Content-Type", "application/json")
		if _, _, basic := r.BasicAuth(); basic {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, `{"access_token":"t","token_type":"bearer"}`)
	})
	x.TokenForm = url.Values{"code_verifier": {"OURS"}}
	config := oauth2.Config{ClientID: "id", ClientSecret: "secret", Endpoint: oauth2.Endpoint{TokenURL: address}}
	if _, err := config.Exchange(context.WithValue(t.Context(), oauth2.HTTPClient, x.Client()), "code"); err != nil {
		t.Fatal(err)
	}
	if len(verifiers) != 2 || verifiers[0] != "OURS" || verifiers[1] != "OURS" {
		t.Errorf("%q", verifiers)
	}
}

func TestTokenRepliesThatAreRefused(t *testing.T) {
	for reply, ok := range map[string]bool{
		`{"access_token":"a","token_type":"Bearer"}`:                    true,
		`{"access_token":"a","token_type":"BEARER","expires_in":3600} `: true,
		`{"access_token":"a"}`:                                          true,
		`{"access_token":"a","token_type":""}`:                          true,
		`{"access_token":{"token":"a"},"user":{}}`:                      true, // yammer
		`{"error":"bad_verification_code"}`:                             true, // the caller reads it
		`access_token=a&token_type=bearer`:                              true, // so is a form
		``:                                                              true,
		`{"access_token":"a","access_token":"b"}`:                       false,
		`{"ACCESS_TOKEN":"a"}`:                                          false,
		`{"acce\u017f\u017f_token":"a"}`:                                false,
		`{"access_token":"a","Access_Token":"b"}`:                       false,
		`{"access_token":"a","token_type":"mac"}`:                       false,
		`{"access_token":"a","token_type":{}}`:                          false,
		`{"access_token":""}`:                                           false,
		`{"access_token":null}`:                                         false,
		`{"access_token":"a b"}`:                                        false,
		`{"access_token":"a\n"}`:                                        false,
		`{"access_token":"` + strings.Repeat("a", 16<<10+1) + `"}`:      false,
		`{"access_token":"a"}{}`:                                        false,
		`{"access_token":"a`:                                            false,
		`{` + strings.Repeat(`"a":[`, 50000):                            false,
	} {
		x, address := serve(t, body(reply))
		_, err := x.Client().PostForm(address, url.Values{"grant_type": {"authorization_code"}})
		if (err == nil) != ok {
			t.Errorf("%.60s: %v", reply, err)
		}
	}
}

func TestCheckMayRefuseAReply(t *testing.T) {
	x, url := serve(t, body("no"))
	x.Check = func(_ *http.Request, reply []byte) error {
		if string(reply) == "no" {
			return outbound.Safe("it said no")
		}
		return nil
	}
	if _, err := x.Client().Get(url); err == nil || !strings.Contains(x.Error(err).Error(), "it said no") {
		t.Errorf("%v", err)
	}
}

func TestAnErrorTellsWhatFailedAndHidesEverythingElse(t *testing.T) {
	secret := "CANARY"
	deadEnd := &url.Error{Op: "Post", URL: "https://user:" + secret + "@op.example/token?client_secret=" + secret, Err: &net.OpError{Op: "dial", Err: errors.New(secret)}}
	for _, c := range []struct {
		name  string
		cause error
		want  string
	}{
		{"a url.Error", deadEnd, "the request to op.example: the network: dial"},
		{"a wrapped one", fmt.Errorf("%s: %w", secret, deadEnd), "the request to op.example: the network: dial"},
		{"a host that does not resolve", &url.Error{URL: "https://op.example/", Err: &net.DNSError{Err: secret, Name: secret}}, "the request to op.example: its name does not resolve"},
		{"a RetrieveError", &oauth2.RetrieveError{ErrorCode: "invalid_grant", ErrorDescription: secret, Body: []byte(secret)}, "the request: invalid_grant"},
		{"one with a code of its own", &oauth2.RetrieveError{ErrorCode: secret, Body: []byte(secret)}, "the request: an error that RFC 6749 does not know"},
		{"an error of no known type", errors.New(secret), "the request: an error of type *errors.errorString, whose text is not shown"},
		{"a time-out of the network", &url.Error{URL: "https://op.example/", Err: timeout{}}, "the request to op.example: no answer in time"},
	} {
		x := &outbound.Exchange{Context: t.Context()}
		x.Step("the request")
		e := x.Error(c.cause)
		if got := strings.TrimPrefix(e.Error(), "passport: "+string(e.Code)+": "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if text := fmt.Sprintf("%v %+v %#v %s", e, e, e, e.Err); strings.Contains(text, secret) {
			t.Errorf("%s: %s", c.name, text)
		}
		if !sameKind(e, c.cause) {
			t.Errorf("%s: the cause is out of reach", c.name)
		}
	}
}

// sameKind tells whether a cause is reached in an error, by its type, without its secrets.
func sameKind(e, cause error) bool {
	var request, ofRequest *url.Error
	var retrieve *oauth2.RetrieveError
	switch {
	case errors.As(cause, &ofRequest):
		return errors.As(e, &request) && errors.Is(request.Err, ofRequest.Err) && request.Timeout() == ofRequest.Timeout() && !strings.Contains(request.URL, "CANARY")
	case errors.As(cause, &retrieve):
		return errors.As(e, &retrieve) && !strings.Contains(fmt.Sprintf("%v %+v", retrieve, *retrieve), "CANARY")
	}
	return errors.Is(e, cause)
}

type timeout struct{}

func (timeout) Error() string   { return "CANARY" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return false }

// net/http quotes the lines of a reply that it cannot read, and error trackers print all
// that an error wraps.
func TestNoErrorInTheChainQuotesAMalformedReply(t *testing.T) {
	for _, reply := range []string{
		"HTTP/1.1 200 OK\r\nCANARY no colon here\r\n\r\n",
		"CANARY what\r\n\r\n",
		"HTTP/1.1 CANARY OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: CANARY\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: CANARY\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nCANARY\r\n",
	} {
		x := &outbound.Exchange{Context: t.Context(), Transport: &http.Transport{}}
		x.Step("the request")
		_, err := x.Client().Get(raw(t, reply) + "/?code=CANARY")
		if err == nil {
			t.Fatalf("%q: an answer", reply)
		}
		for e := error(x.Error(err)); e != nil; e = errors.Unwrap(e) {
			if text := fmt.Sprintf("%v %+v %#v", e, e, e); strings.Contains(text, "CANARY") {
				t.Errorf("%q: %T: %s", reply, e, text)
			}
		}
	}
}

func TestWhatIsKnownAboutAFailureStaysWithinReach(t *testing.T) {
	for _, known := range []error{
		context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, outbound.Safe("safe"),
		&net.OpError{Op: "dial", Err: &net.DNSError{Name: "op.example"}}, &net.DNSError{Name: "op.example"},
		&tls.CertificateVerificationError{Err: errors.New("expired")},
	} {
		x := &outbound.Exchange{Context: t.Context()}
		e := x.Error(&url.Error{Op: "Get", URL: "https://op.example/", Err: fmt.Errorf("CANARY: %w", known)})
		var request *url.Error
		if !errors.Is(e, known) || !errors.As(e, &request) || strings.Contains(request.Error(), "CANARY") {
			t.Errorf("%T: %v", known, request)
		}
	}
}

func TestAnErrorNamesTheHostAndTheStatus(t *testing.T) {
	x, address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"error":"invalid_grant","error_description":"CANARY"}`)
	})
	config := oauth2.Config{Endpoint: oauth2.Endpoint{TokenURL: address, AuthStyle: oauth2.AuthStyleInParams}}
	_, err := config.Exchange(context.WithValue(t.Context(), oauth2.HTTPClient, x.Client()), "CANARY")
	e := x.Error(err)
	want := "passport: provider_error: the request to " + strings.TrimPrefix(address, "http://") + ": status 400: invalid_grant"
	if e.Error() != want || e.Status != http.StatusBadGateway {
		t.Errorf("%v (%d), want %s", e, e.Status, want)
	}
	var retrieve *oauth2.RetrieveError
	if !errors.As(e, &retrieve) || retrieve.Response.StatusCode != http.StatusBadRequest {
		t.Error("the RetrieveError is out of reach")
	}
}
