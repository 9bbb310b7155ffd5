// Package hostile holds inputs that attackers send, and some good ones beside them: of
// requests, callbacks, cookies, providers' replies, and of programs that set things up
// wrong. Its test runs them all against the whole of the library; tests of single parts
// take theirs from here.
package hostile

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
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
