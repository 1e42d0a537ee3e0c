/**
 * The requests that a person's machine sends to the gateway: who am I, may I, and what do I sign with. Enters: a token. Leaves:
 * what the gateway said, checked. Never: a token in an error.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { ClientFailure, printable, reasonOf } from './failure.ts';
import type { HttpAnswer } from '../platform/http-call.ts';
import type { Http } from './http.ts';

const grant = z.object({
  effect: z.enum(['allow', 'deny']),
  verbs: z.array(z.string()),
  key: z.string().optional(),
  prefix: z.string().optional(),
});
const whoami = z.object({
  subject: z.string(),
  issuer: z.string(),
  issuerName: z.string(),
  groups: z.array(z.string()),
  actor: z.object({ issuer: z.string().optional(), subject: z.string() }).optional(),
  accessKeyId: z.string().optional(),
  expiresAt: z.string(),
  role: z.string(),
  roles: z.array(z.string()),
  buckets: z.array(z.object({ name: z.string(), grants: z.array(grant) })),
  policyVersion: z.string(),
});
const canI = z.object({
  decision: z.enum(['allow', 'deny', 'filtered']),
  verb: z.string(),
  bucket: z.string(),
  key: z.string(),
  rule: z.string(),
  reason: z.string(),
  instead: z.string().optional(),
  owner: z.string().optional(),
  unknown: z.array(z.string()).optional(),
  policyVersion: z.string(),
});
const issued = z.object({
  AccessKeyId: z.string().min(1),
  SecretAccessKey: z.string().min(1),
  Token: z.string().min(1),
  Expiration: z.string().min(1),
});

/** Who the gateway takes somebody for. */
export type Whoami = z.infer<typeof whoami>;
/** What policy says of something that somebody may want to do. */
export type CanI = z.infer<typeof canI>;
/** Credentials of the gateway, as its endpoint names them. */
export type Issued = z.infer<typeof issued>;

export const WHOAMI_PATH = '/-/whoami';

/** How often a request is repeated that the gateway answers with 503 and `Retry-After`: it, or an issuer, has just started. */
const MAX_REPEATS = 4;
const MAX_PAUSE_SECONDS = 10;

/** Fetches who the bearer is. @throws ClientFailure */
export async function fetchWhoami(http: Http, gateway: string, token: string): Promise<Whoami> {
  return callUntil(http, `${gateway}${WHOAMI_PATH}`, { authorization: `Bearer ${token}` }, whoami);
}

/** Fetches the same with headers that are signed already. @throws ClientFailure */
export async function fetchWhoamiSigned(
  http: Http,
  gateway: string,
  headers: Readonly<Record<string, string>>,
): Promise<Whoami> {
  return callUntil(http, `${gateway}${WHOAMI_PATH}`, headers, whoami);
}

/** Asks whether the bearer may do something; `question`: the query of `/-/can-i`. @throws ClientFailure */
export async function fetchCanI(
  http: Http,
  gateway: string,
  token: string,
  question: ReadonlyMap<string, string>,
): Promise<CanI> {
  const query = [...question].map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  return callUntil(http, `${gateway}/-/can-i?${query}`, { authorization: `Bearer ${token}` }, canI);
}

/** Trades the token for credentials; `role`: one policy (default: all that name the caller). @throws ClientFailure */
export async function fetchCredentials(http: Http, gateway: string, token: string, role?: string): Promise<Issued> {
  const query = role === undefined ? '' : `?role=${encodeURIComponent(role)}`;
  return callUntil(http, `${gateway}/-/credentials${query}`, { authorization: `Bearer ${token}` }, issued);
}

async function callUntil<Answer>(
  http: Http,
  url: string,
  headers: Readonly<Record<string, string>>,
  shape: z.ZodType<Answer>,
): Promise<Answer> {
  let answer: HttpAnswer;
  const { origin } = new URL(url);
  try {
    answer = await http.call(url, { headers });
    for (let repeats = 0; repeats < MAX_REPEATS; repeats += 1) {
      const pauseSeconds = Number(answer.headers['retry-after']);
      if (answer.status !== 503 || !(pauseSeconds <= MAX_PAUSE_SECONDS)) break;
      await sleep(pauseSeconds * 1000);
      answer = await http.call(url, { headers });
    }
  } catch (error) {
    if (error instanceof ClientFailure) throw error;
    throw new ClientFailure(`${origin} cannot be reached: ${reasonOf(error)}`, 'find out why: sallyport doctor', {
      cause: error,
    });
  }
  const content = parsed(answer.body);
  if (answer.status !== 200) throw refusal(origin, answer.status, content);
  const checked = shape.safeParse(content);
  // What it is, is not repeated: it may hold a secret.
  if (!checked.success) throw new ClientFailure(`${origin} does not answer like a gateway`, 'check --gateway');
  return checked.data;
}

const errorShape = z.object({ code: z.string(), message: z.string() });

function refusal(origin: string, status: number, content: unknown): ClientFailure {
  const error = errorShape.safeParse(content);
  if (!error.success) return new ClientFailure(`${origin} answers ${status}, not like a gateway`, 'check --gateway');
  const { code, message } = error.data;
  return new ClientFailure(`the gateway refuses: ${printable(`${code}: ${message}`)}`, REMEDIES[code]);
}

const REMEDIES: Readonly<Record<string, string>> = {
  InvalidToken: 'see what it expects of a token: sallyport doctor',
  ExpiredToken: 'see whether the clock of this machine is right: sallyport doctor',
  AccessDenied: 'see which roles you have: sallyport whoami',
  NotImplemented: 'this gateway issues no credentials: send the token itself (sallyport token)',
  SlowDown: 'try again in a moment',
  ServiceUnavailable: 'try again in a minute; then tell the operators of the gateway',
};

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString()) as unknown;
  } catch {
    return undefined;
  }
}
