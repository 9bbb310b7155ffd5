// Package realserver starts real servers for tests: Redis, PostgreSQL, nginx, programs on
// Node, or any other. Each listens on a free port of loopback, keeps what it writes in a
// folder of its own, and is gone when the test is over, whichever way that ends:
//
//	redis := realserver.Redis(t)
//	client := dial(redis.Address)
//	redis.Kill()  // as in a power cut
//	redis.Start() // at the same address
//
// A program that the machine lacks skips the test and says which Debian package brings
// it. Where the variable CI is set, the test fails instead, so that nothing is left out
// there without a word.
package realserver
