/** Which hosts are this machine itself. */
import { isIP } from 'node:net';

/** Tells whether a host, an IPv6 address in brackets or without, can only be reached from this machine. */
export const isLoopback = (host: string): boolean => {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase();
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
};
