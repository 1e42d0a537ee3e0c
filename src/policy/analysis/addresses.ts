/** Networks in; addresses out: at least one in each part that the networks cut the addresses into, and one outside. */
import { isIPv4 } from 'node:net';

/** Outside of most networks, and readable. */
const USUAL: readonly string[] = ['192.0.2.7', '2001:db8::7'];
const BITS = { 4: 32n, 6: 128n } as const;

/** Every part begins where a network begins, or just after one; the second address of a network is nicer to read. */
export function addressesOf(networks: readonly string[]): readonly string[] {
  const edges = networks.flatMap((each): readonly string[] => {
    const [address = '', length = '0'] = each.split('/');
    const version = isIPv4(address) ? 4 : 6;
    const size = 1n << (BITS[version] - BigInt(length));
    const first = (version === 4 ? number4(address) : number6(address)) & ~(size - 1n);
    return [first + 1n, first, first + size]
      .filter((value) => value < 1n << BITS[version])
      .map((value) => (version === 4 ? text4(value) : text6(value)));
  });
  return [...new Set([...USUAL, ...edges, '0.0.0.0', '::'])];
}

const number4 = (text: string): bigint => text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);

function number6(text: string): bigint {
  const [dotted] = /\d+\.\d+\.\d+\.\d+$/.exec(text) ?? [];
  const low = dotted === undefined ? undefined : number4(dotted);
  const plain =
    dotted === undefined || low === undefined
      ? text
      : `${text.slice(0, -dotted.length)}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`;
  const [before = [], after = []] = plain.split('::').map((half) => half.split(':').filter((part) => part !== ''));
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  return [...before, ...zeros, ...after].reduce((sum, part) => (sum << 16n) | BigInt(`0x${part}`), 0n);
}

const text4 = (value: bigint): string => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');

function text6(value: bigint): string {
  // An address of IPv4 in the clothes of IPv6 is looked at as the former.
  if (value >> 32n === 0xffffn) return text4(value & 0xffff_ffffn);
  const parts = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  return new URL(`http://[${parts.join(':')}]/`).hostname.slice(1, -1);
}
