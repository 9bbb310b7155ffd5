// Package interop tries the strategies against providers that others wrote: npm's
// oidc-provider and oauthorize, Debian's glewlwyd and python3-oauthlib. All of it is in the
// tests; README.md says how to run them.
package interop
