// Package readme_test compiles the Go that README.md and the pages under docs show, so that what people
// copy works. Every block that is fenced as go takes part:
//
//   - A block with a package clause is a file of its own.
//
//   - Any other block is a fragment: declarations, or statements inside of a handler
//     (w and r are there). What it takes for granted is in testdata/frame.go, and what
//     only this one needs stands above it, where readers of the page do not see it:
//
//     <!-- go
//     var limiter *Limiter
//     -->
package readme_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	// What is shown may use these. Imported here, they are in go.mod, and go test runs the
	// test again when one of them has changed.
	_ "github.com/markbates/goth/providers/apple"
	_ "github.com/markbates/goth/providers/github"
	_ "github.com/markbates/goth/providers/twitter"

	_ "github.com/gopassport/passport"
	_ "github.com/gopassport/passport/accounts"
	_ "github.com/gopassport/passport/passporttest"
	_ "github.com/gopassport/passport/strategies/gothprovider"
	_ "github.com/gopassport/passport/strategies/local"
	_ "github.com/gopassport/passport/strategies/oauth1"
	_ "github.com/gopassport/passport/strategies/oauth2"
	_ "github.com/gopassport/passport/strategies/oidc"
)

func TestGoInTheDocumentationCompiles(t *testing.T) {
	root := moduleRoot(t)
	var all []snippet
	for _, file := range markdown(t, root) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found, err := extract(file, string(text))
		if err != nil {
			t.Error(err)
		}
		all = append(all, found...)
	}
	if !slices.ContainsFunc(all, func(s snippet) bool { return filepath.Base(s.file) == "README.md" && s.whole() }) {
		t.Error("README.md shows no complete program")
	}
	for _, s := range all {
		if text, err := format.Source([]byte(s.code)); err == nil && string(text) != s.code {
			t.Errorf("%s:%d: gofmt would write\n%s", s.file, s.line, text)
		}
	}
	if out, err := compile(t, root, all); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// A check that passes everything would not be noticed.
func TestGoThatDoesNotCompileIsFound(t *testing.T) {
	root := moduleRoot(t)
	for name, test := range map[string]struct{ text, want string }{
		"a fragment with an unknown method": {"# T\n```go\nauth.Nonsense()\n```\n", "made-up.md:3"},
		"a fragment that does not parse":    {"```go\nauth.Use(\n```\n", "made-up.md:"},
		"a program with an unused variable": {"```go\npackage main\n\nfunc main() {\n\tx := 1\n}\n```\n", "made-up.md:5"},
		"a hidden declaration":              {"<!-- go\nvar x y\n-->\n\n```go\nx()\n```\n", "undefined: y"},
	} {
		t.Run(name, func(t *testing.T) {
			snippets, err := extract(filepath.Join(root, "made-up.md"), test.text)
			if err != nil || len(snippets) != 1 {
				t.Fatalf("extracted %d snippets, error %v", len(snippets), err)
			}
			out, err := compile(t, root, snippets)
			if err == nil || !strings.Contains(out, test.want) {
				t.Errorf("error %v, without %q in:\n%s", err, test.want, out)
			}
		})
	}
}

func TestWhatCountsAsASnippet(t *testing.T) {
	const page = "```sh\nls\n```\n\n```go\nfunc f() {}\n```\n\n- in a list:\n\n  ```go\n  if true {\n  \tf()\n  }\n  ```\n\n````\n```go\nnot this\n```\n````\n"
	got, err := extract("page.md", page)
	if err != nil {
		t.Fatal(err)
	}
	want := []snippet{
		{file: "page.md", line: 6, code: "func f() {}\n"},
		{file: "page.md", line: 12, code: "if true {\n\tf()\n}\n"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
	for _, page := range []string{"```go\nx()\n", "<!-- go\nvar x int\n"} {
		if _, err := extract("page.md", page); err == nil {
			t.Errorf("%q has no end, and nobody says so", page)
		}
	}
}

// snippet is one block of Go.
type snippet struct {
	file   string
	line   int    // of the first line of code
	hidden string // declarations from a comment above it
	code   string
}

// whole tells whether the snippet is a file of its own.
func (s snippet) whole() bool {
	_, err := parser.ParseFile(token.NewFileSet(), "", s.code, parser.PackageClauseOnly)
	return err == nil
}

// extract finds the blocks that are fenced as go.
func extract(file, text string) (found []snippet, err error) {
	lines := strings.Split(text, "\n")
	hidden := ""
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		fence := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case line == "<!-- go":
			end := closing(lines, i, "-->")
			if end < 0 {
				return found, fmt.Errorf("%s:%d: the comment has no end", file, i+1)
			}
			hidden, i = strings.Join(lines[i+1:end], "\n")+"\n", end
		case len(fence) >= 3:
			end := closing(lines, i, fence)
			if end < 0 {
				return found, fmt.Errorf("%s:%d: the block has no end", file, i+1)
			}
			if line == "```go" {
				indent, _, _ := strings.Cut(lines[i], "`")
				found = append(found, snippet{file, i + 2, hidden, dedent(lines[i+1:end], indent)})
			}
			hidden, i = "", end
		case line != "":
			hidden = ""
		}
	}
	return found, nil
}

func closing(lines []string, begin int, mark string) int {
	for i := begin + 1; i < len(lines); i++ {
		if strings.TrimSpace(lines[i]) == mark {
			return i
		}
	}
	return -1
}

func dedent(lines []string, indent string) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(strings.TrimPrefix(line, indent) + "\n")
	}
	return b.String()
}

// source is the file that is compiled. Its lines are called by their place in the page.
func (s snippet) source(frame []byte) ([]byte, error) {
	place := fmt.Sprintf("//line %s:%d\n", s.file, s.line)
	if s.whole() {
		return []byte(place + s.code), nil
	}
	body := place + s.code
	own := declared("package p\n" + s.hidden + s.code)
	if own == nil { // no declarations, so statements
		body = "func _(w http.ResponseWriter, r *http.Request) {\n" + body + used("func _() {\n"+s.code+"}\n") + "}\n"
		own = declared("package p\n" + s.hidden)
	}
	return withFrame(frame, own, s.hidden+body)
}

// declared lists the names that a file declares; nil where it does not parse.
func declared(source string) map[string]bool {
	f, err := parser.ParseFile(token.NewFileSet(), "", source, parser.SkipObjectResolution)
	if err != nil {
		return nil
	}
	names := map[string]bool{}
	for _, decl := range f.Decls {
		for _, id := range namesOf(decl) {
			names[id.Name] = true
		}
	}
	return names
}

func namesOf(decl ast.Decl) (names []*ast.Ident) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			names = append(names, d.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				names = append(names, spec.Names...)
			case *ast.TypeSpec:
				names = append(names, spec.Name)
			}
		}
	}
	return names
}

// used makes statements that use the variables which a fragment leaves to what follows it.
func used(function string) string {
	f, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+function, parser.SkipObjectResolution)
	if err != nil {
		return "" // the compiler will say why
	}
	var b strings.Builder
	for _, stmt := range f.Decls[0].(*ast.FuncDecl).Body.List {
		var names []*ast.Ident
		switch s := stmt.(type) {
		case *ast.AssignStmt:
			for _, left := range s.Lhs {
				if id, ok := left.(*ast.Ident); ok && s.Tok == token.DEFINE {
					names = append(names, id)
				}
			}
		case *ast.DeclStmt:
			names = namesOf(s.Decl)
		}
		for _, id := range names {
			if id.Name != "_" {
				fmt.Fprintf(&b, "_ = %s\n", id.Name)
			}
		}
	}
	return b.String()
}

// withFrame puts the frame around a fragment: what of it the fragment does not declare
// itself, and the imports that are needed then.
func withFrame(frame []byte, own map[string]bool, body string) ([]byte, error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "frame.go", frame, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var rest bytes.Buffer
	imports := map[string]string{}
	for _, decl := range f.Decls {
		if d, ok := decl.(*ast.GenDecl); ok && d.Tok == token.IMPORT {
			for _, spec := range d.Specs {
				address, _ := strconv.Unquote(spec.(*ast.ImportSpec).Path.Value)
				imports[path.Base(address)] = address
			}
			continue
		}
		without(decl, own)
		if len(namesOf(decl)) > 0 {
			if err := format.Node(&rest, fset, decl); err != nil {
				return nil, err
			}
			rest.WriteString("\n")
		}
	}
	rest.WriteString(body)
	return append([]byte("package snippet\n"+needed(imports, rest.String())), rest.Bytes()...), nil
}

// without takes the names that a fragment declares out of a declaration.
func without(decl ast.Decl, own map[string]bool) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if own[d.Name.Name] {
			d.Recv = &ast.FieldList{} // namesOf has none for it any more
		}
	case *ast.GenDecl:
		d.Specs = slices.DeleteFunc(d.Specs, func(spec ast.Spec) bool {
			if v, ok := spec.(*ast.ValueSpec); ok {
				v.Names = slices.DeleteFunc(v.Names, func(id *ast.Ident) bool { return own[id.Name] })
				return len(v.Names) == 0
			}
			t, ok := spec.(*ast.TypeSpec)
			return ok && own[t.Name.Name]
		})
	}
}

// needed makes import lines for the packages that a source names.
func needed(imports map[string]string, source string) string {
	f, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+source, parser.SkipObjectResolution)
	if f == nil || err != nil {
		return "" // the compiler will say why
	}
	lines := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := selector.X.(*ast.Ident); ok && imports[id.Name] != "" {
				lines[fmt.Sprintf("import %q\n", imports[id.Name])] = true
			}
		}
		return true
	})
	for _, spec := range f.Imports {
		delete(lines, "import "+spec.Path.Value+"\n")
	}
	return strings.Join(slices.Sorted(maps.Keys(lines)), "")
}

// compile compiles the snippets, each as a package of this module that is on no disk. It
// does so by go list, because that links nothing.
func compile(t *testing.T, root string, snippets []snippet) (output string, err error) {
	t.Helper()
	frame, err := os.ReadFile(filepath.Join("testdata", "frame.go"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	replace := map[string]string{}
	args := []string{"list", "-export", "-f", `{{""}}`, "-overlay", filepath.Join(dir, "overlay.json")}
	for i, s := range snippets {
		source, err := s.source(frame)
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("snippet%d", i+1)
		file := filepath.Join(dir, name+".go")
		write(t, file, source)
		replace[filepath.Join(root, "internal", "readme", name, name+".go")] = file
		args = append(args, "./internal/readme/"+name)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "overlay.json"), overlay)
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// markdown lists the pages of the repository: those at its root, and those under docs.
func markdown(t *testing.T, root string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(root, "docs"), func(file string, _ os.DirEntry, err error) error {
		if filepath.Ext(file) == ".md" {
			files = append(files, file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
