// Package htmlform reads the forms of a page and fills them in, as a browser without
// scripts does (HTML, 4.10).
package htmlform

import (
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Form is one form of a page. It is never changed.
type Form struct {
	tag    *html.Node
	base   string
	fields []*html.Node // and buttons: none that is disabled
}

// Submission is what a browser sends for a form.
type Submission struct {
	Method string // GET or POST
	Action string // an address, as the page writes it; "" is the page itself
	Base   string // what Action starts from; "" is the page itself
	Values url.Values
	parts  bool
}

// Read gives the forms of a page, in their order, without those that only close a dialog.
// It fails where elements are nested too deeply to be read.
func Read(page string) (forms []Form, err error) {
	doc, err := html.ParseWithOptions(strings.NewReader(page), html.ParseOptionEnableScripting(false))
	if err != nil {
		return nil, err
	}
	for _, tag := range elements(doc, "form") {
		if !strings.EqualFold(attr(tag, "method"), "dialog") {
			forms = append(forms, Form{tag: tag, base: base(doc), fields: fields(doc, tag)})
		}
	}
	return forms, nil
}

// Has tells whether the form has all of some fields; a button with a name is one, too.
func (f Form) Has(all ...string) bool {
	return !slices.ContainsFunc(all, func(name string) bool {
		return !slices.ContainsFunc(f.fields, func(n *html.Node) bool { return slices.Contains(names(n), name) })
	})
}

// Action is where the form leads, as the page writes it.
func (f Form) Action() string { return strings.TrimSpace(attr(f.tag, "action")) }

// Fill gives what is sent with some of the values replaced, by the button that is among
// them.
func (f Form) Fill(values url.Values) Submission {
	by := f.button(values)
	s := Submission{Method: http.MethodGet, Action: strings.TrimSpace(f.says(by, "action")), Values: f.filled(values)}
	if s.Action != "" {
		s.Base = f.base
	}
	if strings.EqualFold(f.says(by, "method"), http.MethodPost) {
		s.Method = http.MethodPost
		s.parts = strings.EqualFold(f.says(by, "enctype"), "multipart/form-data")
	}
	return s
}

// Body is what a POST sends, and its type.
func (s Submission) Body() (body, media string) {
	if !s.parts {
		return s.Values.Encode(), "application/x-www-form-urlencoded"
	}
	var all strings.Builder // never fails
	w := multipart.NewWriter(&all)
	for _, name := range slices.Sorted(maps.Keys(s.Values)) {
		for _, value := range s.Values[name] {
			_ = w.WriteField(name, value)
		}
	}
	_ = w.Close()
	return all.String(), w.FormDataContentType()
}

// says gives an attribute of the form, or what the button that sends it says in its place.
func (f Form) says(by *html.Node, name string) string {
	if has(by, "form"+name) {
		return attr(by, "form"+name)
	}
	return attr(f.tag, name)
}

// button is the one that sends the form: the first that is named, one with the value that
// is given before others. Where none is named, it is the form's first, as by the Enter
// key, but only if it has no name: a button with a name says something.
func (f Form) button(values url.Values) *html.Node {
	var first, named *html.Node
	for _, n := range f.fields {
		if !sends(n) {
			continue
		}
		if first == nil {
			first = n
		}
		given := slices.ContainsFunc(names(n), values.Has)
		if given && slices.Contains(values[attr(n, "name")], attr(n, "value")) {
			return n
		}
		if given && named == nil {
			named = n
		}
	}
	switch {
	case named != nil:
		return named
	case first != nil && attr(first, "name") == "":
		return first
	}
	return &html.Node{}
}

// filled are the values that are sent, with the ends of lines that browsers give them.
func (f Form) filled(values url.Values) url.Values {
	all := url.Values{}
	for _, n := range f.fields {
		for _, name := range names(n) {
			all[name] = append(all[name], standing(n)...)
		}
	}
	maps.Copy(all, values)
	lines := strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n")
	for name, list := range all {
		all[name] = nil
		for _, value := range list {
			all.Add(name, lines.Replace(value))
		}
	}
	return all
}

// base is where the addresses of a page start, if it says so.
func base(page *html.Node) string {
	for _, n := range elements(page, "base") {
		if has(n, "href") {
			return strings.TrimSpace(attr(n, "href"))
		}
	}
	return ""
}
