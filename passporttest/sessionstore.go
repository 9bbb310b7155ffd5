package passporttest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gopassport/passport"
)

// SessionHarness tells [TestSessionStore] how to make a session store, what it can do,
// and how to break it. Store and Cookie are required; the zero value of the rest stands
// for a store that cannot do it, and the cases that need it are skipped.
type SessionHarness struct {
	// Store makes the store as one machine has it. The keys, of 32 bytes and newest
	// first, are what it seals or signs its cookies with; stores without such keys ignore
	// them. Called again, it gives what another machine has, or the same one after a
	// restart: all stores of one harness share their records. A nil store stands for the
	// default, sealed cookies.
	Store func(keys ...[]byte) passport.SessionStore

	// Cookie is the name of the store's cookie, or a part of it.
	Cookie string

	// Middleware wraps Registry.Session, for a store that is loaded by middleware of its own.
	Middleware func(http.Handler) http.Handler

	// Keyless: cookies hold only a random name, so keys mean nothing to the store.
	Keyless bool

	// Ends: a renewal, a login or a logout ends the copies of the cookie.
	Ends bool

	// SkipsJunk: the good cookie is found behind others of its name.
	SkipsJunk bool

	// TooLarge is a number of bytes for which there is certainly no room. 0: there is no limit.
	TooLarge int

	// Expire ends all records kept so far, as their time would.
	Expire func(t *testing.T)

	// Break makes the store fail as its server does when it is gone, until mend is called.
	Break func(t *testing.T) (mend func())
}

// TestSessionStore checks what a [passport.SessionStore] promises: on the store itself
// and through a registry. open is called for each case, and gives a harness whose store
// has no records yet; what it starts it stops with t.Cleanup.
func TestSessionStore(t *testing.T, open func(t *testing.T) SessionHarness) {
	for _, c := range []struct {
		name string
		test func(h SessionHarness, t *testing.T)
	}{
		{"without a cookie there is an empty session", SessionHarness.empty},
		{"a login is restored, on each machine", SessionHarness.restored},
		{"a login ends after its lifetime", SessionHarness.lifetime},
		{"values are kept", SessionHarness.values},
		{"a changed cookie is an empty session", SessionHarness.tampered},
		{"a cookie under foreign keys is an empty session", SessionHarness.foreign},
		{"keys are rotated", SessionHarness.rotated},
		{"a record that is gone is an empty session", SessionHarness.unknown},
		{"a record that is over is an empty session", SessionHarness.expired},
		{"junk before the good cookie is no fault", SessionHarness.junk},
		{"a renewal keeps the values and ends the old identity", SessionHarness.renewed},
		{"a logout ends the login", SessionHarness.logout},
		{"who only looks saves nothing", SessionHarness.looking},
		{"a cookie is set once", SessionHarness.once},
		{"what does not fit is an error, and costs nothing", SessionHarness.large},
		{"a store that is down logs nobody out", SessionHarness.down},
		{"a save that fails is an error, and costs nothing", SessionHarness.unsaved},
		{"an identity from before the login is not adopted", SessionHarness.planted},
		{"an identity without a record is not adopted", SessionHarness.revived},
		{"requests at once", SessionHarness.concurrent},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(open(t), t) })
	}
}

func (h SessionHarness) site(keys ...[]byte) *suiteSite {
	return newSuiteSite(passport.Config{Keys: keys, Sessions: h.Store(keys...)}, h.Middleware)
}

// direct gives a site whose sessions can be had without a registry.
func (h SessionHarness) direct(t *testing.T) *suiteSite {
	t.Helper()
	s := h.site(suiteKey())
	if s.store == nil {
		t.Skip("the default keeps nothing but logins")
	}
	return s
}

// cookie is the store's cookie; nil where the visitor has none.
func (h SessionHarness) cookie(v *suiteVisitor) *http.Cookie {
	for _, c := range v.jar {
		if strings.Contains(c.Name, h.Cookie) {
			return c
		}
	}
	return nil
}

// session lets act work on the visitor's session, in a request of its own.
func (s *suiteSite) session(v *suiteVisitor, act func(passport.Session) error) *suiteReply {
	v.t.Helper()
	s.act = func(session passport.Session, _ http.ResponseWriter, _ *http.Request) {
		if err := act(session); err != nil {
			v.t.Error(err)
		}
	}
	return v.wants("/session", http.StatusOK, "")
}

// change is session with a Save behind it.
func (s *suiteSite) change(v *suiteVisitor, act func(passport.Session)) {
	v.t.Helper()
	s.act = func(session passport.Session, w http.ResponseWriter, r *http.Request) {
		act(session)
		if err := session.Save(w, r); err != nil {
			v.t.Error(err)
		}
	}
	v.wants("/session", http.StatusOK, "")
}

// value is what the visitor's session holds, "-" for nothing.
func (s *suiteSite) value(v *suiteVisitor, key string) (value string) {
	v.t.Helper()
	s.session(v, func(session passport.Session) error {
		found, ok := session.Get(key)
		if value = found; !ok {
			value = "-"
		}
		return nil
	})
	return value
}

func (h SessionHarness) empty(t *testing.T) {
	s := h.site(suiteKey())
	v := s.visitor(t)
	suiteEqual(t, "the person", v.me(), "-")
	suiteEqual(t, "cookies", len(v.jar), 0)
	suiteEqual(t, "cookies after a logout of nobody", len(v.wants("/logout", http.StatusOK, "").cookies), 0)
	if s.store != nil {
		suiteEqual(t, "a value", s.value(v, "cart"), "-")
	}
}

func (h SessionHarness) restored(t *testing.T) {
	key := suiteKey()
	s := h.site(key)
	v := s.visitor(t).as("alice")
	suiteEqual(t, "the next request", v.me(), "alice")
	suiteEqual(t, "another browser", s.visitor(t).me(), "-")
	suiteEqual(t, "another machine", v.at(h.site(key)).me(), "alice")
	suiteEqual(t, "a browser that sends other cookies, too", v.send("/me", "theme=dark; "+h.Cookie+"x=1; "+h.header(v)).body, "alice")
}

// header is the store's cookie as a header has it.
func (h SessionHarness) header(v *suiteVisitor) string {
	c := h.cookie(v)
	return c.Name + "=" + c.Value
}

func (h SessionHarness) lifetime(t *testing.T) {
	key := suiteKey()
	short := newSuiteSite(passport.Config{Keys: [][]byte{key}, Sessions: h.Store(key), Lifetime: time.Second}, h.Middleware)
	long := h.site(key)
	v, other := short.visitor(t), long.visitor(t).as("bob")
	began := time.Now()
	v.as("alice")
	suiteEventually(t, "the end of a login of one second", 5*time.Second, func() bool { return v.me() == "-" })
	if age := time.Since(began); age < time.Second {
		t.Errorf("a login of one second ended after %v", age)
	}
	suiteEqual(t, "a longer login", other.me(), "bob")
}

func (h SessionHarness) values(t *testing.T) {
	s := h.direct(t)
	v := s.visitor(t)
	kept := map[string]string{"a": "1", "empty": "", "odd; = \x00\n\"": "\x00\xff", "é": "naïve", "long": strings.Repeat("x", 500)}
	s.change(v, func(session passport.Session) {
		session.Set("gone", "1")
		for key, value := range kept {
			session.Set(key, "before")
			session.Set(key, value)
		}
		session.Delete("gone")
		session.Delete("never there")
	})
	for key, value := range kept {
		suiteEqual(t, fmt.Sprintf("the value of %q", key), s.value(v, key), value)
	}
	suiteEqual(t, "a value that was removed", s.value(v, "gone"), "-")
	s.change(v, func(session passport.Session) { session.Clear() })
	suiteEqual(t, "the cookie of an empty session", h.cookie(v), nil)
	suiteEqual(t, "a value after Clear", s.value(v, "a"), "-")
}

func (h SessionHarness) tampered(t *testing.T) {
	s := h.site(suiteKey())
	good := h.cookie(s.visitor(t).as("alice"))
	for i, c := range tamperings(good.Value) {
		reply := s.visitor(t).send("/me", good.Name+"="+c.value)
		suiteEqual(t, fmt.Sprintf("the status of a cookie that is %s, %.200q", c.what, c.value), reply.status, http.StatusOK)
		suiteEqual(t, fmt.Sprintf("the person of a cookie that is %s, %.200q", c.what, c.value), reply.body, "-")
		if i < 16 {
			h.replaces(t, s, &http.Cookie{Name: good.Name, Value: c.value})
		}
	}
}

type tampering struct{ what, value string }

// tamperings are values that somebody made of a good one. Other spellings of it are none:
// ids in letters of one case (hexadecimal, base32) may be read in both, and the last letters
// of base64 may hold bits that nobody reads, or be padding.
func tamperings(good string) []tampering {
	all := []tampering{
		{"empty", ""}, {"one letter", "a"}, {"punctuation", "!%$"}, {"no text", "\xff\xfe"}, {"too long", strings.Repeat("a", 4097)}, {"far too long", strings.Repeat("a", 1<<20)},
		{"the good one without its first letter", good[1:]}, {"the good one without its last letters", good[:max(len(good)-4, 0)]}, {"half of the good one", good[:len(good)/2]},
		{"the good one with letters behind it", good + "AAAA"}, {"the good one twice", good + good}, {"the good one with a NUL behind it", good + "\x00"},
	}
	capitals := strings.ToUpper(good)
	if good != capitals && good != strings.ToLower(good) {
		all = append(all, tampering{"the good one in capitals", capitals})
	}
	for i := range len(good) - 4 {
		changed := "A"
		if strings.EqualFold(good[i:i+1], changed) {
			changed = "B"
		}
		all = append(all, tampering{fmt.Sprintf("the good one but for letter %d", i+1), good[:i] + changed + good[i+1:]})
	}
	return all
}

// replaces checks that somebody with a cookie that is no login can log in.
func (h SessionHarness) replaces(t *testing.T, s *suiteSite, bad *http.Cookie) {
	t.Helper()
	v := s.visitor(t, bad)
	v.wants("/as/bob", http.StatusOK, "bob")
	suiteEqual(t, fmt.Sprintf("a login in place of %.200q", bad.Value), v.me(), "bob")
}

func (h SessionHarness) foreign(t *testing.T) {
	if h.Keyless {
		t.Skip("the store has no keys")
	}
	s, other := h.site(suiteKey()), h.site(suiteKey())
	stranger := other.visitor(t).as("alice")
	moved := &http.Cookie{Name: h.cookie(s.visitor(t).as("bob")).Name, Value: h.cookie(stranger).Value}
	suiteEqual(t, "the person", s.visitor(t, moved).me(), "-")
	h.replaces(t, s, moved)
	suiteEqual(t, "the person where the keys are known", stranger.me(), "alice")
}

func (h SessionHarness) rotated(t *testing.T) {
	if h.Keyless {
		t.Skip("the store has no keys")
	}
	old, young := suiteKey(), suiteKey()
	v := h.site(old).visitor(t).as("alice")
	both, only := h.site(young, old), h.site(young)
	suiteEqual(t, "with both keys", v.at(both).me(), "alice")
	suiteEqual(t, "without the old key", v.at(only).me(), "-")
	v = v.at(both).as("bob")
	suiteEqual(t, "cookies after a login with both", len(v.jar), 1)
	suiteEqual(t, "that login, without the old key", v.at(only).me(), "bob")
}

func (h SessionHarness) unknown(t *testing.T) {
	s := h.site(suiteKey())
	v := s.visitor(t).as("alice")
	thief := v.thief()
	v.get("/logout")
	if who := thief.me(); h.Ends && who != "-" {
		t.Errorf("the record is gone, and its cookie still is %q", who)
	}
	h.replaces(t, s, h.cookie(thief))
	thief.wants("/logout", http.StatusOK, "")
	suiteEqual(t, "cookies after another logout", len(thief.jar), 0)
}

func (h SessionHarness) expired(t *testing.T) {
	if h.Expire == nil {
		t.Skip("the store has no records, or no way to age them")
	}
	s := h.site(suiteKey())
	v := s.visitor(t).as("alice")
	thief := v.thief()
	h.Expire(t)
	suiteEqual(t, "the person", v.me(), "-")
	suiteEqual(t, "the person after another login", v.as("bob").me(), "bob")
	suiteEqual(t, "the old cookie", thief.me(), "-")
}

func (h SessionHarness) junk(t *testing.T) {
	s := h.site(suiteKey())
	v := s.visitor(t).as("alice")
	name := h.cookie(v).Name
	for _, junk := range []string{"", "junk", "\xff", strings.Repeat("a", 8000)} {
		reply := v.thief().send("/me", name+"="+junk+"; "+h.header(v))
		suiteEqual(t, fmt.Sprintf("the status behind %.10q", junk), reply.status, http.StatusOK)
		if reply.body != "alice" && (h.SkipsJunk || reply.body != "-") {
			t.Errorf("the person behind %.10q: %q", junk, reply.body)
		}
	}
}

func (h SessionHarness) renewed(t *testing.T) {
	s := h.site(suiteKey())
	v := s.visitor(t).as("alice")
	thief := v.thief()
	suiteEqual(t, "the same person again", v.as("alice").me(), "alice")
	h.unlike(t, v, thief)
	if h.Ends {
		suiteEqual(t, "the cookie before", thief.me(), "-")
	}
	if s.store == nil {
		return
	}
	s.change(v, func(session passport.Session) { session.Set("cart", "book") })
	thief = v.thief()
	s.change(v, func(session passport.Session) {
		if err := session.Renew(); err != nil {
			t.Error(err)
		}
	})
	h.unlike(t, v, thief)
	suiteEqual(t, "a value after Renew", s.value(v, "cart"), "book")
	suiteEqual(t, "the login after Renew", v.me(), "alice")
	if h.Ends {
		suiteEqual(t, "a value under the old identity", s.value(thief, "cart"), "-")
	}
}

// unlike checks that two visitors have cookies of their own.
func (h SessionHarness) unlike(t *testing.T, a, b *suiteVisitor) {
	t.Helper()
	if h.cookie(a) == nil || h.cookie(b) != nil && h.cookie(a).Value == h.cookie(b).Value {
		t.Error("the identity is the one from before, or none")
	}
}

func (h SessionHarness) logout(t *testing.T) {
	s := h.site(suiteKey())
	v, other := s.visitor(t).as("alice"), s.visitor(t).as("alice")
	thief := v.thief()
	reply := v.wants("/logout", http.StatusOK, "")
	suiteEqual(t, "cookies that the logout sets", len(reply.cookies), 1)
	suiteEqual(t, "cookies afterwards", len(v.jar), 0)
	suiteEqual(t, "the person", v.me(), "-")
	suiteEqual(t, "the same person's other browser", other.me(), "alice")
	if h.Ends {
		suiteEqual(t, "a copy of the cookie", thief.me(), "-")
	}
	suiteEqual(t, "a login afterwards", v.as("bob").me(), "bob")
}

// counting counts how often sessions are saved.
type counting struct {
	passport.SessionStore
	saves *atomic.Int64
}

type counted struct {
	passport.Session
	saves *atomic.Int64
}

func (c counting) Load(r *http.Request) (passport.Session, error) {
	session, err := c.SessionStore.Load(r)
	if session != nil {
		session = counted{session, c.saves}
	}
	return session, err
}

func (c counted) Save(w http.ResponseWriter, r *http.Request) error {
	c.saves.Add(1)
	return c.Session.Save(w, r)
}

func (h SessionHarness) looking(t *testing.T) {
	key := suiteKey()
	config := passport.Config{Keys: [][]byte{key}, Sessions: h.Store(key)}
	var saves atomic.Int64
	if config.Sessions != nil {
		config.Sessions = counting{config.Sessions, &saves}
	}
	s := newSuiteSite(config, h.Middleware)
	v := s.visitor(t).as("alice")
	login, name, before := h.header(v), h.cookie(v).Name, saves.Load()
	for _, who := range []*suiteVisitor{s.visitor(t), v} {
		suiteEqual(t, "cookies of who looks", len(who.get("/me").cookies), 0)
	}
	reply := v.wants(v.begin("/connect/op", "42"), http.StatusOK, "alice")
	for _, c := range reply.cookies {
		if c.Name == name { // a flow's cookie may have a part of it
			t.Errorf("Authorize sets the login's cookie %s", c.Name)
		}
	}
	suiteEqual(t, "saves", saves.Load(), before)
	suiteEqual(t, "the login's cookie", h.header(v), login)
}

func (h SessionHarness) once(t *testing.T) {
	for _, c := range []struct{ moves, want string }{
		{"alice", "alice"},
		{"alice bob", "bob"},
		{"carol carol", "carol"}, //nolint:dupword // logs in twice
		{"-", "-"},
		{"alice -", "-"},
		{"- alice", "alice"},
		{"- alice - - bob alice", "alice"},
	} {
		for _, before := range []string{"", "alice", "carol"} {
			s := h.site(suiteKey())
			v := s.visitor(t)
			if before != "" {
				v.as(before)
			}
			v.handler = h.wrap(s.moves(c.moves))
			reply := v.wants("/moves", http.StatusOK, c.want)
			v.handler = s.handler
			names := map[string]bool{}
			for _, c := range reply.cookies {
				names[c.Name] = true
			}
			what := fmt.Sprintf("%q, then %q: ", before, c.moves)
			suiteEqual(t, what+"cookies that the answer sets", len(reply.cookies), len(names))
			suiteEqual(t, what+"the person", v.me(), c.want)
			suiteEqual(t, what+"a cookie is there", h.cookie(v) != nil, c.want != "-")
		}
	}
}

func (h SessionHarness) wrap(next http.Handler) http.Handler {
	if h.Middleware != nil {
		return h.Middleware(next)
	}
	return next
}

func (s *suiteSite) move(w http.ResponseWriter, r *http.Request, move string) error {
	if move == "-" {
		return s.Logout(w, r)
	}
	return s.Login(w, r, &suiteUser{move})
}

// moves logs in and out several times in one request. A name is a login, "-" a logout.
func (s *suiteSite) moves(moves string) http.Handler {
	return s.Session(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for move := range strings.FieldsSeq(moves) {
			if err := s.move(w, r, move); err != nil {
				suiteRefuse(w, err)
				return
			}
		}
		suiteShow(w, r)
	}))
}

func (h SessionHarness) large(t *testing.T) {
	if h.TooLarge == 0 {
		t.Skip("the store has no limit")
	}
	s := h.site(suiteKey())
	v := s.visitor(t).as("alice")
	reply := v.wants("/as/"+strings.Repeat("a", h.TooLarge), http.StatusInternalServerError, string(passport.CodeSessionTooLarge))
	suiteEqual(t, "cookies of the answer", len(reply.cookies), 0)
	suiteEqual(t, "the person afterwards", v.me(), "alice")
	suiteEqual(t, "a login afterwards", v.as("bob").me(), "bob")
}

func (h SessionHarness) down(t *testing.T) {
	if h.Break == nil {
		t.Skip("the store cannot fail")
	}
	key := suiteKey()
	s := h.site(key)
	v := s.visitor(t).as("alice")
	mend := h.Break(t)
	for _, path := range []string{"/me", "/as/alice", "/as/bob", "/logout", "/login/op", "/connect/op"} {
		reply := v.get(path)
		suiteEqual(t, "the status of "+path, reply.status, http.StatusServiceUnavailable)
		if h.Middleware == nil { // else the store's own middleware may answer
			suiteEqual(t, "the code of "+path, reply.body, string(passport.CodeSessionStore))
		}
		suiteEqual(t, "cookies of "+path, len(reply.cookies), 0)
	}
	fresh := s.visitor(t)
	if reply := fresh.get("/as/bob"); reply.status != http.StatusServiceUnavailable || len(fresh.jar) > 0 {
		t.Errorf("a login of somebody new: %d %q, %d cookies", reply.status, reply.body, len(fresh.jar))
	}
	mend()
	suiteEventually(t, "the person afterwards", 10*time.Second, func() bool { return v.get("/me").body == "alice" })
	suiteEqual(t, "the person on a fresh machine", v.at(h.site(key)).me(), "alice")
	suiteEqual(t, "a login afterwards", v.as("bob").me(), "bob")
}

func (h SessionHarness) unsaved(t *testing.T) {
	if h.Break == nil {
		t.Skip("the store cannot fail")
	}
	s := h.direct(t)
	v := s.visitor(t)
	s.change(v, func(session passport.Session) { session.Set("cart", "book") })
	for what, change := range map[string]func(passport.Session){
		"a value":   func(session passport.Session) { session.Set("cart", "pen") },
		"no values": func(session passport.Session) { session.Clear() },
	} {
		mend := func() {}
		s.act = func(session passport.Session, w http.ResponseWriter, r *http.Request) {
			change(session)
			mend = h.Break(t)
			if session.Save(w, r) == nil {
				t.Errorf("Save of %s fails without an error", what)
			}
		}
		v.get("/session")
		mend()
		suiteEventually(t, "the value from before", 10*time.Second, func() bool {
			return v.get("/me").status == http.StatusOK && s.value(v, "cart") == "book"
		})
	}
}

// planted: somebody prepares a session, and plants its cookie in another's browser.
func (h SessionHarness) planted(t *testing.T) {
	s := h.site(suiteKey())
	attacker := s.visitor(t).as("mallory")
	attacker.get("/logout")
	if s.store != nil {
		s.change(attacker, func(session passport.Session) { session.Set("cart", "book") })
	}
	victim := attacker.thief().as("alice")
	h.unlike(t, victim, attacker)
	suiteEqual(t, "the victim", victim.me(), "alice")
	suiteEqual(t, "the attacker", attacker.me(), "-")
	if s.store == nil {
		return
	}
	suiteEqual(t, "what the attacker prepared", s.value(victim, "cart"), "-")
	if h.Ends {
		suiteEqual(t, "what the attacker still sees", s.value(attacker, "cart"), "-")
	}
}

// revived: the cookie is well made, but its record is gone; or it is made up.
func (h SessionHarness) revived(t *testing.T) {
	s := h.site(suiteKey())
	attacker := s.visitor(t).as("mallory")
	gone, name := h.cookie(attacker), h.cookie(attacker).Name
	attacker.get("/logout")
	for _, planted := range []*http.Cookie{gone, {Name: name, Value: "made-up"}} {
		if planted == gone && !h.Ends {
			continue
		}
		attacker, victim := s.visitor(t, planted), s.visitor(t, planted)
		if s.store != nil {
			s.change(victim, func(session passport.Session) { session.Set("cart", "book") })
			suiteEqual(t, "the victim's cart", s.value(victim, "cart"), "book")
			suiteEqual(t, "the victim's cart, to the attacker", s.value(attacker, "cart"), "-")
			victim.jar = []*http.Cookie{planted}
		}
		victim.as("alice")
		h.unlike(t, victim, attacker)
		suiteEqual(t, "the victim", victim.me(), "alice")
		suiteEqual(t, "the attacker", attacker.me(), "-")
	}
}

func (h SessionHarness) concurrent(t *testing.T) {
	key := suiteKey()
	machines := []*suiteSite{h.site(key), h.site(key)}
	shared := machines[0].visitor(t).as("alice")
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			site := machines[i%2]
			reader, own := shared.at(site), site.visitor(t)
			name := fmt.Sprint("user", i)
			for range 10 {
				suiteEqual(t, "a shared login", reader.me(), "alice")
				suiteEqual(t, "a login of one's own", own.as(name).me(), name)
			}
			own.get("/logout")
			suiteEqual(t, "after a logout of one's own", own.me(), "-")
		})
	}
	wait.Wait()
	suiteEqual(t, "the shared login afterwards", shared.me(), "alice")
	suiteEqual(t, "cookies", slices.IndexFunc(shared.jar, func(c *http.Cookie) bool { return strings.Contains(c.Name, h.Cookie) }), 0)
}
