package identity_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mrjones/oauth"
	"github.com/stretchr/testify/require"

	"github.com/gopassport/passport/examples/connect/identity"
)

// consumer is the client that goth's twitter provider uses.
func (s *site) consumer(client identity.Client, method string) *oauth.Consumer {
	return oauth.NewConsumer(client.Key, client.Secret, oauth.ServiceProvider{
		RequestTokenUrl:   s.url + "/oauth/request_token",
		AuthorizeTokenUrl: s.url + "/oauth/authenticate",
		AccessTokenUrl:    s.url + "/oauth/access_token",
		HttpMethod:        method,
	})
}

func TestOAuth1TellsWhoAllowedIt(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		t.Run("tokens by "+method, func(t *testing.T) {
			s := newSite(t)
			consumer := s.consumer(app, method)
			request, address, err := consumer.GetRequestTokenAndUrl(callback)
			require.NoError(t, err)
			back := s.answer(s.begin(address), "ada", "allow")
			require.Equal(t, callback, "http://"+back.Host+back.Path)
			require.Equal(t, request.Token, back.Query().Get("oauth_token"))

			access, err := consumer.AuthorizeToken(request, back.Query().Get("oauth_verifier"))
			require.NoError(t, err)
			require.Equal(t, "ada", access.AdditionalData["screen_name"])
			response, err := consumer.Get(s.url+"/1.1/account/verify_credentials.json",
				map[string]string{"include_email": "true", "note": "a b*c~d+e%é&=/"}, access)
			require.NoError(t, err)
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.JSONEq(t, `{"id":1001,"id_str":"1001","screen_name":"ada","name":"Ada Winter","email":"ada@people.example",
				"description":"Writes programs for engines that do not exist yet.","location":"Turin",
				"profile_image_url":"`+s.url+`/avatar/ada"}`, string(body))
		})
	}
}

func TestOAuth1DenialNamesTheRequestToken(t *testing.T) {
	for name, deny := range map[string]func(*site, string) *url.URL{
		"Deny":   func(s *site, question string) *url.URL { return s.answer(question, "ada", "deny") },
		"Cancel": func(s *site, question string) *url.URL { return s.get("/cancel?request=" + question).location(s.t) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			request, address, err := s.consumer(app, "").GetRequestTokenAndUrl(callback)
			require.NoError(t, err)
			back := deny(s, s.begin(address))
			require.Equal(t, url.Values{"denied": {request.Token}}, back.Query())
			require.Equal(t, http.StatusBadRequest, s.get(address).StatusCode, "the request token is spent")
		})
	}
}

func TestOAuth1RequestTokenCannotBeAnsweredTwice(t *testing.T) {
	s := newSite(t)
	_, address, err := s.consumer(app, "").GetRequestTokenAndUrl(callback)
	require.NoError(t, err)
	first, second := s.begin(address), s.begin(address)
	require.NotEmpty(t, s.answer(first, "ada", "allow").Query().Get("oauth_verifier"))
	require.Equal(t, http.StatusGone, s.decide(second, "grace", "allow").StatusCode)
}

func TestOAuth1VerifierIsChecked(t *testing.T) {
	s := newSite(t)
	for name, verifier := range map[string]string{"a wrong one": "verifier-wrong", "none": ""} {
		t.Run(name, func(t *testing.T) {
			consumer := s.consumer(app, "")
			request, address, err := consumer.GetRequestTokenAndUrl(callback)
			require.NoError(t, err)
			right := s.answer(s.begin(address), "ada", "allow").Query().Get("oauth_verifier")
			_, err = consumer.AuthorizeToken(request, verifier)
			require.ErrorContains(t, err, "401")
			_, err = consumer.AuthorizeToken(request, right)
			require.Error(t, err, "there is no second guess")
		})
	}
}

func TestOAuth1AccessTokenNeedsConsent(t *testing.T) {
	s := newSite(t)
	consumer := s.consumer(app, "")
	request, _, err := consumer.GetRequestTokenAndUrl(callback)
	require.NoError(t, err)
	_, err = consumer.AuthorizeToken(request, "")
	require.Error(t, err)
}

func TestOAuth1TokensBelongToTheirClient(t *testing.T) {
	s := newSite(t)
	consumer := s.consumer(app, "")
	request, address, err := consumer.GetRequestTokenAndUrl(callback)
	require.NoError(t, err)
	verifier := s.answer(s.begin(address), "ada", "allow").Query().Get("oauth_verifier")
	_, err = s.consumer(rival, "").AuthorizeToken(request, verifier)
	require.Error(t, err)

	access, err := consumer.AuthorizeToken(request, verifier)
	require.NoError(t, err, "another client cannot spend it either")
	_, err = s.consumer(rival, "").Get(s.url+"/1.1/account/verify_credentials.json", nil, access)
	require.Error(t, err)
}

func TestOAuth1CallbackMustBeRegistered(t *testing.T) {
	for name, callback := range map[string]string{
		"another site":  "http://evil.example/",
		"a longer path": callback + "/more",
		"out of band":   "oob",
		"none":          "",
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := newSite(t).consumer(app, "").GetRequestTokenAndUrl(callback)
			require.ErrorContains(t, err, "403")
		})
	}
}

// signedRequest is a request for a request token, signed here, so that any
// part of it can be made wrong.
type signedRequest struct {
	method, query, body string
	params              map[string]string
	secret              string
	base                string // replaces the address in what is signed
	after               func(header string) string
}

func (s *site) sign(change func(*signedRequest)) *http.Request {
	s.t.Helper()
	sr := signedRequest{method: http.MethodPost, secret: app.Secret + "&", base: s.url + "/oauth/request_token", params: map[string]string{
		"oauth_consumer_key": app.Key, "oauth_signature_method": "HMAC-SHA1", "oauth_version": "1.0", "oauth_callback": callback,
		"oauth_timestamp": strconv.FormatInt(s.clock.Now().Unix(), 10), "oauth_nonce": rand.Text(),
	}}
	change(&sr)
	request := s.request(sr.method, "/oauth/request_token?"+sr.query, nil)
	if sr.body != "" {
		request = s.request(sr.method, "/oauth/request_token?"+sr.query, must(url.ParseQuery(sr.body)))
	}
	header := sr.header()
	if sr.after != nil {
		header = sr.after(header)
	}
	request.Header.Set("Authorization", header)
	return request
}

func (sr signedRequest) header() string {
	pairs := []string{}
	for _, list := range []string{sr.query, sr.body} {
		for name, values := range must(url.ParseQuery(list)) {
			for _, value := range values {
				pairs = append(pairs, rfc3986(name)+"="+rfc3986(value))
			}
		}
	}
	var sent []string
	for _, name := range slices.Sorted(maps.Keys(sr.params)) {
		pairs = append(pairs, name+"="+rfc3986(sr.params[name]))
		sent = append(sent, name+`="`+rfc3986(sr.params[name])+`"`)
	}
	slices.Sort(pairs)
	mac := hmac.New(sha1.New, []byte(sr.secret))
	mac.Write([]byte(sr.method + "&" + rfc3986(sr.base) + "&" + rfc3986(strings.Join(pairs, "&"))))
	signature := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return `OAuth realm="any", ` + strings.Join(sent, ", ") + `, oauth_signature="` + rfc3986(signature) + `"`
}

func TestOAuth1SignatureCoversTheWholeRequest(t *testing.T) {
	for name, change := range map[string]func(*signedRequest){
		"a POST":                    func(*signedRequest) {},
		"a GET":                     func(sr *signedRequest) { sr.method = http.MethodGet },
		"a query":                   func(sr *signedRequest) { sr.query = "b=2&a=%20x&a=1&c" },
		"a form":                    func(sr *signedRequest) { sr.body = "z=%2B+~*&a=9" },
		"a query and a form":        func(sr *signedRequest) { sr.query, sr.body = "a=1&a=2", "a=3" },
		"no version":                func(sr *signedRequest) { delete(sr.params, "oauth_version") },
		"a timestamp four off":      func(sr *signedRequest) { sr.params["oauth_timestamp"] = later(-4 * time.Minute) },
		"a scheme in lower case":    func(sr *signedRequest) { sr.after = func(h string) string { return "oauth" + h[len("OAuth"):] } },
		"parameters without spaces": func(sr *signedRequest) { sr.after = func(h string) string { return strings.ReplaceAll(h, ", ", ",") } },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			got := s.send(s.sign(change))
			require.Equal(t, http.StatusOK, got.StatusCode, got.body)
			answer, err := url.ParseQuery(got.body)
			require.NoError(t, err)
			require.Equal(t, "true", answer.Get("oauth_callback_confirmed"))
			require.NotEmpty(t, answer.Get("oauth_token_secret"))
		})
	}
}

func TestOAuth1RefusesWhatItCannotTrust(t *testing.T) {
	for name, change := range map[string]func(*signedRequest){
		"an unknown consumer":        func(sr *signedRequest) { sr.params["oauth_consumer_key"] = "nobody" },
		"no consumer":                func(sr *signedRequest) { delete(sr.params, "oauth_consumer_key") },
		"a wrong secret":             func(sr *signedRequest) { sr.secret = "wrong&" },
		"another client's secret":    func(sr *signedRequest) { sr.secret = rival.Secret + "&" },
		"another address":            func(sr *signedRequest) { sr.base += "x" },
		"another version":            func(sr *signedRequest) { sr.params["oauth_version"] = "2.0" },
		"PLAINTEXT":                  func(sr *signedRequest) { sr.params["oauth_signature_method"] = "PLAINTEXT" },
		"no method":                  func(sr *signedRequest) { delete(sr.params, "oauth_signature_method") },
		"an old timestamp":           func(sr *signedRequest) { sr.params["oauth_timestamp"] = later(-6 * time.Minute) },
		"a timestamp in the future":  func(sr *signedRequest) { sr.params["oauth_timestamp"] = later(6 * time.Minute) },
		"a timestamp that is none":   func(sr *signedRequest) { sr.params["oauth_timestamp"] = "soon" },
		"a huge timestamp":           func(sr *signedRequest) { sr.params["oauth_timestamp"] = "9223372036854775807" },
		"no timestamp":               func(sr *signedRequest) { delete(sr.params, "oauth_timestamp") },
		"no nonce":                   func(sr *signedRequest) { delete(sr.params, "oauth_nonce") },
		"a huge nonce":               func(sr *signedRequest) { sr.params["oauth_nonce"] = strings.Repeat("n", 129) },
		"a changed parameter":        func(sr *signedRequest) { sr.after = replace("app.example", "evil.example") },
		"a parameter twice":          func(sr *signedRequest) { sr.after = func(h string) string { return h + `, oauth_nonce="x"` } },
		"a parameter without quotes": func(sr *signedRequest) { sr.after = replace(`"HMAC-SHA1"`, `HMAC-SHA1`) },
		"broken percent-encoding":    func(sr *signedRequest) { sr.after = replace("%3A", "%ZZ") },
		"an empty list":              func(sr *signedRequest) { sr.after = func(string) string { return "OAuth" } },
		"another scheme":             func(sr *signedRequest) { sr.after = replace("OAuth", "Bearer") },
		"no header":                  func(sr *signedRequest) { sr.after = func(string) string { return "" } },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			got := s.send(s.sign(change))
			require.Equal(t, http.StatusUnauthorized, got.StatusCode, got.body)
			require.Equal(t, `OAuth realm="identity"`, got.Header.Get("WWW-Authenticate"))
			require.NotContains(t, got.body, app.Secret)
		})
	}
}

func TestOAuth1RefusesReplays(t *testing.T) {
	s := newSite(t)
	fixed := func(timestamp time.Time) func(*signedRequest) {
		return func(sr *signedRequest) {
			sr.params["oauth_nonce"], sr.params["oauth_timestamp"] = "n", strconv.FormatInt(timestamp.Unix(), 10)
		}
	}
	ahead := s.clock.Now().Add(4 * time.Minute)
	require.Equal(t, http.StatusOK, s.send(s.sign(fixed(ahead))).StatusCode)
	require.Equal(t, http.StatusUnauthorized, s.send(s.sign(fixed(ahead))).StatusCode)
	s.clock.pass(8 * time.Minute)
	require.Equal(t, http.StatusUnauthorized, s.send(s.sign(fixed(ahead))).StatusCode, "for as long as the timestamp is good")
	require.Equal(t, http.StatusOK, s.send(s.sign(fixed(s.clock.Now()))).StatusCode, "a nonce counts with its timestamp")
}

func TestOAuth1WrongSignatureDoesNotUseUpTheNonce(t *testing.T) {
	s := newSite(t)
	fixed := func(sr *signedRequest) { sr.params["oauth_nonce"] = "n" }
	forged := func(sr *signedRequest) { fixed(sr); sr.secret = "wrong&" }
	require.Equal(t, http.StatusUnauthorized, s.send(s.sign(forged)).StatusCode)
	require.Equal(t, http.StatusOK, s.send(s.sign(fixed)).StatusCode)
}

func TestOAuth1RequestTokenExpires(t *testing.T) {
	s := newSite(t)
	_, address, err := s.consumer(app, "").GetRequestTokenAndUrl(callback)
	require.NoError(t, err)
	s.clock.pass(10 * time.Minute)
	require.Equal(t, http.StatusBadRequest, s.get(address).StatusCode)
}

func later(d time.Duration) string { return strconv.FormatInt(time.Now().Add(d).Unix(), 10) }

func replace(old, new string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, new, 1) }
}

func rfc3986(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
