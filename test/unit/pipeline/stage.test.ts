import assert from 'node:assert/strict';
import { GatewayError, inStage } from '../../../src/errors/gateway-error.ts';
import { outputOf, route, type Stage, type Route } from '../../../src/pipeline/stage.ts';
import { world } from './world.ts';

const { observer } = world().dependencies;
const passing: Stage<unknown, unknown> = { name: 'authenticate', run: (context) => context };
const failing = (name: Stage<unknown, unknown>['name'], error: Error): Stage<unknown, unknown> => ({
  name,
  run: () => Promise.reject(error),
});

const run = async (one: Route<unknown, unknown>): Promise<unknown> => outputOf(await one.run({}, observer));

describe('the stage of an error', () => {
  it('is the one that was in progress', async () => {
    const error = new GatewayError('SlowDown', { detail: 'd', clientFields: { a: 'b' } });
    assert.equal(error.stage, undefined);
    await assert.rejects(run(route(passing).to(failing('forward', error)).to(passing)), {
      ...{ code: 'SlowDown', stage: 'forward', detail: 'd', clientFields: { a: 'b' } },
    });
  });

  it('is that of each request where one failure is that of several', async () => {
    const shared = new GatewayError('ServiceUnavailable');
    for (const name of ['seal', 'open'] as const) {
      await assert.rejects(run(route(failing(name, shared))), { stage: name });
    }
    assert.equal(shared.stage, undefined);
  });

  it('is the innermost one', async () => {
    const outer: Stage<unknown, unknown> = {
      name: 'forward',
      run: () => run(route(failing('assume-role', new GatewayError('SlowDown')))),
    };
    await assert.rejects(run(route(outer)), { stage: 'assume-role' });
  });

  it('stays when the client is told more, and so does the place where it was thrown', () => {
    const error = new GatewayError('InvalidRange');
    const reported = error.at('open').tellingMore({ clientHeaders: { a: 'b' } });
    assert.equal(reported.stage, 'open');
    assert.equal(reported.stack, error.stack);
  });

  it('is not given to what nobody expected', async () => {
    const defect = new TypeError('a defect');
    await assert.rejects(
      inStage('read', () => Promise.reject(defect)),
      (error) => error === defect,
    );
  });
});

describe('a route that fails', () => {
  it('gives the context that the stages before had made', async () => {
    const more: Stage<unknown, unknown> = { name: 'seal', run: (context) => ({ ...(context as object), keyId: 'k' }) };
    const error = new GatewayError('SlowDown');
    const ended = await route(more).to(failing('forward', error)).run({ meter: 1 }, observer);
    assert.deepEqual('error' in ended && ended.reached, { meter: 1, keyId: 'k' });
  });
});
