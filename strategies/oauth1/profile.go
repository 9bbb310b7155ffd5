package oauth1

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/gopassport/passport"
	"github.com/gopassport/passport/internal/outbound"
	"github.com/gopassport/passport/internal/strictjson"
	"github.com/gopassport/passport/internal/subject"
)

// Profile is what a service says about a person.
type Profile struct {
	// Subject is the service's name for the person: one that it gives to nobody else,
	// ever. Not a screen name, which may pass on. "", "0", "null" and the like are an
	// error (subject_missing), and so are more than 255 bytes and control characters.
	Subject string

	// Data is what [Grant.Profile] decodes. May be nil.
	Data json.RawMessage
}

// ProfileFunc says who allowed access. client signs requests with the access token; ctx
// bounds them, and they count for Config.Timeout. params is what the reply had beside the
// token. It is called from many goroutines at once.
//
// Its error is a fault (provider_error, 502, or provider_timeout, 504) whose text is not
// shown, as libraries quote requests in theirs. A [passport.Error] is returned as it is.
type ProfileFunc func(ctx context.Context, client *http.Client, params url.Values) (Profile, error)

// ReplyProfile takes the subject from the reply to the access token, and asks nobody:
// "user_id" for Twitter, "user_nsid" for Flickr, "encoded_user_id" for Fitbit.
//
// Panics on an empty name.
func ReplyProfile(param string) ProfileFunc {
	if param == "" {
		panic("oauth1: ReplyProfile: the name of the parameter is empty")
	}
	return func(_ context.Context, _ *http.Client, params url.Values) (Profile, error) {
		return Profile{Subject: params.Get(param)}, nil
	}
}

// JSONProfile asks an address by a signed GET. The reply has the status 200 and is one
// JSON object; its member subjectMember is the subject, a string or an integer, which is
// taken digit by digit. An object that two readers may understand differently is refused.
// Where the subject is deeper, write a [ProfileFunc].
//
// Panics on an address that is not https (http on a loopback host only) and on an empty
// name.
func JSONProfile(from, subjectMember string) ProfileFunc {
	target := address("JSONProfile: the address", from)
	if subjectMember == "" {
		panic("oauth1: JSONProfile: the name of the subject's member is empty")
	}
	return func(ctx context.Context, client *http.Client, _ url.Values) (Profile, error) {
		body, err := get(ctx, client, target)
		if err != nil {
			return Profile{}, err
		}
		object, err := strictjson.Parse(body, subjectMember)
		if err != nil {
			return Profile{}, outbound.Safe("the profile " + err.Error())
		}
		id, _ := object.ID(subjectMember) // "" names nobody
		return Profile{id, body}, nil
	}
}

// get fetches a JSON text. The body is one of an exchange: bounded, and in memory.
func get(ctx context.Context, client *http.Client, target string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	reply, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = reply.Body.Close() }() // nothing is left to read
	if reply.StatusCode != http.StatusOK {
		return nil, outbound.Safe("the service refuses the profile")
	}
	return io.ReadAll(reply.Body)
}

// profile asks who the person is.
func (s *Strategy) profile(x *outbound.Exchange, token credentials, params url.Values) (Profile, error) {
	x.Step("the request for a profile")
	who, err := s.config.Profile(x.Context, s.client(x, token), params)
	var own *passport.Error
	switch {
	case errors.As(err, &own):
		return Profile{}, err
	case err != nil:
		return Profile{}, x.Error(err)
	case !subject.Named(who.Subject):
		return Profile{}, &passport.Error{Code: passport.CodeSubject, Status: http.StatusBadGateway, Err: errors.New("the profile has no subject, or one that stands for nobody")}
	}
	return who, nil
}
