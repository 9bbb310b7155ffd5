package gothprovider_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/markbates/goth"
	"github.com/markbates/goth/providers/lastfm"
	"github.com/markbates/goth/providers/steam"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/testapp"
	"github.com/gopassport/passport/strategies/gothprovider"
)

// answers is a transport with a reply for each HTTP method, or method of Last.fm's. A
// reply of 500 is a status.
type answers map[string]string

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if text := a[r.Method] + a[r.URL.Query().Get("method")]; text == "500" {
		w.WriteHeader(http.StatusInternalServerError)
	} else {
		io.WriteString(w, text)
	}
	reply := w.Result()
	reply.Request = r
	return reply, nil
}

const (
	confirmed = "ns:http://specs.openid.net/auth/2.0\nis_valid:true\n"
	gamer     = `{"response":{"players":[{"steamid":"76561197960287930","personaname":"gabe"}]}}`
)

func steamApp(t *testing.T, post string) (*app, *testapp.Browser, string) {
	t.Helper()
	p := newApp(t)
	p.connect("steam", gothprovider.New(steam.New("CANARY-SECRET", "https://app.example/callback"), keep,
		gothprovider.CallbackPerFlow("flow", func(flow string) (goth.Provider, error) {
			provider := steam.New("CANARY-SECRET", "https://app.example/callback?flow="+flow)
			provider.HTTPClient = &http.Client{Transport: answers{"POST": post, "GET": gamer}}
			return provider, nil
		})))
	b := p.Browser()
	return p, b, b.Begin("/connect/steam")
}

func TestSteamEndsAtTheCallbackOfItsFlow(t *testing.T) {
	p, b, location := steamApp(t, confirmed)
	answer := answerOf(parse(t, location).Query())
	p.Want("right", b.End("/connect/steam", answer), "", 0)
	p.Want("again", b.End("/connect/steam", answer), passport.CodeFlowMissing, 400)
}

func TestSteamAnswersThatAreRefused(t *testing.T) {
	other := strings.Repeat("A", 43)
	for name, c := range map[string]struct {
		change func(url.Values)
		code   passport.Code
		status int
	}{
		"no flow":                     {func(v url.Values) { v.Del("flow") }, passport.CodeCallback, 400},
		"a foreign flow":              {func(v url.Values) { v.Set("flow", other) }, passport.CodeFlowMissing, 400},
		"two flows":                   {func(v url.Values) { v.Add("flow", other) }, passport.CodeCallback, 400},
		"nothing but the flow":        {func(v url.Values) { clearAllBut(v, "flow") }, passport.CodeCallback, 400},
		"a no":                        {func(v url.Values) { v.Set("openid.mode", "cancel") }, passport.CodeDenied, 403},
		"an error":                    {func(v url.Values) { v.Set("openid.mode", "error") }, passport.CodeProvider, 502},
		"a callback of somebody else": {func(v url.Values) { v.Set("openid.return_to", "https://app.example/callback?flow="+other) }, passport.CodeProvider, 502},
		"an id of another service":    {func(v url.Values) { v.Set("openid.claimed_id", "https://evil.example/openid/id/1") }, passport.CodeProvider, 502},
		"two ids":                     {func(v url.Values) { v.Add("openid.claimed_id", "x") }, passport.CodeCallback, 400},
	} {
		p, b, location := steamApp(t, confirmed)
		answer := parseQuery("?" + answerOf(parse(t, location).Query()))
		c.change(answer)
		p.Want(name, b.End("/connect/steam", answer.Encode()), c.code, c.status)
	}
}

func clearAllBut(v url.Values, keep string) {
	for name := range v {
		if name != keep {
			v.Del(name)
		}
	}
}

func TestOnlyAPlainYesOfSteamCounts(t *testing.T) {
	for name, c := range map[string]struct {
		reply string
		code  passport.Code
	}{
		"yes":               {confirmed, ""},
		"no":                {"ns:http://specs.openid.net/auth/2.0\nis_valid:false\n", passport.CodeProvider},
		"an error":          {"ns:http://specs.openid.net/auth/2.0\nerror:oops\n", passport.CodeProvider},
		"no, and lines end": {"ns:http://specs.openid.net/auth/2.0\r\nis_valid:false\r\n", passport.CodeProvider},
		"one line":          {"ns:http://specs.openid.net/auth/2.0", passport.CodeProvider},
		"nothing":           {"", passport.CodeProvider},
		"500":               {"500", passport.CodeProvider},
	} {
		p, b, location := steamApp(t, c.reply)
		p.Want(name, b.End("/connect/steam", answerOf(parse(t, location).Query())), c.code, 502)
	}
}

func TestLastFMEndsAtTheCallbackOfItsFlow(t *testing.T) {
	replies := answers{
		"auth.getSession": `<lfm status="ok"><session><name>Jim</name><key>CANARY</key></session></lfm>`,
		"user.getinfo":    `<lfm status="ok"><user><id>7</id><name>Jim</name><image/><image/><image/><image/></user></lfm>`,
	}
	p := newApp(t)
	p.connect("lastfm", gothprovider.New(lastfm.New("key", "CANARY-SECRET", "https://app.example/callback"), keep,
		gothprovider.CallbackPerFlow("flow", func(flow string) (goth.Provider, error) {
			provider := lastfm.New("key", "CANARY-SECRET", "https://app.example/callback?flow="+flow)
			provider.HTTPClient = &http.Client{Transport: replies}
			return provider, nil
		})))
	b := p.Browser()
	answer := answerOf(parse(t, b.Begin("/connect/lastfm?flow=ATTACKER")).Query())
	p.Want("without its flow", b.End("/connect/lastfm", "token=CANARY"), passport.CodeCallback, 400)
	p.Want("right", b.End("/connect/lastfm", answer), "", 0)
}

func TestAProviderPerFlowThatIsNoneIsAFaultOfTheProgram(t *testing.T) {
	broken := errors.New("no such tenant")
	for name, build := range map[string]func(string) (goth.Provider, error){
		"an error":                    func(string) (goth.Provider, error) { return nil, broken },
		"nothing":                     func(string) (goth.Provider, error) { return nil, nil },
		"one without the flow":        func(string) (goth.Provider, error) { return steam.New("k", "https://app.example/callback"), nil },
		"one with another flow in it": func(string) (goth.Provider, error) { return steam.New("k", "https://app.example/callback?flow=x"), nil },
	} {
		p := newApp(t)
		p.connect("steam", gothprovider.New(steam.New("k", "https://app.example/callback"), keep, gothprovider.CallbackPerFlow("flow", build)))
		p.Want(name, p.Browser().Get("/connect/steam", "same-origin"), passport.CodeConfiguration, 500)
		if name == "an error" && !errors.Is(p.Last(), broken) {
			t.Errorf("%v", p.Last())
		}
	}
}
