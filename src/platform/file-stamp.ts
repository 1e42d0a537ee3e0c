/** What a file is like, without reading it. */
import { stat } from 'node:fs/promises';

/** Gives another text when the file was written, replaced, its mode changed, or a link on the way leads elsewhere. Never rejects. */
export async function fileStamp(path: string): Promise<string> {
  try {
    const { dev, ino, mode, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, mode, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}
