package htmlform

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// fields are the fields and buttons of a form: those within it that name no other form,
// and those elsewhere that name it.
func fields(page, tag *html.Node) []*html.Node {
	return slices.DeleteFunc(elements(page, "input", "select", "textarea", "button"), func(n *html.Node) bool {
		if disabled(n) {
			return true
		}
		if has(n, "form") {
			return attr(n, "form") == "" || attr(n, "form") != attr(tag, "id")
		}
		return owner(n) != tag
	})
}

// owner is the form around a field; nil for none. A form that begins between the cells of a
// table is empty to a parser, and owns what comes after it there.
func owner(n *html.Node) *html.Node {
	for ; n.Parent != nil; n = n.Parent {
		if n.Parent.Data == "form" {
			return n.Parent
		}
		for before := n.PrevSibling; before != nil && slices.Contains([]string{"table", "tbody", "thead", "tfoot", "tr"}, n.Parent.Data); before = before.PrevSibling {
			if before.Data == "form" {
				return before
			}
		}
	}
	return nil
}

// names are what a field is sent as. A picture is sent as where it was clicked. Files
// cannot be chosen, and the other buttons send nothing.
func names(n *html.Node) []string {
	name := attr(n, "name")
	switch kind(n) {
	case "reset", "button", "file":
		return nil
	case "image":
		return []string{name + ".x", name + ".y"}
	}
	if name == "" {
		return nil
	}
	return []string{name}
}

// kind is the type of an input or a button; else the name of the element.
func kind(n *html.Node) string {
	kind := strings.ToLower(attr(n, "type"))
	switch {
	case n.Data == "select", n.Data == "textarea":
		return n.Data
	case n.Data == "button" && kind != "reset" && kind != "button":
		return "submit"
	}
	return kind
}

// sends tells whether this is a button that sends its form.
func sends(n *html.Node) bool {
	return (kind(n) == "submit" || kind(n) == "image") && !strings.EqualFold(attr(n, "formmethod"), "dialog")
}

// standing are the values that a field has if nothing is changed.
func standing(n *html.Node) []string {
	switch kind(n) {
	case "submit", "image":
		return nil
	case "select":
		return selected(n)
	case "textarea":
		return []string{words(n)}
	case "radio", "checkbox":
		if !has(n, "checked") {
			return nil
		}
		if !has(n, "value") {
			return []string{"on"}
		}
	}
	return []string{attr(n, "value")}
}

// selected are the options of a list that are chosen. A menu shows one always: the last
// that is marked, else the first that can be chosen.
func selected(list *html.Node) (values []string) {
	options := elements(list, "option")
	marked := slices.DeleteFunc(slices.Clone(options), func(n *html.Node) bool { return !has(n, "selected") })
	menu := !has(list, "multiple")
	if menu && len(marked) > 1 {
		marked = marked[len(marked)-1:]
	}
	if menu && len(marked) == 0 && slices.Contains([]string{"", "0", "1"}, attr(list, "size")) {
		options = slices.DeleteFunc(options, unusable)
		marked = options[:min(len(options), 1)]
	}
	for _, n := range slices.DeleteFunc(marked, unusable) {
		values = append(values, option(n))
	}
	return values
}

func unusable(option *html.Node) bool {
	return has(option, "disabled") || option.Parent.Data == "optgroup" && has(option.Parent, "disabled")
}

// option is the value of an option: its text, where it has no other.
func option(n *html.Node) string {
	if has(n, "value") {
		return attr(n, "value")
	}
	return strings.Join(strings.Fields(words(n)), " ")
}

// disabled tells whether a field can be neither changed nor sent: by itself, or because a
// set of fields is. What stands in the legend of a set is on.
func disabled(n *html.Node) bool {
	if has(n, "disabled") || above(n, "datalist") != nil {
		return true
	}
	below := n
	for up := range n.Ancestors() {
		if up.Data == "fieldset" && has(up, "disabled") && below != legend(up) {
			return true
		}
		below = up
	}
	return false
}

func legend(set *html.Node) *html.Node {
	for n := range set.ChildNodes() {
		if n.Type == html.ElementNode && n.Data == "legend" {
			return n
		}
	}
	return nil
}
