/** Clients that go away: connections that are reset some milliseconds after their request, or in the middle of it. */
import { connect, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import type { WireSample } from './wire-samples.ts';

/** A unix socket, a port of this machine, or one that speaks TLS with a certificate of `ca`. */
export type CutEndpoint = string | number | { readonly port: number; readonly ca: string };

interface Cut {
  readonly sample: WireSample;
  /** Since the connection stands. */
  readonly afterMs: number;
  /** As many bytes of the request go out; the rest never does. */
  readonly bytes: number;
}

const LONGEST_MS = 8;

/** Draws one: mostly whole requests, which are cut while their answer is being made. */
function drawCut(samples: readonly WireSample[], random: () => number): Cut {
  const sample = samples[Math.floor(random() * samples.length)];
  if (sample === undefined) throw new Error('no samples');
  const { length } = sample.request;
  const bytes = random() < 0.8 ? length : Math.floor(random() * length);
  return { sample, bytes, afterMs: random() * LONGEST_MS };
}

/** Connects, sends and goes away; never fails. */
async function cut(endpoint: CutEndpoint, { sample, bytes, afterMs }: Cut): Promise<void> {
  const socket = typeof endpoint === 'string' ? connect(endpoint) : new Socket();
  if (typeof endpoint !== 'string')
    socket.connect(typeof endpoint === 'number' ? endpoint : endpoint.port, '127.0.0.1');
  socket.on('error', () => undefined);
  const stream =
    typeof endpoint === 'object' ? connectTls({ socket, servername: 'localhost', ca: endpoint.ca }) : socket;
  stream.on('error', () => undefined);
  stream.resume();
  const open = await new Promise<boolean>((resolve) => {
    stream.once(stream === socket ? 'connect' : 'secureConnect', () => resolve(true));
    stream.once('close', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
  if (!open) return;
  stream.write(sample.request.subarray(0, bytes));
  await sleep(afterMs);
  // A unix socket knows no reset.
  if (typeof endpoint === 'string') socket.destroy();
  else socket.resetAndDestroy();
  stream.destroy();
}

/** Makes `count` of them, `atOnce` at a time. */
export async function cutAll(
  endpoint: CutEndpoint,
  samples: readonly WireSample[],
  { count, atOnce, random }: { readonly count: number; readonly atOnce: number; readonly random: () => number },
): Promise<void> {
  let left = count;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left > 0) {
        left -= 1;
        await cut(endpoint, drawCut(samples, random));
      }
    }),
  );
}
