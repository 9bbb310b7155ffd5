package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/gopassport/passport/benchmarks/stacks"
)

// measure runs everything and gives the results in the format of go test.
func measure(ctx context.Context, rounds int, benchtime time.Duration, servers int, each time.Duration) ([]byte, error) {
	dir, err := os.MkdirTemp("", "ratios")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is in the temporary folder
	binary := filepath.Join(dir, "benchmarks.test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, ".") //nolint:gosec // a file in a folder of our own
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	var all bytes.Buffer
	fmt.Fprintf(&all, "go: %s\ncores: %d\n", runtime.Version(), runtime.NumCPU())
	for i := range rounds {
		log.Printf("round %d of %d", i+1, rounds)
		if err := round(ctx, &all, binary, benchtime); err != nil {
			return nil, err
		}
	}
	err = serve(ctx, &all, dir, servers, each)
	return all.Bytes(), err
}

// round runs each benchmark once: all on the cores that there are, and what shows how it
// scales on one as well.
func round(ctx context.Context, all *bytes.Buffer, binary string, benchtime time.Duration) error {
	cores := strconv.Itoa(runtime.NumCPU())
	for _, args := range [][]string{
		{"-test.bench=.", "-test.skip=BenchmarkCores", "-test.cpu=" + cores},
		{"-test.bench=^BenchmarkCores$", "-test.cpu=1,2", "-test.count=2"},
	} {
		args = append(args, "-test.run=^$", "-test.benchmem", "-test.benchtime="+benchtime.String())
		run := exec.CommandContext(ctx, binary, args...) //nolint:gosec // built above
		run.Stdout, run.Stderr = all, os.Stderr
		if err := run.Run(); err != nil {
			return err
		}
	}
	return nil
}

// serve measures the servers in turn. Without Node only those in Go are.
func serve(ctx context.Context, all *bytes.Buffer, dir string, times int, each time.Duration) error {
	if times == 0 {
		return nil
	}
	list, err := stacks.All(ctx, ".", dir)
	var missing *stacks.Missing
	if errors.As(err, &missing) {
		log.Print("without Passport on Node: ", missing)
	} else if err != nil {
		return err
	}
	for i := range times {
		log.Printf("servers, %d of %d", i+1, times)
		for _, s := range list {
			perSecond, err := s.Measure(ctx, each)
			if err != nil {
				return err
			}
			fmt.Fprintf(all, "BenchmarkStack/%s\t%d\t%.0f requests/s\n", s.Name, int(perSecond*each.Seconds()), perSecond)
		}
	}
	return nil
}
