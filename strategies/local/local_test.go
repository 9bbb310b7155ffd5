package local_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/local"
)

type person struct{ name string }

// people is a verify function that remembers how it was asked.
type people struct{ asked []string }

func (p *people) verify(_ *http.Request, username, password string) (*person, error) {
	p.asked = append(p.asked, username+"|"+password)
	switch {
	case username == "fault":
		return nil, errors.New("the database is down")
	case username == "panic":
		panic("swordfish")
	case username == "barred":
		return nil, passport.Reject("This account is closed")
	case username == "typed-nil":
		return nil, nil
	case password != "secret":
		return nil, passport.Reject("")
	}
	return &person{username}, nil
}

// app is a registry with a strategy in it, and the handler behind a log-in.
type app struct {
	http.Handler
	errs []error
	seen string // what the handler found
}

func newApp(t *testing.T, strategies ...passport.Strategy) *app {
	t.Helper()
	a := &app{}
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	auth := passport.New(passport.Config{
		Keys: [][]byte{key},
		Users: passport.Users[*person]{
			Key:  func(p *person) string { return p.name },
			Load: func(_ context.Context, key string) (*person, error) { return &person{key}, nil },
		},
		Observe: func(_ context.Context, e passport.Event) {
			if e.Err != nil {
				a.errs = append(a.errs, e.Err)
			}
		},
	})
	var opts []passport.Option
	for i, s := range strategies {
		name := fmt.Sprintf("s%d", i)
		auth.Use(name, s)
		if i > 0 {
			opts = append(opts, passport.Or(name))
		}
	}
	a.Handler = auth.Authenticate("s0", opts...)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		p, _ := passport.UserFrom[*person](r.Context())
		body, err := io.ReadAll(r.Body)
		a.seen = fmt.Sprintf("%s %s %v", p.name, body, err)
	}))
	return a
}

func (a *app) post(media, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "https://app.test/login?username=query&password=secret", strings.NewReader(body))
	r.Header.Set("Content-Type", media)
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

const (
	form = "application/x-www-form-urlencoded"
	js   = "application/json"
)

func TestWhatIsReadFromABody(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	for _, c := range []struct {
		name, media, body string
		status            int
		asked             string // what verify was given; "" for not asked
	}{
		{"a form", form, "username=alice&password=secret", 200, "alice|secret"},
		{"a form with a charset", form + "; charset=UTF-8", "username=alice&password=secret", 200, "alice|secret"},
		{"a form whose type is in capitals", strings.ToUpper(form), "username=alice&password=secret", 200, "alice|secret"},
		{"a form with more fields", form, "csrf=1&username=alice&password=secret&remember=on", 200, "alice|secret"},
		{"a form is decoded once", form, "username=al%2569ce+b&password=secret", 200, "al%69ce b|secret"},
		{"JSON", js, `{"username":"alice","password":"secret"}`, 200, "alice|secret"},
		{"JSON with a charset", js + "; charset=utf-8", `{"username":"alice","password":"secret"}`, 200, "alice|secret"},
		{"JSON with other members of any kind", js, `{"a":{"username":"eve"},"username":"alice","b":[1,{}],"password":"secret","c":null}`, 200, "alice|secret"},
		{"JSON with escapes and spaces", js, " \n{\"usern\\u0061me\": \"\\u0061lice\" , \"password\":\"sec\\u0072et\"}\n ", 200, "alice|secret"},
		{"JSON with names in another case", js, `{"Username":"alice","PASSWORD":"secret"}`, 400, ""},
		{"a wrong password", form, "username=alice&password=wrong", 401, "alice|wrong"},
		{"an unknown user", form, "username=nobody&password=wrong", 401, "nobody|wrong"},
		{"spaces belong to the password", form, "username=alice&password=+secret+", 401, "alice| secret "},
		{"a user of nil", form, "username=typed-nil&password=secret", 401, "typed-nil|secret"},

		{"no body", form, "", 400, ""},
		{"an empty JSON body", js, " ", 400, ""},
		{"an empty object", js, "{}", 400, ""},
		{"no password", form, "username=alice", 400, ""},
		{"no username", form, "password=secret", 400, ""},
		{"an empty password", form, "username=alice&password=", 400, ""},
		{"an empty username", js, `{"username":"","password":"secret"}`, 400, ""},
		{"no type", "", "username=alice&password=secret", 400, ""},
		{"text/plain", "text/plain", "username=alice&password=secret", 400, ""},
		{"text/plain with JSON, as another site can send", "text/plain", `{"username":"alice","password":"secret"}`, 400, ""},
		{"a form called JSON", js, "username=alice&password=secret", 400, ""},
		{"JSON called a form", form, `{"username":"alice","password":"secret"}`, 400, ""},
		{"a multipart form that nobody parsed", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nalice\r\n--x--\r\n", 400, ""},

		{"the username twice", form, "username=alice&username=eve&password=secret", 400, ""},
		{"the same username twice", form, "username=alice&username=alice&password=secret", 400, ""},
		{"the password twice", form, "username=alice&password=secret&password=wrong", 400, ""},
		{"the username twice in JSON", js, `{"username":"eve","username":"alice","password":"secret"}`, 400, ""},
		{"the password twice in JSON, once escaped", js, `{"username":"alice","password":"x","passwor\u0064":"secret"}`, 400, ""},

		{"a bad escape", form, "username=alice&password=secret&x=%zz", 400, ""},
		{"a semicolon", form, "username=alice;x&password=secret", 400, ""},
		{"a JSON array", js, `["alice","secret"]`, 400, ""},
		{"a JSON number as the username", js, `{"username":1,"password":"secret"}`, 400, ""},
		{"a JSON null as the password", js, `{"username":"alice","password":null}`, 400, ""},
		{"a JSON object as the password", js, `{"username":"alice","password":{"$ne":""}}`, 400, ""},
		{"two JSON values", js, `{"username":"alice","password":"secret"}{}`, 400, ""},
		{"JSON and junk", js, `{"username":"alice","password":"secret"}x`, 400, ""},
		{"JSON cut short", js, `{"username":"alice","password":"secret"`, 400, ""},
		{"JSON without a colon", js, `{"username" "alice"}`, 400, ""},
		{"JSON without names", js, `{1 2}`, 400, ""},
		{"JSON with a comma too many", js, `{"username":"alice","password":"secret",}`, 400, ""},
		{"JSON nested beyond reason", js, `{"x":` + strings.Repeat("[", 30000), 400, ""},
		{"JSON that is no UTF-8", js, "{\"username\":\"alice\xff\",\"password\":\"secret\"}", 400, ""},

		{"a NUL in the username", form, "username=alice%00&password=secret", 400, ""},
		{"a NUL in the username in JSON", js, `{"username":"alice\u0000","password":"secret"}`, 400, ""},
		{"a username that is no UTF-8", form, "username=alice%ff&password=secret", 400, ""},
		{"a username in UTF-8", form, "username=%C3%A4lice&password=secret", 200, "älice|secret"},
		{"the longest username", form, "username=" + long(1<<10) + "&password=secret", 200, long(1<<10) + "|secret"},
		{"a longer username", form, "username=" + long(1<<10+1) + "&password=secret", 400, ""},
		{"the longest password", form, "username=alice&password=" + long(4<<10), 401, "alice|" + long(4<<10)},
		{"a longer password", form, "username=alice&password=" + long(4<<10+1), 400, ""},
		{"the largest body", form, "username=alice&password=secret&x=" + long(64<<10-33), 200, "alice|secret"},
		{"a larger form", form, "username=alice&password=secret&x=" + long(64<<10-32), 413, ""},
		{"a larger JSON body", js, `{"username":"alice","password":"secret","x":"` + long(64<<10) + `"}`, 413, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			users := &people{}
			a := newApp(t, local.New(users.verify))
			w := a.post(c.media, c.body)
			if w.Code != c.status || strings.Join(users.asked, " ") != c.asked {
				t.Errorf("status %d, verify was asked %.60q; want %d and %.60q", w.Code, users.asked, c.status, c.asked)
			}
			if name, _, _ := strings.Cut(c.asked, "|"); c.status == 200 && a.seen != name+" "+c.body+" <nil>" {
				t.Errorf("the handler found %.80q; want the user %q and the whole body", a.seen, name)
			}
			if c.status != 200 && (a.seen != "" || w.Header().Get("Set-Cookie") != "") {
				t.Errorf("the handler found %q, cookies %q; want none of it", a.seen, w.Header()["Set-Cookie"])
			}
		})
	}
}

func TestOnlyAPostHasCredentials(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE"} {
		users := &people{}
		a := newApp(t, local.New(users.verify))
		r := httptest.NewRequest(method, "/login?username=alice&password=secret", strings.NewReader("username=alice&password=secret"))
		r.Header.Set("Content-Type", form)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code != 400 || users.asked != nil {
			t.Errorf("%s: status %d, verify was asked %q; want 400, not asked", method, w.Code, users.asked)
		}
	}
}

func TestARefusalTellsNothing(t *testing.T) {
	answer := func(user string) string {
		w := newApp(t, local.New((&people{}).verify)).post(form, "username="+user+"&password=wrong")
		return fmt.Sprint(w.Code, w.Header(), w.Body)
	}
	unknown, wrong := answer("nobody"), answer("alice")
	if unknown != wrong || !strings.Contains(wrong, "Wrong username or password") {
		t.Errorf("an unknown user gets %s, a wrong password %s; want the same", unknown, wrong)
	}
	if strings.Contains(unknown, "nobody") {
		t.Errorf("the answer %s repeats the username", unknown)
	}
}

func TestWhatVerifySays(t *testing.T) {
	for _, c := range []struct {
		username string
		status   int
		code     passport.Code
		message  string
	}{
		{"barred", 401, passport.CodeRejected, "This account is closed"},
		{"typed-nil", 401, passport.CodeRejected, "Wrong username or password"},
		{"fault", 500, passport.CodeStrategy, ""},
		{"panic", 500, passport.CodeStrategyPanic, ""},
	} {
		a := newApp(t, local.New((&people{}).verify))
		w := a.post(form, "username="+c.username+"&password=secret")
		var e *passport.Error
		if len(a.errs) != 1 || !errors.As(a.errs[0], &e) {
			t.Fatalf("%s: the observer heard of %v; want one *passport.Error", c.username, a.errs)
		}
		if w.Code != c.status || e.Code != c.code || e.Message != c.message || a.seen != "" {
			t.Errorf("%s: %d %q %q; want %d %q %q", c.username, w.Code, e.Code, e.Message, c.status, c.code, c.message)
		}
		if text := w.Body.String() + e.Error(); strings.Contains(text, "swordfish") || strings.Contains(w.Body.String(), "database") {
			t.Errorf("%s: %q shows too much", c.username, text)
		}
	}
}

func TestATooLargeBodyIsToldByItsCause(t *testing.T) {
	a := newApp(t, local.New((&people{}).verify))
	a.post(form, strings.Repeat("a", 100<<10))
	var over *http.MaxBytesError
	if len(a.errs) != 1 || !errors.As(a.errs[0], &over) {
		t.Errorf("the errors are %v; want one that wraps a *http.MaxBytesError", a.errs)
	}
}

func TestTheApplicationsOwnLimitHolds(t *testing.T) {
	users := &people{}
	a := newApp(t, local.New(users.verify))
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/login", strings.NewReader("username=alice&password=secret"))
	r.Header.Set("Content-Type", form)
	http.MaxBytesHandler(a, 10).ServeHTTP(w, r)
	if w.Code != 413 || users.asked != nil {
		t.Errorf("status %d, verify was asked %q; want 413, not asked", w.Code, users.asked)
	}
}

func TestABrokenConnectionIsARefusal(t *testing.T) {
	a := newApp(t, local.New((&people{}).verify))
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/login", io.MultiReader(strings.NewReader("username=alice&password=secret"), broken{}))
	r.Header.Set("Content-Type", form)
	a.ServeHTTP(w, r)
	if w.Code != 400 {
		t.Errorf("status %d, want 400", w.Code)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestAFormThatTheApplicationParsedIsUsed(t *testing.T) {
	multipart := "--x\r\nContent-Disposition: form-data; name=\"username\"\r\n\r\nalice\r\n--x\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nsecret\r\n--x--\r\n"
	for _, c := range []struct {
		name, media, body string
		parse             func(*http.Request) error
		status            int
	}{
		{"a form", form, "username=alice&password=secret", (*http.Request).ParseForm, 200},
		{"a form with nothing in it", form, "", (*http.Request).ParseForm, 400},
		{"a form with a field twice", form, "username=alice&password=secret&password=x", (*http.Request).ParseForm, 400},
		{"a multipart form", "multipart/form-data; boundary=x", multipart, func(r *http.Request) error { return r.ParseMultipartForm(1 << 16) }, 200},
		{"JSON after ParseForm, which leaves it alone", js, `{"username":"alice","password":"secret"}`, (*http.Request).ParseForm, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newApp(t, local.New((&people{}).verify))
			r := httptest.NewRequest("POST", "/login?username=query&password=secret", strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.media)
			if err := c.parse(r); err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			if w.Code != c.status || c.status == 200 && !strings.HasPrefix(a.seen, "alice ") {
				t.Errorf("status %d, user %q; want %d and alice", w.Code, a.seen, c.status)
			}
		})
	}
}

func TestTheNextStrategyOfAChainReadsTheSameBody(t *testing.T) {
	nobody := func(*http.Request, string, string) (*person, error) { return nil, nil }
	for _, c := range []struct{ media, body string }{
		{form, "username=alice&password=secret"},
		{js, `{"username":"alice","password":"secret"}`},
	} {
		users := &people{}
		a := newApp(t, local.New(nobody), local.New(users.verify))
		if w := a.post(c.media, c.body); w.Code != 200 || a.seen != "alice "+c.body+" <nil>" {
			t.Errorf("%s: status %d, %q; want alice and the whole body", c.media, w.Code, a.seen)
		}
	}
}

func TestNobodyReadsTheRestOfATooLargeBody(t *testing.T) {
	users := &people{}
	a := newApp(t, local.New(users.verify), local.New(users.verify))
	body := strings.Repeat(" ", 64<<10+1) + `{"username":"alice","password":"secret"}`
	if w := a.post(js, body); w.Code != 413 || users.asked != nil {
		t.Errorf("status %d, verify was asked %q; want 413, not asked", w.Code, users.asked)
	}
}

func TestFieldsAreRenamed(t *testing.T) {
	for _, c := range []struct {
		media, body string
		status      int
	}{
		{form, "email=alice&pass=secret", 200},
		{js, `{"email":"alice","pass":"secret"}`, 200},
		{form, "username=alice&password=secret", 400},
		{form, "email=alice&pass=secret&username=a&username=b", 200},
	} {
		a := newApp(t, local.New((&people{}).verify, local.Fields("email", "pass")))
		if w := a.post(c.media, c.body); w.Code != c.status {
			t.Errorf("%s: status %d, want %d", c.body, w.Code, c.status)
		}
	}
}

func TestAUserOfAnyTypeIsAUser(t *testing.T) {
	a := newApp(t, local.New(func(*http.Request, string, string) (passport.Strategy, error) { return nil, nil }))
	if w := a.post(form, "username=alice&password=secret"); w.Code != 401 {
		t.Errorf("a nil interface: status %d, want 401", w.Code)
	}
	a = newApp(t, local.New(func(*http.Request, string, string) (person, error) { return person{"alice"}, nil }))
	if w := a.post(form, "username=alice&password=secret"); w.Code != 500 {
		t.Errorf("a user of another type than the registry keeps: status %d, want 500", w.Code)
	}
}

func TestVerifyKnowsWhoIsLoggedIn(t *testing.T) {
	var seen *person
	a := newApp(t, local.New(func(r *http.Request, username, _ string) (*person, error) {
		seen, _ = passport.UserFrom[*person](r.Context())
		return &person{username}, nil
	}))
	w := a.post(form, "username=alice&password=secret")
	r := httptest.NewRequest("POST", "https://app.test/login", strings.NewReader("username=bob&password=secret"))
	r.Header.Set("Content-Type", form)
	for _, c := range w.Result().Cookies() {
		r.AddCookie(c)
	}
	a.ServeHTTP(httptest.NewRecorder(), r)
	if seen == nil || seen.name != "alice" {
		t.Errorf("verify saw %v, want alice", seen)
	}
}

func TestMistakesInWiringPanicInASentence(t *testing.T) {
	verify := (&people{}).verify
	for _, c := range []struct {
		name string
		make func()
		want string
	}{
		{"no verify", func() { local.New[*person](nil) }, "verify is nil"},
		{"no username", func() { local.New(verify, local.Fields("", "password")) }, `Fields("", "password")`},
		{"no password", func() { local.New(verify, local.Fields("username", "")) }, `Fields("username", "")`},
		{"one name for both", func() { local.New(verify, local.Fields("x", "x")) }, `Fields("x", "x")`},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "local: New: ") || !strings.Contains(text, c.want) {
					t.Errorf("the panic is %q, want local: New: … %s", text, c.want)
				}
			}()
			c.make()
		})
	}
}

func FuzzBody(f *testing.F) {
	f.Add(false, []byte("username=alice&password=secret"))
	f.Add(false, []byte("username=a%00&password=%ff&password"))
	f.Add(true, []byte(`{"username":"alice","password":"secret"}`))
	f.Add(true, []byte(`{"username":"\ud800","username":1,"password":[{}]}`))
	f.Fuzz(func(t *testing.T, isJSON bool, body []byte) {
		var got []string
		s := local.New(func(_ *http.Request, username, password string) (string, error) {
			got = []string{username, password}
			return username, nil
		})
		r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
		r.Header.Set("Content-Type", form)
		if isJSON {
			r.Header.Set("Content-Type", js)
		}
		_, err := s.Authenticate(r, nil)
		var e *passport.Error
		if err != nil && (!errors.As(err, &e) || e.Status != 400 && e.Status != 413) {
			t.Errorf("the error is %v, want a refusal", err)
		}
		if got != nil && (got[0] == "" || got[1] == "" || strings.Contains(got[0], "\x00") || len(got[0]) > 1<<10 || len(got[1]) > 4<<10) {
			t.Errorf("verify was given %q", got)
		}
		if rest, _ := io.ReadAll(r.Body); err == nil && !bytes.Equal(rest, body) {
			t.Errorf("the body is %q afterwards, want %q", rest, body)
		}
		if values, err := url.ParseQuery(string(body)); got != nil && !isJSON && (err != nil || values.Get("username") != got[0]) {
			t.Errorf("verify was given %q of %q", got, body)
		}
	})
}
