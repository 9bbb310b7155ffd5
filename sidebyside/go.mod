module github.com/gopassport/passport/sidebyside

go 1.25.0

replace github.com/gopassport/passport => ../

require (
	github.com/gopassport/passport v0.0.0
	github.com/gorilla/sessions v1.4.0
	github.com/markbates/goth v1.82.0
)

require (
	github.com/gorilla/securecookie v1.1.2 // indirect
	golang.org/x/oauth2 v0.36.0 // indirect
)
