package passporttest

import (
	"crypto/hmac"
	"crypto/sha1" // OAuth 1.0a's own
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"mime"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// verify checks a signed request as RFC 5849, 3.2, asks, and gives the parameters of its
// Authorization header. known are the tokens that may be in it; nil: none is expected.
func (p *OAuth1Provider) verify(c *call, known map[string]credential) (signed map[string]string, problem *Reply) {
	signed, ok := parseOAuth(c.Header["Authorization"])
	if !ok {
		return nil, unsigned("the Authorization header is no OAuth header")
	}
	p.mu.Lock()
	token, found := known[signed["oauth_token"]]
	p.mu.Unlock()
	switch {
	case signed["oauth_consumer_key"] != p.ConsumerKey:
		return nil, unsigned("the consumer key is unknown")
	case known != nil && !found || known == nil && signed["oauth_token"] != "":
		return nil, unsigned("the token is unknown, used or expired")
	case signed["oauth_version"] != "" && signed["oauth_version"] != "1.0":
		return nil, unsigned("only version 1.0 is supported")
	case !timely(signed["oauth_timestamp"]):
		return nil, unsigned("the timestamp is too far from now")
	case !p.matches(c, signed, token.secret):
		return nil, unsigned("the signature does not match")
	case !p.fresh(signed):
		return nil, unsigned("the nonce is missing or was used before")
	}
	return signed, nil
}

func timely(timestamp string) bool {
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	return err == nil && time.Since(time.Unix(seconds, 0)).Abs() <= skew
}

// fresh notes the nonce of a good request.
func (p *OAuth1Provider) fresh(signed map[string]string) bool {
	nonce := strings.Join([]string{signed["oauth_token"], signed["oauth_timestamp"], signed["oauth_nonce"]}, " ")
	p.mu.Lock()
	defer p.mu.Unlock()
	if signed["oauth_nonce"] == "" || p.nonces[nonce] {
		return false
	}
	p.nonces[nonce] = true
	return true
}

func (p *OAuth1Provider) matches(c *call, signed map[string]string, tokenSecret string) bool {
	var algorithm func() hash.Hash
	switch signed["oauth_signature_method"] {
	case "HMAC-SHA1":
		algorithm = sha1.New
	case "HMAC-SHA256":
		algorithm = sha256.New
	default:
		return false
	}
	mac := hmac.New(algorithm, []byte(percent(p.ConsumerSecret)+"&"+percent(tokenSecret)))
	mac.Write([]byte(baseString(c, signed)))
	return equal(signed["oauth_signature"], base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// parseOAuth reads `OAuth realm="…", oauth_token="…", …`. A parameter that comes twice
// makes it unreadable.
func parseOAuth(headers []string) (params map[string]string, ok bool) {
	if len(headers) != 1 {
		return nil, false
	}
	scheme, list, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "OAuth") {
		return nil, false
	}
	params = map[string]string{}
	for part := range strings.SplitSeq(list, ",") {
		name, quoted, _ := strings.Cut(strings.TrimSpace(part), "=")
		value, err := url.PathUnescape(strings.Trim(quoted, `"`))
		if _, again := params[name]; again || err != nil || len(quoted) < 2 || quoted[0] != '"' || quoted[len(quoted)-1] != '"' {
			return nil, false
		}
		params[name] = value
	}
	return params, true
}

// baseString is what is signed (RFC 5849, 3.4.1).
func baseString(c *call, signed map[string]string) string {
	var pairs [][2]string
	for name, value := range signed {
		if name != "realm" && name != "oauth_signature" {
			pairs = append(pairs, [2]string{percent(name), percent(value)})
		}
	}
	for name, values := range c.signable() {
		for _, value := range values {
			pairs = append(pairs, [2]string{percent(name), percent(value)})
		}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int {
		if order := strings.Compare(a[0], b[0]); order != 0 {
			return order
		}
		return strings.Compare(a[1], b[1])
	})
	joined := make([]string, len(pairs))
	for i, pair := range pairs {
		joined[i] = pair[0] + "=" + pair[1]
	}
	return c.Method + "&" + percent(c.baseURI()) + "&" + percent(strings.Join(joined, "&"))
}

// signable are the parameters beside the header: of the query, and of a form in the body.
func (c *call) signable() url.Values {
	media, _, _ := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if media == "application/x-www-form-urlencoded" {
		return c.form
	}
	return c.URL.Query()
}

// baseURI leaves out the usual port (RFC 5849, 3.4.1.2).
func (c *call) baseURI() string {
	host := strings.ToLower(c.Host)
	if name, port, err := net.SplitHostPort(host); err == nil && port == "80" {
		host = name
	}
	return "http://" + host + c.URL.EscapedPath()
}

// percent is the encoding of RFC 5849, 3.6. QueryEscape differs from it in the blank
// alone.
func percent(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// allowed tells whether people may be sent to an address.
func allowed(list []string, address string) bool {
	if list != nil {
		return slices.Contains(list, address)
	}
	u, err := url.Parse(address)
	return err == nil && u.IsAbs() && u.Host != "" && u.Fragment == ""
}
