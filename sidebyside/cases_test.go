package sidebyside

import (
	"encoding/base64"
	"strings"
)

// A case is what one or more people do, step by step, with both applications. why names
// the reasons, in docs/from-passport.md, for which the two may differ; a case without one
// has the same facts on both sides.
type testCase struct {
	name  string
	why   string
	steps []step
}

func login(path, username, password string) step {
	return post("/login/"+path, "username", username, "password", password)
}

// alice logs her in, which is not what the case is about.
func alice() step { return login("plain", "alice", "secret").quietly() }

func whoami() step { return get("/whoami") }

func userpass(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }

func cases() []testCase {
	var all []testCase
	for _, more := range [][]testCase{
		forms(), messages(), returns(), checks(), basics(), bearers(), chains(), outcomesOf(), identities(), logouts(), connections(), services(), callers(),
	} {
		all = append(all, more...)
	}
	return all
}

func forms() []testCase {
	return []testCase{
		{"log in: the right password", "", []step{login("plain", "alice", "secret"), whoami()}},
		{"log in: a wrong password", "", []step{login("plain", "alice", "wrong"), whoami()}},
		{"log in: an unknown user", "", []step{login("plain", "nobody", "secret")}},
		{"log in: a locked account", "", []step{login("plain", "locked", "secret")}},
		{"log in: no username", "", []step{post("/login/plain", "password", "secret")}},
		{"log in: no password", "", []step{post("/login/plain", "username", "alice")}},
		{"log in: an empty password", "", []step{login("plain", "alice", "")}},
		{"log in: an empty form", "", []step{post("/login/plain")}},
		{"log in: the username twice", "", []step{post("/login/plain", "username", "alice", "username", "bob", "password", "secret")}},
		{"log in: other field names", "", []step{post("/login/mail", "user[email]", "alice", "user[password]", "secret")}},
		{"log in: the form has other field names", "", []step{post("/login/mail", "username", "alice", "password", "secret")}},
		{"log in: JSON", "", []step{post("/login/plain").json(`{"username":"alice","password":"secret"}`)}},
		{"log in: JSON with a number for a password", "strict-json", []step{post("/login/plain").json(`{"username":"alice","password":1}`)}},
		{"log in: JSON that does not parse", "", []step{post("/login/plain").json(`{"username":`)}},
		{"log in: JSON with the username twice", "strict-json", []step{post("/login/plain").json(`{"username":"alice","username":"bob","password":"secret"}`)}},
		{"log in: credentials in the query of a GET", "body-only", []step{get("/login/plain?username=alice&password=secret"), whoami()}},
		{"log in: credentials in the query of a POST", "body-only", []step{post("/login/plain?username=alice&password=secret")}},
		{"log in: PUT", "body-only", []step{{method: "PUT", path: "/login/plain", body: "username=alice&password=secret", media: "application/x-www-form-urlencoded"}}},
		{"log in: HEAD", "", []step{head("/login/plain")}},
		{"log in: the form is larger than 64 KiB", "limits", []step{login("plain", "alice", strings.Repeat("x", 70<<10))}},
		{"log in: verify fails", "", []step{login("plain", "fault", "secret")}},
		{"log in: verify throws, or panics", "", []step{login("plain", "panic", "secret")}},
		{"log in: verify fails on a route with a failure redirect", "", []step{login("redirect", "fault", "secret")}},
		{"log in: success and failure redirects, right", "", []step{login("redirect", "alice", "secret"), get("/home")}},
		{"log in: success and failure redirects, wrong", "", []step{login("redirect", "alice", "wrong")}},
		{"log in: success and failure redirects, missing", "", []step{post("/login/redirect")}},
		{"log in: the status of a redirect after a POST", "see-other", []step{login("redirect", "alice", "secret").exactly(), login("redirect", "alice", "wrong").exactly()}},
		{"log in: without a session", "", []step{login("stateless", "alice", "secret"), whoami()}},
		{"log in: failWithError, or OnError, wrong", "", []step{login("failwitherror", "alice", "wrong")}},
		{"log in: failWithError, or OnError, missing", "", []step{post("/login/failwitherror")}},
		{"log in: failWithError, or OnError, right", "", []step{login("failwitherror", "alice", "secret")}},
		{"log in: failWithError, or OnError, and verify fails", "", []step{login("failwitherror", "fault", "secret")}},
		{"log in: what a refused page is", "answers", []step{login("plain", "alice", "wrong").show("Content-Type", "Cache-Control")}},
		{"log in: what a refused fetch gets", "answers", []step{login("plain", "alice", "wrong").by(fetch).show("Content-Type")}},
	}
}

func messages() []testCase {
	read := get("/messages")
	return []testCase{
		{"messages: none", "", []step{read}},
		{"messages: after a refusal, read once", "", []step{login("messages", "alice", "wrong"), read, read}},
		{"messages: after two refusals", "", []step{login("messages", "alice", "wrong"), login("messages", "alice", "wrong"), read}},
		{"messages: verify's own", "", []step{login("messages/own", "locked", "secret"), read}},
		{"messages: the strategy's own, missing credentials", "", []step{post("/login/messages/own"), read}},
		{"messages: verify has none", "own-text", []step{login("messages/own", "nobody", "secret"), read}},
		{"messages: after a login", "messages-kept", []step{login("messages", "alice", "secret"), read}},
		{"messages: after a login that keeps the session's values", "", []step{login("messages/keep", "alice", "secret"), read}},
		{"messages: a refusal's is still there after the login", "messages-kept", []step{login("messages", "alice", "wrong"), alice(), read}},
		{"messages: of another person, after a logout", "", []step{alice(), login("messages", "alice", "wrong").quietly(), post("/logout").quietly(), read}},
		{"messages: a challenge is none", "challenge-no-message", []step{get("/outcome/failing/redirect"), read}},
		{"messages: of a chain, the first strategy's", "challenge-no-message", []step{post("/chain/redirect", "username", "alice", "password", "wrong"), read}},
	}
}

func returns() []testCase {
	return []testCase{
		{"return to: a page for users, nobody there", "", []step{get("/private")}},
		{"return to: a page for users, somebody there", "", []step{alice(), get("/private")}},
		{"return to: the page that was wanted", "target-kept", []step{get("/private?x=1"), login("return", "alice", "secret")}},
		{"return to: keepSessionInfo", "", []step{get("/private?x=1"), login("return/keep", "alice", "secret")}},
		{"return to: nothing was wanted", "", []step{login("return", "alice", "secret")}},
		{"return to: once only", "", []step{get("/private"), login("return/keep", "alice", "secret").quietly(), login("return/keep", "alice", "secret")}},
		{"return to: a refusal in between", "", []step{get("/private"), login("return/keep", "alice", "wrong"), login("return/keep", "alice", "secret")}},
		{"return to: the last of two pages", "", []step{get("/private?x=1"), get("/private?x=2"), login("return/keep", "alice", "secret")}},
		{"return to: another site's page", "local-target", []step{get("//elsewhere.test/x"), login("return/keep", "alice", "secret")}},
		{"return to: after a POST", "pages-only", []step{post("/private", "a", "b"), login("return/keep", "alice", "secret")}},
		{"return to: after a HEAD", "", []step{head("/private"), login("return/keep", "alice", "secret")}},
		{"return to: after a fetch", "pages-only", []step{get("/private").by(fetch), login("return/keep", "alice", "secret")}},
		{"return to: a login at a service", "target-kept", []step{get("/private?x=1"), get("/auth/service").quietly(), allowed("carol")}},
	}
}

func checks() []testCase {
	check := func(username, password string) step {
		return post("/check/local", "username", username, "password", password)
	}
	return []testCase{
		{"callback, or Check: right", "", []step{check("alice", "secret"), whoami()}},
		{"callback, or Check: wrong", "", []step{check("alice", "wrong"), whoami()}},
		{"callback, or Check: missing", "", []step{post("/check/local")}},
		{"callback, or Check: verify fails", "", []step{check("fault", "secret")}},
		{"callback, or Check: it logs nobody in by itself", "", []step{post("/check/only", "username", "alice", "password", "secret"), whoami()}},
		{"callback, or Check: a strategy that passes", "", []step{get("/check/passing")}},
		{"callback, or Check: a strategy that redirects", "", []step{get("/check/away")}},
		{"log in by hand", "", []step{post("/signup", "username", "alice"), whoami()}},
		{"log in by hand: what the session held", "", []step{post("/cart", "cart", "tea"), post("/signup", "username", "alice"), get("/cart")}},
	}
}

func basics() []testCase {
	basic := func(credentials string) step { return get("/basic").by(program).authorization(credentials) }
	return []testCase{
		{"basic: right", "", []step{basic(userpass("alice:secret")), whoami()}},
		{"basic: a wrong password", "", []step{basic(userpass("alice:wrong"))}},
		{"basic: an unknown user", "", []step{basic(userpass("nobody:secret"))}},
		{"basic: no credentials", "", []step{get("/basic").by(program)}},
		{"basic: the challenge to the letter", "charset", []step{get("/basic").by(program).exactly()}},
		{"basic: the scheme in small letters", "", []step{basic("basic " + userpass("alice:secret")[6:])}},
		{"basic: another scheme", "", []step{basic("Bearer good")}},
		{"basic: a scheme that only holds its name", "rfc-7617", []step{basic("NotBasic " + userpass("alice:secret")[6:])}},
		{"basic: the scheme alone", "rfc-7617", []step{basic("Basic")}},
		{"basic: two spaces", "rfc-7617", []step{basic("Basic  " + userpass("alice:secret")[6:])}},
		{"basic: more after the credentials", "rfc-7617", []step{basic(userpass("alice:secret") + " x")}},
		{"basic: no base64", "rfc-7617", []step{basic("Basic !!!")}},
		{"basic: base64 without its padding", "rfc-7617", []step{basic(strings.TrimRight(userpass("alice:grüße"), "="))}},
		{"basic: no colon", "rfc-7617", []step{basic(userpass("alice"))}},
		{"basic: no username", "", []step{basic(userpass(":secret"))}},
		{"basic: no password", "", []step{basic(userpass("alice:"))}},
		{"basic: a colon in the password", "first-colon", []step{basic(userpass("alice:a:b"))}},
		{"basic: letters beyond ASCII", "", []step{basic(userpass("alice:grüße"))}},
		{"basic: bytes that are no UTF-8", "rfc-7617", []step{basic(userpass("ali\xffce:secret"))}},
		{"basic: a NUL in the username", "rfc-7617", []step{basic(userpass("ali\x00ce:secret"))}},
		{"basic: two Authorization lines", "one-line", []step{basic(userpass("alice:secret")).again(userpass("bob:secret"))}},
		{"basic: verify fails", "", []step{basic(userpass("fault:secret"))}},
		{"basic: HEAD", "", []step{head("/basic").by(program).authorization(userpass("alice:secret")), head("/basic").by(program)}},
		{"basic: POST from another site", "", []step{post("/basic").authorization(userpass("alice:secret")).elsewhere()}},
		{"basic: OPTIONS", "", []step{method("OPTIONS", "/basic").by(program)}},
		{"basic: a CORS preflight", "preflight", []step{method("OPTIONS", "/basic").by(script).elsewhere().header("Access-Control-Request-Method", "POST")}},
		{"basic: with a session", "", []step{get("/basic/session").authorization(userpass("alice:secret")), whoami()}},
	}
}

func bearers() []testCase {
	bearer := func(credentials string) step { return get("/bearer").by(program).authorization(credentials) }
	return []testCase{
		{"bearer: right", "", []step{bearer("Bearer good"), whoami()}},
		{"bearer: the scheme in small letters", "", []step{bearer("bearer good")}},
		{"bearer: no token", "", []step{get("/bearer").by(program)}},
		{"bearer: the challenge to the letter", "", []step{get("/bearer").by(program).exactly()}},
		{"bearer: an unknown token", "rfc-6750", []step{bearer("Bearer bad")}},
		{"bearer: an expired token", "", []step{bearer("Bearer expired")}},
		{"bearer: a reason with quotes", "rfc-6750", []step{bearer("Bearer quoted").exactly()}},
		{"bearer: verify fails", "", []step{bearer("Bearer fault")}},
		{"bearer: verify gives more than the user", "no-info", []step{bearer("Bearer scoped")}},
		{"bearer: another scheme", "", []step{bearer(userpass("alice:secret"))}},
		{"bearer: the scheme alone", "rfc-6750", []step{bearer("Bearer")}},
		{"bearer: two tokens in the line", "rfc-6750", []step{bearer("Bearer good good")}},
		{"bearer: a character that no token has", "rfc-6750", []step{bearer(`Bearer go"od`)}},
		{"bearer: two Authorization lines", "one-line", []step{bearer("Bearer good").again("Bearer bad")}},
		{"bearer: in a form", "", []step{post("/bearer", "access_token", "good").by(program)}},
		{"bearer: in a form, a bad one", "rfc-6750", []step{post("/bearer", "access_token", "bad").by(program)}},
		{"bearer: in JSON", "token-places", []step{post("/bearer").json(`{"access_token":"good"}`).by(program)}},
		{"bearer: in the query", "token-places", []step{get("/bearer?access_token=good").by(program)}},
		{"bearer: in the header and in a form", "rfc-6750", []step{post("/bearer", "access_token", "good").by(program).authorization("Bearer good")}},
		{"bearer: in the header and in the query", "rfc-6750", []step{get("/bearer?access_token=good").by(program).authorization("Bearer good")}},
		{"bearer: in a form twice", "rfc-6750", []step{post("/bearer", "access_token", "good", "access_token", "good").by(program)}},
		{"bearer: HEAD", "", []step{head("/bearer").by(program)}},
		{"bearer: with a session", "", []step{get("/bearer/session").authorization("Bearer good"), whoami()}},
	}
}

func chains() []testCase {
	chain := func(name string) step { return get("/chain/" + name).by(program) }
	return []testCase{
		{"chain: bearer or basic, a token", "", []step{chain("api").authorization("Bearer good")}},
		{"chain: bearer or basic, a password", "", []step{chain("api").authorization(userpass("alice:secret"))}},
		{"chain: bearer or basic, nothing", "", []step{chain("api")}},
		{"chain: bearer or basic, a wrong password", "", []step{chain("api").authorization(userpass("alice:wrong"))}},
		{"chain: bearer or basic, an expired token", "", []step{chain("api").authorization("Bearer expired")}},
		{"chain: bearer or basic, nonsense", "rfc-7617", []step{chain("api").authorization("x")}},
		{"chain: bearer or nobody, a token", "", []step{chain("optional").authorization("Bearer good")}},
		{"chain: bearer or nobody, nothing", "", []step{chain("optional")}},
		{"chain: bearer or nobody, a bad token", "", []step{chain("optional").authorization("Bearer bad")}},
		{"chain: challenges in their order, the silent one left out", "", []step{chain("challenges")}},
		{"chain: the first status decides", "status-challenge", []step{chain("statuses")}},
		{"chain: the first status decides, where the first failure has none", "status-challenge", []step{chain("late-status")}},
		{"chain: a 401 that the strategy wrote out", "", []step{chain("explicit")}},
		{"chain: a fault ends it", "", []step{chain("fault")}},
		{"chain: the second succeeds", "", []step{chain("fallback")}},
		{"chain: the second redirects", "", []step{get("/chain/away")}},
		{"chain: one failure redirect for all", "", []step{post("/chain/redirect", "username", "alice", "password", "wrong")}},
		{"chain: one failure redirect for all, the second succeeds", "", []step{post("/chain/redirect", "username", "alice", "password", "secret")}},
	}
}

func outcomesOf() []testCase {
	return []testCase{
		{"strategy: success with info", "", []step{get("/outcome/informing")}},
		{"strategy: failure with a challenge", "", []step{get("/outcome/failing").by(program)}},
		{"strategy: failure without one", "", []step{get("/outcome/silent").by(program)}},
		{"strategy: failure with another status", "status-challenge", []step{get("/outcome/paying").by(program)}},
		{"strategy: pass", "", []step{get("/outcome/passing")}},
		{"strategy: pass, somebody logged in", "", []step{alice(), get("/outcome/passing")}},
		{"strategy: failure, somebody logged in", "", []step{alice(), get("/outcome/failing"), whoami()}},
		{"strategy: fault", "", []step{get("/outcome/faulty")}},
		{"strategy: it throws, or panics", "", []step{get("/outcome/throwing")}},
		{"strategy: redirect", "", []step{get("/outcome/away").exactly()}},
		{"strategy: redirect with 303", "", []step{get("/outcome/away-303").exactly()}},
		{"strategy: redirect with 307", "two-redirects", []step{get("/outcome/away-307").exactly()}},
		{"strategy: redirect to a path", "", []step{get("/outcome/away-local")}},
		{"strategy: redirect of a POST", "see-other", []step{post("/outcome/away").exactly()}},
		{"strategy: redirect of a HEAD", "get-and-post", []step{head("/outcome/away")}},
		{"strategy: redirect of a fetch that takes JSON", "hands-over", []step{get("/outcome/away").by(fetch)}},
		{"strategy: redirect of a fetch that takes anything", "pages-only", []step{get("/outcome/away").by(script)}},
		{"strategy: redirect of a program", "pages-only", []step{get("/outcome/away").by(program)}},
		{"strategy: redirect of a prefetch", "prefetch", []step{get("/outcome/away").header("Sec-Purpose", "prefetch")}},
		{"strategy: success, redirect and message", "", []step{get("/outcome/informing/redirect"), get("/messages")}},
		{"strategy: fault on a route with a failure redirect", "", []step{get("/outcome/faulty/redirect")}},
	}
}

func identities() []testCase {
	cart, held := post("/cart", "cart", "tea").quietly(), get("/cart")
	return []testCase{
		{"session: none before anybody asks for one", "", []step{whoami(), get("/messages"), get("/cart")}},
		{"session: a visitor at a log-in page", "no-visitor-session", []step{login("messages", "alice", "wrong").anySession()}},
		{"session: a visitor at a page for users", "no-visitor-session", []step{get("/private").anySession()}},
		{"session: a visitor on the way to a service", "no-visitor-session", []step{get("/auth/service").anySession()}},
		{"session: a visitor, at the login", "no-visitor-session", []step{get("/auth/service").quietly(), login("plain", "alice", "secret").anySession()}},
		{"session: after a logout", "no-visitor-session", []step{alice(), post("/logout").anySession()}},
		{"session: kept from request to request", "", []step{alice(), whoami(), whoami()}},
		{"session: its identity is renewed at a login", "", []step{cart, put("before"), login("plain", "alice", "secret"), take("before"), whoami()}},
		{"session: what it held is forgotten at a login", "", []step{cart, login("plain", "alice", "secret"), held}},
		{"session: what it held, with keepSessionInfo", "", []step{cart, login("keep", "alice", "secret"), held}},
		{"session: what it held, at a second login of the same user", "same-user", []step{alice(), cart, login("plain", "alice", "secret"), held}},
		{"session: what it held, at a login of somebody else", "", []step{alice(), cart, login("plain", "bob", "secret"), held, whoami()}},
		{"session: a second login replaces the first", "", []step{alice(), put("alice"), login("plain", "bob", "secret"), whoami(), take("alice"), whoami()}},
		{"session: a refusal changes nothing", "", []step{alice(), cart, login("plain", "bob", "wrong"), whoami(), held}},
		{"session: a login without a session changes nothing", "", []step{alice(), login("stateless", "bob", "secret"), whoami()}},
		{"session: a user who is gone", "", []step{login("plain", "ghost", "secret"), whoami()}},
		{"session: a user who is gone, what it held", "gone", []step{cart, login("keep", "ghost", "secret").quietly(), whoami(), held}},
		{"session: a user who cannot be loaded", "fault-status", []step{login("plain", "broken", "secret"), whoami()}},
		{"session: loading the user throws, or panics", "", []step{login("plain", "thrower", "secret"), whoami()}},
		{"session: a cookie that was tampered with", "", []step{alice(), tamper(func(v string) string { return v[:len(v)-4] + "AAAA" }), whoami()}},
		{"session: a cookie of nonsense", "", []step{alice(), tamper(func(string) string { return "nonsense" }), whoami(), login("plain", "alice", "secret")}},
	}
}

func logouts() []testCase {
	cart, held := post("/cart", "cart", "tea").quietly(), get("/cart")
	return []testCase{
		{"log out", "", []step{alice(), post("/logout"), whoami()}},
		{"log out: a copy of the cookie", "", []step{alice(), put("copy"), post("/logout"), take("copy"), whoami()}},
		{"log out: a copy of the cookie, with logins kept in cookies", "cookies-replay", []step{
			post("/sealed/login", "username", "alice", "password", "secret").quietly(), put("copy"), post("/sealed/logout").quietly(), get("/sealed/whoami").quietly(), take("copy"), get("/sealed/whoami"),
		}},
		{"log out: what the session held", "", []step{alice(), cart, post("/logout"), held}},
		{"log out: what the session held, with keepSessionInfo", "logout-clears", []step{alice(), cart, post("/logout/keep"), held}},
		{"log out: twice", "", []step{alice(), post("/logout").quietly(), post("/logout")}},
		{"log out: nobody is logged in", "", []step{post("/logout")}},
		{"log out: nobody is logged in, what the session held", "", []step{cart, post("/logout"), held}},
		{"log out: a user who cannot be loaded", "fault-status", []step{login("plain", "broken", "secret").quietly(), post("/logout")}},
		{"log out and in again", "", []step{alice(), post("/logout"), login("plain", "alice", "secret"), whoami()}},
	}
}

func connections() []testCase {
	connect := func(path, username, password string) step {
		return post("/connect/"+path, "username", username, "password", password)
	}
	return []testCase{
		{"authorize: somebody logged in", "", []step{alice(), connect("local", "bob", "secret"), whoami()}},
		{"authorize: nobody logged in", "", []step{connect("local", "bob", "secret"), whoami()}},
		{"authorize: what the session holds", "", []step{alice(), post("/cart", "cart", "tea").quietly(), connect("local", "bob", "secret"), get("/cart")}},
		{"authorize: refused, somebody logged in", "", []step{alice(), connect("local", "bob", "wrong"), whoami()}},
		{"authorize: refused, nobody logged in", "", []step{connect("local", "bob", "wrong")}},
		{"authorize: failure redirect", "", []step{alice(), connect("local/redirect", "bob", "wrong"), whoami()}},
		{"authorize: success redirect", "authorize-redirects", []step{alice(), connect("local/redirect", "bob", "secret")}},
		{"authorize: failure message", "", []step{alice(), connect("local/messages", "bob", "wrong"), get("/messages")}},
		{"authorize: success message", "", []step{alice(), connect("local/messages", "bob", "secret"), get("/messages")}},
		{"authorize: info", "", []step{alice(), get("/connect/informing")}},
		{"authorize: behind a page for users, somebody logged in", "", []step{alice(), connect("private", "bob", "secret")}},
		{"authorize: behind a page for users, nobody logged in", "", []step{get("/connect/private")}},
		{"authorize: verify fails", "", []step{alice(), connect("local/redirect", "fault", "secret")}},
	}
}

func services() []testCase {
	begin, connect := get("/auth/service"), get("/connect/service")
	return []testCase{
		{"service: log in", "", []step{begin, allowed("carol"), whoami()}},
		{"service: where the person is sent to", "", []step{begin.exactly()}},
		{"service: log in, what the session held", "", []step{post("/cart", "cart", "tea").quietly(), begin, allowed("carol"), get("/cart")}},
		{"service: the state of the request is ignored", "", []step{get("/auth/service?state=mine"), allowed("carol")}},
		{"service: begin with POST", "", []step{post("/auth/service"), allowed("carol")}},
		{"service: begin with HEAD", "get-and-post", []step{head("/auth/service")}},
		{"service: begin from another site's link", "", []step{begin.elsewhere(), allowed("carol")}},
		{"service: begin from another site's link, somebody logged in", "own-page", []step{alice(), begin.elsewhere()}},
		{"service: begin by a fetch that takes JSON", "hands-over", []step{begin.by(fetch), allowed("carol")}},
		{"service: begin by a fetch that takes anything", "pages-only", []step{begin.by(script)}},
		{"service: begin by a prefetch", "prefetch", []step{begin.header("Sec-Purpose", "prefetch")}},
		{"service: denied", "", []step{begin, answered("error=access_denied&state=STATE"), whoami()}},
		{"service: denied, the default answer", "denied", []step{begin, answered("error=access_denied&state=STATE").at("/auth/service/plain")}},
		{"service: denied, with its description", "denied", []step{begin, answered("error=access_denied&error_description=No+thanks&state=STATE"), get("/messages")}},
		{"service: denied, without a state", "errors-need-a-flow", []step{begin, answered("error=access_denied").at("/auth/service/plain")}},
		{"service: denied, and then agreed", "spent", []step{begin, answered("error=access_denied&state=STATE").quietly(), allowed("carol")}},
		{"service: another error", "", []step{begin, answered("error=server_error&state=STATE")}},
		{"service: another error of nobody's flow", "errors-need-a-flow", []step{begin, answered("error=server_error&state=x").at("/auth/service/plain")}},
		{"service: an unknown state", "flow-status", []step{begin, answered("code=x&state=wrong").at("/auth/service/plain")}},
		{"service: an unknown state, failure redirect", "flow-status", []step{begin, answered("code=x&state=wrong"), get("/messages")}},
		{"service: an unknown state, and then the right one", "one-record-each", []step{begin, answered("code=x&state=wrong").quietly(), allowed("carol")}},
		{"service: no state", "flow-status", []step{begin, answered("code=x").at("/auth/service/plain")}},
		{"service: the state twice", "twice", []step{begin, answered("code=x&state=STATE&state=STATE").at("/auth/service/plain")}},
		{"service: the code twice", "twice", []step{begin, answered("code=x&code=y&state=STATE").at("/auth/service/plain")}},
		{"service: no code", "stray-state", []step{begin, answered("state=STATE").at("/auth/service/plain")}},
		{"service: the service does not know the code", "fault-status", []step{begin, answered("code=x&state=STATE")}},
		{"service: the answer once more", "flow-status", []step{begin, allowed("carol"), once().at("/auth/service/plain"), whoami()}},
		{"service: the answer in another browser", "flow-status", []step{begin, put("first"), fresh(), allowed("carol").at("/auth/service/plain"), whoami()}},
		{"service: the answer by HEAD", "get-and-post", []step{begin, {method: "HEAD", act: allowed("carol").act}}},
		{"service: the answer in a frame", "frame", []step{begin, allowed("carol").at("/auth/service/plain").header("Sec-Fetch-Dest", "iframe")}},
		{"service: what the answer says to caches and to other sites", "callback-headers", []step{begin, allowed("carol").show("Cache-Control", "Referrer-Policy")}},
		{"service: two tabs, the first answers", "one-record-each", []step{begin.quietly(), begin.quietly(), allowed("carol", 1).at("/auth/service/plain")}},
		{"service: two tabs, both answer", "", []step{begin.quietly(), begin.quietly(), allowed("carol").quietly(), allowed("carol", 1).at("/auth/service/plain")}},
		{"service: refused by verify", "", []step{begin, allowed("refused"), get("/messages")}},
		{"service: the token endpoint fails", "fault-status", []step{begin, allowed("notoken")}},
		{"service: the profile fails", "fault-status", []step{begin, allowed("noprofile")}},
		{"service: the profile is a page", "fault-status", []step{begin, allowed("html")}},
		{"service: a profile without an id", "subject", []step{begin, allowed("nameless"), whoami()}},
		{"service: a profile with the id 0", "subject", []step{begin, allowed("zero"), whoami()}},
		{"service: log in while somebody else is", "", []step{alice(), begin, allowed("carol"), whoami()}},
		{"service: somebody logged in meanwhile", "", []step{begin, alice(), allowed("carol").at("/auth/service/plain"), whoami()}},
		{"service: begin and session", "", []step{alice(), put("copy"), begin, take("copy"), whoami()}},
		{"connect: somebody logged in", "", []step{alice(), connect, allowed("carol"), whoami()}},
		{"connect: nobody logged in", "", []step{connect, allowed("carol"), whoami()}},
		{"connect: what the session holds", "", []step{alice(), post("/cart", "cart", "tea").quietly(), connect, allowed("carol"), get("/cart")}},
		{"connect: denied", "", []step{alice(), connect, answered("error=access_denied&state=STATE"), whoami()}},
		{"connect: refused by verify", "", []step{alice(), connect, allowed("refused"), whoami()}},
		{"connect: the token endpoint fails", "fault-status", []step{alice(), connect, allowed("notoken"), whoami()}},
		{"connect: the answer once more", "flow-status", []step{alice(), connect, allowed("carol"), once().at("/connect/service/plain")}},
		{"connect: begin with POST", "see-other", []step{alice(), post("/connect/service").exactly()}},
		{"connect: begin from another site's link", "own-page", []step{alice(), connect.elsewhere().exactly()}},
		{"connect: begin from another site's form", "own-page", []step{alice(), post("/connect/service").elsewhere()}},
		{"connect: begin by a program without any header of a browser's", "pages-only", []step{alice(), connect.by(program)}},
		{"connect: logged out meanwhile", "same-person", []step{alice(), connect, post("/logout").quietly(), allowed("carol").at("/connect/service/plain")}},
		{"connect: somebody else logged in meanwhile", "", []step{alice(), connect, login("plain", "bob", "secret").quietly(), allowed("carol").at("/connect/service/plain")}},
		{"connect: somebody else logged in meanwhile, keepSessionInfo", "same-person", []step{alice(), connect, login("keep", "bob", "secret").quietly(), allowed("carol").at("/connect/service/plain")}},
		{"connect: a login's flow ends at the connect route", "purpose", []step{alice(), begin, allowed("carol").at("/connect/service/plain")}},
		{"connect: a connect's flow ends at the login route", "purpose", []step{alice(), connect, allowed("carol").at("/auth/service/plain"), whoami()}},
		{"connect: in another browser, somebody else logged in", "flow-status", []step{alice(), connect, fresh(), login("plain", "bob", "secret").quietly(), allowed("carol").at("/connect/service/plain")}},
		{"connect: a login and a connect at once", "one-record-each", []step{alice(), connect, begin, allowed("carol", 1).at("/connect/service/plain")}},
	}
}

func callers() []testCase {
	return []testCase{
		{"callers: a refused fetch on a route with a failure redirect", "pages-only", []step{login("redirect", "alice", "wrong").by(fetch)}},
		{"callers: a fetch that logs in on a route with a success redirect", "", []step{login("redirect", "alice", "secret").by(fetch), whoami()}},
		{"callers: a refused program on a route with a failure redirect", "pages-only", []step{login("redirect", "alice", "wrong").by(program)}},
		{"callers: a program logs in", "", []step{login("plain", "alice", "secret").by(program), whoami()}},
		{"callers: a form on another site logs a person in", "cross-site-login", []step{login("plain", "alice", "secret").elsewhere(), whoami()}},
		{"callers: a form on another site, without a session", "", []step{login("stateless", "alice", "secret").elsewhere()}},
		{"callers: a page for users, and a fetch", "pages-only", []step{get("/private").by(fetch)}},
		{"callers: a page for users, and a program", "pages-only", []step{get("/private").by(program)}},
		{"callers: a page for users, and a POST", "pages-only", []step{post("/private", "a", "b")}},
		{"callers: a page for users, and OPTIONS", "pages-only", []step{method("OPTIONS", "/private").by(script)}},
		{"callers: a CORS preflight of a log-in form", "preflight", []step{method("OPTIONS", "/login/plain").by(script).elsewhere().header("Access-Control-Request-Method", "POST")}},
		{"callers: OPTIONS of a route that begins a flow", "get-and-post", []step{method("OPTIONS", "/auth/service").by(script)}},
	}
}
