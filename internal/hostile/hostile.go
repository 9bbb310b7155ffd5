// Package hostile holds inputs that attackers send, and some good ones beside them: of
// requests, callbacks, cookies, providers' replies, and of programs that set things up
// wrong. Its test runs them all against the whole of the library; tests of single parts
// take theirs from here.
package hostile

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Entry is one input. Expect begins with what should become of it:
//
//	accept      it does what it says
//	reject      it is refused
//	neutralise  the request goes on, and the hostile part has no effect
//	anonymous   it is a request of nobody's
//
// Then come the numbers of requirements, and details. Macros in Input stand in double
// braces; some of them only a running application can fill in.
type Entry struct {
	Area   string `json:"area"`
	Name   string `json:"name"`
	Input  string `json:"input"`
	Expect string `json:"expect"`
}

// Key names the entry.
func (e Entry) Key() string { return e.Area + "/" + e.Name }

// Verdict is the first word of Expect.
func (e Entry) Verdict() string { return regexp.MustCompile(`^\w+`).FindString(e.Expect) }

//go:embed testdata/hostile.json
var corpus []byte

// Entries gives the entries of some areas, in order; without areas, all.
func Entries(areas ...string) (chosen []Entry) {
	var all []Entry
	if err := json.Unmarshal(corpus, &all); err != nil {
		panic("hostile: testdata/hostile.json: " + err.Error())
	}
	for _, e := range all {
		for _, area := range areas {
			if e.Area == area {
				chosen = append(chosen, e)
			}
		}
	}
	if len(areas) == 0 {
		return all
	}
	return chosen
}

// Run runs a test for each entry that has a case, in the order of the corpus. Cases stand
// by their entries' keys; one without an entry is a mistake.
func Run[C any](t *testing.T, cases map[string]C, run func(*testing.T, Entry, C)) {
	t.Helper()
	left := maps.Clone(cases)
	for _, e := range Entries() {
		if c, ok := left[e.Key()]; ok {
			delete(left, e.Key())
			t.Run(e.Key(), func(t *testing.T) { run(t, e, c) })
		}
	}
	for key := range left {
		t.Errorf("%s is not in the corpus", key)
	}
}

// Bytes undoes b64:… (an input that is no text), and expands {{repeat:TEXT:N}}.
func Bytes(input string) string {
	if text, ok := strings.CutPrefix(input, "b64:"); ok {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			panic("hostile: " + err.Error())
		}
		return string(raw)
	}
	return regexp.MustCompile(`\{\{repeat:(.+?):(\d+)\}\}`).ReplaceAllStringFunc(input, func(macro string) string {
		parts := strings.Split(strings.Trim(macro, "{}"), ":")
		n, err := strconv.Atoi(parts[len(parts)-1])
		if err != nil {
			panic("hostile: " + macro)
		}
		return strings.Repeat(strings.Join(parts[1:len(parts)-1], ":"), n)
	})
}

// Expand is Bytes, and fills in the other macros: fill gives what a name in double braces
// stands for. Of {{swapcase:NAME}}, {{urlencode:NAME}} and {{prefix:N:NAME}} it is asked for
// NAME alone.
func Expand(input string, fill func(name string) string) string {
	return regexp.MustCompile(`\{\{([^{}]*)\}\}`).ReplaceAllStringFunc(Bytes(input), func(macro string) string {
		return expanded(strings.Trim(macro, "{}"), fill)
	})
}

func expanded(macro string, fill func(string) string) string {
	kind, rest, _ := strings.Cut(macro, ":")
	switch kind {
	case "swapcase":
		return swapCase(expanded(rest, fill))
	case "urlencode":
		return url.QueryEscape(expanded(rest, fill))
	case "prefix":
		length, of, _ := strings.Cut(rest, ":")
		n, err := strconv.Atoi(length)
		if err != nil {
			panic("hostile: " + macro)
		}
		return expanded(of, fill)[:n]
	}
	return fill(macro)
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		if up := strings.ToUpper(string(r)); up != string(r) {
			return []rune(up)[0]
		}
		return []rune(strings.ToLower(string(r)))[0]
	}, s)
}
