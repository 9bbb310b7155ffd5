package hostile_test

import (
	"os"
	"strings"
	"testing"

	"github.com/gopassport/passport/internal/hostile"
)

// areas says who runs the entries of an area. The function gives what became of one, in
// the words of Entry.Expect, and complains of details itself.
var areas = map[string]func(*testing.T, hostile.Entry) string{
	"request-phase":      requestPhase,
	"state":              callbacks,
	"callback-params":    callbacks,
	"callback-method":    callbacks,
	"linking":            scripts,
	"session":            scripts,
	"oidc-idtoken":       idTokens,
	"oauth2-token-reply": tokenReplies,
	"oidc-userinfo":      userinfos,
	"oidc-discovery":     discoveries,
	"oidc-jwks":          keySets,
	"ssrf":               issuers,
	"oauth1":             oauth1s,
	"goth-reply":         gothReplies,
	"cookie":             cookies,
	"redirect":           redirects,
	"bearer":             headers,
	"basic":              headers,
	"www-authenticate":   headers,
	"config":             scripts,
	"logging":            scripts,
	"resource":           scripts,
}

// TestCorpus runs every entry, or says where it runs, or why it does not apply.
func TestCorpus(t *testing.T) {
	all := hostile.Entries()
	if len(all) != 436 {
		t.Errorf("the corpus has %d entries", len(all))
	}
	count := map[string]int{}
	for _, e := range all {
		kind := "run"
		t.Run(e.Key(), func(t *testing.T) {
			switch {
			case notApplicable[e.Key()] != "":
				kind = "not applicable"
				t.Log("does not apply: " + notApplicable[e.Key()])
			case elsewhere[e.Key()] != "":
				kind = "elsewhere"
				named(t, elsewhere[e.Key()], e.Key())
			default:
				judge(t, e)
			}
			if !t.Failed() {
				count["passed "+kind]++
			}
		})
		count[kind]++
		if decided[e.Key()].reason != "" {
			count["decided"]++
		}
	}
	t.Logf("%d entries: %d run here (%d passed, %d of them as decided here), %d in the tests of one package, %d not applicable",
		len(all), count["run"], count["passed run"], count["decided"], count["elsewhere"], count["not applicable"])
}

// named looks for an entry in the file that runs it.
func named(t *testing.T, file, key string) {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(source), strings.ReplaceAll(key, "\n", `\n`)) {
		t.Errorf("%s does not name it", file)
	}
}

// The lists are about entries that there are, each is in one of them, and has a reason.
func TestTheListsAreOfTheCorpus(t *testing.T) {
	known, listed := map[string]bool{}, map[string]int{}
	for _, e := range hostile.Entries() {
		if known[e.Key()] {
			t.Errorf("%s comes twice", e.Key())
		}
		known[e.Key()] = true
	}
	check := func(key, reason string) {
		if listed[key]++; !known[key] || listed[key] > 1 || reason == "" {
			t.Errorf("%s is not in the corpus, or in two lists, or without a reason", key)
		}
	}
	for key, d := range decided {
		check(key, d.reason)
	}
	for key, reason := range notApplicable {
		check(key, reason)
	}
	for key, file := range elsewhere {
		check(key, file)
	}
}

func judge(t *testing.T, e hostile.Entry) {
	run := areas[e.Area]
	if run == nil {
		t.Fatalf("nobody runs the area %s", e.Area)
	}
	want := e.Verdict()
	if d, ours := decided[e.Key()]; ours {
		if d.verdict == want {
			t.Errorf("it is decided as it is expected; take it off the list")
		}
		want = d.verdict
	}
	got := run(t, e)
	either := (strings.Contains(e.Expect, "or reject") || strings.Contains(e.Expect, "either is fine")) && (got == "accept" || got == "reject")
	if got != want && !either {
		t.Errorf("%s; want %s: %s\n%s", got, want, e.Expect, e.Input)
	}
}

// decision is a verdict of this library's that is another than the corpus expects.
type decision struct{ verdict, reason string }
