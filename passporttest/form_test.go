package passporttest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gopassport/passport/passporttest"
)

// shows serves a page at /here/page?q=1, and says of all other requests what came.
func shows(tb testing.TB, page string) *passporttest.Page {
	b := passporttest.NewBrowser(tb)
	b.Serve(app, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" && r.URL.RawQuery == "q=1" {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, page)
			return
		}
		r.ParseMultipartForm(1 << 20)
		media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.URL, r.PostForm.Encode(), strings.TrimPrefix(media, "application/x-www-form-urlencoded"))
	}))
	return b.Open(app + "/here/page?q=1")
}

func TestAFormIsReadAsABrowserReadsIt(t *testing.T) {
	for name, c := range map[string]struct{ page, want string }{
		"no quotes":                     {`<form method=post action=/to><input type=hidden name=csrf value=1><button>Send</button></form>`, "POST /to csrf=1"},
		"single quotes":                 {`<form method='post' action='/to'><input type='hidden' name='csrf' value='"1"'></form>`, "POST /to csrf=%221%22"},
		"capitals and blanks":           {`<FORM METHOD = Post ACTION = " /to "><INPUT NAME = csrf VALUE = 1></FORM>`, "POST /to csrf=1"},
		"a greater-than in a value":     {`<form method="post" action="/to"><input value="a>b" name="csrf"></form>`, "POST /to csrf=a%3Eb"},
		"a form without its end":        {`<form method=post action=/to><p><input name=csrf value=1>`, "POST /to csrf=1"},
		"a form in a comment":           {`<!-- <form action="/old"></form> --><form method="post" action="/to"></form>`, "POST /to "},
		"a form in a script":            {`<script>var s = '<form action="/old"></form>'</script><form method="post" action="/to"></form>`, "POST /to "},
		"a form in a template":          {`<template><form action="/old"><input name="a"></form></template><form method="post" action="/to"></form>`, "POST /to "},
		"a form in a textarea":          {`<textarea><form action="/old"></form></textarea><form method="post" action="/to"></form>`, "POST /to "},
		"a form of a dialog":            {`<form method="dialog"><button>Cancel</button></form><form method="post" action="/to"></form>`, "POST /to "},
		"a field in a comment":          {`<form method="post" action="/to"><!-- <input name="a" value="1"> --></form>`, "POST /to "},
		"a field of a form elsewhere":   {`<form method="post" action="/to" id="f"></form><input form="f" name="a" value="1">`, "POST /to a=1"},
		"a field of another form":       {`<form method="post" action="/to"><input form="g" name="a" value="1"></form><form id="g"></form>`, "POST /to "},
		"a form between cells":          {`<table><tr><form method="post" action="/to"><td><input name="a" value="1"></td><td><button>Go</button></td></form></tr></table>`, "POST /to a=1"},
		"a field within a table":        {`<form method="post" action="/to"><table><tr><td><input name="a" value="1"></table></form>`, "POST /to a=1"},
		"no script runs":                {`<form method="post" action="/to"><noscript><input name="a" value="1"></noscript></form>`, "POST /to a=1"},
		"no action":                     {`<form method="post"></form>`, "POST /here/page?q=1 "},
		"an empty action":               {`<form method="post" action=""></form>`, "POST /here/page?q=1 "},
		"an action beside the page":     {`<form method="post" action="to?a=b&amp;c"></form>`, "POST /here/to?a=b&c "},
		"a base":                        {`<base href="/there/"><form method="post" action="to"></form>`, "POST /there/to "},
		"an empty action beside a base": {`<base href="/there/"><form method="post" action=""></form>`, "POST /here/page?q=1 "},
		"get, whose query is replaced":  {`<form action="/to?old=1"><input name="a" value="1"></form>`, "GET /to?a=1 "},
		"an unknown method is get":      {`<form method="put" action="/to"><input name="a" value="1"></form>`, "GET /to?a=1 "},
		"in parts":                      {`<form method="post" action="/to" enctype="multipart/form-data"><input name="a" value="1 &amp; 2"></form>`, "POST /to a=1+%26+2 multipart/form-data"},
	} {
		if got := shows(t, c.page).Submit(nil); strings.TrimSpace(got.Body) != strings.TrimSpace(c.want) {
			t.Errorf("%s: %s, want %s", name, got.Body, c.want)
		}
	}
}

func TestAFieldHasTheValueThatABrowserSends(t *testing.T) {
	for name, c := range map[string]struct{ fields, want string }{
		"hidden":                                {`<input type=hidden name=a value=1>`, "a=1"},
		"text without a value":                  {`<input name=a>`, "a="},
		"without a name":                        {`<input value=1><input name="" value=2>`, ""},
		"two of a name":                         {`<input name=a value=1><input name=a value=2>`, "a=1&a=2"},
		"a box that is not ticked":              {`<input type=checkbox name=a value=1>`, ""},
		"a box that is ticked":                  {`<input type=CHECKBOX name=a checked>`, "a=on"},
		"a box with a value":                    {`<input type=checkbox name=a value="" checked>`, "a="},
		"a choice":                              {`<input type=radio name=a value=1><input type=radio name=a value=2 checked="">`, "a=2"},
		"checked is no part of a value":         {`<input type=radio name=a value=" checked ">`, ""},
		"a file":                                {`<input type=file name=a>`, ""},
		"the selected option":                   {`<select name=a><option value=0>x<option value=1 selected>y</select>`, "a=1"},
		"an option without a value":             {`<select name=a><option selected> x  <b>y</b> </select>`, "a=x+y"},
		"the first option":                      {`<select name=a><option value=0>x<option value=1>y</select>`, "a=0"},
		"the first that is not disabled":        {`<select name=a><option disabled value=0>x<option value=1>y</select>`, "a=1"},
		"the first of a group in use":           {`<select name=a><optgroup disabled><option value=0>x</optgroup><optgroup><option value=1>y</optgroup></select>`, "a=1"},
		"a placeholder that cannot be chosen":   {`<select name=a><option disabled selected value="">Choose<option value=1>y</select>`, ""},
		"the last of two selected":              {`<select name=a><option selected value=0>x<option selected value=1>y</select>`, "a=1"},
		"all of those selected":                 {`<select name=a multiple><option selected value=0>x<option selected value=1>y<option value=2>z</select>`, "a=0&a=1"},
		"none where there may be many":          {`<select name=a multiple><option value=0>x</select>`, ""},
		"none in a list":                        {`<select name=a size=4><option value=0>x</select>`, ""},
		"no options":                            {`<select name=a></select>`, ""},
		"text":                                  {"<textarea name=a>\n 1 &lt; 2\n</textarea>", "a=+1+%3C+2%0D%0A"},
		"an empty text":                         {`<textarea name=a></textarea>`, "a="},
		"disabled":                              {`<input name=a value=1 disabled><select name=b disabled><option>x</select><textarea name=c disabled></textarea>`, ""},
		"of a set that is disabled":             {`<fieldset disabled><legend><input name=a value=1></legend><p><input name=b value=1></fieldset>`, "a=1"},
		"of a second legend":                    {`<fieldset disabled><legend>x</legend><legend><input name=a value=1></legend></fieldset>`, ""},
		"of a set in a set that is disabled":    {`<fieldset disabled><fieldset><legend><input name=a value=1></legend></fieldset></fieldset>`, ""},
		"suggestions":                           {`<datalist><input name=a value=1></datalist>`, ""},
		"buttons":                               {`<button name=a value=1>x</button><input type=submit name=b value=1><input type=image name=c><input type=reset name=d value=1><input type=button name=e value=1>`, ""},
		"of a nameless button that is the only": {`<button formaction=/other>x</button><input name=a value=1>`, "a=1 /other"},
	} {
		want, to, ok := strings.Cut(c.want, " ")
		if !ok {
			to = "/to"
		}
		page := shows(t, `<form method=post action=/to>`+c.fields+`</form>`)
		if got := page.Submit(nil).Body; strings.TrimSpace(got) != strings.TrimSpace("POST "+to+" "+want) {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestAFormIsSentByTheButtonThatIsNamed(t *testing.T) {
	const page = `<form method=post action=/to><input name=a value=1>
<button>Save</button>
<button name=do value=keep>Keep</button>
<button name=do value=drop formaction=/drop formmethod=get>Drop</button>
<input type=submit name=send formaction=parts formenctype=multipart/form-data>
<input type=image name=map formaction=/map>
<button type=button name=script>Script</button><button type=reset name=undo>Undo</button>
<button name=no disabled>No</button><input name=off disabled><input type=file name=file></form>`
	for name, c := range map[string]struct {
		fields url.Values
		want   string
	}{
		"none":                       {nil, "POST /to a=1"},
		"one of a name":              {url.Values{"do": {"keep"}}, "POST /to a=1&do=keep"},
		"another of the name":        {url.Values{"do": {"drop"}}, "GET /drop?a=1&do=drop"},
		"of a value that is nowhere": {url.Values{"do": {"forged"}}, "POST /to a=1&do=forged"},
		"one that is an input":       {url.Values{"send": {"x"}, "a": {"2"}}, "POST /here/parts a=2&send=x multipart/form-data"},
		"a picture":                  {url.Values{"map.x": {"3"}, "map.y": {"4"}}, "POST /map a=1&map.x=3&map.y=4"},
	} {
		if got := shows(t, page).Submit(c.fields); strings.TrimSpace(got.Body) != c.want {
			t.Errorf("%s: %s, want %s", name, got.Body, c.want)
		}
	}
	for _, name := range []string{"script", "undo", "no", "off", "file"} {
		if got := complains(t, func(tb testing.TB) { shows(tb, page).Submit(url.Values{name: {"x"}}) }); !strings.Contains(got, "no form with these fields") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestLinesOfATextAreSentAsBrowsersSendThem(t *testing.T) {
	page := shows(t, `<form method=post action=/to><textarea name=a></textarea></form>`)
	if got := page.Submit(url.Values{"a": {"1\n2\r3\r\n4"}}).Body; strings.TrimSpace(got) != "POST /to a=1%0D%0A2%0D%0A3%0D%0A4" {
		t.Errorf("%s", got)
	}
}
