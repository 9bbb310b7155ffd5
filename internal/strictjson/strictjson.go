// Package strictjson reads a JSON object that comes from outside. encoding/json alone
// takes the last of two members of one name, takes SUB for sub when it fills a struct, and
// does not look at what follows; so two readers of one reply may see two persons.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// Object is the members of one JSON object, by their exact names.
type Object map[string]json.RawMessage

// The texts of these errors go on after what was read: "the token reply " + err.Error().
// They hold nothing of it.
var (
	ErrBroken = errors.New("is not one JSON object")
	ErrTwice  = errors.New("has a member twice, or in another spelling")
)

// Parse reads text, which must be one JSON object and nothing else (RFC 8259, 4). A name
// that comes twice is an error; so is one that encoding/json would take for one of matters
// though it is written differently. Members of members are not looked at. The Object refers
// to text.
func Parse(text []byte, matters ...string) (Object, error) {
	text = trim(text)
	if len(text) == 0 || text[0] != '{' || !json.Valid(text) {
		return nil, ErrBroken
	}
	found, names := make(Object, 8), string(text) // one copy, which all names are parts of
	for rest := next(text); rest[0] != '}'; {     // the grammar is known to hold, so this needs no checks
		name, after := cut(rest)
		key := unquote(name, names[len(text)-len(rest):])
		value, after := cut(next(after)) // behind the colon
		before := len(found)
		if found[key] = value; len(found) == before || disguised(key, matters) {
			return nil, ErrTwice
		}
		if rest = trim(after); rest[0] == ',' {
			rest = next(rest)
		}
	}
	return found, nil
}

// trim gives what follows white space.
func trim(text []byte) []byte {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\t' || text[0] == '\r' || text[0] == '\n') {
		text = text[1:]
	}
	return text
}

// next gives what follows one mark, and the white space about it.
func next(text []byte) []byte { return trim(trim(text)[1:]) }

// cut parts the value that text begins with from what follows it.
func cut(text []byte) (value, rest []byte) {
	end := length(text)
	return text[:end:end], text[end:]
}

// length is that of the value that text begins with.
func length(text []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch text[i] {
		case '"':
			if i = closing(text, i); depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			switch depth--; depth {
			case 0:
				return i + 1
			case -1: // it closes what the value, a number or a word, is in
				return i
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
}

// closing is where the string that opens at i closes.
func closing(text []byte, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i
}

// unquote is the text of a string. same begins with the string, too: a text that is
// written as it is becomes a part of it, and costs nothing.
func unquote(quoted []byte, same string) string {
	if bytes.IndexByte(quoted, '\\') < 0 && utf8.Valid(quoted) {
		return same[1 : len(quoted)-1]
	}
	var text string
	_ = json.Unmarshal(quoted, &text) // it is known to be a string
	return text
}

// Media tells whether a Content-Type is one of JSON (RFC 6839, 3.1).
func Media(contentType string) bool {
	media, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	media = strings.TrimSpace(media)
	return media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}

// disguised tells whether encoding/json reads a name as one that matters, though it is
// written differently.
func disguised(name string, matters []string) bool {
	return !slices.Contains(matters, name) && slices.ContainsFunc(matters, func(m string) bool { return strings.EqualFold(name, m) })
}

// Has tells whether there is such a member, be it null.
func (o Object) Has(name string) bool { return o[name] != nil }

// Text gives a member that is a string. It is not ok where there is none, where it is
// something else, and where it has characters that Go cannot hold: they would all become
// the same one.
func (o Object) Text(name string) (text string, ok bool) {
	raw := o[name]
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	if text = unquote(raw, string(raw)); strings.Contains(text, string(utf8.RuneError)) {
		return "", false
	}
	return text, true
}

// ID gives a member that names somebody: a string, or an integer as it is written, because
// a float64 has no room for a large one. Whether it names anybody is not looked at.
func (o Object) ID(name string) (id string, ok bool) {
	raw := string(o[name])
	if digits := strings.TrimPrefix(raw, "-"); digits != "" && strings.Trim(digits, "0123456789") == "" {
		return raw, true
	}
	return o.Text(name)
}
