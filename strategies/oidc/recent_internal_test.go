package oidc

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestRecentIDsAreBounded(t *testing.T) {
	var r recent
	const n = 3*maxRemember + 1
	for i := range n {
		if !r.add(strconv.Itoa(i)) {
			t.Fatalf("%d is new, and was known", i)
		}
		if kept := len(r.young) + len(r.old); kept > 2*maxRemember {
			t.Fatalf("%d ids are kept", kept)
		}
	}
	for i := n - maxRemember; i < n; i++ {
		if r.add(strconv.Itoa(i)) {
			t.Fatalf("%d is among the last ten thousand, and was forgotten", i)
		}
	}
}

func TestRecentIDsAreRememberedWhileTheyMatter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r recent
		r.add("a")
		time.Sleep(remember)
		r.add("b") // a generation later
		if r.add("a") {
			t.Error("it was forgotten too early")
		}
		for _, id := range []string{"c", "d"} {
			time.Sleep(remember + time.Second)
			r.add(id)
		}
		if !r.add("a") {
			t.Error("it is remembered for ever")
		}
	})
}
