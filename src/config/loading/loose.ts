/** A configuration as far as rules across keys can rely on it: single keys may be missing or wrong. */
import { parseUrl } from '../values/shapes.ts';

/** Anything may be missing, and a leaf may be anything. */
export type Loose<T> =
  NonNullable<T> extends object
    ? { readonly [K in keyof NonNullable<T>]?: Loose<NonNullable<T>[K]> } | null | undefined
    : unknown;

/** Reports one problem: the key, what is wrong, what would be right. */
export type Report = (path: readonly string[], message: string) => void;

export const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
export const url = (value: unknown): URL | undefined => parseUrl(text(value) ?? '');
export const entries = <T>(map: Readonly<Record<string, T>> | null | undefined): [string, T][] =>
  typeof map === 'object' && map !== null ? Object.entries(map) : [];
