package passporttest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"
)

// Fault is one way in which a provider misbehaves. [Server.Next] lets it happen once,
// [Server.Always] each time. What is not here, [Server.EditResponse] and
// [Provider.EditClaims] can do.
type Fault string

// Faults of the answer that the browser brings to the application.
const (
	Deny           Fault = "deny"            // the person says no: access_denied; OAuth 1: denied
	ServerError    Fault = "server error"    // the provider answers with the error server_error; OAuth 1: an oauth_problem
	BadCode        Fault = "bad code"        // the code (OAuth 1: the verifier) is none that the provider gave out
	ReplayedCode   Fault = "replayed code"   // the code is that of the answer before; needs one
	WrongState     Fault = "wrong state"     // the state (OAuth 1: the request token) is of no flow
	NoState        Fault = "no state"        // there is no state (OAuth 1: no request token)
	WrongResponder Fault = "wrong responder" // iss names another provider (RFC 9207)
	NoResponder    Fault = "no responder"    // there is no iss
	TwiceInAnswer  Fault = "twice in answer" // each parameter comes twice, with two values
)

// Faults of a reply. They happen where the token is asked for (OAuth 1: the access
// token), unless an [Endpoint] is named.
const (
	InternalError    Fault = "internal error"    // a 500 with a short text
	Unavailable      Fault = "unavailable"       // a 503 with Retry-After: 7
	HTML             Fault = "html"              // a 200 with a page for people
	EmptyBody        Fault = "empty body"        // a 200 with nothing
	CutShort         Fault = "cut short"         // the reply breaks off: half of it came
	Hang             Fault = "hang"              // no reply, until the caller gives up or the test ends
	SlowBody         Fault = "slow body"         // a 200 with a blank every 50 ms, until the caller gives up or the test ends
	HugeBody         Fault = "huge body"         // a 200 with 50 MB of JSON
	ConnectionReset  Fault = "connection reset"  // the connection is reset before a reply
	RedirectAway     Fault = "redirect away"     // a 307 to another host ([Elsewhere]), to which a client may send its secrets again
	EchoSecrets      Fault = "echo secrets"      // a 500 that shows what the caller sent
	DuplicateMembers Fault = "duplicate members" // each member of the JSON object comes twice, texts with two values; also at [IDToken]
)

// Faults of what a reply says.
const (
	InvalidGrant   Fault = "invalid grant"    // the code is refused (RFC 6749, 5.2)
	NoAccessToken  Fault = "no access token"  // a good reply, but for the token
	WrongTokenType Fault = "wrong token type" // token_type is mac
	NoIDToken      Fault = "no id token"      // openid was asked for, and no ID token comes
	EmptySubject   Fault = "empty subject"    // sub is "" and id 0: in the ID token, where there is one, else in the profile
	OtherSubject   Fault = "other subject"    // userinfo is about somebody else than the ID token
	Unconfirmed    Fault = "unconfirmed"      // OAuth 1: oauth_callback_confirmed is false
)

// Faults of the ID token. All but the last four are signed well.
const (
	WrongIssuer    Fault = "wrong issuer"   // iss
	WrongNonce     Fault = "wrong nonce"    // nonce
	NoNonce        Fault = "no nonce"       // no nonce
	WrongAudience  Fault = "wrong audience" // aud is another client
	WrongParty     Fault = "wrong party"    // azp is another client
	Expired        Fault = "expired"        // exp was ten minutes ago
	WrongTokenHash Fault = "wrong at_hash"  // at_hash belongs to another access token
	RotatedKey     Fault = "rotated key"    // signed with a key that was made just now, and is published; a good token
	UnknownKey     Fault = "unknown key"    // signed with a key that is not published
	BadSignature   Fault = "bad signature"  // one bit of the signature is wrong
	AlgNone        Fault = "alg none"       // not signed, and says so
	AlgHS256       Fault = "alg hs256"      // signed with the client's secret, in place of the provider's key
)

// Endpoint is a part of a provider that a fault or an edit is for: a path under
// [Server.URL], or the ID token.
type Endpoint string

// The endpoints. Not every provider has all of them.
const (
	Discovery    Endpoint = "/.well-known/openid-configuration"
	JWKS         Endpoint = "/jwks"
	PAR          Endpoint = "/par" // pushed authorization requests, RFC 9126
	Authorize    Endpoint = "/authorize"
	Token        Endpoint = "/token"
	Userinfo     Endpoint = "/userinfo" // the profile, for OAuth 1 and plain OAuth 2, too
	Revocation   Endpoint = "/revoke"   // RFC 7009
	Logout       Endpoint = "/logout"   // OpenID Connect RP-Initiated Logout 1.0
	RequestToken Endpoint = "/request_token"
	AccessToken  Endpoint = "/access_token"
	IDToken      Endpoint = "id_token"  // no address: what the token endpoint signs
	Elsewhere    Endpoint = "elsewhere" // another host, where [RedirectAway] leads; nobody should get there
)

// plan is a fault that is to happen.
type plan struct {
	fault Fault
	at    []Endpoint // nil: wherever it can
	once  bool
	met   bool
}

// Next lets a fault happen once: the next time that it can, or that one of the endpoints
// is asked. Several add up. One that never happens fails the test, unless [Server.Heal]
// forgets it.
func (s *Server) Next(f Fault, at ...Endpoint) { s.plan(plan{fault: f, at: at, once: true}) }

// Always lets a fault happen each time, until [Server.Heal]. One that never happens fails
// the test, as with [Server.Next].
func (s *Server) Always(f Fault, at ...Endpoint) { s.plan(plan{fault: f, at: at}) }

// Heal forgets all faults that are still to happen.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plans = nil
}

func (s *Server) plan(p plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plans = append(s.plans, p)
}

// happens tells whether a fault is to happen here and now, and strikes it off.
func (s *Server) happens(f Fault, here ...Endpoint) bool { return s.strike(f, true, here...) }

// strike is happens. anywhere says whether this is a place for a fault that names none.
func (s *Server) strike(f Fault, anywhere bool, here ...Endpoint) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.plans, func(p plan) bool {
		return p.fault == f && (p.at == nil && anywhere || slices.ContainsFunc(here, func(e Endpoint) bool { return slices.Contains(p.at, e) }))
	})
	if i < 0 {
		return false
	}
	if s.plans[i].met = true; s.plans[i].once {
		s.plans = slices.Delete(s.plans, i, i+1)
	}
	return true
}

// spoil lets a fault of the transport happen; false where none is due.
func (s *Server) spoil(w http.ResponseWriter, c *call) bool {
	for _, f := range []Fault{InternalError, Unavailable, HTML, EmptyBody, Hang, SlowBody, HugeBody, ConnectionReset, RedirectAway, EchoSecrets} {
		if s.due(f, c.at) {
			s.serveFault(f, w, c)
			return true
		}
	}
	return false
}

// due is happens for the faults that have a place of their own where none is named.
func (s *Server) due(f Fault, at Endpoint) bool { return s.strike(f, at == s.home, at) }

func (s *Server) serveFault(f Fault, w http.ResponseWriter, c *call) {
	switch f {
	case InternalError:
		http.Error(w, "something broke", http.StatusInternalServerError)
	case Unavailable:
		w.Header().Set("Retry-After", "7")
		http.Error(w, "come back later", http.StatusServiceUnavailable)
	case HTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!doctype html><title>Log in</title><p>Please log in.")
	case EmptyBody:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
	case Hang:
		s.wait(c.Request)
	case SlowBody:
		s.drip(w, c.Request)
	case HugeBody:
		flood(w)
	case ConnectionReset:
		reset(w)
	case RedirectAway:
		w.Header().Set("Location", s.away+"/steal")
		w.WriteHeader(http.StatusTemporaryRedirect)
	case EchoSecrets:
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(w, "cannot serve %s %s", c.Header.Get("Authorization"), c.form.Encode())
	default: // the others are in what is said, and happen where it is
	}
}

// wait ends when the caller gives up, or the test is over.
func (s *Server) wait(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.closing:
	}
}

func (s *Server) drip(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-s.closing:
			return
		case <-tick.C:
			fmt.Fprint(w, " ")
			_ = http.NewResponseController(w).Flush() // who is gone is seen by the context
		}
	}
}

// flood writes one JSON object of 50 MB.
func flood(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"access_token":"`)
	piece := slices.Repeat([]byte("x"), 1<<20)
	for range 50 {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
	fmt.Fprint(w, `","token_type":"Bearer"}`)
}

func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // unsent data is dropped and the other side gets a reset
	}
	_ = conn.Close()
}

// doubled gives a JSON object each member a second time, in front; texts are other ones.
func doubled(body []byte) []byte {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return body
	}
	twice := []byte("{")
	for name, value := range members {
		key, _ := json.Marshal(name) // a string always has an encoding
		if value[0] == '"' {
			value = json.RawMessage(`"duplicate"`)
		}
		twice = append(append(append(append(twice, key...), ':'), value...), ',')
	}
	return append(twice, body[1:]...)
}
