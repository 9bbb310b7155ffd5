package main

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// results are the values of each case, by unit, in the order of the rounds.
type results map[string]map[string][]float64

// cores is the number of processors that go test puts behind a name.
var cores = regexp.MustCompile(`-\d+$`)

// parse reads what go test prints.
func parse(text string) results {
	r := results{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		name, ok := strings.CutPrefix(line, "Benchmark")
		if !ok || len(fields) < 4 {
			continue
		}
		name = caseOf(strings.Fields(name)[0])
		if r[name] == nil {
			r[name] = map[string][]float64{}
		}
		for pair := range slices.Chunk(fields[2:], 2) {
			if value, err := strconv.ParseFloat(pair[0], 64); err == nil && len(pair) == 2 {
				r[name][pair[1]] = append(r[name][pair[1]], value)
			}
		}
	}
	return r
}

// caseOf drops the number of cores, but where it makes the case.
func caseOf(name string) string {
	base := cores.ReplaceAllString(name, "")
	switch {
	case base != "Cores":
		return base
	case name == base:
		return "Cores/1"
	}
	return "Cores/" + strings.TrimPrefix(name, "Cores-")
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// spread is how far the values are from their median, as half the distance between the
// quartiles, in parts of it.
func spread(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	m := median(values)
	if m == 0 {
		return 0
	}
	n := len(sorted)
	return (sorted[(n-1)*3/4] - sorted[(n-1)/4]) / 2 / m
}

// cpu is the unit of what a case costs: the time of processors, the garbage collector's
// included.
const cpu = "cpu-ns/op"

// net is what a case costs beyond the harness, in each round.
func (r results) net(name string) []float64 {
	group, _, _ := strings.Cut(name, "/")
	return combine(r[name][cpu], r[group+"/bare"][cpu], func(a, b float64) float64 { return a - b })
}

// combine pairs the values of two cases by round. A case that has none counts as zero.
func combine(a, b []float64, f func(a, b float64) float64) []float64 {
	combined := make([]float64, len(a))
	for i := range a {
		other := 0.0
		if i < len(b) {
			other = b[i]
		}
		combined[i] = f(a[i], other)
	}
	return combined
}
