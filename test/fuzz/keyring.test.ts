import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { createKmsKeyring } from '../../src/core/keyring/kms-keyring.ts';
import type { RemoteKeyring } from '../../src/core/keyring/remote-keyring.ts';
import { createVaultKeyring } from '../../src/core/keyring/vault-keyring.ts';
import { GatewayError } from '../../src/errors/gateway-error.ts';
import { KMS_CREDENTIALS, KMS_REGION, KmsDouble } from '../support/core/kms-double.ts';
import { VaultDouble } from '../support/core/vault-double.ts';
import { MovedClock, observer, unavailable } from '../unit/core/keyring/fixture.ts';

const CODES = new Set(['ServiceUnavailable', 'IntegrityFailure']);

const context = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));
const base64 = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString('base64'));
const odd = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.constant([]), fc.constant({}), fc.boolean());
const plaintext = fc.oneof(odd, base64(64), fc.constant(Buffer.alloc(32, 7).toString('base64')));
const wrapped = fc.oneof(
  odd,
  base64(300),
  fc.tuple(fc.nat(), base64(300)).map(([v, text]) => `vault:v${v}:${text}`),
);

/** Answers of the shape that is expected, with anything in it. */
const answer = fc.record({
  status: fc.constantFrom(200, 200, 200, 204, 400, 403, 404, 429, 500, 503),
  document: fc.oneof(
    fc.jsonValue(),
    fc.record(
      {
        ...{ Plaintext: plaintext, CiphertextBlob: wrapped, __type: odd },
        data: fc.oneof(odd, fc.record({ plaintext, ciphertext: wrapped, key_version: odd }, { requiredKeys: [] })),
        errors: fc.oneof(odd, fc.array(odd)),
      },
      { requiredKeys: [] },
    ),
  ),
});

interface Subject {
  readonly keyring: RemoteKeyring;
  /** Answers all calls that use a key with this, or as they should be. */
  readonly answerWith: (input: { readonly status: number; readonly document: unknown } | undefined) => void;
}

describe('remote keyrings, whatever is asked and answered', function () {
  this.timeout(60_000);
  const subjects = new Map<string, Subject>();
  const ends: (() => Promise<unknown>)[] = [];

  before(async () => {
    const clock = new MovedClock();
    const common = { timeoutMs: 5000, clock, observer };
    const directory = await mkdtemp(join(tmpdir(), 'sallyport-fuzz-'));
    const tokenFile = join(directory, 'token');
    const vault = await new VaultDouble(clock.now).start();
    vault.createKey('k');
    await writeFile(tokenFile, vault.createToken());
    const kms = await new KmsDouble().start();
    const faultOf =
      (input: Parameters<Subject['answerWith']>[0], calls: RegExp) =>
      (request: IncomingMessage, response: ServerResponse): boolean => {
        if (input === undefined || !calls.test(request.url ?? '')) return false;
        response.writeHead(input.status).end(input.status === 204 ? undefined : JSON.stringify(input.document));
        return true;
      };
    const inVault = createVaultKeyring({
      ...{ ...common, id: 'vault', address: vault.address, mount: 'transit', key: 'k' },
      auth: { method: 'token', tokenFile },
    });
    const inKms = createKmsKeyring({
      ...{ ...common, id: 'kms', endpoint: kms.endpoint, region: KMS_REGION },
      credentials: () => Promise.resolve(KMS_CREDENTIALS),
      ...{ current: 1, versions: new Map([[1, kms.createKey()]]) },
    });
    subjects.set('Vault', {
      keyring: inVault,
      answerWith: (input) => (vault.fault = faultOf(input, /datakey|encrypt|decrypt/)),
    });
    subjects.set('KMS', { keyring: inKms, answerWith: (input) => (kms.fault = faultOf(input, /./)) });
    ends.push(
      inVault.close,
      inKms.close,
      () => vault.stop(),
      () => kms.stop(),
      () => rm(directory, { recursive: true }),
    );
  });

  after(async () => {
    for (const end of ends) await end();
  });

  const subject = (name: string): Subject => {
    const found = subjects.get(name);
    assert.ok(found !== undefined);
    return found;
  };

  for (const name of ['Vault', 'KMS']) {
    it(`${name}: any data key opens in its place, and in no other`, async () => {
      const { keyring, answerWith } = subject(name);
      answerWith(undefined);
      await fc.assert(
        fc.asyncProperty(context, context, async (here, elsewhere) => {
          fc.pre(!here.equals(elsewhere));
          const made = await keyring.newDataKey(here);
          assert.ok((await keyring.unwrap(made, here)).equals(made.dataKey));
          await assert.rejects(async () => keyring.unwrap(made, elsewhere), { code: 'IntegrityFailure' });
          const moved = await keyring.wrap(made.dataKey, elsewhere);
          assert.ok((await keyring.unwrap(moved, elsewhere)).equals(made.dataKey));
        }),
        { numRuns: 40 },
      );
    });

    it(`${name}: any answer gives a whole data key with a wrapped key that fits, or a refusal with a code`, async () => {
      const { keyring, answerWith } = subject(name);
      answerWith(undefined);
      const here = Buffer.alloc(32, 1);
      const made = await keyring.newDataKey(here);
      await fc.assert(
        fc.asyncProperty(answer, async (input) => {
          answerWith(input);
          const [fresh, opened] = await Promise.allSettled([keyring.newDataKey(here), keyring.unwrap(made, here)]);
          if (fresh.status === 'fulfilled') {
            const { dataKey, wrapped: kept, kekVersion } = fresh.value;
            assert.equal(dataKey.symmetricKeySize, 32);
            assert.ok(kept.length >= 24 && kept.length <= 256);
            assert.ok(kekVersion >= 1 && kekVersion <= 0xffff_ffff);
          } else
            assert.throws(() => {
              throw fresh.reason;
            }, unavailable);
          if (opened.status === 'fulfilled') assert.equal(opened.value.symmetricKeySize, 32);
          else assert.ok(opened.reason instanceof GatewayError && CODES.has(opened.reason.code));
        }),
        { numRuns: 300 },
      );
    });
  }
});
