/** Where a form's sender goes when it succeeded: a status, or the page that its signed policy names. */
import { objectUrl } from './object-url.ts';
import type { S3Request } from '../request/request.ts';

export interface PostSuccess {
  readonly status: 200 | 201 | 204 | 303;
  /** Of a 303 the page, else the object. */
  readonly location: string;
}

const MAX_URL_LENGTH = 2048;

/** Reads `success_action_redirect` and `success_action_status`; what S3 does not take of them it passes over. */
export function successOf(
  request: Pick<S3Request, 'bucket' | 'bucketUrl' | 'key' | 'form'>,
  etag: string,
): PostSuccess {
  const { bucket, key, form } = request;
  const page = pageOf(form?.get('success_action_redirect') ?? form?.get('redirect'));
  if (page !== undefined) {
    for (const [name, value] of Object.entries({ bucket, key, etag })) page.searchParams.append(name, value);
    return { status: 303, location: page.href };
  }
  const status = form?.get('success_action_status');
  return { status: status === '200' ? 200 : status === '201' ? 201 : 204, location: objectUrl(request) };
}

/** A page of the web: nothing that a browser would run, and no credentials. */
function pageOf(text: string | undefined): URL | undefined {
  if (text === undefined || text.length > MAX_URL_LENGTH || !URL.canParse(text)) return undefined;
  const page = new URL(text);
  const isOfWeb = page.protocol === 'https:' || page.protocol === 'http:';
  return isOfWeb && page.username === '' && page.password === '' ? page : undefined;
}
