package sidebyside

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gorilla/sessions"
	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/github"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/strategies/basic"
	"github.com/gopassport/passport/strategies/bearer"
	"github.com/gopassport/passport/strategies/gothprovider"
	"github.com/gopassport/passport/strategies/local"
)

// Ours, on the routes of app.mjs, in the same order.

type user struct{ id string }

var errDown = errors.New("the database is down")

func load(_ context.Context, id string) (*user, error) {
	switch id {
	case "ghost":
		return nil, passport.ErrNoUser
	case "broken":
		return nil, errDown
	case "thrower":
		panic("a mistake in the program")
	}
	return &user{id}, nil
}

func checkPassword(_ *http.Request, username, password string) (*user, error) {
	switch username {
	case "fault":
		return nil, errDown
	case "panic":
		panic("a mistake in the program")
	case "locked":
		return nil, passport.Reject("Account locked")
	case "nobody":
		return nil, nil
	}
	if password != "secret" && password != "a:b" && password != "grüße" {
		return nil, passport.Reject("Wrong name or password")
	}
	return &user{username}, nil
}

func checkToken(_ *http.Request, token string) (*user, error) {
	switch token {
	case "good", "scoped":
		return &user{"alice"}, nil
	case "expired":
		return nil, passport.Reject("The token expired")
	case "quoted":
		return nil, passport.Reject(`say "no"`)
	case "fault":
		return nil, errDown
	}
	return nil, nil
}

// ours is an application with this library.
type ours struct {
	auth, sealed *passport.Registry
	store        *sessions.FilesystemStore
	mux          *http.ServeMux
}

// sessionName is the cookie of the login sessions.
const sessionName = "sid"

// newOurs makes it. base is where it listens, provider where the fake provider does.
func newOurs(base, provider, dir string) *ours {
	key := []byte("0123456789abcdef0123456789abcdef")
	store := sessions.NewFilesystemStore(dir, key)
	store.Options = &sessions.Options{Path: "/", MaxAge: 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	config := passport.Config{
		Keys:     [][]byte{key},
		Users:    passport.Users[*user]{Key: func(u *user) string { return u.id }, Load: load},
		Sessions: passport.GorillaSessions(store, sessionName),
		Observe:  func(context.Context, passport.Event) {},
	}
	sealed := config
	sealed.Sessions = nil
	o := &ours{passport.New(config), passport.New(sealed), store, http.NewServeMux()}
	o.strategies(base, provider)
	o.application()
	o.forms()
	o.credentials()
	o.chains()
	o.connections()
	return o
}

func (o *ours) strategies(base, provider string) {
	service := func(callback string) goth.Provider {
		return github.NewCustomisedURL("app", "app-secret", base+callback, provider+"/authorize", provider+"/token", provider+"/profile", provider+"/email")
	}
	o.sealed.Use("local", local.New(checkPassword))
	o.auth.Use("local", local.New(checkPassword))
	o.auth.Use("mail", local.New(checkPassword, local.Fields("user[email]", "user[password]")))
	o.auth.Use("basic", basic.New("Reports", checkPassword))
	o.auth.Use("bearer", bearer.New(checkToken, bearer.Scope("read"), bearer.FormBody()))
	o.auth.Use("anonymous", outcome(passport.Pass{}))
	o.auth.Use("service", gothprovider.New(service("/auth/service/callback"), func(_ *http.Request, u goth.User) (*user, error) {
		if u.NickName == "refused" {
			return nil, passport.Reject("Not invited")
		}
		return &user{"service:" + u.UserID}, nil
	}))
	o.auth.Use("service-authz", gothprovider.New(service("/connect/service/callback"), func(r *http.Request, u goth.User) (string, error) {
		if u.NickName == "refused" {
			return "", passport.Reject("Not invited")
		}
		who := "nobody"
		if u, ok := passport.UserFrom[*user](r.Context()); ok {
			who = u.id
		}
		return fmt.Sprintf("service:%s for %s", u.UserID, who), nil
	}))
	for name, strategy := range outcomes(provider) {
		o.auth.Use(name, strategy)
	}
}

func outcomes(provider string) map[string]passport.Strategy {
	return map[string]passport.Strategy{
		"informing":  outcome(passport.Success{Value: &user{"alice"}, Info: "Hello"}),
		"failing":    outcome(passport.Failure{Challenge: `Test realm="a"`}),
		"silent":     outcome(passport.Failure{}),
		"paying":     outcome(passport.Failure{Challenge: `Test realm="b"`, Status: http.StatusPaymentRequired}),
		"forbidding": outcome(passport.Failure{Challenge: `Test realm="c"`, Status: http.StatusForbidden}),
		"explicit":   outcome(passport.Failure{Challenge: `Test realm="d"`, Status: http.StatusUnauthorized}),
		"passing":    outcome(passport.Pass{}),
		"faulty":     passport.StrategyFunc(func(*http.Request, *passport.Attempt) (passport.Result, error) { return nil, errDown }),
		"throwing":   passport.StrategyFunc(func(*http.Request, *passport.Attempt) (passport.Result, error) { panic("a mistake in the program") }),
		"away":       outcome(passport.Redirect{URL: provider + "/authorize"}),
		"away-303":   outcome(passport.Redirect{URL: provider + "/authorize", Status: http.StatusSeeOther}),
		"away-307":   outcome(passport.Redirect{URL: provider + "/authorize", Status: http.StatusTemporaryRedirect}),
		"away-local": outcome(passport.Redirect{URL: "/elsewhere?x=1"}),
	}
}

func outcome(result passport.Result) passport.Strategy {
	return passport.StrategyFunc(func(*http.Request, *passport.Attempt) (passport.Result, error) { return result, nil })
}

func (o *ours) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/-/session": // which session does the cookie lead to, and is it of any use?
		id, used := "", false
		if s, err := o.store.Get(r, sessionName); err == nil && !s.IsNew {
			id, used = s.ID, len(s.Values) > 0
		}
		answer(w, http.StatusOK, map[string]any{"id": id, "used": used})
	case strings.HasPrefix(r.URL.Path, "//elsewhere.test/"): // a ServeMux would clean it
		o.auth.Session(o.auth.RequireUser("/login")(shows("private"))).ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, "/sealed/"):
		o.sealed.Session(o.mux).ServeHTTP(w, r)
	default:
		o.auth.Session(o.mux).ServeHTTP(w, r)
	}
}

func (o *ours) handle(path string, h http.Handler) { o.mux.Handle(path, h) }

func (o *ours) handleFunc(path string, h http.HandlerFunc) { o.mux.Handle(path, h) }

func answer(w http.ResponseWriter, status int, v map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// shows answers with what a handler saw.
func shows(at string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, _ := passport.InfoFrom[string](r.Context())
		account, who := "", ""
		if u, ok := passport.UserFrom[*user](r.Context()); ok {
			who = u.id
		}
		switch v, _ := passport.AccountFrom[any](r.Context()); v := v.(type) {
		case *user:
			account = v.id
		case string:
			account = v
		}
		answer(w, http.StatusOK, map[string]any{"at": at, "user": who, "account": account, "info": info})
	})
}

func (o *ours) application() {
	o.handle("/whoami", shows("whoami"))
	o.handle("GET /home", shows("home"))
	o.handleFunc("GET /messages", func(w http.ResponseWriter, r *http.Request) {
		messages, err := o.auth.Messages(w, r)
		if err != nil {
			answer(w, http.StatusInternalServerError, nil)
			return
		}
		answer(w, http.StatusOK, map[string]any{"at": "messages", "messages": append([]string{}, messages...)})
	})
	o.handleFunc("POST /cart", func(w http.ResponseWriter, r *http.Request) {
		s, _ := o.store.Get(r, sessionName) // an error means a new one
		s.Values["cart"] = r.PostFormValue("cart")
		if err := s.Save(r, w); err != nil {
			answer(w, http.StatusInternalServerError, nil)
			return
		}
		answer(w, http.StatusOK, map[string]any{"at": "cart", "cart": s.Values["cart"]})
	})
	o.handleFunc("GET /cart", func(w http.ResponseWriter, r *http.Request) {
		s, _ := o.store.Get(r, sessionName)
		cart, _ := s.Values["cart"].(string)
		answer(w, http.StatusOK, map[string]any{"at": "cart", "cart": cart})
	})
	o.handle("/private", o.auth.RequireUser("/login")(shows("private")))
}

func (o *ours) forms() {
	home, login, returned := passport.SuccessRedirect("/home"), passport.FailureRedirect("/login"), passport.SuccessReturnToOrRedirect("/home")
	for path, options := range map[string][]passport.Option{
		"plain":         nil,
		"redirect":      {home, login},
		"keep":          {passport.KeepSessionInfo()},
		"return":        {returned, login},
		"return/keep":   {returned, login, passport.KeepSessionInfo()},
		"messages":      {home, login, passport.SuccessMessage("Welcome"), passport.FailureMessage("Try again")},
		"messages/keep": {home, login, passport.SuccessMessage("Welcome"), passport.KeepSessionInfo()},
		"messages/own":  {home, login, passport.FailureMessage("")},
		"stateless":     {passport.NoSession()},
		"failwitherror": {passport.OnError(func(w http.ResponseWriter, r *http.Request, err error) {
			var e *passport.Error
			errors.As(err, &e)
			answer(w, e.Status, map[string]any{"at": "onerror"})
		})},
	} {
		o.handle("/login/"+path, o.auth.Authenticate("local", options...)(shows("login")))
	}
	o.handle("/login/mail", o.auth.Authenticate("mail")(shows("login")))
	for _, name := range []string{"local", "passing", "away"} {
		o.handleFunc("/check/"+name, func(w http.ResponseWriter, r *http.Request) { o.check(w, r, name) })
	}
	o.handleFunc("/check/only", func(w http.ResponseWriter, r *http.Request) {
		at := "good"
		if _, err := o.auth.Check(w, r, "local"); err != nil {
			at = "bad"
		}
		shows(at).ServeHTTP(w, r)
	})
	o.handleFunc("POST /signup", func(w http.ResponseWriter, r *http.Request) {
		if err := o.auth.Login(w, r, &user{r.PostFormValue("username")}); err != nil {
			answer(w, http.StatusInternalServerError, nil)
			return
		}
		shows("signup").ServeHTTP(w, r)
	})
	o.handle("POST /logout", logout(o.auth))
	o.handle("POST /logout/keep", logout(o.auth)) // there is no such option
	o.handle("/sealed/login", o.sealed.Authenticate("local")(shows("login")))
	o.handle("/sealed/whoami", shows("whoami"))
	o.handle("POST /sealed/logout", logout(o.sealed))
}

// check is what becomes of a custom callback.
func (o *ours) check(w http.ResponseWriter, r *http.Request, name string) {
	result, err := o.auth.Check(w, r, name)
	if err != nil {
		var e *passport.Error
		switch errors.As(err, &e); {
		case e.Status >= http.StatusInternalServerError:
			answer(w, e.Status, nil)
		default:
			answer(w, http.StatusUnprocessableEntity, map[string]any{"at": "check", "message": strings.TrimSpace(fmt.Sprint(e.Message, " ", e.Status))})
		}
		return
	}
	switch result := result.(type) {
	case passport.Success:
		if err := o.auth.Login(w, r, result.Value); err != nil {
			answer(w, http.StatusInternalServerError, nil)
			return
		}
		shows("check").ServeHTTP(w, r)
	case passport.Redirect:
		http.Redirect(w, r, result.URL, result.Status)
	default:
		shows("passed").ServeHTTP(w, r)
	}
}

func logout(auth *passport.Registry) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := auth.Logout(w, r); err != nil {
			answer(w, http.StatusInternalServerError, nil)
			return
		}
		shows("logout").ServeHTTP(w, r)
	})
}

// api guards a route with strategies that see every request.
func (o *ours) api(path string, names []string, more ...passport.Option) {
	options := append([]passport.Option{passport.NoSession()}, more...)
	for _, name := range names[1:] {
		options = append(options, passport.Or(name))
	}
	o.handle(path, o.auth.Authenticate(names[0], options...)(shows("api")))
}

func (o *ours) credentials() {
	o.api("/basic", []string{"basic"})
	o.handle("/basic/session", o.auth.Authenticate("basic")(shows("api")))
	o.api("/bearer", []string{"bearer"})
	o.handle("/bearer/session", o.auth.Authenticate("bearer")(shows("api")))
}

func (o *ours) chains() {
	back, own := passport.FailureRedirect("/login"), passport.FailureMessage("")
	o.api("/chain/api", []string{"bearer", "basic"})
	o.api("/chain/optional", []string{"bearer", "anonymous"})
	o.api("/chain/challenges", []string{"failing", "silent", "basic"})
	o.api("/chain/statuses", []string{"paying", "silent", "forbidding"})
	o.api("/chain/late-status", []string{"failing", "forbidding"})
	o.api("/chain/explicit", []string{"explicit", "forbidding"})
	o.api("/chain/fault", []string{"failing", "faulty", "informing"})
	o.api("/chain/fallback", []string{"failing", "informing"})
	o.api("/chain/away", []string{"failing", "away"})
	o.api("/chain/redirect", []string{"paying", "local"}, back, own)
	for name := range outcomes("") {
		o.api("/outcome/"+name, []string{name})
	}
	o.api("/outcome/informing/redirect", []string{"informing"}, passport.SuccessRedirect("/home"), passport.SuccessMessage(""))
	o.api("/outcome/failing/redirect", []string{"failing"}, back, own)
	o.api("/outcome/faulty/redirect", []string{"faulty"}, back)
}

func (o *ours) connections() {
	account, connected := passport.FailureRedirect("/account"), shows("connected")
	o.handle("/connect/local", o.auth.Authorize("local")(connected))
	o.handle("/connect/local/redirect", o.auth.Authorize("local", passport.SuccessRedirect("/home"), account)(connected))
	o.handle("/connect/local/messages", o.auth.Authorize("local", account, passport.SuccessMessage("Connected"), passport.FailureMessage("Not connected"))(connected))
	o.handle("/connect/informing", o.auth.Authorize("informing")(connected))
	o.handle("/connect/private", o.auth.RequireUser("/login")(o.auth.Authorize("local")(connected)))

	login := o.auth.Authenticate("service", passport.SuccessReturnToOrRedirect("/home"), passport.FailureRedirect("/login"), passport.FailureMessage(""))(shows("login"))
	o.handle("/auth/service", login)
	o.handle("/auth/service/callback", login)
	o.handle("/auth/service/plain", o.auth.Authenticate("service")(shows("login")))
	connect := o.auth.Authorize("service-authz", account)(connected)
	o.handle("/connect/service", connect)
	o.handle("/connect/service/callback", connect)
	o.handle("/connect/service/plain", o.auth.Authorize("service-authz")(connected))
}
