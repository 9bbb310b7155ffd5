package bearer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/basic"
	"github.com/gopassport/passport/strategies/bearer"
)

type client struct{ name string }

// tokens is a verify function that remembers how it was asked.
type tokens struct{ asked []string }

func (v *tokens) verify(_ *http.Request, token string) (*client, error) {
	v.asked = append(v.asked, token)
	switch token {
	case "good":
		return &client{"alice"}, nil
	case "fault":
		return nil, errors.New("db: password=hunter2")
	case "panic":
		panic("hunter2")
	case "expired":
		return nil, passport.Reject("The access token expired")
	case "odd":
		return nil, passport.Reject("\"x\", realm=\"evil\"\r\nSet-Cookie: a=b \\ é")
	case "small":
		return nil, bearer.InsufficientScope("write", "admin:all")
	case "wrapped":
		return nil, fmt.Errorf("checking: %w", bearer.InsufficientScope())
	case "hostile":
		return nil, bearer.InsufficientScope(`read" realm="evil`, "", "a b", "ok", `\`, "é", "a\r\n")
	}
	return nil, nil
}

// What all answers begin with, and those that do not depend on verify.
const (
	bare      = `Bearer realm="Users"`
	several   = bare + `, error="invalid_request", error_description="More than one access token, or one in two places"`
	malformed = bare + `, error="invalid_request", error_description="Malformed access token"`
	badForm   = bare + `, error="invalid_request", error_description="Malformed form"`
	tooLarge  = bare + `, error="invalid_request", error_description="The form is too large"`
	invalid   = bare + `, error="invalid_token", error_description="The access token is not valid"`
	narrow    = bare + `, error="insufficient_scope", error_description="The access token does not reach this far"`
)

// app is a registry that keeps nothing, and the handler behind its chain.
type app struct {
	http.Handler
	errs []error
	seen string // what the handler found
}

func newApp(strategies ...passport.Strategy) *app {
	a := &app{}
	auth := passport.New(passport.Config{Observe: func(_ context.Context, e passport.Event) {
		if e.Err != nil {
			a.errs = append(a.errs, e.Err)
		}
	}})
	opts := []passport.Option{passport.NoSession()}
	for i, s := range strategies {
		name := fmt.Sprintf("s%d", i)
		auth.Use(name, s)
		if i > 0 {
			opts = append(opts, passport.Or(name))
		}
	}
	a.Handler = auth.Authenticate("s0", opts...)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		c, _ := passport.UserFrom[*client](r.Context())
		a.seen = c.name + " " + r.PostFormValue("note")
	}))
	return a
}

func (a *app) send(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

func get(path string, authorization ...string) *http.Request {
	r := httptest.NewRequest("GET", "https://app.test"+path, nil)
	if authorization != nil {
		r.Header["Authorization"] = authorization
	}
	return r
}

const form = "application/x-www-form-urlencoded"

func send(method, path, media, body string, authorization ...string) *http.Request {
	r := get(path, authorization...)
	r.Method, r.Body, r.ContentLength = method, io.NopCloser(strings.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Type", media)
	return r
}

// challenges of an answer, one a line.
func challenges(w *httptest.ResponseRecorder) string {
	return strings.Join(w.Header().Values("WWW-Authenticate"), "\n")
}

func TestWhereATokenMayBe(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	for _, c := range []struct {
		name      string
		request   *http.Request
		form      bool // whether FormBody is on
		status    int
		asked     string // what verify was given; "" for not asked
		challenge string
	}{
		{"the header", get("/", "Bearer good"), false, 200, "good", ""},
		{"the scheme in small letters", get("/", "bearer good"), false, 200, "good", ""},
		{"the scheme in capitals", get("/", "BEARER good"), false, 200, "good", ""},
		{"all characters that a token may have", get("/", "Bearer aZ09-._~+/=="), false, 401, "aZ09-._~+/==", invalid},
		{"a token of 8 KiB", get("/", "Bearer "+long(8<<10)), false, 401, long(8 << 10), invalid},
		{"the header of a POST", send("POST", "/", form, "note=hello", "Bearer good"), false, 200, "good", ""},

		{"nowhere", get("/"), false, 401, "", bare},
		{"an empty header", get("/", ""), false, 401, "", bare},
		{"another scheme", get("/", "Basic YTpi"), false, 401, "", bare},
		{"a scheme that only begins like this one", get("/", "BearerX good"), false, 401, "", bare},
		{"the scheme alone", get("/", "Bearer"), false, 400, "", malformed},
		{"two lines", get("/", "Bearer good", "Bearer good"), false, 400, "", malformed},
		{"a line for another scheme beside it", get("/", "Bearer good", "Basic YTpi"), false, 400, "", malformed},
		{"two spaces", get("/", "Bearer  good"), false, 400, "", malformed},
		{"a parameter", get("/", `Bearer token="good"`), false, 400, "", malformed},
		{"more than 8 KiB", get("/", "Bearer "+long(8<<10+1)), false, 400, "", malformed},

		{"the query is not read", get("/?access_token=good"), false, 401, "", bare},
		{"the query is not read, whatever the options", get("/?access_token=good"), true, 401, "", bare},
		{"the query is not read on a POST", send("POST", "/?access_token=good", form, "note=x"), true, 401, "", bare},
		{"header and query", get("/?access_token=good", "Bearer good"), false, 400, "", several},
		{"header and an empty token in the query", get("/?access_token=", "Bearer good"), false, 400, "", several},
		{"header and query in an encoding", get("/?access%5Ftoken=good", "Bearer good"), false, 400, "", several},
		{"header and other things in the query", get("/?a=access_token", "Bearer good"), false, 200, "good", ""},

		{"a form, which is not read by default", send("POST", "/", form, "access_token=good"), false, 401, "", bare},
		{"header and a form that is not read", send("POST", "/", form, "access_token=evil", "Bearer good"), false, 200, "good", ""},
		{"a form", send("POST", "/", form, "access_token=good&note=hello"), true, 200, "good", ""},
		{"a form with a charset", send("POST", "/", strings.ToUpper(form)+"; charset=UTF-8", "access_token=good&note=hello"), true, 200, "good", ""},
		{"a form is decoded once", send("POST", "/", form, "access_token=a%2Bb%3D"), true, 401, "a+b=", invalid},
		{"the header, and a form without a token", send("POST", "/", form, "note=hello", "Bearer good"), true, 200, "good", ""},
		{"a form without a token", send("POST", "/", form, "note=hello"), true, 401, "", bare},
		{"a form with credentials for another scheme", send("POST", "/", form, "access_token=good", "Basic YTpi"), true, 200, "good", ""},
		{"a form of 64 KiB", send("POST", "/", form, "access_token=good&x="+long(64<<10-len("access_token=good&x="))), true, 200, "good", ""},
		{"a form above 64 KiB", send("POST", "/", form, "access_token=good&x="+long(64<<10)), true, 413, "", tooLarge},
		{"a form above 64 KiB, and the header", send("POST", "/", form, "x="+long(64<<10), "Bearer good"), true, 413, "", tooLarge},
		{"header and form", send("POST", "/", form, "access_token=good", "Bearer good"), true, 400, "", several},
		{"form and query", send("POST", "/?access_token=good", form, "access_token=good"), true, 400, "", several},
		{"a form with two", send("POST", "/", form, "access_token=good&access_token=good"), true, 400, "", several},
		{"a form with an empty one", send("POST", "/", form, "access_token="), true, 400, "", malformed},
		{"a form with a space in it", send("POST", "/", form, "access_token=go+od"), true, 400, "", malformed},
		{"a form with one of more than 8 KiB", send("POST", "/", form, "access_token="+long(8<<10+1)), true, 400, "", malformed},
		{"a form that cannot be read", send("POST", "/", form, "access_token=good&%zz"), true, 400, "", badForm},
		{"a form with semicolons", send("POST", "/", form, "a=b;access_token=good"), true, 400, "", badForm},
		{"a form in a GET", send("GET", "/", form, "access_token=good"), true, 401, "", bare},
		{"a form in a PUT", send("PUT", "/", form, "access_token=good"), true, 401, "", bare},
		{"JSON", send("POST", "/", "application/json", `{"access_token":"good"}`), true, 401, "", bare},
		{"a form without its type", send("POST", "/", "", "access_token=good"), true, 401, "", bare},
	} {
		t.Run(c.name, func(t *testing.T) {
			verify := &tokens{}
			var opts []bearer.Option
			if c.form {
				opts = append(opts, bearer.FormBody())
			}
			a := newApp(bearer.New(verify.verify, opts...))
			w := a.send(c.request)
			if asked := strings.Join(verify.asked, " and "); w.Code != c.status || asked != c.asked {
				t.Errorf("status %d, verify was asked %q; want %d, %q", w.Code, asked, c.status, c.asked)
			}
			if got := challenges(w); got != c.challenge {
				t.Errorf("the challenges are\n%s\nwant\n%s", got, c.challenge)
			}
			if a.seen != "" && c.status != 200 || w.Header().Get("Set-Cookie") != "" {
				t.Errorf("the handler saw %q, with the cookie %q", a.seen, w.Header().Get("Set-Cookie"))
			}
		})
	}
}

func TestWhatVerifyMayAnswer(t *testing.T) {
	for _, c := range []struct {
		token     string
		status    int
		code      passport.Code
		challenge string
		message   string
	}{
		{"unknown", 401, passport.CodeRejected, invalid, "The access token is not valid"},
		{"expired", 401, passport.CodeRejected, bare + `, error="invalid_token", error_description="The access token expired"`, "The access token expired"},
		{"odd", 401, passport.CodeRejected, bare + `, error="invalid_token", error_description="'x', realm='evil'  Set-Cookie: a=b / ?"`, "\"x\", realm=\"evil\"\r\nSet-Cookie: a=b \\ é"},
		{"small", 403, passport.CodeRejected, narrow + `, scope="write admin:all"`, "The access token does not reach this far"},
		{"wrapped", 403, passport.CodeRejected, narrow, "The access token does not reach this far"},
		{"hostile", 403, passport.CodeRejected, narrow + `, scope="ok"`, "The access token does not reach this far"},
		{"fault", 500, passport.CodeStrategy, "", ""},
		{"panic", 500, passport.CodeStrategyPanic, "", ""},
	} {
		t.Run(c.token, func(t *testing.T) {
			a := newApp(bearer.New((&tokens{}).verify))
			w := a.send(get("/", "Bearer "+c.token))
			var e *passport.Error
			if w.Code != c.status || len(a.errs) != 1 || !errors.As(a.errs[0], &e) || e.Code != c.code || e.Message != c.message {
				t.Fatalf("status %d, errors %v; want %d, %s: %s", w.Code, a.errs, c.status, c.code, c.message)
			}
			if got := challenges(w); got != c.challenge {
				t.Errorf("the challenge is\n%s\nwant\n%s", got, c.challenge)
			}
			if a.seen != "" || strings.Contains(w.Body.String(), "hunter2") {
				t.Errorf("the handler saw %q, the body is %s", a.seen, w.Body)
			}
		})
	}
}

func TestRealmAndScopeAreInEveryChallenge(t *testing.T) {
	const known = `Bearer realm="My \"API\""`
	for _, c := range []struct {
		name, header string
		status       int
		challenge    string
	}{
		{"no token", "", 401, known + `, scope="read write"`},
		{"a malformed token", "Bearer %", 400, known + strings.TrimPrefix(malformed, bare) + `, scope="read write"`},
		{"a bad token", "Bearer bad", 401, known + strings.TrimPrefix(invalid, bare) + `, scope="read write"`},
		{"a token without scopes", "Bearer wrapped", 403, known + strings.TrimPrefix(narrow, bare) + `, scope="read write"`},
		{"a token without scopes that verify names", "Bearer small", 403, known + strings.TrimPrefix(narrow, bare) + `, scope="write admin:all"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newApp(bearer.New((&tokens{}).verify, bearer.Realm(`My "API"`), bearer.Scope("read", "write")))
			if w := a.send(get("/", c.header)); w.Code != c.status || challenges(w) != c.challenge {
				t.Errorf("status %d with\n%s\nwant %d with\n%s", w.Code, challenges(w), c.status, c.challenge)
			}
		})
	}
}

func TestTheProgramCannotChangeTheScopesLater(t *testing.T) {
	scopes := []string{"read"}
	s := bearer.New((&tokens{}).verify, bearer.Scope(scopes...))
	scopes[0] = `"`
	if got, want := challenges(newApp(s).send(get("/"))), bare+`, scope="read"`; got != want {
		t.Errorf("the challenge is %s, want %s", got, want)
	}
}

func TestAChainOfSchemes(t *testing.T) {
	const reports = `Basic realm="Reports", charset="UTF-8"`
	password := func(_ *http.Request, username, password string) (*client, error) {
		if password != "secret" {
			return nil, passport.Reject("")
		}
		return &client{username}, nil
	}
	for _, c := range []struct {
		name, header string
		status       int
		seen         string
		challenges   []string
	}{
		{"a token", "Bearer good", 200, "alice ", nil},
		{"a password", "Basic Ym9iOnNlY3JldA==", 200, "bob ", nil},
		{"nothing", "", 401, "", []string{bare, reports}},
		{"a bad token", "Bearer bad", 401, "", []string{invalid, reports}},
		{"a wrong password", "Basic Ym9iOng=", 401, "", []string{bare, reports}},
		{"a malformed token, which decides the status", "Bearer %", 400, "", []string{malformed}},
		{"a malformed password", "Basic %", 401, "", []string{bare, reports}},
		{"a token that does not reach, which decides the status", "Bearer wrapped", 403, "", []string{narrow}},
		{"a fault, which ends the chain", "Bearer fault", 500, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newApp(bearer.New((&tokens{}).verify), basic.New("Reports", password))
			w := a.send(get("/", c.header))
			if w.Code != c.status || a.seen != c.seen || !reflect.DeepEqual(w.Header().Values("WWW-Authenticate"), c.challenges) {
				t.Errorf("status %d, user %q, challenges\n%s\nwant %d, %q, %s", w.Code, a.seen, challenges(w), c.status, c.seen, strings.Join(c.challenges, "\n"))
			}
		})
	}
}

func TestTheFormStaysUsable(t *testing.T) {
	body := "access_token=good&note=hello"
	for _, c := range []struct {
		name       string
		strategies []passport.Strategy
		parse      func(*http.Request) error // what the application did before
	}{
		{"for the handler", []passport.Strategy{bearer.New((&tokens{}).verify, bearer.FormBody())}, nil},
		{"for the next strategy and the handler", []passport.Strategy{
			bearer.New(func(*http.Request, string) (*client, error) { return nil, nil }, bearer.FormBody()),
			bearer.New((&tokens{}).verify, bearer.FormBody()),
		}, nil},
		{"where the application parsed it before", []passport.Strategy{bearer.New((&tokens{}).verify, bearer.FormBody())}, (*http.Request).ParseForm},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, r := newApp(c.strategies...), send("POST", "/", form, body)
			if c.parse != nil && c.parse(r) != nil {
				t.Fatal("the form cannot be parsed")
			}
			if w := a.send(r); w.Code != 200 || a.seen != "alice hello" {
				t.Errorf("status %d, the handler saw %q; want 200, alice hello", w.Code, a.seen)
			}
		})
	}
}

func TestTheBodyIsPutBackByteForByte(t *testing.T) {
	body := "access_token=good&note=a%20b&note=a+b"
	r := send("POST", "/", form, body)
	if _, err := bearer.New((&tokens{}).verify, bearer.FormBody()).Authenticate(r, nil); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(r.Body); string(rest) != body || err != nil {
		t.Errorf("the body is %q, %v afterwards; want %q", rest, err, body)
	}
}

func TestAFormThatTheApplicationParsedIsNotChanged(t *testing.T) {
	r := send("POST", "/", form, "access_token=good", "Bearer evil")
	if err := r.ParseForm(); err != nil {
		t.Fatal(err)
	}
	values := append(make([]string, 0, 2), "good")
	r.PostForm["access_token"] = values
	if w := newApp(bearer.New((&tokens{}).verify, bearer.FormBody())).send(r); w.Code != 400 || values[:2][1] != "" {
		t.Errorf("status %d, the form's memory holds %q", w.Code, values[:2])
	}
}

func TestNobodyReadsTheRestOfATooLargeForm(t *testing.T) {
	verify := &tokens{}
	a := newApp(bearer.New(verify.verify, bearer.FormBody()), bearer.New(verify.verify, bearer.FormBody()))
	w := a.send(send("POST", "/", form, strings.Repeat("&", 64<<10+1)+"access_token=good"))
	if w.Code != 413 || verify.asked != nil {
		t.Errorf("status %d, verify was asked %q; want 413, not asked", w.Code, verify.asked)
	}
}

func TestABodyThatBreaksOffIsARefusal(t *testing.T) {
	r := send("POST", "/", form, "")
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader("access_token=good"), broken{}))
	if w := newApp(bearer.New((&tokens{}).verify, bearer.FormBody())).send(r); w.Code != 400 || challenges(w) != badForm {
		t.Errorf("status %d with %s, want 400", w.Code, challenges(w))
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestARequestWithoutABodyIsARequestWithoutAToken(t *testing.T) {
	r := send("POST", "/", form, "")
	r.Body = nil
	result, err := bearer.New((&tokens{}).verify, bearer.FormBody()).Authenticate(r, nil)
	if f, ok := result.(passport.Failure); !ok || err != nil || f.Challenge != bare {
		t.Errorf("got %v, %v", result, err)
	}
}

// TestNoAnswerShowsTheToken sends one that nobody else would send, in all the ways.
func TestNoAnswerShowsTheToken(t *testing.T) {
	const canary = "c4n4ry"
	verifies := map[string]func(*http.Request, string) (*client, error){
		"nobody":  func(*http.Request, string) (*client, error) { return nil, nil },
		"refusal": func(*http.Request, string) (*client, error) { return nil, passport.Reject("") },
		"scope":   func(*http.Request, string) (*client, error) { return nil, bearer.InsufficientScope("read") },
		"panic":   func(_ *http.Request, token string) (*client, error) { panic(token) },
	}
	for name, verify := range verifies {
		for _, r := range []func() *http.Request{
			func() *http.Request { return get("/", "Bearer "+canary) },
			func() *http.Request { return get("/", "Bearer  "+canary) },
			func() *http.Request { return get("/", "Bearer "+canary, "Bearer "+canary) },
			func() *http.Request { return get("/?access_token="+canary, "Bearer "+canary) },
			func() *http.Request { return send("POST", "/", form, "access_token="+canary) },
			func() *http.Request { return send("POST", "/", form, "access_token="+canary+"%zz") },
			func() *http.Request { return send("POST", "/", form, "access_token="+canary+"&access_token="+canary) },
		} {
			a := newApp(bearer.New(verify, bearer.FormBody()))
			w := a.send(r())
			if all := fmt.Sprint(w.Header(), w.Body, a.errs); w.Code < 400 || len(a.errs) != 1 || strings.Contains(all, canary) {
				t.Errorf("%s: status %d: %s", name, w.Code, all)
			}
		}
	}
}

func TestInsufficientScopeShowsItselfInALog(t *testing.T) {
	if got, want := bearer.InsufficientScope("read").Error(), "bearer: The access token does not reach this far"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMistakesInWiringPanicInASentence(t *testing.T) {
	verify := (&tokens{}).verify
	for _, c := range []struct {
		name string
		make func()
		want string
	}{
		{"no verify", func() { bearer.New[*client](nil) }, "verify is nil"},
		{"no realm", func() { bearer.New(verify, bearer.Realm("")) }, `Realm("") cannot stand in a header: it is empty`},
		{"a realm beyond ASCII", func() { bearer.New(verify, bearer.Realm("réalm")) }, `Realm("r\u00e9alm") cannot stand in a header`},
		{"an empty scope", func() { bearer.New(verify, bearer.Scope("read", "")) }, `Scope(""): a scope is`},
		{"two scopes in one", func() { bearer.New(verify, bearer.Scope("read write")) }, `Scope("read write"): a scope is`},
		{"a scope with a quote", func() { bearer.New(verify, bearer.Scope(`"`)) }, `Scope("\""): a scope is`},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "bearer: New: ") || !strings.Contains(text, c.want) {
					t.Errorf("the panic is %q, want bearer: New: … %s", text, c.want)
				}
			}()
			c.make()
		})
	}
}

// FuzzAuthorization: verify is asked only for one token of the right form that stood in
// one place; everything else gets one of the answers that are known beforehand, so that
// nothing in it depends on the request.
func FuzzAuthorization(f *testing.F) {
	f.Add("Bearer good", "", "")
	f.Add("bearer %", "access_token=good", "")
	f.Add("", "", "access_token=good&access_token=evil")
	f.Add("Basic YTpi", "a=b", "access_token=good")
	f.Add("Bearer a, Bearer b", "%zz", "%zz")
	f.Fuzz(func(t *testing.T, header, query, body string) {
		r := send("POST", "/", form, body, header)
		r.URL.RawQuery = query
		var asked []string
		result, err := bearer.New(func(_ *http.Request, token string) (*client, error) {
			asked = append(asked, token)
			return nil, nil
		}, bearer.FormBody()).Authenticate(r, nil)
		failure, ok := result.(passport.Failure)
		if err != nil || !ok {
			t.Fatalf("got %v, %v", result, err)
		}
		switch failure.Challenge {
		case bare:
			ok = failure.Status == 0 && asked == nil
		case invalid:
			ok = failure.Status == 0 && len(asked) == 1 && fromOnePlace(asked[0], header, query, body)
		case several, malformed, badForm:
			ok = failure.Status == 400 && asked == nil
		case tooLarge:
			ok = failure.Status == 413 && asked == nil && len(body) > 64<<10
		default:
			ok = false
		}
		if !ok {
			t.Errorf("%q, %q, %q: verify was asked %q, the answer is %+v", header, query, body, asked, failure)
		}
	})
}
