package accounts_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gopassport/passport/accounts"
)

func TestWhatIsNoTextNamesNoAccount(t *testing.T) {
	d := newDesk(t)
	for _, bad := range []string{"a\x00b", "a\xffb", "\x00", "\xed\xa0\x80"} {
		for what, spoil := range map[string]func(user *string, a *accounts.Account){
			"subject":  func(_ *string, a *accounts.Account) { a.Subject = bad },
			"issuer":   func(_ *string, a *accounts.Account) { a.Issuer = bad },
			"strategy": func(_ *string, a *accounts.Account) { a.Strategy = bad },
			"user":     func(user *string, _ *accounts.Account) { *user = bad },
		} {
			user, a := "ada", gitHub("1")
			spoil(&user, &a)
			if _, _, err := d.Link(t.Context(), user, a); !errors.Is(err, accounts.ErrInvalidAccount) || strings.Contains(err.Error(), bad) {
				t.Errorf("%s %q: %v", what, bad, err)
			}
		}
		_, find := d.Find(t.Context(), "github.com", bad)
		_, get := d.Get(t.Context(), "ada", bad)
		_, unlink := d.Unlink(t.Context(), "ada", bad)
		if !errors.Is(find, accounts.ErrInvalidAccount) || !errors.Is(get, accounts.ErrNotFound) || !errors.Is(unlink, accounts.ErrNotFound) {
			t.Errorf("%q: Find %v, Get %v, Unlink %v", bad, find, get, unlink)
		}
	}
	equal(t, "told", d.heard(), "")
}

func TestWhatIsForDisplayLosesWhatIsNoText(t *testing.T) {
	d := newDesk(t)
	a := gitHub("1")
	a.Name, a.Email, a.Picture, a.Scopes = "o\x00ct\xffo 🙂", "a\x00@b.example", "\xff", []string{"re\x00ad", "write", "\xff"}
	kept := d.link(t, "ada", a)
	there, err := d.Get(t.Context(), "ada", kept.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []accounts.Account{kept, there} {
		equal(t, "name", got.Name, "octo 🙂")
		equal(t, "e-mail", got.Email, "a@b.example")
		equal(t, "picture", got.Picture, "")
		equal(t, "scopes", strings.Join(got.Scopes, " "), "write")
	}
	equal(t, "the caller's scopes", len(a.Scopes), 3)
}
