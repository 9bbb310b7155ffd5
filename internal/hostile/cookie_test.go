package hostile_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/hostile"
	"github.com/gopassport/passport/internal/pack"
	"github.com/gopassport/passport/internal/vault"
	"github.com/gopassport/passport/passporttest"
)

// cookies sends a Cookie header. "session" stands for the name of the login's cookie, and
// "flow" for that of a pending flow.
func cookies(t *testing.T, e hostile.Entry) string {
	switch {
	case strings.Contains(e.Input, "{{signed:"):
		return signedCookies(t, e)
	case strings.HasPrefix(e.Input, "Set-Cookie"):
		b := passporttest.NewBrowser(t)
		c, err := http.ParseSetCookie(strings.TrimPrefix(e.Input, "Set-Cookie: "))
		if err != nil {
			t.Fatal(err)
		}
		b.SetCookies("https://sub.app.test/", c)
		if all := b.Cookies(app); len(all) > 0 {
			return "taken"
		}
		return "neutralise"
	}
	w := newWorld(t, setup{configure: func(c *passport.Config) { c.Revocations = passporttest.NewRevocations() }})
	name, value := pair(w.cookies("alice", "login"))
	header := w.cookieHeader(e, name, value)
	if e.Expect[:6] == "reject" && strings.HasPrefix(e.Input, "Cookie: flow=") {
		f := w.flowOf("alice")
		flowName, _ := pair(w.cookies("alice", "flow"))
		a := w.send("GET /connect/op/callback?" + f.answer.Encode() + " HTTP/1.1\nHost: app.test\nCookie: " + flowName + "=" + value + "\n\n")
		if w.op.Count(passporttest.Token) > 0 {
			t.Error("the provider was asked")
		}
		return a.verdict()
	}
	return w.me(t, header)
}

func pair(cookie string) (name, value string) {
	name, value, _ = strings.Cut(cookie, "=")
	return name, value
}

// me asks who the application takes the request for.
func (w *world) me(t *testing.T, header string) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, app+"/me", nil)
	r.Header["Cookie"] = []string{header}
	a := w.serve(r)
	switch {
	case a.status == http.StatusOK && w.user == "-":
		return "anonymous"
	case a.status == http.StatusOK && w.user == "alice":
		return "accept"
	}
	return a.verdict() + " " + w.user
}

// cookieHeader fills in the macros of a Cookie header.
func (w *world) cookieHeader(e hostile.Entry, name, value string) string {
	if strings.HasPrefix(e.Input, "b64:") {
		return strings.Replace(hostile.Bytes(e.Input), "session", name, 1)
	}
	if strings.Contains(e.Input, "loggedout") {
		w.person("alice").From(app+"/").Fetch(http.MethodGet, "/logout", "")
	}
	_, bob := pair(w.cookies("bob", "login"))
	flowValue := ""
	if strings.Contains(e.Input, "{{value:flow") {
		w.flowOf("alice")
		_, flowValue = pair(w.cookies("alice", "flow"))
	}
	header := strings.NewReplacer(
		"session=", name+"=", "{{value:session:alice}}", value, "{{value:session:alice:loggedout}}", value, "{{value:session:bob}}", bob,
		"{{value:flow:alice}}", flowValue, "{{trunc:session:alice}}", value[:len(value)/2],
	).Replace(strings.TrimPrefix(hostile.Bytes(e.Input), "Cookie: "))
	return header
}

// signedCookies are sealed, or signed, with a key that is ours or was.
func signedCookies(t *testing.T, e hostile.Entry) string {
	old, current := newKey(), newKey()
	before := newWorld(t, setup{configure: func(c *passport.Config) { c.Keys = [][]byte{old} }})
	cookie := before.cookies("alice", "login")
	keys := [][]byte{current}
	switch {
	case strings.Contains(e.Input, "prevkey"):
		keys = append(keys, old)
	case strings.Contains(e.Input, "+1y"):
		return future(t)
	case strings.Contains(e.Input, "gob:int"), strings.Contains(e.Input, "map:"):
		return crafted(t, e)
	}
	return newWorld(t, setup{configure: func(c *passport.Config) { c.Keys = keys }}).me(t, cookie)
}

// future is a login that was made in a year.
func future(t *testing.T) string {
	key := newKey()
	w := newWorld(t, setup{configure: func(c *passport.Config) { c.Keys = [][]byte{key} }})
	name, value := pair(w.cookies("alice", "login"))
	v, err := vault.New([][]byte{key}, "login", scope(t, name, key), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, app+"/me", nil)
	r.AddCookie(&http.Cookie{Name: name, Value: value})
	var fields []string
	v.Open(r, "", func(plain []byte) { fields, _ = pack.Split(plain) })
	if len(fields) != 2 {
		t.Fatalf("the session holds %q", fields)
	}
	at, rest, _ := strings.Cut(fields[1], ".")
	if got := w.me(t, v.Cookie(r, "", pack.Append(nil, fields[0], at+"."+rest), time.Hour).String()); got != "accept" {
		t.Errorf("unchanged, it is %s", got)
	}
	later := []byte(at)
	later[1]++ // base 36, microseconds: years
	return w.me(t, v.Cookie(r, "", pack.Append(nil, fields[0], string(later)+"."+rest), time.Hour).String())
}

// scope is that of the world's users, which is in the cookie's name.
func scope(t *testing.T, name string, key []byte) string {
	const scope = "*github.com/gopassport/passport/internal/hostile_test.user"
	v, err := vault.New([][]byte{key}, "login", scope, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, app+"/", nil)
	if got := v.Cookie(r, "", nil, 0).Name; got != name {
		t.Fatalf("the cookie is %s, not %s", name, got)
	}
	return scope
}

// crafted is a session of gorilla's, well signed, that holds something else than a login.
func crafted(t *testing.T, e hostile.Entry) string {
	key := newKey()
	store := sessions.NewCookieStore(key)
	w := newWorld(t, setup{configure: func(c *passport.Config) { c.Sessions = passport.GorillaSessions(store, "session") }})
	var value any = 5
	if strings.Contains(e.Input, "map:") {
		values := map[any]any{}
		for _, c := range w.person("alice").Cookies(app) {
			if err := securecookie.DecodeMulti("session", c.Value, &values, store.Codecs...); err != nil {
				t.Fatal(err)
			}
		}
		if len(values) != 1 {
			t.Fatalf("the session holds %v", values)
		}
		for name := range values {
			if values[name] = any(5); strings.Contains(e.Input, "user=}") {
				values[name] = ""
			}
		}
		value = values
	}
	encoded, err := securecookie.EncodeMulti("session", value, store.Codecs...)
	if err != nil {
		t.Fatal(err)
	}
	return w.me(t, "session="+encoded)
}
