package oauth1_test

import (
	"crypto/rsa"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gopassport/passport/strategies/oauth1"
)

// panics runs f and gives the text of its panic.
func panics(f func()) (text string) {
	defer func() { text, _ = recover().(string) }()
	f()
	return ""
}

func TestAWiringMistakePanicsInASentence(t *testing.T) {
	key := newKey(t)
	for name, c := range map[string]struct {
		change func(*oauth1.Config)
		want   string // "" for none
	}{
		"nothing":             {func(*oauth1.Config) {}, ""},
		"no key":              {func(c *oauth1.Config) { c.ConsumerKey = "" }, "Config.ConsumerKey is empty"},
		"no secret":           {func(c *oauth1.Config) { c.ConsumerSecret = "" }, "Config.ConsumerSecret is empty"},
		"no secret, with RSA": {func(c *oauth1.Config) { c.ConsumerSecret, c.Signature, c.PrivateKey = "", oauth1.RSASHA1, key }, ""},
		"PLAINTEXT":           {func(c *oauth1.Config) { c.Signature = "PLAINTEXT" }, `Config.Signature is "PLAINTEXT"`},
		"RSA without a key":   {func(c *oauth1.Config) { c.Signature = oauth1.RSASHA256 }, "Config.PrivateKey goes together with"},
		"a key without RSA":   {func(c *oauth1.Config) { c.PrivateKey = key }, "Config.PrivateKey goes together with"},
		"a key that is none": {func(c *oauth1.Config) {
			c.Signature, c.PrivateKey = oauth1.RSASHA1, &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: big.NewInt(15), E: 3}, D: big.NewInt(3)}
		}, "Config.PrivateKey cannot sign"},
		"no profile":                      {func(c *oauth1.Config) { c.Profile = nil }, "Config.Profile is nil"},
		"a negative time-out":             {func(c *oauth1.Config) { c.Timeout = -time.Second }, "Config.Timeout is -1s"},
		"a reserved parameter":            {func(c *oauth1.Config) { c.RouteParams = []string{"lang", "oauth_token"} }, `Config.RouteParams has "oauth_token"`},
		"a parameter without a name":      {func(c *oauth1.Config) { c.RouteParams = []string{""} }, `Config.RouteParams has ""`},
		"no request address":              {func(c *oauth1.Config) { c.Endpoint.RequestURL = "" }, `Config.Endpoint.RequestURL is ""`},
		"no authorization address":        {func(c *oauth1.Config) { c.Endpoint.AuthorizeURL = "" }, `Config.Endpoint.AuthorizeURL is ""`},
		"no access address":               {func(c *oauth1.Config) { c.Endpoint.AccessURL = "" }, `Config.Endpoint.AccessURL is ""`},
		"plain http":                      {func(c *oauth1.Config) { c.Endpoint.AccessURL = "http://op.example/token" }, "Config.Endpoint.AccessURL is"},
		"plain http on loopback":          {func(c *oauth1.Config) { c.Endpoint.AccessURL = "http://127.0.0.1:1/token" }, ""},
		"https":                           {func(c *oauth1.Config) { c.Endpoint.AccessURL = "https://op.example" }, ""},
		"another scheme":                  {func(c *oauth1.Config) { c.Endpoint.AuthorizeURL = "javascript:alert(1)" }, "Config.Endpoint.AuthorizeURL is"},
		"a path":                          {func(c *oauth1.Config) { c.Endpoint.AuthorizeURL = "/authorize" }, "Config.Endpoint.AuthorizeURL is"},
		"a user":                          {func(c *oauth1.Config) { c.Endpoint.AuthorizeURL = "https://a:b@op.example/" }, "Config.Endpoint.AuthorizeURL is"},
		"a fragment":                      {func(c *oauth1.Config) { c.Endpoint.AuthorizeURL = "https://op.example/#x" }, "Config.Endpoint.AuthorizeURL is"},
		"an address that does not parse":  {func(c *oauth1.Config) { c.Endpoint.AuthorizeURL = "https://op.example/%zz" }, "Config.Endpoint.AuthorizeURL is"},
		"a name twice":                    {func(c *oauth1.Config) { c.Endpoint.RequestURL = "https://op.example/r?x=1&x=2" }, `Config.Endpoint.RequestURL has the parameter "x" more than once`},
		"a name twice, for access":        {func(c *oauth1.Config) { c.Endpoint.AccessURL = "https://op.example/r?x=1&x=2" }, `Config.Endpoint.AccessURL has the parameter "x" more than once`},
		"a name twice, not signed":        {func(c *oauth1.Config) { c.Endpoint.AuthorizeURL = "https://op.example/r?x=1&x=2" }, ""},
		"a query that does not parse":     {func(c *oauth1.Config) { c.Endpoint.AccessURL = "https://op.example/r?x=1;y=2" }, "Config.Endpoint.AccessURL has a query that does not parse"},
		"a query without a path":          {func(c *oauth1.Config) { c.Endpoint.AccessURL = "https://op.example?y=1" }, ""},
		"a token in an address":           {func(c *oauth1.Config) { c.Endpoint.AuthorizeURL = "https://op.example/?oauth_token=x" }, `Config.Endpoint.AuthorizeURL has the parameter "oauth_token"`},
		"no callback":                     {func(c *oauth1.Config) { c.CallbackURL = "" }, `Config.CallbackURL is ""`},
		"a callback without a host":       {func(c *oauth1.Config) { c.CallbackURL = "/callback" }, `Config.CallbackURL is "/callback"`},
		"out of band":                     {func(c *oauth1.Config) { c.CallbackURL = "oob" }, `Config.CallbackURL is "oob"`},
		"a callback with a fragment":      {func(c *oauth1.Config) { c.CallbackURL += "#x" }, "Config.CallbackURL is"},
		"a callback over plain http":      {func(c *oauth1.Config) { c.CallbackURL = "http://app.example/" }, "Config.CallbackURL is"},
		"a callback with a token":         {func(c *oauth1.Config) { c.CallbackURL += "&oauth_token=x" }, `Config.CallbackURL has the parameter "oauth_token"`},
		"a callback that is denied":       {func(c *oauth1.Config) { c.CallbackURL += "&denied=x" }, `Config.CallbackURL has the parameter "denied"`},
		"a callback with OAuth 2's state": {func(c *oauth1.Config) { c.CallbackURL += "&state=x" }, `Config.CallbackURL has the parameter "state"`},
		"a callback with OAuth 2's code":  {func(c *oauth1.Config) { c.CallbackURL += "&code=x" }, `Config.CallbackURL has the parameter "code"`},
	} {
		config := newService(t).config()
		c.change(&config)
		got := panics(func() { oauth1.New(config, keep) })
		if (c.want == "") != (got == "") || !strings.HasPrefix(got, "oauth1: ") && got != "" || !strings.Contains(got, c.want) || strings.Contains(got, "CANARY") {
			t.Errorf("%s: the panic is %q, want %q", name, got, c.want)
		}
	}
	if got := panics(func() { oauth1.New[*account](newService(t).config(), nil) }); !strings.HasPrefix(got, "oauth1: New: verify is nil") {
		t.Errorf("no verify: %q", got)
	}
	for name, f := range map[string]func(){
		"oauth1: ReplyProfile: ": func() { oauth1.ReplyProfile("") },
		"oauth1: JSONProfile: ":  func() { oauth1.JSONProfile("http://op.example/me", "id") },
		"oauth1: JSONProfile: the address has the parameter \"x\" more than once": func() { oauth1.JSONProfile("https://op.example/me?x=1&x=2", "id") },
		"oauth1: JSONProfile: t": func() { oauth1.JSONProfile("https://op.example/me", "") },
	} {
		if got := panics(f); !strings.HasPrefix(got, name) {
			t.Errorf("%s…: %q", name, got)
		}
	}
}

func TestTheProtocolsOwnParametersAreNoRoutes(t *testing.T) {
	config := newService(t).config()
	config.RouteParams = []string{"lang"}
	s := oauth1.New(config, func(*http.Request, oauth1.Grant) (int, error) { return 1, nil })
	for key, ok := range map[string]bool{"lang": true, "oauth_token": false, "oauth_callback": false, "oauth_anything": false, "screen_name": false, "": false} {
		if err := s.CheckParam(key, "x"); (err == nil) != ok {
			t.Errorf("%q: %v", key, err)
		}
	}
}
