package oauth1_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/testapp"
	"github.com/gopassport/passport/strategies/oauth1"
)

// paths are the three requests of a flow.
func paths() []string { return []string{"/request_token", "/access_token", "/me"} }

func TestAServiceThatMisbehavesIsAFaultOfItsOwn(t *testing.T) {
	const good = "oauth_token=CANARY&oauth_token_secret=CANARY-S&oauth_callback_confirmed=true"
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	for name, odd := range map[string]http.HandlerFunc{
		"500":          text(500, "CANARY"),
		"503 and good": text(503, good),
		"401":          text(401, "oauth_problem=CANARY"),
		"HTML":         text(200, "<!DOCTYPE html><title>CANARY</title>"),
		"nothing":      text(200, ""),
		"null":         text(200, "null"),
		"204":          text(204, ""),
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/CANARY", http.StatusTemporaryRedirect)
		},
		"50 MB": func(w http.ResponseWriter, _ *http.Request) {
			chunk := bytes.Repeat([]byte("CANARY&x"), 1<<17)
			for range 50 {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		},
		"a reset": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"half of a reply": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, good)
		},
	} {
		for _, path := range paths() {
			p, s := world(t)
			s.does(path, odd)
			p.Want(name+" at "+path, p.through(s, "/connect/op"), passport.CodeProvider, http.StatusBadGateway)
			if err := p.Last(); err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(s.URL, "http://")) {
				t.Errorf("%s at %s: the error does not say who: %v", name, path, err)
			}
		}
	}
}

func text(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func TestAReplyWithATokenIsReadInOneWayOnly(t *testing.T) {
	long := strings.Repeat("x", 513)
	for name, c := range map[string]struct {
		reply     string
		requestOK bool // as a request token
		accessOK  bool
	}{
		"good":                       {"oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=true", true, true},
		"spaces around it":           {" oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=true\r\n", true, true},
		"not confirmed":              {"oauth_token=a&oauth_token_secret=b", false, true},
		"confirmed: false":           {"oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=false", false, true},
		"confirmed: 1":               {"oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=1", false, true},
		"confirmed: True":            {"oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=True", false, true},
		"confirmed twice":            {"oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=true&oauth_callback_confirmed=true", false, false},
		"no token":                   {"oauth_token_secret=b&oauth_callback_confirmed=true", false, false},
		"an empty token":             {"oauth_token=&oauth_token_secret=b&oauth_callback_confirmed=true", false, false},
		"two tokens":                 {"oauth_token=a&oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=true", false, false},
		"another spelling":           {"OAUTH_TOKEN=a&oauth_token_secret=b&oauth_callback_confirmed=true", false, false},
		"no secret":                  {"oauth_token=a&oauth_callback_confirmed=true", false, false},
		"an empty secret":            {"oauth_token=a&oauth_token_secret=&oauth_callback_confirmed=true", false, false},
		"two secrets":                {"oauth_token=a&oauth_token_secret=b&oauth_token_secret=c&oauth_callback_confirmed=true", false, false},
		"something else twice":       {"oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=true&user_id=1&user_id=2", false, false},
		"a long token":               {"oauth_token=" + long + "&oauth_token_secret=b&oauth_callback_confirmed=true", false, true},
		"a long secret":              {"oauth_token=a&oauth_token_secret=" + long + "&oauth_callback_confirmed=true", false, true},
		"a much longer token":        {"oauth_token=" + strings.Repeat(long, 40) + "&oauth_token_secret=b&oauth_callback_confirmed=true", false, false},
		"a line break in the token":  {"oauth_token=a%0d%0ab&oauth_token_secret=b&oauth_callback_confirmed=true", false, false},
		"a token that is not ASCII":  {"oauth_token=%C3%A9&oauth_token_secret=b&oauth_callback_confirmed=true", false, false},
		"a secret that is not ASCII": {"oauth_token=a&oauth_token_secret=%00&oauth_callback_confirmed=true", false, false},
		"no UTF-8":                   {"oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=true&name=%ff", false, false},
		"a bad escape":               {"oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=true&name=%zz", false, false},
		"semicolons":                 {"oauth_token=a;oauth_token_secret=b;oauth_callback_confirmed=true", false, false},
		"100 KiB":                    {"oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=true&x=" + strings.Repeat(long, 200), false, false},
		"JSON":                       {`{"oauth_token":"a","oauth_token_secret":"b","oauth_callback_confirmed":true}`, false, false},
	} {
		p, s := newApp(t), newService(t)
		config := s.config()
		config.Profile = func(context.Context, *http.Client, oauth1.Grant) (string, json.RawMessage, error) {
			return "42", nil, nil
		}
		p.connect("op", oauth1.New(config, keep))
		s.reply("/request_token", 200, c.reply)
		w := p.Browser().Get("/connect/op", "same-origin")
		if ok := w.Code == http.StatusFound; ok != c.requestOK {
			t.Errorf("%s, as a request token: %d %v", name, w.Code, p.Last())
		}
		if !c.requestOK {
			p.Want(name+", as a request token", w, passport.CodeProvider, 502)
		}
		s.does("/request_token", nil)
		s.reply("/access_token", 200, c.reply)
		want := passport.CodeProvider
		if c.accessOK {
			want = ""
		}
		p.Want(name+", as an access token", p.through(s, "/connect/op"), want, 502)
	}
}

func TestAServiceThatHangsIsLeftInTime(t *testing.T) {
	for _, path := range paths() {
		p, s := world(t, func(c *oauth1.Config) { c.Timeout = time.Second })
		gone := make(chan struct{})
		s.does(path, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done(); close(gone) })
		p.Want("a hang at "+path, p.through(s, "/connect/op"), passport.CodeProviderTimeout, http.StatusGatewayTimeout)
		<-gone // the connection was closed
	}
}

func TestABrowserThatGoesAwayEndsTheCall(t *testing.T) {
	for _, path := range paths() {
		p, s := world(t)
		b := p.Browser()
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan struct{})
		hang := func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done(); close(gone) }
		var w *httptest.ResponseRecorder
		if path == "/request_token" {
			s.does(path, hang)
			w = b.Send(testapp.Navigation("GET", "/connect/op", "same-origin").WithContext(ctx))
		} else {
			answer := s.allow(t, b.Begin("/connect/op"))
			s.does(path, hang)
			w = b.Send(testapp.Navigation("GET", "/connect/op?"+answer, "cross-site").WithContext(ctx))
		}
		p.Want("gone at "+path, w, passport.CodeProviderTimeout, http.StatusGatewayTimeout)
		<-gone
		cancel()
		if text := p.Last().Error(); !strings.HasSuffix(text, "the browser went away") {
			t.Errorf("gone at %s: %s", path, text)
		}
	}
}

func TestAServiceThatIsNotThereIsAFaultThatSaysSo(t *testing.T) {
	p, s := world(t)
	s.Close()
	p.Want("nobody listens", p.through(s, "/connect/op"), passport.CodeProvider, http.StatusBadGateway)
	var network *net.OpError
	if err := p.Last(); !errors.As(err, &network) || !strings.Contains(err.Error(), "the network: dial") {
		t.Errorf("%v", err)
	}
}

func TestOnlyTheWordsOfAProblemReportAreShown(t *testing.T) {
	for report, want := range map[string]string{
		"oauth_problem=nonce_used&oauth_token=CANARY": "the service refuses: nonce_used",
		`oauth_problem="consumer_key_unknown"`:        "the service refuses: consumer_key_unknown",
		"oauth_problem=CANARY":                        "the service refuses",
		"oauth_problem=nonce_used_canary":             "the service refuses",
		"":                                            "the service refuses",
	} {
		p, s := world(t)
		s.reply("/request_token", 400, report)
		p.Want(report, p.through(s, "/connect/op"), passport.CodeProvider, 502)
		if text := p.Last().Error(); !strings.HasSuffix(text, "status 400: "+want) {
			t.Errorf("%s: %s", report, text)
		}
	}
}

func TestAProfileNamesSomebodyOrIsNone(t *testing.T) {
	for profile, want := range map[string]struct {
		code passport.Code
		id   string
	}{
		`{"id":"42"}`:                     {"", "42"},
		`{"id":42,"x":{"id":1,"id":2}}`:   {"", "42"},
		`{"id":18446744073709551616}`:     {"", "18446744073709551616"},
		`{"id":" 4 2"}`:                   {"", " 4 2"},
		`{}`:                              {passport.CodeSubject, ""},
		`{"id":null}`:                     {passport.CodeSubject, ""},
		`{"id":0}`:                        {passport.CodeSubject, ""},
		`{"id":"0"}`:                      {passport.CodeSubject, ""},
		`{"id":""}`:                       {passport.CodeSubject, ""},
		`{"id":" "}`:                      {passport.CodeSubject, ""},
		`{"id":"null"}`:                   {passport.CodeSubject, ""},
		`{"id":"undefined"}`:              {passport.CodeSubject, ""},
		`{"id":"a\u0000"}`:                {passport.CodeSubject, ""},
		`{"id":1.5}`:                      {passport.CodeSubject, ""},
		`{"id":1e3}`:                      {passport.CodeSubject, ""},
		`{"id":true}`:                     {passport.CodeSubject, ""},
		`{"id":["42"]}`:                   {passport.CodeSubject, ""},
		`{"id":{"id":"42"}}`:              {passport.CodeSubject, ""},
		`{"id":"42","id":"43"}`:           {passport.CodeProvider, ""},
		`{"id":"42","ID":"43"}`:           {passport.CodeProvider, ""},
		`{"id":"42"}{"id":"43"}`:          {passport.CodeProvider, ""},
		`{"id":"42"} x`:                   {passport.CodeProvider, ""},
		`[{"id":"42"}]`:                   {passport.CodeProvider, ""},
		`"42"`:                            {passport.CodeProvider, ""},
		`{"id":"42"`:                      {passport.CodeProvider, ""},
		`{"error":"CANARY"}`:              {passport.CodeSubject, ""},
		strings.Repeat(`{"id":`, 100_000): {passport.CodeProvider, ""},
	} {
		p, s := world(t)
		s.reply("/me", 200, profile)
		w := p.through(s, "/connect/op")
		p.Want(profile[:min(40, len(profile))], w, want.code, 502)
		if want.code == "" && !strings.Contains(w.Body.String(), "ID:"+want.id+" ") {
			t.Errorf("%s: %s", profile, w.Body)
		}
	}
	for _, media := range []string{"", "text/html", "application/jsonx", "text/json"} {
		p, s := world(t)
		s.does("/me", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", media)
			io.WriteString(w, `{"id":"42"}`)
		})
		p.Want("another type: "+media, p.through(s, "/connect/op"), passport.CodeProvider, 502)
	}
	for _, status := range []int{201, 203, 400, 401, 404, 500} {
		p, s := world(t)
		s.reply("/me", status, `{"id":"42"}`)
		p.Want("another status", p.through(s, "/connect/op"), passport.CodeProvider, 502)
	}
}

func TestAProfileFromTheReplyAsksNobody(t *testing.T) {
	for param, code := range map[string]passport.Code{"user_id": "", "user_nsid": passport.CodeSubject, "oauth_token_secret": passport.CodeSubject} {
		p, s := world(t, func(c *oauth1.Config) { c.Profile = oauth1.ReplyProfile(param) })
		p.Want(param, p.through(s, "/connect/op"), code, 502)
		if s.count("/me") != 0 || !slices.Equal(slices.Sorted(maps.Keys(s.hits)), []string{"/access_token", "/request_token"}) {
			t.Errorf("%s: asked %v", param, s.hits)
		}
	}
}

func TestAnErrorOfAProfileFunctionIsNotShown(t *testing.T) {
	own := errors.New("Authorization: OAuth CANARY")
	for name, c := range map[string]struct {
		err    error
		code   passport.Code
		status int
	}{
		"any error":            {own, passport.CodeProvider, 502},
		"one of this library":  {&passport.Error{Code: passport.CodeDenied, Status: 403}, passport.CodeDenied, 403},
		"a deadline of itself": {context.DeadlineExceeded, passport.CodeProviderTimeout, 504},
	} {
		p, s := world(t, func(config *oauth1.Config) {
			config.Profile = func(context.Context, *http.Client, oauth1.Grant) (string, json.RawMessage, error) {
				return "", nil, c.err
			}
		})
		w := p.through(s, "/connect/op")
		if w.Code != c.status || p.Last().Code != c.code || !errors.Is(p.Last(), c.err) && c.status != 403 {
			t.Errorf("%s: %d %v", name, w.Code, p.Last())
		}
		if text := p.Last().Error(); strings.Contains(text, "CANARY") {
			t.Errorf("%s: %s", name, text)
		}
	}
}
