// Package passport is middleware for net/http that logs people in, and lets those who
// are logged in connect accounts at other services.
//
// Both are done by strategies, registered by name: a form with a password, a token, the
// 73 providers of goth, or OAuth 2, OpenID Connect and OAuth 1 of its own. What differs
// is what becomes of the result:
//
//	                          Authenticate                        Authorize
//	the verified value is     the user of the request             the account of the request
//	the login session         is started, its identity renewed    is never written
//	UserFrom(ctx)             the new user                        who was logged in before
//	AccountFrom(ctx)          nothing                             the account
//	then                      a redirect, or the wrapped handler  a redirect, or the wrapped handler
//
// # How it works
//
// A [Strategy] decides and returns a [Result]; it never writes to the response. The
// [Registry] acts: it alone redirects, sets cookies and keeps sessions. Mistakes in
// wiring panic when the program starts; nothing panics later.
//
// Four kinds of things are kept in a browser, sealed, in cookies that are never mixed:
// the login (unless a [SessionStore] keeps it), notes (messages and the page that
// somebody wanted before logging in), flows, one cookie each: what must be known between
// the redirect to a provider and the callback (with a [FlowStore] only what binds the two),
// and for two minutes an answer that a provider posted in a form. A flow ends once, for the
// same purpose, strategy and tenant, in the same browser, while the same person is logged in.
//
// # Errors
//
// "The credentials are not good" is a refusal: an [*Error] below 500, sent to the
// route's [FailureRedirect]. Everything else is a fault, of ours, of a store or of a
// provider, and never looks like a wrong password. Each has a stable [Code].
package passport
