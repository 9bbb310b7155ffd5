package callback_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/callback"
)

func get(query string) *http.Request { return httptest.NewRequest("GET", "/callback?"+query, nil) }

func post(query, media, body string) *http.Request {
	r := httptest.NewRequest("POST", "/callback?"+query, strings.NewReader(body))
	r.Header.Set("Content-Type", media)
	return r
}

const form = "application/x-www-form-urlencoded"

// codeOf is the code of a passport.Error, "" for no error.
func codeOf(t *testing.T, err error) passport.Code {
	t.Helper()
	if err == nil {
		return ""
	}
	var e *passport.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no *passport.Error", err)
	}
	return e.Code
}

func TestParseReadsTheQueryOfAGetAndTheBodyOfAPost(t *testing.T) {
	for name, r := range map[string]*http.Request{
		"GET":                 get("code=c&state=s"),
		"POST":                post("", form, "code=c&state=s"),
		"POST with a charset": post("", form+"; charset=utf-8", "code=c&state=s"),
		"GET with a body":     httptest.NewRequest("GET", "/callback?code=c&state=s", strings.NewReader("code=x")),
		"POST with a query that is the application's own": post("tenant=7", form, "code=c&state=s"),
	} {
		answer, err := callback.Parse(r)
		if err != nil || answer.Get("code") != "c" || answer.Get("state") != "s" {
			t.Errorf("%s: %v, %v", name, answer, err)
		}
	}
}

func TestParseReadsAFormThatSomebodyParsedBefore(t *testing.T) {
	r := post("", form, "code=c")
	if err := r.ParseForm(); err != nil {
		t.Fatal(err)
	}
	if answer, err := callback.Parse(r); err != nil || answer.Get("code") != "c" {
		t.Errorf("%v, %v", answer, err)
	}
}

func TestAProgramThatPostsJSONHasSentNoAnswer(t *testing.T) {
	answer, err := callback.Parse(post("", "application/json", `{"code":"c"}`))
	if err != nil || answer.OAuth2() {
		t.Errorf("%v, %v", answer, err)
	}
}

func TestParseKeepsOnlyWhatProvidersAnswerWith(t *testing.T) {
	answer, err := callback.Parse(get("code=c&redirect_uri=x&code_verifier=x&client_id=x&shop=x"), "shop")
	if err != nil || answer.Has("redirect_uri", "code_verifier", "client_id") || answer.Get("shop") != "x" {
		t.Errorf("%v, %v", answer, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, r := range map[string]*http.Request{
		"code twice":                           get("code=a&code=b&state=s"),
		"state twice":                          get("code=a&state=s&state=s"),
		"iss twice":                            get("code=a&state=s&iss=a&iss=b"),
		"oauth_token twice":                    get("oauth_token=a&oauth_token=b&oauth_verifier=v"),
		"oauth_verifier twice":                 get("oauth_token=a&oauth_verifier=v&oauth_verifier=w"),
		"denied twice":                         get("denied=a&denied=b"),
		"error twice":                          get("error=a&error=b&state=s"),
		"a parameter of this provider twice":   get("shop=a&shop=b"),
		"a query that does not parse":          get("code=c&state=s&x=%zz"),
		"a semicolon for an ampersand":         get("code=c;state=s"),
		"a code of 5000 bytes":                 get("code=" + strings.Repeat("a", 5000)),
		"a state of 513 bytes":                 get("code=c&state=" + strings.Repeat("a", 513)),
		"an error_description of 100 KiB":      get("error=server_error&error_description=" + strings.Repeat("x", 100<<10)),
		"a line break in the code":             get("code=a%0d%0aX:1&state=s"),
		"a NUL in the code":                    get("code=a%00b&state=s"),
		"a code that is not ASCII":             get("code=%E2%9C%93&state=s"),
		"a line break in the state":            get("code=c&state=s%0a"),
		"a line break in the error":            get("error=x%0aINFO&state=s"),
		"33 parameters":                        get(many(33)),
		"code in the query of a POST":          post("code=evil&state=s", form, "code=c&state=s"),
		"state in the query of a POST":         post("state=s", form, "code=c"),
		"a doubled parameter in a POST query":  post("state=s&state=s", form, "code=c"),
		"code twice in the body":               post("", form, "code=a&code=b"),
		"a body that does not parse":           post("", form, "code=%zz"),
		"a body of more than 64 KiB":           post("", form, "x="+strings.Repeat("a", 64<<10)),
		"a multipart body":                     post("", "multipart/form-data; boundary=x", "--x--"),
		"a text body":                          post("", "text/plain", "code=c&state=s"),
		"a broken query under a form":          post("%zz", form, "code=c"),
		"a multipart body somebody has parsed": parsed(post("", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\nc\r\n--x--\r\n")),
	} {
		answer, err := callback.Parse(r, "shop")
		var e *passport.Error
		if !errors.As(err, &e) || e.Code != passport.CodeCallback || e.Status != http.StatusBadRequest {
			t.Errorf("%s: %v, %v", name, answer, err)
		}
	}
}

func parsed(r *http.Request) *http.Request {
	_ = r.ParseMultipartForm(1 << 20)
	return r
}

func many(n int) string {
	values := url.Values{}
	for i := range n {
		values.Set("x"+strings.Repeat("x", i), "1")
	}
	return values.Encode()
}

func TestAnAnswerIsKnownByItsParametersAndAStateAloneIsNone(t *testing.T) {
	for query, want := range map[string]struct{ oauth2, oauth1 bool }{
		"":                       {},
		"state=s":                {},
		"iss=i&scope=x":          {},
		"token=t&openid.mode=x":  {},
		"code=":                  {oauth2: true},
		"error=access_denied":    {oauth2: true},
		"access_token=t":         {oauth2: true},
		"response=jwt":           {oauth2: true},
		"oauth_token=t":          {oauth1: true},
		"oauth_verifier=v":       {oauth1: true},
		"denied=t":               {oauth1: true},
		"oauth_problem=x":        {oauth1: true},
		"State=s&CODE=c":         {},
		"error_description=text": {},
	} {
		answer, err := callback.Parse(get(query))
		if err != nil || answer.OAuth2() != want.oauth2 || answer.OAuth1() != want.oauth1 {
			t.Errorf("%q: OAuth 2 %v, OAuth 1 %v, %v; want %v", query, answer.OAuth2(), answer.OAuth1(), err, want)
		}
	}
}

func TestWhatAnOAuth2AnswerMeans(t *testing.T) {
	for _, c := range []struct {
		query  string
		code   passport.Code
		status int
	}{
		{"code=c", "", 0},
		{"code=c&error=access_denied", passport.CodeCallback, 400},
		{"code=", passport.CodeCallback, 400},
		{"state=s", passport.CodeCallback, 400},
		{"access_token=t", passport.CodeCallback, 400},
		{"code=c&id_token=t", passport.CodeCallback, 400},
		{"response=jwt", passport.CodeCallback, 400},
		{"error=access_denied", passport.CodeDenied, 403},
		{"error=login_required", passport.CodeDenied, 403},
		{"error=consent_required", passport.CodeDenied, 403},
		{"error=interaction_required", passport.CodeDenied, 403},
		{"error=account_selection_required", passport.CodeDenied, 403},
		{"error=user_cancelled_authorize", passport.CodeDenied, 403},
		{"error=temporarily_unavailable", passport.CodeProviderUnavailable, 503},
		{"error=server_error", passport.CodeProvider, 502},
		{"error=invalid_scope", passport.CodeProvider, 502},
		{"error=%3Cscript%3E", passport.CodeProvider, 502},
		{"error=", passport.CodeProvider, 502},
	} {
		answer, err := callback.Parse(get(c.query))
		if err != nil {
			t.Fatalf("%s: %v", c.query, err)
		}
		got, err := answer.Code()
		if codeOf(t, err) != c.code || (err == nil) != (got == "c") {
			t.Errorf("%s: %q, %v; want %q", c.query, got, err, c.code)
		}
		var e *passport.Error
		if errors.As(err, &e) && e.Status != c.status {
			t.Errorf("%s: status %d, want %d", c.query, e.Status, c.status)
		}
	}
}

func TestNothingOfAnAnswerIsInAnError(t *testing.T) {
	for _, query := range []string{
		"error=CANARY&state=CANARY", "error=access_denied&error_description=CANARY&error_uri=CANARY", "code=CANARY&code=CANARY",
		"code=CANARY&error=CANARY", "oauth_token=CANARY&denied=CANARY", "oauth_token=CANARY&oauth_problem=CANARY",
		"oauth_problem=CANARY", "iss=CANARY&code=CANARY", "code=CANARY%0a", "state=CANARY%zz",
	} {
		answer, err := callback.Parse(get(query))
		errs := []error{err}
		if err == nil {
			_, code := answer.Code()
			_, token := answer.RequestToken()
			_, verifier := answer.Verifier()
			_, state := answer.State()
			errs = append(errs, code, token, verifier, state, answer.Issuer("https://op.example"))
		}
		for _, err := range errs {
			var e *passport.Error
			if errors.As(err, &e) && strings.Contains(e.Error()+e.Message, "CANARY") {
				t.Errorf("%s: %v", query, err)
			}
		}
	}
}

func TestTheIssuerIsComparedByteByByte(t *testing.T) {
	const issuer = "https://op.example"
	for query, want := range map[string]passport.Code{
		"iss=https://op.example":       "",
		"iss=https://op.example/":      passport.CodeIssuer,
		"iss=https://OP.example":       passport.CodeIssuer,
		"iss=https://op.example:443":   passport.CodeIssuer,
		"iss=":                         passport.CodeIssuer,
		"code=c":                       passport.CodeIssuer,
		"error=access_denied&iss=evil": passport.CodeIssuer,
	} {
		answer, err := callback.Parse(get(query))
		if err != nil {
			t.Fatal(err)
		}
		if got := codeOf(t, answer.Issuer(issuer)); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

func TestWhatAnOAuth1AnswerMeans(t *testing.T) {
	for _, c := range []struct {
		query    string
		token    string        // names the flow
		unnamed  passport.Code // why no flow is named
		verifier passport.Code // what comes of it once the flow was taken
	}{
		{query: "oauth_token=T&oauth_verifier=V", token: "T"},
		{query: "oauth_token=T&oauth_verifier=", token: "T", verifier: passport.CodeCallback},
		{query: "oauth_token=T", token: "T", verifier: passport.CodeCallback},
		{query: "oauth_token=&oauth_verifier=V", unnamed: passport.CodeCallback},
		{query: "oauth_verifier=V", unnamed: passport.CodeCallback},
		{query: "denied=T", token: "T", verifier: passport.CodeDenied},
		{query: "denied=", unnamed: passport.CodeCallback},
		{query: "denied=T&oauth_token=T", unnamed: passport.CodeCallback},
		{query: "oauth_problem=user_refused", unnamed: passport.CodeDenied},
		{query: "oauth_problem=permission_denied", unnamed: passport.CodeDenied},
		{query: "oauth_problem=anything_else", unnamed: passport.CodeCallback},
		{query: "oauth_problem=user_refused&oauth_token=T", token: "T", verifier: passport.CodeDenied},
		{query: "oauth_problem=token_expired&oauth_token=T&oauth_verifier=V", token: "T", verifier: passport.CodeProvider},
	} {
		answer, err := callback.Parse(get(c.query))
		if err != nil {
			t.Fatalf("%s: %v", c.query, err)
		}
		token, err := answer.RequestToken()
		if token != c.token || codeOf(t, err) != c.unnamed {
			t.Errorf("%s: token %q, %v", c.query, token, err)
		}
		if c.unnamed != "" {
			continue
		}
		if _, err := answer.Verifier(); codeOf(t, err) != c.verifier {
			t.Errorf("%s: verifier: %v, want %q", c.query, err, c.verifier)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, query := range []string{"code=c&state=s", "error=x&state=s", "oauth_token=t&oauth_verifier=v", "denied=t", "code=%zz", "a=b;c=d"} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := get("")
		r.URL.RawQuery = query
		answer, err := callback.Parse(r)
		if err != nil {
			return
		}
		if code, err := answer.Code(); err == nil && (code == "" || strings.ContainsAny(code, "\r\n\x00")) {
			t.Errorf("%q gave the code %q", query, code)
		}
	})
}
