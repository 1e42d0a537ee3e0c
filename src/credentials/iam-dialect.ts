/**
 * Literal keys and prefixes in; what names exactly these in an IAM policy out, or nothing where the store's IAM has no
 * way to say it. A key must never act as a pattern: `a*b` as it stands would also grant `a/any/b`.
 */
import type { Grant } from '../contracts/authorizer.ts';

export interface IamDialect {
  /** For `Resource`: the one object, or every object under a prefix. */
  readonly resource: (bucketArn: string, scope: Grant['scope']) => string | undefined;
  /** For `StringLike`: every prefix that starts with the scope's. A scope of one key has none. */
  readonly anyPrefix: (scope: Grant['scope']) => string | undefined;
  /** For `StringEquals`, which knows variables but no wildcards. */
  readonly exactPrefix: (prefix: string) => string | undefined;
}

/**
 * Gives the dialect of a store. Where IAM has no escapes, Ceph RGW for one, wildcards and `${` cannot be said. Nor can
 * a colon in a resource: RGW refuses the whole policy.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
 */
export function iamDialect(iamEscapes: boolean): IamDialect {
  const literal = (text: string, unsayable: RegExp): string | undefined => {
    if (iamEscapes) return text.replace(/[*?$]/g, (special) => `\${${special}}`);
    return unsayable.test(text) ? undefined : text;
  };
  const pattern = (scope: Grant['scope'], unsayable: RegExp): string | undefined => {
    if ('key' in scope) return literal(scope.key, unsayable);
    const prefix = literal(scope.prefix, unsayable);
    return prefix === undefined ? undefined : `${prefix}*`;
  };
  return {
    resource: (bucketArn, scope) => {
      const path = pattern(scope, /[*?:]|\$\{/);
      return path === undefined ? undefined : `${bucketArn}/${path}`;
    },
    anyPrefix: (scope) => ('key' in scope ? undefined : pattern(scope, /[*?]|\$\{/)),
    exactPrefix: (prefix) => literal(prefix, /\$\{/),
  };
}
