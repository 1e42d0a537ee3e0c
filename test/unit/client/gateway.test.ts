import assert from 'node:assert/strict';
import { fetchWhoami } from '../../../src/client/gateway.ts';
import type { Http } from '../../../src/client/http.ts';
import type { HttpAnswer } from '../../../src/platform/http-call.ts';

const WHOAMI = {
  ...{ subject: 'alice', issuer: 'i', issuerName: 'test', groups: [], expiresAt: '2030-01-01T00:00:00Z', role: 'r' },
  ...{ roles: ['r'], buckets: [], policyVersion: 'v' },
};

const answerOf = (status: number, content: object, headers: HttpAnswer['headers'] = {}): HttpAnswer => ({
  status,
  headers,
  body: Buffer.from(JSON.stringify(content)),
});

/** A gateway that gives these answers, the last one for ever. */
const answering = (...answers: readonly HttpAnswer[]) => {
  let calls = 0;
  const call: Http['call'] = () => {
    calls += 1;
    return Promise.resolve(answers[calls - 1] ?? answers.at(-1) ?? assert.fail());
  };
  return { http: { ca: undefined, call, close: () => Promise.resolve() }, calls: () => calls };
};

const unavailable = (retryAfter?: string) =>
  answerOf(
    503,
    { code: 'ServiceUnavailable', message: 'Repeat the request.' },
    retryAfter === undefined ? {} : { 'retry-after': retryAfter },
  );

describe('a request to the gateway', () => {
  it('is repeated while the gateway says when to come back', async () => {
    const { http, calls } = answering(unavailable('0'), unavailable('0'), answerOf(200, WHOAMI));
    assert.equal((await fetchWhoami(http, 'https://gateway.test', 'token')).subject, 'alice');
    assert.equal(calls(), 3);
  });

  it('is not repeated for ever', async () => {
    const { http, calls } = answering(unavailable('0'));
    await assert.rejects(fetchWhoami(http, 'https://gateway.test', 'token'), /ServiceUnavailable/);
    assert.equal(calls(), 5);
  });

  it('is asked once where the pause is unknown or long, and where the answer is a refusal', async () => {
    const refusal = answerOf(403, { code: 'AccessDenied', message: 'No.' }, { 'retry-after': '0' });
    for (const answer of [unavailable(), unavailable('600'), unavailable('Tue, 01 Dec 2026 16:00:00 GMT'), refusal]) {
      const { http, calls } = answering(answer);
      await assert.rejects(fetchWhoami(http, 'https://gateway.test', 'token'));
      assert.equal(calls(), 1);
    }
  });
});
