/** Every way in asks for revocations after it knows who it is, and before anything is done for that one. */
import assert from 'node:assert/strict';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import type { ErrorCode } from '../../../src/errors/codes.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { client, world } from '../pipeline/world.ts';
import { assumeForm, element, PRINCIPAL, startWorld, TOKEN, type World } from '../sts/fixture.ts';

const FORM = 'application/x-www-form-urlencoded';
const refuse = (code: ErrorCode) => (): never => {
  throw new GatewayError(code);
};

describe('a revoked identity', () => {
  it('gets no further than authentication, and is on record by name', async () => {
    const { dependencies, steps, entries } = world();
    const revoked = { ...dependencies, revocations: { check: refuse('RevokedToken') } };
    await createPipeline(revoked)(client('GET', '/box/k', [], steps));
    assert.deepEqual(steps, ['authenticate', 'denial durable', 'answer 401', 'end']);
    const [denial] = entries;
    assert.ok(denial?.entry === 'denial');
    assert.deepEqual([denial.error, denial.result], ['RevokedToken', 'failed']);
  });

  describe('at the endpoints of STS', () => {
    let sts: World;
    afterEach(() => sts.close());
    const post = (body: string) => sts.agent.post('/').set('content-type', FORM).send(body);
    const errors = () => sts.entries.map((entry) => ('error' in entry ? entry.error : undefined));

    it('gets no credentials for a token, and a code by which SDKs get another one', async () => {
      sts = await startWorld({ check: refuse('RevokedToken') });
      const answer = await post(assumeForm());
      assert.deepEqual([answer.status, element(answer.text, 'Code')], [400, 'ExpiredTokenException']);
      const ofContainers = await sts.agent.get('/-/credentials').set('authorization', TOKEN);
      assert.equal(ofContainers.status, 401);
      assert.ok(!ofContainers.text.includes('SecretAccessKey'));
      assert.deepEqual(errors(), ['RevokedToken', 'RevokedToken']);
    });

    it('is not told who it is', async () => {
      sts = await startWorld({ check: refuse('RevokedToken') });
      const answer = await sts.agent
        .post('/')
        .set({ 'content-type': FORM, authorization: `Bearer ${TOKEN}` })
        .send('Action=GetCallerIdentity&Version=2011-06-15');
      assert.equal(answer.status, 400);
      assert.ok(!answer.text.includes(PRINCIPAL.issuer));
      assert.deepEqual(errors(), ['RevokedToken']);
    });

    it('is told 503 while nobody can say who is revoked', async () => {
      sts = await startWorld({
        check: () => {
          throw new GatewayError('ServiceUnavailable');
        },
      });
      const answer = await post(assumeForm());
      assert.deepEqual([answer.status, element(answer.text, 'Code')], [503, 'ServiceUnavailable']);
    });
  });
});
