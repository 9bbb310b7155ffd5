package sidebyside

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// With -update the run writes its table into the document, instead of comparing it.
var update = flag.Bool("update", false, "write the table of differences into docs/from-passport.md")

// The document, and what the table stands between. The reasons follow the table: a list
// whose items begin with the name in bold.
const (
	document = "../docs/from-passport.md"
	heading  = "\n## Side by side\n"
	begin    = "<!-- The run in sidebyside writes this table: go test ./... -update -->\n"
	end      = "<!-- The end of the table. -->\n"
)

type result struct {
	testCase
	theirs, ours string
}

func (r result) same() bool { return r.theirs == r.ours }

func summary(results []result) string {
	differ := 0
	for _, r := range results {
		if !r.same() {
			differ++
		}
	}
	return fmt.Sprintf("%d cases: %d the same, %d differ.", len(results), len(results)-differ, differ)
}

// table lists all cases, for the log.
func table(results []result) string {
	var b strings.Builder
	for _, r := range results {
		if r.same() {
			fmt.Fprintf(&b, "same     %s\n         %s\n", r.name, r.ours)
			continue
		}
		fmt.Fprintf(&b, "DIFFERS  %s\n         Passport: %s\n         here:     %s\n         why:      %s\n", r.name, r.theirs, r.ours, r.why)
	}
	return b.String() + summary(results)
}

// judge fails on a difference without a reason, and on a reason without a difference.
func judge(t *testing.T, results []result) {
	names := map[string]bool{}
	for _, r := range results {
		if names[r.name] {
			t.Errorf("two cases are called %q", r.name)
		}
		names[r.name] = true
		switch {
		case !r.same() && r.why == "":
			t.Errorf("%s: nobody explains this difference\n\tPassport: %s\n\there:     %s", r.name, r.theirs, r.ours)
		case r.same() && r.why != "":
			t.Errorf("%s: explained by %q, but both sides are the same: %s", r.name, r.why, r.ours)
		}
	}
}

// differences is the table for the document.
func differences(results []result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n| Case | Passport | Here | Why |\n|---|---|---|---|\n", summary(results))
	for _, r := range results {
		if !r.same() {
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.name, cell(r.theirs), cell(r.ours), r.why)
		}
	}
	return b.String()
}

func cell(facts string) string { return "`" + strings.ReplaceAll(facts, "|", `\|`) + "`" }

var reason = regexp.MustCompile(`(?m)^- \*\*([a-z0-9-]+)\*\*: \S`)

// compareDocument checks that the document has this table, and a reason for each
// difference and no others.
func compareDocument(t *testing.T, results []result) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, section, ok := strings.Cut(string(text), heading)
	section, after, _ := strings.Cut(section, "\n## ")
	intro, rest, okBegin := strings.Cut(section, begin)
	written, reasons, okEnd := strings.Cut(rest, end)
	if !ok || !okBegin || !okEnd {
		t.Fatalf("%s has no section %q with the two comments that the table stands between", document, strings.TrimSpace(heading))
	}
	wanted := "\n" + differences(results) + "\n"
	switch {
	case written == wanted:
	case *update:
		if after != "" {
			after = "\n## " + after
		}
		if err := os.WriteFile(document, []byte(before+heading+intro+begin+wanted+end+reasons+after), 0o600); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s has another table; look at the differences, then: go test ./... -update", document)
	}
	checkReasons(t, results, reasons)
}

func checkReasons(t *testing.T, results []result, text string) {
	given, used := map[string]bool{}, map[string]bool{}
	for _, m := range reason.FindAllStringSubmatch(text, -1) {
		if given[m[1]] {
			t.Errorf("%s gives the reason %q twice", document, m[1])
		}
		given[m[1]] = true
	}
	for _, r := range results {
		if r.why != "" {
			used[r.why] = true
		}
	}
	for _, why := range slices.Sorted(maps.Keys(used)) {
		if !given[why] {
			t.Errorf("%s does not give the reason %q", document, why)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(given)) {
		if !used[why] {
			t.Errorf("%s gives the reason %q, which no case has", document, why)
		}
	}
}
