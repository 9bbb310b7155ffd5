package hostile_test

// decided are entries of which this library makes something else than the corpus expects.
var decided = map[string]decision{}

// notApplicable are entries for which there is nothing to run, and why.
var notApplicable = map[string]string{}
