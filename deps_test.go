package passport_test

import (
	"os/exec"
	"strings"
	"testing"
)

// The engine is small because it stands on little: whoever uses it gets no other module.
func TestWhatTheRootImports(t *testing.T) {
	const module = "github.com/gopassport/passport"
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%v: %v", list, err)
	}
	found := map[string]bool{}
	for path := range strings.FieldsSeq(string(out)) {
		found[path] = true
		switch {
		case path == module, strings.HasPrefix(path, module+"/internal/"):
		case path == "github.com/gorilla/sessions", path == "github.com/gorilla/securecookie":
		default:
			t.Errorf("the root package stands on %s", path)
		}
	}
	if !found[module] || !found["github.com/gorilla/sessions"] {
		t.Errorf("go list says %q, and misses what is there", out)
	}
}
