/**
 * One caller who uploads as much as it can: so many uploads at once, each begun again when it has ended, and after a refusal when
 * the answer says. A process of its own that gives way to all others, as it would be on a machine of its own. Enters by message:
 * a plan, and later `stop`; leaves: what became of the uploads.
 */
import { Agent, request, type ClientRequest } from 'node:http';
import { once } from 'node:events';
import { getPriority, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from './target.ts';

export interface FloodPlan {
  readonly target: Target;
  readonly atOnce: number;
  readonly sizeBytes: number;
}

export interface FloodResult {
  readonly completed: number;
  /** 503, each before a byte of the body was sent. */
  readonly refused: number;
  readonly failed: number;
  readonly sentBytes: number;
}

const PIECE = Buffer.alloc(64 * 1024, 'flood');
const AGAIN_MS = 100;
/** Below the processes that are measured. */
const STEPS_DOWN = 10;
const LOWEST_PRIORITY = 19;

setPriority(Math.min(getPriority() + STEPS_DOWN, LOWEST_PRIORITY));
const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
const open = new Set<ClientRequest>();
const result = { completed: 0, refused: 0, failed: 0, sentBytes: 0 };
let isOver = false;

process.on('message', (message: FloodPlan | 'stop') => {
  if (message === 'stop') {
    isOver = true;
    process.send?.(result satisfies FloodResult);
    for (const outgoing of open) outgoing.destroy();
  } else for (let index = 0; index < message.atOnce; index += 1) void uploadAgainAndAgain(message, index);
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');

async function uploadAgainAndAgain(plan: FloodPlan, index: number): Promise<void> {
  while (!isOver) {
    const waitMs = await upload(plan, index).catch(() => {
      result.failed += isOver ? 0 : 1;
      return AGAIN_MS;
    });
    if (waitMs > 0) await sleep(waitMs);
  }
}

/** Gives how long to wait before the next one, in milliseconds. */
async function upload({ target, sizeBytes }: FloodPlan, index: number): Promise<number> {
  const outgoing = request(`${target.origin}/box/discard/flood-${index}`, {
    ...{ method: 'PUT', agent },
    headers: { ...target.headers, 'content-length': String(sizeBytes), expect: '100-continue' },
  });
  open.add(outgoing);
  try {
    outgoing.on('error', () => undefined);
    outgoing.once('continue', () => void sendBody(outgoing, sizeBytes));
    outgoing.flushHeaders();
    const [answer] = (await once(outgoing, 'response')) as [
      { statusCode: number; headers: Record<string, string | undefined>; resume: () => void },
    ];
    answer.resume();
    if (answer.statusCode === 200) {
      result.completed += 1;
      return 0;
    }
    if (answer.statusCode === 503) result.refused += 1;
    else result.failed += 1;
    // It has sent nothing of its body, and the connection waits for it.
    outgoing.destroy();
    return Number(answer.headers['x-amz-retry-after'] ?? AGAIN_MS);
  } finally {
    open.delete(outgoing);
  }
}

async function sendBody(outgoing: ClientRequest, sizeBytes: number): Promise<void> {
  for (let left = sizeBytes; left > 0 && !outgoing.destroyed; left -= PIECE.length) {
    const piece = PIECE.subarray(0, Math.min(left, PIECE.length));
    result.sentBytes += piece.length;
    if (!outgoing.write(piece)) await drained(outgoing);
  }
  outgoing.end();
}

/** Resolves when more may be written, or nothing any more. */
function drained(outgoing: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      outgoing.off('drain', settle).off('close', settle);
      resolve();
    };
    outgoing.on('drain', settle).on('close', settle);
  });
}
