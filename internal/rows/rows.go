// Package rows compares what somebody else's tests ask for with the tests of this
// repository, and makes a page of it. It is for tests only.
//
// A list is a file with a row on each line: id | tag | what is asked | note.
//
//	tag   P: asked of any language; A: the same in another shape; J: JavaScript's shape;
//	      GAP: in the code only
//	note  nothing: the test shows the same here
//	      differs: the test shows what is done here instead, and a page says why
//	      differs: and then why, where the row says it itself
//	      anything else: the reason why there is no test
//
// The test of a row is a subtest whose name begins with the row's id.
package rows

import (
	"bytes"
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

// Row is one situation that is asked about.
type Row struct{ ID, Tag, Asked, Note string }

// Differs tells whether something else is done here.
func (r Row) Differs() bool { return r.Note == "differs" || strings.HasPrefix(r.Note, "differs: ") }

// Reason tells whether the row has a reason in place of a test.
func (r Row) Reason() bool { return r.Note != "" && !r.Differs() }

// group is an id without its number.
func (r Row) group() string {
	group, _, _ := strings.Cut(r.ID, "-")
	return group
}

// Test is a case that ran.
type Test struct {
	Name   string // TestPassportFail/FAI-1_a_failure_is_a_401
	Stores int    // on which it ran; 0 where it needs none
	File   string // where it is
}

// Read reads a list. A line that begins with # is a comment.
func Read(t *testing.T, file string) (all []Row) {
	t.Helper()
	text, err := os.ReadFile(file) //nolint:gosec // the tests name the file
	if err != nil {
		t.Fatal(err)
	}
	id, seen := regexp.MustCompile(`^[A-Z][A-Z0-9]{1,2}-[0-9]+$`), map[string]bool{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		r, ok := parse(line)
		if !ok || !id.MatchString(r.ID) || seen[r.ID] {
			t.Fatalf("%s: %q is no row, or one that is there already", file, line)
		}
		seen[r.ID] = true
		all = append(all, r)
	}
	return all
}

func parse(line string) (Row, bool) {
	fields := strings.Split(line+" ", " | ")
	if len(fields) == 3 { // no note
		fields = append(fields[:2], strings.TrimSuffix(fields[2], " |"), "")
	}
	if len(fields) != 4 || !slices.Contains([]string{"P", "A", "J", "GAP"}, fields[1]) {
		return Row{}, false
	}
	return Row{fields[0], fields[1], strings.TrimSuffix(strings.TrimSpace(fields[2]), " |"), strings.TrimSpace(fields[3])}, true
}

// Ran runs tests with -v and gives the cases that ran, by the row that their names begin
// with. A case that was skipped did not run. dir is where the tests are.
func Ran(t *testing.T, dir string, command ...string) map[string][]Test {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...) //nolint:gosec // the tests name the command
	out, _ := cmd.CombinedOutput()                                      // a case that fails says so where it runs for itself
	found, stores, files := map[string][]Test{}, map[string]int{}, functions(t, dir)
	for _, m := range regexp.MustCompile(`(?m)^ *--- (?:PASS|FAIL): (\S+) \(`).FindAllStringSubmatch(string(out), -1) {
		switch parts := strings.Split(m[1], "/"); len(parts) {
		case 2:
			id, _, _ := strings.Cut(parts[1], "_")
			found[id] = append(found[id], Test{Name: m[1], File: files[parts[0]]})
		case 3:
			stores[parts[0]+"/"+parts[1]]++
		}
	}
	if len(found) == 0 {
		t.Fatalf("no case ran in %s:\n%s", dir, out)
	}
	for _, tests := range found {
		for i := range tests {
			tests[i].Stores = stores[tests[i].Name]
		}
		slices.SortFunc(tests, func(a, b Test) int { return strings.Compare(a.Name, b.Name) })
	}
	return found
}

// functions says in which file a test function is.
func functions(t *testing.T, dir string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
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
				found[fn.Name.Name] = filepath.ToSlash(name)
			}
		}
	}
	return found
}

// Explained are the rows that a section of a page names: FAI-1, or FAI-6 to FAI-11. Only
// groups of the list count, so that SHA-1 is no row.
func Explained(t *testing.T, file, heading string, list []Row) map[string]bool {
	t.Helper()
	page, err := os.ReadFile(file) //nolint:gosec // the tests name the file
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(page), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("%s has no section %q", file, heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	groups, found := map[string]bool{}, map[string]bool{}
	for _, r := range list {
		groups[r.group()] = true
	}
	for _, m := range regexp.MustCompile(`\b([A-Z][A-Z0-9]{1,2})-([0-9]+)\b(?:\s+to\s+([A-Z][A-Z0-9]{1,2})-([0-9]+))?`).FindAllStringSubmatch(section, -1) {
		from, _ := strconv.Atoi(m[2])
		to := from
		if m[3] == m[1] {
			to, _ = strconv.Atoi(m[4])
		}
		for n := from; n <= to && groups[m[1]]; n++ {
			found[fmt.Sprintf("%s-%d", m[1], n)] = true
		}
	}
	return found
}

// Complete fails where a list lacks a row, or has one that nobody asked for. groups has
// the numbers of the first and the last row of each group.
func Complete(t *testing.T, list []Row, groups map[string][]int) {
	t.Helper()
	left := map[string]bool{}
	for group, ends := range groups {
		for n := ends[0]; n <= ends[1]; n++ {
			left[fmt.Sprintf("%s-%d", group, n)] = true
		}
	}
	for _, r := range list {
		if !left[r.ID] {
			t.Errorf("%s is asked for nowhere, or by another list", r.ID)
		}
		delete(left, r.ID)
	}
	if len(left) > 0 {
		t.Errorf("the list lacks %q", slices.Sorted(maps.Keys(left)))
	}
}

// Check fails where a row has neither a test nor a reason, or both, where a test or an
// explanation has no row, and where a difference is not explained.
func Check(t *testing.T, list []Row, tests map[string][]Test, explained map[string]bool) {
	t.Helper()
	listed := map[string]bool{}
	for _, r := range list {
		listed[r.ID] = true
		switch ran := len(tests[r.ID]) > 0; {
		case !ran && !r.Reason():
			t.Errorf("%s (%s) has neither a test that runs nor a reason", r.ID, r.Asked)
		case ran && r.Reason():
			t.Errorf("%s has a test, and a reason why there is none: %s", r.ID, r.Note)
		}
		if said := explained[r.ID]; said && !r.Differs() || !said && r.Note == "differs" {
			t.Errorf("%s: a page explains a difference: %v; the list has the note %q", r.ID, said, r.Note)
		}
	}
	for _, ids := range [][]string{slices.Sorted(maps.Keys(explained)), slices.Sorted(maps.Keys(tests))} {
		for _, id := range ids {
			if !listed[id] {
				t.Errorf("%s is no row of the list", id)
			}
		}
	}
}

// Count is what a table has: rows by tag, "differs", "reasons" (rows without a test),
// "tests" and "runs" (a test counts for each store).
type Count map[string]int

// Table writes the rows of a table, for a page in docs. why is where a difference is
// explained.
func Table(w *bytes.Buffer, list []Row, tests map[string][]Test, why string, count Count) {
	for _, r := range list {
		here, where := "the same", []string{}
		if r.Note != "" {
			here = r.Note
		}
		if r.Note == "differs" {
			here = "[differs](" + why + ")"
		}
		if r.Differs() {
			count["differs"]++
		}
		if r.Reason() {
			count["reasons"]++
		}
		for _, test := range tests[r.ID] {
			on := ""
			if test.Stores > 0 {
				on = fmt.Sprintf(", %d stores", test.Stores)
			}
			where = append(where, fmt.Sprintf("`%s` in [%s](../%s)%s", test.Name, filepath.Base(test.File), test.File, on))
			count["tests"]++
			count["runs"] += max(1, test.Stores)
		}
		count[r.Tag]++
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s |\n", r.ID, r.Tag, r.Asked, here, strings.Join(where, "<br>"))
	}
}

// Same fails where a page says something else than it should. With update it is written
// anew.
func Same(t *testing.T, file string, page []byte, update bool) {
	t.Helper()
	if update {
		if err := os.WriteFile(file, page, 0o644); err != nil { //nolint:gosec // a page that everybody may read
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(file); err != nil || !bytes.Equal(have, page) { //nolint:gosec // the tests name the file
		t.Errorf("%s is out of date (%v); run: go test -run %s -update", file, err, t.Name())
	}
}
