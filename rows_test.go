package passport_test

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var updateRows = flag.Bool("update", false, "TestPassportRows writes docs/passport-rows.md anew")

// passportRow is a group of Passport's own tests.
type passportRow struct{ id, tag, asked, note string }

// passportRows reads the list.
func passportRows(t *testing.T) (all []passportRow) {
	t.Helper()
	text, err := os.ReadFile("testdata/passport-rows.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		fields := strings.Split(line+" ", " | ")
		if len(fields) == 3 { // no note
			fields = append(fields[:2], strings.TrimSuffix(fields[2], " |"), "")
		}
		if len(fields) != 4 || !rowID.MatchString(fields[0]) || !slices.Contains([]string{"P", "A", "J", "GAP"}, fields[1]) || seen[fields[0]] {
			t.Fatalf("testdata/passport-rows.txt: %q is no row, or one that is there already", line)
		}
		seen[fields[0]] = true
		all = append(all, passportRow{fields[0], fields[1], strings.TrimSuffix(strings.TrimSpace(fields[2]), " |"), strings.TrimSpace(fields[3])})
	}
	return all
}

var rowID = regexp.MustCompile(`^[A-Z]{3}-[0-9]+$`)

// rowTest is a case that ran.
type rowTest struct {
	name   string // TestPassportFail/FAI-1_a_failure_is_a_401
	stores int    // on which it ran; 0 where it needs none
}

// rowTests runs the tests of the rows once more, and gives the cases that ran, by the row
// that their names begin with. A case that was skipped did not run.
func rowTests(t *testing.T) map[string][]rowTest {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestPassport", "-test.skip=^TestPassportRows", "-test.v")
	out, _ := cmd.CombinedOutput() // a case that fails says so where it runs for itself
	found, stores := map[string][]rowTest{}, map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^ *--- (?:PASS|FAIL): (\S+) \(`).FindAllStringSubmatch(string(out), -1) {
		switch parts := strings.Split(m[1], "/"); len(parts) {
		case 2:
			id, _, _ := strings.Cut(parts[1], "_")
			found[id] = append(found[id], rowTest{name: m[1]})
		case 3:
			stores[parts[0]+"/"+parts[1]]++
		}
	}
	if len(found) == 0 {
		t.Fatalf("no case ran:\n%s", out)
	}
	for _, tests := range found {
		for i := range tests {
			tests[i].stores = stores[tests[i].name]
		}
		slices.SortFunc(tests, func(a, b rowTest) int { return strings.Compare(a.name, b.name) })
	}
	return found
}

// files says in which file a test function is.
func files(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, name := range names {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				found[fn.Name.Name] = name
			}
		}
	}
	return found
}

// differences are the rows that docs/from-passport.md explains: FAI-1, or FAI-6 to FAI-11.
func differences(t *testing.T) map[string]bool {
	t.Helper()
	page, err := os.ReadFile("docs/from-passport.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(page), "\n## Where this library differs, and why\n")
	if !ok {
		t.Fatal("docs/from-passport.md has no section on where this library differs")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(`\b([A-Z]{3})-([0-9]+)\b(?:\s+to\s+([A-Z]{3})-([0-9]+))?`).FindAllStringSubmatch(section, -1) {
		from, _ := strconv.Atoi(m[2])
		to := from
		if m[3] == m[1] {
			to, _ = strconv.Atoi(m[4])
		}
		for n := from; n <= to; n++ {
			found[fmt.Sprintf("%s-%d", m[1], n)] = true
		}
	}
	return found
}

// It fails where a row has neither a test nor a reason, where a test has no row, where a
// difference is not explained, and where docs/passport-rows.md says something else. With
// -update (go test -run TestPassportRows -update) it writes that page anew.
func TestPassportRows(t *testing.T) {
	rows, tests, explained := passportRows(t), rowTests(t), differences(t)
	listed := map[string]bool{}
	for _, r := range rows {
		listed[r.id] = true
		reason := r.note != "" && r.note != "differs"
		switch ran := len(tests[r.id]) > 0; {
		case !ran && !reason:
			t.Errorf("%s (%s) has neither a test that runs nor a reason", r.id, r.asked)
		case ran && reason:
			t.Errorf("%s has a test, and a reason why there is none: %s", r.id, r.note)
		}
		if explained[r.id] != (r.note == "differs") {
			t.Errorf("%s: docs/from-passport.md explains a difference: %v; the list has the note %q", r.id, explained[r.id], r.note)
		}
	}
	for _, found := range []map[string]bool{explained, keysOf(tests)} {
		for _, id := range slices.Sorted(maps.Keys(found)) {
			if !listed[id] {
				t.Errorf("%s is no row of the list", id)
			}
		}
	}
	if t.Failed() {
		return
	}
	page := rowsPage(rows, tests, files(t))
	if *updateRows {
		if err := os.WriteFile("docs/passport-rows.md", page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile("docs/passport-rows.md"); err != nil || !bytes.Equal(have, page) {
		t.Errorf("docs/passport-rows.md is out of date (%v); run: go test -run TestPassportRows -update", err)
	}
}

func keysOf(tests map[string][]rowTest) map[string]bool {
	keys := map[string]bool{}
	for id := range tests {
		keys[id] = true
	}
	return keys
}

// rowsPage is docs/passport-rows.md.
func rowsPage(rows []passportRow, tests map[string][]rowTest, files map[string]string) []byte {
	var table, page bytes.Buffer
	count := map[string]int{}
	for _, r := range rows {
		here, where := "the same", []string{}
		if r.note != "" {
			here = r.note
		}
		if r.note == "differs" {
			here = "[differs](from-passport.md#where-this-library-differs-and-why)"
			count["differs"]++
		}
		for _, test := range tests[r.id] {
			on := ""
			if test.stores > 0 {
				on = fmt.Sprintf(", %d stores", test.stores)
			}
			name, _, _ := strings.Cut(test.name, "/")
			where = append(where, fmt.Sprintf("`%s` in [%s](../%s)%s", test.name, files[name], files[name], on))
			count["tests"]++
			count["runs"] += max(1, test.stores)
		}
		count[r.tag]++
		fmt.Fprintf(&table, "| %s | %s | %s | %s | %s |\n", r.id, r.tag, r.asked, here, strings.Join(where, "<br>"))
	}
	fmt.Fprintf(&page, `<!-- Made by: go test -run TestPassportRows -update. Do not edit. -->

# What Passport's tests ask for

The 545 cases of passport 0.7.0's own tests and one of passport-strategy's, in %d groups of one situation
each, and %d things that Passport's code does without a test (GAP). P is asked of any language (%d), A the
same in another shape (%d), J is JavaScript's shape (%d) and has no counterpart. %d rows differ on purpose;
[from-passport.md](from-passport.md#where-this-library-differs-and-why) says why.

%d tests show what happens here, those that concern a session on each kind of session store: %d runs. A
test of this repository fails when a row has neither a test nor a reason, or when its test no longer runs.

| Row | Tag | Asked | Here | Test |
|---|---|---|---|---|
`, count["P"]+count["A"]+count["J"], count["GAP"], count["P"], count["A"], count["J"], count["differs"], count["tests"], count["runs"])
	page.Write(table.Bytes())
	return page.Bytes()
}
