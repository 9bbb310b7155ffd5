package oauth2_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/testapp"
	"github.com/gopassport/passport/strategies/oauth2"
)

// R125, R126: who somebody is, and that nobody is not somebody.
func TestTheSubjectOfAProfile(t *testing.T) {
	for _, c := range []struct {
		profile, member, want string
		code                  passport.Code // where it is refused
	}{
		{`{"id":"octo"}`, "id", "octo", ""},
		{`{"id":42}`, "id", "42", ""},
		{`{"id":9007199254740993}`, "id", "9007199254740993", ""},
		{`{"id":18446744073709551617}`, "id", "18446744073709551617", ""},
		{`{"id":"00"}`, "id", "00", ""},
		{`{"data":{"id":"octo"}}`, "data.id", "octo", ""},
		{`{"data":{"user":{"id":7}},"id":1}`, "data.user.id", "7", ""},
		{`{"id":1,"Name":"a","name":"b"}`, "id", "1", ""},
		{`{}`, "id", "", passport.CodeSubject},
		{`{"ID":1}`, "id", "", passport.CodeProvider},
		{`{"id":1,"Id":2}`, "id", "", passport.CodeProvider},
		{`{"id":1,"id":2}`, "id", "", passport.CodeProvider},
		{`{"data":{"id":1,"ID":2}}`, "data.id", "", passport.CodeProvider},
		{`{"data":{"id":1,"id":2}}`, "data.id", "", passport.CodeProvider},
		{`{"data":null}`, "data.id", "", passport.CodeSubject},
		{`{"data":[{"id":1}]}`, "data.id", "", passport.CodeSubject},
		{`{"id":1}`, "data.id", "", passport.CodeSubject},
		{`{"id":""}`, "id", "", passport.CodeSubject},
		{`{"id":" "}`, "id", "", passport.CodeSubject},
		{`{"id":0}`, "id", "", passport.CodeSubject},
		{`{"id":"0"}`, "id", "", passport.CodeSubject},
		{`{"id":-1}`, "id", "", passport.CodeSubject},
		{`{"id":null}`, "id", "", passport.CodeSubject},
		{`{"id":"null"}`, "id", "", passport.CodeSubject},
		{`{"id":"undefined"}`, "id", "", passport.CodeSubject},
		{`{"id":false}`, "id", "", passport.CodeSubject},
		{`{"id":1.5}`, "id", "", passport.CodeSubject},
		{`{"id":1e3}`, "id", "", passport.CodeSubject},
		{`{"id":{}}`, "id", "", passport.CodeSubject},
		{`{"id":["octo"]}`, "id", "", passport.CodeSubject},
		{`{"id":"a\u0000b"}`, "id", "", passport.CodeSubject},
		{`{"id":"a\nb"}`, "id", "", passport.CodeSubject},
		{`{"id":"\ud800"}`, "id", "", passport.CodeSubject},
		{`{"id":"` + strings.Repeat("a", 256) + `"}`, "id", "", passport.CodeSubject},
	} {
		p, s := newApp(t), newService(t)
		config := s.config()
		config.Profile = oauth2.JSONProfile(s.URL+"/me", c.member)
		p.connect("forge", oauth2.New(config, keep))
		s.on("/me", says(200, jsonType, c.profile))
		p.Want(c.profile, flow(p, s, ""), c.code, http.StatusBadGateway)
		if c.code == "" && p.linked.ID != c.want {
			t.Errorf("%s: %q, want %q", c.profile, p.linked.ID, c.want)
		}
	}
}

func TestAProfileIsAskedForWithTheToken(t *testing.T) {
	p, s := forge(t, nil)
	p.Want("a flow", flow(p, s, ""), "", 0)
	if s.header.Get("Authorization") != "Bearer CANARY-TOKEN-1" || s.header.Get("Accept") != "application/json" {
		t.Errorf("%v", s.header)
	}
	g := p.linked.Grant
	var id int64
	if err := g.Profile.Claim("id", &id); err != nil || id != 9007199254740993 || g.Profile.Text("login") != "octocat" || g.Profile.Text("id") != "" || g.Profile.Text("none") != "" {
		t.Errorf("%d %v %v", id, err, g.Profile)
	}
	for _, name := range []string{"login", "none"} {
		if err := g.Profile.Claim(name, &id); err == nil || strings.Contains(err.Error(), "octocat") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOtherStatusesThan200AreNoProfile(t *testing.T) {
	for _, status := range []int{201, 202, 206, 401, 403, 404, 500} {
		p, s := forge(t, nil)
		s.on("/me", says(status, jsonType, `{"id":"CANARY"}`))
		p.Want(fmt.Sprint(status), flow(p, s, ""), passport.CodeProvider, http.StatusBadGateway)
	}
}

// A function of the application's own gets a client with all limits, and its errors are
// hidden, unless they are made to be shown.
func TestAProfileFunctionOfOnesOwn(t *testing.T) {
	own := func(f oauth2.ProfileFunc) (*app, *service) {
		p, s := newApp(t), newService(t)
		s.on("/token", says(200, jsonType, `{"access_token":"CANARY-TOKEN-1","token_type":"bearer","user":{"id":"u-7"}}`))
		config := s.config()
		config.Profile = f
		p.connect("forge", oauth2.New(config, keep))
		return p, s
	}
	p, s := own(func(_ context.Context, _ *http.Client, g oauth2.Grant) (string, oauth2.Members, error) {
		var user struct{ ID string }
		err := g.Reply.Claim("user", &user)
		return user.ID, nil, err
	})
	p.Want("from the token reply", flow(p, s, ""), "", 0)
	if p.linked.ID != "u-7" || s.count("/me") > 0 {
		t.Errorf("%q", p.linked.ID)
	}
	p, s = own(func(context.Context, *http.Client, oauth2.Grant) (string, oauth2.Members, error) {
		return "", nil, errors.New("CANARY")
	})
	p.Want("an error", flow(p, s, ""), passport.CodeProvider, 502)
	p, s = own(func(context.Context, *http.Client, oauth2.Grant) (string, oauth2.Members, error) {
		return "x", nil, &passport.Error{Code: passport.CodeDenied, Status: 403}
	})
	p.Want("an error of its own", flow(p, s, ""), passport.CodeDenied, 403)
	p, s = own(func(context.Context, *http.Client, oauth2.Grant) (string, oauth2.Members, error) { return "", nil, nil })
	p.Want("nobody", flow(p, s, ""), passport.CodeSubject, 502)
	p, s = own(func(context.Context, *http.Client, oauth2.Grant) (string, oauth2.Members, error) { panic("CANARY") })
	p.Want("a panic", flow(p, s, ""), passport.CodeStrategyPanic, 500)
	var address string
	p, s = own(func(_ context.Context, api *http.Client, _ oauth2.Grant) (string, oauth2.Members, error) {
		reply, err := api.Get(address) // with no context
		if err == nil {
			reply.Body.Close()
		}
		return "x", nil, err
	})
	s.on("/large", func(w http.ResponseWriter, _ *http.Request) { write(w, "HTTP/1.1 200 OK\n\n{{stream:1073741824}}") })
	s.on("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/me", http.StatusFound) })
	for _, path := range []string{"/large", "/moved"} {
		address = s.URL + path
		p.Want(path, flow(p, s, ""), passport.CodeProvider, 502)
	}
	s.on("/hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	address = s.URL + "/hang"
	b := p.Browser()
	r := testapp.Navigation("GET", "/connect/forge?"+s.allow(b.Begin("/connect/forge")), "cross-site")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	p.Want("a hang", b.Send(r.WithContext(ctx)), passport.CodeProviderTimeout, 504)
}

// An application's tests make grants of their own, as they make an oidc.Identity.
func TestAGrantThatATestMadeHasATokenThatIsEmpty(t *testing.T) {
	g := oauth2.Grant{Subject: "x"}
	if token, err := g.TokenSource(t.Context()).Token(); err != nil || token.AccessToken != "" || g.Client(t.Context()) == nil {
		t.Errorf("%v, %v", token, err)
	}
}
