module github.com/gopassport/passport/interop

go 1.26.0

replace github.com/gopassport/passport => ../

require (
	github.com/chromedp/cdproto v0.159.3
	github.com/chromedp/chromedp v0.23.0
	github.com/coreos/go-oidc/v3 v3.21.0
	github.com/gopassport/passport v0.0.0-00010101000000-000000000000
	github.com/markbates/goth v1.82.0
	golang.org/x/net v0.62.0
	golang.org/x/oauth2 v0.36.0
)

require (
	github.com/dghubble/oauth1 v0.7.3 // indirect
	github.com/go-jose/go-jose/v4 v4.1.4 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/gorilla/securecookie v1.1.2 // indirect
	github.com/gorilla/sessions v1.4.0 // indirect
	github.com/mrjones/oauth v0.0.0-20180629183705-f4e24b6d100c // indirect
)
