// The provider's own pages: who are you, may this application, do you want to log out.
// They have no scripts, and load nothing.
const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const page = (title, body) => `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>${escape(title)}</title>
<link rel="icon" href="data:,"><main><h1>${escape(title)}</h1>${body}</main></html>`;

export function send(response, title, body, status = 200) {
  response.writeHead(status, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" });
  response.end(page(title, body));
}

export const logout = (ctx, form) => {
  ctx.type = "html";
  const buttons = '<button name="logout" value="yes" id="logout">Log out</button><button id="stay">Stay</button>';
  ctx.body = page("Log out?", form.replace("</form>", `${buttons}</form>`));
};

export const loggedOut = (ctx) => {
  ctx.type = "html";
  ctx.body = page("Logged out", "");
};

export const failed = (ctx, out) => {
  ctx.type = "html";
  ctx.body = page("It failed", `<p id="error">${escape(out.error)}: ${escape(out.error_description)}</p>`);
};

// interaction answers /interaction/… : a page for GET, and what the person pressed for POST.
export async function interaction(provider, people, request, response, form) {
  const details = await provider.interactionDetails(request, response);
  const finish = (result, options) => provider.interactionFinished(request, response, result, options);
  if (request.method === "GET") return ask(details, response);
  if (form.get("answer") === "cancel") {
    return finish({ error: "access_denied", error_description: "The person refused." }, { mergeWithLastSubmission: false });
  }
  if (details.prompt.name === "login") {
    const login = form.get("login");
    if (!people[login] || form.get("password") !== `${login}'s password`) return ask(details, response, "That is not right.");
    return finish({ login: { accountId: login } }, { mergeWithLastSubmission: false });
  }
  return finish({ consent: { grantId: await grant(provider, details) } }, { mergeWithLastSubmission: true });
}

function ask({ prompt, params, uid }, response, message = "") {
  const login = '<label>Name <input name="login"></label><label>Password <input name="password" type="password"></label>';
  const consent = `<p>${escape(params.client_id)} wants: <span id="scope">${escape(params.scope ?? "")}</span></p>`;
  send(response, prompt.name === "login" ? "Log in" : "Allow?", `<p role="alert">${escape(message)}</p>
<form method="post" action="/interaction/${escape(uid)}">${prompt.name === "login" ? login : consent}
<button id="allow" name="answer" value="allow">Continue</button><button id="cancel" name="answer" value="cancel">Cancel</button></form>`);
}

// grant is what the person allowed: all that was asked for.
async function grant(provider, { grantId, prompt: { details }, session, params }) {
  const found = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (details.missingOIDCScope) found.addOIDCScope(details.missingOIDCScope.join(" "));
  if (details.missingOIDCClaims) found.addOIDCClaims(details.missingOIDCClaims);
  return found.save();
}
