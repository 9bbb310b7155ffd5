package sidebyside

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
)

// fakeProvider is a service with OAuth 2 that both applications use. Nobody visits its
// page: allow does what it would do when a person agrees.
type fakeProvider struct {
	*httptest.Server
	mu    sync.Mutex
	codes map[string]grant
}

type grant struct{ person, challenge, callback string }

// people are the profiles. Some make the service misbehave.
var people = map[string]string{
	"carol":     `{"id": 7, "login": "carol"}`,
	"dave":      `{"id": 8, "login": "dave"}`,
	"refused":   `{"id": 9, "login": "refused"}`,
	"nameless":  `{"login": "nameless"}`,
	"zero":      `{"id": 0, "login": "zero"}`,
	"noprofile": `{"message": "the service is down"}`,
	"html":      `<html>the service is down</html>`,
	"notoken":   ``,
}

func newProvider(t *testing.T) *fakeProvider {
	p := &fakeProvider{codes: map[string]grant{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /profile", p.profile)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// allow gives the address that the service sends a person back to, who was sent to it
// with the address begun.
func (p *fakeProvider) allow(begun *url.URL, person string) string {
	asked, code := begun.Query(), rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.codes[code] = grant{person, asked.Get("code_challenge"), asked.Get("redirect_uri")}
	return asked.Get("redirect_uri") + "?" + url.Values{"code": {code}, "state": {asked.Get("state")}}.Encode()
}

func (p *fakeProvider) token(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	code := r.PostFormValue("code")
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	p.mu.Lock()
	g, ok := p.codes[code]
	delete(p.codes, code)
	p.mu.Unlock()
	switch {
	case g.person == "notoken":
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = fmt.Fprint(w, `{"error": "server_error"}`)
	case !ok, g.challenge != base64.RawURLEncoding.EncodeToString(sum[:]), g.callback != r.PostFormValue("redirect_uri"):
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, `{"error": "invalid_grant"}`)
	default:
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "of-" + g.person, "token_type": "bearer"})
	}
}

func (p *fakeProvider) profile(w http.ResponseWriter, r *http.Request) {
	for person, profile := range people {
		if r.Header.Get("Authorization") == "Bearer of-"+person {
			if person == "noprofile" {
				w.WriteHeader(http.StatusInternalServerError)
			}
			_, _ = fmt.Fprint(w, profile)
			return
		}
	}
	w.WriteHeader(http.StatusUnauthorized)
}
