// Package benchmarks measures what a request costs with this library, with its peers and
// with floors written by hand, all in one harness. The command ratios, beside it, runs
// everything and compares; docs/performance.md has the results.
package benchmarks
