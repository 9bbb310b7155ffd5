package oauth1

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/outbound"
	"github.com/gopassport/passport/internal/strictjson"
	"github.com/gopassport/passport/internal/subject"
)

// ProfileFunc says who allowed access: the subject, and the profile that [Grant.Profile]
// decodes, which may be nil. The requests of api are signed with the access token; they
// follow no redirects, take no reply above 1 MiB, and end with the request, and with
// Config.Timeout, whatever context they have. g has no Subject yet, and no profile; its
// Reply is for services that name the person there.
//
// The subject is the id that the service gives the person and nobody else, ever: not a
// screen name, which may pass to somebody else. One that is empty, or stands for nobody
// ("0", "null", …), or has more than 255 bytes, is refused (subject_missing, 502). The text
// of an error is not shown, except that of a [*passport.Error]. It is called from many
// goroutines at once.
type ProfileFunc func(ctx context.Context, api *http.Client, g Grant) (subject string, profile json.RawMessage, err error)

// ReplyProfile takes the subject from the reply to the access token, and asks nobody:
// "user_id" for Twitter, "user_nsid" for Flickr, "encoded_user_id" for Fitbit.
//
// Panics on an empty name.
func ReplyProfile(param string) ProfileFunc {
	if param == "" {
		panic("oauth1: ReplyProfile: the name of the parameter is empty")
	}
	return func(_ context.Context, _ *http.Client, g Grant) (string, json.RawMessage, error) {
		return g.Reply.Get(param), nil, nil
	}
}

// JSONProfile asks an address by a signed GET. The reply has the status 200, is
// application/json and one JSON object; its member subjectMember is the subject, a string or an integer, which is
// taken digit by digit. An object that two readers may understand differently is refused.
// Where the subject is deeper, write a [ProfileFunc].
//
// Panics on an address that is not https (http on a loopback host only) or has a parameter
// more than once, and on an empty name.
func JSONProfile(from, subjectMember string) ProfileFunc {
	target := signed("JSONProfile: the address", from)
	if subjectMember == "" {
		panic("oauth1: JSONProfile: the name of the subject's member is empty")
	}
	return func(ctx context.Context, api *http.Client, _ Grant) (string, json.RawMessage, error) {
		body, err := get(ctx, api, target)
		if err != nil {
			return "", nil, err
		}
		object, err := strictjson.Parse(body, subjectMember)
		if err != nil {
			return "", nil, outbound.Safe("the profile " + err.Error())
		}
		id, _ := object.ID(subjectMember) // "" names nobody
		return id, body, nil
	}
}

// get fetches a JSON text. The body is one of an exchange: bounded, and in memory.
func get(ctx context.Context, api *http.Client, target string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	reply, err := api.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = reply.Body.Close() }() // nothing is left to read
	media, _, _ := mime.ParseMediaType(reply.Header.Get("Content-Type"))
	switch {
	case reply.StatusCode != http.StatusOK:
		return nil, outbound.Safe("the service refuses the profile")
	case media != "application/json" && !strings.HasSuffix(media, "+json"):
		return nil, outbound.Safe("the profile is not application/json")
	}
	return io.ReadAll(reply.Body)
}

// profile asks who the person is, and adds that to a grant.
func (s *Strategy) profile(x *outbound.Exchange, g Grant) (Grant, error) {
	x.Step("the request for a profile")
	who, profile, err := s.config.Profile(x.Context, s.client(x, g.token()), g)
	var own *passport.Error
	switch {
	case errors.As(err, &own):
		return Grant{}, err
	case err != nil:
		return Grant{}, x.Error(err)
	case !subject.Named(who):
		return Grant{}, &passport.Error{Code: passport.CodeSubject, Status: http.StatusBadGateway, Err: errors.New("the profile has no subject, or one that stands for nobody")}
	}
	g.Subject = who
	if profile != nil {
		g.profile = func() json.RawMessage { return profile }
	}
	return g, nil
}
