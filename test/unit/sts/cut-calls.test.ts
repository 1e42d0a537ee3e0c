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

  async function call(name: string, behaviour: Behaviour): Promise<void> {
    world = await startWorld(behaviour);
    const [head, body] = CALLS[name] ?? ['', ''];
    socket = connect(world.port(), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`${head}\r\nhost: h\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    const isOver = (): boolean => world.refusals.length > 0 || world.entries.some(({ entry }) => entry !== 'intent');
    while (!isOver()) await sleep(5);
    // Nothing else comes behind the end.
    await sleep(50);
  }

  for (const name of Object.keys(CALLS)) {
    it(`has not what was issued, and the record says so, wherever it leaves ${name}`, async () => {
      await call(name, {
        verify: async () => {
          await leave();
          return PRINCIPAL;
        },
      });
      const ends = world.entries.filter(({ entry }) => entry !== 'intent');
      assert.deepEqual(
        ends.map((end) => 'result' in end && [end.result, end.status]),
        [['aborted', 0]],
      );
      await world.close();

      await call(name, { record: ({ entry }) => (entry === 'intent' ? leave() : Promise.resolve()) });
      assert.equal(world.entries.length, 2);
      const end = world.entries[1];
      assert.ok(end?.entry === 'outcome' && end.result === 'aborted' && end.status === 0);
      await world.close();

      await call(name, { record: ({ entry }) => (entry === 'outcome' ? leave() : Promise.resolve()) });
      assert.equal((await world.agent.get('/-/ready')).status, 200);
    });

    it(`is refused on record all the same: ${name}`, async () => {
      await call(name, {
        verify: async () => {
          await leave();
          throw new GatewayError('InvalidToken');
        },
      });
      assert.equal(world.refusals.length, 1);
      assert.equal(world.refusals[0]?.error, 'InvalidToken');
      assert.ok(world.refusals.every(({ status }) => status >= 400));
      assert.equal((await world.agent.get('/-/ready')).status, 200);
    });
  }
});
