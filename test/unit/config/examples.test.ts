import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Config } from '../../../src/config/config.ts';
import { demoFindings } from '../../../src/config/demo-findings.ts';
import { KEYS } from '../../../src/config/loading/keys.ts';
import { loadPolicies } from '../../../src/policy/load-policies.ts';
import { Sample } from './sample.ts';

const examples = join(import.meta.dirname, '../../../examples');

describe('the examples', () => {
  let sample: Sample;
  before(async () => {
    sample = await Sample.create();
  });
  after(() => sample.remove());

  for (const name of ['aws.yaml', 'ceph.yaml', 'side-by-side.yaml', 'compose/sallyport.yaml']) {
    describe(name, () => {
      let config: Config;
      before(async () => {
        config = await sample.loadReal(join(examples, name));
      });

      it('may serve', () => {
        assert.deepEqual(demoFindings(config), []);
      });

      it('has no plaintext hop', () => {
        const urls = [
          ...config.issuers.map(({ issuer }) => issuer),
          ...config.stores.flatMap(({ endpoint, sts }) => [endpoint, sts.endpoint]),
        ];
        assert.deepEqual(
          urls.filter((url) => !url.startsWith('https://')),
          [],
        );
        assert(config.listen.kind === 'socket' || config.listen.tls !== undefined);
      });

      it('turns on none of the loud switches', async () => {
        const switches = KEYS.map(({ path }) => path.at(-1) ?? '').filter((key) => /^allow[A-Z]/.test(key));
        assert(switches.length >= 3);
        const text = await readFile(join(examples, name), 'utf8');
        assert.deepEqual(
          switches.filter((key) => text.includes(key)),
          [],
        );
      });
    });
  }

  it('for AWS needs no endpoint, and sends the name of the caller to CloudTrail', async () => {
    const { stores, buckets } = await sample.loadReal(join(examples, 'aws.yaml'));
    assert.equal(stores[0]?.endpoint, 'https://s3.eu-central-1.amazonaws.com');
    assert.equal(stores[0].sts.endpoint, 'https://sts.eu-central-1.amazonaws.com');
    assert.equal(stores[0].sts.sourceIdentity, true);
    assert.equal(stores[0].sts.iamEscapes, true);
    assert.equal(buckets.find(({ name }) => name === 'artifacts')?.roleArn.endsWith('-artifacts'), true);
  });

  it('for Ceph uses the STS of the store', async () => {
    const { stores } = await sample.loadReal(join(examples, 'ceph.yaml'));
    assert.equal(stores[0]?.sts.endpoint, stores[0]?.endpoint);
    assert.equal(stores[0]?.sts.iamEscapes, false);
  });

  it('for stores side by side asks each in its own way, in its own region, with its own credentials', async () => {
    const { stores, buckets } = await sample.loadReal(join(examples, 'side-by-side.yaml'));
    assert.deepEqual(
      stores.map(({ name, method, region, credentials }) => [name, method, region, credentials !== undefined]),
      [
        ['aws', 'assume-role', 'eu-central-1', false],
        ['ceph', 'assume-role', 'us-east-1', true],
        ['minio', 'assume-role', 'us-east-1', true],
        ['gcs', 'static', 'auto', true],
      ],
    );
    const landing = buckets.find(({ name }) => name === 'landing');
    assert.equal(landing?.roleArn, 'static');
  });

  it('for containers has policies for the buckets and the issuer of its configuration', async () => {
    const { issuers, buckets } = await sample.loadReal(join(examples, 'compose/sallyport.yaml'));
    await loadPolicies(join(examples, 'compose/policies'), {
      issuers: new Map(issuers.map(({ name, carried }) => [name, carried])),
      buckets: buckets.map(({ name }) => name),
    });
  });

  it('for containers has an identity provider that names the audience and the groups that are requested', async () => {
    const realm = JSON.parse(await readFile(join(examples, 'compose/keycloak-realm.json'), 'utf8')) as {
      realm: string;
      clients: { protocolMappers: { config: Record<string, string> }[] }[];
    };
    const config = parse(await readFile(join(examples, 'compose/sallyport.yaml'), 'utf8')) as {
      issuers: { idp: { issuer: string; audiences: string[] } };
    };
    const mapped = realm.clients.flatMap(({ protocolMappers }) => protocolMappers.map((mapper) => mapper.config));
    assert(config.issuers.idp.issuer.endsWith(`/realms/${realm.realm}`));
    assert(mapped.some((mapper) => mapper['included.custom.audience'] === config.issuers.idp.audiences[0]));
    assert(mapped.some((mapper) => mapper['claim.name'] === 'groups' && mapper['full.path'] === 'false'));
  });

  it('for Keycloak has an entry that loads, policies for it, and a realm that names its audience, groups and clients', async () => {
    const entry = parse(await readFile(join(examples, 'keycloak/sallyport.yaml'), 'utf8')) as {
      issuers: { keycloak: { introspection: object } };
    };
    const { keycloak } = entry.issuers;
    const introspection = { ...keycloak.introspection, clientIdFile: 'id', clientSecretFile: 'secret' };
    const { issuers } = await sample.load({ issuers: { keycloak: { ...keycloak, introspection } } });
    const [issuer] = issuers;
    await loadPolicies(join(examples, 'keycloak/policies'), {
      issuers: new Map(issuers.map(({ name, carried }) => [name, carried])),
      buckets: ['reports', 'artifacts'],
    });
    const realm = JSON.parse(await readFile(join(examples, 'keycloak/realm.json'), 'utf8')) as {
      realm: string;
      clients: { clientId: string; protocolMappers?: { config: Record<string, string> }[] }[];
    };
    const of = (name: string) =>
      realm.clients.flatMap(({ protocolMappers = [] }) => protocolMappers.map(({ config }) => config[name]));
    assert.ok(issuer);
    assert.ok(issuer.issuer.endsWith(`/realms/${realm.realm}`));
    assert.deepEqual([...new Set(of('included.client.audience'))].filter(Boolean), issuer.audiences);
    assert.ok(of('claim.name').includes(issuer.groupsClaim));
    const known = realm.clients.map(({ clientId }) => clientId);
    assert.deepEqual([...(issuer.allowedClients ?? []), ...issuer.audiences].sort(), known.sort());
  });

  it('hold no secret', async () => {
    for (const name of [
      'aws.yaml',
      'ceph.yaml',
      'side-by-side.yaml',
      'compose/sallyport.yaml',
      'compose/keycloak-realm.json',
      'keycloak/sallyport.yaml',
      'keycloak/realm.json',
    ]) {
      const text = await readFile(join(examples, name), 'utf8');
      assert(!/-----BEGIN|AKIA[A-Z0-9]{12}/.test(text));
      assert.deepEqual(text.match(/"(?:secret|value)": "(?!\$\{)[^"]*"/g), null);
    }
  });
});
