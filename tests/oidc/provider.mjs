// A real OpenID Connect provider for the tests of signing in: oidc-provider with one client and a sign-in page that
// believes whatever name it is given.
//
// usage, in the folder that has node_modules: node provider.mjs <redirect URI>
// Prints its issuer when it listens. Ends with its standard input, so that it cannot outlive the test.

import { createServer } from 'node:http';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

// The library has notices of its own; standard output is for the issuer alone.
console.log = console.error;
console.info = console.error;

const library = resolve('node_modules/oidc-provider/lib/index.js');
const { default: Provider } = await import(pathToFileURL(library));

const [redirectUri] = process.argv.slice(2);

const server = createServer((request, response) => handle(request, response));
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  acrValues: ['urn:test:two-factors'],
  clients: [{
    client_id: 'truyvet',
    client_secret: 'a secret of this test alone',
    redirect_uris: [redirectUri],
  }],
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  // Nobody is asked whether the portal may know the subject: it learns nothing else.
  loadExistingGrant: async (context) => {
    const grant = new context.oidc.provider.Grant({
      clientId: context.oidc.client.clientId,
      accountId: context.oidc.session.accountId,
    });
    grant.addOIDCScope('openid');
    await grant.save();
    return grant;
  },
});
const answer = provider.callback();

// `/interaction/<uid>?subject=…&acr=…` signs in as that subject; by an empty one it refuses.
async function handle(request, response) {
  const url = new URL(request.url, issuer);
  if (!url.pathname.startsWith('/interaction/')) {
    answer(request, response);
    return;
  }
  // For a real browser: a page to choose on.
  if (!url.searchParams.has('subject')) {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end('<title>Provider</title><h1>Who are you?</h1><a href="?subject=officer-number-4711">officer-number-4711</a>');
    return;
  }
  const subject = url.searchParams.get('subject');
  const acr = url.searchParams.get('acr') ?? undefined;
  const result = subject
    ? { login: { accountId: subject, acr, remember: false } }
    : { error: 'access_denied' };
  await provider.interactionFinished(request, response, result);
}

process.stdin.resume();
process.stdin.on('end', () => process.exit());
process.stdout.write(`${issuer}\n`);
