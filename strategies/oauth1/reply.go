package oauth1

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gopassport/passport/internal/outbound"
)

const (
	maxForm         = 64 << 10 // bytes of a reply with a token
	maxRequestToken = 512      // of a request token and its secret: what an answer may have, and a flow may keep
	maxAccessToken  = 16 << 10 // of an access token and its secret
)

// copier keeps a copy of the reply that passes through it. The library gives only the
// token of a reply, takes the first where it has two, and quotes all of it in its errors.
type copier struct {
	next  http.RoundTripper
	reply *http.Response
	body  []byte
}

// RoundTrip implements [http.RoundTripper].
func (c *copier) RoundTrip(r *http.Request) (*http.Response, error) {
	reply, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	c.body, err = io.ReadAll(reply.Body) // of an exchange: in memory already
	if err != nil {
		return nil, err
	}
	reply.Body = io.NopCloser(bytes.NewReader(c.body))
	c.reply = reply
	return reply, nil
}

// form reads the reply (RFC 5849, 2.1: application/x-www-form-urlencoded, with the status
// 200; some say 201). Its Content-Type is not looked at: Twitter says text/html, and others misspell it.
// Nor are the spaces around it.
func (c *copier) form() (url.Values, error) {
	switch {
	case c.reply.StatusCode != http.StatusOK && c.reply.StatusCode != http.StatusCreated:
		return nil, outbound.Safe("the service refuses" + problem(c.reply.Header.Get("WWW-Authenticate")+" "+string(c.body)))
	case len(c.body) > maxForm:
		return nil, outbound.Safe("the reply has more than 64 KiB, which no token needs")
	}
	form, err := url.ParseQuery(strings.TrimSpace(string(c.body)))
	if err != nil {
		return nil, outbound.Safe("the reply is no application/x-www-form-urlencoded")
	}
	for name, values := range form {
		if len(values) > 1 {
			return nil, outbound.Safe("the reply has a parameter twice")
		}
		if !utf8.ValidString(name) || !utf8.ValidString(values[0]) {
			return nil, outbound.Safe("the reply is no UTF-8")
		}
	}
	return form, nil
}

// tokenOf is the token in a reply.
func tokenOf(form url.Values, longest int) (credentials, error) {
	token := credentials{form.Get("oauth_token"), form.Get("oauth_token_secret")}
	if !sound(token.id, longest) || !sound(token.secret, longest) {
		return credentials{}, outbound.Safe("the reply has no oauth_token or no oauth_token_secret, or one that is too long or not printable")
	}
	return token, nil
}

// sound tells whether a token can be sent back, be it in an address.
func sound(token string, longest int) bool {
	return token != "" && len(token) <= longest && !slices.ContainsFunc([]byte(token), func(b byte) bool { return b < ' ' || b > '~' })
}

// problem is what a service gives as the reason, as far as it is a word of the problem
// reporting extension. Of what it says else, nothing is shown: some repeat the request.
func problem(said string) string {
	m := regexp.MustCompile(`\boauth_problem="?([a-z_]+)`).FindStringSubmatch(said)
	if m == nil || !slices.Contains(problems(), m[1]) {
		return ""
	}
	return ": " + m[1]
}

func problems() []string {
	return []string{"version_rejected", "parameter_absent", "parameter_rejected", "timestamp_refused", "nonce_used",
		"signature_method_rejected", "signature_invalid", "consumer_key_unknown", "consumer_key_rejected", "consumer_key_refused",
		"token_used", "token_expired", "token_revoked", "token_rejected", "verifier_invalid", "additional_authorization_required",
		"permission_unknown", "permission_denied", "user_refused"}
}
