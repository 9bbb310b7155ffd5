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
	"sync/atomic"
	"time"

	"github.com/gopassport/passport/internal/pack"
	"github.com/gopassport/passport/internal/vault"
)

const (
	param    = "passport_bounce"
	lifetime = 2 * time.Minute
	limit    = 64 << 10 // bytes of a form
	cookies  = 2
)

// Keeper keeps forms. It is safe for concurrent use.
type Keeper struct {
	vault *vault.Vault
	turn  atomic.Uint32
}

// New makes a keeper of forms.
func New(v *vault.Vault) *Keeper { return &Keeper{vault: v} }

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
//
// Two cookies take turns. As none of the browser's come along, nobody can count: with a name
// for each form, a site that posts without end would fill the browser's jar, which drops
// others then. A form is taken up in the next request, so that two tabs hardly meet.
func (k *Keeper) Keep(r *http.Request, uri string) (c *http.Cookie, to string, err error) {
	turn := strconv.Itoa(int(k.turn.Add(1) % cookies))
	id := turn + rand.Text()
	path, query, _ := strings.Cut(uri, "?")
	if query != "" {
		query += "&"
	}
	plain := pack.Append(nil, strconv.FormatInt(time.Now().Unix(), 36), id, path, r.PostForm.Encode())
	c = k.vault.Cookie(r, "-"+turn, plain, lifetime)
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
func (k *Keeper) Restore(r *http.Request, uri string) (post *http.Request, spent []*http.Cookie, ok bool) {
	query := r.URL.Query()
	id := query.Get(param)
	suffix := "-" + id[:min(1, len(id))]
	var fields []string
	k.vault.Open(r, suffix, func(plain []byte) { fields, _ = pack.Split(plain) })
	if len(fields) == 4 && fields[1] != id {
		return nil, nil, false // another tab's, which took the turn
	}
	spent = k.vault.Expire(r, suffix)
	path, _, _ := strings.Cut(uri, "?")
	if len(fields) != 4 || fields[1] != id || fields[2] != path || old(fields[0]) {
		return nil, spent, false
	}
	query.Del(param)
	return posted(r, query, fields[3]), spent, true
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
