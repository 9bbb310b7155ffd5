//go:build unix

package benchmarks_test

import (
	"syscall"
	"time"
)

// processor is how long processors have worked for this program.
func processor() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
