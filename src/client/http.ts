/**
 * The calls that a person's machine makes: to the issuer and to the gateway, straight or by the proxy of the environment.
 * Answers are bounded in size and time, redirects are not followed, and nothing goes anywhere in plain text.
 */
import { readFile } from 'node:fs/promises';
import { getCACertificates } from 'node:tls';
import { EnvHttpProxyAgent } from 'undici';
import { callHttp, type HttpAnswer, type HttpCall } from '../platform/http-call.ts';
import { ClientFailure } from './failure.ts';
import { safeUrl } from './safe-url.ts';

export interface Http {
  /** @throws ClientFailure the URL is not safe, the answer too large; Error of the network */
  readonly call: (url: string, call?: Partial<HttpCall>) => Promise<HttpAnswer>;
  /** What servers are verified by; `undefined`: as Node does by itself. */
  readonly ca: readonly string[] | undefined;
  readonly close: () => Promise<void>;
}

const CALL_LIMIT_MS = 20_000;
const CONNECT_LIMIT_MS = 10_000;
const MAX_ANSWER_BYTES = 1_048_576;

/** Opens the way out. `caFile` adds to the certificates of the system. @throws ClientFailure it cannot be read */
export async function openHttp(
  env: Readonly<Record<string, string | undefined>>,
  caFile: string | undefined,
): Promise<Http> {
  const ca = caFile === undefined ? undefined : [...getCACertificates('default'), await readCa(caFile)];
  const tls = ca === undefined ? {} : { ca };
  const agent = new EnvHttpProxyAgent({
    httpProxy: env['http_proxy'] ?? env['HTTP_PROXY'] ?? '',
    httpsProxy: env['https_proxy'] ?? env['HTTPS_PROXY'] ?? '',
    noProxy: ['localhost', '127.0.0.1', '[::1]', env['no_proxy'] ?? env['NO_PROXY'] ?? ''].join(),
    connect: { ...tls, timeout: CONNECT_LIMIT_MS },
    requestTls: tls,
  });
  return {
    ca,
    call: async (url, { method = 'GET', headers = {}, body, signal } = {}) => {
      safeUrl(url, printableOrigin(url));
      return callHttp(
        url,
        { method, headers: { 'user-agent': 'sallyport', ...headers }, body, signal },
        {
          ...{ dispatcher: agent, timeoutMs: CALL_LIMIT_MS, maxBytes: MAX_ANSWER_BYTES },
          tooLong: () => new ClientFailure(`${new URL(url).origin} answers too much`),
        },
      );
    },
    close: () => agent.close(),
  };
}

async function readCa(caFile: string): Promise<string> {
  try {
    const content = await readFile(caFile, 'utf8');
    if (content.includes('-----BEGIN CERTIFICATE-----')) return content;
  } catch (error) {
    throw new ClientFailure(`the CA file ${caFile} cannot be read`, 'name the right one: sallyport login --ca-file', {
      cause: error,
    });
  }
  throw new ClientFailure(`${caFile} holds no certificate`, 'it must be PEM: sallyport login --ca-file');
}

/** A query may hold what nobody else should see. */
function printableOrigin(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : 'a URL of the issuer';
}
