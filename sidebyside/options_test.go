package sidebyside

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every option that Passport and its strategies read, and every function that they offer,
// stands in docs/from-passport.md.
func TestEveryOptionOfPassportIsInTheDocument(t *testing.T) {
	if _, err := os.Stat("node_modules/passport"); err != nil {
		missing(t, "Passport is not installed: run sidebyside/setup.sh")
	}
	section := part(t, document, "\n## Every function and option\n")
	names := map[string][]string{}
	for _, pkg := range []string{
		"passport", "passport-strategy", "passport-local", "passport-http", "passport-http-bearer", "passport-oauth1", "passport-oauth2", "passport-anonymous", "connect-ensure-login",
	} {
		found := offered(t, filepath.Join("node_modules", pkg, "lib"))
		if pkg != "passport-strategy" && pkg != "passport-anonymous" && len(found) < 2 {
			t.Errorf("%s: found only %q", pkg, found)
		}
		for _, name := range found {
			names[name] = append(names[name], pkg)
		}
	}
	if len(names) < 60 {
		t.Errorf("found only %d names: are the packages written in another way now?", len(names))
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !mentioned(section, name) {
			t.Errorf("%s does not mention %s of %s", document, name, strings.Join(names[name], " and "))
		}
	}
}

// What a source offers. Names that begin with an underscore are its own business.
var offers = []*regexp.Regexp{
	regexp.MustCompile(`\boptions\.([A-Za-z]\w*)`),
	regexp.MustCompile(`\.prototype\.([A-Za-z]\w*) *=`),
	regexp.MustCompile(`(?m)^req\.([A-Za-z]\w*) *=`),
	regexp.MustCompile(`\bstrategy\.([a-z]+) = function`),
}

func offered(t *testing.T, dir string) []string {
	names := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".js" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, offer := range offers {
			for _, m := range offer.FindAllSubmatch(text, -1) {
				names[string(m[1])] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	delete(names, "toString")
	return slices.Sorted(maps.Keys(names))
}

// Every exported name of gothic stands in docs/from-gothic.md.
func TestEveryNameOfGothicIsInTheDocument(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/markbates/goth").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := strings.TrimSpace(string(out))
	section := part(t, "../docs/from-gothic.md", "\n## Every function and variable\n")
	for folder, least := range map[string]int{"gothic": 10, ".": 10} {
		names := exported(t, filepath.Join(dir, folder))
		if len(names) < least {
			t.Errorf("found only %q in goth's %s", names, folder)
		}
		for _, name := range names {
			if !mentioned(section, name) {
				t.Errorf("docs/from-gothic.md does not mention %s of goth's folder %s", name, folder)
			}
		}
	}
}

// exported lists the exported names of a package, methods left out.
func exported(t *testing.T, dir string) []string {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				names[d.Name.Name] = d.Recv == nil
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.ValueSpec:
						for _, name := range spec.Names {
							names[name.Name] = true
						}
					case *ast.TypeSpec:
						names[spec.Name.Name] = true
					}
				}
			}
		}
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(names)), func(name string) bool { return !names[name] || !ast.IsExported(name) })
}

// part is a section of a document.
func part(t *testing.T, file, heading string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), heading)
	if !ok {
		t.Fatalf("%s has no section %q", file, strings.TrimSpace(heading))
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

var code = regexp.MustCompile("`[^`\n]+`")

// mentioned tells whether a name stands in some code of the text, as a word of its own.
func mentioned(text, name string) bool {
	word := regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`)
	return slices.ContainsFunc(code.FindAllString(text, -1), word.MatchString)
}
