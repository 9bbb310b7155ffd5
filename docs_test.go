package passport_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// codes reads the codes from errors.go: by constant, because two constants with one
// value would be a mistake, too.
func codes(t *testing.T) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Code" {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			found[spec.Names[0].Name] = value
		}
		return true
	})
	return found
}

// The page and the code list each other: a code that nobody explains is only a number.
func TestEachCodeHasASectionInTheDocumentation(t *testing.T) {
	page, err := os.ReadFile("docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, section := range strings.Split(string(page), "\n### ")[1:] {
		code, text, _ := strings.Cut(section, "\n")
		if _, twice := sections[code]; twice {
			t.Errorf("%s has two sections", code)
		}
		sections[code] = text
	}
	all := codes(t)
	if len(all) < 20 {
		t.Fatalf("found only the codes %v: is errors.go written in another way now?", all)
	}
	for name, code := range all {
		text, ok := sections[code]
		status := regexp.MustCompile("(?m)^`" + name + "`, [45][0-9][0-9]\\b")
		if !ok || !status.MatchString(text) {
			t.Errorf("docs/errors.md: there is no section %q, or it does not begin with `%s` and its status", code, name)
		}
		delete(sections, code)
	}
	if len(sections) > 0 {
		t.Errorf("docs/errors.md: no such codes: %q", slices.Sorted(maps.Keys(sections)))
	}
}
