package gothprovider_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/testapp"
	"github.com/gopassport/passport/strategies/gothprovider"
)

// replies are those of one service, as its provider in goth reads them, for the person 42.
type replies struct{ token, profile string }

// goodReplies are those of the services whose profile is more than an id as a text.
func goodReplies() map[string]replies {
	numbers := replies{profile: `{"id":42,"user_id":42,"UserId":42,"CharacterID":42}`}
	account := func(profile string) replies { return replies{profile: profile} }
	all := map[string]replies{
		"apple":         {token: with(`"id_token":"ID-TOKEN"`)},
		"bitbucket":     account(`{"uuid":"42","values":[{"email":"a@b.example","is_primary":true,"is_confirmed":true}]}`),
		"bitly":         account(`{"login":"42","emails":[{"email":"a@b.example","is_primary":true,"is_verified":true}]}`),
		"cognito":       account(`{"sub":"42"}`),
		"deezer":        {with(`"expires":3600`), `{"id":42}`},
		"digitalocean":  account(`{"account":{"uuid":"42"}}`),
		"fitbit":        {with(`"user_id":"42"`), `{"user":{}}`},
		"instagram":     account(`{"data":{"id":"42"}}`),
		"lark":          {`{"code":0,"data":{"access_token":"CANARY-TOKEN","expires_in":7200}}`, `{"code":0,"data":{"user_id":"42"}}`},
		"lastfm":        {`<lfm status="ok"><session><name>Jim</name><key>CANARY</key></session></lfm>`, `<lfm status="ok"><user><id>42</id><name>Jim</name><image/><image/><image/><image/></user></lfm>`},
		"linkedin":      account(`{"id":"42","elements":[{"handle~":{"emailAddress":"a@b.example"}}]}`),
		"naver":         account(`{"response":{"id":"42"}}`),
		"nextcloud":     account(`{"ocs":{"data":{"id":"42"}}}`),
		"onedrive":      account(`{"emails":{"account":"42"}}`),
		"openidConnect": {with(`"id_token":"ID-TOKEN"`), `{"sub":"42"}`},
		"patreon":       account(`{"data":{"id":"42"}}`),
		"salesforce":    {with(`"id":"https://login.salesforce.com/id/42"`), texts},
		"shopify":       account(`{"shop":{"id":42}}`),
		"slack":         account(`{"ok":true,"user_id":"42","user":{"id":"42","profile":{}}}`),
		"steam":         {profile: strings.Replace(gamer, "76561197960287930", "42", 1)},
		"stripe":        {with(`"stripe_user_id":"42"`), texts},
		"tiktok":        {`{"data":{"open_id":"42","access_token":"CANARY-TOKEN","expires_in":7200},"message":"success"}`, `{"data":{"open_id":"42","display_name":"Jim"},"message":"success"}`},
		"tumblr":        account(`{"response":{"user":{"name":"42"}}}`),
		"twitch":        account(`{"data":[{"id":"42"}]}`),
		"twitter":       account(`{"id_str":"42","name":"","screen_name":"","description":"","profile_image_url":"","location":""}`),
		"twitterv2":     account(`{"data":{"id":"42","name":"","username":"","description":"","profile_image_url":"","location":""}}`),
		"typetalk":      account(`{"account":{"id":42}}`),
		"vk":            {with(`"email":"a@b.example"`), `{"response":[{"id":42}]}`},
		"wechat":        {`{"access_token":"CANARY-TOKEN","openid":"42","expires_in":7200}`, `{"openid":"42"}`},
		"wecom":         {`{"access_token":"CANARY-TOKEN","expires_in":7200}`, `{"UserId":"42","userid":"42"}`},
		"xero":          account(`{"Organisations":[{"ShortCode":"42"}]}`),
		"yammer":        {`{"access_token":{"token":"CANARY-TOKEN"},"user":{"id":42}}`, `{"id":42}`},
	}
	for _, name := range []string{"battlenet", "classlink", "eveonline", "gitea", "github", "gitlab", "hubspot", "influxcloud", "kakao", "meetup", "soundcloud", "strava", "wepay"} {
		all[name] = numbers
	}
	return all
}

// with is a token reply with one more member.
func with(member string) string { return strings.Replace(goodToken, "{", "{"+member+",", 1) }

// texts is what most services call the id of a person.
const texts = `{"id":"42","sub":"42","user_id":"42","uuid":"42","account_id":"42","userId":"42","login":"42","userPrincipalName":"42"}`

// serving is the internet when a service does all right.
func serving(name string) *internet {
	replies, ok := goodReplies()[name]
	if !ok || replies.profile == "" {
		replies.profile = texts
	}
	issuer := map[string]string{"apple": "https://appleid.apple.com", "openidConnect": "https://op.example"}[name]
	return &internet{token: replies.token, profile: replies.profile, ids: func() string { return signed(issuer, nil) }}
}

// never tells whether goth gives no id for anybody of a service.
func never(name string) bool { return name == "bitly" || name == "tumblr" }

// journey is one flow of a provider.
type journey struct {
	name    string
	app     *app
	browser *testapp.Browser
	world   *internet
	query   url.Values // of the address that the person was sent to; nil: to none
	answer  string
	end     *httptest.ResponseRecorder // the answer to the person, of the begin where that failed
}

// travel runs a flow of a provider as far as it goes.
func travel(ctx context.Context, t *testing.T, each named, world *internet) *journey {
	t.Helper()
	everybody.Store(world)
	defer everybody.Store(nil)
	p := newApp(t)
	opts := []gothprovider.Option{gothprovider.Timeout(time.Minute)} // under a race detector things take longer
	if each.name == "lastfm" || each.name == "steam" {
		opts = append(opts, perFlow(t, each.name))
	}
	p.connect(each.name, gothprovider.New(each.provider, keep, opts...))
	j := &journey{name: each.name, app: p, browser: p.Browser(), world: world}
	j.browser.Context = ctx
	world.at(stepBegin)
	j.end = j.browser.Get("/connect/"+each.name, "same-origin")
	if j.end.Code != http.StatusFound {
		return j
	}
	for _, c := range j.browser.Cookies {
		if size := len(c.Name) + len(c.Value); size > 500 {
			t.Errorf("%s: the flow's cookie has %d bytes", each.name, size)
		}
	}
	j.query = parse(t, j.end.Header().Get("Location")).Query()
	j.answer = answerOf(j.query)
	world.at(stepToken)
	j.end = j.browser.End("/connect/"+each.name, j.answer)
	return j
}

func TestEveryProviderGivesAnAccount(t *testing.T) {
	t.Setenv("SHOPIFY_SECRET", "shopify")
	for _, each := range every(t, "https://app.example/callback") {
		j := travel(t.Context(), t, each, serving(each.name))
		code := passport.Code("")
		if never(each.name) {
			code = passport.CodeSubject
		}
		j.app.Want(each.name, j.end, code, http.StatusBadGateway)
		if code == "" && !strings.Contains(j.end.Body.String(), "ID:42 ") {
			t.Errorf("%s: another account: %s", each.name, j.end.Body)
		}
	}
}
