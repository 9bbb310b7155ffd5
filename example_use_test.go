package passport_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/sessions"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/strategies/basic"
	"github.com/gopassport/passport/strategies/bearer"
	"github.com/gopassport/passport/strategies/local"
)

func loadAnybody(_ context.Context, name string) (*User, error) { return &User{Name: name}, nil }

// anybody is a registry whose users are all there are.
func anybody() *passport.Registry {
	return passport.New(passport.Config{
		Keys:  [][]byte{exampleKey()},
		Users: passport.Users[*User]{Key: func(u *User) string { return u.Name }, Load: loadAnybody},
	})
}

// press sends a form as a page of the application's does, and tells what came.
func press(h http.Handler, path, form string) (status int, location string) {
	r := httptest.NewRequest("POST", path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Header().Get("Location")
}

// A form logs people in.
func ExampleRegistry_Authenticate() {
	auth := anybody()
	auth.Use("password", local.New(checkPassword))
	login := auth.Authenticate("password", passport.SuccessReturnToOrRedirect("/"), passport.FailureRedirect("/login"))

	mux := http.NewServeMux()
	mux.Handle("POST /login", login(http.NotFoundHandler())) // success redirects, so nothing gets there
	fmt.Println(press(mux, "/login", "username=alice&password=wrong"))
	fmt.Println(press(mux, "/login", "username=alice&password=correct+horse"))
	// Output:
	// 303 /login
	// 303 /
}

// An account is connected: the handler gets both, who is logged in and the account.
func ExampleRegistry_Authorize() {
	auth := anybody()
	auth.Use("twitter-authz", twitter("https://twitter.example/consent"))
	connect := auth.Authorize("twitter-authz", passport.FailureRedirect("/settings"))
	save := connect(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		user, _ := passport.UserFrom[*User](r.Context())
		account, _ := passport.AccountFrom[*Account](r.Context())
		fmt.Println(user.Name, "has the account", account.ID)
	}))
	throughTheConsent(auth, save)
	// Output:
	// alice has the account 4711
}

// The verify function associates the account, because it sees who is logged in.
func ExampleRegistry_Authorize_insideVerify() {
	auth := anybody()
	verify := func(r *http.Request, id string) (*User, error) {
		user, ok := passport.UserFrom[*User](r.Context())
		if !ok {
			return nil, passport.Reject("Please log in first.")
		}
		user.Twitter = id
		return user, nil
	}
	auth.Use("twitter", passport.StrategyFunc(func(r *http.Request, a *passport.Attempt) (passport.Result, error) {
		found, err := twitter("https://twitter.example/consent").Authenticate(r, a)
		success, ok := found.(passport.Success)
		if !ok {
			return found, err
		}
		user, err := verify(r, success.Value.(*Account).ID)
		return passport.Verdict(user, err, passport.Failure{})
	}))
	connect := auth.Authenticate("twitter")(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		user, _ := passport.UserFrom[*User](r.Context())
		fmt.Println(user.Name, "has the account", user.Twitter)
	}))
	throughTheConsent(auth, connect)
	// Output:
	// alice has the account 4711
}

// throughTheConsent is a person who is logged in, goes to the service and says yes.
func throughTheConsent(auth *passport.Registry, connect http.Handler) {
	w := httptest.NewRecorder()
	_ = auth.Login(w, httptest.NewRequest("POST", "/login", nil), &User{Name: "alice"})
	jar := w.Result().Cookies()
	for _, path := range []string{"/connect/twitter", "/connect/twitter/callback?code=4711&state="} {
		if _, state, ok := strings.Cut(w.Header().Get("Location"), "?state="); ok {
			path += state
		}
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		for _, c := range jar {
			r.AddCookie(c)
		}
		w = httptest.NewRecorder()
		connect.ServeHTTP(w, r)
		jar = append(jar, w.Result().Cookies()...)
	}
}

// Programs bring a token, people with curl a password. Nothing is kept.
func ExampleNoSession() {
	auth := passport.New(passport.Config{}) // no keys: there is nothing to seal
	auth.Use("token", bearer.New(func(_ *http.Request, token string) (*User, error) {
		if token == "t0ken-of-alice" { // look a hash of it up instead
			return &User{Name: "alice"}, nil
		}
		return nil, passport.Reject("The token is unknown.")
	}))
	auth.Use("password", basic.New("API", checkPassword))
	api := auth.Authenticate("token", passport.Or("password"), passport.NoSession())(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			user, _ := passport.UserFrom[*User](r.Context())
			_, _ = fmt.Fprint(w, "hello ", user.Name)
		}))

	for _, authorization := range []string{"Bearer t0ken-of-alice", "Basic YWxpY2U6Y29ycmVjdCBob3JzZQ==", "Bearer stolen"} {
		r, w := httptest.NewRequest("GET", "/api", nil), httptest.NewRecorder()
		r.Header.Set("Authorization", authorization)
		api.ServeHTTP(w, r)
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
		for _, challenge := range w.Header()["Www-Authenticate"] {
			fmt.Println("  ", challenge)
		}
	}
	// Output:
	// 200 hello alice
	// 200 hello alice
	// 401 {"title":"Unauthorized","status":401,"detail":"The token is unknown.","code":"credentials_rejected"}
	//    Bearer realm="Users", error="invalid_token", error_description="The token is unknown."
	//    Basic realm="API", charset="UTF-8"
}

// A strategy of one's own.
func ExampleStrategyFunc() {
	auth := passport.New(passport.Config{})
	auth.Use("api-key", passport.StrategyFunc(func(r *http.Request, _ *passport.Attempt) (passport.Result, error) {
		client := users[r.Header.Get("X-Api-Key")] // nil is a refusal
		return passport.Verdict(client, nil, passport.Failure{Message: "Unknown key."})
	}))
	api := auth.Authenticate("api-key", passport.NoSession())(http.HandlerFunc(settings))
	for _, key := range []string{"alice", "mallory"} {
		r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		r.Header.Set("X-Api-Key", key)
		api.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 200
	// 401
}

// One name, and a strategy for each customer. What comes from a database is easier with
// strategies/tenants.
func ExampleAttempt_Tenant() {
	tenants := map[string]passport.Strategy{
		"acme":   twitter("https://acme.example/consent"),
		"globex": twitter("https://globex.example/consent"),
	}
	auth := passport.New(passport.Config{Keys: [][]byte{exampleKey()}})
	auth.Use("sso", passport.StrategyFunc(func(r *http.Request, a *passport.Attempt) (passport.Result, error) {
		tenant := r.PathValue("tenant")
		s, ok := tenants[tenant]
		if !ok {
			return passport.Failure{Status: http.StatusNotFound}, nil
		}
		a.Tenant(tenant) // a flow of acme ends for acme
		return s.Authenticate(r, a)
	}))
	mux := http.NewServeMux()
	mux.Handle("GET /{tenant}/login", auth.Authenticate("sso", passport.NoSession())(http.NotFoundHandler()))
	for _, tenant := range []string{"acme", "globex", "initech"} {
		r, w := httptest.NewRequest("GET", "/"+tenant+"/login", nil), httptest.NewRecorder()
		r.Header.Set("Accept", "text/html")
		mux.ServeHTTP(w, r)
		to, _, _ := strings.Cut(w.Header().Get("Location"), "?")
		fmt.Println(tenant, w.Code, to)
	}
	// Output:
	// acme 302 https://acme.example/consent
	// globex 302 https://globex.example/consent
	// initech 404
}

// table is a session store of one's own: records in memory, found by a cookie's value. One
// for many machines keeps them in a database. passporttest.TestSessionStore says what else
// it has to do.
type table struct {
	mu   sync.Mutex
	rows map[string]map[string]string
}

func (t *table) Load(r *http.Request) (passport.Session, error) {
	s := &tableRow{table: t, values: map[string]string{}}
	c, err := r.Cookie("sid")
	if err != nil {
		return s, nil // no cookie is no session
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if values, ok := t.rows[c.Value]; ok {
		s.id = c.Value
		maps.Copy(s.values, values)
	}
	return s, nil
}

type tableRow struct {
	table  *table
	id     string   // "" until it is saved
	old    []string // to be deleted
	values map[string]string
}

func (s *tableRow) Get(key string) (value string, ok bool) {
	value, ok = s.values[key]
	return value, ok
}
func (s *tableRow) Set(key, value string) { s.values[key] = value }
func (s *tableRow) Delete(key string)     { delete(s.values, key) }
func (s *tableRow) Clear()                { clear(s.values) }

func (s *tableRow) Renew() error {
	s.old, s.id = append(s.old, s.id), ""
	return nil
}

func (s *tableRow) Save(w http.ResponseWriter, r *http.Request) error {
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	for _, id := range s.old {
		delete(s.table.rows, id)
	}
	// One cookie for each answer: the last.
	w.Header()["Set-Cookie"] = slices.DeleteFunc(w.Header()["Set-Cookie"], func(c string) bool { return strings.HasPrefix(c, "sid=") })
	c := &http.Cookie{Name: "sid", Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode}
	if len(s.values) == 0 {
		delete(s.table.rows, s.id)
		if _, err := r.Cookie("sid"); err != nil {
			return nil // there is none to remove
		}
		c.MaxAge = -1
	} else {
		if s.id == "" {
			s.id = hex.EncodeToString(exampleKey())
		}
		c.Value, s.table.rows[s.id] = s.id, maps.Clone(s.values)
	}
	http.SetCookie(w, c)
	return nil
}

func TestTheStoreOfTheExampleKeepsTheContract(t *testing.T) {
	passporttest.TestSessionStore(t, func(*testing.T) passporttest.SessionHarness {
		shared := &table{rows: map[string]map[string]string{}}
		return passporttest.SessionHarness{
			Store:  func(...[]byte) passport.SessionStore { return shared },
			Cookie: "sid", Keyless: true, Ends: true,
		}
	})
}

// Logins are kept in a table of the application's.
func ExampleSessionStore() {
	store := &table{rows: map[string]map[string]string{}}
	auth := passport.New(passport.Config{
		Keys:     [][]byte{exampleKey()},
		Users:    passport.Users[*User]{Key: func(u *User) string { return u.Name }, Load: loadUser},
		Sessions: store,
	})
	w := httptest.NewRecorder()
	_ = auth.Login(w, httptest.NewRequest("POST", "/login", nil), &User{Name: "alice"})
	fmt.Println("rows:", len(store.rows))

	r := httptest.NewRequest("GET", "/settings", nil)
	r.Header.Set("Cookie", strings.Split(w.Header().Get("Set-Cookie"), ";")[0])
	who := auth.Session(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := passport.UserFrom[*User](r.Context())
		fmt.Println(user.Name, auth.Logout(w, r))
	}))
	who.ServeHTTP(httptest.NewRecorder(), r)
	fmt.Println("rows:", len(store.rows))
	// Output:
	// rows: 1
	// alice <nil>
	// rows: 0
}

// Logins are kept in the sessions that the application has already.
func ExampleGorillaSessions() {
	store := passport.CookieSessions(exampleKey()) // or any store of gorilla/sessions
	auth := passport.New(passport.Config{
		Keys:     [][]byte{exampleKey()},
		Users:    passport.Users[*User]{Key: func(u *User) string { return u.Name }, Load: loadUser},
		Sessions: passport.GorillaSessions(store, "session"),
	})
	auth.Use("password", local.New(checkPassword))
	login := auth.Authenticate("password", passport.SuccessRedirect("/"))(http.NotFoundHandler())
	r := httptest.NewRequest("POST", "/login", strings.NewReader("username=alice&password=correct+horse"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	login.ServeHTTP(w, r)

	r = httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", strings.Split(w.Header().Get("Set-Cookie"), ";")[0])
	w = httptest.NewRecorder()
	auth.Session(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := passport.UserFrom[*User](r.Context())
		session, _ := store.Get(r, "session") // the same one that has the login
		session.Values["theme"] = "dark"
		fmt.Println(user.Name, sessions.Save(r, w))
	})).ServeHTTP(w, r)
	name, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), "=")
	fmt.Println(name)
	// Output:
	// alice <nil>
	// session
}
