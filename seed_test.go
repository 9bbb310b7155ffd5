package passport_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gopassport/passport"
)

// The two patterns of Passport's guide to Authorize, with its names and routes.

// profile is a person at Twitter.
type profile struct{ id, username string }

// twitterService is Twitter, for OAuth 1: it gives request tokens, asks the person, and
// gives an access token for what the person allowed.
type twitterService struct {
	secrets   map[string]string  // of request tokens
	callbacks map[string]string  // where their answers go
	allowed   map[string]profile // by request token and verifier
	exchanged int
}

func newTwitterService() *twitterService {
	return &twitterService{map[string]string{}, map[string]string{}, map[string]profile{}, 0}
}

func (s *twitterService) requestToken(callbackURL string) (token, secret string) {
	token, secret = rand.Text(), rand.Text()
	s.secrets[token], s.callbacks[token] = secret, callbackURL
	return token, secret
}

func (s *twitterService) accessToken(token, secret, verifier string) (access, accessSecret string, p profile, err error) {
	p, ok := s.allowed[token+verifier]
	if !ok || s.secrets[token] != secret {
		return "", "", p, errors.New("no such request token")
	}
	delete(s.allowed, token+verifier)
	s.exchanged++
	return "access to " + p.username, "secret of " + p.username, p, nil
}

// allow is a person who says yes, at the address to which the application sent them. It
// gives the path to which Twitter sends them back.
func (s *twitterService) allow(t *testing.T, sent *reply, p profile) string {
	t.Helper()
	token, verifier := s.asked(t, sent), rand.Text()
	s.allowed[token+verifier] = p
	return s.path(t, token, url.Values{"oauth_token": {token}, "oauth_verifier": {verifier}})
}

// deny is a person who says no.
func (s *twitterService) deny(t *testing.T, sent *reply) string {
	t.Helper()
	token := s.asked(t, sent)
	return s.path(t, token, url.Values{"denied": {token}})
}

func (s *twitterService) asked(t *testing.T, sent *reply) string {
	t.Helper()
	token, ok := strings.CutPrefix(sent.location, "https://api.twitter.com/oauth/authenticate?oauth_token=")
	if sent.status != http.StatusFound || !ok || s.secrets[token] == "" {
		t.Fatalf("not sent to Twitter: %d %q %q", sent.status, sent.location, sent.body)
	}
	return token
}

func (s *twitterService) path(t *testing.T, token string, answer url.Values) string {
	t.Helper()
	path, ok := strings.CutPrefix(s.callbacks[token], "http://www.example.com")
	if !ok {
		t.Fatalf("the callback is %q", s.callbacks[token])
	}
	return path + "?" + answer.Encode()
}

// twitterStrategy is the guide's TwitterStrategy. Its verify callback is always given the
// request.
type twitterStrategy[T any] struct {
	service     *twitterService
	callbackURL string
	verify      func(r *http.Request, token, tokenSecret string, p profile) (T, error)
}

func (s twitterStrategy[T]) Authenticate(r *http.Request, a *passport.Attempt) (passport.Result, error) {
	query := r.URL.Query()
	if !query.Has("oauth_token") && !query.Has("denied") {
		return s.begin(a)
	}
	var secret string
	if err := a.Take(query.Get("oauth_token")+query.Get("denied"), &secret); err != nil {
		return nil, err
	}
	if query.Has("denied") {
		return nil, &passport.Error{Code: passport.CodeDenied, Status: http.StatusForbidden, Message: "You said no."}
	}
	token, tokenSecret, p, err := s.service.accessToken(query.Get("oauth_token"), secret, query.Get("oauth_verifier"))
	if err != nil {
		return nil, err
	}
	value, err := s.verify(r, token, tokenSecret, p)
	return passport.Verdict(value, err, passport.Failure{Message: "We do not know you."})
}

func (s twitterStrategy[T]) begin(a *passport.Attempt) (passport.Result, error) {
	if err := a.Begin(); err != nil {
		return nil, err
	}
	token, secret := s.service.requestToken(s.callbackURL)
	if err := a.Save(token, secret); err != nil {
		return nil, err
	}
	return passport.Redirect{URL: "https://api.twitter.com/oauth/authenticate?oauth_token=" + token}, nil
}

// twitterAccount is what the application keeps of an account at Twitter.
type twitterAccount struct {
	domain, uid, userID string
	token, tokenSecret  string
}

// twitterAccounts is the application's table of them.
type twitterAccounts struct {
	saved map[string]*twitterAccount // by uid
	made  int
	down  error
}

func (a *twitterAccounts) findOrCreate(uid, token, tokenSecret string) (*twitterAccount, error) {
	if a.down != nil {
		return nil, a.down
	}
	if account := a.saved[uid]; account != nil {
		return account, nil
	}
	a.made++
	return &twitterAccount{domain: "twitter.com", uid: uid, token: token, tokenSecret: tokenSecret}, nil
}

func (a *twitterAccounts) save(account *twitterAccount) { a.saved[account.uid] = account }

// seeded gives the store another site, on which no strategy is registered yet.
func (k *keeping) seeded() *site {
	s := &site{people: &people{gone: map[string]bool{}}, mux: http.NewServeMux()}
	s.Registry = newRegistry(k.t, func(c *passport.Config) {
		c.Users, c.Observe = s.store(), s.add
		if k.store != nil {
			c.Sessions = passport.GorillaSessions(k.store, "session")
		}
	})
	s.mux.HandleFunc("/me", show)
	s.mux.HandleFunc("/as/{id}", func(w http.ResponseWriter, r *http.Request) { s.by(w, s.Login(w, r, &user{r.PathValue("id")})) })
	s.mux.HandleFunc("/logout", func(w http.ResponseWriter, r *http.Request) { s.by(w, s.Logout(w, r)) })
	k.site = s
	return s
}

// passport.authorize('twitter-authz', { failureRedirect: '/account' }): the result is the
// account of the request; the login session and the user are unaffected.
func TestSeedAuthorize(t *testing.T) {
	onEachStore(t, func(t *testing.T, k *keeping) {
		auth, twitter, accounts := k.seeded(), newTwitterService(), &twitterAccounts{saved: map[string]*twitterAccount{}}

		auth.Use("twitter-authz", twitterStrategy[*twitterAccount]{
			service: twitter, callbackURL: "http://www.example.com/connect/twitter/callback",
			verify: func(_ *http.Request, token, tokenSecret string, p profile) (*twitterAccount, error) {
				return accounts.findOrCreate(p.id, token, tokenSecret)
			},
		})
		associate := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, _ := passport.UserFrom[*user](r.Context())
			account, _ := passport.AccountFrom[*twitterAccount](r.Context())

			// Associate the Twitter account with the logged-in user.
			account.userID = user.id
			accounts.save(account)
			http.Redirect(w, r, "/", http.StatusFound)
		})
		connect := auth.Authorize("twitter-authz", passport.FailureRedirect("/account"))
		auth.mux.Handle("GET /connect/twitter", connect(associate))
		auth.mux.Handle("GET /connect/twitter/callback", connect(associate))

		// The same service for logging in, under another name.
		auth.Use("twitter", twitterStrategy[*user]{
			service: twitter, callbackURL: "http://www.example.com/auth/twitter/callback",
			verify: func(_ *http.Request, _, _ string, p profile) (*user, error) { return &user{p.username}, nil },
		})
		enter := auth.Authenticate("twitter", passport.SuccessRedirect("/"), passport.FailureRedirect("/login"))(http.NotFoundHandler())
		auth.mux.Handle("GET /auth/twitter", enter)
		auth.mux.Handle("GET /auth/twitter/callback", enter)

		b := newBrowser(t, auth).as("alice")
		before := k.login(b)
		untouched := func(what string, r *reply) *reply {
			t.Helper()
			equal(t, what+": the login", k.login(b), before)
			equal(t, what+": Set-Cookie names the login", touched(r, before), false)
			return r
		}
		jack, home := profile{"12", "jack"}, from("cross-site")

		sent := untouched("/connect/twitter", b.get("/connect/twitter"))
		callback := twitter.allow(t, sent, jack)
		equal(t, "the callback's route", strings.HasPrefix(callback, "/connect/twitter/callback?"), true)
		equal(t, "after it", untouched("the callback", b.get(callback, home)).location, "/")
		equal(t, "the account", fmt.Sprint(*accounts.saved["12"]), "{twitter.com 12 alice access to jack secret of jack}")
		b.get("/me").wants(http.StatusOK, "user alice, account -")

		untouched("the same callback again", b.get(callback, home)).sent(http.StatusFound, "/account")
		untouched("no", b.get(twitter.deny(t, b.get("/connect/twitter")), home)).sent(http.StatusFound, "/account")
		untouched("once more", b.get(twitter.allow(t, b.get("/connect/twitter"), jack), home))
		equal(t, "accounts made", accounts.made, 1)

		callback = twitter.allow(t, b.get("/connect/twitter"), profile{"13", "jill"})
		accounts.down = errDown
		untouched("a database that is down", b.get(callback, home)).fails(http.StatusInternalServerError, passport.CodeStrategy)
		accounts.down = nil
		equal(t, "accounts saved", len(accounts.saved), 1)

		exchanged := twitter.exchanged
		_, crossed, _ := strings.Cut(twitter.allow(t, b.get("/auth/twitter"), jack), "?")
		untouched("a login's answer at the callback for accounts", b.get("/connect/twitter/callback?"+crossed, home)).sent(http.StatusFound, "/account")
		equal(t, "its code", auth.events.last().Code, passport.CodeFlowStrategy)
		equal(t, "tokens exchanged for it", twitter.exchanged, exchanged)

		b.get("/auth/twitter/callback?"+crossed, home).sent(http.StatusFound, "/")
		b.get("/me").wants(http.StatusOK, "user jack, account -")
	})
}

// passReqToCallback: one strategy and one set of routes. Its verify callback sees who is
// logged in, and returns them after it associated the account.
func TestSeedAssociationInVerifyCallback(t *testing.T) {
	type tenantKey struct{}
	onEachStore(t, func(t *testing.T, k *keeping) {
		auth, twitter, accounts := k.seeded(), newTwitterService(), &twitterAccounts{saved: map[string]*twitterAccount{}}
		var seen []string

		auth.Use("twitter", twitterStrategy[*user]{
			service: twitter, callbackURL: "http://www.example.com/auth/twitter/callback",
			verify: func(r *http.Request, token, tokenSecret string, p profile) (*user, error) {
				tenant, cart := r.Context().Value(tenantKey{}), any("-")
				if k.store != nil {
					session, _ := k.store.Get(r, "session")
					cart = session.Values["cart"]
				}
				account, err := accounts.findOrCreate(p.id, token, tokenSecret)
				if err != nil {
					return nil, err
				}
				current, ok := passport.UserFrom[*user](r.Context())
				seen = append(seen, fmt.Sprint(current, " ", tenant, " ", cart))
				if !ok {
					// Not logged-in. Authenticate based on Twitter account.
					if account.userID == "" {
						account.userID = p.username
						accounts.save(account)
					}
					return &user{account.userID}, nil
				}
				// Logged in. Associate Twitter account with user. Preserve the login
				// state by supplying the existing user after association.
				account.userID = current.id
				accounts.save(account)
				return current, nil
			},
		})
		enter := auth.Authenticate("twitter", passport.SuccessRedirect("/"), passport.FailureRedirect("/login"))(http.NotFoundHandler())
		auth.mux.Handle("GET /auth/twitter", enter)
		auth.mux.Handle("GET /auth/twitter/callback", enter)
		if k.store != nil {
			auth.cart(shelf{values: k.store})
		}
		acme := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			auth.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), tenantKey{}, "acme")))
		})
		b, home := newBrowser(t, acme), from("cross-site")
		goes := func(p profile) {
			t.Helper()
			b.get(twitter.allow(t, b.get("/auth/twitter"), p), home).sent(http.StatusFound, "/")
		}

		goes(profile{"12", "jack"})
		b.get("/me").wants(http.StatusOK, "user jack, account -")

		b.as("bob")
		before, cart := k.login(b), "-"
		if k.store != nil {
			b.get("/cart/fill")
			before, cart = k.login(b), "book"
		}
		copied := b.thief()
		goes(profile{"13", "jill"})
		b.get("/me").wants(http.StatusOK, "user bob, account -")
		equal(t, "whose account it is now", accounts.saved["13"].userID, "bob")
		equal(t, "the identity is as it was", k.login(b).cookie == before.cookie, false)
		if before.files != "" {
			equal(t, "who has the old identity", copied.me(), "-")
		}
		if k.store != nil {
			equal(t, "what the session holds", b.get("/cart").body, "book7")
		}

		b.get("/logout")
		goes(profile{"13", "jill"})
		b.get("/me").wants(http.StatusOK, "user bob, account -")
		empty := map[bool]string{true: "<nil>", false: "-"}[k.store != nil]
		equal(t, "user, tenant and cart that the callback saw", strings.Join(seen, "; "),
			"<nil> acme "+empty+"; bob acme "+cart+"; <nil> acme "+empty)

		b.get("/logout")
		b.get(twitter.deny(t, b.get("/auth/twitter")), home).sent(http.StatusFound, "/login")
		equal(t, "after a no", b.me(), "-")
	})
}
