package passport_test

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gopassport/passport"
)

// Each section says what the person sees and what the operator does; what is quoted there
// is what the library says.
func TestEachCodeSaysWhatIsSeenAndWhatToDo(t *testing.T) {
	page, err := os.ReadFile("docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	said := sources(t)
	for status := 400; status < 600; status++ {
		said += http.StatusText(status) + ".\n"
	}
	lines := regexp.MustCompile(`(?m)\n\*Seen:\* (.+[.”])  \n\*To do:\* (.+\.)\n\n`)
	for _, section := range strings.Split(string(page), "\n### ")[1:] {
		code, text, _ := strings.Cut(section, "\n")
		found := lines.FindStringSubmatch(text)
		if found == nil {
			t.Errorf("%s: it does not say what is seen and what to do", code)
			continue
		}
		for _, quoted := range regexp.MustCompile(`“([^”]+)”`).FindAllStringSubmatch(found[1], -1) {
			whole := strings.TrimSuffix(quoted[1], "Please start again.") // which flow.go puts behind some
			if !strings.Contains(said, quoted[1]) && (whole == "" || !strings.Contains(said, strings.TrimSpace(whole))) {
				t.Errorf("%s: nothing here says %q", code, quoted[1])
			}
		}
	}
}

// sources are all files with code of this module.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != "." || d.Name() == "examples"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// Codes of strategies are at least named on the page, with a link to where they stand.
func TestCodesOfStrategiesAreNamed(t *testing.T) {
	page, err := os.ReadFile("docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	own := regexp.MustCompile(`passport\.Code\s*= "(\w+)"`).FindAllStringSubmatch(sources(t), -1)
	if len(own) == 0 {
		t.Error("there are none: are they written in another way now?")
	}
	for _, code := range own {
		if !strings.Contains(string(page), "`"+code[1]+"`") {
			t.Errorf("docs/errors.md does not name %s", code[1])
		}
	}
}

// The table of docs/errors.md: what gothic says one thing of, six causes, here.
func TestTheSixCausesOfGothicAreToldApart(t *testing.T) {
	const none, other = "the browser sent no flow at all", "the browser sent flows, but not this one"
	onBoth(t, func(t *testing.T, flows option) {
		told := func(s *site, code passport.Code, status int, text string, res *reply) {
			t.Helper()
			res.refused(status, code)
			if err := s.last().Err; err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("the log says %v, not %q", err, text)
			}
		}
		s, b := newFlows(t, flows)
		state := b.begin("/connect/github")
		told(s, passport.CodeFlowMissing, 400, none, newBrowser(t, s).back("/connect/github", state, "1")) // another host: no cookies

		for _, c := range b.flows() {
			equal(t, "over plain http, browsers drop the cookie: Secure", c.Secure, true)
		}
		swapped, _ := newFlows(t, flows) // another key, another store
		b.handler = swapped
		told(swapped, passport.CodeFlowMissing, 400, none, b.back("/connect/github", state, "1"))
		b.handler = s

		login := b.jar
		b.jar = b.flows() // a login that is SameSite=Strict stays away
		told(s, passport.CodeFlowUser, 401, "nobody is logged in any more", b.back("/connect/github", state, "1"))
		b.jar = login[:1]

		first, second := b.begin("/connect/github"), b.begin("/connect/github")
		b.back("/connect/github", second, "2").wants(200, "user alice, account 2")
		b.back("/connect/github", first, "1").wants(200, "user alice, account 1")
		told(s, passport.CodeFlowMissing, 400, none, b.back("/connect/github", first, "1")) // a second time

		evicted := b.begin("/connect/github")
		for range 5 {
			b.begin("/connect/github")
		}
		told(s, passport.CodeFlowMissing, 400, other, b.back("/connect/github", evicted, "1"))
	})
	s, b := newFlows(t)
	s.providers["github"].data = strings.Repeat("x", 2000)
	equal(t, "what does not fit", b.get("/connect/github").code(), passport.CodeFlowTooLarge)
}
