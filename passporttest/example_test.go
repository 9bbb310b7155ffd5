package passporttest_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/passporttest"
	"github.com/gopassport/passport/strategies/oidc"
)

// An application is tested whole: somebody logs in, connects an account, says no the next
// time, and is still who they were. In a test, t is its *testing.T.
func Example() {
	t := &exampleT{}
	defer t.end()
	type Account struct{ ID string }

	provider := passporttest.NewProvider(t, passporttest.ProviderConfig{Consent: true})
	auth := passport.New(passport.Config{
		Keys: [][]byte{[]byte("32 bytes, from a secret store ..")},
		Users: passport.Users[string]{
			Key:  func(name string) string { return name },
			Load: func(_ context.Context, name string) (string, error) { return name, nil },
		},
	})
	auth.Use("example", oidc.New(oidc.Config{
		Issuer:       provider.URL,
		ClientID:     provider.ClientID,
		ClientSecret: provider.ClientSecret,
		RedirectURL:  "https://app.example/connect/example/callback",
	}, func(_ *http.Request, who oidc.Identity) (*Account, error) { return &Account{who.Subject}, nil }))
	connect := auth.Authorize("example")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _ := passport.UserFrom[string](r.Context())
		account, _ := passport.AccountFrom[*Account](r.Context())
		_, _ = fmt.Fprint(w, user, " has the account ", account.ID)
	}))
	mux := http.NewServeMux()
	mux.Handle("GET /connect/example", connect)
	mux.Handle("GET /connect/example/callback", connect)

	browser := passporttest.NewBrowser(t)
	browser.Serve("https://app.example", auth.Session(mux))
	browser.LogIn(auth, "https://app.example/", "alice")

	fmt.Println(browser.Walk("https://app.example/connect/example").Body)
	fmt.Println(browser.Follow("https://app.example/connect/example").Deny().Status)
	provider.Next(passporttest.Expired)
	fmt.Println(browser.Walk("https://app.example/connect/example").Status)
	fmt.Println(browser.From("https://evil.example/").Follow("https://app.example/connect/example").Status)
	// Output:
	// alice has the account 1001
	// 403
	// 502
	// 403
}

// exampleT is what an Example has in place of a *testing.T.
type exampleT struct {
	testing.TB

	cleanups []func()
}

func (*exampleT) Helper()                           {}
func (*exampleT) Context() context.Context          { return context.Background() }
func (*exampleT) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (*exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (t *exampleT) Cleanup(f func())                { t.cleanups = append(t.cleanups, f) }
func (t *exampleT) end() {
	for _, f := range t.cleanups {
		f()
	}
}
