package passport_test

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const requirements = 146

// wishes are the requirements that are a SHOULD; all others are a MUST.
var wishes = []int{10, 26, 27, 59, 63, 81, 82, 83, 99, 101, 107, 109, 118, 129, 130, 135, 137, 141, 146}

// Every requirement stands once in docs/security.md, in order, with tests that there
// are, or with the reason why there is none.
func TestEachRequirementHasATestOrAReason(t *testing.T) {
	page, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	known := testsOfTheTree(t)
	row := regexp.MustCompile(`(?m)^\| R(\d+) \| (MUST|SHOULD) \| ([^|]+) \| ([^|]+) \|$`)
	rows := row.FindAllStringSubmatch(string(page), -1)
	if lines := strings.Count(string(page), "\n| R"); lines != len(rows) || len(rows) != requirements {
		t.Errorf("%d rows, %d of them well formed; there are %d requirements", lines, len(rows), requirements)
	}
	for i, r := range rows {
		number, err := strconv.Atoi(r[1])
		if err != nil || number != i+1 {
			t.Errorf("R%s is where R%d belongs", r[1], i+1)
		}
		if (r[2] == "SHOULD") != slices.Contains(wishes, number) {
			t.Errorf("R%d is no %s", number, r[2])
		}
		shown(t, number, r[4], known)
	}
}

// shown checks the last cell of a row.
func shown(t *testing.T, number int, cell string, known map[string]bool) {
	t.Helper()
	if reason, none := strings.CutPrefix(cell, "*Reason:* "); none {
		if len(strings.Fields(reason)) < 5 {
			t.Errorf("R%d: %q is no reason", number, reason)
		}
		return
	}
	for name := range strings.SplitSeq(cell, ", ") {
		if !known[strings.Trim(name, "`")] || !strings.HasPrefix(name, "`") {
			t.Errorf("R%d: there is no test %s", number, name)
		}
	}
}

// testsOfTheTree finds the tests and fuzz targets of all modules here, by folder.
func testsOfTheTree(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != "." {
			return cmp.Or(err, filepath.SkipDir)
		}
		if d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		folder := ""
		if dir := filepath.ToSlash(filepath.Dir(path)); dir != "." {
			folder = dir + "."
		}
		for _, name := range testsOf(t, path) {
			known[folder+name] = true
		}
		return nil
	})
	if err != nil || len(known) < 400 {
		t.Fatalf("%d tests, %v: has the tree moved?", len(known), err)
	}
	return known
}

func testsOf(t *testing.T, path string) (names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if ok && f.Recv == nil && regexp.MustCompile(`^(Test|Fuzz)[A-Z]`).MatchString(f.Name.Name) {
			names = append(names, f.Name.Name)
		}
	}
	return names
}
