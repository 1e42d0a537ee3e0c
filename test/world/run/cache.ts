/** Where packages are kept from one run to the next: outside the repository. */
import { homedir } from 'node:os';
import { join } from 'node:path';

export const packageCache = (): string =>
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sallyport-world');
