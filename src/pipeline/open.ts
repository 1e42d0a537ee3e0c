/**
 * Credentialed -> Opened. The plaintext view of a stored object: its size, the range that is given, and a body of which no
 * byte leaves before it is authenticated. Where encryption is required nothing else is served.
 */
import type { ObjectQuery, ObjectReader, ObjectView, OpenedObject } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { isSameEntity } from '../s3/request/if-range.ts';
import { nameOfClass, type NamesOfClass } from '../s3/operations/operations.ts';
import type { Credentialed, Opened } from './contexts.ts';
import { objectQuery } from './object-query.ts';
import type { Stage } from './stage.ts';

type View = Opened['view'];
type Read = (query: ObjectQuery) => Promise<View>;
type Heading = (reader: ObjectReader, session: Credentialed['session'], query: ObjectQuery) => Promise<View>;

const READING: Readonly<Record<NamesOfClass<'READ'>, Heading>> = {
  GetObject: (reader, session, query) => reader.read(session, query),
  HeadObject: (reader, session, query) => reader.head(session, query),
};

/** The stage `open`. @throws GatewayError ObjectNotEncrypted, IntegrityFailure, InvalidRange, ServiceUnavailable */
export function createOpen(reader: ObjectReader): Stage<Credentialed, Opened> {
  return {
    name: 'open',
    run: (context) => {
      const { request, session } = context;
      const query = objectQuery(context);
      const heading = READING[nameOfClass(request.operation, 'READ')];
      const read: Read = (requested) => heading(reader, session, requested);
      const ifRange = query.range === undefined ? undefined : request.headers.get('if-range');
      const viewed = ifRange === undefined ? read(query) : readIfSame(context, read, query, ifRange);
      return viewed.then(
        (view) => ({ ...context, view }),
        async (error: unknown) => {
          if (!(error instanceof GatewayError) || error.code !== 'InvalidRange') throw error;
          const sizeBytes = await sizeOf(error, () => reader.head(session, { ...query, range: undefined }));
          throw withSize(error, context, sizeBytes);
        },
      );
    },
  };
}

/**
 * The part, where it is one of the entity that the client named; else all of what is there. What the store gave decides, and
 * not whether it heeds a condition.
 */
async function readIfSame(
  { request, bucket }: Credentialed,
  read: Read,
  query: ObjectQuery,
  ifRange: string,
): Promise<View> {
  const isSame = ({ headers }: ObjectView): boolean =>
    isSameEntity(ifRange, headers, !isKeptPlain(bucket, request.key));
  const whole = { ...query, range: undefined };
  let part: View;
  try {
    part = await read(query);
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'InvalidRange') throw error;
    const view = await read(whole);
    if (!isSame(view)) return view;
    await discard(view);
    throw error;
  }
  if (isSame(part)) return part;
  await discard(part);
  return read(whole);
}

const discard = async ({ discard: abort }: Partial<OpenedObject>): Promise<void> => abort?.();

const UNSATISFIED = /^bytes \*\/(\d{1,15})$/;

/** Bytes of the object; `undefined` where neither the failure nor a second look tells. */
async function sizeOf(
  { clientHeaders }: GatewayError,
  head: () => Promise<Pick<ObjectView, 'sizeBytes'>>,
): Promise<number | undefined> {
  const totalBytes = UNSATISFIED.exec(clientHeaders['content-range'] ?? '')?.[1];
  if (totalBytes !== undefined) return Number(totalBytes);
  try {
    return (await head()).sizeBytes;
  } catch {
    // The range is refused all the same.
    return undefined;
  }
}

/** Some clients learn from a refused range that an object is empty. */
function withSize(error: GatewayError, { request }: Credentialed, sizeBytes: number | undefined): GatewayError {
  const RangeRequested = request.headers.get('range') ?? '';
  if (sizeBytes === undefined) return error.tellingMore({ clientFields: { RangeRequested } });
  return error.tellingMore({
    clientFields: { RangeRequested, ActualObjectSize: String(sizeBytes) },
    clientHeaders: { 'content-range': `bytes */${sizeBytes}` },
  });
}
