/** The checked section `listen` and its files, as the configuration that the program uses. */
import { resolve } from 'node:path';
import { pathKey } from '../loading/path-key.ts';
import { promised } from '../loading/promised.ts';
import type { Files } from '../loading/read-files.ts';
import type { Secret } from '../loading/secret.ts';
import { parseAddress, type Address } from '../values/shapes.ts';
import { parseSocketMode, type FileListen } from './schema.ts';

/** Where the edge reaches the gateway. `tls` is absent only on loopback, where configuration allows it loudly. */
export type ListenConfig =
  | { readonly kind: 'socket'; readonly path: string; readonly mode: number }
  | ({ readonly kind: 'tcp'; readonly tls: ListenTls | undefined } & Address);

/** PEM texts of mutual TLS. */
interface ListenTls {
  readonly certificate: string;
  readonly key: Secret;
  readonly clientCa: string;
}

/** Puts the section together. Relative paths start at `directory`. */
export const assembleListen = (listen: FileListen, files: Files, directory: string): ListenConfig => {
  if (listen.socket !== undefined) {
    return {
      kind: 'socket',
      path: resolve(directory, listen.socket),
      mode: promised(parseSocketMode(listen.socketMode)),
    };
  }
  const file = (name: string) => promised(files.get(pathKey(['listen', 'tls', name])));
  const tls = listen.tls && {
    certificate: file('certFile').reveal(),
    key: file('keyFile'),
    clientCa: file('clientCaFile').reveal(),
  };
  return { kind: 'tcp', ...promised(parseAddress(promised(listen.address))), tls };
};
