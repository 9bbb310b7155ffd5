// Command ratios runs all benchmarks, and the servers over loopback, and compares the
// results with the targets of this library. Run it in the folder of the module:
//
//	go run ./ratios                  # 20 rounds, and the servers; three minutes
//	go run ./ratios -rounds 1 -servers 0
//	go run ./ratios -run=false       # only prints what results.txt has
//	go run ./ratios -write           # also writes results.txt, docs/performance.md and its plot
//
// Each round runs every benchmark once and shortly; what counts is the fastest round of
// each, because what else the machine does only adds. results.txt is in the format of go
// test, which benchstat reads.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"
)

const (
	resultsFile = "results.txt"
	pageFile    = "../docs/performance.md"
	plotFile    = "../docs/performance.svg"
)

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := command(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		log.Fatal(err)
	}
}

func command(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("ratios", flag.ContinueOnError)
	run := flags.Bool("run", true, "run the benchmarks; else results.txt is read")
	rounds := flags.Int("rounds", 20, "how often each benchmark runs")
	benchtime := flags.Duration("benchtime", 100*time.Millisecond, "how long each runs in a round")
	servers := flags.Int("servers", 3, "how often each server is measured")
	seconds := flags.Duration("seconds", 5*time.Second, "how long each is, each time")
	write := flags.Bool("write", false, "write results.txt, docs/performance.md and its plot")
	if err := flags.Parse(args); err != nil {
		return err
	}
	text, err := os.ReadFile(resultsFile)
	if *run {
		text, err = measure(ctx, *rounds, *benchtime, *servers, *seconds)
	}
	if err != nil {
		return err
	}
	results := parse(string(text))
	fmt.Fprint(os.Stdout, targetsTable(results), "\n", casesTable(results))
	if !*write {
		return nil
	}
	return publish(results, text)
}

// publish writes what is measured to where people read it.
func publish(r results, text []byte) error {
	page, err := os.ReadFile(pageFile)
	if err != nil {
		return err
	}
	updated, err := update(string(page), r)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		text []byte
	}{{resultsFile, text}, {pageFile, []byte(updated)}, {plotFile, []byte(plot(r))}} {
		if err := os.WriteFile(f.name, f.text, 0o644); err != nil { //nolint:gosec // everybody may read them
			return err
		}
	}
	return nil
}
