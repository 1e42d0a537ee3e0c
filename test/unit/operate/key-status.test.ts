import assert from 'node:assert/strict';
import { keyStatus, type LocationStatus } from '../../../src/operate/key-status.ts';
import { createVersionCounter } from '../../../src/operate/version-counter.ts';

const keyring = { current: 'local:3', configured: ['local:1', 'local:2', 'local:3'] };

function seen(
  change: Partial<LocationStatus> = {},
  keyIds: readonly string[] = ['local:2', 'local:3'],
): LocationStatus {
  const counter = createVersionCounter();
  for (const keyId of keyIds) {
    counter.add({ stored: { form: 'sealed', envelope: '', kind: 's', keyId }, isLocked: false }, false);
  }
  const versions = counter.report();
  const whole = { failed: 0, failures: [], complete: true, listsVersions: true, uploadsInFlight: 0 };
  return { location: 's3://box/', versions, ...whole, ...change };
}

describe('what can be retired', () => {
  it('is every version that nothing refers to, old versions of objects included, and never the current one', () => {
    assert.deepEqual(keyStatus(keyring, [seen()], true).unreferenced, ['local:1']);
    assert.deepEqual(keyStatus(keyring, [seen({}, [])], true).unreferenced, ['local:1', 'local:2']);
  });

  it('cannot be said of what was not looked at', () => {
    assert.equal(keyStatus(keyring, [], false).unreferenced, undefined);
    assert.equal(keyStatus(keyring, [seen(), seen({ complete: false })], true).unreferenced, undefined);
  });

  it('cannot be said while a version could not be looked at', () => {
    const counter = createVersionCounter();
    counter.addUnknown(false);
    assert.equal(keyStatus(keyring, [seen({ versions: counter.report() })], true).unreferenced, undefined);
  });

  it('cannot be said while uploads are in progress: which key they have is not to be seen', () => {
    assert.equal(keyStatus(keyring, [seen({ uploadsInFlight: 1 })], true).unreferenced, undefined);
  });
});
