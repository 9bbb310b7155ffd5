package bearer_test

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	inputs "github.com/gopassport/passport/internal/hostile"
	"github.com/gopassport/passport/strategies/bearer"
)

var token = regexp.MustCompile(`^[A-Za-z0-9\-._~+/]+=*$`)

// fromOnePlace is a second reading of RFC 6750, 2: the token has the right form, and
// stands in the header or in the form, once, and nowhere else.
func fromOnePlace(got, header, query, body string) bool {
	q, _ := url.ParseQuery(query)
	p, err := url.ParseQuery(body)
	if !token.MatchString(got) || len(got) > 8<<10 || q.Has("access_token") || err != nil {
		return false
	}
	inHeader := len(header) > 7 && strings.EqualFold(header[:7], "Bearer ") && header[7:] == got
	return inHeader != (len(p["access_token"]) == 1 && p.Get("access_token") == got) && len(p["access_token"]) < 2
}

// hostile is what becomes of an entry of the corpus: an answer, or a panic at
// start-up (no status), or a reason why it does not apply.
type hostile struct {
	status    int
	challenge string
	verify    func(*http.Request, string) (*client, error) // nil: the usual one
	option    func(input string) bearer.Option             // the input is of the program's making
	reason    string
}

var corpus = map[string]hostile{
	"bearer/scheme lower case":             {status: 200},
	"bearer/only space":                    {status: 400, challenge: malformed},
	"bearer/two spaces":                    {status: 400, challenge: malformed},
	"bearer/tab":                           {status: 400, challenge: malformed},
	"bearer/percent":                       {status: 400, challenge: malformed},
	"bearer/bad percent escape":            {status: 400, challenge: malformed},
	"bearer/comma list":                    {status: 400, challenge: malformed},
	"bearer/two tokens":                    {status: 400, challenge: malformed},
	"bearer/quoted":                        {status: 400, challenge: malformed},
	"bearer/non-ASCII":                     {status: 400, challenge: malformed},
	"bearer/equals in the middle":          {status: 400, challenge: malformed},
	"bearer/only padding":                  {status: 400, challenge: malformed},
	"bearer/prefix of scheme":              {status: 401, challenge: bare},
	"bearer/Basic to a Bearer strategy":    {status: 401, challenge: bare},
	"bearer/undefined":                     {status: 401, challenge: invalid},
	"bearer/id token used as access token": {reason: "a token is a string to this strategy; that a JWT is of the right type is for verify, as the documentation of New says"},
	"bearer/header and query":              {status: 400, challenge: several},
	"bearer/body on GET":                   {status: 401, challenge: bare},
	"bearer/body multipart":                {status: 401, challenge: bare},
	"bearer/body twice":                    {status: 400, challenge: several},

	// A verify function has no bool here: a nil user is a bad token, an error a fault.
	"bearer/verify callback returns nil user and true": {status: 401, challenge: invalid, verify: func(*http.Request, string) (*client, error) { return nil, nil }},
	"bearer/verify callback returns error":             {status: 500, verify: func(*http.Request, string) (*client, error) { return nil, errors.New("db: password=hunter2") }},

	"www-authenticate/realm with quote": {status: 401, challenge: `Bearer realm="a\" , error=\"x"`, option: bearer.Realm},
	"www-authenticate/realm non-ASCII":  {option: bearer.Realm},
	"www-authenticate/scope with quote": {option: func(s string) bearer.Option { return bearer.Scope(s) }},
}

func TestHostile(t *testing.T) {
	if all := inputs.Entries("bearer", "www-authenticate"); len(all) != len(corpus) {
		t.Errorf("%d entries, and %d cases", len(all), len(corpus))
	}
	inputs.Run(t, corpus, func(t *testing.T, e inputs.Entry, c hostile) {
		if c.reason != "" {
			t.Skip(c.reason)
		}
		c.run(t, e.Input)
	})
}

func (c hostile) run(t *testing.T, input string) {
	verify, opts := (&tokens{}).verify, []bearer.Option{bearer.FormBody()}
	if c.verify != nil {
		verify, input = c.verify, "Authorization: Bearer good"
	}
	if c.option != nil {
		opts, input = append(opts, c.option(input)), "X: y"
	}
	if c.status == 0 {
		defer func() {
			if text, _ := recover().(string); !strings.HasPrefix(text, "bearer: New: ") {
				t.Errorf("the panic is %q, want bearer: New: …", text)
			}
		}()
	}
	a := newApp(bearer.New(verify, opts...))
	w := a.send(fromWire(t, input))
	if w.Code != c.status || challenges(w) != c.challenge || strings.Contains(w.Body.String(), "hunter2") {
		t.Errorf("status %d with\n%s\n%s\nwant %d with\n%s", w.Code, challenges(w), w.Body, c.status, c.challenge)
	}
	if (a.seen != "") != (c.status == 200) {
		t.Errorf("the handler saw %q", a.seen)
	}
}

// fromWire reads a request as a server does. The input is one of its headers, or the
// whole of it.
func fromWire(t *testing.T, input string) *http.Request {
	t.Helper()
	if !strings.HasPrefix(input, "GET ") && !strings.HasPrefix(input, "POST ") {
		input = "GET /api HTTP/1.1\n" + input
	}
	r, err := inputs.Request(input)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
