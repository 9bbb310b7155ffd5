package passport_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gopassport/passport"
)

type user struct{ id string }

func newKey() []byte { k := make([]byte, 32); rand.Read(k); return k }

func TestSmoke(t *testing.T) {
	auth := passport.New(passport.Config{Keys: [][]byte{newKey()}, Users: passport.Users[*user]{
		Key:  func(u *user) string { return u.id },
		Load: func(_ context.Context, k string) (*user, error) { return &user{k}, nil },
	}})
	auth.Use("flow", passport.StrategyFunc(func(r *http.Request, a *passport.Attempt) (passport.Result, error) {
		if s := r.URL.Query().Get("state"); s != "" {
			var v string
			if err := a.Take(s, &v); err != nil {
				return nil, err
			}
			return passport.Success{Value: v}, nil
		}
		if err := a.Save("S1", "hello"); err != nil {
			return nil, err
		}
		return passport.Redirect{URL: "https://p.example/authorize?state=S1"}, nil
	}))
	h := auth.Session(auth.Authorize("flow")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := passport.AccountFrom[string](r.Context())
		u, uok := passport.UserFrom[*user](r.Context())
		t.Log(a, ok, u, uok)
	})))
	nav := func(url string, cookies []*http.Cookie) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", url, nil)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	w := nav("/connect", nil)
	t.Log(w.Code, w.Header())
	w2 := nav("/connect?state=S1", w.Result().Cookies())
	t.Log(w2.Code, w2.Header(), w2.Body)
	w2 = nav("/connect?state=S2", w.Result().Cookies())
	t.Log(w2.Code, w2.Header(), w2.Body)
}
