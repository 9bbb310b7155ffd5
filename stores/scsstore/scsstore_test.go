package scsstore_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/stores/scsstore"
)

// shaky is a store that can fail.
type shaky struct {
	*memstore.MemStore
	down    atomic.Bool
	commits atomic.Int64 // that fail although the rest works
}

var errDown = errors.New("connection refused")

func (s *shaky) Find(token string) ([]byte, bool, error) {
	if s.down.Load() {
		return nil, false, errDown
	}
	return s.MemStore.Find(token)
}

func (s *shaky) Commit(token string, b []byte, expiry time.Time) error {
	if s.down.Load() || s.commits.Add(-1) >= 0 {
		return errDown
	}
	return s.MemStore.Commit(token, b, expiry)
}

func (s *shaky) Delete(token string) error {
	if s.down.Load() {
		return errDown
	}
	return s.MemStore.Delete(token)
}

func (s *shaky) expire(t *testing.T) {
	t.Helper()
	all, err := s.All()
	if err != nil || len(all) == 0 {
		t.Fatalf("%d records, %v", len(all), err)
	}
	for token, b := range all {
		if err := s.MemStore.Commit(token, b, time.Now().Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
	}
}

func newManager() (*scs.SessionManager, *shaky) {
	store := &shaky{MemStore: memstore.NewWithCleanupInterval(0)}
	manager := scs.New()
	manager.Store, manager.Cookie.Secure, manager.ErrorFunc = store, true, scsstore.Unavailable
	return manager, store
}

// quiet keeps what Unavailable logs out of the test's output.
func quiet(t *testing.T) {
	t.Helper()
	before := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { slog.SetDefault(before) })
}

func TestTheContractOfSessions(t *testing.T) {
	quiet(t)
	for name, set := range map[string]func(*scs.SessionManager){
		"as it comes":         func(*scs.SessionManager) {},
		"with hashed tokens":  func(m *scs.SessionManager) { m.HashTokenInStore = true },
		"for browsers' lives": func(m *scs.SessionManager) { m.Cookie.Persist = false },
	} {
		t.Run(name, func(t *testing.T) {
			passporttest.TestSessionStore(t, func(*testing.T) passporttest.SessionHarness {
				manager, store := newManager()
				set(manager)
				return passporttest.SessionHarness{
					Store:      func(...[]byte) passport.SessionStore { return scsstore.New(manager) },
					Middleware: manager.LoadAndSave,
					Cookie:     "session",
					Keyless:    true,
					Ends:       true,
					Expire:     store.expire,
					Break: func(*testing.T) func() {
						store.down.Store(true)
						return func() { store.down.Store(false) }
					},
				}
			})
		})
	}
}

type user struct{ id string }

func newRegistry(t *testing.T, store passport.SessionStore) *passport.Registry {
	t.Helper()
	return passport.New(passport.Config{
		Keys:     [][]byte{[]byte("0123456789abcdef0123456789abcdef")},
		Sessions: store,
		Observe:  func(context.Context, passport.Event) {},
		Users: passport.Users[*user]{
			Key:  func(u *user) string { return u.id },
			Load: func(_ context.Context, id string) (*user, error) { return &user{id}, nil },
		},
	})
}

// get sends a request with the cookies of an answer before.
func get(h http.Handler, path string, before *httptest.ResponseRecorder) *httptest.ResponseRecorder {
	r, w := httptest.NewRequest(http.MethodGet, path, nil), httptest.NewRecorder()
	if before != nil {
		for _, c := range before.Result().Cookies() {
			r.AddCookie(c)
		}
	}
	h.ServeHTTP(w, r)
	return w
}

// LoadAndSave saves again at the end: what failed before must not work after all.
func TestALoginThatFailedIsNotSavedLater(t *testing.T) {
	manager, store := newManager()
	auth := newRegistry(t, scsstore.New(manager))
	mux := http.NewServeMux()
	mux.HandleFunc("/as/{id}", func(w http.ResponseWriter, r *http.Request) {
		if err := auth.Login(w, r, &user{r.PathValue("id")}); err != nil {
			var e *passport.Error
			if !errors.As(err, &e) || e.Code != passport.CodeSessionStore || !errors.Is(err, errDown) {
				t.Errorf("the error is %v", err)
			}
			w.WriteHeader(e.Status)
		}
	})
	mux.HandleFunc("/me", func(w http.ResponseWriter, r *http.Request) {
		u, _ := passport.UserFrom[*user](r.Context())
		if u != nil {
			_, _ = io.WriteString(w, u.id)
		}
	})
	h := manager.LoadAndSave(auth.Session(mux))
	alice := get(h, "/as/alice", nil)
	if who := get(h, "/me", alice).Body.String(); who != "alice" {
		t.Fatalf("the login is of %q", who)
	}
	store.commits.Store(1)
	failed := get(h, "/as/bob", alice)
	if failed.Code != http.StatusServiceUnavailable {
		t.Errorf("the answer is %d", failed.Code)
	}
	if who := get(h, "/me", failed).Body.String(); who != "alice" {
		t.Errorf("afterwards it is %q, want alice", who)
	}
}

func TestWithoutLoadAndSaveItIsAFaultThatSaysSo(t *testing.T) {
	manager, _ := newManager()
	store := scsstore.New(manager)
	if _, err := store.Load(httptest.NewRequest(http.MethodGet, "/", nil)); err == nil || !strings.Contains(err.Error(), "LoadAndSave") {
		t.Errorf("the error is %v", err)
	}
	h := newRegistry(t, store).Session(http.NotFoundHandler())
	if got := get(h, "/", nil).Code; got != http.StatusServiceUnavailable {
		t.Errorf("the status is %d", got)
	}
}

func TestANilManagerIsAMistakeInWiring(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "the manager is nil") {
			t.Errorf("the panic is %q", text)
		}
	}()
	scsstore.New(nil)
}
