package passporttest_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
)

var update = flag.Bool("update", false, "write the table of faults in docs/testing.md anew")

// declared is a fault as its constant says it.
type declared struct {
	name, says string
	fault      passporttest.Fault
}

func declaredFaults(t *testing.T) (all []declared) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "fault.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Type == nil || fmt.Sprint(spec.Type) != "Fault" {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, declared{spec.Names[0].Name, strings.TrimSpace(spec.Comment.Text()), passporttest.Fault(value)})
		return true
	})
	return all
}

// What each fault leads to, in the docs, is what the tests above have seen; and a fault that
// is declared is one that they have seen.
func TestTheTableOfFaultsIsTrue(t *testing.T) {
	table := "| Fault | What happens | `oidc` | `gothprovider` | `oauth1` |\n|---|---|---|---|---|\n"
	for _, d := range declaredFaults(t) {
		two, isTwo := effects[d.fault]
		goth, isGoth := gothEffects[d.fault]
		one, isOne := oauth1Effects[d.fault]
		if !isTwo && !isOne {
			t.Errorf("%s is tested nowhere", d.name)
		}
		says := strings.NewReplacer("[", "`", "]", "`").Replace(d.says)
		table += fmt.Sprintf("| `%s` | %s | %s | %s | %s |\n", d.name, says, cell(isTwo, two.status, two.code), cell(isGoth, goth.status, goth.code), cell(isOne, one.status, one.code))
	}
	const path, from, to = "../docs/testing.md", "| Fault | What happens |", "\n\n"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(data), from)
	_, after, found := strings.Cut(rest, to)
	if whole := before + table + to[1:] + after; found && whole != string(data) {
		if !*update {
			t.Fatal("the table of faults in docs/testing.md is not what was seen; go test ./passporttest -run TableOfFaults -update writes it")
		}
		err = os.WriteFile(path, []byte(whole), 0o600)
	}
	if err != nil || !found {
		t.Errorf("docs/testing.md has a table: %t, %v", found, err)
	}
}

func cell(is bool, status int, code passport.Code) string {
	switch {
	case !is:
		return ""
	case code == "":
		return "works"
	}
	return fmt.Sprintf("%d `%s`", status, code)
}
