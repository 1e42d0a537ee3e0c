/**
 * A denial by policy as its caller sees it. Enters: the rule that denied, its reason, and what helps on. Leaves: the error
 * that says all of it where tools look: the message (most print nothing else), fields of the document, and a header for
 * HEAD, which has no document. The texts may hold what a policy or a key holds: a header carries printable ASCII of it, and
 * a bounded part.
 */
import { GatewayError } from './gateway-error.ts';

/** The part of a decision that may be shown. */
export interface Denial {
  /** `<policy id>/<rule id>`, or `default-deny`. */
  readonly rule: string;
  readonly reason: string;
  /** Whom to ask. */
  readonly owner?: string | undefined;
  /** What the caller may do instead that is nearest to what it tried: a sentence. */
  readonly instead?: string | undefined;
}

export const DENIED_BY_HEADER = 'x-sallyport-denied-by';

/** Longest value of the header, in characters. */
const MAX_HEADER_LENGTH = 512;
/** All but printable ASCII; `%`, so that the rest can be decoded. */
const ENCODED = /[^ -$&-~]/gu;
const HALF_ENCODED = /%[0-9A-F]?$/;
const ENDED = /[.!?]$/;

/** Says a denial in words. */
export function denialMessage(denial: Denial): string {
  return `Access denied by policy (rule ${denial.rule}): ${explanation(denial)}`;
}

/** Makes the error AccessDenied of a denial. */
export function accessDenied(denial: Denial): GatewayError {
  const { rule, reason, owner } = denial;
  return new GatewayError('AccessDenied', {
    detail: `${rule}: ${reason}`,
    clientMessage: denialMessage(denial),
    clientFields: { Rule: rule, Reason: reason, ...(owner !== undefined && { Owner: owner }) },
    clientHeaders: { [DENIED_BY_HEADER]: headerText(`${rule}: ${explanation(denial)}`) },
  });
}

function explanation({ reason, owner, instead }: Denial): string {
  const next = [...(instead === undefined ? [] : [instead]), ...(owner === undefined ? [] : [`Ask: ${owner}`])];
  if (next.length === 0) return reason;
  return [ENDED.test(reason) ? reason : `${reason}.`, ...next].join(' ');
}

/** Percent-encodes the UTF-8 of what a header must not hold, line breaks first of all. */
function headerText(text: string): string {
  const encoded = text.toWellFormed().replace(ENCODED, (found) => {
    const bytes = Buffer.from(found);
    return [...bytes].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  });
  return encoded.slice(0, MAX_HEADER_LENGTH).replace(HALF_ENCODED, '');
}
