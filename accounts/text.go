package accounts

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// ErrInvalidAccount is for an account whose strategy, issuer or subject has a NUL byte or is
// not UTF-8, and for such a key of a user. Not every database can keep them, and changed they
// would be somebody else's.
var ErrInvalidAccount = errors.New("accounts: the account's strategy, issuer or subject, or the user's key, has a NUL byte or is not UTF-8")

// text tells whether every database can keep all of these as they are.
func text(all ...string) bool {
	return !slices.ContainsFunc(all, func(s string) bool { return !utf8.ValidString(s) || strings.Contains(s, "\x00") })
}

// tidy makes an account one that every database can keep: what is for display loses what
// is no text, and a scope that is none is left out.
func tidy(user string, a *Account) error {
	if !text(user, a.Strategy, a.Issuer, a.Subject) {
		return ErrInvalidAccount
	}
	for _, s := range []*string{&a.Name, &a.Email, &a.Picture} {
		*s = strings.ReplaceAll(strings.ToValidUTF8(*s, ""), "\x00", "")
	}
	a.Scopes = slices.DeleteFunc(slices.Clone(a.Scopes), func(s string) bool { return !text(s) })
	return nil
}
