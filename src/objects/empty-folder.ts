/** Deletes everything in a folder of the gateway's own, every version of it: what is hidden would stay for ever. */
import type { StoreSession } from '../contracts/store-session.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { readDeleteResult, writeDeleteObjects, type DeletedItem } from '../s3/documents/delete-objects.ts';
import { everyVersion } from '../s3/documents/every-version.ts';
import { sentDocument } from '../s3/documents/sent-document.ts';
import { readAnswer } from '../s3/response/read-answer.ts';

const MAX_PAGES = 100;
/** Some stores (Ceph) refuse DeleteObjects in every session that has a policy, and take single deletions. */
const SINGLE_AT_ONCE = 4;
/** Of what was written where no versions are kept. */
const NO_VERSION = 'null';

/** Empties a folder. @throws GatewayError what the store says */
export async function emptyFolder({ send }: Pick<StoreSession, 'send'>, folder: string): Promise<void> {
  const read: Parameters<typeof everyVersion>[0] = async (query) =>
    readAnswer((await send({ method: 'GET', key: '', query, headers: {}, outlivesClient: true })).body);
  let pages = 0;
  for await (const page of everyVersion(read, folder)) {
    const items = page.map(({ key, versionId }) => ({
      key,
      versionId: versionId === NO_VERSION ? undefined : versionId,
    }));
    if (items.length > 0) await deleteAll({ send }, items);
    pages += 1;
    if (pages === MAX_PAGES) return;
  }
}

async function deleteAll({ send }: Pick<StoreSession, 'send'>, items: readonly DeletedItem[]): Promise<void> {
  const rest = items.length === 1 ? [...items] : await deleteTogether({ send }, items);
  const worker = async (): Promise<void> => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) {
      const { key, versionId } = item;
      const query = versionId === undefined ? [] : [['versionId', versionId] as const];
      const answer = await send({ method: 'DELETE', key, query, headers: {}, outlivesClient: true });
      await answer.discard();
    }
  };
  await Promise.all(Array.from({ length: SINGLE_AT_ONCE }, worker));
}

/** Gives those that are there still. */
async function deleteTogether(
  { send }: Pick<StoreSession, 'send'>,
  items: readonly DeletedItem[],
): Promise<DeletedItem[]> {
  try {
    const answer = await send({
      method: 'POST',
      key: '',
      query: [['delete', '']],
      ...sentDocument(writeDeleteObjects(items)),
      outlivesClient: true,
    });
    const outcomes = readDeleteResult(await readAnswer(answer.body), items);
    return items.filter((_, index) => outcomes[index]?.deleted !== true);
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'AccessDeniedByStore') return [...items];
    throw error;
  }
}
