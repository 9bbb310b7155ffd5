package cookies_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/gopassport/passport/internal/cookies"
)

func TestValues(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"no header", nil, nil},
		{"an empty header", []string{""}, nil},
		{"one", []string{"a=1"}, []string{"1"}},
		{"an empty one", []string{"a="}, []string{""}},
		{"one among others", []string{"x=0; a=1; y=2"}, []string{"1"}},
		{"one without spaces", []string{"x=0;a=1;y=2"}, []string{"1"}},
		{"one with spaces", []string{" x=0 ;\t a=1 \t; y=2"}, []string{"1"}},
		{"several", []string{"a=1; a=2", "a=3"}, []string{"1", "2", "3"}},
		{"a value with an equals sign", []string{"a=b=c=="}, []string{"b=c=="}},
		{"a value in quotes, as it came", []string{`a="1"`}, []string{`"1"`}},
		{"a name that begins alike", []string{"ab=1; aa=2"}, nil},
		{"a name that ends alike", []string{"ba=1; __Host-a=2"}, nil},
		{"a name in another case", []string{"A=1"}, nil},
		{"a name without a value", []string{"a; a ; x"}, nil},
		{"a name in a value", []string{"x=a=1"}, nil},
		{"semicolons", []string{";;; a=1;;"}, []string{"1"}},
		{"bytes", []string{"a=\xff\x00"}, []string{"\xff\x00"}},
	} {
		h := http.Header{"Cookie": c.lines}
		if got := slices.Collect(cookies.Values(h, "a")); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if got := cookies.Has(h, "a"); got != (c.want != nil) {
			t.Errorf("%s: Has is %v", c.name, got)
		}
	}
}

func TestAll(t *testing.T) {
	h := http.Header{"Cookie": {"p-1=a; x=0; p-2=b", "xp-3=c; p-=d;p-4; p-1=e"}}
	var got []string
	for name, value := range cookies.All(h, "p-") {
		got = append(got, name+"="+value)
	}
	if want := []string{"p-1=a", "p-2=b", "p-=d", "p-1=e"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReadingMayStopEarly(t *testing.T) {
	h := http.Header{"Cookie": {"a=1; a=2", "a=3"}}
	n := 0
	for range cookies.Values(h, "a") {
		n++
		break
	}
	for range cookies.All(h, "a") {
		n++
		break
	}
	if n != 2 {
		t.Errorf("%d cookies, want 2", n)
	}
}

func TestOneLineForEachName(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Add("Set-Cookie", "theirs=1; Path=/")
	w.Header().Add("Set-Cookie", "theirs=2; Path=/x")
	for _, name := range []string{"a", "ab", "a", "a", "b"} {
		cookies.Set(w, &http.Cookie{Name: name, Value: name + "-value", Path: "/"})
	}
	want := []string{"theirs=1; Path=/", "theirs=2; Path=/x", "ab=ab-value; Path=/", "a=a-value; Path=/", "b=b-value; Path=/"}
	if got := w.Header()["Set-Cookie"]; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, name := range []string{"a", "theirs", "nobody's", "b"} {
		cookies.Unset(w, name)
	}
	if got := w.Header()["Set-Cookie"]; !slices.Equal(got, []string{"ab=ab-value; Path=/"}) {
		t.Errorf("got %q, want ab only", got)
	}
	cookies.Unset(w, "ab")
	if _, there := w.Header()["Set-Cookie"]; there {
		t.Error("an empty header is left")
	}
}

func TestPending(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Add("Set-Cookie", "ab=0; Path=/")
	w.Header().Add("Set-Cookie", "a=1; Path=/")
	w.Header().Add("Set-Cookie", "gone=; Path=/; Max-Age=0")
	w.Header().Add("Set-Cookie", "short=2")
	for name, want := range map[string]string{"a": "1 true", "ab": "0 true", "gone": " true", "short": "2 true", "b": " false", "": " false", "A": " false"} {
		value, ok := cookies.Pending(w, name)
		if got := fmt.Sprint(value, " ", ok); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

// What net/http reads of a header, this package reads, too. It reads more: what only
// looks like a cookie does no harm, because it never opens.
func FuzzValues(f *testing.F) {
	f.Add("a", "1", "a=1; b=2;a=3")
	f.Add("__Host-a", "x-_", "__Host-a=x ; =; ;;")
	f.Add("a", "", "a\t=1; a= 1;a==")
	f.Fuzz(func(t *testing.T, name, value, line string) {
		cookie := &http.Cookie{Name: name, Value: value}
		if cookie.Valid() == nil && !strings.ContainsAny(value, " ,\"") {
			r := &http.Request{Header: http.Header{}}
			r.AddCookie(&http.Cookie{Name: "before", Value: "x"})
			r.AddCookie(cookie)
			r.AddCookie(cookie)
			r.AddCookie(&http.Cookie{Name: name + "-after", Value: "x"})
			if got := slices.Collect(cookies.Values(r.Header, name)); !slices.Equal(got, []string{value, value}) {
				t.Errorf("%q: %q, want %q twice", r.Header["Cookie"], got, value)
			}
		}
		r := &http.Request{Header: http.Header{"Cookie": {line}}}
		if strings.ContainsAny(line, "\"\r\n") || strings.Contains(line, " =") || strings.Contains(line, "\t=") {
			return // which net/http reads in its own way
		}
		for _, c := range r.Cookies() {
			if c.Value != "" && !slices.Contains(slices.Collect(cookies.Values(r.Header, c.Name)), c.Value) {
				t.Errorf("%q: net/http reads %s=%s", line, c.Name, c.Value)
			}
		}
	})
}
