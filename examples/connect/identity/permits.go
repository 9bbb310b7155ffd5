package identity

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// permit is what a person allowed an application, until one of the two ends it.
type permit struct {
	ID     string // names it in forms
	Client string // for people to read
	Scope  string // what the last answer allowed
	Tokens int    // how many access tokens there were

	client string
	person Person
}

// ticket is what a token stands for.
type ticket struct {
	permit *permit
	scope  string
	spent  bool // a refresh token that was used
}

// pair is what the token endpoint gives.
type pair struct{ access, refresh, scope string }

// permits keeps what people allowed, and the tokens for it.
type permits struct {
	mu      sync.Mutex // for all, and the permits themselves
	all     []*permit
	access  *shelf[ticket]
	refresh *shelf[ticket]
}

func newPermits(life time.Duration, now func() time.Time) *permits {
	return &permits{access: newShelf[ticket](capacity, life, now), refresh: newShelf[ticket](capacity, refreshLife, now)}
}

// allow gives the first tokens for what a person said yes to. Saying yes again
// is about the same permit.
func (ps *permits) allow(client Client, person Person, scope string) pair {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	i := slices.IndexFunc(ps.all, func(p *permit) bool { return p.client == client.Key && p.person == person })
	if i < 0 {
		i = len(ps.all)
		ps.all = append(ps.all, &permit{ID: newSecret("permit"), Client: client.Name, client: client.Key, person: person})
	}
	ps.all[i].Scope = scope
	return ps.issue(ps.all[i], scope)
}

func (ps *permits) issue(p *permit, scope string) pair {
	p.Tokens++
	issued := pair{newSecret("access"), newSecret("refresh"), scope}
	ps.access.put(issued.access, ticket{permit: p, scope: scope})
	ps.refresh.put(issued.refresh, ticket{permit: p, scope: scope})
	return issued
}

// renew spends a refresh token and gives another. One that comes a second time
// was stolen, or its replacement was: that ends the permit (RFC 9700, 4.14.2).
func (ps *permits) renew(client Client, token string) (issued pair, ok bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	t, ok := ps.refresh.get(token)
	switch {
	case !ok || t.permit.client != client.Key || !slices.Contains(ps.all, t.permit):
		return pair{}, false
	case t.spent:
		ps.remove(func(p *permit) bool { return p == t.permit })
		return pair{}, false
	}
	t.spent = true
	ps.refresh.put(token, t)
	return ps.issue(t.permit, t.scope), true
}

// open says what an access token gives.
func (ps *permits) open(token string) (t ticket, ok bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	t, ok = ps.access.get(token)
	return t, ok && slices.Contains(ps.all, t.permit)
}

// revoke ends the permit of one of the client's tokens (RFC 7009).
func (ps *permits) revoke(client Client, token string) {
	t, ok := ps.refresh.get(token)
	if !ok {
		t, ok = ps.access.get(token)
	}
	ps.end(func(p *permit) bool { return ok && p == t.permit && p.client == client.Key })
}

// of lists copies of a person's.
func (ps *permits) of(person Person) (all []*permit) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, p := range ps.all {
		if p.person == person {
			shown := *p
			all = append(all, &shown)
		}
	}
	return all
}

func (ps *permits) end(which func(*permit) bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.remove(which)
}

func (ps *permits) remove(which func(*permit) bool) { ps.all = slices.DeleteFunc(ps.all, which) }

func (t ticket) allows(scope string) bool { return slices.Contains(strings.Fields(t.scope), scope) }
