package authserver

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

// permitted is a server, its client, and how Ada allows it what she did before.
func permitted(t *testing.T) (s *OAuth2, client Client, connect func() Issued) {
	t.Helper()
	client = Client{Key: "app", Secret: "s"}
	s = NewOAuth2(OAuth2Config{Clients: []Client{client}, NoPKCE: true, TokenLife: time.Hour, Now: time.Now})
	return s, client, func() Issued {
		code := s.Allow(Request{client, url.Values{"redirect_uri": {"https://app.example/"}}}, "ada", "app ada")
		issued, problem := s.Redeem(client, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {"https://app.example/"}})
		if problem != nil {
			t.Fatal(problem)
		}
		return issued
	}
}

func opensWith(s *OAuth2, token string) bool {
	_, ok := s.Tokens.Open(&http.Request{Header: http.Header{"Authorization": {"Bearer " + token}}}, "Bearer")
	return ok
}

// A token of a permit that ended says nothing about the one that came after it.
func TestAnOldTokenTakesNoNewPermitOffTheList(t *testing.T) {
	for name, late := range map[string]func(*OAuth2, Client, Issued){
		"revoked": func(s *OAuth2, c Client, old Issued) { s.Tokens.Revoke(c, old.Access) },
		"used twice": func(s *OAuth2, c Client, old Issued) {
			for range 2 {
				if _, problem := s.Tokens.renew(c, old.Refresh); problem == nil {
					t.Error("it is good")
				}
			}
		},
	} {
		s, client, connect := permitted(t)
		old := connect()
		s.Tokens.End("ada", "app ada")
		young := connect()
		late(s, client, old)
		if n := len(s.Tokens.Permits("ada")); n != 1 || !opensWith(s, young.Access) {
			t.Errorf("%s: %d permits on the list, the token opens: %t", name, n, opensWith(s, young.Access))
		}
		s.Tokens.End("ada", "app ada")
		if opensWith(s, young.Access) {
			t.Errorf("%s: the person cannot end it", name)
		}
	}
}

// The second may come before the first has given anything.
func TestACodeThatComesTwiceAtOnceGivesNothing(t *testing.T) {
	s, client, _ := permitted(t)
	code, _ := s.Tokens.codes.Get(s.Allow(Request{client, nil}, "ada", ""))
	s.Tokens.spend(code)
	s.Tokens.spend(code)
	if _, problem := s.Tokens.allow(code); problem == nil {
		t.Error("the token is good, though its code came twice")
	}
}

func TestACodeFromBeforeARevocationGivesNothing(t *testing.T) {
	s, client, _ := permitted(t)
	code := s.Allow(Request{client, url.Values{"redirect_uri": {"https://app.example/"}}}, "ada", "")
	s.Tokens.EndAll("ada")
	if _, problem := s.Redeem(client, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {"https://app.example/"}}); problem == nil {
		t.Error("a code from before gives tokens")
	}
}
