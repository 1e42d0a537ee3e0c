/**
 * CRC-64/NVME, eight bytes at a step. Our own because a verifier that must be awaited can be forgotten to be awaited,
 * and the maintained package answers with a promise; it is the oracle of the tests instead.
 * A 64-bit value is kept as two unsigned halves: BigInt would cost a hundred times more.
 * @see NVM Express NVM Command Set Specification, "64b CRC" (reflected polynomial 9A6C9329AC4BC9B5)
 */

const POLYNOMIAL_HIGH = 0x9a6c9329;
const POLYNOMIAL_LOW = 0xac4bc9b5;
const STEP = 8;

/** Entry `256 * k + byte` carries `byte` over `k` further zero bytes. */
const HIGH = new Uint32Array(256 * STEP);
const LOW = new Uint32Array(256 * STEP);

for (let index = 0; index < HIGH.length; index += 1) {
  let high = index < 256 ? 0 : at(HIGH, index - 256);
  let low = index < 256 ? index : at(LOW, index - 256);
  for (let bit = 0; bit < 8; bit += 1) {
    const isOdd = (low & 1) === 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (isOdd) {
      high ^= POLYNOMIAL_HIGH;
      low ^= POLYNOMIAL_LOW;
    }
  }
  HIGH[index] = high;
  LOW[index] = low;
}

/** Creates a running CRC-64/NVME; the digest is 8 bytes, big-endian. */
export function createCrc64Nvme(): { readonly update: (chunk: Buffer) => void; readonly digest: () => Buffer } {
  let high = -1;
  let low = -1;
  return {
    update: (chunk) => {
      const whole = chunk.length - (chunk.length % STEP);
      let index = 0;
      for (; index < whole; index += STEP) {
        const a = low ^ chunk.readInt32LE(index);
        const b = high ^ chunk.readInt32LE(index + 4);
        high = fold(HIGH, a, b);
        low = fold(LOW, a, b);
      }
      for (; index < chunk.length; index += 1) {
        const entry = (low ^ chunk.readUInt8(index)) & 255;
        low = at(LOW, entry) ^ ((low >>> 8) | (high << 24));
        high = at(HIGH, entry) ^ (high >>> 8);
      }
    },
    digest: () => {
      const bytes = Buffer.alloc(8);
      bytes.writeInt32BE(~high, 0);
      bytes.writeInt32BE(~low, 4);
      return bytes;
    },
  };
}

function fold(table: Uint32Array, a: number, b: number): number {
  return (
    at(table, 1792 + (a & 255)) ^
    at(table, 1536 + ((a >>> 8) & 255)) ^
    at(table, 1280 + ((a >>> 16) & 255)) ^
    at(table, 1024 + (a >>> 24)) ^
    at(table, 768 + (b & 255)) ^
    at(table, 512 + ((b >>> 8) & 255)) ^
    at(table, 256 + ((b >>> 16) & 255)) ^
    at(table, b >>> 24)
  );
}

function at(table: Uint32Array, index: number): number {
  return table[index] ?? 0;
}
