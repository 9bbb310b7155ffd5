// Package passporttest is for testing programs that use passport: providers that run
// inside of the test and misbehave on demand, a browser that behaves like one in what
// matters, requests of people who are logged in, stores that fail, and the contracts of
// strategies and stores as suites.
//
// The whole of a connection, begin, consent and callback, is one line:
//
//	provider := passporttest.NewProvider(t, passporttest.ProviderConfig{})
//	browser := passporttest.NewBrowser(t)
//	browser.Serve("https://app.example", app)
//	page := browser.Walk("https://app.example/connect/example")
//
// and what may go wrong at the provider is another:
//
//	provider.Next(passporttest.Deny)
//
// Nothing here talks to a network outside of the machine. It is for tests only: the
// providers know everybody and ask nobody for a password.
package passporttest
