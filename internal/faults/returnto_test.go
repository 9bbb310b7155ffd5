package faults_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gopassport/passport/internal/hostile"
	"github.com/gopassport/passport/internal/realserver"
	"github.com/gopassport/passport/internal/returnto"
)

// whatwg asks the browsers' parser where each address of a list leads, from a page here.
const whatwg = `
const all = JSON.parse(require('fs').readFileSync(0, 'utf8'))
console.log(JSON.stringify(all.map(s => {
	try {
		const u = new URL(s, 'https://app.test/a/page?q#f')
		return u.origin + (u.username || u.password ? '@' : '') + (u.pathname.startsWith('//') ? ' //' : '') +
			(u.pathname.split('/').length !== s.split(/[?#]/)[0].split('/').length ? ' with other segments' : '')
	} catch { return 'none' }
})))`

// R109: what we take for a path of this site is one to the parser of the browsers, which
// is another than Go's. The inputs are the corpus, what fuzzing found, and many more that
// are made of what the two could read differently.
func TestBrowsersReadReturnTargetsAsWeDo(t *testing.T) {
	node := realserver.Program(t, "node")
	var inputs []string
	for _, e := range hostile.Entries("redirect") {
		inputs = append(inputs, hostile.Bytes(e.Input))
	}
	inputs = append(inputs, found(t)...)
	known := len(inputs)
	inputs = append(inputs, made(200_000)...)
	var taken []string
	for _, s := range inputs {
		if returnto.Local(s) {
			taken = append(taken, s)
		}
	}
	for i, where := range asked(t, node, taken) {
		if where != "https://app.test" {
			t.Errorf("%q leads to %s", taken[i], where)
		}
	}
	t.Logf("%d addresses of the corpus and of fuzzing, %d made here; %d of them are taken, and stay here", known, len(inputs)-known, len(taken))
	if len(taken) < 1000 {
		t.Error("too few to say anything")
	}
}

func asked(t *testing.T, node string, list []string) (where []string) {
	t.Helper()
	data, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), node, "-e", whatwg)
	c.Stdin, c.Stderr = bytes.NewReader(data), os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &where); err != nil || len(where) != len(list) {
		t.Fatalf("node answers for %d of %d: %v", len(where), len(list), err)
	}
	return where
}

// found are the inputs that fuzzing kept: those of the repository, and those of this
// machine, where somebody ran it.
func found(t *testing.T) (inputs []string) {
	t.Helper()
	files, err := filepath.Glob("../returnto/testdata/fuzz/FuzzLocal/*")
	if err != nil {
		t.Fatal(err)
	}
	if cache, err := os.UserCacheDir(); err == nil {
		more, _ := filepath.Glob(filepath.Join(cache, "go-build/fuzz/github.com/gopassport/passport/internal/returnto/FuzzLocal/*")) // the pattern is good
		files = append(files, more...)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			text, ok := strings.CutPrefix(strings.TrimSpace(line), "string(")
			if s, err := strconv.Unquote(strings.TrimSuffix(text, ")")); ok && err == nil {
				inputs = append(inputs, s)
			}
		}
	}
	return inputs
}

// made puts pieces together that parsers disagree about, the same ones each time.
func made(n int) []string {
	pieces := []string{
		"/", "/", "/", `\`, "//", ".", "..", "%2e", "%2F", "%5c", "%00", "%09", "%0a", "%", "%25", ":", "@", "?", "#", "a", "b", "evil.test", "https:", "javascript:", "data:",
		" ", "\t", "\n", "\r", "\x00", "\x7f", "\u00a0", "\u3002", "\uff0f", "\u2215", "\ufeff", ";", ",", "'", `"`, "<", ">", "[", "]", "^", "|", "`", "{", "}", "~", "!", "$", "&", "=", "+", "*", "(", ")",
	}
	random := rand.New(rand.NewPCG(1, 2)) // the same each time
	all := make([]string, n)
	for i := range all {
		var s strings.Builder
		s.WriteByte('/')
		for range 1 + random.IntN(6) {
			s.WriteString(pieces[random.IntN(len(pieces))])
		}
		all[i] = s.String()
	}
	return all
}
