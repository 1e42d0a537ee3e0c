/** What a signature (SigV4, by keys of a session) adds to a small request with a bearer token. */
import aws4 from 'aws4';
import { sessionOf } from '../../support/identity/session.ts';
import type { Bench } from '../bench.ts';
import type { Gateway } from '../gateway.ts';
import { smallGets, smallPath, smallPuts } from '../loads.ts';
import { each, inTurns, measure, run } from '../measure.ts';
import { ratio, show } from '../show.ts';
import { SMALL, type Target } from '../target.ts';

/** A small signed request may cost this much of the same request with a bearer token. */
const TARGET = 1.3;

/** Shows it. */
export async function showSigned({ rounds, sizes, environment, gateways, judge }: Bench): Promise<void> {
  const { smallRequests } = sizes;
  for (const gateway of gateways) {
    const signed = await signing(gateway, environment.token, smallRequests);
    for (const [what, load, goal] of [
      ['1 KiB GET, signed', smallGets(smallRequests), 1.1],
      ['1 KiB PUT, signed', smallPuts(smallRequests), 1.15],
    ] as const) {
      await run(signed, load);
      const found = await inTurns(rounds, [gateway, signed], (target) => measure(target, smallRequests, load));
      const cpu = each(found, (figure) => figure.cpu);
      show({ what, unit: 'us CPU/request', digits: 0, scale: 1e6, goal }, cpu, 1);
      if (gateway === gateways[0]) judge(ratio(cpu, signed, gateway) <= TARGET);
    }
  }
}

/** Gives the same gateway with a signature on each request. They are made ahead: what signing costs the client is not the gateway's. */
async function signing(gateway: Gateway, token: string, requests: number): Promise<Target> {
  const keys = await sessionOf(gateway.origin, token);
  const signatures = new Map<string, Readonly<Record<string, string>>>();
  const headersOf = (method: string, path: string): Readonly<Record<string, string>> => {
    const known = signatures.get(`${method} ${path}`);
    if (known !== undefined) return known;
    const { headers } = aws4.sign(
      {
        ...{ service: 's3', region: 'us-east-1', host: new URL(gateway.origin).host, method, path },
        ...(method === 'PUT' ? { body: SMALL } : {}),
      },
      keys,
    );
    // undici says these itself.
    const made = Object.fromEntries(
      Object.entries(headers as Record<string, string>).filter(([name]) => !/^(host|content-length)$/i.test(name)),
    );
    signatures.set(`${method} ${path}`, made);
    return made;
  };
  for (let index = 0; index < requests; index += 1) headersOf('PUT', smallPath(index));
  return { ...gateway, name: `${gateway.name}, signed`, headersOf };
}
