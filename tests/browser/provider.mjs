// A provider of identities for the browser tests: the program `oidc-provider`, with people to choose from instead of passwords.
// It is version 8 of it: later ones need a newer node than the 18 that Debian 12 has.
//
// node provider.mjs FOLDER SETTINGS
//   FOLDER    where the packages of package-lock.json are installed
//   SETTINGS  JSON: { clientId, clientSecret, redirectUri, people: [{ sub, name, groups }] }
//
// Says `issuer=URL` once it listens, and ends with its standard input, so that it never outlives the test that started it.
import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, text] = process.argv.slice(2);
const settings = JSON.parse(text);
const { default: Provider } = await import(pathToFileURL(join(folder, "node_modules/oidc-provider/lib/index.js")));

const people = new Map(settings.people.map((person) => [person.sub, person]));

const escaped = (value) => value.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

const choice = (uid) => `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Who are you?</title>
<h1>Who are you?</h1><form method="post" action="/interaction/${uid}">
${[...people.values()].map((person) => `<p><button name="sub" value="${escaped(person.sub)}">${escaped(person.name)}</button></p>`).join("\n")}
</form></html>`;

const configuration = {
  clients: [{
    client_id: settings.clientId,
    client_secret: settings.clientSecret,
    redirect_uris: [settings.redirectUri],
    response_types: ["code"],
    grant_types: ["authorization_code"],
  }],
  pkce: { required: () => true },
  scopes: ["openid", "profile", "email", "groups"],
  claims: { openid: ["sub"], profile: ["name"], email: ["email", "email_verified"], groups: ["groups"] },
  features: { devInteractions: { enabled: false } },
  cookies: { keys: ["only for tests"] },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, sub) => {
    const person = people.get(sub);
    return person && {
      accountId: sub,
      claims: () => ({ sub, name: person.name, groups: person.groups, email: `${sub}@corp.example`, email_verified: true }),
    };
  },
  // Nobody is asked whether Countersign may know who they are.
  loadExistingGrant: async (context) => {
    const { client, session, provider } = context.oidc;
    const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope("openid profile email groups");
    await grant.save();
    return grant;
  },
};

const body = async (request) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  return new URLSearchParams(Buffer.concat(parts).toString());
};

let answer;
const server = createServer(async (request, response) => {
  const interaction = /^\/interaction\/([\w-]+)$/.exec(request.url);
  if (!interaction) return answer(request, response);
  if (request.method === "GET") {
    response.setHeader("content-type", "text/html; charset=utf-8");
    return response.end(choice(interaction[1]));
  }
  const accountId = (await body(request)).get("sub");
  return provider.interactionFinished(request, response, { login: { accountId } });
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, configuration);
answer = provider.callback();
console.log(`issuer=${issuer}`);
process.stdin.resume().on("end", () => process.exit(0));
