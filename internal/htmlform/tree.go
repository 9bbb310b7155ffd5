package htmlform

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// elements are those of some names within a node, in their order. What is in a template is
// not there until a script makes it.
func elements(within *html.Node, tags ...string) (found []*html.Node) {
	for n := range within.Descendants() {
		if n.Type == html.ElementNode && slices.Contains(tags, n.Data) && above(n, "template") == nil {
			found = append(found, n)
		}
	}
	return found
}

// above is the nearest element of a name around a node; nil where there is none.
func above(n *html.Node, tag string) *html.Node {
	for up := range n.Ancestors() {
		if up.Data == tag {
			return up
		}
	}
	return nil
}

// words is all of the text within a node.
func words(n *html.Node) string {
	var all strings.Builder
	for inner := range n.Descendants() {
		if inner.Type == html.TextNode {
			all.WriteString(inner.Data)
		}
	}
	return all.String()
}

// has tells whether an element has an attribute.
func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// attr gives an attribute of an element, "" where it is not there.
func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
