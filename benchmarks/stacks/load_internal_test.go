package stacks

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Both ways to make load count answers, and take none that is bad for a good one.
func TestLoadTakesNoBadAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Cookie"), "login=ada") {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	for name, run := range map[string]func(context.Context, string, string, time.Duration) (float64, error){"what is there": load, "by hand": byHand} {
		if rate, err := run(t.Context(), server.URL+"/page", "login=ada", 100*time.Millisecond); err != nil || rate < 10 {
			t.Errorf("%s: %v a second, %v", name, rate, err)
		}
		if rate, err := run(t.Context(), server.URL+"/page", "login=eve", 100*time.Millisecond); err == nil {
			t.Errorf("%s: refusals count as answers: %v a second", name, rate)
		}
	}
}
