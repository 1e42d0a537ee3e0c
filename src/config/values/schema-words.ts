/**
 * The words that the schema is written in: a key with its shape and meaning, and the kinds of values that come again and
 * again.
 */
import { z } from 'zod';
import type { Bounds } from '../../contracts/bounds.ts';
import { isOrigin, isPath, isServedHost, parseAddress } from './shapes.ts';

/** What the documentation and the error messages need to know of a key. */
export interface KeyMeta {
  /** Completes the sentence "must be …". */
  readonly shape: string;
  readonly description: string;
  /** Where the default is worked out from other keys. */
  readonly derivedDefault?: string;
  /** The key names a file that is read at start; all but `certificates` and `token` must be private. */
  readonly file?: 'certificates' | 'secret' | 'token' | 'private key' | 'seed' | 'foreign seed' | 'directory';
  /**
   * A change of it, of all below it and of the file that it names is taken up without a restart; `content`: only a change of
   * the file, which its reader looks at itself.
   */
  readonly reloads?: 'whole' | 'content';
  /** The value is a path on this machine, relative or not. */
  readonly isLocalPath?: true;
  /** Of a map: what stands for the entry's name in the documentation. */
  readonly entry?: string;
}

export const key = <T extends z.ZodType>(
  schema: T,
  shape: string,
  description: string,
  more: Partial<KeyMeta> = {},
): T => schema.meta({ shape, description, ...more });

export const text = (accepts: (value: string) => boolean) => z.string().refine(accepts);
export const address = text((value) => parseAddress(value) !== undefined);
export const origin = text(isOrigin);
export const path = text(isPath).meta({ isLocalPath: true });
/** A region of AWS, or what another store calls one. */
export const region = text((value) => /^[a-z0-9-]{1,64}$/.test(value));
/** A name that a certificate may carry. */
export const hostName = text((value) => /^[A-Za-z0-9.-]{1,253}$/.test(value));
export const name = z.string().min(1).max(255);
// Not z.int(): its failures would keep the rules across keys from running.
export const whole = (min: number, max: number) =>
  z.number().refine((value) => Number.isSafeInteger(value) && value >= min && value <= max);
export const count = (min: number, max: number, fallback: number, description: string) =>
  key(whole(min, max).default(fallback), `a whole number from ${min} to ${max}`, description);
export const countWithin = ({ min, max, usual }: Bounds, description: string) => count(min, max, usual, description);
export const flag = (description: string) => key(z.boolean().default(false), '`true` or `false`', description);
export const file = (kind: NonNullable<KeyMeta['file']>, description: string, more: Partial<KeyMeta> = {}) =>
  key(path.optional(), kind === 'directory' ? 'the path of a directory' : 'the path of a file', description, {
    ...more,
    file: kind,
  });
export const group = <T extends z.ZodRawShape>(shape: T, description: string, more: Partial<KeyMeta> = {}) =>
  key(z.strictObject(shape).optional(), 'a group of keys', description, more);
/** Of a key: see `KeyMeta.reloads`. */
export const RELOADS = { reloads: 'whole' } as const;
export const REREAD = { reloads: 'content' } as const;
export const section = <T extends z.core.$ZodLooseShape>(shape: T, description: string) =>
  key(z.strictObject(shape).prefault({} as never), 'a group of keys', description);
export const hosts = (description: string) =>
  key(
    z.array(text(isServedHost)).max(64).default([]),
    'a list of at most 64 hosts in lower case, IPv6 in brackets, each with a port or with that of the server',
    description,
  );
