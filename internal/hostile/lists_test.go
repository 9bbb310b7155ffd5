package hostile_test

// decided are entries of which this library makes something else than the corpus expects.
var decided = map[string]decision{
	"request-phase/link start: typed URL / mail client": {"accept", "no page can make a browser send Sec-Fetch-Site: none, so the person typed it"},
	"callback-method/form_post: wrong Origin":           {"accept", "it is the state of this browser's own flow, for who is logged in; who knows it and the code can send both by GET as well, and providers post from more hosts than they name"},
	"ssrf/issuer/endpoint http://127.0.0.1/":            {"accept", "an issuer is the operator's, never a visitor's, and http on this machine is for development"},
	"ssrf/issuer/endpoint https://rebind.evil.test/":    {"accept", "what a name resolves to is for the transport to see (oidc.Config.Client): issuers come from code"},
	"cookie/two cookies, two valid users":               {"anonymous", "one of them was planted, and nobody can tell which; nobody is logged in"},
	"session/logout leaves flows":                       {"accept", "a flow belongs to a person in a browser, not to a login: the same person, logged in again, may end it"},
}

// notApplicable are entries for which there is nothing to run, and why.
var notApplicable = map[string]string{
	`goth-reply/dingtalk: {"accessToken":"short"}`:                    "goth 1.82 has no dingtalk",
	`goth-reply/dingtalk: {"accessToken":"0123456789ab","corpId":""}`: "goth 1.82 has no dingtalk",
	"config/cookie MaxAge 0":                                          "the library's own cookies have no such setting: Lifetime 0 is 14 days, and a login holds the time when it began",
	"config/cookie SameSite None without Secure":                      "the library's own cookies have no such settings; those of a store of the application's are its own",
	"resource/100000 OAuth1 BEGINs":                                   "the library limits sizes, not rates: a limiter is middleware in front of the route (docs/security.md)",
	"bearer/id token used as access token":                            "a token is a string to this strategy; that a JWT is of the right type is for verify to see, as bearer.New says",
}

// elsewhere are entries that run in the tests of one package, which has what they need:
// the file where they stand by name.
var elsewhere = map[string]string{
	`goth-reply/tumblr: {"response":{"user":{}}}`:                                gothTests,
	`goth-reply/xero: {"Organisations":[]}`:                                      gothTests,
	`goth-reply/slack: {"user_id":"\u0000","user":"x"}`:                          gothTests,
	`goth-reply/bitly: {{reset}}`:                                                gothTests,
	`goth-reply/steam: ns:http://specs.openid.net/auth/2.0`:                      gothTests,
	"goth-reply/steam: ns:http://specs.openid.net/auth/2.0\nerror:oops\n":        gothTests,
	`goth-reply/fitbit: {"access_token":"a","token_type":"bearer"}`:              gothTests,
	`goth-reply/apple: {"access_token":"a","token_type":"bearer"}`:               gothTests,
	`goth-reply/openidConnect: {"access_token":"a","token_type":"bearer","id_to`: gothTests,
}

const gothTests = "../../strategies/gothprovider/hostile_test.go"
