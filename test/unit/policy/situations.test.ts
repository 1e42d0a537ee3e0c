import assert from 'node:assert/strict';
import { BlockList, isIPv4 } from 'node:net';
import fc from 'fast-check';
import { addressesOf } from '../../../src/policy/analysis/addresses.ts';
import { situationsOf } from '../../../src/policy/analysis/situations.ts';
import { NOBODY, timesOf } from '../../../src/policy/analysis/times.ts';
import { conditionsSchema, type Conditions } from '../../../src/policy/condition-schema.ts';
import { compileConditions } from '../../../src/policy/conditions.ts';

const read = (...all: readonly object[]): Conditions[] => all.map((each) => conditionsSchema.parse(each));

describe('situations that conditions can tell apart', () => {
  it('have an address in every part that networks make', () => {
    const octet = fc.constantFrom(0, 1, 10, 127, 128, 255);
    const four = fc.tuple(octet, octet, octet, octet, fc.integer({ min: 0, max: 32 })).map((all) => {
      return `${all.slice(0, 4).join('.')}/${all[4]}`;
    });
    const six = fc
      .tuple(
        fc.constantFrom('2001:db8::', '::', '::1', 'fe80::1:0:0', '::ffff:10.0.0.1'),
        fc.integer({ min: 0, max: 128 }),
      )
      .map((all) => all.join('/'));
    const inside = (networks: readonly string[]) => {
      const lists = networks.map((each) => {
        const [net = '', bits = ''] = each.split('/');
        const list = new BlockList();
        list.addSubnet(net, Number(bits), isIPv4(net) ? 'ipv4' : 'ipv6');
        return list;
      });
      return (address: string) => lists.map((list) => list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6')).join();
    };
    const address = fc.oneof(
      fc.ipV4(),
      fc.ipV6().filter((text) => !text.includes('.')),
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(four, six), { maxLength: 4 }),
        fc.array(address, { minLength: 20 }),
        (nets, some) => {
          const where = inside(nets);
          const known = new Set(addressesOf(nets).map(where));
          for (const each of some) assert.ok(known.has(where(each)), `${each} of ${nets.join()}`);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('have a time in every part that times and hours make, summer time included', () => {
    const all = read(
      { from: '2026-03-01T00:00:00Z' },
      { until: '2026-11-15T00:00:00Z' },
      { hours: { days: ['sun', 'mon'], from: '02:30', to: '08:00', timeZone: 'Europe/Zurich' } },
      { hours: { from: '03:00', to: '07:30', timeZone: 'America/New_York' } },
    );
    const conditions = all.flatMap((each) => compileConditions(each, new Map()));
    const open = (nowMs: number) =>
      conditions.map(({ holds }) => holds({ principal: NOBODY, facts: { nowMs } })).join();
    const known = new Set(timesOf(all).map(open));
    const anyTime = fc.integer({ min: Date.UTC(2025, 6), max: Date.UTC(2027, 6) });
    fc.assert(
      fc.property(anyTime, (nowMs) => assert.ok(known.has(open(nowMs)), new Date(nowMs).toISOString())),
      { numRuns: 2000 },
    );
  });

  it('are few where rules cannot tell more apart, however much they name', () => {
    const when = (conditions: object) => ({ effect: 'allow' as const, when: conditionsSchema.parse(conditions) });
    assert.equal(situationsOf([]).length, 1);
    assert.equal(situationsOf([when({ acr: ['a', 'b', 'c'], amr: ['d', 'e', 'f', 'g'] })]).length, 2);
    const many = when({
      ...{ until: '2026-12-31T00:00:00Z', networks: ['10.0.0.0/8'], wayIn: ['session'], authenticatedWithin: '15m' },
      ...{ acr: ['a'], amr: ['b'], size: { max: 10 }, contentTypes: ['image/*'], tags: { a: '1' }, createOnly: true },
    });
    assert.equal(situationsOf([many]).length, 2);
    assert.equal(situationsOf([many, { ...many, effect: 'deny' }]).length, 3);
  });
});
