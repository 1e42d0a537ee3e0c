/** Where tokens may go: over TLS, or to this machine itself. */
import { ClientFailure } from './failure.ts';

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether a host name, as `URL.hostname` gives it, is this machine's own. */
function isLoopback(hostname: string): boolean {
  return LOOPBACK.has(hostname);
}

/**
 * Parses a URL that may be sent secrets: https, or http on loopback; no user, password or fragment.
 * @throws ClientFailure
 */
export function safeUrl(text: string, what: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new ClientFailure(`${what} is no https URL`);
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    throw new ClientFailure(`${what} must be https: whoever is on the way could read your tokens`);
  }
  if (url.username !== '' || url.password !== '' || url.hash !== '') {
    throw new ClientFailure(`${what} must have no user, password or fragment`);
  }
  return url;
}

/** The origin of a gateway. @throws ClientFailure there is more to it, or it is not safe */
export function gatewayOrigin(text: string): string {
  const url = safeUrl(text, 'the gateway');
  if (url.pathname !== '/' || url.search !== '') throw new ClientFailure('the gateway is named without a path');
  return url.origin;
}
