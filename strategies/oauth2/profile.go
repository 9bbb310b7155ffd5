package oauth2

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/codeflow"
	"github.com/gopassport/passport/internal/outbound"
	"github.com/gopassport/passport/internal/strictjson"
)

// ProfileFunc asks a service who the person is. The requests of api bear the token; they
// follow no redirects, take no reply above 1 MiB, and end with the request, and with
// Config.Timeout, whatever context they have. g has no Subject yet, and no Profile; its
// Reply is for services that name the person in the token reply.
//
// The subject is the id that the service gives the person and nobody else, ever: not a name
// or an address, which may pass to somebody else. One that is empty, or stands for nobody
// ("0", "null", …), is refused (subject_missing, 502). The text of an error is not shown,
// except that of a [*passport.Error]. It is called from many goroutines at once.
type ProfileFunc func(ctx context.Context, api *http.Client, g Grant) (subject string, profile Members, err error)

// JSONProfile gets the profile from an address that answers with a JSON object. member
// names what in it is the subject, a string or an integer; "data.id" is the id in data. An
// integer stays as it is written, whatever its size. A reply with another status than 200,
// another type than JSON, or a member twice, is an error (provider_error, 502).
//
// Panics on an address that is neither https nor on a loopback host, and on an empty member.
func JSONProfile(address, member string) ProfileFunc {
	path := strings.Split(member, ".")
	if problem := codeflow.URLProblem("the address", address); problem != "" {
		panic("oauth2: JSONProfile: " + problem)
	}
	if strings.Contains("."+member+".", "..") {
		panic(fmt.Sprintf("oauth2: JSONProfile: the member %q has no name; it is a path such as id, or data.id", member))
	}
	return func(ctx context.Context, api *http.Client, _ Grant) (string, Members, error) {
		text, err := get(ctx, api, address)
		if err != nil {
			return "", nil, err
		}
		profile, err := strictjson.Parse(text, path[0])
		if err != nil {
			return "", nil, outbound.Safe("the profile " + err.Error())
		}
		subject, err := follow(profile, path)
		return subject, Members(profile), err
	}
}

// get asks for JSON.
func get(ctx context.Context, api *http.Client, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	reply, err := api.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = reply.Body.Close() }() // all that matters was read
	switch {
	case reply.StatusCode != http.StatusOK:
		return nil, outbound.Safe("the reply is no profile")
	case !strictjson.Media(reply.Header.Get("Content-Type")):
		return nil, outbound.Safe("the profile is not application/json")
	}
	return outbound.Body(reply)
}

// follow finds the subject. One that is not there is left to who asks whether it names
// anybody.
func follow(o strictjson.Object, path []string) (subject string, err error) {
	for len(path) > 1 && o.Has(path[0]) {
		o, err = strictjson.Parse(o[path[0]], path[1])
		if errors.Is(err, strictjson.ErrTwice) {
			return "", outbound.Safe("a member of the profile " + err.Error())
		}
		path = path[1:]
	}
	if len(path) == 1 {
		subject, _ = o.ID(path[0])
	}
	return subject, nil
}

// hide makes the error of a profile function fit to be shown.
func hide(x *outbound.Exchange, err error) error {
	var own *passport.Error
	if errors.As(err, &own) {
		return err
	}
	return x.Error(err)
}
