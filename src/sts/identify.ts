/**
 * A request without a body -> who sends it: by a bearer token, or by a signature of a session of ours. Nobody is let in here:
 * that is `accept`.
 */
import { hash } from 'node:crypto';
import type { AuditTrail } from '../audit/audit-trail.ts';
import type { WayIn } from '../contracts/authorizer.ts';
import type { Exchange } from '../contracts/exchange.ts';
import type { Principal } from '../contracts/principal.ts';
import { GatewayError, inStage } from '../errors/gateway-error.ts';
import { bearerToken } from '../s3/bearer-token.ts';
import { contentLength, foldHeaders } from '../s3/request/request-headers.ts';
import type { StsDependencies } from './dependencies.ts';

const EMPTY_PAYLOAD = hash('sha256', '');
const PAYLOAD_HASHES: readonly string[] = [EMPTY_PAYLOAD, 'UNSIGNED-PAYLOAD'];

/** Identifies who sends it. @throws GatewayError InvalidRequest for a body, and whatever is wrong with the credential */
export async function identify(
  dependencies: StsDependencies,
  exchange: Exchange,
  record: AuditTrail,
): Promise<Principal> {
  const headers = foldHeaders(exchange.raw.rawHeaders);
  // A body that no one reads is where the next request of a kept connection can hide.
  if ((contentLength(headers) ?? 0) > 0 || headers.has('transfer-encoding')) throw refused('a body');
  return inStage('authenticate', () => verified(dependencies, exchange, record, headers));
}

async function verified(
  { tokens, sessions }: StsDependencies,
  { raw }: Exchange,
  { startedMs }: AuditTrail,
  headers: ReadonlyMap<string, string>,
): Promise<Principal> {
  const authorization = headers.get('authorization');
  if (authorization === undefined) throw new GatewayError('MissingToken');
  const token = bearerToken(authorization);
  if (token !== undefined) return tokens.verify(token);
  if (sessions === undefined) throw new GatewayError('SessionsNotConfigured');
  const payloadHash = headers.get('x-amz-content-sha256') ?? EMPTY_PAYLOAD;
  if (!PAYLOAD_HASHES.includes(payloadHash)) throw refused('the hash of a body that is not there');
  const identification = sessions.verify({ raw, service: 's3', payloadHash, receivedAtMs: startedMs });
  if (identification === undefined) throw new GatewayError('MissingToken');
  return identification.principal;
}

/** How it came. */
export const wayInOf = ({ accessKeyId }: Principal): WayIn => (accessKeyId === undefined ? 'bearer' : 'session');

/** A refusal; the log has the detail. */
export function refused(detail: string): GatewayError {
  return new GatewayError('InvalidRequest', { detail });
}
