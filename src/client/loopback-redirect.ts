/**
 * Where the browser comes back to: 127.0.0.1 on a port of its own, for one answer. Enters: requests of anything that runs on
 * this machine, web pages among them. Leaves: the query of the one request that knows `state`. Never: a byte of a request
 * in a page, a second answer, a name other than the address (which is how DNS rebinding comes).
 * @see RFC 8252 section 7.3
 */
import { hash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ClientFailure } from './failure.ts';

export interface LoopbackRedirect {
  /** Such as `http://127.0.0.1:49152/callback`. */
  readonly uri: string;
  /** The whole URL that the browser came back to. @throws ClientFailure nobody came in time */
  readonly answer: () => Promise<URL>;
  readonly close: () => Promise<void>;
}

const PATH = '/callback';
const MAX_QUERY_LENGTH = 8192;

/** Waits on a port that the system chooses, for at most `limitMs`. */
export async function openLoopbackRedirect(state: string, limitMs: number): Promise<LoopbackRedirect> {
  const { promise, resolve, reject } = Promise.withResolvers<URL>();
  // Nobody may be waiting yet when time is up.
  promise.catch(() => undefined);
  let origin = '';
  let answered = false;
  const server = createServer({ maxHeaderSize: 16_384, requestTimeout: 10_000 }, (request, response) => {
    const url = !answered && isNavigation(request, origin) ? answerOf(request, origin, state) : undefined;
    if (url === undefined) {
      send(response, 400, REFUSED);
      return;
    }
    answered = true;
    send(response, 200, url.searchParams.has('error') ? FAILED : DONE);
    resolve(url);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const timer = setTimeout(() => {
    reject(new ClientFailure('timed out waiting for the login', 'log in again; without a browser here: --device'));
  }, limitMs);
  return {
    uri: origin + PATH,
    answer: () => promise,
    close: async () => {
      clearTimeout(timer);
      server.close();
      // The page may still be on its way to the browser.
      server.closeIdleConnections();
      await Promise.race([once(server, 'close'), new Promise((done) => setTimeout(done, 500).unref())]);
      server.closeAllConnections();
    },
  };
}

/** A page that a person is looking at, by the address itself; no script, frame or form of another page. */
function isNavigation({ method, headers }: IncomingMessage, origin: string): boolean {
  const { host, origin: from, 'sec-fetch-mode': mode = 'navigate', 'sec-fetch-dest': dest = 'document' } = headers;
  return (
    method === 'GET' &&
    `http://${host ?? ''}` === origin &&
    from === undefined &&
    mode === 'navigate' &&
    dest === 'document'
  );
}

function answerOf({ url: target = '' }: IncomingMessage, origin: string, state: string): URL | undefined {
  if (!target.startsWith(`${PATH}?`) || target.length > MAX_QUERY_LENGTH) return undefined;
  const url = new URL(origin + target);
  const states = url.searchParams.getAll('state');
  const [returnedState] = states;
  if (states.length !== 1 || returnedState === undefined || !equal(returnedState, state)) return undefined;
  return url;
}

function equal(left: string, right: string): boolean {
  return timingSafeEqual(hash('sha256', left, 'buffer'), hash('sha256', right, 'buffer'));
}

const page = (title: string, text: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>Sallyport</title><h1>${title}</h1><p>${text}</p></html>\n`;
const DONE = page('Signed in', 'Go back to your terminal; this page can be closed.');
const FAILED = page('Not signed in', 'Your terminal says why; this page can be closed.');
const REFUSED = page('Refused', 'This is not the expected response.');

function send(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-length': Buffer.byteLength(html),
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cache-control': 'no-store',
    // The address of this page holds the code.
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    connection: 'close',
  });
  response.end(html);
}
