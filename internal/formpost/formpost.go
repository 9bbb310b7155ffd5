// Package formpost brings an answer that a provider's page posted (OAuth 2.0 Form Post
// Response Mode; Apple) to where the browser's cookies are.
//
// Cookies that are Lax, which ours are and the application's should be, do not come
// along with a form from another site, so nobody could tell who began the flow. Such a
// form is kept for a moment in a cookie of its own, and the browser is sent to the same
// address with GET: then all cookies come. What was posted is in no address.
package formpost

import (
	"crypto/rand"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gopassport/passport/internal/pack"
	"github.com/gopassport/passport/internal/vault"
)

const (
	param    = "passport_bounce"
	lifetime = 2 * time.Minute
	limit    = 64 << 10 // bytes of a form
)

// Is tells whether the request looks like a provider's answer by form. It parses the form.
func Is(r *http.Request) bool {
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if r.Method != http.MethodPost || !strings.EqualFold(strings.TrimSpace(media), "application/x-www-form-urlencoded") {
		return false
	}
	r.Body = http.MaxBytesReader(nil, r.Body, limit)
	return r.ParseForm() == nil && r.PostForm.Get("state") != ""
}

// Keep gives the cookie that keeps the form, and the address to go to with it. uri is
// the address that was posted to. The error is a *vault.TooLarge.
func Keep(v *vault.Vault, r *http.Request, uri string) (c *http.Cookie, to string, err error) {
	id := rand.Text()
	path, query, _ := strings.Cut(uri, "?")
	if query != "" {
		query += "&"
	}
	plain := pack.Append(nil, strconv.FormatInt(time.Now().Unix(), 36), path, r.PostForm.Encode())
	c = v.Cookie(r, "-"+id, plain, lifetime)
	if size := vault.Size(c); size > vault.MaxCookie {
		return nil, "", &vault.TooLarge{Size: size, Limit: vault.MaxCookie}
	}
	return c, path + "?" + query + param + "=" + id, nil
}

// Kept tells whether the request follows a form that was kept.
func Kept(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.URL.RawQuery, param+"=")
}

// Restore makes the request that was posted of the one that follows it, and gives the
// cookies that spend it. ok is false when the form is not there, or came to another path.
func Restore(v *vault.Vault, r *http.Request, uri string) (post *http.Request, spent []*http.Cookie, ok bool) {
	query := r.URL.Query()
	suffix := "-" + query.Get(param)
	var fields []string
	v.Open(r, suffix, func(plain []byte) { fields, _ = pack.Split(plain) })
	spent = v.Expire(r, suffix)
	path, _, _ := strings.Cut(uri, "?")
	if len(fields) != 3 || fields[1] != path || old(fields[0]) {
		return nil, spent, false
	}
	query.Del(param)
	return posted(r, query, fields[2]), spent, true
}

func old(at string) bool {
	seconds, err := strconv.ParseInt(at, 36, 64)
	return err != nil || time.Since(time.Unix(seconds, 0)) > lifetime
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
