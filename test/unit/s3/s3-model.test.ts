import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { coverageOf, unjudged } from '../../../scripts/s3-model/coverage.ts';
import { newIn, readModel, type Model } from '../../../scripts/s3-model/model.ts';
import { OPERATIONS } from '../../../src/s3/operations/operations.ts';

const TESTS = join(import.meta.dirname, '../..');
const THIS_FILE = 's3-model.test.ts';

/** What tests say, but for this one. */
async function textOfTests(): Promise<string> {
  const names = (await readdir(TESTS, { recursive: true })).filter(
    (name) => /\.(?:ts|py)$/.test(name) && !name.endsWith(THIS_FILE),
  );
  return (await Promise.all(names.map((name) => readFile(join(TESTS, name), 'utf8')))).join('\n');
}

describe('the model of S3', () => {
  const coverage = coverageOf(readModel());

  it('names every operation of the table', () => {
    const served = coverage.filter(({ isServed }) => isServed).map(({ operation }) => operation);
    // What a browser posts is a form, of which the model of the SDKs knows nothing.
    const own = Object.keys(OPERATIONS).filter((name) => name !== 'PostObject');
    assert.deepEqual(served.toSorted(), own.toSorted());
  });

  it('has nothing that is refused without a reason', () => {
    assert.deepEqual(unjudged(coverage), []);
  });

  it('has no parameter that is served and of which no test speaks', async () => {
    const text = (await textOfTests()).toLowerCase();
    const served = coverage.flatMap(({ operation, parameters }) =>
      parameters.flatMap(({ how, name, member }) => (how === 'served' ? [{ operation, name, member }] : [])),
    );
    const untested = served.filter(
      ({ name, member }) => !text.includes(name.toLowerCase()) && !text.includes(member.toLowerCase()),
    );
    assert.deepEqual(untested, []);
    assert.ok(served.length > 100, `only ${served.length} served parameters were looked for`);
  });

  it('is seen to differ from a newer one by an operation, a header, a query parameter and a value', () => {
    const known = readModel();
    const operations = structuredClone(known.operations) as Record<string, Model['operations'][string]>;
    const { PutObject: put } = operations;
    assert.ok(put);
    operations['ReadMind'] = { method: 'GET', uri: '/{Bucket}?mind', parameters: [] };
    operations['PutObject'] = {
      ...put,
      parameters: [
        ...put.parameters.map((parameter) =>
          parameter.name === 'x-amz-acl'
            ? { ...parameter, values: [...(parameter.values ?? []), 'friends'] }
            : parameter,
        ),
        { member: 'Mood', in: 'header', name: 'x-amz-mood', type: 'string' },
        { member: 'Mode', in: 'query', name: 'mode', type: 'string' },
      ],
    };
    assert.deepEqual(newIn({ botocore: 'newer', operations }, known), [
      'PutObject: header x-amz-acl: friends',
      'PutObject: header x-amz-mood',
      'PutObject: query mode',
      'operation ReadMind',
    ]);
    assert.deepEqual(newIn(known, known), []);
  });
});
