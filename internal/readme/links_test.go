package readme_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A link to a page or a section that moved is found by nobody until somebody needs it.
func TestLinksBetweenPagesLeadSomewhere(t *testing.T) {
	root := moduleRoot(t)
	pages := everyPage(t, root)
	if len(pages) < 15 || pages["README.md"] == "" || pages["strategies/gothprovider/PROVIDERS.md"] == "" {
		t.Fatalf("found only %q", slices.Sorted(maps.Keys(pages)))
	}
	links := 0
	for name, text := range pages {
		for _, link := range linksOf(text) {
			links++
			if problem := dead(root, name, link, pages); problem != "" {
				t.Errorf("%s: the link to %s is dead: %s", name, link, problem)
			}
		}
	}
	if links < 100 {
		t.Errorf("found only %d links", links)
	}
}

// A check that passes everything would not be noticed.
func TestADeadLinkIsFound(t *testing.T) {
	root := moduleRoot(t)
	pages := map[string]string{
		"docs/a.md": "# One `and` a half\n## Twice\n## Twice\n<a id=\"by-hand\"></a>\n```\n# no heading\n```\n### flow_missing",
		"README.md": "# R",
	}
	for link, alive := range map[string]bool{
		"docs/a.md":                true,
		"docs/a.md#one-and-a-half": true,
		"docs/a.md#twice-1":        true,
		"docs/a.md#by-hand":        true,
		"docs/a.md#flow_missing":   true,
		"#r":                       true,
		"internal/readme":          true,
		"docs/a.md#twice-2":        false,
		"docs/a.md#no-heading":     false,
		"#s":                       false,
		"docs/b.md":                false,
		"../somewhere.md":          false,
	} {
		if problem := dead(root, "README.md", link, pages); (problem == "") != alive {
			t.Errorf("%s: %q", link, problem)
		}
	}
	text := "[a](x.md) [`b`](y.md#z \"title\") ![c](p.png) `[no](code.md)` [d](https://example.org)\n```go\nm[k](v.md)\n```\n\n[ref]: r.md\n"
	if got := linksOf(text); !slices.Equal(got, []string{"x.md", "y.md#z", "p.png", "r.md"}) {
		t.Errorf("links: %q", got)
	}
}

// everyPage reads the pages of the repository, those of the other modules, too.
func everyPage(t *testing.T, root string) map[string]string {
	t.Helper()
	pages := map[string]string{}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{".git", "node_modules", "testdata"}, entry.Name()) {
			return fs.SkipDir
		}
		if filepath.Ext(file) != ".md" {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, file)
		pages[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

var (
	codeBlock = regexp.MustCompile("(?ms)^ *(```+).*?^ *```+ *$")
	codeSpan  = regexp.MustCompile("`[^`\n]*`")
	inline    = regexp.MustCompile(`\]\(\s*([^)\s]+)(?:\s+"[^"]*")?\s*\)`)
	reference = regexp.MustCompile(`(?m)^\[[^\]]+\]:\s*(\S+)`)
	heading   = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *#*$`)
	byHand    = regexp.MustCompile(`<a (?:id|name)="([^"]+)"`)
)

// linksOf lists where a page leads within the repository.
func linksOf(text string) (links []string) {
	text = codeSpan.ReplaceAllString(codeBlock.ReplaceAllString(text, ""), "")
	for _, match := range append(inline.FindAllStringSubmatch(text, -1), reference.FindAllStringSubmatch(text, -1)...) {
		if !strings.Contains(match[1], ":") {
			links = append(links, match[1])
		}
	}
	return links
}

// dead says what is wrong with a link on a page; "" for nothing.
func dead(root, page, link string, pages map[string]string) string {
	file, section, _ := strings.Cut(link, "#")
	target := page
	if file != "" {
		target = filepath.ToSlash(filepath.Join(filepath.Dir(page), filepath.FromSlash(file)))
	}
	text, isPage := pages[target]
	if !isPage {
		if _, err := os.Stat(filepath.Join(root, target)); err != nil || strings.HasPrefix(target, "..") {
			return "there is no " + target
		}
	}
	if section != "" && !slices.Contains(anchors(text), section) {
		return "there is no such section"
	}
	return ""
}

// anchors lists the sections of a page, by the names that GitHub gives them.
func anchors(text string) (names []string) {
	text = codeBlock.ReplaceAllString(text, "")
	for _, match := range byHand.FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	seen := map[string]int{}
	for _, match := range heading.FindAllStringSubmatch(text, -1) {
		title := regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(match[1], "$1")
		name := regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(strings.ToLower(title), "")
		name = strings.ReplaceAll(name, " ", "-")
		if n := seen[name]; n > 0 {
			names = append(names, fmt.Sprintf("%s-%d", name, n))
		} else {
			names = append(names, name)
		}
		seen[name]++
	}
	return names
}
