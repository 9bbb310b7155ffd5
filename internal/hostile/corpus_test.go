package hostile_test

import (
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

// TestCorpus runs every entry, or says why it does not apply.
func TestCorpus(t *testing.T) {
	all := hostile.Entries()
	if len(all) != 436 {
		t.Errorf("the corpus has %d entries", len(all))
	}
	count := map[string]int{}
	known := map[string]bool{}
	for _, e := range all {
		known[e.Key()] = true
		reason, out := notApplicable[e.Key()]
		if out {
			count["not applicable"]++
			t.Run(e.Key(), func(t *testing.T) { t.Log("does not apply: " + reason) })
			continue
		}
		count["run"]++
		if t.Run(e.Key(), func(t *testing.T) { judge(t, e) }) {
			count["passed"]++
		}
		if _, ours := decided[e.Key()]; ours {
			count["decided otherwise"]++
		}
	}
	for key := range notApplicable {
		if !known[key] || decided[key].reason != "" {
			t.Errorf("%s does not apply, and is not in the corpus, or is decided", key)
		}
	}
	for key, d := range decided {
		if !known[key] || d.reason == "" {
			t.Errorf("%s is decided, and is not in the corpus, or without a reason", key)
		}
	}
	t.Logf("%d entries: %d run, %d passed (%d of them as decided here), %d not applicable",
		len(all), count["run"], count["passed"], count["decided otherwise"], count["not applicable"])
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
	either := strings.Contains(e.Expect, "or reject") && (got == "accept" || got == "reject")
	if got != want && !either {
		t.Errorf("%s; want %s: %s\n%s", got, want, e.Expect, e.Input)
	}
}

// decision is a verdict of this library's that is another than the corpus expects.
type decision struct{ verdict, reason string }
