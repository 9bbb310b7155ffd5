package passport_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gopassport/passport"
)

// machine is an application that shares with others nothing but what it is given.
func machine(t *testing.T, flows passport.FlowStore, revocations passport.RevocationStore, keys ...[]byte) *site {
	t.Helper()
	s := newSite(t, func(c *passport.Config) { c.Keys, c.Flows, c.Revocations = keys, flows, revocations })
	s.login("github")
	return s
}

// at goes to another machine, with a copy of the cookies.
func (b *browser) at(s *site) *browser {
	other := b.thief()
	other.handler = s
	return other
}

func TestAKeyThatOnlyOneMachineHas(t *testing.T) {
	store := newMemory()
	for name, flows := range map[string]passport.FlowStore{"in cookies": nil, "in a store": store} {
		one, other := machine(t, flows, nil, newKey()), machine(t, flows, nil, newKey())
		b := newBrowser(t, one).as("alice")
		equal(t, "at the other machine", b.at(other).me(), "-")
		equal(t, "at the first machine, still", b.me(), "alice")

		b = newBrowser(t, one)
		state := b.begin("/login/github")
		b.at(other).back("/login/github", state, "alice").refused(400, passport.CodeFlowMissing)
		equal(t, "flows "+name+": at the first machine, still", b.back("/login/github", state, "alice").status, 200)
	}
	equal(t, "flows left in the store", len(store.flows), 0)
}

// Keys are rotated in two steps, because machines are not restarted all at once.
func TestARollingRotationLosesNothing(t *testing.T) {
	old, young := newKey(), newKey()
	steps := [][][]byte{{old}, {old, young}, {young, old}}
	for i := 1; i < len(steps); i++ {
		before, after := machine(t, nil, nil, steps[i-1]...), machine(t, nil, nil, steps[i]...)
		for _, pair := range [][2]*site{{before, after}, {after, before}} {
			b := newBrowser(t, pair[0]).as("alice")
			equal(t, fmt.Sprintf("step %d, a login", i), b.at(pair[1]).me(), "alice")
			b = newBrowser(t, pair[0])
			state := b.begin("/login/github")
			equal(t, fmt.Sprintf("step %d, a flow", i), b.at(pair[1]).back("/login/github", state, "alice").status, 200)
		}
	}
	// In one step, half of the machines do not know the new key yet.
	b := newBrowser(t, machine(t, nil, nil, young, old)).as("alice")
	equal(t, "in one step", b.at(machine(t, nil, nil, old)).me(), "-")
}

// ahead runs do on a machine whose clock is ahead: each bubble begins at the same time.
func ahead(t *testing.T, by time.Duration, do func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(by)
		do(t)
	})
}

func TestClocksOfTwoMachinesMayDifferByAMinute(t *testing.T) {
	for _, c := range []struct {
		skew time.Duration
		ok   bool
	}{{59 * time.Second, true}, {time.Minute, false}, {time.Hour, false}} {
		key := newKey()
		var login, flow *browser
		var state string
		ahead(t, c.skew, func(t *testing.T) {
			s := machine(t, nil, nil, key)
			login, flow = newBrowser(t, s).as("alice"), newBrowser(t, s)
			state = flow.begin("/login/github")
		})
		ahead(t, 0, func(t *testing.T) {
			s := machine(t, nil, nil, key)
			login, flow := &browser{t: t, handler: s, jar: login.jar}, &browser{t: t, handler: s, jar: flow.jar}
			equal(t, fmt.Sprintf("a login of a clock %v ahead holds", c.skew), login.me() == "alice", c.ok)
			got := flow.back("/login/github", state, "alice")
			equal(t, fmt.Sprintf("a flow of a clock %v ahead goes on", c.skew), got.status == 200, c.ok)
			if !c.ok {
				got.refused(400, passport.CodeFlowExpired)
			}
		})
		ahead(t, c.skew, func(t *testing.T) {
			equal(t, "where the clock is the same, still", (&browser{t: t, handler: machine(t, nil, nil, key), jar: login.jar}).me(), "alice")
		})
	}
}

// What began later by its machine's clock than the revocation by its own is not ended.
func TestARevocationReachesWhatBeganBeforeItByTheClocks(t *testing.T) {
	for _, c := range []struct {
		skew time.Duration // of the machine that logs in
		want string
	}{{-30 * time.Second, "-"}, {0, "-"}, {20 * time.Second, "alice"}} {
		key := newKey()
		var jar *browser
		ahead(t, time.Minute+c.skew, func(t *testing.T) { jar = newBrowser(t, machine(t, nil, nil, key)).as("alice") })
		ahead(t, time.Minute, func(t *testing.T) {
			s := machine(t, nil, newLedger(), key)
			if err := s.LogoutEverywhere(t.Context(), "alice"); err != nil {
				t.Fatal(err)
			}
			b := &browser{t: t, handler: s, jar: jar.jar}
			equal(t, fmt.Sprintf("a login of a clock %v ahead", c.skew), b.me(), c.want)
		})
	}
}
