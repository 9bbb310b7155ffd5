// The provider's keys, made anew at each start, and signatures with any key: of tokens
// that are as they should be and of those that are not.
import * as crypto from "node:crypto";

const pair = (type, options, kid) => {
  const { privateKey } = crypto.generateKeyPairSync(type, options);
  const jwk = { ...privateKey.export({ format: "jwk" }), kid, use: "sig" };
  return { privateKey, kid, alg: type === "rsa" ? "RS256" : "ES256", jwk: { ...jwk, alg: type === "rsa" ? "RS256" : "ES256" } };
};

export const rsa = pair("rsa", { modulusLength: 2048 }, "rsa");
export const ec = pair("ec", { namedCurve: "P-256" }, "ec");
export const spare = pair("rsa", { modulusLength: 2048 }, "spare"); // unknown until it is published

export const published = ({ jwk: { d, p, q, dp, dq, qi, ...rest } }) => rest;

const base64url = (text) => Buffer.from(text).toString("base64url");

// decode gives header and claims of a token, unverified.
export const decode = (token) => token.split(".", 2).map((part) => JSON.parse(Buffer.from(part, "base64url")));

// sign makes a token of a header and of claims; claims may be text, for what JSON.stringify
// cannot say. key is a pair from above, or a secret for HMAC, or undefined for none.
export function sign(header, claims, key) {
  const payload = typeof claims === "string" ? claims : JSON.stringify(claims);
  const input = `${base64url(JSON.stringify(header))}.${base64url(payload)}`;
  return `${input}.${signature(input, key)}`;
}

function signature(input, key) {
  if (!key) return "";
  if (typeof key === "string") return crypto.createHmac("sha256", key).update(input).digest("base64url");
  return crypto.sign("sha256", Buffer.from(input), { key: key.privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url");
}
