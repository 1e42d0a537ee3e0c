/** What a trial of a store depends on, and what it finds. Everything it writes lies below one scratch prefix. */
import { crc32 } from 'node:zlib';
import type { StoreRequest } from '../../contracts/store-session.ts';
import type { Verb } from '../../s3/operations/verb.ts';

/** An answer of the store, whatever it says. */
export interface Reply {
  /** 0: none came. */
  readonly status: number;
  /** That of its error document, or of the connection. */
  readonly code: string | undefined;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

export type Send = (request: StoreRequest) => Promise<Reply>;

/** Whose session: these verbs, and only below this prefix. */
export interface Narrow {
  readonly verbs: readonly Verb[];
  readonly prefix: string;
}

export interface TrialContext {
  /** In a session for everything that trials do below the prefix. */
  readonly send: Send;
  /** In a session of its own, which is requested anew. `undefined`: the store refused the session itself. */
  readonly narrow: (narrow: Narrow) => Promise<Send | undefined>;
  /** How a copy names it as its source. */
  readonly source: (key: string) => string;
  /** A key below the scratch prefix. */
  readonly key: (name: string) => string;
  /** Sends the head of a PUT and the first bytes of its body, and ends the connection. Resolves when it is closed. */
  readonly cut: (key: string, body: Buffer, sentBytes: number, how: 'FIN' | 'RST') => Promise<void>;
  /** What the store says to AssumeRoleWithWebIdentity with a token that nobody issued. */
  readonly webIdentity: () => Promise<Pick<Reply, 'status' | 'code'>>;
  /** Remembers an upload, so that it is taken away even if the run is stopped. */
  readonly began: (key: string, uploadId: string) => void;
  readonly method: 'assume-role' | 'static' | 'web-identity';
  readonly checksums: 'all' | 'headers';
  readonly conditionalDeletes: boolean;
  /** The store's name in configuration. */
  readonly storeName: string;
}

export interface Outcome {
  readonly state: 'works' | 'lacks' | 'untried';
  /** What was seen, in a clause. */
  readonly found: string;
  /** A key of configuration that says otherwise than what was found, and what it should say. */
  readonly set?: string;
}

export interface Trial {
  readonly id: string;
  /** What is tried, in a few words. */
  readonly what: string;
  /** What users lose without it. */
  readonly lost: string;
  /** Whether the gateway cannot do its work without it. */
  readonly needed: boolean;
  readonly run: (context: TrialContext) => Promise<Outcome>;
}

export const works = (found: string): Outcome => ({ state: 'works', found });
export const lacks = (found: string, set?: string): Outcome => ({
  ...{ state: 'lacks', found },
  ...(set === undefined ? {} : { set }),
});
export const untried = (found: string): Outcome => ({ state: 'untried', found });

/** An answer in a few characters. */
export const said = ({ status, code }: Pick<Reply, 'status' | 'code'>): string =>
  `${status === 0 ? 'no answer' : status}${code === undefined ? '' : ` ${code}`}`;

export const isGood = ({ status }: Pick<Reply, 'status'>): boolean => status >= 200 && status < 300;

/** A store did something else than a trial builds on. */
export class TrialFailed extends Error {}

/** Gives the answer where it is a good one. @throws TrialFailed */
export function good(what: string, reply: Reply): Reply {
  if (isGood(reply)) return reply;
  throw new TrialFailed(`${what}: ${said(reply)}`);
}

type Headers = Readonly<Record<string, string>>;

export const put = (context: Pick<TrialContext, 'send'>, key: string, text: string | Buffer, headers: Headers = {}) => {
  const content = Buffer.from(text as string);
  return context.send({ method: 'PUT', key, query: [], headers, body: { sizeBytes: content.length, content } });
};
export const get = ({ send }: Pick<TrialContext, 'send'>, key: string, headers: Headers = {}) =>
  send({ method: 'GET', key, query: [], headers });
export const head = ({ send }: Pick<TrialContext, 'send'>, key: string, headers: Headers = {}) =>
  send({ method: 'HEAD', key, query: [], headers });

/** A header of user metadata, which tells whether they are kept. */
export const META = 'x-amz-meta-sallyport-doctor';

/** The CRC32 of a text as S3's headers have it. */
export function crc32Of(text: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(text));
  return bytes.toString('base64');
}
