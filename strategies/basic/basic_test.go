package basic_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/hostile"
	"github.com/gopassport/passport/strategies/basic"
)

type person struct{ name string }

// people is a verify function that remembers how it was asked.
type people struct{ asked []string }

func (p *people) verify(_ *http.Request, username, password string) (*person, error) {
	p.asked = append(p.asked, username+"|"+password)
	switch {
	case username == "fault":
		return nil, errors.New("the database is down: password=hunter2")
	case username == "panic":
		panic("hunter2")
	case username == "barred":
		return nil, passport.Reject("This account is closed")
	case username == "nobody":
		return nil, nil
	case password == "wrong":
		return nil, passport.Reject("")
	}
	return &person{username}, nil
}

const realm = `Basic realm="Reports", charset="UTF-8"`

// app is a registry that keeps nothing, and the handler behind its chain.
type app struct {
	http.Handler
	errs []error
	seen string // who the handler found
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
		p, _ := passport.UserFrom[*person](r.Context())
		a.seen = p.name
	}))
	return a
}

func (a *app) get(authorization ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "https://app.test/reports", nil)
	if authorization != nil {
		r.Header["Authorization"] = authorization
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

func encode(plain string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(plain)) }

func TestWhatIsReadFromTheHeader(t *testing.T) {
	long := strings.Repeat("a", 6140) // with four more, base64 makes 8 KiB of it
	for _, c := range []struct {
		name   string
		lines  []string
		status int
		asked  string // what verify was given; "" for not asked
	}{
		{"a username and a password", []string{encode("alice:secret")}, 200, "alice|secret"},
		{"the scheme in small letters", []string{"basic YWxpY2U6c2VjcmV0"}, 200, "alice|secret"},
		{"the scheme in capitals", []string{"BASIC YWxpY2U6c2VjcmV0"}, 200, "alice|secret"},
		{"the example of RFC 7617, 2", []string{"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, 200, "Aladdin|open sesame"},
		{"the example of RFC 7617, 2.1, in UTF-8", []string{"Basic dGVzdDoxMjPCow=="}, 200, "test|123£"},
		{"the first colon ends the username", []string{encode("alice:se:cr:et:")}, 200, "alice|se:cr:et:"},
		{"spaces belong to both", []string{encode(" alice : secret ")}, 200, " alice | secret "},
		{"an empty password", []string{encode("key:")}, 200, "key|"},
		{"exactly 8 KiB", []string{encode(long + ":123")}, 200, long + "|123"},
		{"a wrong password", []string{encode("alice:wrong")}, 401, "alice|wrong"},

		{"no header", nil, 401, ""},
		{"an empty header", []string{""}, 401, ""},
		{"another scheme", []string{"Bearer YWxpY2U6c2VjcmV0"}, 401, ""},
		{"a scheme that only begins like this one", []string{"Basically YWxpY2U6c2VjcmV0"}, 401, ""},
		{"this scheme within another", []string{"Bearer Basic YWxpY2U6c2VjcmV0"}, 401, ""},
		{"two lines", []string{encode("alice:secret"), encode("alice:secret")}, 401, ""},
		{"a line for another scheme beside it", []string{encode("alice:secret"), "Bearer x"}, 401, ""},
		{"two spaces", []string{"Basic  YWxpY2U6c2VjcmV0"}, 401, ""},
		{"a space at the end", []string{"Basic YWxpY2U6c2VjcmV0 "}, 401, ""},
		{"a parameter", []string{`Basic realm="x"`}, 401, ""},
		{"more than 8 KiB", []string{encode(long + ":12345")}, 401, ""},
		{"base64 without its padding", []string{"Basic YTpi" + "Yg"}, 401, ""},
		{"base64 with bits left over", []string{"Basic YTpiYh=="}, 401, ""},
		{"base64 for URLs", []string{"Basic " + base64.URLEncoding.EncodeToString([]byte("alice:>>>???"))}, 401, ""},
		{"base64 with a line break, which Go's decoder skips", []string{"Basic YWxp\r\nY2U6c2VjcmV0"}, 401, ""},
		{"no colon", []string{encode("alice")}, 401, ""},
		{"an empty username", []string{encode(":secret")}, 401, ""},
		{"nothing but a colon", []string{encode(":")}, 401, ""},
		{"a NUL in the username", []string{encode("a\x00:b")}, 401, ""},
		{"a NUL in the password", []string{encode("a:\x00b")}, 401, ""},
		{"a line break", []string{encode("a:b\r\nc")}, 401, ""},
		{"DEL", []string{encode("a:b\x7f")}, 401, ""},
		{"a control character beyond ASCII", []string{encode("a:b\u0085")}, 401, ""},
		{"ISO 8859-1", []string{encode("test:123\xa3")}, 401, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			users := &people{}
			a := newApp(basic.New("Reports", users.verify))
			w := a.get(c.lines...)
			if asked := strings.Join(users.asked, " and "); w.Code != c.status || asked != c.asked {
				t.Errorf("status %d, verify was asked %q; want %d, %q", w.Code, asked, c.status, c.asked)
			}
			if got := w.Header().Values("WWW-Authenticate"); c.status == 401 && !reflect.DeepEqual(got, []string{realm}) {
				t.Errorf("the challenges are %q, want %s", got, realm)
			}
			if a.seen != "" && c.status != 200 || w.Header().Get("Set-Cookie") != "" {
				t.Errorf("the handler ran for %q, with the cookie %q", a.seen, w.Header().Get("Set-Cookie"))
			}
		})
	}
}

func TestAnUnknownUserAndAWrongPasswordGetTheSame(t *testing.T) {
	users := &people{}
	a := newApp(basic.New("Reports", users.verify))
	unknown, wrong := a.get(encode("nobody:x")), a.get(encode("alice:wrong"))
	if unknown.Code != 401 || unknown.Code != wrong.Code || unknown.Body.String() != wrong.Body.String() || !reflect.DeepEqual(unknown.Header(), wrong.Header()) {
		t.Errorf("got\n%d %v %s\n%d %v %s", unknown.Code, unknown.Header(), unknown.Body, wrong.Code, wrong.Header(), wrong.Body)
	}
	if len(users.asked) != 2 {
		t.Errorf("verify was asked %d times; both are its work", len(users.asked))
	}
}

func TestWhatVerifyMayAnswer(t *testing.T) {
	for _, c := range []struct {
		name, username string
		status         int
		code           passport.Code
		challenge      string
		shown          string
	}{
		{"nobody", "nobody", 401, passport.CodeRejected, realm, "Wrong username or password"},
		{"a text of its own", "barred", 401, passport.CodeRejected, realm, "This account is closed"},
		{"a fault", "fault", 500, passport.CodeStrategy, "", ""},
		{"a panic", "panic", 500, passport.CodeStrategyPanic, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newApp(basic.New("Reports", (&people{}).verify))
			w := a.get(encode(c.username + ":swordfish"))
			var e *passport.Error
			if w.Code != c.status || len(a.errs) != 1 || !errors.As(a.errs[0], &e) || e.Code != c.code || e.Strategy != "s0" {
				t.Fatalf("status %d, errors %v; want %d, %s", w.Code, a.errs, c.status, c.code)
			}
			if got := w.Header().Get("WWW-Authenticate"); got != c.challenge {
				t.Errorf("the challenge is %q, want %q", got, c.challenge)
			}
			if body := w.Body.String(); !strings.Contains(body, c.shown) || strings.Contains(body, "hunter2") || strings.Contains(body+e.Error(), "swordfish") {
				t.Errorf("%q and %q; want %q, and no secrets", body, e, c.shown)
			}
			if a.seen != "" {
				t.Error("the handler ran")
			}
		})
	}
}

func TestAChainGoesOnWhereBasicFails(t *testing.T) {
	other := passport.StrategyFunc(func(r *http.Request, _ *passport.Attempt) (passport.Result, error) {
		if r.Header.Get("Authorization") == "Other bob" {
			return passport.Success{Value: &person{"bob"}}, nil
		}
		return passport.Failure{Challenge: `Other realm="x"`}, nil
	})
	for _, c := range []struct {
		name, header string
		status       int
		seen         string
	}{
		{"credentials for Basic", encode("alice:secret"), 200, "alice"},
		{"credentials for the other scheme", "Other bob", 200, "bob"},
		{"a wrong password", encode("alice:wrong"), 401, ""},
		{"credentials for neither", "Third x", 401, ""},
		{"a fault, which ends the chain", encode("fault:x"), 500, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, order := range [][]passport.Strategy{{basic.New("Reports", (&people{}).verify), other}, {other, basic.New("Reports", (&people{}).verify)}} {
				a := newApp(order...)
				w := a.get(c.header)
				if w.Code != c.status || a.seen != c.seen {
					t.Errorf("status %d, user %q; want %d, %q", w.Code, a.seen, c.status, c.seen)
				}
				if n := len(w.Header().Values("WWW-Authenticate")); (n == 2) != (c.status == 401) {
					t.Errorf("there are %d challenges with the status %d", n, w.Code)
				}
			}
		})
	}
}

func TestVerifyGetsTheRequest(t *testing.T) {
	path := ""
	newApp(basic.New("Reports", func(r *http.Request, _, _ string) (*person, error) {
		path = r.URL.Path
		return &person{}, nil
	})).get(encode("alice:secret"))
	if path != "/reports" {
		t.Errorf("verify saw the path %q", path)
	}
}

func TestTheRealmIsQuoted(t *testing.T) {
	w := newApp(basic.New(`a", error="x\`, (&people{}).verify)).get()
	if got, want := w.Header().Get("WWW-Authenticate"), `Basic realm="a\", error=\"x\\", charset="UTF-8"`; got != want {
		t.Errorf("the challenge is %s, want %s", got, want)
	}
}

func TestMistakesInWiringPanicInASentence(t *testing.T) {
	verify := (&people{}).verify
	for _, c := range []struct {
		name string
		make func()
		want string
	}{
		{"no verify", func() { basic.New[*person]("Reports", nil) }, "verify is nil"},
		{"no realm", func() { basic.New("", verify) }, `realm "" cannot stand in a header: it is empty`},
		{"a realm beyond ASCII", func() { basic.New("réalm", verify) }, `realm "r\u00e9alm" cannot stand in a header`},
		{"a realm of two lines", func() { basic.New("a\r\nb", verify) }, `realm "a\r\nb" cannot stand in a header`},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "basic: New: ") || !strings.Contains(text, c.want) {
					t.Errorf("the panic is %q, want basic: New: … %s", text, c.want)
				}
			}()
			c.make()
		})
	}
}

// TestHostile runs the area "basic" of the hostile corpus, read from the wire as a server
// does. All of it applies.
func TestHostile(t *testing.T) {
	want := map[string]int{
		"good":                           200,
		"lower case scheme":              200,
		"no colon":                       401,
		"empty user and password":        401,
		"empty user":                     401,
		"not UTF-8":                      401,
		"bad base64":                     401,
		"two credentials":                401,
		"empty":                          401,
		"64 KiB":                         401,
		"unknown user vs wrong password": 401, // eDp5: x with the password y, who is unknown here
	}
	known := func(_ *http.Request, username, password string) (*person, error) {
		if username != "alice" || password != "secret" {
			return nil, passport.Reject("")
		}
		return &person{username}, nil
	}
	for _, e := range hostile.Entries("basic") {
		t.Run(e.Name, func(t *testing.T) {
			status, ok := want[e.Name]
			if delete(want, e.Name); !ok || (status == 200) != strings.HasPrefix(e.Expect, "accept") {
				t.Fatalf("%s is not in the list, or in another way: %s", e.Name, e.Expect)
			}
			input := hostile.Bytes(e.Input)
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET /reports HTTP/1.1\r\nHost: app.test\r\n" + input + "\r\n\r\n")))
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			newApp(basic.New("Reports", known)).ServeHTTP(w, r)
			if w.Code != status || status == 401 && w.Header().Get("WWW-Authenticate") != realm {
				t.Errorf("status %d with %q, want %d", w.Code, w.Header().Get("WWW-Authenticate"), status)
			}
		})
	}
	if len(want) > 0 {
		t.Errorf("not in the corpus: %v", want)
	}
}

// FuzzAuthorization: verify is asked only for what RFC 7617 allows and what net/http
// reads in the same way; everything else is a 401 of which nothing depends on the header.
func FuzzAuthorization(f *testing.F) {
	f.Add("Basic YWxpY2U6c2VjcmV0")
	f.Add("basic Og==")
	f.Add("Basic AGE6Yg==")
	f.Add("Basic //46Yg==")
	f.Add("Basic YTpi, Basic Yzpk")
	f.Add("Bearer x")
	f.Fuzz(func(t *testing.T, header string) {
		asked := false
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", header)
		s := basic.New("Reports", func(_ *http.Request, username, password string) (*person, error) {
			asked = true
			both := username + ":" + password
			if username == "" || strings.Contains(username, ":") || !utf8.ValidString(both) || strings.ContainsFunc(both, unicode.IsControl) || len(header) > 9<<10 {
				t.Errorf("verify was given %q and %q", username, password)
			}
			if u, p, ok := r.BasicAuth(); !ok || u != username || p != password {
				t.Errorf("verify was given %q and %q, net/http reads %q and %q", username, password, u, p)
			}
			return nil, nil
		})
		result, err := s.Authenticate(r, nil)
		failure, ok := result.(passport.Failure)
		if err != nil || !ok || failure.Challenge != realm || failure.Status != 0 {
			t.Errorf("got %v, %v", result, err)
		}
		if asked != (failure.Message == "Wrong username or password") {
			t.Errorf("asked %v, but the answer is %q", asked, failure.Message)
		}
	})
}
