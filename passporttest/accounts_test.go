package passporttest_test

import (
	"testing"

	"github.com/gopassport/passport/accounts"
	"github.com/gopassport/passport/passporttest"
)

func TestTheAccountStoreInMemory(t *testing.T) {
	passporttest.TestAccountStore(t, func(*testing.T) accounts.Store { return &passporttest.AccountStore{} })
}
