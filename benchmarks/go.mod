module github.com/gopassport/passport/benchmarks

go 1.25.0

replace github.com/gopassport/passport => ../

require (
	github.com/alexedwards/scs/v2 v2.9.0
	github.com/gopassport/passport v0.0.0
	github.com/gorilla/sessions v1.4.0
	github.com/markbates/goth v1.82.0
	golang.org/x/oauth2 v0.36.0
)

require (
	github.com/go-chi/chi/v5 v5.2.2 // indirect
	github.com/gorilla/context v1.1.1 // indirect
	github.com/gorilla/mux v1.6.2 // indirect
	github.com/gorilla/securecookie v1.1.2 // indirect
)
