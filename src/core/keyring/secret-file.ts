/**
 * Reads a secret that others renew in place (a token of Kubernetes, an AppRole's SecretID) from its file, at each use.
 * Bounded; the content never stands in an error, and neither does the path.
 */
import { constants, open } from 'node:fs/promises';
import { GatewayError } from '../../errors/gateway-error.ts';
import { readBoundedFile } from '../../platform/bounded-file.ts';

const MAX_SECRET_BYTES = 16_384;

/** Gives the one line of visible ASCII that the file holds. @throws GatewayError ServiceUnavailable */
export async function readSecretFile(path: string, what: string): Promise<string> {
  const text = await readText(path).catch(() => undefined);
  const line = text?.replace(/[\r\n]+$/, '');
  if (line !== undefined && line.length <= MAX_SECRET_BYTES && /^[\x21-\x7e]+$/.test(line)) return line;
  const fault = text === undefined ? 'cannot be read' : 'does not hold one line of visible ASCII';
  throw new GatewayError('ServiceUnavailable', { detail: `vault: the file of ${what} ${fault}` });
}

/** `''` where it is too long. */
async function readText(path: string): Promise<string> {
  // Without O_NONBLOCK, opening a named pipe waits for its writer.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return (await readBoundedFile(file, MAX_SECRET_BYTES + '\r\n'.length))?.toString('latin1') ?? '';
}
