/** What the tests of remote keyrings share. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Keyring } from '../../../../src/contracts/keyring.ts';
import type { Observer } from '../../../../src/contracts/observer.ts';
import { GatewayError } from '../../../../src/errors/gateway-error.ts';

const ignore = (): void => undefined;

export const observer: Observer = {
  ...{ stage: ignore, request: ignore, failure: ignore, cache: ignore, call: ignore, lookup: ignore, leftOut: ignore },
  ...{ queued: ignore },
  ...{ clockOffset: ignore, event: ignore },
};

export const HERE = Buffer.alloc(32, 1);
export const ELSEWHERE = Buffer.alloc(32, 2);

export const unavailable = { code: 'ServiceUnavailable' };
export const integrity = { code: 'IntegrityFailure' };

/** A clock that goes with the real one, and can be moved ahead. */
export class MovedClock {
  aheadMs = 0;
  readonly now = (): number => Date.now() + this.aheadMs;
}

/** Answers that no key service should give, and a keyring must bear. */
export const FAULTS: Readonly<Record<string, (response: ServerResponse) => void>> = {
  'breaks the connection off': (response) => response.destroy(),
  'breaks off within its answer': (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' });
    response.write('{"data":', () => response.destroy());
  },
  'never answers': ignore,
  'never ends its answer': (response) => {
    response.writeHead(200);
    response.write('{');
  },
  'answers no JSON': (response) => response.end('<html>it works</html>'),
  'answers nothing': (response) => response.end(),
  'answers an array': (response) => response.end('[]'),
  'answers null': (response) => response.end('null'),
  'answers without an end in sight': (response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, 0x20)));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  },
  'answers 204': (response) => response.writeHead(204).end(),
  'answers 500 without a word': (response) => response.writeHead(500).end(),
  'sends elsewhere': (response) => response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end(),
};

/** Everything that the caller of a keyring could see or log of an error, causes included. */
export function reported(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    parts.push(at.message, at.stack ?? '', JSON.stringify(at));
  }
  return parts.join('\n');
}

/** What every keyring must hold to: see the calls. */
export function itIsAKeyring(keyringOf: () => Keyring): void {
  it('unwraps what it wrapped, in its place', async () => {
    const made = await keyringOf().newDataKey(HERE);
    assert.equal(made.dataKey.symmetricKeySize, 32);
    assert.ok((await keyringOf().unwrap(made, HERE)).equals(made.dataKey));
  });

  it('never gives the same data key twice', async () => {
    const [a, b] = [await keyringOf().newDataKey(HERE), await keyringOf().newDataKey(HERE)];
    assert.equal(a.dataKey.equals(b.dataKey), false);
  });

  it('wraps a data key that exists for another place, and there only', async () => {
    const made = await keyringOf().newDataKey(HERE);
    const moved = await keyringOf().wrap(made.dataKey, ELSEWHERE);
    assert.ok((await keyringOf().unwrap(moved, ELSEWHERE)).equals(made.dataKey));
    await assert.rejects(async () => keyringOf().unwrap(moved, HERE), integrity);
    await assert.rejects(async () => keyringOf().unwrap(made, ELSEWHERE), integrity);
  });

  it('says which version wraps', async () => {
    const { keyringId, kekVersion } = await keyringOf().newDataKey(HERE);
    assert.deepEqual(await keyringOf().current(), { keyringId, kekVersion });
  });

  it('opens nothing that was altered', async () => {
    const made = await keyringOf().newDataKey(HERE);
    for (let at = 0; at < made.wrapped.length; at += 7) {
      const altered = Buffer.from(made.wrapped);
      altered.writeUInt8(altered.readUInt8(at) ^ 1, at);
      await assert.rejects(async () => keyringOf().unwrap({ ...made, wrapped: altered }, HERE), GatewayError);
    }
    for (const length of [24, 59, 61, 256]) {
      await assert.rejects(async () => keyringOf().unwrap({ ...made, wrapped: randomBytes(length) }, HERE), integrity);
    }
  });

  it('calls a version that is not there unavailable, not lost', async () => {
    const made = await keyringOf().newDataKey(HERE);
    await assert.rejects(async () => keyringOf().unwrap({ ...made, kekVersion: 4_000_000_000 }, HERE), unavailable);
  });
}
