package main

import (
	"fmt"
	"slices"
	"strings"
)

// target is one promise of this library's about its speed.
type target struct {
	what  string
	limit float64
	least bool   // the limit is a lower one
	form  string // how a value is written
	value func(results) (value float64, ok bool)
	why   string // where the page explains that it is missed, if it is
}

// targets are all of them, in the order of docs/performance.md.
func targets() []target {
	return []target{
		atMost(300, "%.0f ns", "a request without a cookie through `Session`, over the bare handler", over("Anonymous/passport", "Anonymous/bare")).because("**Nanoseconds**"),
		atMost(1, "%.0f", "… allocations", allocs("Anonymous/passport")),
		atMost(300, "%.0f ns", "… with `GorillaSessions`, whose store is not asked", over("Anonymous/passport_gorilla", "Anonymous/bare")).because("**Nanoseconds**"),
		atLeast(15, "%.1f ×", "a login restored from the default store: faster than gorilla's CookieStore", ratio("Restored/gorilla", "Restored/passport")),
		atLeast(15, "%.1f ×", "… than scs", ratio("Restored/scs", "Restored/passport")),
		atMost(1.3, "%.2f ×", "… the cost of the floor", ratio("Restored/passport", "Restored/floor")),
		atMost(3, "%.0f", "… allocations", allocs("Restored/passport")),
		atMost(1.5, "%.2f ×", "through `GorillaSessions(CookieSessions(key))`: the cost of the default", ratio("Restored/passport_CookieSessions", "Restored/passport")),
		atMost(1.05, "%.2f ×", "through `GorillaSessions` on a stock CookieStore: the cost of one `Store.Get`", ratio("Restored/passport_gob", "Restored/gorilla_Get")),
		atMost(300, "%.0f ns", "Bearer, over the verify function", over("Bearer/passport", "Bearer/verify")).because("**Bearer and Basic**"),
		atMost(300, "%.0f ns", "Basic, over the verify function", over("Basic/passport", "Basic/verify")).because("**Bearer and Basic**"),
		atLeast(10, "%.1f ×", "begin with goth's github: faster than gothic", ratio("Begin/gothic", "Begin/passport")).because("**Gothic**"),
		atMost(1.5, "%.2f ×", "… the cost of `AuthCodeURL` with PKCE and one sealed cookie", ratio("Begin/passport", "Begin/floor")).because("**Begin and callback with goth**"),
		atLeast(5, "%.1f ×", "callback with goth's github: faster than gothic", ratio("Callback/gothic", "Callback/passport")),
		atMost(1.2, "%.2f ×", "… the cost of goth's own exchange and profile", ratio("Callback/passport", "Callback/goth")).because("**Begin and callback with goth**"),
		atMost(1.1, "%.2f ×", "a look-up among 100,000 strategies: the cost of one among one", ratio("Strategies/100000", "Strategies/1")),
		atLeast(1.8, "%.2f ×", "two cores: faster than one", scaling("Cores/1", "Cores/2")).because("**Two cores**"),
		atLeast(12, "%.1f ×", "whole servers on one core: requests/s over those of Passport on Node", served("Stack/passport", "Stack/node")),
	}
}

func atMost(limit float64, form, what string, value func(results) (float64, bool)) target {
	return target{what: what, limit: limit, form: form, value: value}
}

func atLeast(limit float64, form, what string, value func(results) (float64, bool)) target {
	return target{what: what, limit: limit, least: true, form: form, value: value}
}

func (t target) because(why string) target {
	t.why = why
	return t
}

// ratio is what one case costs over another, without the harness.
func ratio(a, b string) func(results) (float64, bool) {
	return func(r results) (float64, bool) {
		one, ok := r.net(a)
		other, okOther := r.net(b)
		return one / other, ok && okOther
	}
}

// over is what one case costs more than another, in nanoseconds.
func over(a, b string) func(results) (float64, bool) {
	return func(r results) (float64, bool) {
		one, ok := fastest(r[a][cpu])
		other, okOther := fastest(r[b][cpu])
		return one - other, ok && okOther
	}
}

func allocs(name string) func(results) (float64, bool) {
	return func(r results) (float64, bool) { return fastest(r[name]["allocs/op"]) }
}

// scaling is how much sooner one case is done than another, by the clock.
func scaling(one, two string) func(results) (float64, bool) {
	return func(r results) (float64, bool) {
		slow, ok := fastest(r[one]["ns/op"])
		fast, okFast := fastest(r[two]["ns/op"])
		return slow / fast, ok && okFast
	}
}

// served is how many times as many requests one server answers as another, each in its
// best round.
func served(a, b string) func(results) (float64, bool) {
	return func(r results) (float64, bool) {
		one, other := r[a]["requests/s"], r[b]["requests/s"]
		if len(one) == 0 || len(other) == 0 {
			return 0, false
		}
		return slices.Max(one) / slices.Max(other), true
	}
}

// written is a value as the table has it, and met tells whether it keeps the promise.
func (t target) written(value float64) string { return fmt.Sprintf(t.form, value) }

func (t target) promise() string {
	bound := "at most "
	if t.least {
		bound = "at least "
	}
	return bound + strings.Replace(strings.Replace(t.written(t.limit), ".00 ", " ", 1), ".0 ", " ", 1)
}

func (t target) met(value float64) bool {
	if t.least {
		return value >= t.limit
	}
	return value <= t.limit
}
