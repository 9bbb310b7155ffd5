package passporttest

import (
	"bytes"
	"html/template"
	"net/http"
)

// show makes a page of the provider's. The pages work without scripts, but for form_post,
// whose form sends itself (OAuth 2.0 Form Post Response Mode, appendix A).
func show(status int, name string, data map[string]any) *Reply {
	var page bytes.Buffer
	header := http.Header{"Content-Type": {"text/html; charset=utf-8"}, "Cache-Control": {"no-store"}}
	if err := pages().ExecuteTemplate(&page, name, data); err != nil {
		return text(http.StatusInternalServerError, err.Error())
	}
	return &Reply{Status: status, Header: header, Body: page.Bytes()}
}

// message is a page that refuses a request.
func message(text string) *Reply {
	return show(http.StatusBadRequest, "message", map[string]any{"Message": text})
}

func pages() *template.Template {
	return template.Must(template.New("pages").Parse(`
{{define "message"}}<!doctype html><title>Provider</title><p>{{.Message}}</p>{{end}}

{{define "login"}}<!doctype html><title>Log in</title>
<form method="post" action="/login">
<input type="hidden" name="question" value="{{.Question}}">
{{range $i, $person := .People}}<label><input type="radio" name="sub" value="{{.sub}}"{{if eq $i 0}} checked{{end}}> {{.name}}</label>
{{end}}<button>Log in</button>
</form>{{end}}

{{define "consent"}}<!doctype html><title>Allow?</title>
<p>{{.Person.name}}, may {{.Client}} see {{if .Scope}}{{.Scope}}{{else}}who you are{{end}}?</p>
<form method="post" action="/consent">
<input type="hidden" name="question" value="{{.Question}}">
<input type="hidden" name="sub" value="{{.Person.sub}}">
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button>
</form>{{end}}

{{define "form_post"}}<!doctype html><title>One moment</title>
<body onload="document.forms[0].submit()">
<form method="post" action="{{.To}}">
{{range $name, $values := .Params}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">
{{end}}{{end}}<noscript><button>Continue</button></noscript>
</form>{{end}}
`))
}
