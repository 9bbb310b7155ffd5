package outbound

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/gopassport/passport/internal/strictjson"
)

// maxToken bounds an access token, in bytes.
const maxToken = 16 << 10

// checkToken refuses a token reply in JSON that two readers may understand differently
// (RFC 8259, 4), or whose token nobody can send as a Bearer token. A reply that is no
// JSON object, such as GitHub's form, and one without a token are left to who reads them.
func checkToken(body []byte) error {
	if body = bytes.TrimSpace(body); len(body) == 0 || body[0] != '{' {
		return nil
	}
	reply, err := strictjson.Parse(body, "access_token", "token_type", "expires_in", "refresh_token", "id_token", "error")
	if err != nil {
		return Safe("the token reply " + err.Error())
	}
	var token, kind string
	switch {
	case reply["access_token"] == nil:
		return nil
	case json.Unmarshal(reply["access_token"], &token) == nil && !Sendable(token): // yammer's is an object
		return Safe("the access_token is empty, too long or not printable")
	case reply["token_type"] == nil:
		return nil
	case json.Unmarshal(reply["token_type"], &kind) != nil || kind != "" && !strings.EqualFold(kind, "bearer"):
		return Safe("the token is of another type than Bearer")
	}
	return nil
}

// Sendable tells whether a text can be sent as a Bearer token, and is not too long for one.
func Sendable(token string) bool {
	return token != "" && len(token) <= maxToken &&
		!slices.ContainsFunc([]byte(token), func(b byte) bool { return b <= ' ' || b > '~' })
}
