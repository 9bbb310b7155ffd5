package oidc_test

import (
	"net/url"
	"testing"
)

func TestAPersonLogsIn(t *testing.T) {
	a := newApp(t, newProvider(t))
	who := a.accepted()
	if who.Issuer != issuer || who.Subject != "s1" {
		t.Errorf("%v", who)
	}
	u := must(url.Parse(a.begin()))
	q := u.Query()
	for name, want := range map[string]string{
		"client_id": clientID, "redirect_uri": redirect, "response_type": "code", "scope": "openid", "code_challenge_method": "S256",
	} {
		if q.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, q.Get(name), want)
		}
	}
}
