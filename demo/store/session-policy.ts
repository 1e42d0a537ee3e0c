/**
 * A small evaluator of IAM session policies. A JSON document enters, a decision function leaves. Whatever it does not
 * understand makes the whole document malformed: a policy that is half understood must never allow anything.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 */
import { StoreError } from './store-error.ts';

/**
 * Every action that this store asks about. A statement may name no other, so that one which is misspelt is found here
 * and not in a refusal. @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
 */
const ACTIONS = [
  's3:AbortMultipartUpload',
  's3:BypassGovernanceRetention',
  's3:CreateBucket',
  's3:DeleteBucket',
  's3:DeleteObject',
  's3:DeleteObjectTagging',
  's3:DeleteObjectVersion',
  's3:DeleteObjectVersionTagging',
  's3:GetAccelerateConfiguration',
  's3:GetBucketAcl',
  's3:GetBucketCORS',
  's3:GetBucketLocation',
  's3:GetBucketLogging',
  's3:GetBucketNotification',
  's3:GetBucketObjectLockConfiguration',
  's3:GetBucketOwnershipControls',
  's3:GetBucketPolicy',
  's3:GetBucketPolicyStatus',
  's3:GetBucketPublicAccessBlock',
  's3:GetBucketRequestPayment',
  's3:GetBucketTagging',
  's3:GetBucketVersioning',
  's3:GetBucketWebsite',
  's3:GetEncryptionConfiguration',
  's3:GetLifecycleConfiguration',
  's3:GetObject',
  's3:GetObjectAcl',
  's3:GetObjectAttributes',
  's3:GetObjectLegalHold',
  's3:GetObjectRetention',
  's3:GetObjectTagging',
  's3:GetObjectVersion',
  's3:GetObjectVersionAcl',
  's3:GetObjectVersionAttributes',
  's3:GetObjectVersionTagging',
  's3:GetReplicationConfiguration',
  's3:ListAllMyBuckets',
  's3:ListBucket',
  's3:ListBucketMultipartUploads',
  's3:ListBucketVersions',
  's3:ListMultipartUploadParts',
  's3:PutBucketObjectLockConfiguration',
  's3:PutBucketTagging',
  's3:PutBucketVersioning',
  's3:PutObject',
  's3:PutObjectAcl',
  's3:PutObjectLegalHold',
  's3:PutObjectRetention',
  's3:PutObjectTagging',
  's3:PutObjectVersionAcl',
  's3:PutObjectVersionTagging',
] as const;
export type S3Action = (typeof ACTIONS)[number];

/** One thing that a session wants to do. `prefix` is present only where the request names one. */
interface PolicyQuery {
  readonly action: string;
  readonly resource: string;
  readonly prefix?: string;
}

/** Answers whether a request is allowed: some Allow matches and no Deny does. */
export type SessionPolicy = (query: PolicyQuery) => boolean;

/** A pattern as a list of literal code points and wildcards. */
type Pattern = readonly (string | typeof ANY_ONE | typeof ANY_RUN)[];
const ANY_ONE = Symbol('?');
const ANY_RUN = Symbol('*');

interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly Pattern[];
  readonly resources: readonly Pattern[];
  /** All must hold; each holds when one of its patterns matches. */
  readonly prefixConditions: readonly (readonly Pattern[])[];
}

/** @throws StoreError MalformedPolicyDocument */
export function compileSessionPolicy(document: string): SessionPolicy {
  const policy = record(parseJson(document), ['Version', 'Id', 'Statement']);
  if (policy['Version'] !== '2012-10-17') throw malformed('Version must be 2012-10-17');
  const statements = list(policy['Statement']).map(compileStatement);
  if (statements.length === 0) throw malformed('Statement is missing');
  return (query) => {
    const effects = statements.filter((statement) => applies(statement, query)).map(({ effect }) => effect);
    return effects.includes('Allow') && !effects.includes('Deny');
  };
}

function compileStatement(value: unknown): Statement {
  const statement = record(value, ['Sid', 'Effect', 'Action', 'Resource', 'Condition']);
  const effect = statement['Effect'];
  if (effect !== 'Allow' && effect !== 'Deny') throw malformed('Effect must be Allow or Deny');
  const actions = strings(statement['Action']);
  if (!actions.every(isKnownAction)) throw malformed('Action is not one of S3');
  const resources = strings(statement['Resource']);
  if (!resources.every((resource) => resource === '*' || resource.startsWith('arn:aws:s3:::')))
    throw malformed('Resource is not an ARN of S3');
  return {
    effect,
    actions: actions.map((action) => compilePattern(action.toLowerCase())),
    resources: resources.map((resource) => compilePattern(resource)),
    prefixConditions: compileConditions(statement['Condition']),
  };
}

function isKnownAction(text: string): boolean {
  if (/[*?]/.test(text)) return /^(\*|s3:[A-Za-z*?]+)$/.test(text);
  return ACTIONS.some((action) => action.toLowerCase() === text.toLowerCase());
}

function compileConditions(value: unknown): Statement['prefixConditions'] {
  if (value === undefined) return [];
  return Object.entries(record(value, ['StringEquals', 'StringLike'])).map(([operator, operand]) => {
    const keys = record(operand, ['s3:prefix']);
    return strings(keys['s3:prefix']).map((text) => compilePattern(text, operator === 'StringLike'));
  });
}

/** `*` and `?` are wildcards, `${*}`, `${?}` and `${$}` the characters themselves; other variables are refused. */
function compilePattern(text: string, wildcards = true): Pattern {
  const pattern: (string | typeof ANY_ONE | typeof ANY_RUN)[] = [];
  for (const [token] of text.matchAll(/\$\{[^}]*\}?|[^]/gu)) {
    if (token.startsWith('${')) {
      if (!/^\$\{[*?$]\}$/.test(token)) throw malformed('a policy variable is not known');
      pattern.push(token.charAt(2));
    } else if (wildcards && token === '*') pattern.push(ANY_RUN);
    else if (wildcards && token === '?') pattern.push(ANY_ONE);
    else pattern.push(token);
  }
  return pattern;
}

function applies(statement: Statement, query: PolicyQuery): boolean {
  const matchesOne = (patterns: readonly Pattern[], text: string) =>
    patterns.some((pattern) => matches(pattern, Array.from(text)));
  return (
    matchesOne(statement.actions, query.action.toLowerCase()) &&
    matchesOne(statement.resources, query.resource) &&
    statement.prefixConditions.every((patterns) => query.prefix !== undefined && matchesOne(patterns, query.prefix))
  );
}

/** Greedy with one point of return: never more than pattern length times text length, so a policy cannot stall us. */
function matches(pattern: Pattern, text: readonly string[]): boolean {
  let at = 0;
  let returnTo = -1;
  let resumeAt = 0;
  let index = 0;
  while (index < text.length) {
    const part = pattern[at];
    if (part === ANY_RUN) {
      returnTo = at;
      resumeAt = index;
      at += 1;
    } else if (part !== undefined && (part === ANY_ONE || part === text[index])) {
      at += 1;
      index += 1;
    } else if (returnTo >= 0) {
      at = returnTo + 1;
      resumeAt += 1;
      index = resumeAt;
    } else return false;
  }
  while (pattern[at] === ANY_RUN) at += 1;
  return at === pattern.length;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed('it is not JSON');
  }
}

function record(value: unknown, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('an object is expected');
  for (const name of Object.keys(value)) if (!known.includes(name)) throw malformed('an element is not supported');
  return value as Readonly<Record<string, unknown>>;
}

function list(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function strings(value: unknown): readonly string[] {
  const values = list(value);
  if (values.length === 0 || !values.every((item) => typeof item === 'string'))
    throw malformed('a string or a list of strings is expected');
  return values;
}

function malformed(why: string): StoreError {
  return new StoreError('MalformedPolicyDocument', 400, `The policy document is malformed: ${why}.`);
}
