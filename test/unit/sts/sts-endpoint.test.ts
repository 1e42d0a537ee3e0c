import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import aws4 from 'aws4';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { assumeForm, element, NOW_MS, PRINCIPAL, startWorld, TOKEN, type Behaviour, type World } from './fixture.ts';

const FORM = 'application/x-www-form-urlencoded; charset=utf-8';

describe('the STS endpoint', () => {
  let world: World;
  afterEach(() => world.close());
  const start = async (behaviour?: Behaviour): Promise<void> => {
    world = await startWorld(behaviour);
  };
  const post = (body: string, target = '/', headers: Record<string, string> = {}) =>
    world.agent
      .post(target)
      .set({ 'content-type': FORM, ...headers })
      .send(body);
  const refused = async (body: string, status: number, code: string, headers?: Record<string, string>) => {
    const answer = await post(body, '/', headers);
    assert.deepEqual([answer.status, element(answer.text, 'Code')], [status, code], answer.text);
    return answer;
  };

  describe('AssumeRoleWithWebIdentity', () => {
    it('gives credentials that end with the time asked for, at every path of the endpoint', async () => {
      await start();
      for (const target of ['/', '/-/sts', '/-/sts/']) {
        const answer = await post(assumeForm({ DurationSeconds: '900' }), target);
        assert.equal(answer.status, 200, answer.text);
        assert.match(element(answer.text, 'AccessKeyId') ?? '', /^SPLY[A-Z2-7]{16}$/);
        assert.equal(element(answer.text, 'SecretAccessKey')?.length, 40);
        assert.equal(element(answer.text, 'Expiration'), '2026-01-02T03:19:05Z');
        assert.equal(answer.headers['cache-control'], 'no-store');
      }
      assert.deepEqual(world.toS3, []);
    });

    it('takes a token as SDKs read it from a file, with its final newline', async () => {
      await start();
      for (const end of ['\n', '\r\n']) {
        assert.equal((await post(assumeForm({ WebIdentityToken: `${TOKEN}${end}` }))).status, 200);
      }
    });

    it('escapes what a token says of its subject', async () => {
      await start();
      const answer = await post(assumeForm());
      assert.equal(element(answer.text, 'SubjectFromWebIdentityToken'), 'auth0|alice &lt;a&amp;b&gt;');
    });

    it('never gives a session beyond what configuration allows, nor beyond the end of the token', async () => {
      await start();
      assert.equal(
        element((await post(assumeForm({ DurationSeconds: '43200' }))).text, 'Expiration'),
        new Date(NOW_MS + 7_000_000).toISOString().replace('.000Z', 'Z'),
      );
      await world.close();
      await start({ principal: { expiresAtMs: NOW_MS + 60_500 } });
      assert.equal(
        element((await post(assumeForm({ DurationSeconds: '3600' }))).text, 'Expiration'),
        '2026-01-02T03:05:05Z',
      );
    });

    it('records intent and outcome, with the role and the access key, before credentials leave', async () => {
      await start();
      const answer = await post(assumeForm());
      const [intent, outcome, ...rest] = world.entries;
      assert.deepEqual(rest, []);
      assert(intent?.entry === 'intent' && outcome?.entry === 'outcome');
      assert.equal(intent.operation, 'AssumeRoleWithWebIdentity');
      assert.equal(intent.subject, PRINCIPAL.subject);
      assert.equal(intent.binding, 'analytics');
      assert.equal(intent.accessKeyId, element(answer.text, 'AccessKeyId'));
      assert.deepEqual([intent.bucket, intent.key, outcome.result, outcome.status], ['', '', 'completed', 200]);
      assert.equal(JSON.stringify(world.entries).includes(TOKEN), false);
    });

    it('records who acts for the subject, and keeps it in the session', async () => {
      const actor = { issuer: 'https://agents.example', subject: 'agent' };
      await start({ principal: { actor } });
      await post(assumeForm());
      assert(world.entries[0]?.entry === 'intent');
      assert.deepEqual([world.entries[0].actor, world.entries[0].actorIssuer], ['agent', 'https://agents.example']);
    });

    it('binds nothing where the role is that of all policies', async () => {
      await start();
      await post(assumeForm({ RoleArn: 'arn:aws:iam::000000000000:role/sallyport' }));
      assert(world.entries[0]?.entry === 'intent');
      assert.equal(world.entries[0].binding, undefined);
    });

    it("answers alike to a role that is unknown, another's, or of another account, and records each", async () => {
      await start();
      const answers: string[] = [];
      for (const role of [
        'arn:aws:iam::000000000000:role/admins',
        'arn:aws:iam::000000000000:role/no-such-role',
        'arn:aws:iam::123456789012:role/analytics',
        'arn:aws:iam::000000000000:role/path/analytics',
        'arn:aws:iam::000000000000:user/analytics',
      ]) {
        answers.push((await refused(assumeForm({ RoleArn: role }), 403, 'AccessDenied')).text);
      }
      assert.equal(new Set(answers).size, 1);
      assert.deepEqual(
        world.entries.map((entry) => entry.entry === 'denial' && [entry.decision, entry.result, entry.status]),
        Array.from({ length: 5 }, () => ['deny', 'denied', 403]),
      );
    });

    it('lets no credentials out where the intent or the outcome cannot be recorded', async () => {
      for (const broken of ['intent', 'outcome']) {
        await start({
          record: (entry) =>
            entry.entry === broken || (broken === 'intent' && entry.entry === 'denial')
              ? Promise.reject(new GatewayError('AuditUnavailable'))
              : Promise.resolve(),
        });
        const answer = await refused(assumeForm(), 503, 'ServiceUnavailable');
        assert.equal(/SecretAccessKey|SPLY/.test(answer.text), false);
        await world.close();
      }
      await start();
    });

    it('tells a token that is not valid from one that has expired and from an issuer that is away', async () => {
      const cases = [
        [new GatewayError('InvalidToken'), 400, 'InvalidIdentityToken'],
        [new GatewayError('ExpiredToken'), 400, 'ExpiredTokenException'],
        [new GatewayError('ServiceUnavailable', { unavailable: 'issuer' }), 400, 'IDPCommunicationError'],
        [new GatewayError('ServiceUnavailable'), 503, 'ServiceUnavailable'],
        [new GatewayError('SlowDown'), 429, 'Throttling'],
        [new TypeError('a defect'), 500, 'InternalFailure'],
      ] as const;
      for (const [error, status, code] of cases) {
        await start({ verify: () => Promise.reject(error) });
        const answer = await refused(assumeForm(), status, code);
        assert.match(answer.text, /^<ErrorResponse xmlns="https:\/\/sts\.amazonaws\.com\/doc\/2011-06-15\/">/);
        assert.equal(element(answer.text, 'RequestId'), 'request-1');
        assert.equal(answer.text.includes('a defect'), false);
        assert.equal(world.entries.length, 0);
        assert.equal(world.refusals.length, 1);
        await world.close();
      }
      await start();
    });

    it('refuses parameters that it would have to ignore, and those that are not well formed', async () => {
      await start();
      for (const changes of [
        { Policy: '{}' },
        { 'PolicyArns.member.1.arn': 'arn:aws:iam::aws:policy/ReadOnlyAccess' },
        { ProviderId: 'www.amazon.com' },
        { RoleArn: 'analytics' },
        { RoleArn: undefined },
        { RoleSessionName: 'a b' },
        { RoleSessionName: 'x' },
        { RoleSessionName: 'x'.repeat(65) },
        { WebIdentityToken: undefined },
        { WebIdentityToken: 'a\nb.c.d' },
        { DurationSeconds: '899' },
        { DurationSeconds: '43201' },
        { DurationSeconds: '1e3' },
        { DurationSeconds: '' },
      ]) {
        await refused(assumeForm(changes), 400, 'ValidationError');
      }
      assert.equal(world.entries.length, 0);
      assert.equal(world.refusals.length, 14);
    });

    it('refuses a second identity beside the token', async () => {
      await start();
      await refused(assumeForm(), 400, 'ValidationError', { authorization: `Bearer ${TOKEN}` });
    });

    it('refuses actions and versions that it does not know', async () => {
      await start();
      for (const changes of [
        { Action: 'AssumeRole' },
        { Action: 'GetSessionToken' },
        { Action: undefined },
        { Action: 'assumerolewithwebidentity' },
        { Version: '2012-01-01' },
        { Version: undefined },
      ]) {
        await refused(assumeForm(changes), 400, 'InvalidAction');
      }
    });

    it('says clearly that it issues nothing where sessions are not configured', async () => {
      await start({ sessions: false });
      await refused(assumeForm(), 501, 'NotImplemented');
    });
  });

  describe('GetCallerIdentity', () => {
    const CALLER = 'Action=GetCallerIdentity&Version=2011-06-15';
    const credentials = async () => {
      const { text: document } = await post(assumeForm());
      return {
        accessKeyId: element(document, 'AccessKeyId')!,
        secretAccessKey: element(document, 'SecretAccessKey')!,
        sessionToken: element(document, 'SessionToken')!,
      };
    };
    const sign = (body: string, keys: Awaited<ReturnType<typeof credentials>>, service = 'sts') => {
      const host = `127.0.0.1:${world.port()}`;
      const { headers } = aws4.sign(
        {
          service,
          host,
          region: 'us-east-1',
          method: 'POST',
          path: '/',
          body,
          headers: { 'X-Amz-Date': new Date(NOW_MS).toISOString().replace(/[-:]|\.\d{3}/g, ''), 'Content-Type': FORM },
        },
        keys,
      );
      return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]));
    };
    /** supertest counts the body itself. */
    const bodyless = (headers: Record<string, string>) =>
      Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'Content-Length'));

    it('knows who signed, and records it', async () => {
      await start();
      const keys = await credentials();
      world.entries.length = 0;
      const answer = await post(CALLER, '/', bodyless(sign(CALLER, keys)));
      assert.equal(answer.status, 200, answer.text);
      assert.equal(
        element(answer.text, 'Arn'),
        'arn:aws:sts::000000000000:assumed-role/analytics/auth0%7Calice%20%3Ca%26b%3E',
      );
      assert.deepEqual(
        world.entries.map(({ entry }) => entry),
        ['intent', 'outcome'],
      );
      assert(world.entries[0]?.entry === 'intent');
      assert.equal(world.entries[0].accessKeyId, keys.accessKeyId);
    });

    it('knows who bears a token', async () => {
      await start();
      const answer = await post(CALLER, '/', { authorization: `Bearer ${TOKEN}` });
      assert.equal(element(answer.text, 'Arn')?.split('/')[1], 'sallyport');
    });

    it('takes a bearer without a token for one, and not for a caller without credentials', async () => {
      await start();
      await refused(CALLER, 400, 'InvalidIdentityToken', { authorization: 'Bearer' });
    });

    it('refuses a form that is not the signed one', async () => {
      await start();
      const keys = await credentials();
      await refused(
        `Version=2011-06-15&Action=GetCallerIdentity`,
        403,
        'SignatureDoesNotMatch',
        bodyless(sign(CALLER, keys)),
      );
    });

    it('refuses a signature for S3, and a secret that is not of the session', async () => {
      await start();
      const keys = await credentials();
      const wrong = await post(CALLER, '/', bodyless(sign(CALLER, keys, 's3')));
      assert(wrong.status === 403 || wrong.status === 400, wrong.text);
      const forged = { ...keys, secretAccessKey: randomBytes(30).toString('base64') };
      const answer = await refused(CALLER, 403, 'SignatureDoesNotMatch', bodyless(sign(CALLER, forged)));
      assert.equal(answer.text.includes(keys.sessionToken), false);
    });

    it('refuses keys that were not issued here, session tokens that were altered, and nothing at all', async () => {
      await start();
      const keys = await credentials();
      await refused(
        CALLER,
        403,
        'InvalidClientTokenId',
        bodyless(sign(CALLER, { ...keys, accessKeyId: 'AKIAIOSFODNN7EXAMPLE' })),
      );
      const at = keys.sessionToken.length - 30;
      const altered = `${keys.sessionToken.slice(0, at)}${keys.sessionToken[at] === 'A' ? 'B' : 'A'}${keys.sessionToken.slice(at + 1)}`;
      await refused(CALLER, 403, 'InvalidClientTokenId', bodyless(sign(CALLER, { ...keys, sessionToken: altered })));
      await refused(CALLER, 403, 'MissingAuthenticationToken');
    });
  });

  describe('the form', () => {
    it('is refused where two parsers could read it in two ways', async () => {
      await start();
      for (const body of [
        `${assumeForm()}&Action=GetCallerIdentity`,
        `Action=GetCallerIdentity&${assumeForm()}`,
        `${assumeForm()}&`,
        `&${assumeForm()}`,
        `${assumeForm()}&Action`,
        `${assumeForm()};Action=GetCallerIdentity`,
        assumeForm().replace('a-session', 'a%2'),
        assumeForm().replace('a-session', 'a%FF'),
        assumeForm().replace('a-session', 'a\u0000'),
        assumeForm().replace('a-session', 'ä'),
        `${assumeForm()}&__proto__=x`,
        Array.from({ length: 17 }, (_, index) => `A${index}=x`).join('&'),
        '',
      ]) {
        const answer = await post(body);
        assert.equal(answer.status, 400, body);
        assert(['ValidationError', 'InvalidAction'].includes(element(answer.text, 'Code') ?? ''), answer.text);
      }
      assert.equal(world.entries.length, 0);
    });

    it('is refused under another content type, or encoded', async () => {
      await start();
      for (const headers of [
        { 'content-type': 'application/json' },
        { 'content-type': 'multipart/form-data; boundary=x' },
        { 'content-type': 'application/x-www-form-urlencoded; charset=utf-16' },
        { 'content-encoding': 'gzip' },
      ] as Record<string, string>[]) {
        await refused(assumeForm(), 400, 'ValidationError', headers);
      }
    });

    it('is not read further than 64 KiB, announced or not', async () => {
      await start();
      await refused(assumeForm({ WebIdentityToken: 'a'.repeat(65_536) }), 400, 'ValidationError');
      const answer = await raw(
        `POST / HTTP/1.1\r\nHost: h\r\nContent-Type: ${FORM}\r\nTransfer-Encoding: chunked\r\n\r\n` +
          `11000\r\n${'a'.repeat(0x11000)}\r\n0\r\n\r\n`,
      );
      assert.match(answer, /^HTTP\/1\.1 400 /);
      assert.equal(element(answer, 'Code'), 'ValidationError');
    });

    it('has to arrive whole in its time, although nobody is idle', async () => {
      await start({ limits: { formMs: 100 } });
      const answer = await raw(
        `POST / HTTP/1.1\r\nHost: h\r\nContent-Type: ${FORM}\r\nContent-Length: 500\r\n\r\nAction=`,
      );
      assert.equal(element(answer, 'Code'), 'RequestTimeout');
      assert.equal(world.refusals[0]?.error, 'RequestTimeout');
    });

    it('of somebody unknown takes a share of the places only', async () => {
      await start({ limits: { formMs: 300 } });
      const slow = `POST / HTTP/1.1\r\nHost: h\r\nContent-Type: ${FORM}\r\nContent-Length: 500\r\n\r\nAction=`;
      const [first, second] = [raw(slow), raw(slow)];
      await new Promise((resolve) => setTimeout(resolve, 100));
      await refused(assumeForm(), 429, 'Throttling');
      assert.equal((await world.agent.get('/bucket/key')).status, 200);
      await Promise.all([first, second]);
      assert.equal((await post(assumeForm())).status, 200);
    });

    it('of one client address takes a share of these', async () => {
      const edgeSecret = 's'.repeat(32);
      await start({ limits: { formMs: 300 }, forms: { all: 4, perAddress: 2 }, edgeSecret });
      const from = (address: string, input: string) =>
        `POST / HTTP/1.1\r\nHost: h\r\nX-Sallyport-Edge: ${input}\r\nX-Forwarded-For: ${address}\r\nContent-Type: ${FORM}\r\nContent-Length: 500\r\nConnection: close\r\n\r\nAction=`;
      const codes = async (address: string, input = edgeSecret, count = 3) =>
        (await Promise.all(Array.from({ length: count }, () => raw(from(address, input)))))
          .map((answer) => element(answer, 'Code'))
          .toSorted();
      assert.deepEqual(await codes('192.0.2.1'), ['RequestTimeout', 'RequestTimeout', 'Throttling']);
      // Whoever has one address of a /64 has all of them.
      const neighbours = await Promise.all(
        ['2001:db8::1', '2001:db8::2', '2001:db8::3'].map((a) => codes(a, edgeSecret, 1)),
      );
      assert.deepEqual(neighbours.flat().toSorted(), ['RequestTimeout', 'RequestTimeout', 'Throttling']);
      const two = await Promise.all([codes('192.0.2.1', edgeSecret, 2), codes('198.51.100.1', edgeSecret, 2)]);
      assert.deepEqual(new Set(two.flat()), new Set(['RequestTimeout']));
      // What no trusted edge says is no address of anybody's: only the places of the process count.
      assert.deepEqual(await codes('192.0.2.1', 'a guess'), ['RequestTimeout', 'RequestTimeout', 'RequestTimeout']);
    });

    it('is refused with a repeated Host, Authorization or Content-Type', async () => {
      await start();
      const body = assumeForm();
      for (const line of ['Host: h', 'Authorization: Bearer x\r\nAuthorization: Bearer y', `Content-Type: ${FORM}`]) {
        const answer = await raw(
          `POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: ${FORM}\r\n${line}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
        assert.match(answer, /^HTTP\/1\.1 400 /, line);
      }
      assert.equal(world.entries.length, 0);
    });
  });

  describe('the query', () => {
    const call = (method: 'POST' | 'GET', target: string, headers: Record<string, string> = {}) =>
      world.agent[method === 'POST' ? 'post' : 'get'](target).set(headers);

    it('holds the parameters of a call, in any order and whatever type a body that is not there has', async () => {
      await start();
      const backwards = assumeForm().split('&').reverse().join('&');
      for (const path of ['/', '/-/sts', '/-/sts/']) {
        for (const query of [assumeForm(), backwards]) {
          for (const type of [{}, { 'content-type': 'application/octet-stream' }, { 'content-type': FORM }]) {
            for (const method of ['POST', 'GET'] as const) {
              const answer = await call(method, `${path}?${query}`, type);
              assert.equal(answer.status, 200, answer.text);
              assert.match(element(answer.text, 'AccessKeyId') ?? '', /^SPLY/);
              assert.equal(answer.headers['cache-control'], 'no-store');
            }
          }
        }
      }
      assert.deepEqual(world.toS3, []);
    });

    it('holds some of them, and the form the others', async () => {
      await start();
      const [action = '', version = '', ...others] = assumeForm().split('&');
      const answer = await post(others.join('&'), `/?${version}&${action}`);
      assert.equal(answer.status, 200, answer.text);
    });

    it('is refused where it says something twice, or again what the form says', async () => {
      await start();
      for (const [query, body] of [
        [`${assumeForm()}&Action=AssumeRoleWithWebIdentity`, ''],
        [`${assumeForm()}&%41ction=GetCallerIdentity`, ''],
        [`WebIdentityToken=${TOKEN}`, assumeForm()],
        ['Action=GetCallerIdentity', assumeForm()],
        [`${assumeForm()}&x=1`, ''],
        [`${assumeForm()}&`, ''],
        [`${assumeForm()};Action=GetCallerIdentity`, ''],
        [assumeForm().replace('a-session', 'a%2'), ''],
      ] as const) {
        const answer = await post(body, `/?${query}`);
        assert.deepEqual([answer.status, element(answer.text, 'Code')], [400, 'ValidationError'], query);
      }
      assert.equal(world.entries.length, 0);
    });

    it('leaves no body unread behind a GET', async () => {
      await start();
      const answer = await raw(
        `GET /?${assumeForm()} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc`,
      );
      assert.match(answer, /^HTTP\/1\.1 400 /);
    });

    it('never shows in an answer, the audit or a refusal the token that it holds', async () => {
      await start();
      const wrong = 'eeee.ffff.gggg';
      for (const query of [
        assumeForm(),
        assumeForm({ WebIdentityToken: wrong }),
        `${assumeForm({ WebIdentityToken: wrong })}&x=1`,
        assumeForm({ WebIdentityToken: wrong, Version: '1' }),
        `WebIdentityToken=${wrong}`,
        `WebIdentityToken=${wrong}&prefix=a`,
        `WebIdentityToken=${wrong}&WebIdentityToken=${wrong}`,
        `WebIdentityToken=${wrong}%`,
      ]) {
        for (const method of ['POST', 'GET'] as const) {
          const { text: shown, headers } = await call(method, `/?${query}`);
          for (const token of [wrong, TOKEN]) {
            assert.equal((shown + JSON.stringify(headers)).includes(token), false, query);
          }
        }
      }
      const kept = JSON.stringify([world.entries, world.refusals]);
      for (const token of [wrong, TOKEN]) assert.equal(kept.includes(token), false);
      assert.deepEqual(world.toS3, []);
    });

    it('that S3 has at the root goes to S3, and none of STS does', async () => {
      await start();
      const ofS3 = [
        ['GET', '/'],
        ['GET', '/?x-id=ListBuckets'],
        ['GET', '/?max-buckets=100&prefix=Action%3DAssumeRoleWithWebIdentity'],
        ['GET', '/?prefix=a?Action=GetCallerIdentity'],
        ['GET', '/?action=AssumeRoleWithWebIdentity'],
        ['GET', '/reports?Action=AssumeRoleWithWebIdentity'],
        ['GET', '//?Action=AssumeRoleWithWebIdentity'],
        ['POST', '/?delete'],
        ['POST', '/reports?Action=AssumeRoleWithWebIdentity'],
      ] as const;
      for (const [method, target] of ofS3) assert.equal((await call(method, target)).status, 200, target);
      assert.deepEqual(
        world.toS3,
        ofS3.map(([method, target]) => `${method} ${target}`),
      );
      for (const target of [
        '/?Action=ListBuckets',
        '/?%41ction=AssumeRoleWithWebIdentity',
        '/?x-id=ListBuckets&WebIdentityToken=x',
        '/-/sts',
        '/-/sts?x=1',
      ]) {
        assert.equal((await call('GET', target)).status, 400, target);
      }
      assert.equal(world.toS3.length, ofS3.length);
    });
  });

  it('gives one identity as many places as S3 does, and answers the next in the words of STS', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    await start({ record: () => held, forms: { all: 10, perAddress: 10 } });
    const [first, second] = [post(assumeForm()).then((a) => a), post(assumeForm()).then((a) => a)];
    await new Promise((resolve) => setTimeout(resolve, 100));
    const third = post(assumeForm()).then((a) => a);
    await new Promise((resolve) => setTimeout(resolve, 100));
    release();
    assert.deepEqual([(await first).status, (await second).status, (await third).status], [200, 200, 429]);
    assert(world.entries.some((entry) => entry.entry === 'denial' && entry.error === 'SlowDown'));
  });

  /** Leaves with the last byte of the answer: a server waits a while for a body that is not whole. */
  const raw = async (request: string): Promise<string> => {
    const socket = connect(world.port(), '127.0.0.1').setEncoding('latin1');
    socket.write(request);
    let answer = '';
    for await (const text of socket) {
      answer += String(text);
      const [head = '', body] = answer.split('\r\n\r\n');
      if (body?.length === Number(/^content-length: (\d+)/im.exec(head)?.[1])) break;
    }
    return answer;
  };
});
