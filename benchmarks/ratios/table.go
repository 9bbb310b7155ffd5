package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// targetsTable compares the results with the targets.
func targetsTable(r results) string {
	var b strings.Builder
	b.WriteString("| what | target | measured | |\n|---|---|---|---|\n")
	for _, t := range targets() {
		measured, verdict := "not measured", ""
		if value, ok := t.value(r); ok {
			measured, verdict = t.written(value), "**missed**"
			if t.met(value) {
				verdict = "met"
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", t.what, t.promise(), measured, verdict)
	}
	return b.String()
}

// casesTable lists all cases.
func casesTable(r results) string {
	var b strings.Builder
	b.WriteString("| case | best | median | B/op | allocs/op |\n|---|--:|--:|--:|--:|\n")
	for _, name := range slices.Sorted(maps.Keys(r)) {
		if rates := r[name]["requests/s"]; len(rates) > 0 {
			fmt.Fprintf(&b, "| %s | %.0f requests/s | %.0f requests/s | | |\n", name, slices.Max(rates), median(rates))
			continue
		}
		times := r[name][cpu]
		if len(times) == 0 {
			times = r[name]["ns/op"]
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %.0f | %.0f |\n",
			name, duration(slices.Min(times)), duration(median(times)), median(r[name]["B/op"]), median(r[name]["allocs/op"]))
	}
	return b.String()
}

// duration writes nanoseconds with three digits.
func duration(ns float64) string {
	switch {
	case ns < 10:
		return fmt.Sprintf("%.1f ns", ns)
	case ns < 1000:
		return fmt.Sprintf("%.0f ns", ns)
	case ns < 10_000:
		return fmt.Sprintf("%.2f µs", ns/1000)
	case ns < 100_000:
		return fmt.Sprintf("%.1f µs", ns/1000)
	}
	return fmt.Sprintf("%.0f µs", ns/1000)
}

// update puts the tables into the page, between the comments that mark their places.
func update(page string, r results) (string, error) {
	for _, part := range []struct{ name, text string }{{"targets", targetsTable(r)}, {"cases", casesTable(r)}} {
		before, rest, ok := strings.Cut(page, "<!-- "+part.name+" -->\n")
		_, after, okEnd := strings.Cut(rest, "<!-- end -->\n")
		if !ok || !okEnd {
			return "", fmt.Errorf("docs/performance.md has no place for the %s: <!-- %[1]s --> to <!-- end -->", part.name)
		}
		page = before + "<!-- " + part.name + " -->\n" + part.text + "<!-- end -->\n" + after
	}
	return page, nil
}
