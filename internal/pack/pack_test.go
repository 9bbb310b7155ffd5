package pack_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/gopassport/passport/internal/pack"
)

func TestRoundTrip(t *testing.T) {
	for name, fields := range map[string][]string{
		"nothing":            nil,
		"an empty field":     {""},
		"empty fields":       {"", "", ""},
		"a field":            {"a"},
		"bytes":              {"\x00", "\xff\xfe", "é"},
		"a length of 127":    {strings.Repeat("a", 127), "b"},
		"a length of 128":    {strings.Repeat("a", 128), "b"},
		"a length of 100000": {strings.Repeat("a", 100000), ""},
	} {
		packed := pack.Append([]byte("before"), fields...)
		got, ok := pack.Split(bytes.TrimPrefix(packed, []byte("before")))
		if !ok || !slices.Equal(got, fields) {
			t.Errorf("%s: got %.60q, %v", name, got, ok)
		}
	}
}

func TestWhatIsCutShort(t *testing.T) {
	whole := pack.Append(nil, "one", strings.Repeat("a", 200), "")
	ends := map[int]bool{0: true, 4: true, 206: true, 207: true}
	for n := range len(whole) + 1 {
		if _, ok := pack.Split(whole[:n]); ok != ends[n] {
			t.Errorf("the first %d bytes of %d split: %v", n, len(whole), ok)
		}
	}
}

func TestNext(t *testing.T) {
	for _, c := range []struct {
		name, packed, field, rest string
		ok                        bool
	}{
		{"nothing", "", "", "", false},
		{"an empty field", "\x00", "", "", true},
		{"a field", "\x01ab", "a", "b", true},
		{"a field that is cut short", "\x02a", "", "", false},
		{"a length that is cut short", "\x80", "", "", false},
		{"the largest length", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01a", "", "", false},
		{"a length beyond 64 bits", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01a", "", "", false},
		{"a length that is negative as an int", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01a", "", "", false},
	} {
		field, rest, ok := pack.Next([]byte(c.packed))
		if string(field) != c.field || string(rest) != c.rest || ok != c.ok {
			t.Errorf("%s: %q, %q, %v", c.name, field, rest, ok)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte("\x01a\x00"), "a", "")
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "\x80", "b")
	f.Fuzz(func(t *testing.T, junk []byte, one, two string) {
		if got, ok := pack.Split(pack.Append(nil, one, two)); !ok || !slices.Equal(got, []string{one, two}) {
			t.Errorf("%q, %q come back as %q, %v", one, two, got, ok)
		}
		fields, ok := pack.Split(junk)
		if !ok {
			return
		}
		if again, ok := pack.Split(pack.Append(nil, fields...)); !ok || !slices.Equal(again, fields) {
			t.Errorf("%q comes back as %q", fields, again)
		}
		if size := len(strings.Join(fields, "")); size > len(junk) {
			t.Errorf("%d bytes hold %d", len(junk), size)
		}
	})
}
