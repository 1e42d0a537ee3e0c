/**
 * The origin of a copy. Enters: what the store says of it. Leaves: what goes along with a copy of it, and its failures as
 * those of a copy. The envelope never goes along: it is bound to its bucket and key.
 */
import type { ByteRange } from '../s3/request/request.ts';
import type { CopyOrigin, ObjectReader, OpenedObject } from '../contracts/stored-objects.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { readAnswer } from '../s3/response/read-answer.ts';
import { send, type Entity } from './entity.ts';

/** S3's limit for what one request copies, in bytes. */
export const MAX_COPY_BYTES = 5 * 1024 ** 3;

/** Asks what the origin is now. @throws GatewayError as `asOfCopy` makes them */
export async function originEntity(session: StoreSession, origin: CopyOrigin): Promise<Entity> {
  return asOfCopy(async () => {
    const { entity, response } = await send(session, origin, { method: 'HEAD', headers: origin.conditions });
    await response.discard();
    return entity;
  });
}

/** Opens the plaintext of the origin. @throws GatewayError as `ObjectReader.read`, and as `asOfCopy` makes them */
export function openOrigin(
  reader: ObjectReader,
  session: StoreSession,
  { key, versionId, conditions }: CopyOrigin,
  { range, wantsChecksum }: { readonly range: ByteRange | undefined; readonly wantsChecksum: boolean },
): Promise<OpenedObject> {
  const query = { key, versionId, range, partNumber: undefined, wantsChecksum, conditions };
  return asOfCopy(() => reader.read(session, query));
}

/** A copy has no 304, no 416, and no source that is a delete marker. */
async function asOfCopy<Result>(read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const options = { detail: `the source of a copy: ${error.message}`, cause: error };
    if (error.code === 'NotModified') throw new GatewayError('PreconditionFailed', options);
    if (error.code === 'MethodNotAllowed') throw new GatewayError('InvalidRequest', options);
    throw error.code === 'InvalidRange' ? noSuchRange(options.detail) : error;
  }
}

export function noSuchRange(detail: string): GatewayError {
  const clientFields = { ArgumentName: 'x-amz-copy-source-range' };
  return new GatewayError('InvalidArgument', { detail, clientFields });
}

export function tooLarge(sizeBytes: number): GatewayError {
  const detail = `a copy source of ${sizeBytes} of at most ${MAX_COPY_BYTES} bytes`;
  return new GatewayError('InvalidRequest', { detail });
}

/** Tells whether an object has tags, as far as the caller may know. */
export function hasTags(headers: ReadonlyMap<string, string>): boolean {
  return Number(headers.get('x-amz-tagging-count') ?? 0) > 0;
}

/** The same, and nothing of a store that has no tags. @throws GatewayError as `readTags` */
export async function tagsIfAny(...readArguments: Parameters<typeof readTags>): Promise<Buffer | undefined> {
  return readTags(...readArguments).catch((error: unknown) => {
    if (error instanceof GatewayError && error.code === 'NotImplemented') return undefined;
    throw error;
  });
}

/** Reads the store's document of an object's tags. @throws GatewayError AccessDeniedByStore, what the store says */
export async function readTags(
  session: StoreSession,
  { key, versionId }: Pick<CopyOrigin, 'key' | 'versionId'>,
): Promise<Buffer> {
  const query: [string, string][] = [['tagging', '']];
  if (versionId !== undefined) query.push(['versionId', versionId]);
  const response = await session.send({ method: 'GET', key, query, headers: {} });
  return readAnswer(response.body);
}
