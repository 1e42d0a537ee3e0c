/** Which hosts are this machine itself. */
import { isIP } from 'node:net';

/** Tells whether a host, an IPv6 address in brackets or without, can only be reached from this machine. */
export const isLoopback = (host: string): boolean => {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
};
