package authserver

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Permit is what a person allowed an application, until one of the two ends it.
type Permit struct {
	ID      string // see [OAuth2.Allow]
	Client  Client
	Subject string
	Scope   string // what the last answer allowed
	Tokens  int    // how many access tokens there were

	ended bool
}

// Issued is what the token endpoint gives, and what it is good for. The nonce is there with
// the first only (OpenID Connect Core, 12.2).
type Issued struct {
	Grant
	Access, Refresh string
	Life            time.Duration // of the access token
}

// Tokens are what people allowed, and the tokens for it. They are safe for concurrent use.
type Tokens struct {
	life    time.Duration
	mu      sync.Mutex // for the permits and tickets themselves
	permits map[string]*Permit
	codes   *Shelf[*ticket]
	access  *Shelf[*ticket]
	refresh *Shelf[*ticket]
}

// ticket is what a code or a token stands for.
type ticket struct {
	permit *Permit
	grant  Grant
	spent  bool // a code or a refresh token that was used
}

func newTokens(size int, life time.Duration, now func() time.Time) *Tokens {
	return &Tokens{
		life: life, permits: map[string]*Permit{},
		codes: NewShelf[*ticket](size, codeLife, now), access: NewShelf[*ticket](size, life, now), refresh: NewShelf[*ticket](size, refreshLife, now),
	}
}

// spend tells whether a ticket was good, for the once that it is. What comes a second time
// was stolen, or the first was: that ends the permit (RFC 9700, 4.14.2).
func (t *Tokens) spend(one *ticket) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := !one.spent
	if one.spent = true; !first {
		t.end(one.permit)
	}
	return first
}

// allow gives the first tokens for a code.
func (t *Tokens) allow(code *ticket) (Issued, *Problem) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if code.permit.ended {
		return Issued{}, bad("invalid_grant", "the code came twice, or the person took it back")
	}
	if known := t.permits[code.permit.ID]; known != nil {
		code.permit = known
	} else if code.permit.ID != "" {
		t.permits[code.permit.ID] = code.permit
	}
	code.permit.Scope = code.grant.Scope
	return t.issue(code.permit, code.grant), nil
}

func (t *Tokens) issue(permit *Permit, g Grant) Issued {
	issued := Issued{Grant: g, Access: Secret("access"), Refresh: Secret("refresh"), Life: t.life}
	permit.Tokens++
	g.Nonce = ""
	t.access.Put(issued.Access, &ticket{permit: permit, grant: g})
	t.refresh.Put(issued.Refresh, &ticket{permit: permit, grant: g})
	return issued
}

// renew spends a refresh token and gives another.
func (t *Tokens) renew(client Client, token string) (Issued, *Problem) {
	found, ok := t.refresh.Get(token)
	ok = ok && found.permit.Client.Key == client.Key && t.spend(found)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !ok || found.permit.ended {
		return Issued{}, bad("invalid_grant", "the refresh token is unknown, used, expired or revoked")
	}
	return t.issue(found.permit, found.grant), nil
}

// Open says what a request's access token is good for. Schemes are those of the
// Authorization header that it may come with, such as Bearer (RFC 6750, 2.1).
func (t *Tokens) Open(r *http.Request, schemes ...string) (Grant, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !slices.ContainsFunc(schemes, func(s string) bool { return strings.EqualFold(s, scheme) }) {
		return Grant{}, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	found, ok := t.access.Get(strings.TrimSpace(token))
	if !ok || found.permit.ended {
		return Grant{}, false
	}
	return found.grant, true
}

// Revoke ends the permit of one of the client's tokens. A token that is unknown is as good
// as revoked (RFC 7009, 2.2).
func (t *Tokens) Revoke(client Client, token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found, ok := t.refresh.Get(token)
	if !ok {
		found, ok = t.access.Get(token)
	}
	if ok && found.permit.Client.Key == client.Key {
		t.end(found.permit)
	}
}

// Permits lists a person's.
func (t *Tokens) Permits(subject string) (all []Permit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.permits {
		if p.Subject == subject {
			all = append(all, *p)
		}
	}
	slices.SortFunc(all, func(a, b Permit) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// EndAll ends all that a person allowed.
func (t *Tokens) EndAll(subject string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, tokens := range []*Shelf[*ticket]{t.codes, t.access, t.refresh} {
		for found := range tokens.All() {
			if found.grant.Subject == subject {
				t.end(found.permit)
			}
		}
	}
}

// End ends one of a person's permits.
func (t *Tokens) End(subject, id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p, ok := t.permits[id]; ok && p.Subject == subject {
		t.end(p)
	}
}

func (t *Tokens) end(p *Permit) {
	p.ended = true
	if t.permits[p.ID] == p { // there may be another by now
		delete(t.permits, p.ID)
	}
}
