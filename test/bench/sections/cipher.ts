/** What sealing and opening cost beside AES-256-GCM alone: in this process, and as what encryption adds in the gateway. */
import type { Bench } from '../bench.ts';
import { CIPHER_TARGET, measureCipher } from '../cipher-cost.ts';
import { keepLarge, largeGet, largePut } from '../loads.ts';
import { measure, median, run } from '../measure.ts';

/** More than elsewhere: what is added is a small difference. */
const MORE_ROUNDS = 2;

/** Shows both. */
export async function showCipher({ rounds, sizes, gateways, judge }: Bench): Promise<void> {
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
  console.log(
    'CPU that encryption adds in the gateway: an encrypted bucket less a plain one; ratio = added / AES-256-GCM alone',
  );
  const gib = largeBytes / 2 ** 30;
  for (const bucket of ['box', 'plain'] as const) await run(gateways[0], keepLarge(largeBytes, bucket));
  for (const [name, load] of [
    ['GET', largeGet],
    ['PUT', (bucket: 'box' | 'plain') => largePut(largeBytes, bucket)],
  ] as const) {
    for (const gateway of gateways) {
      const added: number[] = [];
      for (let round = 0; round < rounds + MORE_ROUNDS; round += 1) {
        const plain = await measure(gateway, gib, load('plain'));
        const sealed = await measure(gateway, gib, load('box'));
        added.push(sealed.cpu - plain.cpu);
      }
      console.log(
        `  ${name}, ${gateway.name.padEnd(16)} s CPU/GiB: added ${median(added).toFixed(2)} (x${(median(added) / baseline).toFixed(2)})`,
      );
    }
  }
}
