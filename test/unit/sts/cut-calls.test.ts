import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { assumeForm, PRINCIPAL, startWorld, TOKEN, type Behaviour, type World } from './fixture.ts';

const CALLS: Readonly<Record<string, readonly [head: string, body: string]>> = {
  AssumeRoleWithWebIdentity: ['POST / HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded', assumeForm()],
  GetCredentials: [`GET /-/credentials HTTP/1.1\r\nauthorization: ${TOKEN}`, ''],
  WhoAmI: [`GET /-/whoami HTTP/1.1\r\nauthorization: Bearer ${TOKEN}`, ''],
};

describe('a caller of STS that goes away', () => {
  let world: World;
  let socket: Socket | undefined;
  afterEach(() => world.close());

  const leave = async (): Promise<void> => {
    socket?.resetAndDestroy();
    socket = undefined;
    await sleep(30);
  };

  /** Sends a call, and waits until all of it is on record. */
  async function call(name: string, behaviour: Behaviour, isOver: () => boolean): Promise<void> {
    world = await startWorld(behaviour);
    const [head, body] = CALLS[name] ?? ['', ''];
    socket = connect(world.port(), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`${head}\r\nhost: h\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    for (let waitedMs = 0; !isOver(); waitedMs += 10) {
      assert.ok(waitedMs < 10_000, 'it does not end');
      await sleep(10);
    }
    await sleep(30);
  }

  for (const name of Object.keys(CALLS)) {
    it(`has not what was issued, and the record says so, wherever it leaves ${name}`, async () => {
      const ends = () => world.entries.filter(({ entry }) => entry !== 'intent');
      const verify = async () => {
        await leave();
        return PRINCIPAL;
      };
      await call(name, { verify }, () => ends().length > 0);
      assert.deepEqual(
        ends().map((end) => 'result' in end && [end.result, end.status]),
        [['aborted', 0]],
      );
      await world.close();

      await call(
        name,
        { record: ({ entry }) => (entry === 'intent' ? leave() : Promise.resolve()) },
        () => ends().length > 0,
      );
      assert.equal(world.entries.length, 2);
      const end = world.entries[1];
      assert.ok(end?.entry === 'outcome' && end.result === 'aborted' && end.status === 0);
      await world.close();

      await call(
        name,
        { record: ({ entry }) => (entry === 'outcome' ? leave() : Promise.resolve()) },
        () => ends().length > 0,
      );
      assert.equal((await world.agent.get('/-/ready')).status, 200);
    });

    it(`is refused on record all the same: ${name}`, async () => {
      const verify = async () => {
        await leave();
        throw new GatewayError('InvalidToken');
      };
      await call(name, { verify }, () => world.refusals.length > 0);
      assert.equal(world.refusals.length, 1);
      assert.equal(world.refusals[0]?.error, 'InvalidToken');
      assert.ok(world.refusals.every(({ status }) => status >= 400));
      assert.equal((await world.agent.get('/-/ready')).status, 200);
    });
  }
});
