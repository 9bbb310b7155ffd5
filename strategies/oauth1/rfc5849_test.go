package oauth1_test

import (
	"bufio"
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// This is RFC 5849 as a service reads it, written from its text alone.

// signed is what a request says about its signature.
type signed struct {
	oauth url.Values // of the Authorization header, decoded
	base  string     // the signature base string
}

// readSigned takes a request apart (3.4.1). The scheme is the service's own.
func readSigned(scheme string, r *http.Request) (signed, error) {
	oauth, err := readHeader(r.Header.Get("Authorization"))
	if err != nil {
		return signed{}, err
	}
	var pairs []string // encoded
	for name, values := range oauth {
		for _, v := range values {
			if name != "realm" && name != "oauth_signature" {
				pairs = append(pairs, escape(name)+"="+escape(v))
			}
		}
	}
	sources := []string{r.URL.RawQuery}
	if r.Header.Get("Content-Type") == "application/x-www-form-urlencoded" && r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return signed{}, err
		}
		sources = append(sources, string(body))
	}
	for _, source := range sources {
		values, err := url.ParseQuery(source)
		if err != nil {
			return signed{}, err
		}
		for name, all := range values {
			for _, v := range all {
				pairs = append(pairs, escape(name)+"="+escape(v))
			}
		}
	}
	slices.SortFunc(pairs, byNameThenValue)
	return signed{oauth, r.Method + "&" + escape(baseURI(scheme, r)) + "&" + escape(strings.Join(pairs, "&"))}, nil
}

// byNameThenValue is the order of 3.4.1.3.2.
func byNameThenValue(a, b string) int {
	an, av, _ := strings.Cut(a, "=")
	bn, bv, _ := strings.Cut(b, "=")
	if an != bn {
		return strings.Compare(an, bn)
	}
	return strings.Compare(av, bv)
}

// baseURI is 3.4.1.2.
func baseURI(scheme string, r *http.Request) string {
	host := strings.ToLower(r.Host)
	if scheme == "http" {
		host = strings.TrimSuffix(host, ":80")
	} else {
		host = strings.TrimSuffix(host, ":443")
	}
	return scheme + "://" + host + r.URL.EscapedPath()
}

// readHeader is 3.5.1.
func readHeader(header string) (url.Values, error) {
	list, ok := strings.CutPrefix(header, "OAuth ")
	if !ok {
		return nil, fmt.Errorf("the header is %q", header)
	}
	values := url.Values{}
	for part := range strings.SplitSeq(list, ",") {
		name, quoted, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok || len(quoted) < 2 || quoted[0] != '"' || quoted[len(quoted)-1] != '"' {
			return nil, fmt.Errorf("the header has %q", part)
		}
		name, err := url.PathUnescape(name)
		if err != nil {
			return nil, err
		}
		value, err := url.PathUnescape(quoted[1 : len(quoted)-1])
		if err != nil || values.Has(name) {
			return nil, fmt.Errorf("the header has %s twice, or badly encoded", name)
		}
		values.Set(name, value)
	}
	return values, nil
}

// escape is 3.6.
func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// good checks the signature (3.4.2, 3.4.3).
func (s signed) good(clientSecret, tokenSecret string, public *rsa.PublicKey) bool {
	signature, err := base64.StdEncoding.DecodeString(s.oauth.Get("oauth_signature"))
	if err != nil {
		return false
	}
	key := []byte(escape(clientSecret) + "&" + escape(tokenSecret))
	mac := func(h func() hash.Hash) bool {
		m := hmac.New(h, key)
		m.Write([]byte(s.base))
		return hmac.Equal(m.Sum(nil), signature)
	}
	switch s.oauth.Get("oauth_signature_method") {
	case "HMAC-SHA1":
		return mac(sha1.New)
	case "HMAC-SHA256":
		return mac(sha256.New)
	case "RSA-SHA1":
		sum := sha1.Sum([]byte(s.base))
		return rsa.VerifyPKCS1v15(public, crypto.SHA1, sum[:], signature) == nil
	case "RSA-SHA256":
		sum := sha256.Sum256([]byte(s.base))
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature) == nil
	}
	return false
}

// wire parses a request as it is written in the RFC.
func wire(t *testing.T, lines ...string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.Join(lines, "\r\n"))))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The verifier of these tests agrees with the examples of the RFC.
func TestTheVerifierOfTheseTestsAgreesWithRFC5849(t *testing.T) {
	r := wire(t, "POST /request?b5=%3D%253D&a3=a&c%40=&a2=r%20b HTTP/1.1", "Host: EXAMPLE.COM:80", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 9",
		`Authorization: OAuth realm="Example", oauth_consumer_key="9djdj82h48djs9d2", oauth_token="kkk9d7dh3k39sjv7", oauth_signature_method="HMAC-SHA1", oauth_timestamp="137131201", oauth_nonce="7d8f3e4a", oauth_signature="r6%2FTJjbCOr97%2F%2BUU0NsvSne7s5g%3D"`, "", "c2&a3=2+q")
	s, err := readSigned("http", r)
	want := "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
	if err != nil || s.base != want {
		t.Errorf("3.4.1.1: %v\n%s, want\n%s", err, s.base, want)
	}
	if !s.good("j49sk3j29djd", "dh893hdasih9", nil) { // the signature by erratum 2550
		t.Error("3.1: the signature is not good")
	}
	for name, c := range map[string]struct{ scheme, line, header, tokenSecret string }{
		"2.1, request token": {"https", "POST /initiate HTTP/1.1", `oauth_timestamp="137131200", oauth_nonce="wIjqoS", oauth_callback="http%3A%2F%2Fprinter.example.com%2Fready", oauth_signature="74KNZJeDHnMBp0EMJ9ZHt%2FXKycU%3D"`, ""},
		"2.3, access token":  {"https", "POST /token HTTP/1.1", `oauth_token="hh5s93j4hdidpola", oauth_timestamp="137131201", oauth_nonce="walatlh", oauth_verifier="hfdp7dh39dks9884", oauth_signature="gKgrFCywp7rO0OXSjdot%2FIHF7IU%3D"`, "hdhd0244k9j7ao03"},
		"3, photos":          {"http", "GET /photos?file=vacation.jpg&size=original HTTP/1.1", `oauth_token="nnch734d00sl2jdk", oauth_timestamp="137131202", oauth_nonce="chapoH", oauth_signature="MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D"`, "pfkkdhi9sl3r4s00"},
	} {
		s, err := readSigned(c.scheme, wire(t, c.line, "Host: photos.example.net", `Authorization: OAuth realm="Photos", oauth_consumer_key="dpf43f3p2l4k3l03", oauth_signature_method="HMAC-SHA1", `+c.header, "", ""))
		if err != nil || !s.good("kd94hf93k423kf44", c.tokenSecret, nil) {
			t.Errorf("%s: %v, or the signature is not good", name, err)
		}
		if s.good("kd94hf93k423kf44", c.tokenSecret+"x", nil) {
			t.Errorf("%s: any secret is good", name)
		}
	}
}
