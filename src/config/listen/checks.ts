/** The rules across the keys of `listen`, and of the files that it names. */
import { createSecureContext } from 'node:tls';
import type { Explanation } from '../loading/explain.ts';
import { text, type Loose, type Report } from '../loading/loose.ts';
import { pathKey } from '../loading/path-key.ts';
import type { Files } from '../loading/read-files.ts';
import { isLoopback } from '../../platform/loopback.ts';
import { parseAddress } from '../values/shapes.ts';
import type { FileListen } from './schema.ts';

/** Reports what does not fit together in `listen`. */
export const checkListen = (listen: Loose<FileListen>, report: Report): void => {
  const socket = text(listen?.socket);
  const address = text(listen?.address);
  const host = parseAddress(address ?? '')?.host;
  if ((listen?.socket === undefined) === (listen?.address === undefined)) {
    report(['listen'], 'needs exactly one of `socket` (the edge is on this machine) and `address` (it is elsewhere)');
  }
  // sun_path holds 108 bytes with its terminator; a longer path would be cut without a word.
  if (socket !== undefined && Buffer.byteLength(socket) > 107) {
    report(['listen', 'socket'], 'is longer than the 107 bytes that the system allows; choose a shorter path');
  }
  if (listen?.tls) {
    for (const part of ['certFile', 'keyFile', 'clientCaFile'] as const) {
      if (listen.tls[part] === undefined) {
        report(['listen', 'tls', part], 'is missing; mutual TLS needs certFile, keyFile and clientCaFile');
      }
    }
    if (socket !== undefined) report(['listen', 'tls'], 'belongs to `listen.address`; remove it, or the socket');
  }
  const plaintext = listen?.allowPlaintextLoopback === true;
  if (host !== undefined && listen?.tls === undefined && !(plaintext && isLoopback(host))) {
    report(
      ['listen', 'address'],
      isLoopback(host)
        ? 'is plain TCP; set `listen.tls`, use `listen.socket`, or set `allowPlaintextLoopback: true`'
        : 'is plain TCP; set `listen.tls` (certFile, keyFile, clientCaFile)',
    );
  }
  if (plaintext && (host === undefined || !isLoopback(host) || listen.tls !== undefined)) {
    report(['listen', 'allowPlaintextLoopback'], 'is only for a loopback `listen.address` without TLS; remove it');
  }
};

/** A certificate and a key that do not belong together would otherwise show at the first connection only. */
export const checkListenTls = (files: Files): readonly Explanation[] => {
  const [cert, key] = ['certFile', 'keyFile'].map((name) => files.get(pathKey(['listen', 'tls', name])));
  if (cert === undefined || key === undefined) return [];
  try {
    createSecureContext({ cert: cert.revealBytes(), key: key.revealBytes() });
    return [];
  } catch {
    return [{ path: ['listen', 'tls', 'keyFile'], message: 'does not belong to `certFile`, or has a passphrase' }];
  }
};
