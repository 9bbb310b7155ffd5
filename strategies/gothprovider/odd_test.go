package gothprovider_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gopassport/passport"
)

// text is an odd reply that is only its text.
func text(status int, media, body string) odd {
	return func(r *http.Request) (*http.Response, error) { return answered(r, status, media, body), nil }
}

func readOnly(body io.Reader) odd {
	return func(r *http.Request) (*http.Response, error) {
		return streamed(r, http.StatusOK, "application/json", body), nil
	}
}

// readerFunc makes a function a body.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

var errReset = &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read CANARY", syscall.ECONNRESET)}

// oddReplies are those that no service should give, for both steps.
func oddReplies() map[string]func() odd {
	const media = "application/json"
	all := map[string]func() odd{
		"a reply that has no end": func() odd {
			return func(r *http.Request) (*http.Response, error) {
				size := int64(50 << 20)
				if _, ours := r.Context().Deadline(); !ours {
					size = 2 << 20 // it is read to the end
				}
				return streamed(r, http.StatusOK, media, io.MultiReader(strings.NewReader(`{"access_token":"CANARY","id":42,"x":"`), io.LimitReader(zeros{}, size), strings.NewReader(`"}`))), nil
			}
		},
		"a bomb": func() odd {
			return func(r *http.Request) (*http.Response, error) {
				reply := streamed(r, http.StatusOK, media, bytes.NewReader(packed()))
				reply.Header.Set("Content-Encoding", "gzip")
				return reply, nil
			}
		},
		"a connection that is reset": func() odd {
			return func(*http.Request) (*http.Response, error) { return nil, errReset }
		},
		"a connection that is reset later": func() odd {
			return readOnly(io.MultiReader(strings.NewReader(`{"access_token":"CANARY",`), readerFunc(func([]byte) (int, error) { return 0, errReset })))
		},
		"a panic":       func() odd { return func(*http.Request) (*http.Response, error) { panic("CANARY") } },
		"a panic later": func() odd { return readOnly(readerFunc(func([]byte) (int, error) { panic("CANARY") })) },
	}
	for name, body := range map[string]string{
		"nothing": "", "null": "null", "a list": "[]", "{}": "{}", "a list of {}": "[{}]", "a number": "42", "half an object": `{"access_token":"CANARY`,
		"two objects": "{}{}", "ids of 0": `{"id":0,"user_id":0}`, "ids of nothing": `{"id":"","sub":"","user_id":""}`, "a null byte": "\x00",
		"an error": `{"error":"CANARY","error_description":"CANARY"}`, "objects for texts": `{"access_token":{},"id":{},"id_token":{}}`,
	} {
		all[name] = func() odd { return text(http.StatusOK, media, body) }
	}
	for name, status := range map[string]int{"400": 400, "401": 401, "404": 404, "429": 429, "500": 500, "503": 503} {
		all[name] = func() odd { return text(status, media, `{"error":"CANARY","message":"CANARY"}`) }
	}
	for _, status := range []int{301, 302, 303, 307, 308} {
		all[fmt.Sprint("a redirect, ", status)] = func() odd {
			return func(r *http.Request) (*http.Response, error) {
				reply := answered(r, status, "text/plain", "")
				reply.Header.Set("Location", "https://evil.example/?secret=CANARY")
				return reply, nil
			}
		}
	}
	all["a page"] = func() odd { return text(http.StatusOK, "text/html", "<html>CANARY</html>") }
	all["a page of XML"] = func() odd { return text(http.StatusOK, "application/xml", "<lfm status=\"ok\"></lfm>") }
	return all
}

// idInToken are the providers that know the person by the token's reply alone. What the
// profile says besides is goth's to judge.
func idInToken(name string) bool { return name == "apple" || name == "fitbit" || name == "tiktok" }

// TestOddRepliesOfEveryProvider gives each provider each odd reply at each step.
func TestOddRepliesOfEveryProvider(t *testing.T) {
	t.Setenv("SHOPIFY_SECRET", "shopify")
	silent(t)
	before := runtime.NumGoroutine()
	for _, each := range every(t, "https://app.example/callback") {
		for what, reply := range oddReplies() {
			for _, step := range []string{stepBegin, stepToken, stepProfile} {
				world := serving(each.name)
				world.odd = map[string]odd{step: reply()}
				j := travel(t.Context(), t, each, world)
				if world.of(step).calls > 0 {
					j.refused(step, what)
				}
			}
		}
	}
	ended(t, before)
}

// refused checks what came of an odd reply.
func (j *journey) refused(step, reply string) {
	t, what := j.app.T, fmt.Sprintf("%s, %s for the %s", j.name, reply, step)
	t.Helper()
	j.app.Secretless(what, j.end, j.secrets()...)
	asked, err := j.world.of(step), j.app.Last()
	if asked.ours == asked.calls && asked.read.Load() > 2*asked.limit() {
		t.Errorf("%s: %d bytes were read in %d requests", what, asked.read.Load(), asked.calls)
	}
	if asked.ours == asked.calls && len(j.world.strayed) > 0 {
		t.Errorf("%s: a redirect was followed", what)
	}
	switch {
	case j.end.Code == http.StatusOK && step == stepProfile && (idInToken(j.name) || reply == "a bomb" && asked.ours == 0):
		j.app.Want(what, j.end, "", 0) // a large profile is one, where nobody can say how large
	case err == nil || j.end.Code != http.StatusBadGateway:
		t.Errorf("%s: %d %s, %v", what, j.end.Code, j.end.Body, err)
	case !slices.Contains([]passport.Code{passport.CodeProvider, passport.CodeProviderPanic, passport.CodeSubject}, err.Code),
		strings.HasPrefix(reply, "a panic") && err.Code != passport.CodeProviderPanic:
		t.Errorf("%s: %v", what, err)
	}
	if j.query != nil {
		j.world.odd = nil
		j.app.Want(what+", and again", j.again(), passport.CodeFlowMissing, http.StatusBadRequest)
	}
}

// limit is how much may be read: 1 MiB for each request, and what fits into a buffer.
func (r *record) limit() int64 { return int64(r.calls) * (1<<20 + 64<<10) }

// secrets are those of the flow.
func (j *journey) secrets() []string {
	j.world.mu.Lock()
	defer j.world.mu.Unlock()
	return append(slices.Clone(j.world.sent), j.query.Get("state"))
}

// again sends the same answer once more.
func (j *journey) again() *httptest.ResponseRecorder {
	everybody.Store(j.world)
	defer everybody.Store(nil)
	j.browser.Context = nil
	return j.browser.End("/connect/"+j.name, j.answer)
}

// silent checks that nothing is printed or logged until the test ends.
func silent(t *testing.T) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "printed"))
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = file, file
	log.SetOutput(file)
	t.Cleanup(func() {
		os.Stdout, os.Stderr = stdout, stderr
		log.SetOutput(stderr)
		file.Close()
		if printed, err := os.ReadFile(file.Name()); err != nil || len(printed) > 0 {
			t.Errorf("%v, printed: %s", err, printed)
		}
	})
}

// ended waits until there are no more goroutines than before.
func ended(t *testing.T, before int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, and %d before: %s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// A service that does not answer holds nobody longer than they wait: with our client the
// request ends, without it only the person's waiting does.
func TestEveryProviderThatHangsEndsWithTheRequest(t *testing.T) {
	t.Setenv("SHOPIFY_SECRET", "shopify")
	silent(t)
	before := runtime.NumGoroutine()
	for _, each := range every(t, "https://app.example/callback") {
		for _, step := range []string{stepBegin, stepToken, stepProfile} {
			for what, body := range map[string]string{"before the reply": "", "within the reply": `{"access_token":`} {
				ctx, cancel := context.WithCancel(t.Context())
				release, world := make(chan struct{}), serving(each.name)
				world.odd = map[string]odd{step: func(r *http.Request) (*http.Response, error) {
					hang := readerFunc(func([]byte) (int, error) {
						cancel()
						select {
						case <-r.Context().Done():
							return 0, r.Context().Err()
						case <-release:
							return 0, errors.New("CANARY")
						}
					})
					if body == "" {
						_, err := hang(nil)
						return nil, err
					}
					return streamed(r, http.StatusOK, "application/json", io.MultiReader(strings.NewReader(body), hang)), nil
				}}
				j := travel(ctx, t, each, world)
				name := fmt.Sprintf("%s, hangs %s for the %s", each.name, what, step)
				if world.of(step).calls > 0 {
					j.app.Want(name, j.end, passport.CodeProviderTimeout, http.StatusGatewayTimeout)
					j.app.Secretless(name, j.end, j.secrets()...)
				}
				close(release)
				cancel()
			}
		}
	}
	ended(t, before)
}

// Somebody whose id is none is nobody, wherever a service says it.
func TestNoProviderTakesAnIDOfNobodyForAnAccount(t *testing.T) {
	t.Setenv("SHOPIFY_SECRET", "shopify")
	for _, each := range every(t, "https://app.example/callback") {
		for _, id := range []string{`""`, `0`, `"0"`, `-1`, `null`, `"null"`, `"undefined"`, `"<nil>"`, `"\u0000"`, `" "`, `{}`, `[]`, `true`, `1e400`} {
			world := serving(each.name)
			swap := strings.NewReplacer(`"42"`, id, `:42`, ":"+id, "/42", "/", ">42<", "><")
			world.token, world.profile = swap.Replace(world.token), swap.Replace(world.profile)
			world.ids = func() string { return "e30.e30.e30" }
			j := travel(t.Context(), t, each, world)
			what := fmt.Sprintf("%s, %s", each.name, id)
			if err := j.app.Last(); err == nil || j.end.Code != http.StatusBadGateway {
				t.Errorf("%s: %d %s, %v", what, j.end.Code, j.end.Body, err)
			}
			j.app.Secretless(what, j.end, j.secrets()...)
		}
	}
}

// A good reply that is called something else is either taken or refused, never mistaken.
func TestTheMediaTypeOfAReplyMakesNobodySomebodyElse(t *testing.T) {
	t.Setenv("SHOPIFY_SECRET", "shopify")
	for _, each := range every(t, "https://app.example/callback") {
		for _, media := range []string{"text/html", "text/plain", "application/x-www-form-urlencoded", "application/xml", "image/png", "", "\x01"} {
			for _, step := range []string{stepToken, stepProfile} {
				world := serving(each.name)
				world.media = map[string]string{step: media}
				j := travel(t.Context(), t, each, world)
				what := fmt.Sprintf("%s, %q for the %s", each.name, media, step)
				if err := j.app.Last(); (err == nil) != (j.end.Code == http.StatusOK) || err == nil && !strings.Contains(j.end.Body.String(), "ID:42 ") {
					t.Errorf("%s: %d %s, %v", what, j.end.Code, j.end.Body, err)
				}
				j.app.Secretless(what, j.end, j.secrets()...)
			}
		}
	}
}

// Salesforce's token reply says where the profile is, so it could send the token anywhere.
func TestTheTokenOfSalesforceGoesNowhereElse(t *testing.T) {
	for address, code := range map[string]passport.Code{
		"https://login.salesforce.com/id/42": "", "https://shop.my.salesforce.com/id/42": "",
		"http://login.salesforce.com/id/42": passport.CodeProvider, "https://evil.example/id/42": passport.CodeProvider,
		"https://login.salesforce.com.evil.example/": passport.CodeProvider, "https://evilsalesforce.com/": passport.CodeProvider,
		"https://login.salesforce.com:8443/": passport.CodeProvider, "https://login.salesforce.com@evil.example/": passport.CodeProvider,
		"//evil.example/": passport.CodeProvider, "https://127.0.0.1/": passport.CodeProvider, "": passport.CodeProvider, "%zz": passport.CodeProvider,
	} {
		world := serving("salesforce")
		world.token = with(fmt.Sprintf(`"id":%q`, address))
		j := travel(t.Context(), t, fresh(t, "salesforce", "https://app.example/callback"), world)
		j.app.Want(address, j.end, code, http.StatusBadGateway)
		if asked := world.of(stepProfile).calls; code != "" && asked > 0 {
			t.Errorf("%s: the token was sent", address)
		}
	}
}
