//go:build unix && !race

package interop_test

// raceDetector tells whether the tests run with it.
const raceDetector = false
