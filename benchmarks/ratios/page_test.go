package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The page claims what was measured, and all of it.
func TestThePageShowsTheResults(t *testing.T) {
	text := read(t, resultsFile)
	r := parse(text)
	page := read(t, pageFile)
	want, err := update(page, r)
	if err != nil {
		t.Fatal(err)
	}
	if page != want {
		t.Error("docs/performance.md does not show results.txt: go -C benchmarks run ./ratios -run=false -write")
	}
	if read(t, plotFile) != plot(r) {
		t.Error("docs/performance.svg does not show results.txt: go -C benchmarks run ./ratios -run=false -write")
	}
	for _, target := range targets() {
		if _, ok := target.value(r); !ok {
			t.Errorf("%s was not measured", target.what)
		}
	}
	if rounds, servers := len(r["Restored/passport"][cpu]), len(r["Stack/node"]["requests/s"]); rounds < 10 || servers < 3 {
		t.Errorf("there were %d rounds, and %d of the servers", rounds, servers)
	}
}

// What is missed must be explained, and what is explained as missed must be missed no more.
func TestThePageSaysWhatIsMissed(t *testing.T) {
	_, explained, ok := strings.Cut(read(t, pageFile), "## What is not fast, and why")
	if !ok {
		t.Fatal("the page does not say what is not fast")
	}
	r := parse(read(t, resultsFile))
	for _, target := range targets() {
		value, _ := target.value(r)
		if target.met(value) {
			continue
		}
		if target.why == "" || !strings.Contains(explained, target.why) {
			t.Errorf("%s is missed (%s), and the page does not say why", target.what, target.written(value))
		}
	}
}

func TestThePlotIsXML(t *testing.T) {
	d := xml.NewDecoder(strings.NewReader(plot(parse(read(t, resultsFile)))))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

const made = `goos: linux
BenchmarkGroup/bare-2   	100	  9 ns/op	 10.0 cpu-ns/op	 0 B/op	 0 allocs/op
BenchmarkGroup/a-2      	100	 100 ns/op	 110 cpu-ns/op	 64 B/op	 2 allocs/op
BenchmarkGroup/b-2      	100	 50 ns/op	 60 cpu-ns/op	 32 B/op	 1 allocs/op
BenchmarkCores          	100	  90 ns/op	 0 B/op	 0 allocs/op
BenchmarkCores-2        	100	  45 ns/op	 0 B/op	 0 allocs/op
PASS
BenchmarkGroup/bare-2   	100	 9 ns/op	 20.0 cpu-ns/op	 0 B/op	 0 allocs/op
BenchmarkGroup/a-2      	100	 90 ns/op	 320 cpu-ns/op	 64 B/op	 2 allocs/op
BenchmarkGroup/b-2      	100	 70 ns/op	 120 cpu-ns/op	 32 B/op	 1 allocs/op
BenchmarkStack/a	500	100 requests/s
BenchmarkStack/a	500	120 requests/s
BenchmarkStack/b	500	30 requests/s
`

func TestResultsAreOfTheBestRound(t *testing.T) {
	r := parse(made)
	for name, c := range map[string]struct {
		value func(results) (float64, bool)
		want  float64
		ok    bool
	}{
		"net of the harness":   {func(r results) (float64, bool) { return r.net("Group/a") }, 100, true},
		"a ratio":              {ratio("Group/a", "Group/b"), 2, true},
		"a ratio to nothing":   {ratio("Group/a", "Group/c"), 0, false},
		"a difference":         {over("Group/a", "Group/b"), 50, true},
		"none to nothing":      {over("Group/c", "Group/b"), 0, false},
		"allocations":          {allocs("Group/a"), 2, true},
		"cores":                {scaling("Cores/1", "Cores/2"), 2, true},
		"servers":              {served("Stack/a", "Stack/b"), 4, true},
		"a server that is not": {served("Stack/a", "Stack/c"), 0, false},
	} {
		if got, ok := c.value(r); ok != c.ok || ok && got != c.want {
			t.Errorf("%s: %v, %v; want %v, %v", name, got, ok, c.want, c.ok)
		}
	}
}

func TestTargets(t *testing.T) {
	most, least := atMost(1.5, "%.2f ×", "", nil), atLeast(10, "%.1f ×", "", nil)
	for name, ok := range map[string]bool{
		"at the upper limit":    most.met(1.5),
		"below it":              most.met(0.1),
		"above it":              !most.met(1.51),
		"at the lower limit":    least.met(10),
		"above the lower":       least.met(11),
		"below the lower":       !least.met(9.9),
		"what is promised":      most.promise() == "at most 1.50 ×",
		"what is promised, too": least.promise() == "at least 10 ×",
	} {
		if !ok {
			t.Errorf("%s: not so", name)
		}
	}
}

func TestMedian(t *testing.T) {
	for want, values := range map[float64][]float64{0: nil, 3: {3}, 5: {9, 1, 5}, 4: {5, 3}} {
		if got := median(values); got != want {
			t.Errorf("median of %v: %v", values, got)
		}
	}
}

func TestAPageWithoutPlacesIsAnError(t *testing.T) {
	for _, page := range []string{"", "<!-- targets -->\n", "<!-- targets -->\n<!-- end -->\n"} {
		if _, err := update(page, parse(made)); err == nil {
			t.Errorf("%q: no error", page)
		}
	}
}
