/** The section `listen`: where the edge reaches the gateway. */
import type { z } from 'zod';
import { address, file, flag, group, key, path, RELOADS, section, text } from '../values/schema-words.ts';

/** Parses a file mode such as `0660`; one that lets others in is none. */
export const parseSocketMode = (text: string): number | undefined =>
  /^0?[0-7]{2}0$/.test(text) ? Number.parseInt(text, 8) : undefined;

export const listen = section(
  {
    socket: key(path.optional(), 'the path of a unix socket', 'Unix socket on which the edge reaches the gateway.'),
    socketMode: key(
      text((value) => parseSocketMode(value) !== undefined).default('0660'),
      'a quoted octal mode that lets no others in, such as `"0660"`',
      'Mode of the socket: whoever may open it reaches the gateway past the edge.',
    ),
    address: key(address.optional(), '`host:port`', 'TCP address, for an edge on another machine; needs `listen.tls`.'),
    tls: group(
      {
        certFile: file('certificates', 'Certificate chain of the gateway (PEM).', RELOADS),
        keyFile: file('private key', 'Its private key (PEM).', RELOADS),
        clientCaFile: file(
          'certificates',
          'CA of the edge (PEM). Clients without a certificate of it are refused.',
          RELOADS,
        ),
      },
      'Mutual TLS over TCP. All three files are needed.',
    ),
    allowPlaintextLoopback: flag('Accepts `listen.address` without TLS, on a loopback address only.'),
  },
  'Where the edge reaches the gateway: either `socket` or `address`.',
);

/** The section as the file has it, each key by itself right. */
export type FileListen = z.output<typeof listen>;
