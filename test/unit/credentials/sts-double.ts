/**
 * An STS on 127.0.0.1 for faults that a real one does not make on demand. It checks nothing: what STS enforces is tested
 * against Ceph.
 */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export const SESSION_SECRET = 'sessionsecret/sessionsecret/session12345';
export const SESSION_TOKEN = 'sessiontoken+sessiontoken/sessiontoken==';

export interface StsDouble {
  readonly endpoint: string;
  /** The form of every call so far, but for those of `questions`. */
  readonly calls: URLSearchParams[];
  /** What was asked to see whether keys are taken. */
  readonly questions: ('GetCallerIdentity' | 'ListBuckets')[];
  /** Access key id, and token of the session where there is one, that signed each call; empty for an unsigned one. */
  readonly signers: { readonly accessKeyId: string; readonly sessionToken: string }[];
  /** Where each call stands in a trace. */
  readonly traceparents: unknown[];
  /** How the next calls are answered; by default with credentials. */
  answer: (response: ServerResponse, form: URLSearchParams) => void;
  /** How GetCallerIdentity is answered; by default as Ceph RGW does. */
  identity: (response: ServerResponse) => void;
  /** Likewise ListBuckets, at the same address. */
  listBuckets: (response: ServerResponse) => void;
  readonly close: () => Promise<void>;
}

/** Starts it. Sessions expire by the clock that is given. */
export async function startStsDouble(clock: { readonly now: () => number }): Promise<StsDouble> {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const form = new URLSearchParams(body);
      if (request.method === 'GET' || form.get('Action') === 'GetCallerIdentity') {
        double.questions.push(request.method === 'GET' ? 'ListBuckets' : 'GetCallerIdentity');
        (request.method === 'GET' ? double.listBuckets : double.identity)(response);
        return;
      }
      double.calls.push(form);
      double.traceparents.push(request.headers['traceparent']);
      double.signers.push({
        accessKeyId: /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '',
        sessionToken: String(request.headers['x-amz-security-token'] ?? ''),
      });
      double.answer(response, form);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const double: StsDouble = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: [],
    questions: [],
    identity: refuseWith(405, 'MethodNotAllowed'),
    listBuckets: refuseWith(403, 'AccessDenied'),
    signers: [],
    traceparents: [],
    answer: (response, form) => {
      giveSession(response, clock.now() + Number(form.get('DurationSeconds')) * 1000, `ASIA${double.calls.length}`);
    },
    close: async () => {
      server.closeAllConnections();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  };
  return double;
}

export function giveSession(
  response: ServerResponse,
  expiresAtMs: number,
  accessKeyId = 'ASIA0',
  action = 'AssumeRole',
): void {
  response.end(
    `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials>` +
      `<AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${SESSION_SECRET}</SecretAccessKey>` +
      `<SessionToken>${SESSION_TOKEN}</SessionToken><Expiration>${new Date(expiresAtMs).toISOString()}</Expiration>` +
      `</Credentials></${action}Result></${action}Response>`,
  );
}

/** An error as AWS sends it. */
export const refuse = (status: number, code: string) => (response: ServerResponse) => {
  response.writeHead(status, { 'content-type': 'text/xml', 'x-amzn-requestid': 'request-1' });
  response.end(
    `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code>` +
      `<Message>it said ${SESSION_SECRET}</Message></Error><RequestId>request-1</RequestId></ErrorResponse>`,
  );
};

/** An error as Ceph RGW sends it. */
export const refuseWith = (status: number, code: string) => (response: ServerResponse) => {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message></Message></Error>`);
};
