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

// cpu is the unit of what a case costs: the time of processors, the garbage collector's
// included.
const cpu = "cpu-ns/op"

// net is what a case costs beyond the harness.
func (r results) net(name string) (float64, bool) {
	group, _, _ := strings.Cut(name, "/")
	bare, _ := fastest(r[group+"/bare"][cpu]) // some groups have none
	cost, ok := fastest(r[name][cpu])
	return cost - bare, ok
}

// fastest is the least of the values: what else the machine does only adds.
func fastest(values []float64) (float64, bool) {
	if len(values) == 0 {
		return 0, false
	}
	return slices.Min(values), true
}
