// Package sidebyside compares this library with the original: Passport on Node and the
// same routes here get the same requests, and what differs is explained in
// docs/from-passport.md. All of it is in the tests; README.md says how to run them.
package sidebyside
