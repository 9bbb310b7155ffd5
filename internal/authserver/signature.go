package authserver

import (
	"crypto/hmac"
	"crypto/sha1" // OAuth 1.0a's own
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// skew is how far a timestamp may be from now.
const skew = 5 * time.Minute

// signed is what is known of a request whose signature was good.
type signed struct {
	client Client
	token  Credential
	params map[string]string // of the Authorization header
}

// verify checks a request as RFC 5849, 3.2, asks. Known are the tokens that it may be signed
// with; nil: with none.
func (s *OAuth1) verify(r *http.Request, known *Shelf[Credential]) (signed, error) {
	params, err := parseAuthorization(r.Header.Values("Authorization"))
	if err != nil {
		return signed{}, err
	}
	client, ok := find(s.clients, params["oauth_consumer_key"])
	if !ok {
		return signed{}, errClient
	}
	if err := s.checkProtocol(params); err != nil {
		return signed{}, err
	}
	token, ok := tokenOf(client, params["oauth_token"], known)
	if !ok {
		return signed{}, errToken
	}
	if err := checkSignature(r, params, client.Secret, token.Secret); err != nil {
		return signed{}, err
	}
	// Last, so that only those who know the secret can fill the memory.
	if !s.nonces.Add(strings.Join([]string{client.Key, params["oauth_token"], params["oauth_timestamp"], params["oauth_nonce"]}, " "), struct{}{}) {
		return signed{}, errNonce
	}
	return signed{client, token, params}, nil
}

func tokenOf(client Client, token string, known *Shelf[Credential]) (Credential, bool) {
	if known == nil {
		return Credential{}, token == ""
	}
	found, ok := known.Get(token)
	return found, ok && found.Client.Key == client.Key
}

func (s *OAuth1) checkProtocol(params map[string]string) error {
	if v, ok := params["oauth_version"]; ok && v != "1.0" {
		return errVersion
	}
	if algorithm(params["oauth_signature_method"]) == nil {
		return errMethod
	}
	seconds, err := strconv.ParseInt(params["oauth_timestamp"], 10, 64)
	if err != nil || s.now().Sub(time.Unix(seconds, 0)).Abs() > skew {
		return errTimestamp
	}
	if n := len(params["oauth_nonce"]); n == 0 || n > 128 {
		return errNonce
	}
	return nil
}

// algorithm is the hash of a signature method; nil for one that is not supported.
func algorithm(method string) func() hash.Hash {
	switch method {
	case "HMAC-SHA1":
		return sha1.New
	case "HMAC-SHA256":
		return sha256.New
	}
	return nil
}

func checkSignature(r *http.Request, params map[string]string, clientSecret, tokenSecret string) error {
	base, err := baseString(r, params)
	if err != nil {
		return err
	}
	mac := hmac.New(algorithm(params["oauth_signature_method"]), []byte(percent(clientSecret)+"&"+percent(tokenSecret)))
	mac.Write([]byte(base))
	if !equal(params["oauth_signature"], base64.StdEncoding.EncodeToString(mac.Sum(nil))) {
		return errSignature
	}
	return nil
}

// parseAuthorization reads `OAuth realm="…", oauth_token="…", …`. A parameter that comes
// twice makes it unreadable.
func parseAuthorization(headers []string) (map[string]string, error) {
	if len(headers) != 1 {
		return nil, errHeader
	}
	scheme, list, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "OAuth") {
		return nil, errHeader
	}
	params := map[string]string{}
	for part := range strings.SplitSeq(list, ",") {
		name, value, err := parseParameter(part)
		if _, twice := params[name]; err != nil || twice {
			return nil, errHeader
		}
		params[name] = value
	}
	return params, nil
}

func parseParameter(s string) (name, value string, err error) {
	name, value, _ = strings.Cut(strings.TrimSpace(s), "=")
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
		return "", "", errHeader
	}
	if name, err = url.PathUnescape(name); err != nil {
		return "", "", errHeader
	}
	if value, err = url.PathUnescape(value[1 : len(value)-1]); err != nil {
		return "", "", errHeader
	}
	return name, value, nil
}

// baseString is what is signed (RFC 5849, 3.4.1).
func baseString(r *http.Request, params map[string]string) (string, error) {
	var pairs [][2]string
	for name, value := range params {
		if name != "realm" && name != "oauth_signature" {
			pairs = append(pairs, [2]string{percent(name), percent(value)})
		}
	}
	others, err := otherParameters(r)
	if err != nil {
		return "", err
	}
	for name, values := range others {
		for _, value := range values {
			pairs = append(pairs, [2]string{percent(name), percent(value)})
		}
	}
	return r.Method + "&" + percent(baseURI(r)) + "&" + percent(normalize(pairs)), nil
}

func normalize(pairs [][2]string) string {
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
	return strings.Join(joined, "&")
}

// otherParameters are those of the query, and of the body where it is a form. r.ParseForm
// alone would not do: it forgives what cannot be read in the query.
func otherParameters(r *http.Request) (url.Values, error) {
	all, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, errSignature
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
		return all, nil
	}
	if err := r.ParseForm(); err != nil {
		return nil, errSignature
	}
	for name, values := range r.PostForm {
		all[name] = append(all[name], values...)
	}
	return all, nil
}

// baseURI leaves out the port where it is the usual one (RFC 5849, 3.4.1.2).
func baseURI(r *http.Request) string {
	u := url.URL{Scheme: "http", Host: strings.ToLower(r.Host)}
	usual := "80"
	if r.TLS != nil {
		u.Scheme, usual = "https", "443"
	}
	if host, port, err := net.SplitHostPort(u.Host); err == nil && port == usual {
		u.Host = host
	}
	return u.String() + r.URL.EscapedPath()
}

// percent is the encoding of RFC 5849, 3.6. QueryEscape differs from it in the blank alone.
func percent(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
