/**
 * Makes the connections to a store, TLS verified, with two manners of their own. A write that fails does not end one before
 * the answer that came in meanwhile is read: a store may answer a PUT before it has read the body, and close. And what ends
 * with an error is reset, not closed in order: some stores take the orderly end of a connection for the end of the object,
 * and would keep what was aborted halfway.
 */
import type { Socket } from 'node:net';
import { buildConnector } from 'undici';
import { releaseSent } from '../../s3/body/release-memory.ts';
import type { StoreTls } from '../../contracts/store-access.ts';

type Wrote = (error?: Error | null) => void;
type Written = readonly { readonly chunk: unknown }[];

/** A store that closes its end has said all by then; one that does not is not waited for longer. */
const ANSWER_LIMIT_MS = 1000;
const CLOSED_BY_PEER = new Set(['ECONNRESET', 'EPIPE']);

/** Creates the connector of a pool. */
export function createStoreConnector({
  ca,
  serverName,
  minVersion,
  connectTimeoutMs,
}: StoreTls & { readonly connectTimeoutMs: number }): buildConnector.connector {
  const connect = buildConnector({
    ...{ allowH2: false, timeout: connectTimeoutMs, minVersion },
    ...(ca === undefined ? {} : { ca }),
  });
  return (options, callback) => {
    const isTls = options.protocol === 'https:';
    const { servername: host, ...address } = options;
    // The connection below TLS is made by itself: it alone can be reset.
    const plain = { ...address, protocol: 'http:', port: options.port || (isTls ? '443' : '80') };
    connect(plain, (error, raw) => {
      if (error !== null) {
        callback(error, null);
        return;
      }
      if (!isTls) {
        callback(null, withResetOnDestroy(raw, raw));
        return;
      }
      // By itself undici asks for the name in Host, also where another one was configured.
      const servername = serverName ?? host;
      connect(
        { ...plain, protocol: 'https:', httpSocket: raw, ...(servername && { servername }) },
        (failure, socket) => {
          if (failure === null) callback(null, withResetOnDestroy(socket, raw));
          else callback(failure, null);
        },
      );
    });
  };
}

function withResetOnDestroy(socket: Socket, raw: Socket): Socket {
  readBeforeFailing(socket);
  resetOnError(socket, raw);
  return socket;
}

/** Holds back what a write failed with until the other direction has ended; releases what was written. */
function readBeforeFailing(socket: Socket): void {
  const held =
    (done: Wrote, written: Written): Wrote =>
    (error) => {
      if (!error) for (const { chunk } of written) releaseSent(chunk);
      if (!(error instanceof Error) || !CLOSED_BY_PEER.has((error as NodeJS.ErrnoException).code ?? '')) {
        done(error);
        return;
      }
      const fail = () => {
        // Once: the end is followed by the close.
        clearTimeout(limit);
        socket.off('end', fail).off('close', fail);
        done(error);
      };
      const limit = setTimeout(fail, ANSWER_LIMIT_MS);
      socket.once('end', fail);
      socket.once('close', fail);
    };
  const [write, writeAll] = [socket._write.bind(socket), socket._writev?.bind(socket)];
  socket._write = (chunk, encoding, done) => {
    write(chunk, encoding, held(done, [{ chunk }]));
  };
  if (writeAll !== undefined) {
    socket._writev = (chunks, done) => {
      writeAll(chunks, held(done, chunks));
    };
  }
}

/** Of a connection with TLS, its end is that of the one below, which alone can be reset. */
function resetOnError(socket: Socket, raw: Socket): void {
  const destroyRaw = raw.destroy.bind(raw);
  let failure: Error | undefined;
  let isResetting = false;
  raw.destroy = (error) => {
    failure ??= error;
    if (failure === undefined || isResetting) return destroyRaw(failure);
    isResetting = true;
    // Comes back here.
    return raw.resetAndDestroy();
  };
  if (socket === raw) return;
  const destroy = socket.destroy.bind(socket);
  socket.destroy = (error) => {
    failure ??= error;
    return destroy(error);
  };
}
