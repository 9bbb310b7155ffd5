// A real OAuth 1.0a service for the tests, in Twitter's shape: oauthorize, by the author of
// Passport, on Express. It listens on HOST:PORT and calls itself localhost. One page asks
// who the person is and whether the application may.
import crypto from "node:crypto";
import express from "express";
import session from "express-session";
import oauthorize from "oauthorize";
import passport from "passport";
import { ConsumerStrategy } from "passport-http-oauth";

const { HOST, PORT, CONSUMER_KEY, CONSUMER_SECRET } = process.env;
const people = { ada: { id_str: "1001", screen_name: "ada", name: "Ada Lovelace" }, grace: { id_str: "1002", screen_name: "grace", name: "Grace Hopper" } };
const random = () => crypto.randomBytes(12).toString("hex");
const consumer = { id: CONSUMER_KEY };
const tokens = new Map(); // request and access tokens
const nonces = new Set();

const issue = (token) => {
  const [key, secret] = [random(), random()];
  tokens.set(key, { ...token, secret });
  return [key, secret];
};

passport.use("consumer", new ConsumerStrategy(
  (key, done) => (key === CONSUMER_KEY ? done(null, consumer, CONSUMER_SECRET) : done(null, false)),
  (key, done) => done(null, tokens.get(key)?.secret, { found: tokens.get(key) }),
  (timestamp, nonce, done) => {
    const fresh = Math.abs(Date.now() / 1000 - timestamp) < 300 && !nonces.has(nonce);
    nonces.add(nonce);
    done(null, fresh);
  },
));

const server = oauthorize.createServer();
server.serializeClient((client, done) => done(null, client.id));
server.deserializeClient((id, done) => done(null, id === consumer.id && consumer));

const app = express();
app.use(session({ secret: "the tests' own", resave: false, saveUninitialized: true, cookie: { sameSite: "lax" } }));
app.use(express.urlencoded({ extended: false }));
app.use(passport.initialize());
const signed = passport.authenticate("consumer", { session: false });

app.all("/oauth/request_token", signed, server.requestToken((client, callback, done) => {
  if (!callback?.startsWith("http://127.0.0.1:")) return done(null, false);
  return done(null, ...issue({ kind: "request", client: client.id, callback }));
}), server.errorHandler());

const decide = server.userAuthorization((token, done) => {
  const found = tokens.get(token);
  return found?.kind === "request" ? done(null, consumer, found.callback) : done(null, false);
});
app.get(["/oauth/authorize", "/oauth/authenticate"], decide, (request, response) => response.send(page(request.oauth.transactionID)), server.errorHandler());

const page = (transaction, problem = "") => `<!DOCTYPE html><link rel="icon" href="data:,"><title>Allow?</title><p role="alert">${problem}</p>
<form method="post" action="/oauth/decision"><input type="hidden" name="transaction_id" value="${transaction}">
<input name="login"><input name="password" type="password"><button id="allow">Allow</button><button id="cancel" name="cancel" value="no">Cancel</button></form>`;

app.post("/oauth/decision", (request, response, next) => {
  const { login, password, cancel, transaction_id: transaction } = request.body;
  if (!cancel && (!Object.hasOwn(people, login) || password !== `${login}'s password`)) return response.send(page(transaction, "That is not right."));
  request.user = login;
  return next();
}, server.userDecision({}, (request, done) => done(), (token, login, answer, done) => {
  const verifier = random();
  Object.assign(tokens.get(token), { login, verifier });
  done(null, verifier);
}), server.errorHandler());

app.all("/oauth/access_token", signed, server.accessToken(
  (token, verifier, info, done) => done(null, info.found.kind === "request" && info.found.verifier !== undefined && info.found.verifier === verifier),
  (client, token, info, done) => {
    tokens.delete(token); // once
    const { login } = info.found;
    const [key, secret] = issue({ kind: "access", login });
    done(null, key, secret, { user_id: people[login].id_str, screen_name: login });
  },
), server.errorHandler());

app.get("/profile", signed, (request, response) => {
  const { found } = request.authInfo;
  if (found?.kind !== "access") return response.status(401).json({});
  return response.json({ ...people[found.login], description: "", location: "", profile_image_url: "", email: "" });
});

app.listen(PORT, HOST);
