//go:build unix

package interop_test

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gopassport/passport/internal/realserver"
)

// op is npm's oidc-provider (oidc/server.mjs): ada and grace have an account there.
type op struct {
	t      *testing.T
	server *realserver.Server
	Issuer string
}

// metadata is what a client tells about itself (OpenID Connect Dynamic Client Registration
// 1.0, 2), and what it is told.
type metadata map[string]any

func (m metadata) id() string     { return m["client_id"].(string) }
func (m metadata) secret() string { secret, _ := m["client_secret"].(string); return secret }

func startOP(t *testing.T) *op {
	t.Helper()
	noticed(t, "oidc")
	server := realserver.Node(t, ".", "oidc/server.mjs")
	return &op{t: t, server: server, Issuer: "http://localhost:" + strings.Split(server.Address, ":")[1]}
}

// noticed makes go test notice that a server's scripts have changed, so that it does not
// give an old result: it looks at the files that a test has read.
func noticed(t *testing.T, folder string) {
	t.Helper()
	if err := fs.WalkDir(os.DirFS("."), folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			_, err = os.ReadFile(path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// register makes a client, with what differs from the usual one.
func (o *op) register(callbacks []string, differs ...metadata) metadata {
	o.t.Helper()
	m := metadata{"redirect_uris": callbacks, "grant_types": []string{"authorization_code", "refresh_token"}, "response_types": []string{"code"}}
	for _, d := range differs {
		maps.Copy(m, d)
	}
	text, err := json.Marshal(m)
	if err != nil {
		o.t.Fatal(err)
	}
	reply, err := client().Post(o.Issuer+"/reg", "application/json", bytes.NewReader(text))
	if err != nil {
		o.t.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil || reply.StatusCode != http.StatusCreated {
		o.t.Fatalf("%v %v: %s", err, reply.Status, body)
	}
	made := metadata{}
	if err := json.Unmarshal(body, &made); err != nil {
		o.t.Fatal(err)
	}
	return made
}

// fault makes it get something wrong from now on, or nothing: "".
func (o *op) fault(name string) {
	o.t.Helper()
	o.control("/control/fault?name=" + url.QueryEscape(name))
}

// requests is how often each endpoint was asked since the last fault was set.
func (o *op) requests() map[string]int {
	o.t.Helper()
	return o.control("/control/requests")
}

func (o *op) control(path string) (counts map[string]int) {
	o.t.Helper()
	reply, err := client().Get(o.Issuer + path)
	if err != nil {
		o.t.Fatal(err)
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		o.t.Fatalf("%s: %s", path, reply.Status)
	}
	if err := json.NewDecoder(reply.Body).Decode(&counts); err != nil {
		o.t.Fatal(err)
	}
	return counts
}

func client() *http.Client { return &http.Client{Timeout: 20 * time.Second} }

// at is the provider's pages for a person.
func at(name string) service {
	return service{
		subject: name,
		allow: func(b browser) {
			if b.has("[name=password]") {
				b.click("allow", "login", name, "password", name+"'s password")
			}
			if b.has("#allow") {
				b.click("allow")
			}
		},
		cancel: func(b browser) { b.click("cancel") },
	}
}

// allow is what a visitor does there.
func (v *visitor) allow(name string) *visitor {
	v.t.Helper()
	at(name).allow(v)
	return v
}
