package gorilla_test

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gorilla/sessions"

	"github.com/gopassport/passport/internal/gorilla"
	"github.com/gopassport/passport/internal/seal"
)

func newStore(t *testing.T) *sessions.CookieStore {
	t.Helper()
	key := make([]byte, seal.KeySize)
	_, _ = rand.Read(key)
	sealer, err := seal.New(key, "gorilla")
	if err != nil {
		t.Fatal(err)
	}
	store := sessions.NewCookieStore([]byte("0123456789abcdef0123456789abcdef")) // its own codec comes second
	store.Codecs[0] = gorilla.Codec{Sealer: sealer, Options: store.Options}
	return store
}

// cookie saves values in a store and gives the pair that a browser sends.
func cookie(t *testing.T, store sessions.Store, values map[any]any) string {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	s, _ := store.New(r, "session")
	s.Values = values
	if err := s.Save(r, w); err != nil {
		t.Fatal(err)
	}
	c := w.Result().Cookies()[0]
	return c.Name + "=" + c.Value
}

// A look without a session finds what the session has, or says that it cannot tell.
func TestPeekAnswersAsTheSessionWould(t *testing.T) {
	ours, other := newStore(t), newStore(t)
	stock := sessions.NewCookieStore([]byte("0123456789abcdef0123456789abcdef"))
	ada := cookie(t, ours, map[any]any{"login": "ada", "cart": "3"})
	foreign := cookie(t, other, map[any]any{"login": "mallory"})
	for name, c := range map[string]struct {
		store  sessions.Store
		header string
		want   string
		done   bool
	}{
		"a login":                             {ours, ada, "ada", true},
		"a login among other cookies":         {ours, "a=b; " + ada + "; c=d", "ada", true},
		"a session without a login":           {ours, cookie(t, ours, map[any]any{"cart": "3"}), "", true},
		"an empty session":                    {ours, cookie(t, ours, map[any]any{}), "", true},
		"values that are no strings":          {ours, cookie(t, ours, map[any]any{"login": "ada", "cart": 3}), "", false},
		"a cookie under another key":          {ours, foreign, "", false},
		"the first of two counts, as it does": {ours, foreign + "; " + ada, "", false},
		"a changed cookie":                    {ours, ada[:len(ada)-1], "", false},
		"a cookie of gorilla's own codec":     {stock, cookie(t, stock, map[any]any{"login": "ada"}), "", false},
		"a store that keeps it elsewhere":     {sessions.NewFilesystemStore(t.TempDir(), []byte("x")), ada, "", false},
		"no cookie":                           {ours, "a=b", "", false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", c.header)
		got, done := gorilla.Peek(c.store, "session", r, "login")
		if got != c.want || done != c.done {
			t.Errorf("%s: %q, %v; want %q, %v", name, got, done, c.want, c.done)
		}
		s, _ := c.store.Get(r, "session")
		if login, _ := s.Values["login"].(string); done && login != got {
			t.Errorf("%s: %q, and the session has %q", name, got, login)
		}
	}
}
