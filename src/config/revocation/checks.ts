/** The rules across the keys of `revocation`. */
import { text, type Loose, type Report } from '../loading/loose.ts';
import { isLoopback } from '../../platform/loopback.ts';
import { parseAddress } from '../values/shapes.ts';
import type { FileRevocation } from './schema.ts';

type Redis = NonNullable<NonNullable<Loose<FileRevocation>>['redis']>;

/** Checks the section. */
export const checkRevocation = (revocation: Loose<FileRevocation>, report: Report): void => {
  if (!revocation) return;
  const { file, redis, whenUnavailable } = revocation;
  if ((file === undefined) === (redis === undefined)) {
    report(['revocation'], 'needs exactly one of `file` (gateways on one machine) and `redis` (on several)');
  }
  if (!redis) return;
  if (whenUnavailable === undefined) {
    report(
      ['revocation', 'whenUnavailable'],
      'is missing; say `fail-closed` (without Redis all requests are refused) or `fail-open` (revocations wait for Redis)',
    );
  }
  checkTransport(redis, report);
};

const checkTransport = (redis: Redis, report: Report): void => {
  const at = (name: string): readonly string[] => ['revocation', 'redis', name];
  const host = parseAddress(text(redis.address) ?? '')?.host;
  if (redis.allowPlaintextLoopback === true && host !== undefined && !isLoopback(host)) {
    report(
      at('allowPlaintextLoopback'),
      'is only for a loopback address; remove it: whoever can alter that traffic could lift revocations',
    );
  }
  if (redis.allowPlaintextLoopback === true && redis.tls !== undefined) {
    report(at('tls'), 'contradicts `allowPlaintextLoopback`; remove one of them');
  }
  if (redis.tls && (redis.tls.certFile === undefined) !== (redis.tls.keyFile === undefined)) {
    report([...at('tls'), redis.tls.certFile === undefined ? 'certFile' : 'keyFile'], 'is missing; needs both or none');
  }
  if (redis.usernameFile !== undefined && redis.passwordFile === undefined) {
    report(at('passwordFile'), 'is missing; a user of Redis has one');
  }
};
