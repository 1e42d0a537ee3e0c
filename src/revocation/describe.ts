/** What is revoked, in words of an operator. */
import type { Revoked } from './entry.ts';

/** Says it in one clause; texts of tokens in it have no control characters, or they would not be in an entry. */
export function describeRevoked(revoked: Revoked): string {
  switch (revoked.kind) {
    case 'token':
      return `token ${revoked.tokenIdHash}${of(revoked.issuer)}`;
    case 'session':
      return `session ${revoked.accessKeyId}`;
    case 'login':
      return `login ${JSON.stringify(revoked.sessionId)}${of(revoked.issuer)}`;
    case 'subject':
      return `subject ${JSON.stringify(revoked.subject)}${of(revoked.issuer)}`;
    case 'address':
      return `address ${revoked.network}`;
    case 'issued-before': {
      const whose = revoked.subject === undefined ? '' : ` for ${JSON.stringify(revoked.subject)}`;
      const who = revoked.issuer === undefined ? ' for everybody' : whose;
      return `everything issued before ${new Date(revoked.beforeMs).toISOString()}${who}${of(revoked.issuer)}`;
    }
  }
}

function of(issuer: string | undefined): string {
  return issuer === undefined ? '' : ` of ${issuer}`;
}
