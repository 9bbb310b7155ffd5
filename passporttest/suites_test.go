package passporttest_test

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
)

// A suite that finds nothing wrong proves nothing. Each of these stores breaks one promise;
// the case of the suite that is named beside it must say so. The suite's failure is not to
// be this test's, so it runs in a process of its own.
func TestTheSuitesFindWhatIsWrong(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, broken := range brokenStores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := "^TestABrokenStore$/^" + strings.ReplaceAll(broken.found, " ", "_") + "$"
			command := exec.CommandContext(t.Context(), self, "-test.run="+run, "-test.timeout=60s")
			command.Env = append(os.Environ(), "PASSPORT_BROKEN_STORE="+name)
			out, err := command.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestABrokenStore/") || !strings.Contains(string(out), broken.says) {
				t.Errorf("%q finds nothing, or does not say %q (%v):\n%s", broken.found, broken.says, err, out)
			}
		})
	}
}

// TestABrokenStore is for the processes that TestTheSuitesFindWhatIsWrong starts.
func TestABrokenStore(t *testing.T) {
	if broken, ok := brokenStores()[os.Getenv("PASSPORT_BROKEN_STORE")]; ok {
		broken.suite(t)
	}
}

type brokenStore struct {
	found string // the case that finds it
	suite func(*testing.T)
	says  string // a part of what it says
}

func brokenStores() map[string]brokenStore {
	all := map[string]brokenStore{}
	session := func(name, found string, store badSessions) {
		all[name] = brokenStore{found, func(t *testing.T) { store.suite(t) }, store.says}
	}
	session("a renewal that does nothing", "a renewal keeps the values and ends the old identity", badSessions{renew: func(passport.Session) error { return nil }})
	session("a planted identity that is adopted", "an identity from before the login is not adopted", badSessions{renew: func(passport.Session) error { return nil }})
	session("a save that loses", "a login is restored, on each machine", badSessions{save: func(passport.Session, http.ResponseWriter, *http.Request) error { return nil }})
	session("a cookie that is set twice", "a cookie is set once", badSessions{save: func(s passport.Session, w http.ResponseWriter, r *http.Request) error {
		before := w.Header()["Set-Cookie"]
		err := s.Save(w, r)
		w.Header()["Set-Cookie"] = append(before, w.Header()["Set-Cookie"]...)
		return err
	}})
	session("an outage that looks like a logout", "a store that is down logs nobody out", badSessions{hides: true})
	session("cookies in another case", "a changed cookie is an empty session", badSessions{says: "the good one in capitals", cookies: spelled(same, func(value string) string {
		return "session-" + strings.TrimPrefix(strings.ToUpper(value), "SESSION-")
	})})
	session("cookies whose end is not read", "a changed cookie is an empty session", badSessions{says: "the good one with letters behind it", cookies: spelled(same, func(value string) string {
		return value[:min(len(value), len("session-")+len(rand.Text()))]
	})})

	flow := func(name, found string, store func(*passporttest.Flows) passport.FlowStore) {
		all[name] = brokenStore{found, func(t *testing.T) {
			passporttest.TestFlowStore(t, func(*testing.T) passporttest.FlowHarness {
				shared := passporttest.NewFlows()
				return passporttest.FlowHarness{Store: func() passport.FlowStore { return store(shared) }, Break: breaks(shared)}
			})
		}, ""}
	}
	flow("a flow that stays", "a flow is taken once", func(f *passporttest.Flows) passport.FlowStore { return badFlows{Flows: f, stays: true} })
	flow("a take that is not atomic", "of a hundred takers one gets it", func(f *passporttest.Flows) passport.FlowStore { return badFlows{Flows: f, slow: true} })
	flow("a take that is not atomic, at the callback", "of a hundred callbacks one goes on", func(f *passporttest.Flows) passport.FlowStore { return badFlows{Flows: f, slow: true} })
	flow("ids in another case", "a flow is told from all others", func(f *passporttest.Flows) passport.FlowStore { return badFlows{Flows: f, folds: true} })
	flow("flows that never end", "a flow ends after its time", func(f *passporttest.Flows) passport.FlowStore { return badFlows{Flows: f, ages: true} })
	flow("an outage that looks like no flow", "a store that is down spends nothing", func(f *passporttest.Flows) passport.FlowStore { return badFlows{Flows: f, hides: true} })

	revocation := func(name, found string, both bool, change func(user, id *string)) {
		all[name] = brokenStore{found, func(t *testing.T) {
			passporttest.TestRevocationStore(t, func(*testing.T) passporttest.RevocationHarness {
				shared := passporttest.NewRevocations()
				return passporttest.RevocationHarness{Store: func() passport.RevocationStore { return badRevocations{shared, change, both} }}
			})
		}, ""}
	}
	revocation("one logout that ends all", "one login is ended, and no other", false, func(_, id *string) { *id = "" })
	revocation("a logout everywhere that ends everybody", "all logins of a user are ended, and nobody else's", true, func(user, _ *string) { *user = "all" })
	revocation("users in another case", "users are told apart", true, func(user, _ *string) { *user = strings.ToLower(*user) })
	revocation("a revocation that is lost", "a logout everywhere reaches every machine", false, func(user, id *string) {
		if *id == "" {
			*user += "?"
		}
	})
	return all
}

func breaks(store interface{ Suffer(passporttest.Trouble) }) func(*testing.T) func() {
	return func(*testing.T) func() {
		store.Suffer(passporttest.Trouble{Load: passporttest.ErrDown, Save: passporttest.ErrDown})
		return func() { store.Suffer(passporttest.Trouble{}) }
	}
}

// badSessions replaces what is not nil.
type badSessions struct {
	*passporttest.Sessions

	renew func(passport.Session) error
	save  func(passport.Session, http.ResponseWriter, *http.Request) error
	hides bool

	cookies func(http.Handler) http.Handler
	says    string
}

func (b badSessions) suite(t *testing.T) {
	passporttest.TestSessionStore(t, func(*testing.T) passporttest.SessionHarness {
		b.Sessions = passporttest.NewSessions()
		return passporttest.SessionHarness{
			Store:  func(...[]byte) passport.SessionStore { return b },
			Cookie: "passporttest", Keyless: true, Ends: true, SkipsJunk: true, Break: breaks(b.Sessions), Middleware: b.cookies,
		}
	})
}

func (b badSessions) Load(r *http.Request) (passport.Session, error) {
	s, err := b.Sessions.Load(r)
	if err != nil && b.hides {
		s, err = passporttest.NewSessions().Load(r)
	}
	return badSession{s, b}, err
}

// spelled is middleware that gives the cookie of the kit's store another spelling.
func spelled(spell, read func(string) string) func(http.Handler) http.Handler {
	const name = "passporttest"
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sent, answer := r.Clone(r.Context()), httptest.NewRecorder()
			var pairs []string
			for _, c := range r.Cookies() {
				if c.Name == name {
					c.Value = read(c.Value)
				}
				pairs = append(pairs, c.Name+"="+c.Value)
			}
			sent.Header.Set("Cookie", strings.Join(pairs, "; "))
			next.ServeHTTP(answer, sent)
			maps.Copy(w.Header(), answer.Header())
			w.Header().Del("Set-Cookie")
			for _, c := range answer.Result().Cookies() {
				if c.Name == name {
					c.Value = spell(c.Value)
				}
				http.SetCookie(w, c)
			}
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
		})
	}
}

func same(value string) string { return value }

// Ids are spelled in many ways, and a store that takes "2f" and "2F" for the same number
// lets nobody in who does not have the id.
func TestTheSuiteTakesIdsInEachSpelling(t *testing.T) {
	capitals := base32.StdEncoding.WithPadding(base32.NoPadding)
	for name, spelling := range map[string]struct {
		spell func([]byte) string
		read  func(string) ([]byte, error)
	}{
		"capitals":    {capitals.EncodeToString, capitals.DecodeString},
		"hexadecimal": {hex.EncodeToString, hex.DecodeString},
		"base64":      {base64.RawURLEncoding.EncodeToString, base64.RawURLEncoding.DecodeString},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			badSessions{cookies: spelled(
				func(value string) string { return spelling.spell([]byte(value)) },
				func(value string) string {
					if id, err := spelling.read(value); err == nil {
						return string(id)
					}
					return ""
				},
			)}.suite(t)
		})
	}
}

// The cookies of flows have the library's name, too.
func TestTheSuiteTakesACookieWithTheNameOfTheLibrary(t *testing.T) {
	passporttest.TestSessionStore(t, func(*testing.T) passporttest.SessionHarness {
		return passporttest.SessionHarness{
			Store: func(keys ...[]byte) passport.SessionStore {
				return passport.GorillaSessions(passport.CookieSessions(keys...), "passport")
			},
			Cookie: "passport",
		}
	})
}

type badSession struct {
	passport.Session
	bad badSessions
}

func (s badSession) Renew() error {
	if s.bad.renew != nil {
		return s.bad.renew(s.Session)
	}
	return s.Session.Renew()
}

func (s badSession) Save(w http.ResponseWriter, r *http.Request) error {
	if s.bad.save != nil {
		return s.bad.save(s.Session, w, r)
	}
	return s.Session.Save(w, r)
}

type badFlows struct {
	*passporttest.Flows
	stays, slow, folds, ages, hides bool
}

func (b badFlows) Put(ctx context.Context, id string, flow []byte, ttl time.Duration) error {
	if b.folds {
		id = strings.ToLower(id)
	}
	if b.ages {
		ttl = time.Hour
	}
	return b.Flows.Put(ctx, id, flow, ttl)
}

func (b badFlows) Take(ctx context.Context, id string) ([]byte, error) {
	if b.folds {
		id = strings.ToLower(id)
	}
	flow, err := b.Flows.Take(ctx, id)
	if err == nil && b.stays || err == nil && b.slow && !late(id) {
		err = b.Flows.Put(ctx, id, flow, time.Minute)
	}
	if err != nil && b.hides {
		err = passport.ErrNoFlow
	}
	return flow, err
}

// late tells whether a flow was asked for before: the second taker gets it, too.
func late(id string) bool {
	asked.Lock()
	defer asked.Unlock()
	before := asked.ids[id]
	asked.ids[id] = true
	return before
}

var asked = struct {
	sync.Mutex
	ids map[string]bool
}{ids: map[string]bool{}}

// badRevocations mistakes whom or what it is about: when it is told, or when it is asked, too.
type badRevocations struct {
	*passporttest.Revocations
	change func(user, id *string)
	both   bool
}

func (b badRevocations) Revoke(ctx context.Context, user, id string, ttl time.Duration) error {
	b.change(&user, &id)
	return b.Revocations.Revoke(ctx, user, id, ttl)
}

func (b badRevocations) Revoked(ctx context.Context, user, id string, began time.Time) (bool, error) {
	if b.both {
		b.change(&user, &id)
	}
	return b.Revocations.Revoked(ctx, user, id, began)
}

// The pages say what a store has to do, and name the part of its suite that shows it.
func TestThePagesNamePartsOfTheSuites(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| .+ \\| `(\\w+)`: (.+) \\|$")
	suites := map[string]string{
		"TestSessionStore": "sessionstore.go", "TestFlowStore": "flowstore.go", "TestRevocationStore": "revocationstore.go",
		"TestAccountStore": "accountstore.go", "TestStrategy": "teststrategy.go",
	}
	for _, page := range []string{"sessions.md", "accounts.md", "testing.md"} {
		found := rows.FindAllStringSubmatch(source(t, "../docs/"+page), -1)
		if len(found) == 0 {
			t.Errorf("%s names no part", page)
		}
		for _, row := range found {
			if !strings.Contains(source(t, suites[row[1]]), `{"`+row[2]+`", `) {
				t.Errorf("%s: %s has no part %q", page, row[1], row[2])
			}
		}
	}
}

func source(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
