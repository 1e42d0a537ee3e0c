/**
 * Literal keys and prefixes in; what names exactly these in an IAM policy out, or nothing where the store's IAM has no
 * way to say it. A key must never act as a pattern: `a*b` as it stands would also grant `a/any/b`.
 */
import type { Grant } from '../contracts/authorizer.ts';
import type { Verb } from '../s3/operations/verb.ts';
import { actionsNeedingOnly } from './iam-actions.ts';

/** What is known of a store's IAM. */
export interface IamTraits {
  /** Whether it takes `${*}`, `${?}` and `${$}` for the characters themselves. AWS does, Ceph RGW does not. */
  readonly escapes: boolean;
  /** Actions that it does not know: its STS refuses a policy that names one. */
  readonly unknownActions: ReadonlySet<string>;
}

export interface IamDialect {
  /** The actions on one object of whoever has all of these verbs there. */
  readonly actions: (verbs: readonly Verb[]) => readonly string[];
  /** For `Resource`: the one object, or every object under a prefix. */
  readonly resource: (bucketArn: string, scope: Grant['scope']) => string | undefined;
  /** For `StringLike`: every prefix that starts with the scope's. A scope of one key has none. */
  readonly anyPrefix: (scope: Grant['scope']) => string | undefined;
  /** For `StringEquals`, which knows variables but no wildcards. */
  readonly exactPrefix: (prefix: string) => string | undefined;
  /** Actions that must not be named. */
  readonly unknownActions: ReadonlySet<string>;
}

/**
 * Gives the dialect of a store. Where IAM has no escapes, Ceph RGW for one, wildcards and `${` cannot be said; `[` and `\`
 * are among them, because RGW matches by fnmatch from some release between 16 and 20 on. Nor can
 * a colon in a resource: RGW refuses the whole policy.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
 */
export function iamDialect({ escapes, unknownActions }: IamTraits): IamDialect {
  const literal = (text: string, inexpressible: RegExp): string | undefined => {
    if (escapes) return text.replace(/[*?$]/g, (special) => `\${${special}}`);
    return inexpressible.test(text) ? undefined : text;
  };
  const pattern = (scope: Grant['scope'], inexpressible: RegExp): string | undefined => {
    if ('key' in scope) return literal(scope.key, inexpressible);
    const prefix = literal(scope.prefix, inexpressible);
    return prefix === undefined ? undefined : `${prefix}*`;
  };
  const known = new Map<string, readonly string[]>();
  return {
    actions: (verbs) => {
      const key = verbs.join();
      const actions = known.get(key) ?? actionsNeedingOnly(verbs);
      known.set(key, actions);
      return actions;
    },
    resource: (bucketArn, scope) => {
      const path = pattern(scope, /[*?[\\:]|\$\{/);
      return path === undefined ? undefined : `${bucketArn}/${path}`;
    },
    anyPrefix: (scope) => ('key' in scope ? undefined : pattern(scope, /[*?[\\]|\$\{/)),
    exactPrefix: (prefix) => literal(prefix, /\$\{/),
    unknownActions,
  };
}
