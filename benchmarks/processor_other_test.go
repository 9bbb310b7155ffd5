//go:build !unix

package benchmarks_test

import "time"

// processor is the clock, where a system does not simply tell more.
func processor() time.Duration { return time.Duration(time.Now().UnixNano()) }
