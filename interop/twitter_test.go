//go:build unix

package interop_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/markbates/goth/providers/twitter"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/realserver"
	"github.com/gopassport/passport/strategies/gothprovider"
)

// twitterAddress names the variable that tells the second run of the test below where its
// provider was linked to look for Twitter.
const twitterAddress = "PASSPORT_INTEROP_TWITTER"

// Where goth's Twitter provider looks for Twitter only the linker can change, so this test
// runs itself anew, linked for an address of this machine.
func TestATourOfGothsTwitter(t *testing.T) {
	address := os.Getenv(twitterAddress)
	if address == "" {
		for _, s := range oauth1Services() {
			s.command(t) // what is missing is said here
		}
		realserver.Need(t, "chromium")
		linked(t, realserver.Address(t))
		return
	}
	for _, s := range oauth1Services() {
		t.Run(s.name, func(t *testing.T) {
			s.start(t, address)
			a := newApp(t)
			a.uses("op", func(callback string) passport.Strategy {
				return gothprovider.New(twitter.New(consumerKey, consumerSecret, callback), gothPerson)
			})
			t.Run("by HTTP", func(t *testing.T) { oauth1Pages().tour(t, a, "op", visiting) })
			t.Run("in Chromium", func(t *testing.T) { oauth1Pages().tour(t, a, "op", surfing) })
		})
	}
}

// linked runs this test in a program that was linked for an address.
func linked(t *testing.T, address string) {
	t.Helper()
	if testing.Short() {
		t.Skip("it links this package once more")
	}
	service := "http://localhost:" + address[strings.LastIndex(address, ":")+1:]
	flags := []string{}
	for name, path := range map[string]string{"requestURL": "/oauth/request_token", "authorizeURL": "/oauth/authorize", "tokenURL": "/oauth/access_token", "endpointProfile": "/profile"} {
		flags = append(flags, "-X github.com/markbates/goth/providers/twitter."+name+"="+service+path)
	}
	args := []string{"test", "-count=1", "-vet=off", "-v", "-run=^" + t.Name() + "$", "-ldflags=" + strings.Join(flags, " ")}
	if raceDetector {
		args = append(args, "-race") // so that nothing has to be compiled once more
	}
	cmd := exec.CommandContext(t.Context(), realserver.Program(t, "go"), append(args, ".")...)
	cmd.Env = append(os.Environ(), twitterAddress+"="+address)
	out, err := cmd.CombinedOutput()
	for _, s := range oauth1Services() {
		if passed := "--- PASS: " + t.Name() + "/" + s.name + "/in_Chromium/connect"; err != nil || !strings.Contains(string(out), passed) {
			t.Fatalf("%v, or not %q\n%s", err, passed, out)
		}
	}
}
