/** What sealing and opening cost beside AES-256-GCM alone: in this process, and as what encryption adds in the gateway. */
import type { Bench } from '../bench.ts';
import { CIPHER_TARGET, measureCipher } from '../cipher-cost.ts';
import { keepLarge, largeGet, largePut } from '../loads.ts';
import { inTurns, measure, run } from '../measure.ts';

/** More than elsewhere: what is added is a small difference. */
const MORE_ROUNDS = 2;

/** Shows both. */
export async function showCipher({ rounds, sizes, gateways, own, report, judge }: Bench): Promise<void> {
  const { largeBytes } = sizes;
  console.log(
    'CPU of the cipher, over the same bytes in this process, in chunks of 64 KiB; ratio = ours / AES-256-GCM alone',
  );
  const { baseline, forms } = await measureCipher(largeBytes, rounds + MORE_ROUNDS);
  for (const { name, cpu, ratio } of forms) {
    console.log(
      `  ${name.padEnd(22)} s CPU/GiB: alone ${baseline.toFixed(2)}, ours ${cpu.toFixed(2)} (x${ratio.toFixed(2)}, target <= x${CIPHER_TARGET})`,
    );
    judge(ratio <= CIPHER_TARGET);
  }
  console.log('CPU that encryption adds in the gateway: an encrypted bucket less a plain one');
  const gib = largeBytes / 2 ** 30;
  for (const bucket of ['box', 'plain'] as const) await run(own, keepLarge(largeBytes, bucket));
  for (const [name, load] of [
    ['GET', largeGet],
    ['PUT', (bucket: 'box' | 'plain') => largePut(largeBytes, bucket)],
  ] as const) {
    const found = await inTurns(rounds + MORE_ROUNDS, gateways, async (gateway) => {
      const plain = await measure(gateway, gib, load('plain'));
      const sealed = await measure(gateway, gib, load('box'));
      return (sealed.cpu - plain.cpu) / baseline;
    });
    report.show({ what: `${name}, CPU that encryption adds`, unit: 'AES-256-GCM alone = 1', digits: 2 }, found);
  }
}
