package seal_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/gopassport/passport/internal/seal"
)

func newKey() []byte {
	key := make([]byte, seal.KeySize)
	_, _ = rand.Read(key)
	return key
}

func newSealer(tb testing.TB, master []byte, purpose string) *seal.Sealer {
	tb.Helper()
	s, err := seal.New(master, purpose)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// open is OpenText with a buffer of its own.
func open(s *seal.Sealer, name, text string) (string, bool) {
	b := seal.NewBuffer()
	defer b.Free()
	plain, ok := s.OpenText(b, name, text)
	return string(plain), ok
}

func TestRoundTrip(t *testing.T) {
	s := newSealer(t, newKey(), "login")
	for name, plain := range map[string]string{"nothing": "", "a byte": "\x00", "a text": "alice", "much": strings.Repeat("a", 3000)} {
		if got, ok := s.Open("cookie", s.Seal("cookie", []byte(plain))); !ok || string(got) != plain {
			t.Errorf("Open of %s: %.20q, %v", name, got, ok)
		}
		text := s.SealText("cookie", []byte(plain))
		if got, ok := open(s, "cookie", text); !ok || got != plain {
			t.Errorf("OpenText of %s: %.20q, %v", name, got, ok)
		}
		if len(text) != s.Size(len(plain)) {
			t.Errorf("Size of %s: %d, it is %d", name, s.Size(len(plain)), len(text))
		}
		if strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("the text of %s is %q, not fit for a cookie", name, text)
		}
	}
}

func TestSealingTwiceIsNeverTheSame(t *testing.T) {
	s, seen := newSealer(t, newKey(), "login"), map[string]bool{}
	for range 1000 {
		text := s.SealText("cookie", []byte("alice"))
		if seen[text] || strings.Contains(text, "alice") {
			t.Fatalf("%q came before, or shows what it holds", text)
		}
		seen[text] = true
	}
}

func TestWhatDoesNotOpen(t *testing.T) {
	key := newKey()
	s := newSealer(t, key, "login")
	good := s.SealText("cookie", []byte("alice1")) // of a length that padding would fill up
	raw, _ := base64.RawURLEncoding.DecodeString(good)
	type attempt struct {
		sealer     *seal.Sealer
		name, text string
	}
	cases := map[string]attempt{
		"nothing":                    {s, "cookie", ""},
		"another name":               {s, "cookie2", good},
		"no name":                    {s, "", good},
		"another purpose":            {newSealer(t, key, "flow"), "cookie", good},
		"a purpose that begins with": {newSealer(t, key, "login "), "cookie", good},
		"another key":                {newSealer(t, newKey(), "login"), "cookie", good},
		"padding":                    {s, "cookie", base64.URLEncoding.EncodeToString(raw)},
		"the other alphabet":         {s, "cookie", base64.RawStdEncoding.EncodeToString(append([]byte{0xff, 0xff, 0xff}, raw...))},
		"a space before":             {s, "cookie", " " + good},
		"quotes":                     {s, "cookie", `"` + good + `"`},
		"more behind":                {s, "cookie", good + "AAAA"},
		"more in front":              {s, "cookie", "AAAA" + good},
		"twice":                      {s, "cookie", good + good},
		"4097 bytes":                 {s, "cookie", strings.Repeat("A", 4097)},
		"a nonce alone":              {s, "cookie", good[:16]},
		"no UTF-8":                   {s, "cookie", "\xff\xfe"},
	}
	for n := range len(good) {
		cases[fmt.Sprintf("the first %d letters", n)] = attempt{s, "cookie", good[:n]}
	}
	for i := range len(raw) * 8 {
		flipped := bytes.Clone(raw)
		flipped[i/8] ^= 1 << (i % 8)
		cases[fmt.Sprintf("bit %d flipped", i)] = attempt{s, "cookie", base64.RawURLEncoding.EncodeToString(flipped)}
	}
	for name, c := range cases {
		if plain, ok := open(c.sealer, c.name, c.text); ok {
			t.Errorf("%s opens: %q", name, plain)
		}
	}
	if plain, ok := open(s, "cookie", good); !ok || plain != "alice1" {
		t.Errorf("the good one: %q, %v", plain, ok)
	}
}

func TestAValueHasOneSpelling(t *testing.T) {
	s := newSealer(t, newKey(), "login")
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, plain := range []string{"a", "ab", "abc"} { // each leaves other bits over
		text := s.SealText("cookie", []byte(plain))
		opened := 0
		for _, last := range letters {
			if _, ok := open(s, "cookie", text[:len(text)-1]+string(last)); ok {
				opened++
			}
		}
		if opened != 1 {
			t.Errorf("%d spellings of the last letter open", opened)
		}
	}
}

func TestAKeyHas32Bytes(t *testing.T) {
	for _, n := range []int{0, 1, 16, 31, 33, 64} {
		if s, err := seal.New(make([]byte, n), "login"); err == nil || s != nil {
			t.Errorf("a key of %d bytes: %v, %v", n, s, err)
		}
	}
}

func TestBuffersAreNotShared(t *testing.T) {
	s := newSealer(t, newKey(), "login")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			want := strings.Repeat(fmt.Sprint(i), 50+i)
			text := s.SealText("cookie", []byte(want))
			for range 200 {
				if got, ok := open(s, "cookie", text); !ok || got != want {
					t.Errorf("%q, %v; want %q", got, ok, want)
				}
			}
		})
	}
	all.Wait()
}

func FuzzOpen(f *testing.F) {
	s := newSealer(f, newKey(), "login")
	other := newSealer(f, newKey(), "login")
	f.Add("cookie", []byte(other.SealText("cookie", []byte("alice"))))
	f.Add("", []byte{})
	f.Add("cookie", bytes.Repeat([]byte("A"), 4096))
	f.Add(strings.Repeat("n", 500), []byte("\xff="))
	f.Fuzz(func(t *testing.T, name string, text []byte) {
		if plain, ok := open(s, name, string(text)); ok {
			t.Errorf("%q opens: %q", text, plain)
		}
		if plain, ok := s.Open(name, bytes.Clone(text)); ok {
			t.Errorf("%q opens: %q", text, plain)
		}
		if plain, ok := open(s, name, s.SealText(name, text)); len(text) < 3000 && (!ok || plain != string(text)) {
			t.Errorf("%q comes back as %q, %v", text, plain, ok)
		}
	})
}

func TestALineBreakInATextIsNotSkipped(t *testing.T) {
	s := newSealer(t, newKey(), "login")
	for n := range 8 { // each length that base64 ends differently with
		text := s.SealText("name", make([]byte, n))
		b := seal.NewBuffer()
		for _, bad := range []string{"\r" + text, text + "\n", text[:5] + "\r\n" + text[5:]} {
			if _, ok := s.OpenText(b, "name", bad); ok {
				t.Errorf("%q opens", bad)
			}
		}
		if _, ok := s.OpenText(b, "name", text); !ok {
			t.Errorf("%q does not open", text)
		}
		b.Free()
	}
}
