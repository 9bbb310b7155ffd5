package passport

import (
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gopassport/passport/internal/pack"
	"github.com/gopassport/passport/internal/returnto"
)

// Some providers (Apple; OAuth 2.0 Form Post Response Mode) answer with a form that the
// browser posts to the callback from their site. Cookies that are Lax, which ours are,
// and the application's should be, do not come along, so nobody could tell who began the
// flow. Such a form is kept for a moment in a cookie of its own, and the browser sent to
// the same address with GET: then all cookies come. What was posted is in no address.

const (
	bounceParam    = "passport_bounce"
	bounceLifetime = 2 * time.Minute
	bounceLimit    = 64 << 10
)

// arrive settles what other sites sent. It gives the request that the strategies see,
// or puts a result or a refusal into d. bounced means that a strategy may take the
// request for the end of a flow, and for nothing else.
func (p *Registry) arrive(r *http.Request, rt *route, d *decision) (seen *http.Request, bounced bool) {
	if r.Method == http.MethodGet && strings.Contains(r.URL.RawQuery, bounceParam+"=") {
		return p.land(r, d)
	}
	if rt.noSession {
		return r, false
	}
	err := p.cross.Check(r)
	if err == nil {
		return r, false
	}
	if !formPost(r) || p.bounces == nil {
		d.err = crossSite(err)
		return r, false
	}
	d.flows = true
	d.result, d.err = p.bounce(r, d)
	return r, false
}

func crossSite(cause error) *Error {
	return &Error{Code: CodeCrossSite, Status: http.StatusForbidden, Message: "Please start this from the application's own page.", Err: cause}
}

// formPost tells whether the request looks like a provider's answer by form.
func formPost(r *http.Request) bool {
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if r.Method != http.MethodPost || !strings.EqualFold(strings.TrimSpace(media), "application/x-www-form-urlencoded") {
		return false
	}
	r.Body = http.MaxBytesReader(nil, r.Body, bounceLimit)
	return r.ParseForm() == nil && r.PostForm.Get("state") != ""
}

// bounce keeps the form and sends the browser to the same address with GET.
func (p *Registry) bounce(r *http.Request, d *decision) (Result, *Error) {
	id := rand.Text()
	path, query, _ := strings.Cut(requestPath(r), "?")
	if query != "" {
		query += "&"
	}
	to := path + "?" + query + bounceParam + "=" + id
	if !returnto.Local(to) {
		return nil, crossSite(errors.New("the callback's address cannot be sent back to the browser"))
	}
	plain := pack.Append(nil, strconv.FormatInt(time.Now().Unix(), 36), path, r.PostForm.Encode())
	c := p.bounces.cookie(r, "-"+id, plain, bounceLifetime)
	if room(c) > maxCookie {
		return nil, &Error{Code: CodeCallback, Status: http.StatusRequestEntityTooLarge, Err: errors.New("the posted answer does not fit into a cookie")}
	}
	d.set = append(d.set, c)
	return Redirect{URL: to, Status: http.StatusSeeOther}, nil
}

// land makes the request that was posted of the one that followed it.
func (p *Registry) land(r *http.Request, d *decision) (seen *http.Request, bounced bool) {
	query := r.URL.Query()
	suffix := "-" + query.Get(bounceParam)
	var fields []string
	if p.bounces != nil {
		p.bounces.open(r, suffix, func(plain []byte) { fields, _ = pack.Split(plain) })
		d.set = append(d.set, p.bounces.expire(r, suffix)...)
	}
	d.flows = true
	path, _, _ := strings.Cut(requestPath(r), "?")
	if len(fields) != 3 || fields[1] != path || old(fields[0]) {
		d.err = missing(errors.New("the posted answer is not there any more")).(*Error)
		return r, false
	}
	query.Del(bounceParam)
	return posted(r, query, fields[2]), true
}

func old(at string) bool {
	seconds, err := strconv.ParseInt(at, 36, 64)
	return err != nil || time.Since(time.Unix(seconds, 0)) > bounceLifetime
}

// posted is r as a POST of a form.
func posted(r *http.Request, query url.Values, form string) *http.Request {
	post := r.Clone(r.Context())
	post.Method = http.MethodPost
	post.URL.RawQuery = query.Encode()
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	post.Body, post.ContentLength = io.NopCloser(strings.NewReader(form)), int64(len(form))
	post.Form, post.PostForm = nil, nil
	return post
}
