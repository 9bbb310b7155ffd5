package challenge_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gopassport/passport/internal/challenge"
)

func TestAChallengeIsASchemeWithParameters(t *testing.T) {
	for _, c := range []struct {
		name   string
		params []string
		want   string
	}{
		{"the scheme alone", nil, `Test`},
		{"one parameter", []string{"realm", "x"}, `Test realm="x"`},
		{"two in their order", []string{"realm", "x", "charset", "UTF-8"}, `Test realm="x", charset="UTF-8"`},
		{"one without a value is left out", []string{"realm", "x", "error", "", "scope", "a b"}, `Test realm="x", scope="a b"`},
		{"the first without a value leaves no comma", []string{"realm", "", "scope", "a"}, `Test scope="a"`},
		{"nothing but values that are missing", []string{"realm", ""}, `Test`},
		{"a quote is escaped", []string{"realm", `a", error="x`}, `Test realm="a\", error=\"x"`},
		{"a backslash is escaped", []string{"realm", `a\`}, `Test realm="a\\"`},
		{"a backslash before a quote", []string{"realm", `\"`}, `Test realm="\\\""`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := challenge.Build("Test", c.params...); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestWhatMayStandInAChallenge(t *testing.T) {
	for _, c := range []struct{ name, value, problem string }{
		{"words", "My reports", ""},
		{"quotes and backslashes, which are escaped", `a"\`, ""},
		{"nothing", "", "empty"},
		{"a letter beyond ASCII", "réalm", "ASCII"},
		{"bytes that are no UTF-8", "\xff", "ASCII"},
		{"a line break", "a\r\nSet-Cookie: a=b", "ASCII"},
		{"a tab", "a\tb", "ASCII"},
		{"a NUL", "a\x00", "ASCII"},
		{"DEL", "a\x7f", "ASCII"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := challenge.Check(c.value)
			if (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
				t.Errorf("got %v, want %q", err, c.problem)
			}
		})
	}
}

func TestTextOfRunTimeIsMadeFit(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"words", "The token expired, sorry.", "The token expired, sorry."},
		{"nothing", "", ""},
		{"quotes", `say "x"`, "say 'x'"},
		{"a backslash", `a\"b`, "a/'b"},
		{"a line break", "a\r\nX: y", "a  X: y"},
		{"a NUL and DEL", "a\x00b\x7f", "a b "},
		{"letters beyond ASCII", "Ungültig ✓", "Ung?ltig ?"},
		{"bytes that are no UTF-8", "a\xff\xc3", "a??"},
		{"more than a header should hold", strings.Repeat("é", 10_000), strings.Repeat("?", 200)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := challenge.Text(c.text); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestCredentialsOfAScheme(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []string
		text  string
		found bool
	}{
		{"no line", nil, "", false},
		{"an empty line", []string{""}, "", false},
		{"the scheme and a token", []string{"Test abc"}, "abc", true},
		{"the scheme in other letters", []string{"tEST abc"}, "abc", true},
		{"all that a token may hold", []string{"Test aZ09-._~+/=="}, "aZ09-._~+/==", true},
		{"another scheme", []string{"Other abc"}, "", false},
		{"a longer scheme", []string{"Tester abc"}, "", false},
		{"a shorter scheme", []string{"Tes abc"}, "", false},
		{"a scheme that folds to ours beyond ASCII", []string{"Te\u017ft abc"}, "", false},
		{"the scheme alone", []string{"Test"}, "", true},
		{"the scheme and a space", []string{"Test "}, "", true},
		{"two spaces", []string{"Test  abc"}, "", true},
		{"a tab", []string{"Test\tabc"}, "", true},
		{"a space behind the token", []string{"Test abc "}, "", true},
		{"two tokens", []string{"Test a b"}, "", true},
		{"a list", []string{"Test a, Test b"}, "", true},
		{"a line break", []string{"Test a\r\nb"}, "", true},
		{"a parameter", []string{`Test a="b"`}, "", true},
		{"padding alone", []string{"Test ="}, "", true},
		{"padding in the middle", []string{"Test a=b"}, "", true},
		{"letters beyond ASCII", []string{"Test é"}, "", true},
		{"two lines", []string{"Test a", "Test b"}, "", true},
		{"two lines for others, since nobody knows which one counts", []string{"Other a", "Other b"}, "", true},
		{"8 KiB", []string{"Test " + strings.Repeat("a", 8<<10)}, strings.Repeat("a", 8<<10), true},
		{"more than 8 KiB", []string{"Test " + strings.Repeat("a", 8<<10+1)}, "", true},
		{"more than 8 KiB for another scheme", []string{"Other " + strings.Repeat("a", 8<<10+1)}, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, found := challenge.Credentials(http.Header{"Authorization": c.lines}, "Test")
			if text != c.text || found != c.found {
				t.Errorf("got %q, %v; want %q, %v", text, found, c.text, c.found)
			}
		})
	}
}

// FuzzChallenge: whatever the program and its users come up with, a challenge is one line
// of ASCII that a client reads as it was meant.
func FuzzChallenge(f *testing.F) {
	f.Add("My reports", "The token expired")
	f.Add(`a", error="x`, `\"`)
	f.Add("réalm\x00", "a\r\nSet-Cookie: a=b")
	f.Add("\\", "\xff")
	f.Fuzz(func(t *testing.T, realm, text string) {
		if challenge.Check(realm) != nil {
			realm = challenge.Text(realm)
		}
		text = challenge.Text(text)
		if strings.ContainsAny(text, `"\`) || len(text) > 200 {
			t.Errorf("Text gives %q", text)
		}
		got := challenge.Build("Test", "realm", realm, "error_description", text, "charset", "UTF-8")
		if strings.ContainsFunc(got, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Errorf("%q is not one line of ASCII", got)
		}
		var want []string
		for _, p := range [][2]string{{"realm", realm}, {"error_description", text}, {"charset", "UTF-8"}} {
			if p[1] != "" {
				want = append(want, p[0], p[1])
			}
		}
		if params, ok := parse(got); !ok || !slices.Equal(params, want) {
			t.Errorf("%q reads as %q, want %q", got, params, want)
		}
	})
}

// parse is a client's reading of a challenge, character by character.
func parse(s string) (params []string, ok bool) {
	s, ok = strings.CutPrefix(s, "Test ")
	for ok {
		var name, value string
		if name, s, ok = strings.Cut(s, `="`); !ok {
			return nil, false
		}
		if value, s, ok = unquote(s); !ok {
			return nil, false
		}
		params = append(params, name, value)
		if s == "" {
			return params, true
		}
		s, ok = strings.CutPrefix(s, ", ")
	}
	return nil, false
}

// unquote reads up to the quote that ends a quoted-string.
func unquote(s string) (value, rest string, ok bool) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return value, s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		value += s[i : i+1]
	}
	return "", "", false
}
