/** What a signature (SigV4, by keys of a session) costs a small request, beside a bearer token. */
import { sessionOf } from '../../support/identity/session.ts';
import type { Bench } from '../bench.ts';
import { smallGets, smallPath, smallPuts } from '../loads.ts';
import { inTurns, measure, median, run } from '../measure.ts';
import { signAhead, type Target } from '../target.ts';

/** A small signed request may cost this much of the same request with a bearer token. */
const TARGET = 1.3;

/** Shows it. */
export async function showSigned({ rounds, sizes, environment, gateways, own, report, judge }: Bench): Promise<void> {
  const { smallRequests } = sizes;
  const signed = new Map<Target, Target>();
  for (const gateway of gateways) {
    const keys = await sessionOf(gateway.origin, environment.token);
    signed.set(gateway, { ...gateway, name: `${gateway.name}, signed`, keys });
  }
  for (const [method, load, bound] of [
    ['GET', smallGets(smallRequests), 1.1],
    ['PUT', smallPuts(smallRequests), 1.15],
  ] as const) {
    const paths = Array.from({ length: smallRequests }, (_, index) => smallPath(index));
    for (const target of signed.values()) await run(target, load);
    const found = await inTurns(rounds, gateways, async (gateway) => {
      const target = signed.get(gateway) ?? gateway;
      signAhead(target, paths);
      const bearer = await measure(gateway, smallRequests, load);
      return (await measure(target, smallRequests, load)).cpu / bearer.cpu;
    });
    const what = `1 KiB ${method}, signed`;
    report.show({ what, unit: 'CPU, bearer token = 1', digits: 2, goals: [{ bound }] }, found);
    judge(median(found.get(own) ?? []) <= TARGET);
  }
}
