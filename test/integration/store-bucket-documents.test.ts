/** The documents of buckets that tools read before they touch one, asked of a real store. */
import assert from 'node:assert/strict';
import { startSmallGateway, type SmallGateway } from '../support/stack/small-gateway.ts';

/** Of a bucket for which nobody has set anything: S3's error, or its document. */
const OF_ALL = {
  accelerate: /<AccelerateConfiguration/,
  cors: 'NoSuchCORSConfiguration',
  encryption: 'ServerSideEncryptionConfigurationNotFoundError',
  lifecycle: 'NoSuchLifecycleConfiguration',
  location: /<LocationConstraint/,
  'object-lock': 'ObjectLockConfigurationNotFoundError',
  ownershipControls: 'OwnershipControlsNotFoundError',
  publicAccessBlock: 'NoSuchPublicAccessBlockConfiguration',
  requestPayment: /<Payer>BucketOwner</,
  tagging: 'NoSuchTagSet',
  versioning: /<VersioningConfiguration/,
  website: 'NoSuchWebsiteConfiguration',
} as const;
const OF_ADMINS = {
  acl: /<ID>owner<.*FULL_CONTROL/,
  logging: /<BucketLoggingStatus/,
  notification: /<NotificationConfiguration/,
  policy: 'NoSuchBucketPolicy',
  policyStatus: /NoSuchBucketPolicy|<IsPublic>false</,
  replication: /ReplicationConfigurationNotFoundError|<ReplicationConfiguration/,
} as const;

describe("a bucket's own documents", function () {
  this.timeout(60_000);
  let world: SmallGateway;
  before(async () => {
    world = await startSmallGateway({
      buckets: { reports: {}, artifacts: {} },
      guestRules: [{ id: 'one', allow: ['GET'], bucket: 'reports', prefix: 'a/' }],
    });
  });
  after(() => world.stop());

  const read = async (subresource: string, group: string, bucket = 'reports') => {
    const target = `/${bucket}?${subresource}`;
    const answer = await world.client.call({ method: 'GET', target, token: world.token(group) });
    return { status: answer.status, code: answer.code, text: answer.body.toString() };
  };

  for (const [subresource, expected] of Object.entries({ ...OF_ALL, ...OF_ADMINS })) {
    it(`say what the store says of ?${subresource}, or that there is none, in S3's own words`, async () => {
      const { status, code, text } = await read(subresource, 'analysts');
      if (typeof expected === 'string') assert.deepEqual([status, code], [404, expected], text);
      else assert.match(text, expected);
      // Neither another account's id nor a listing, which is what some stores answer with.
      assert.doesNotMatch(text, /ListBucketResult|AKIA|owner of the buckets/);
    });
  }

  it('are read by whoever may do anything in the bucket, but for those that name accounts and other places', async () => {
    for (const subresource of Object.keys(OF_ALL)) {
      assert.notEqual((await read(subresource, 'guests')).status, 403, subresource);
    }
    for (const subresource of Object.keys(OF_ADMINS)) {
      assert.equal((await read(subresource, 'guests')).status, 403, subresource);
    }
  });

  it('are no oracle for those whom policy grants nothing there', async () => {
    for (const subresource of Object.keys({ ...OF_ALL, ...OF_ADMINS })) {
      const own = await read(subresource, 'guests', 'artifacts');
      const other = await read(subresource, 'guests', 'nowhere');
      assert.deepEqual([own.status, other.status], [403, 403], subresource);
    }
  });
});
