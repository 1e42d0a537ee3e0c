/**
 * Annotations of objects, which AWS keeps and copies with an object unless a copy says otherwise. The gateway serves none:
 * they would travel unencrypted and undecided. Enters: a store's endpoint. Leaves: what a copy there must say.
 */
import { isAwsEndpoint } from '../aws-endpoint.ts';

export const ANNOTATION_DIRECTIVE = 'x-amz-object-annotation-directive';

const EXCLUDED: Readonly<Record<string, string>> = { [ANNOTATION_DIRECTIVE]: 'EXCLUDE' };
const NOTHING: Readonly<Record<string, string>> = {};

/**
 * Gives the header that keeps annotations out of a copy by the store. Only AWS has them and is sure to take the header:
 * another store may answer 501 to one that it does not know.
 */
export function withoutAnnotations(endpoint: string): Readonly<Record<string, string>> {
  return isAwsEndpoint(endpoint) ? EXCLUDED : NOTHING;
}
