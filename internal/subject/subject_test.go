package subject_test

import (
	"strings"
	"testing"

	"github.com/gopassport/passport/internal/subject"
)

func TestNamed(t *testing.T) {
	for id, want := range map[string]bool{
		"42": true, "a": true, "00": true, "octo cat": true, "é": true, "nobody": true, "none of them": true, "-2": true,
		strings.Repeat("a", 255): true,
		"":                       false, " ": false, "\t": false, "0": false, " 0 ": false, "-1": false, "<nil>": false, "nil": false,
		"null": false, "NULL": false, "undefined": false, "Undefined ": false, "None": true, "a\x00": false, "a\nb": false,
		"a\u0085": false, strings.Repeat("a", 256): false,
	} {
		if subject.Named(id) != want {
			t.Errorf("%.40q: named %v", id, !want)
		}
	}
}
