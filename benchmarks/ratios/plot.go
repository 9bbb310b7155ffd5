package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// bar is one line of the plot.
type bar struct {
	label, name string
	ours        bool
}

type chart struct {
	title string
	unit  string
	bars  []bar
}

func charts() []chart {
	return []chart{
		{"A request with a login, the user restored", cpu, []bar{
			{"floor", "Restored/floor", false},
			{"passport", "Restored/passport", true},
			{"passport, CookieSessions", "Restored/passport_CookieSessions", true},
			{"passport on gorilla's CookieStore", "Restored/passport_gob", true},
			{"gorilla's CookieStore", "Restored/gorilla", false},
			{"scs", "Restored/scs", false},
		}},
		{"A flow begins, with goth's github", cpu, []bar{
			{"AuthCodeURL, PKCE, a cookie", "Begin/floor", false},
			{"passport", "Begin/passport", true},
			{"gothic", "Begin/gothic", false},
		}},
		{"A flow ends, the provider in process", cpu, []bar{
			{"goth alone", "Callback/goth", false},
			{"passport", "Callback/passport", true},
			{"gothic", "Callback/gothic", false},
		}},
		{"Whole servers on one core, with a login", "requests/s", []bar{
			{"net/http, nobody logged in", "Stack/bare", false},
			{"net/http, passport", "Stack/passport", true},
			{"net/http, scs", "Stack/scs", false},
			{"net/http, gorilla's CookieStore", "Stack/gorilla", false},
			{"Node, Express, Passport", "Stack/node", false},
		}},
	}
}

const (
	width, left, right = 760, 240, 90
	step, head         = 22, 40
)

// plot draws the charts as SVG. Lengths are logarithmic within a chart of times, from a
// tenth of the shortest, because they lie far apart; those of requests are not. The
// colours are readable on light and on dark pages.
func plot(r results) string {
	var b strings.Builder
	height := 10
	for _, c := range charts() {
		height += head + step*len(c.bars)
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img" aria-label="What requests cost, with this library and with others; the table has the numbers">
<style>
text { font: 13px system-ui, sans-serif; fill: #24292f } .title { font-weight: 600 } .ours { fill: #0969da } .other { fill: #8c959f }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .ours { fill: #4493f8 } .other { fill: #6e7681 } }
</style>
`, width, height)
	y := 0
	for _, c := range charts() {
		y = c.draw(&b, r, y)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// draw draws one chart from y on and gives where it ends.
func (c chart) draw(b *strings.Builder, r results, y int) int {
	scale := "logarithmic"
	if c.unit == "requests/s" {
		scale = "requests a second"
	}
	fmt.Fprintf(b, "<text x=\"10\" y=\"%d\" class=\"title\">%s (%s)</text>\n", y+head-14, c.title, scale)
	y += head
	low, high := math.Inf(1), 0.0
	for _, bar := range c.bars {
		value := r.best(bar.name, c.unit)
		low, high = min(low, value), max(high, value)
	}
	for _, bar := range c.bars {
		value := r.best(bar.name, c.unit)
		length, text, class := value/high, fmt.Sprintf("%.0f", value), "other"
		if c.unit == cpu {
			length, text = math.Log(10*value/low)/math.Log(10*high/low), duration(value)
		}
		if bar.ours {
			class = "ours"
		}
		pixels := max(1, length*(width-left-right))
		fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text><rect x=\"%d\" y=\"%d\" width=\"%.0f\" height=\"14\" rx=\"2\" class=\"%s\"/><text x=\"%.0f\" y=\"%[2]d\">%s</text>\n",
			left-10, y+12, bar.label, left, y+1, pixels, class, left+pixels+8, text)
		y += step
	}
	return y
}

// best is what the plot shows of a case.
func (r results) best(name, unit string) float64 {
	values := r[name][unit]
	switch {
	case len(values) == 0:
		return 0
	case unit == cpu:
		return slices.Min(values)
	}
	return slices.Max(values)
}
