/** A session that answers from a list of replies and keeps what it was asked. */
import type { StoreRequest, StoreSession } from '../../../src/contracts/store-session.ts';
import type { UpstreamResponse } from '../../../src/contracts/upstream.ts';

export interface Reply {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface ScriptedSession {
  readonly session: StoreSession;
  readonly requested: (StoreRequest & { readonly sent: Buffer })[];
}

/** `reply` sees each question; what it throws is the store's refusal. */
export function scriptedSession(reply: (request: StoreRequest, index: number) => Reply): ScriptedSession {
  const requested: ScriptedSession['requested'] = [];
  const store = { name: 'main', endpoint: 'http://127.0.0.1', region: 'us-east-1' };
  const bucket: StoreSession['bucket'] = {
    name: 'box',
    id: 'box',
    store,
    storeBucket: 'stored-box',
    style: 'path',
    roleArn: 'arn:aws:iam::123456789012:role/r',
    encryption: 'migrating',
    prefixes: [],
  };
  const send: StoreSession['send'] = async (request) => {
    const chunks: Buffer[] = [];
    const content = request.body?.content ?? [];
    for await (const chunk of Buffer.isBuffer(content) ? [content] : content) chunks.push(chunk);
    requested.push({ ...request, sent: Buffer.concat(chunks) });
    const { headers = {}, body = '' } = reply(request, requested.length - 1);
    return answer(headers, Buffer.from(body));
  };
  return { session: { bucket, send }, requested };
}

function answer(headers: Readonly<Record<string, string>>, body: Buffer): UpstreamResponse {
  return {
    status: 200,
    headers: new Map(Object.entries(headers)),
    // eslint-disable-next-line @typescript-eslint/require-await -- a body is asynchronous
    body: (async function* () {
      yield body;
    })(),
    whole: () => Promise.resolve(body),
    discard: () => Promise.resolve(),
  };
}
