/**
 * Whether a server can be reached, and believed: its name, its port, its certificate. Enters: an origin. Leaves: what was
 * found, and how to fix what is wrong. Nothing is sent over the connection.
 */
import { lookup } from 'node:dns/promises';
import { isIP, connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { networkRemedy, printable, reasonOf } from './failure.ts';
import type { Finding } from './finding.ts';

const LIMIT_MS = 10_000;
const DAY_MS = 86_400_000;
const SOON_DAYS = 7;

/** Looks the name up, connects, and has the certificate verified by `ca` (default: as Node does by itself). */
export async function reach(what: string, origin: string, ca: readonly string[] | undefined): Promise<Finding> {
  const { protocol, hostname, port } = new URL(origin);
  const host = hostname.replace(/^\[|\]$/g, '');
  try {
    const { address } = await lookup(host);
    const where = address === host ? origin : `${origin} (${address})`;
    if (protocol === 'http:') {
      (await connected(connectTcp({ host, port: Number(port || 80) }), 'connect')).destroy();
      return { check: what, state: 'ok', found: `${where}, plain http on this machine` };
    }
    const socket = connectTls({
      ...{ host, port: Number(port || 443), ALPNProtocols: ['http/1.1'] },
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === undefined ? {} : { ca: [...ca] }),
    });
    const finding = certificateOf(what, where, await connected(socket, 'secureConnect'));
    socket.destroy();
    return finding;
  } catch (error) {
    const remedy = networkRemedy(error) ?? 'check the network, and whether a firewall or a proxy stands in the way';
    return { check: what, state: 'wrong', found: `${origin}: ${reasonOf(error)}`, remedy };
  }
}

function certificateOf(what: string, where: string, socket: TLSSocket): Finding {
  const { issuer, valid_to: validTo } = socket.getPeerCertificate();
  const days = Math.floor((Date.parse(validTo) - Date.now()) / DAY_MS);
  const by = printable([issuer.CN ?? issuer.O ?? 'an unnamed CA'].flat().join(' '), 100);
  const found = `${where}, ${socket.getProtocol() ?? 'TLS'}, certificate by ${by}, good for ${days} days`;
  if (days >= SOON_DAYS) return { check: what, state: 'ok', found };
  return { check: what, state: 'warning', found, remedy: 'tell who runs it that the certificate ends soon' };
}

function connected<Kind extends Socket>(socket: Kind, event: 'connect' | 'secureConnect'): Promise<Kind> {
  return new Promise((resolve, reject) => {
    socket.setTimeout(LIMIT_MS, () => {
      socket.destroy(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' }));
    });
    socket.once(event, () => resolve(socket));
    socket.once('error', reject);
  });
}
