//go:build unix && !race

package interop

// raceDetector tells whether the tests run with it.
const raceDetector = false
