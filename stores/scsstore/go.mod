module github.com/gopassport/passport/stores/scsstore

go 1.25.0

replace github.com/gopassport/passport => ../..

require (
	github.com/alexedwards/scs/v2 v2.9.0
	github.com/gopassport/passport v0.0.0
)

require (
	github.com/go-jose/go-jose/v4 v4.1.4 // indirect
	github.com/gorilla/securecookie v1.1.2 // indirect
	github.com/gorilla/sessions v1.4.0 // indirect
	golang.org/x/net v0.58.0 // indirect
	golang.org/x/oauth2 v0.36.0 // indirect
	golang.org/x/sync v0.16.0 // indirect
)
