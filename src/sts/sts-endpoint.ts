/**
 * Our STS: AssumeRoleWithWebIdentity, which needs no signature, and GetCallerIdentity, which needs one or a bearer token.
 * Enters: a form, a query, or both. Leaves: credentials of ours, never the store's. Parameters that are not known are refused: a session
 * policy that nobody applies would be an access that nobody meant to give.
 * @see AWS Security Token Service API Reference
 */
import { hash } from 'node:crypto';
import type { Endpoint, Exchange } from '../contracts/exchange.ts';
import { isWithin } from '../contracts/bounds.ts';
import { SESSION_SECONDS } from '../contracts/store-access.ts';
import type { Principal } from '../contracts/principal.ts';
import { GatewayError, inStage } from '../errors/gateway-error.ts';
import { foldHeaders } from '../s3/request/request-headers.ts';
import { acceptCaller } from './accept.ts';
import { bearerToken } from '../s3/bearer-token.ts';
import type { AuditTrail } from '../audit/audit-trail.ts';
import { createEndpoint, type Answer } from './endpoint.ts';
import { issue } from './issue.ts';
import type { StsDependencies } from './dependencies.ts';
import { hasForm, readForm, type Form } from './read-form.ts';
import { assumedDocument, callerDocument, stsFailure, stsHeaders } from './sts-documents.ts';

interface Call {
  readonly exchange: Exchange;
  readonly record: AuditTrail;
  readonly headers: ReadonlyMap<string, string>;
  readonly form: Form;
}

const VERSION = '2011-06-15';
const ASSUME_FIELDS = ['Action', 'Version', 'RoleArn', 'RoleSessionName', 'WebIdentityToken', 'DurationSeconds'];
const CALLER_FIELDS = ['Action', 'Version'];

const ARN = /^arn:[\w+=,.@:/-]{16,2044}$/;
/** The account is nobody's. A policy's id, or `sallyport` for all that name the caller. */
const OUR_ROLE = /^arn:aws:iam::000000000000:role\/([a-z0-9][a-z0-9-]{0,63})$/;
const SESSION_NAME = /^[\w+=,.@-]{2,64}$/;

/** Makes the endpoint of POST and GET at `/` and `/-/sts`. */
export function createStsEndpoint(dependencies: StsDependencies): Endpoint {
  const { sessions, limits, forms } = dependencies;

  const readCall = async (exchange: Exchange, record: AuditTrail): Promise<Call> => {
    const headers = foldHeaders(exchange.raw.rawHeaders);
    const call = { exchange, record, headers };
    // Parameters of a query are here with it; only a body can be waited for.
    if (!hasForm(headers)) return { ...call, form: await readForm(exchange, headers, limits.formMs) };
    const leave = forms.enter(exchange.chargedTo);
    if (leave === undefined) throw new GatewayError('SlowDown', { detail: 'too many forms' });
    try {
      return { ...call, form: await readForm(exchange, headers, limits.formMs) };
    } finally {
      leave();
    }
  };

  const assumeRole = async (issuer: NonNullable<StsDependencies['sessions']>, call: Call): Promise<Answer> => {
    const { exchange, record, headers, form } = call;
    refuseOthers(form, ASSUME_FIELDS);
    // Which of two identities was meant is not ours to guess.
    if (headers.has('authorization')) {
      throw new GatewayError('InvalidRequest', { clientFields: { Header: 'authorization' } });
    }
    const roleArn = argument(form, 'RoleArn', ARN);
    const sessionName = argument(form, 'RoleSessionName', SESSION_NAME);
    // SDKs send their token file as it is, and most that people write end in a newline.
    const token = argument(form, 'WebIdentityToken', /^[!-~]{4,}\s{0,2}$/).trimEnd();
    const seconds = duration(form);
    const role = OUR_ROLE.exec(roleArn)?.[1];
    const principal = await inStage('authenticate', () => dependencies.tokens.verify(token));
    const wanted = { operation: 'AssumeRoleWithWebIdentity', role, seconds } as const;
    const credentials = await issue(dependencies, issuer, { exchange, record }, principal, wanted);
    const { requestId } = exchange;
    const body = assumedDocument(credentials, principal, { role: role ?? '', sessionName, requestId });
    return { status: 200, headers: stsHeaders(requestId), body };
  };

  const callerIdentity = async (verifier: NonNullable<StsDependencies['sessions']>, call: Call): Promise<Answer> => {
    const { exchange, form } = call;
    refuseOthers(form, CALLER_FIELDS);
    const principal = await inStage('authenticate', () => identify(verifier, call));
    await acceptCaller(dependencies, call, 'GetCallerIdentity', principal);
    const { requestId } = exchange;
    return { status: 200, headers: stsHeaders(requestId), body: callerDocument(principal, requestId) };
  };

  const identify = async (verifier: NonNullable<StsDependencies['sessions']>, call: Call): Promise<Principal> => {
    const token = bearerToken(call.headers.get('authorization'));
    if (token !== undefined) return dependencies.tokens.verify(token);
    const identification = verifier.verify({
      raw: call.exchange.raw,
      service: 'sts',
      payloadHash: hash('sha256', call.form.content, 'hex'),
      receivedAtMs: call.record.startedMs,
    });
    if (identification === undefined) throw new GatewayError('MissingToken');
    return identification.principal;
  };

  return createEndpoint(dependencies, {
    failure: stsFailure,
    work: async (exchange, record) => {
      if (sessions === undefined) throw new GatewayError('SessionsNotConfigured');
      const call = await readCall(exchange, record);
      const action = call.form.fields.get('Action');
      if (call.form.fields.get('Version') !== VERSION) throw new GatewayError('UnknownAction');
      if (action === 'AssumeRoleWithWebIdentity') return assumeRole(sessions, call);
      if (action === 'GetCallerIdentity') return callerIdentity(sessions, call);
      throw new GatewayError('UnknownAction');
    },
  });
}

function refuseOthers({ fields }: Form, known: readonly string[]): void {
  for (const name of fields.keys()) if (!known.includes(name)) throw invalid(name);
}

function argument({ fields }: Form, name: string, shape: RegExp): string {
  const value = fields.get(name);
  if (value === undefined || !shape.test(value)) throw invalid(name);
  return value;
}

function duration({ fields }: Form): number | undefined {
  const text = fields.get('DurationSeconds');
  if (text === undefined) return undefined;
  const seconds = /^\d{3,5}$/.test(text) ? Number(text) : 0;
  if (!isWithin(seconds, SESSION_SECONDS)) throw invalid('DurationSeconds');
  return seconds;
}

/** Names of fields are bounded and harmless; values may be tokens, and are never repeated. */
function invalid(name: string): GatewayError {
  return new GatewayError('InvalidArgument', { clientFields: { Parameter: name } });
}
