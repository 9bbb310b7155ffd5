// Command standin plays GitHub and Twitter at http://localhost:8081, for a program of your
// own that has no keys of theirs yet:
//
//	go -C examples run ./standin http://127.0.0.1:8080/connect/github/callback
//
// Its arguments are the callback URLs of the program. The README says how a program finds it.
package main

import (
	"fmt"
	"os"

	"github.com/gopassport/passport/examples/internal/standin"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: standin callback-URL …")
		os.Exit(2)
	}
	fmt.Printf("GitHub and Twitter are played at %s, for the client %q with the secret %q.\n", standin.URL, standin.Key, standin.Secret)
	standin.Serve(standin.Handler(os.Args[1:]...))
}
