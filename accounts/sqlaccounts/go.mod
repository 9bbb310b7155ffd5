module github.com/gopassport/passport/accounts/sqlaccounts

go 1.25.0

require github.com/gopassport/passport v0.0.0

require (
	golang.org/x/oauth2 v0.36.0 // indirect
	golang.org/x/sync v0.16.0 // indirect
)

replace github.com/gopassport/passport => ../..
