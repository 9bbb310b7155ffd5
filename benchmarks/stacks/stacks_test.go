package stacks_test

import (
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/gopassport/passport/benchmarks/stacks"
)

// TestASecondOfOursServesManyOfNode is a watch, not a measurement: other work on the
// machine moves the figures. docs/performance.md has those of a quiet one.
func TestASecondOfOursServesManyOfNode(t *testing.T) {
	all, err := stacks.All(t.Context(), "..", t.TempDir())
	var missing *stacks.Missing
	switch {
	case errors.As(err, &missing) && os.Getenv("CI") == "":
		t.Skip(missing)
	case err != nil:
		t.Fatal(err)
	}
	d := time.Second
	if os.Getenv("CI") != "" {
		d = 3 * time.Second
	}
	measured := func(name string) float64 {
		i := slices.IndexFunc(all, func(s stacks.Stack) bool { return s.Name == name })
		rate, err := all[i].Measure(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		return rate
	}
	ours, theirs := measured("passport"), measured("node")
	t.Logf("passport %.0f requests/s, Passport on Node %.0f: %.1f times as many", ours, theirs, ours/theirs)
	if ours < 6*theirs {
		t.Errorf("%.0f requests/s are less than six times Node's %.0f", ours, theirs)
	}
}

// The peers in Go are measured by the command ratios only; that they work is seen here.
func TestEachServerKnowsWhoIsLoggedIn(t *testing.T) {
	all, err := stacks.All(t.Context(), "..", t.TempDir())
	var missing *stacks.Missing
	if err != nil && !errors.As(err, &missing) || len(all) < 4 {
		t.Fatal(len(all), err)
	}
	for _, s := range all {
		if _, err := s.Measure(t.Context(), 100*time.Millisecond); err != nil {
			t.Error(err)
		}
	}
}
