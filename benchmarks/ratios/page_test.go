package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
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
		if len(target.value(r)) == 0 {
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
		if target.met(median(target.value(r))) {
			continue
		}
		if target.why == "" || !strings.Contains(explained, target.why) {
			t.Errorf("%s is missed (%s), and the page does not say why", target.what, target.written(median(target.value(r))))
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
`

func TestResultsAreReadByRound(t *testing.T) {
	r := parse(made)
	for name, c := range map[string]struct {
		got  []float64
		want string
	}{
		"net of the harness": {r.net("Group/a"), "100 300"},
		"a ratio":            {ratio("Group/a", "Group/b")(r), "2.0 3.0"},
		"a difference":       {over("Group/a", "Group/b")(r), "40"},
		"none to one":        {over("Group/a", "Group/c")(r), ""},
		"allocations":        {allocs("Group/a")(r), "2 2"},
		"cores":              {scaling("Cores/1", "Cores/2")(r), "2"},
		"requests":           {r["Stack/a"]["requests/s"], "100"},
		"what is not there":  {r.net("Group/c"), ""},
	} {
		if got := joined(c.got); got != joined(numbers(t, c.want)) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
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

func TestMedianAndSpread(t *testing.T) {
	for _, c := range []struct {
		values         string
		median, spread float64
	}{{"", 0, 0}, {"3", 3, 0}, {"4 2", 3, 0}, {"9 1 5", 5, 0.4}, {"5 5 5 5", 5, 0}} {
		values := numbers(t, c.values)
		if median(values) != c.median {
			t.Errorf("median of %s: %v", c.values, median(values))
		}
		if got := spread(values); got != c.spread && len(values) != 2 {
			t.Errorf("spread of %s: %v", c.values, got)
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

func joined(values []float64) string {
	var all []string
	for _, v := range values {
		all = append(all, strconv.FormatFloat(v, 'g', 6, 64))
	}
	return strings.Join(all, " ")
}

func numbers(t *testing.T, text string) (values []float64) {
	t.Helper()
	for field := range strings.FieldsSeq(text) {
		v, err := strconv.ParseFloat(field, 64)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, v)
	}
	return values
}
