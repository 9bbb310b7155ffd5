// Package strictjson reads a JSON object that comes from outside. encoding/json alone
// takes the last of two members of one name, takes SUB for sub when it fills a struct, and
// does not look at what follows; so two readers of one reply may see two persons.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
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
	text = bytes.TrimLeft(text, space)
	if len(text) == 0 || text[0] != '{' || !json.Valid(text) {
		return nil, ErrBroken
	}
	found := make(Object, 8)
	for rest := next(text); rest[0] != '}'; { // the grammar is known to hold, so this needs no checks
		name, after := cut(rest)
		value, after := cut(next(after)) // behind the colon
		key := unquote(name)
		if found[key] != nil || disguised(key, matters) {
			return nil, ErrTwice
		}
		found[key] = value
		if rest = bytes.TrimLeft(after, space); rest[0] == ',' {
			rest = next(rest)
		}
	}
	return found, nil
}

const space = " \t\r\n"

// next gives what follows one mark.
func next(text []byte) []byte { return bytes.TrimLeft(bytes.TrimLeft(text, space)[1:], space) }

// cut parts the value that text begins with from what follows it.
func cut(text []byte) (value, rest []byte) {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case depth > 0 && (c == '}' || c == ']'):
			depth--
			if depth > 0 {
				continue
			}
			return text[:i+1], text[i+1:]
		case depth == 0 && strings.IndexByte(",:}] \t\r\n", c) >= 0:
			return text[:i], text[i:]
		}
	}
	return text, nil
}

// unquote is the text of a string.
func unquote(quoted []byte) (text string) {
	if bytes.IndexByte(quoted, '\\') < 0 && utf8.Valid(quoted) {
		return string(quoted[1 : len(quoted)-1])
	}
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
	for _, m := range matters {
		if name != m && strings.EqualFold(name, m) {
			return true
		}
	}
	return false
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
	text = unquote(raw)
	if strings.ContainsRune(text, utf8.RuneError) {
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
