package passport_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What docs/sessions.md shows of other modules is not compiled with this one: it stands in
// their tests, word for word.
func TestWhatTheDocumentationShowsOfStoresIsInTheirTests(t *testing.T) {
	page, err := os.ReadFile("docs/sessions.md")
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob("stores/*/*_test.go")
	var tests strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tests.WriteString(flush(string(text)))
	}
	blocks := regexp.MustCompile("(?s)```golang\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 5 {
		t.Fatalf("there are %d blocks", len(blocks))
	}
	for _, block := range blocks {
		if !strings.Contains(tests.String(), flush(block[1])) {
			t.Errorf("no test under stores has this:\n%s", block[1])
		}
	}
}

// flush takes the indentation away.
func flush(code string) string { return regexp.MustCompile(`(?m)^\t+`).ReplaceAllString(code, "") }
