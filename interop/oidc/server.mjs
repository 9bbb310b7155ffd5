// A real OpenID provider (npm oidc-provider) for the tests: its own pages, clients that
// register themselves, and a fault on request. It listens on
// HOST:PORT.
//
//   POST /control/fault?name=…   from now on it gets this wrong (faults.mjs); without a name, nothing
//   GET  /control/requests       how often each endpoint was asked since the last fault was set
//   GET  /github/user            a profile in GitHub's shape, for an access token
import http from "node:http";
import { Provider } from "oidc-provider";

import { changeAnswer, changeLogout, faults } from "./faults.mjs";
import { ec, rsa } from "./keys.mjs";
import * as pages from "./pages.mjs";

const { HOST, PORT } = process.env;
const ISSUER = `http://localhost:${PORT}`; // another site than 127.0.0.1, where the application is

const people = {
  ada: { number: 1001, name: "Ada Lovelace", email: "ada@people.example" },
  grace: { number: 1002, name: "Grace Hopper", email: "grace@people.example" },
};

let fault;
let requests = {};

const provider = new Provider(ISSUER, {
  jwks: { keys: [rsa.jwk, ec.jwk] },
  cookies: { keys: ["the tests' own"], names: { session: "op_session", interaction: "op_interaction", resume: "op_resume" } },
  findAccount: (_, id) => people[id] && { accountId: id, claims: () => ({ sub: id, name: people[id].name, email: people[id].email, email_verified: true }) },
  claims: { openid: ["sub"], profile: ["name"], email: ["email", "email_verified"] },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: (_, client) => client.grantTypeAllowed("refresh_token"),
  pkce: { required: () => true },
  clientAuthMethods: ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
  features: {
    devInteractions: { enabled: false },
    registration: { enabled: true },
    revocation: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { logoutSource: pages.logout, postLogoutSuccessSource: pages.loggedOut },
  },
  renderError: pages.failed,
  enabledJWA: { idTokenSigningAlgValues: ["RS256", "ES256"] },
  // Its own refuses to call this machine.
  fetch: async (url, options) => fetch(url, { ...options, dispatcher: undefined, body: await logoutBody(options.body) }),
});

async function logoutBody(body) {
  if (fault?.route !== "logout" || !body?.has("logout_token")) return body;
  const [, claims] = body.get("logout_token").split(".");
  const { aud } = JSON.parse(Buffer.from(claims, "base64url"));
  return changeLogout(fault, body, await provider.Client.find(aud));
}

provider.use(async (ctx, next) => {
  await next();
  const route = ctx.oidc?.route;
  if (route) requests[route] = (requests[route] ?? 0) + 1;
  if (fault) changeAnswer(fault, ctx);
});
provider.on("server_error", (_, error) => console.error(error));
for (const event of ["authorization.error", "grant.error", "registration_create.error", "pushed_authorization_request.error", "backchannel.error"]) {
  provider.on(event, (_, error) => console.error(event, error.error ?? error, error.error_description, error.error_detail ?? ""));
}

async function control(url, response) {
  if (url.pathname === "/control/fault") {
    const name = url.searchParams.get("name");
    if (name && !faults[name]) return response.writeHead(404).end();
    fault = faults[name];
    requests = {};
  } else if (url.pathname === "/control/trap") {
    requests.trap = (requests.trap ?? 0) + 1;
  }
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(requests));
}

async function github(request, response) {
  const token = await provider.AccessToken.find(request.headers.authorization?.replace(/^Bearer /, "") ?? "");
  if (!token) return response.writeHead(401).end("{}");
  const { number, name, email } = people[token.accountId];
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ id: number, login: token.accountId, name, email }));
}

async function form(request) {
  let body = "";
  for await (const chunk of request) body += chunk;
  return new URLSearchParams(body);
}

async function serve(request, response) {
  const url = new URL(request.url, ISSUER);
  if (url.pathname.startsWith("/control/")) return control(url, response);
  if (url.pathname === "/github/user") return github(request, response);
  if (url.pathname.startsWith("/interaction/")) {
    return pages.interaction(provider, people, request, response, request.method === "POST" ? await form(request) : undefined);
  }
  return provider.callback()(request, response);
}

http
  .createServer((request, response) => serve(request, response).catch((error) => {
    console.error(error);
    if (!response.headersSent) response.writeHead(500);
    response.end();
  }))
  .listen(PORT, HOST);
