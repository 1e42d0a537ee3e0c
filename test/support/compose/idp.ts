/**
 * In place of Keycloak in docker-compose.yml: as much of it as the gateways and the first steps ask for, at the same address, with the
 * same certificate and passwords, and claims as the realm's mappers make them.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { env } from 'node:process';
import { text } from 'node:stream/consumers';
import { makeKey, sendJson, signToken } from '../identity/issuer.ts';

const ISSUER = `${env['KC_HOSTNAME'] ?? ''}/realms/sallyport`;
const PREFIX = '/realms/sallyport';
const key = makeKey('RS256', 'k1');

const server = createServer(
  {
    cert: readFileSync(env['KC_HTTPS_CERTIFICATE_FILE'] ?? ''),
    key: readFileSync(env['KC_HTTPS_CERTIFICATE_KEY_FILE'] ?? ''),
  },
  (request, response) => {
    const answers: Readonly<Record<string, () => unknown>> = {
      '/.well-known/openid-configuration': () => ({
        issuer: ISSUER,
        jwks_uri: `${ISSUER}/protocol/openid-connect/certs`,
      }),
      '/protocol/openid-connect/certs': () => ({ keys: [key.publicJwk] }),
    };
    const path = request.url?.slice(PREFIX.length) ?? '';
    if (path === '/protocol/openid-connect/token') {
      void text(request).then((body) => {
        const form = new URLSearchParams(body);
        const isAlice = form.get('username') === 'alice' && form.get('password') === env['ALICE_PASSWORD'];
        if (!isAlice) {
          response.writeHead(401).end();
          return;
        }
        const iat = Math.floor(Date.now() / 1000);
        const claims = {
          iss: ISSUER,
          aud: 'sallyport',
          sub: 'alice',
          azp: form.get('client_id'),
          groups: ['analytics'],
        };
        sendJson(response, { access_token: signToken(key, { ...claims, iat, exp: iat + 600 }) });
      });
    } else if (answers[path] !== undefined) sendJson(response, answers[path]());
    else response.writeHead(404).end();
  },
);
server.listen(8443);
