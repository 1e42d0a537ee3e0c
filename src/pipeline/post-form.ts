/**
 * What POST Object takes beside the route of a write. A form says in its fields, which stand before the file, who signed it,
 * what is to be written and under which conditions: they are read, under a bound and for a while only, before its caller is
 * known, and with them a file that is no longer than they may be. Nothing of it goes on before all that is decided and on
 * record.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import { withinTime } from '../platform/time-limit.ts';
import { answerHeaders } from '../s3/response/answer.ts';
import { checksumHeaders, shownChecksum } from '../s3/body/checksums.ts';
import { writePostResponse } from '../s3/documents/post-response.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { boundaryOf, readFormFields } from '../s3/request/form-fields.ts';
import { putObjectOf } from '../s3/request/post-object.ts';
import { holdToPolicy, parsePostPolicy } from '../s3/request/post-policy.ts';
import { successOf } from '../s3/response/post-success.ts';
import { responder, type Responder } from './access.ts';
import type { Admitted, Forwarded, Received, Sealed } from './contexts.ts';
import { complete } from './respond.ts';
import type { Stage } from './stage.ts';

/** What a browser needs to send 20 KB. */
const FIELDS_MS = 20_000;

/** The stage `read` of the class FORM. @throws GatewayError MalformedPOSTRequest, PostFieldsTooLong, RequestTimeout, and those of parsing */
export function createReadForm(): Stage<Received, Received> {
  return {
    name: 'read',
    run: async (context) => {
      const { request, exchange } = context;
      const boundary = boundaryOf(request.headers.get('content-type'));
      const { sizeBytes } = request.payload;
      if (boundary === undefined || sizeBytes === undefined) throw new GatewayError('MalformedPOSTRequest');
      const form = await withinTime(readFormFields(exchange.body, { boundary, sizeBytes }), FIELDS_MS, tooSlow);
      return { ...context, request: putObjectOf(request, form), file: form.file.content };
    },
  };
}

/** The stage `authorize` that comes first: what its signer allows of a form. @throws GatewayError as `holdToPolicy`, InvalidPolicyDocument */
export function createHoldToPolicy(): Stage<Admitted, Admitted> {
  return {
    name: 'authorize',
    run: (context) => {
      const { bucket, form, payload, receivedAtMs } = context.request;
      if (form === undefined) throw new Error('a form without fields');
      const posted = { bucket, fields: form, fileBytes: payload.sizeBytes ?? 0 };
      holdToPolicy(parsePostPolicy(form.get('policy') ?? ''), posted, receivedAtMs);
      return context;
    },
  };
}

/** Answers POST Object as its form asks for: by a status, or by a redirect. */
export function createRespondForm(): Responder<Forwarded & Pick<Sealed, 'checksum'>> {
  return responder(async (context) => {
    const { exchange, request, bucket, response, checksum } = context;
    await response.discard();
    const headers = answerHeaders(request, response.headers, !isKeptPlain(bucket, request.key));
    if (checksum !== undefined) {
      Object.assign(headers, checksumHeaders(shownChecksum({ ...checksum, value: checksum.value() }, 'FULL_OBJECT')));
    }
    const etag = headers['etag'] ?? '';
    const { status, location } = successOf(request, etag);
    headers['location'] = location;
    const body = status === 201 ? Buffer.from(writePostResponse(request, etag)) : undefined;
    if (body !== undefined) headers['content-type'] = 'application/xml';
    if (status !== 204) headers['content-length'] = String(body?.length ?? 0);
    await complete(context, status, body?.length);
    exchange.writeHead(status, headers);
    exchange.end(body);
  });
}

function tooSlow(): never {
  throw new GatewayError('RequestTimeout', { detail: 'the fields of a form' });
}
