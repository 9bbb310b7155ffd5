"""A real OAuth 1.0a service for the tests: oauthlib on Flask, Debian's packages.

It is stricter than server.mjs: it checks the lengths and alphabets of everything, realms,
and RSA signatures. It listens on HOST:PORT and calls itself localhost. One page asks who the
person is and whether the application may.
"""

import os
import secrets
import time
from urllib.parse import urlencode

from flask import Flask, Response, jsonify, redirect, request
from oauthlib.oauth1 import RequestValidator, WebApplicationServer
from oauthlib.oauth1.rfc5849 import SIGNATURE_METHODS, SIGNATURE_PLAINTEXT

KEY = os.environ["CONSUMER_KEY"]
SECRET = os.environ["CONSUMER_SECRET"]
RSA_KEY = os.environ.get("RSA_PUBLIC_KEY", "")
PEOPLE = {
    "ada": {"id_str": "1001", "screen_name": "ada", "name": "Ada Lovelace"},
    "grace": {"id_str": "1002", "screen_name": "grace", "name": "Grace Hopper"},
}

requests, accesses, nonces = {}, {}, set()


class Validator(RequestValidator):
    enforce_ssl = False
    realms = ["all"]
    client_key_length = (20, 40)
    nonce_length = (15, 60)  # goth's library sends numbers
    safe_characters = RequestValidator.safe_characters.fget(None) | set("-_")  # nonces are base64url
    allowed_signature_methods = [m for m in SIGNATURE_METHODS if m != SIGNATURE_PLAINTEXT]
    dummy_client = "dummy" * 5
    dummy_request_token = dummy_access_token = "dummy" * 5

    def get_client_secret(self, client_key, request):
        return SECRET if client_key == KEY else "dummy"

    def get_rsa_key(self, client_key, request):
        return RSA_KEY

    def get_request_token_secret(self, client_key, token, request):
        return requests.get(token, {}).get("oauth_token_secret", "dummy")

    def get_access_token_secret(self, client_key, token, request):
        return accesses.get(token, {}).get("oauth_token_secret", "dummy")

    def get_default_realms(self, client_key, request):
        return ["all"]

    def get_realms(self, token, request):
        return ["all"]

    def get_redirect_uri(self, token, request):
        return requests[token]["callback"]

    def invalidate_request_token(self, client_key, request_token, request):
        requests.pop(request_token, None)

    def validate_client_key(self, client_key, request):
        return client_key == KEY

    def validate_request_token(self, client_key, token, request):
        return token in requests

    def validate_access_token(self, client_key, token, request):
        return token in accesses

    def validate_timestamp_and_nonce(self, client_key, timestamp, nonce, request, request_token=None, access_token=None):
        fresh = abs(time.time() - int(timestamp)) < 300 and nonce not in nonces
        nonces.add(nonce)
        return fresh

    def validate_redirect_uri(self, client_key, redirect_uri, request):
        return redirect_uri.startswith("http://127.0.0.1:")

    def validate_requested_realms(self, client_key, realms, request):
        return True

    def validate_realms(self, client_key, token, request, uri=None, realms=None):
        return True

    def validate_verifier(self, client_key, token, verifier, request):
        return secrets.compare_digest(requests[token].get("verifier", "nobody"), verifier)

    def verify_request_token(self, token, request):
        return token in requests

    def verify_realms(self, token, realms, request):
        return True

    def save_request_token(self, token, request):
        requests[token["oauth_token"]] = {**token, "callback": request.redirect_uri}

    def save_access_token(self, token, request):
        token["user_id"] = PEOPLE[requests[request.resource_owner_key]["login"]]["id_str"]
        accesses[token["oauth_token"]] = {**token, "login": requests[request.resource_owner_key]["login"]}

    def save_verifier(self, token, verifier, request):
        requests[token].update(verifier=verifier["oauth_verifier"], login=request.login)


class Server(WebApplicationServer):
    """What oauthlib leaves to the application: which person it is."""

    def create_verifier(self, request, credentials):
        request.login = credentials.pop("login")
        return super().create_verifier(request, credentials)


app = Flask(__name__)
server = Server(Validator())


def asked():
    return request.url, request.method, request.get_data(as_text=True), dict(request.headers)


def answer(headers, body, status):
    return Response(body or "", status=status, headers=headers)


@app.route("/oauth/request_token", methods=["GET", "POST"])
def request_token():
    return answer(*server.create_request_token_response(*asked()))


@app.route("/oauth/access_token", methods=["GET", "POST"])
def access_token():
    return answer(*server.create_access_token_response(*asked()))


@app.route("/oauth/authorize", methods=["GET"])
def authorize():
    server.get_realms_and_credentials(*asked())  # raises what Flask answers 500 to
    return page(request.args["oauth_token"])


def page(token, problem=""):
    return f"""<!DOCTYPE html><link rel="icon" href="data:,"><title>Allow?</title><p role="alert">{problem}</p>
<form method="post" action="/oauth/decision?oauth_token={token}">
<input name="login"><input name="password" type="password"><button id="allow">Allow</button>
<button id="cancel" name="cancel" value="no">Cancel</button></form>"""


@app.route("/oauth/decision", methods=["POST"])
def decision():
    token, login = request.args["oauth_token"], request.form["login"]
    if "cancel" in request.form:  # Twitter's words for it
        callback = requests.pop(token)["callback"]
        return redirect(callback + ("&" if "?" in callback else "?") + urlencode({"denied": token}))
    if login not in PEOPLE or request.form["password"] != login + "'s password":
        return page(token, "That is not right.")
    uri = request.host_url + "oauth/authorize?" + urlencode({"oauth_token": token})
    return answer(*server.create_authorization_response(uri, credentials={"login": login}))


@app.route("/profile")
def profile():
    valid, signed = server.validate_protected_resource_request(*asked(), realms=["all"])
    if not valid:
        return jsonify({}), 401
    person = PEOPLE[accesses[signed.resource_owner_key]["login"]]
    return jsonify({**person, "description": "", "location": "", "profile_image_url": "", "email": ""})


app.run(host=os.environ["HOST"], port=int(os.environ["PORT"]), threaded=True)
