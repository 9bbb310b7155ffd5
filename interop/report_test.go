//go:build unix

package interop_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

// With -update the tests write their tables into the document, instead of comparing them.
var update = flag.Bool("update", false, "write the tables into docs/interop.md")

const document = "../docs/interop.md"

// row is a line of a table.
type row struct {
	name  string
	cells []string
}

// compareDocument checks that the document has this table, between two comments that name
// it.
func compareDocument(t *testing.T, name string, titles []string, rows []row) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	begin := fmt.Sprintf("<!-- %s: the tests in interop write this table: go test ./... -update -->\n", name)
	end := fmt.Sprintf("<!-- %s: the end of the table. -->\n", name)
	before, rest, okBegin := strings.Cut(string(text), begin)
	written, after, okEnd := strings.Cut(rest, end)
	if !okBegin || !okEnd {
		t.Fatalf("%s has not the two comments that the table %q stands between", document, name)
	}
	switch wanted := "\n" + table(titles, rows) + "\n"; {
	case written == wanted:
	case *update && !t.Failed():
		if err := os.WriteFile(document, []byte(before+begin+wanted+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s has another table; look at the differences, then: go test ./... -update\n%s", document, wanted)
	}
}

func table(titles []string, rows []row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| Fault | %s |\n|---%s|\n", strings.Join(titles, " | "), strings.Repeat("|---", len(titles)))
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s |\n", r.name, strings.Join(r.cells, " | "))
	}
	return b.String()
}
