/** `test/conformance/seen.json`: what the last whole run of the suite saw of every cell, of which docs/clients.md is made. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { TRANSPORTS, UPSTREAMS, AUTH_METHODS, type Cell } from './cell.ts';

const file = new URL('../seen.json', import.meta.url);

const seenCell = z.strictObject({
  client: z.string(),
  version: z.string(),
  auth: z.enum(AUTH_METHODS),
  transport: z.enum(TRANSPORTS),
  upstream: z.enum(UPSTREAMS),
  status: z.enum(['passed', 'failed', 'unavailable']),
  reason: z.string().optional(),
  ca: z.string(),
  /** Steps that were done in each bucket. */
  encrypted: z.int(),
  plain: z.int(),
});
export type SeenCell = z.infer<typeof seenCell>;

/** @throws Error where it is not of the form */
export const readCells = (): readonly SeenCell[] => z.array(seenCell).parse(JSON.parse(readFileSync(file, 'utf8')));

/** Keeps what a whole run saw. */
export async function keepCells(cells: readonly Cell[]): Promise<void> {
  const kept = cells.map(({ client, version, auth, transport, upstream, status, reason, ca, steps }): SeenCell => ({
    ...{ client, version, auth, transport, upstream, status, ca },
    ...(reason === undefined ? {} : { reason }),
    encrypted: steps.filter((name) => name.endsWith(', encrypted')).length,
    plain: steps.filter((name) => name.endsWith(', plain')).length,
  }));
  await writeFile(file, `${JSON.stringify(kept, undefined, 1)}\n`);
}

const nameOf = ({ client, auth, transport, upstream }: Pick<SeenCell, 'client' | 'auth' | 'transport' | 'upstream'>) =>
  `${client}, ${auth}, ${transport}, ${upstream}`;

/**
 * Names every required cell of the run of which something else was kept, or nothing. Versions are not compared: they are those
 * of the machine that ran it last.
 */
export function staleCells(cells: readonly Cell[], kept: readonly SeenCell[]): readonly string[] {
  return cells
    .filter(({ required }) => required)
    .filter((cell) => kept.find((one) => nameOf(one) === nameOf(cell))?.status !== cell.status)
    .map((cell) => `${nameOf(cell)}: ${cell.status}`);
}
