package gothprovider_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/amazon"
	"github.com/markbates/goth/providers/apple"
	"github.com/markbates/goth/providers/auth0"
	"github.com/markbates/goth/providers/azuread"
	"github.com/markbates/goth/providers/azureadv2"
	"github.com/markbates/goth/providers/battlenet"
	"github.com/markbates/goth/providers/bitbucket"
	"github.com/markbates/goth/providers/bitly"
	"github.com/markbates/goth/providers/box"
	"github.com/markbates/goth/providers/classlink"
	"github.com/markbates/goth/providers/cloudfoundry"
	"github.com/markbates/goth/providers/cognito"
	"github.com/markbates/goth/providers/dailymotion"
	"github.com/markbates/goth/providers/deezer"
	"github.com/markbates/goth/providers/digitalocean"
	"github.com/markbates/goth/providers/discord"
	"github.com/markbates/goth/providers/dropbox"
	"github.com/markbates/goth/providers/eveonline"
	"github.com/markbates/goth/providers/facebook"
	"github.com/markbates/goth/providers/fitbit"
	"github.com/markbates/goth/providers/gitea"
	"github.com/markbates/goth/providers/github"
	"github.com/markbates/goth/providers/gitlab"
	"github.com/markbates/goth/providers/google"
	"github.com/markbates/goth/providers/gplus"
	"github.com/markbates/goth/providers/heroku"
	"github.com/markbates/goth/providers/hubspot"
	"github.com/markbates/goth/providers/influxcloud"
	"github.com/markbates/goth/providers/instagram"
	"github.com/markbates/goth/providers/intercom"
	"github.com/markbates/goth/providers/kakao"
	"github.com/markbates/goth/providers/lark"
	"github.com/markbates/goth/providers/lastfm"
	"github.com/markbates/goth/providers/line"
	"github.com/markbates/goth/providers/linkedin"
	"github.com/markbates/goth/providers/mailru"
	"github.com/markbates/goth/providers/mastodon"
	"github.com/markbates/goth/providers/meetup"
	"github.com/markbates/goth/providers/microsoftonline"
	"github.com/markbates/goth/providers/naver"
	"github.com/markbates/goth/providers/nextcloud"
	"github.com/markbates/goth/providers/okta"
	"github.com/markbates/goth/providers/onedrive"
	"github.com/markbates/goth/providers/openidConnect"
	"github.com/markbates/goth/providers/oura"
	"github.com/markbates/goth/providers/patreon"
	"github.com/markbates/goth/providers/paypal"
	"github.com/markbates/goth/providers/reddit"
	"github.com/markbates/goth/providers/salesforce"
	"github.com/markbates/goth/providers/seatalk"
	"github.com/markbates/goth/providers/shopify"
	"github.com/markbates/goth/providers/slack"
	"github.com/markbates/goth/providers/soundcloud"
	"github.com/markbates/goth/providers/spotify"
	"github.com/markbates/goth/providers/steam"
	"github.com/markbates/goth/providers/strava"
	"github.com/markbates/goth/providers/stripe"
	"github.com/markbates/goth/providers/tiktok"
	"github.com/markbates/goth/providers/tumblr"
	"github.com/markbates/goth/providers/twitch"
	"github.com/markbates/goth/providers/twitter"
	"github.com/markbates/goth/providers/twitterv2"
	"github.com/markbates/goth/providers/typetalk"
	"github.com/markbates/goth/providers/uber"
	"github.com/markbates/goth/providers/vk"
	"github.com/markbates/goth/providers/wechat"
	"github.com/markbates/goth/providers/wecom"
	"github.com/markbates/goth/providers/wepay"
	"github.com/markbates/goth/providers/xero"
	"github.com/markbates/goth/providers/yahoo"
	"github.com/markbates/goth/providers/yammer"
	"github.com/markbates/goth/providers/yandex"
	"github.com/markbates/goth/providers/zoom"

	"github.com/gopassport/passport/strategies/gothprovider"
)

// named is a provider and its package; not all of them have a Name.
type named struct {
	name     string
	provider goth.Provider
}

// every gives goth's providers, all 73, with one callback URL.
func every(t *testing.T, callback string) []named {
	t.Helper()
	const id, secret = "id", "CANARY-SECRET"
	openid, err := openidConnect.NewCustomisedURL(id, secret, callback, "https://op.example/authorize", "https://op.example/token", "https://op.example", "https://op.example/userinfo", "")
	if err != nil {
		t.Fatal(err)
	}
	redditProvider := reddit.New(id, secret, callback, "temporary", "https://op.example/token", "https://op.example/me")
	return []named{
		{"amazon", amazon.New(id, secret, callback)},
		{"apple", apple.New(id, secret, callback, nil, apple.ScopeName)},
		{"auth0", auth0.New(id, secret, callback, "op.example")},
		{"azuread", azuread.New(id, secret, callback, nil)},
		{"azureadv2", azureadv2.New(id, secret, callback, azureadv2.ProviderOptions{})},
		{"battlenet", battlenet.New(id, secret, callback)},
		{"bitbucket", bitbucket.New(id, secret, callback)},
		{"bitly", bitly.New(id, secret, callback)},
		{"box", box.New(id, secret, callback)},
		{"classlink", classlink.New(id, secret, callback)},
		{"cloudfoundry", cloudfoundry.New("https://op.example", id, secret, callback)},
		{"cognito", cognito.New(id, secret, "https://op.example", callback)},
		{"dailymotion", dailymotion.New(id, secret, callback)},
		{"deezer", deezer.New(id, secret, callback)},
		{"digitalocean", digitalocean.New(id, secret, callback)},
		{"discord", discord.New(id, secret, callback)},
		{"dropbox", dropbox.New(id, secret, callback)},
		{"eveonline", eveonline.New(id, secret, callback)},
		{"facebook", facebook.New(id, secret, callback)},
		{"fitbit", fitbit.New(id, secret, callback)},
		{"gitea", gitea.New(id, secret, callback)},
		{"github", github.New(id, secret, callback)},
		{"gitlab", gitlab.New(id, secret, callback)},
		{"google", google.New(id, secret, callback)},
		{"gplus", gplus.New(id, secret, callback)},
		{"heroku", heroku.New(id, secret, callback)},
		{"hubspot", hubspot.New(id, secret, callback)},
		{"influxcloud", influxcloud.New(id, secret, callback)},
		{"instagram", instagram.New(id, secret, callback)},
		{"intercom", intercom.New(id, secret, callback)},
		{"kakao", kakao.New(id, secret, callback)},
		{"lark", lark.New(id, secret, callback)},
		{"lastfm", lastfm.New(id, secret, callback)},
		{"line", line.New(id, secret, callback)},
		{"linkedin", linkedin.New(id, secret, callback)},
		{"mailru", mailru.New(id, secret, callback)},
		{"mastodon", mastodon.NewCustomisedURL(id, secret, callback, "https://op.example")},
		{"meetup", meetup.New(id, secret, callback)},
		{"microsoftonline", microsoftonline.New(id, secret, callback)},
		{"naver", naver.New(id, secret, callback)},
		{"nextcloud", nextcloud.NewCustomisedDNS(id, secret, callback, "https://op.example")},
		{"okta", okta.New(id, secret, "https://op.example", callback)},
		{"onedrive", onedrive.New(id, secret, callback)},
		{"openidConnect", openid},
		{"oura", oura.New(id, secret, callback)},
		{"patreon", patreon.New(id, secret, callback)},
		{"paypal", paypal.New(id, secret, callback)},
		{"reddit", &redditProvider},
		{"salesforce", salesforce.New(id, secret, callback)},
		{"seatalk", seatalk.New(id, secret, callback)},
		{"shopify", shopify.New(id, secret, callback)},
		{"slack", slack.New(id, secret, callback)},
		{"soundcloud", soundcloud.New(id, secret, callback)},
		{"spotify", spotify.New(id, secret, callback)},
		{"steam", steam.New(secret, callback)},
		{"strava", strava.New(id, secret, callback)},
		{"stripe", stripe.New(id, secret, callback)},
		{"tiktok", tiktok.New(id, secret, callback)},
		{"tumblr", tumblr.New(id, secret, callback)},
		{"twitch", twitch.New(id, secret, callback)},
		{"twitter", twitter.New(id, secret, callback)},
		{"twitterv2", twitterv2.New(id, secret, callback)},
		{"typetalk", typetalk.New(id, secret, callback)},
		{"uber", uber.New(id, secret, callback)},
		{"vk", vk.New(id, secret, callback)},
		{"wechat", wechat.New(id, secret, callback, wechat.WECHAT_LANG_EN)},
		{"wecom", wecom.New(id, secret, "agent", callback)},
		{"wepay", wepay.New(id, secret, callback)},
		{"xero", xero.New(id, secret, callback)},
		{"yahoo", yahoo.New(id, secret, callback)},
		{"yammer", yammer.New(id, secret, callback)},
		{"yandex", yandex.New(id, secret, callback)},
		{"zoom", zoom.New(id, secret, callback)},
	}
}

// perFlow builds the providers that cannot tell flows apart, by their names.
func perFlow(t *testing.T, name string) gothprovider.Option {
	return gothprovider.CallbackPerFlow("flow", func(flow string) (goth.Provider, error) {
		return fresh(t, name, "https://app.example/callback?flow="+flow).provider, nil
	})
}

// fresh is one of goth's providers that did nothing yet.
func fresh(t *testing.T, name, callback string) named {
	t.Helper()
	all := every(t, callback)
	return all[slices.IndexFunc(all, func(p named) bool { return p.name == name })]
}

// answerOf is what a service sends back for an address that a person was sent to.
func answerOf(query url.Values) string {
	switch {
	case query.Has("cb"): // Last.fm
		return parseQuery(query.Get("cb")).Encode() + "&token=CANARY"
	case query.Has("openid.return_to"):
		back := query.Get("openid.return_to")
		return parseQuery(back).Encode() + "&openid.mode=id_res&openid.signed=return_to&openid.claimed_id=https://steamcommunity.com/openid/id/76561197960287930" +
			"&openid.response_nonce=n&openid.return_to=" + url.QueryEscape(back)
	case query.Has("oauth_token"):
		return "oauth_verifier=v&oauth_token=" + query.Get("oauth_token")
	}
	state := query.Get("state")
	mac := hmac.New(sha256.New, []byte("shopify"))
	io.WriteString(mac, "code=CANARY&host=h&shop=s&state="+state+"&timestamp=1") // Shopify signs it
	return "code=CANARY&host=h&shop=s&timestamp=1&hmac=" + hex.EncodeToString(mac.Sum(nil)) + "&state=" + state
}

func parseQuery(address string) url.Values {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	return u.Query()
}

func TestProvidersThatNameNoFlowAreRefusedAtTheStart(t *testing.T) {
	for _, each := range every(t, "https://app.example/callback") {
		func() {
			defer func() {
				text, refused := recover().(string)
				if want := each.name == "lastfm" || each.name == "steam"; refused != want || want && !strings.Contains(text, "add CallbackPerFlow") {
					t.Errorf("%s: %q", each.name, text)
				}
			}()
			gothprovider.New(each.provider, keep)
		}()
	}
}
