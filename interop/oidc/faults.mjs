// What the provider can get wrong, by name. A fault says at which endpoint it happens, and
// changes an answer that was right.
import { decode, ec, published, rsa, sign, spare } from "./keys.mjs";

const now = () => Math.floor(Date.now() / 1000);
const own = (header) => (header.alg === "ES256" ? ec : rsa);

// resigned changes claims or header of a token, and signs it again as it was signed.
function resigned(token, change, client) {
  const [header, claims] = decode(token);
  const made = change(claims, header, client) ?? {};
  const key = "key" in made ? made.key : own(header);
  return sign(header, made.text ?? claims, key);
}

// idToken is a fault in the ID token of a login, refreshed in that of a refresh, logout
// in the token of a back-channel logout.
const idToken = (change) => token((ctx) => {
  if (ctx.body.id_token) ctx.body.id_token = resigned(ctx.body.id_token, change, ctx.oidc.client);
});
const refreshed = (change) => ({ route: "token", grant: "refresh_token", apply: idToken(change).apply });
const logout = (change) => ({ route: "logout", change });

const token = (apply) => ({ route: "token", grant: "authorization_code", apply });
const reply = (route, apply) => ({ route, apply });
const broken = (route, status, type, body) => ({ route, grant: "authorization_code", apply: (ctx) => { ctx.status = status; ctx.type = type; ctx.body = body; } });

// response is a fault in what goes back to the application through the browser.
const response = (change) => ({ route: "response", change });

// hold sets a claim, drop removes it.
const hold = (name, value) => (claims) => { claims[name] = typeof value === "function" ? value(claims) : value; };
const drop = (name) => (claims) => { delete claims[name]; };
const header = (name, value) => (_, header) => { header[name] = value; };
const text = (make) => (claims) => ({ text: make(JSON.stringify(claims), claims) });

export const faults = {
  "signature-of-another-key": idToken(() => ({ key: spare })),
  "signature-missing": idToken(() => ({ key: undefined })),
  "alg-none": idToken((_, header) => { header.alg = "none"; return { key: undefined }; }),
  "alg-hs256-client-secret": idToken((_, header, client) => { header.alg = "HS256"; return { key: client.clientSecret }; }),
  "alg-hs256-public-key": idToken((_, header) => { header.alg = "HS256"; return { key: JSON.stringify(published(rsa)) }; }),
  "kid-of-another-key": idToken((_, header) => { header.kid = "nobody"; return { key: spare }; }),
  "jwk-in-header": idToken((_, header) => { header.jwk = published(spare); header.kid = "spare"; return { key: spare }; }),
  "iss-wrong": idToken(hold("iss", "https://other.example")),
  "iss-missing": idToken(drop("iss")),
  "iss-with-slash": idToken(hold("iss", (claims) => `${claims.iss}/`)),
  "aud-wrong": idToken(hold("aud", "other")),
  "aud-missing": idToken(drop("aud")),
  "aud-many-azp-missing": idToken(hold("aud", (claims) => [claims.aud, "other"])),
  "azp-wrong": idToken(hold("azp", "other")),
  "exp-past": idToken(hold("exp", () => now() - 3600)),
  "exp-missing": idToken(drop("exp")),
  "iat-missing": idToken(drop("iat")),
  "iat-future": idToken(hold("iat", () => now() + 86400)),
  "nbf-future": idToken(hold("nbf", () => now() + 86400)),
  "sub-missing": idToken(drop("sub")),
  "sub-empty": idToken(hold("sub", "")),
  "sub-number": idToken(hold("sub", 1001)),
  "sub-twice": idToken(text((json) => json.replace(/}$/, ',"sub":"grace"}'))),
  "sub-in-capitals": idToken(text((json) => json.replace(/}$/, ',"SUB":"grace"}'))),
  "nonce-wrong": idToken(hold("nonce", "another-nonce")),
  "nonce-missing": idToken(drop("nonce")),
  "at-hash-wrong": idToken(hold("at_hash", "AAAAAAAAAAAAAAAAAAAAAA")),
  "typ-of-a-logout-token": idToken(header("typ", "logout+jwt")),
  "typ-of-an-access-token": idToken(header("typ", "at+jwt")),
  "id-token-missing": token((ctx) => { delete ctx.body.id_token; }),
  "id-token-is-no-token": token((ctx) => { ctx.body.id_token = "hello"; }),

  "access-token-missing": token((ctx) => { delete ctx.body.access_token; }),
  "token-type-unknown": token((ctx) => { ctx.body.token_type = "mac"; }),
  "token-500": broken("token", 500, "json", '{"error":"server_error"}'),
  "token-html": broken("token", 200, "html", "<html>the service is down</html>"),
  "token-redirect": { route: "token", grant: "authorization_code", apply: (ctx) => { ctx.status = 307; ctx.set("location", `${ctx.oidc.provider.issuer}/control/trap`); ctx.body = ""; } },
  "token-huge": broken("token", 200, "json", `{"access_token":"${"a".repeat(8 << 20)}"}`),
  "token-invalid-client": broken("token", 401, "json", '{"error":"invalid_client"}'),

  "userinfo-other-sub": reply("userinfo", (ctx) => { ctx.body.sub = "grace"; }),
  "userinfo-no-sub": reply("userinfo", (ctx) => { delete ctx.body.sub; }),
  "userinfo-500": reply("userinfo", (ctx) => { ctx.status = 500; ctx.body = "{}"; }),
  "userinfo-html": reply("userinfo", (ctx) => { ctx.type = "html"; ctx.body = "<html>the service is down</html>"; }),

  "refresh-other-sub": refreshed(hold("sub", "grace")),
  "refresh-other-iss": refreshed(hold("iss", "https://other.example")),
  "refresh-other-aud": refreshed(hold("aud", "other")),

  "response-iss-wrong": response((params) => params.set("iss", "https://other.example")),
  "response-iss-missing": response((params) => params.delete("iss")),
  "response-iss-twice": response((params) => params.append("iss", params.get("iss"))),
  "response-state-wrong": response((params) => params.set("state", "x".repeat(43))),
  "response-state-missing": response((params) => params.delete("state")),
  "response-code-missing": response((params) => params.delete("code")),
  "response-code-twice": response((params) => params.append("code", "another")),
  "response-error-and-code": response((params) => params.set("error", "access_denied")),

  "discovery-other-issuer": reply("discovery", (ctx) => { ctx.body.issuer = "https://other.example"; }),
  "discovery-500": reply("discovery", (ctx) => { ctx.status = 500; ctx.body = "down"; }),
  "keys-500": reply("jwks", (ctx) => { ctx.status = 500; ctx.body = "down"; }),

  // Not wrong, only unusual: these must be accepted.
  "kid-absent": idToken((_, header) => { delete header.kid; }),
  "kid-absent-many-keys": { ...idToken((_, header) => { delete header.kid; }), keys: () => [published(spare), published(rsa)] },
  "key-rotated": { ...idToken((_, header) => { header.kid = "spare"; return { key: spare }; }), keys: () => [published(spare)] },
  "aud-list-of-one": idToken(hold("aud", (claims) => [claims.aud])),
  "refresh-right": refreshed(() => {}),
  "azp-right": idToken(hold("azp", (claims) => claims.aud)),

  "logout-alg-none": logout((_, header) => { header.alg = "none"; return { key: undefined }; }),
  "logout-alg-hs256": logout((_, header, client) => { header.alg = "HS256"; return { key: client.clientSecret }; }),
  "logout-signature-of-another-key": logout(() => ({ key: spare })),
  "logout-no-event": logout(drop("events")),
  "logout-wrong-event": logout(hold("events", { "http://schemas.openid.net/event/other": {} })),
  "logout-with-nonce": logout(hold("nonce", "a-nonce")),
  "logout-aud-wrong": logout(hold("aud", "other")),
  "logout-iss-wrong": logout(hold("iss", "https://other.example")),
  "logout-nobody": logout((claims) => { delete claims.sub; delete claims.sid; }),
  "logout-no-jti": logout(drop("jti")),
  "logout-exp-past": logout(hold("exp", () => now() - 3600)),
};

// changeAnswer makes the fault happen in the answer of an endpoint.
export function changeAnswer(fault, ctx) {
  const route = ctx.oidc?.route;
  if (fault.keys && route === "jwks") ctx.body = { keys: fault.keys() };
  if (fault.route === "response" && ["authorization", "resume"].includes(route)) return changeResponse(fault, ctx);
  if (fault.route !== route || ctx.status >= 400) return;
  if (fault.grant && ctx.oidc.params?.grant_type !== fault.grant) return;
  fault.apply(ctx);
}

// changeResponse changes what the browser carries back, in an address or in a form.
function changeResponse(fault, ctx) {
  const location = ctx.response.get("location");
  if (location?.includes("state=")) {
    const url = new URL(location);
    fault.change(url.searchParams);
    ctx.set("location", url.href);
  } else if (typeof ctx.body === "string" && ctx.body.includes('name="state"')) {
    const hidden = /<input type="hidden" name="([^"]*)" value="([^"]*)"\/>/g;
    const params = new URLSearchParams([...ctx.body.matchAll(hidden)].map(([, name, value]) => [name, value]));
    fault.change(params);
    const inputs = [...params].map(([name, value]) => `<input type="hidden" name="${name}" value="${value}"/>`).join("");
    ctx.body = ctx.body.replace(/(<form[^>]*>)[^]*(<\/form>)/, `$1${inputs}$2`);
  }
}

// changeLogout changes the token of a back-channel logout.
export function changeLogout(fault, body, client) {
  const token = body.get("logout_token");
  return new URLSearchParams({ logout_token: resigned(token, fault.change, client) });
}
