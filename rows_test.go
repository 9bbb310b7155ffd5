package passport_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"testing"

	"github.com/gopassport/passport/internal/rows"
)

var updateRows = flag.Bool("update", false, "TestPassportRows and TestPassportOAuthRows write their pages in docs anew")

// It fails where a row has neither a test nor a reason, where a test has no row, where a
// difference is not explained, and where docs/passport-rows.md says something else. With
// -update (go test -run TestPassportRows -update) it writes that page anew.
func TestPassportRows(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	list := rows.Read(t, "testdata/passport-rows.txt")
	tests := rows.Ran(t, ".", self, "-test.run=^TestPassport", "-test.skip=^TestPassport(OAuth)?Rows$", "-test.v")
	rows.Check(t, list, tests, rows.Explained(t, "docs/from-passport.md", "Where this library differs, and why", list))
	if !t.Failed() {
		rows.Same(t, "docs/passport-rows.md", rowsPage(list, tests), *updateRows)
	}
}

// rowsPage is docs/passport-rows.md.
func rowsPage(list []rows.Row, tests map[string][]rows.Test) []byte {
	var table, page bytes.Buffer
	count := rows.Count{}
	rows.Table(&table, list, tests, "from-passport.md#where-this-library-differs-and-why", count)
	fmt.Fprintf(&page, `<!-- Made by: go test -run TestPassportRows -update. Do not edit. -->

# What Passport's tests ask for

The 545 cases of passport 0.7.0's own tests and one of passport-strategy's, in %d groups of one situation
each, and %d things that Passport's code does without a test (GAP). P is asked of any language (%d), A the
same in another shape (%d), J is JavaScript's shape (%d) and has no counterpart. %d rows differ on purpose;
[from-passport.md](from-passport.md#where-this-library-differs-and-why) says why.

%d tests show what happens here, those that concern a session on each kind of session store: %d runs. A
test of this repository fails when a row has neither a test nor a reason, or when its test no longer runs.

| Row | Tag | Asked | Here | Test |
|---|---|---|---|---|
`, count["P"]+count["A"]+count["J"], count["GAP"], count["P"], count["A"], count["J"], count["differs"], count["tests"], count["runs"])
	page.Write(table.Bytes())
	return page.Bytes()
}

// oauthList is what one of Passport's OAuth strategies asks for.
type oauthList struct {
	title, dir string
	groups     map[string][]int // the numbers of the first and the last row of each
}

// oauthRows are the lists. OG, what their code does without a test, is in both.
func oauthRows() []oauthList {
	return []oauthList{
		{"passport-oauth2", "strategies/oauth2", map[string][]int{"O2C": {1, 7}, "O2R": {1, 12}, "O2X": {1, 10}, "O2S": {1, 7}, "O2F": {1, 7}, "O2E": {1, 7},
			"O2T": {1, 13}, "O2N": {1, 12}, "O2D": {1, 16}, "O2K": {1, 8}, "O2P": {1, 20}, "O2B": {1, 2}, "O2U": {1, 13}, "O2Z": {1, 3}, "OG": {1, 10}}},
		{"passport-oauth1", "strategies/oauth1", map[string][]int{"O1C": {1, 10}, "O1R": {1, 17}, "O1S": {1, 4}, "O1F": {1, 2}, "O1E": {1, 5}, "O1T": {1, 7},
			"O1K": {1, 12}, "O1U": {1, 13}, "O1I": {1, 5}, "O1Z": {1, 3}, "OG": {11, 17}}},
	}
}

// As TestPassportRows, for docs/passport-oauth-rows.md and the strategies' own lists,
// testdata/rows.txt beside each.
func TestPassportOAuthRows(t *testing.T) {
	const heading, why = "Where the OAuth strategies differ, and why", "from-passport.md#where-the-oauth-strategies-differ-and-why"
	var tables bytes.Buffer
	var all []rows.Row
	ran, count := map[string][]rows.Test{}, rows.Count{}
	for _, l := range oauthRows() {
		file := l.dir + "/testdata/rows.txt"
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			t.Logf("%s: no list yet", file) // the page has no table of it then, and is out of date once it has
			continue
		}
		list := rows.Read(t, file)
		rows.Complete(t, list, l.groups)
		tests := rows.Ran(t, l.dir, "go", "test", "-count=1", "-run=^TestPassport", "-v", "./"+l.dir)
		fmt.Fprintf(&tables, "\n## %s\n\n| Row | Tag | Asked | Here | Test |\n|---|---|---|---|---|\n", l.title)
		rows.Table(&tables, list, tests, why, count)
		all = append(all, list...)
		maps.Copy(ran, tests) // no id is in two lists: Complete
	}
	rows.Check(t, all, ran, rows.Explained(t, "docs/from-passport.md", heading, all))
	if !t.Failed() {
		rows.Same(t, "docs/passport-oauth-rows.md", oauthRowsPage(tables.Bytes(), count), *updateRows)
	}
}

// oauthRowsPage is docs/passport-oauth-rows.md.
func oauthRowsPage(tables []byte, count rows.Count) []byte {
	return fmt.Appendf(nil, `<!-- Made by: go test -run TestPassportOAuthRows -update. Do not edit. -->

# What the tests of Passport's OAuth strategies ask for

The cases of passport-oauth2 1.8.0's and passport-oauth1 1.3.0's own tests, in %d groups of one situation each,
and %d things that their code does without a test (GAP). P is asked of any language (%d), A the same in another
shape (%d), J is JavaScript's shape (%d) and has no counterpart. %d rows differ on purpose;
[from-passport.md](from-passport.md#where-the-oauth-strategies-differ-and-why) says why, or the row itself.

%d tests show what happens here; %d rows have a reason in place of one. A test of this repository fails when a
row has neither, or when its test no longer runs.
%s`, count["P"]+count["A"]+count["J"], count["GAP"], count["P"], count["A"], count["J"], count["differs"], count["tests"], count["reasons"], tables)
}
