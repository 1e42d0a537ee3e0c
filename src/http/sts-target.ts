/**
 * Which requests of the S3 port are calls of STS. One endpoint URL serves both: S3 has nothing at `POST /`, and at `GET /`
 * a parameter of STS, which S3 has none like, makes the difference. Unverified: everything in the target.
 */

/** Some SDKs end a path with a slash. */
const STS_PATHS: ReadonlySet<string> = new Set(['/-/sts', '/-/sts/']);

/** In the query of a POST without a body, or of a GET: Rust's object_store, minio-java, minio-py. */
const STS_PARAMETERS: ReadonlySet<string> = new Set([
  'Action',
  'Version',
  'RoleArn',
  'RoleSessionName',
  'WebIdentityToken',
  'DurationSeconds',
]);

/** Tells whether a request is a call of STS. */
export function isStsCall(method: string, target: string): boolean {
  if (method !== 'POST' && method !== 'GET') return false;
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  if (STS_PATHS.has(path)) return true;
  if (path !== '/') return false;
  if (mark < 0 || mark === target.length - 1) return method === 'POST';
  return target
    .slice(mark + 1)
    .split('&')
    .some((pair) => STS_PARAMETERS.has(decodedName(pair)));
}

/** Decoded, so that no spelling of a call takes a token to where S3 is served. */
function decodedName(pair: string): string {
  const equals = pair.indexOf('=');
  const name = equals < 0 ? pair : pair.slice(0, equals);
  if (!name.includes('%')) return name;
  try {
    return decodeURIComponent(name);
  } catch {
    return '';
  }
}
