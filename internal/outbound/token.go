package outbound

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
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
	reply, err := members(body)
	if err != nil {
		return err
	}
	var token, kind string
	switch {
	case reply["access_token"] == nil:
		return nil
	case json.Unmarshal(reply["access_token"], &token) == nil && !sendable(token): // yammer's is an object
		return Safe("the access_token is empty, too long or not printable")
	case reply["token_type"] == nil:
		return nil
	case json.Unmarshal(reply["token_type"], &kind) != nil || kind != "" && !strings.EqualFold(kind, "bearer"):
		return Safe("the token is of another type than Bearer")
	}
	return nil
}

func sendable(token string) bool {
	return token != "" && len(token) <= maxToken &&
		!slices.ContainsFunc([]byte(token), func(b byte) bool { return b <= ' ' || b > '~' })
}

// members reads one JSON object. encoding/json alone would take the last of two members,
// and ACCESS_TOKEN too, and would not look at what follows.
func members(body []byte) (map[string]json.RawMessage, error) {
	const broken = Safe("the token reply is not one JSON object")
	d := json.NewDecoder(bytes.NewReader(body))
	if _, err := d.Token(); err != nil {
		return nil, broken
	}
	found := map[string]json.RawMessage{}
	for d.More() {
		var value json.RawMessage
		name, err := d.Token()
		if err != nil || d.Decode(&value) != nil {
			return nil, broken
		}
		key := name.(string) //nolint:forcetypeassert // the decoder lets only strings be names
		if found[key] != nil || disguised(key) {
			return nil, Safe("the token reply has a member twice, or in another spelling")
		}
		found[key] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, broken
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, broken
	}
	return found, nil
}

// disguised tells whether encoding/json reads a name as one that matters, though it is
// written differently.
func disguised(name string) bool {
	for _, matters := range []string{"access_token", "token_type", "expires_in", "refresh_token", "id_token", "error"} {
		if name != matters && strings.EqualFold(name, matters) {
			return true
		}
	}
	return false
}
