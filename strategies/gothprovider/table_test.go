package gothprovider_test

import (
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// regenerate is what to do when this file is not true any more.
const regenerate = "go test ./strategies/gothprovider -run TestTheTableOfProvidersIsTrue -update"

// What the table says was measured with the goth of go.mod: a table of protections never
// claims what is not so.
func TestTheTableOfProvidersIsTrue(t *testing.T) {
	t.Setenv("SHOPIFY_SECRET", "shopify")
	version, folder := gothModule(t)
	table := fmt.Sprintf(tableHead, regenerate, version)
	var unclaimed, unproven []string // providers without our client, and without PKCE
	providers := every(t, "https://app.example/callback")
	for _, each := range providers {
		r := measure(t, each)
		table += r.String()
		if !r.token || r.profile == "no" {
			unclaimed = append(unclaimed, each.name)
		}
		if !r.pkce && r.key == "state" {
			unproven = append(unproven, each.name)
		}
	}
	compare(t, "PROVIDERS.md", table)
	var names []string
	for _, each := range providers {
		names = append(names, each.name)
	}
	if want := packages(t, folder); !slices.Equal(names, want) {
		t.Errorf("goth %s has the providers\n%q, and every() here\n%q: add or remove them, read their source for providers.go, then run\n\t%s", version, want, names, regenerate)
	}
	documented(t, version, unclaimed, unproven)
}

// gothModule finds the goth that go.mod names.
func gothModule(t *testing.T) (version, folder string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}\n{{.Dir}}", "github.com/markbates/goth").Output()
	version, folder, ok := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if err != nil || !ok || folder == "" {
		t.Fatalf("%v %q", err, out)
	}
	return version, folder
}

// packages are goth's providers. faux is for tests.
func packages(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(folder, "providers"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != "faux" {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return names
}

// documented checks what the package's documentation says of providers by name.
func documented(t *testing.T, version string, unclaimed, unproven []string) {
	t.Helper()
	text, err := os.ReadFile("gothprovider.go")
	if err != nil {
		t.Fatal(err)
	}
	doc, _, _ := strings.Cut(strings.ReplaceAll(string(text), "\n// ", " "), "package gothprovider\n")
	minor := version[1:strings.LastIndex(version, ".")]
	_, clients, ok := strings.Cut(doc, "These providers of goth "+minor+" use ")
	clients, pkce, found := strings.Cut(clients, "PKCE is not sent to ")
	if !ok || !found {
		t.Fatalf("the documentation of the package is not about goth %s", minor)
	}
	_, clients, _ = strings.Cut(clients, ": ")
	clients, _, _ = strings.Cut(clients, ".")
	pkce, _, _ = strings.Cut(pkce, " either")
	words := func(text string) []string {
		return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	}
	for _, name := range unclaimed {
		if !slices.Contains(words(clients), name) {
			t.Errorf("the documentation of the package does not say that %s uses a client of its own", name)
		}
	}
	for _, name := range words(strings.ReplaceAll(clients, " (it has PKCE)", "")) {
		if !slices.Contains(unclaimed, name) {
			t.Errorf("the documentation of the package says that %s uses a client of its own; it does not", name)
		}
	}
	for _, name := range unproven {
		if !slices.Contains(words(clients+" "+pkce), name) {
			t.Errorf("the documentation of the package does not say that %s has no PKCE", name)
		}
	}
}

const tableHead = `# Which protection holds for which provider of goth

Made by the tests (` + "`%s`" + `), which run whole flows of each
provider of goth %s. The test fails when goth has another version, other providers, or
when one of them does something else than this page says.

What holds for all of them is not in the table: the state and its comparison, parameters, the deadline, panics,
ids, errors.

* **A flow is named by** what the provider sends back.
* **PKCE**: the challenge was in the address, and its verifier in the token request.
* **Our client**: requests carry the context, follow no redirects, and take at most 1 MiB.
* **{} ends in**: what comes of a token reply, and of a profile, without anything that goth wants.

| provider | a flow is named by | PKCE | token by our client | profile by our client | an account | a token of {} ends in | a profile of {} ends in |
|---|---|---|---|---|---|---|---|
`

// row is what is known of a provider.
type row struct {
	name, key     string
	pkce, token   bool
	profile       string
	account       string
	noToken, none string // codes
}

func (r row) String() string {
	yes := map[bool]string{true: "yes", false: "no"}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s | %s |\n", r.name, r.key, yes[r.pkce], yes[r.token], r.profile, r.account, r.noToken, r.none)
}

// measure runs a whole flow of a provider, and one each with a token and a profile of {}.
func measure(t *testing.T, each named) row {
	t.Helper()
	j := travel(t.Context(), t, each, serving(each.name))
	token, profile := j.world.of(stepToken), j.world.of(stepProfile)
	r := row{name: each.name, key: "state", pkce: j.query.Has("code_challenge"), token: token.ours == token.calls, profile: "not asked for", account: "yes"}
	switch {
	case j.query.Has("oauth_token"):
		r.key = "request token"
	case !j.query.Has("state"):
		r.key = "a callback URL of its own"
	}
	if profile.calls > 0 {
		r.profile = map[bool]string{true: "yes", false: "no"}[profile.ours == profile.calls]
	}
	if j.end.Code != http.StatusOK {
		r.account = "never: no id"
	}
	j.app.Secretless(each.name, j.end, j.secrets()...)
	sum := sha256.Sum256([]byte(token.verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	if r.pkce && (len(token.verifier) != 43 || j.query.Get("code_challenge") != challenge) || !r.pkce && token.verifier != "" {
		t.Errorf("%s: the challenge %q, the verifier %q", each.name, j.query.Get("code_challenge"), token.verifier)
	}
	r.noToken, r.none = ending(t, each, stepToken), ending(t, each, stepProfile)
	return r
}

// ending is what {} in place of a reply ends in.
func ending(t *testing.T, each named, step string) string {
	t.Helper()
	world := serving(each.name)
	world.odd = map[string]odd{step: text(http.StatusOK, "application/json", "{}")}
	j := travel(t.Context(), t, each, world)
	switch err := j.app.Last(); {
	case world.of(step).calls == 0:
		return "-"
	case err == nil:
		return "the account of the token"
	default:
		return string(err.Code)
	}
}

var update = flag.Bool("update", false, "write PROVIDERS.md anew")

func compare(t *testing.T, file, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("%s is out of date (%v); write it anew with\n\t%s\nIt should be:\n%s", file, err, regenerate, want)
	}
}
