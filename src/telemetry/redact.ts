/**
 * The second line of defence of the log: the first is that nobody hands it a secret. What enters: fields and texts of
 * log lines, those of foreign errors among them. What leaves: the same without what looks like a token, a key or a
 * presigned query. It never lets a value through because it could not be understood. Pure.
 */
const REDACTED = '[redacted]';
/** Bounds the work of the patterns below, too. */
const MAX_TEXT_LENGTH = 4096;
const CUT_MARGIN = 512;
const MAX_DEPTH = 4;
const MAX_ITEMS = 50;

const SECRET_NAME =
  /authorization|token|secret|passw|credential|cookie|assertion|signature|private|api[-_]?key|(?:access|data|wrap\w*|kek|master|encryption)[-_]?key$|key[-_]?material|^(?:kek|dek|seed|key|pem|jwt|jwk|jwks)$/i;
/** Digests of secrets are there to be compared. */
const HARMLESS_NAME = /hash$/i;

const NAMES =
  'x-amz-(?:signature|security-token|credential)|signature|(?:access|refresh|id|session|security|web_?identity)[-_]?token|client[-_]?(?:secret|assertion)|secret(?:[-_]?access)?[-_]?key|password|saml_?assertion';
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z0-9 ]*-----|$)/g, REDACTED],
  // A JWS or JWE, cut short or not.
  [/eyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){0,4}/g, REDACTED],
  [/\b(bearer|basic|dpop|negotiate)\s+[A-Za-z0-9._~+/=-]{16,}/gi, `$1 ${REDACTED}`],
  // `name=value`, `name: value`, `"name":"value"`, `<name>value`, escaped or percent-encoded.
  [new RegExp(`\\b(${NAMES})([\\\\"']*\\s*(?:[=:>]|%3D)[\\s\\\\"']*)[^\\s"'&;,<\\\\]+`, 'gi'), `$1$2${REDACTED}`],
  [/([?&](?:token|secret|code|key)=)[^\s"'&;,]+/gi, `$1${REDACTED}`],
  // An AWS secret access key (40) or 32 bytes of key material (43 or 44), in base64 or base64url: mixed case and digits.
  [
    /(?<![\w+/-])(?=[A-Za-z+/_-]*\d)(?=[a-z\d+/_-]*[A-Z])(?=[A-Z\d+/_-]*[a-z])(?:[\w+/-]{40}|[\w+/-]{43}=?)(?![\w+/=-])/g,
    REDACTED,
  ],
  // Session tokens and other long secrets.
  [/[A-Za-z0-9+/_-]{100,}={0,2}/g, REDACTED],
];

/** Replaces in a text what looks like a secret; the result has 4,096 characters at most. */
export function redactText(text: string): string {
  // A secret that the cut would halve must be seen whole first.
  let clean = text.slice(0, MAX_TEXT_LENGTH + CUT_MARGIN);
  for (const [pattern, replacement] of PATTERNS) clean = clean.replace(pattern, replacement);
  return clean.slice(0, MAX_TEXT_LENGTH);
}

/** Redacts a value that is logged under a name, whatever it is. */
export function redactField(name: string, value: unknown, depth = 0): unknown {
  if (typeof value === 'boolean' || value === undefined || value === null) return value;
  if (SECRET_NAME.test(name) && !HARMLESS_NAME.test(name)) return REDACTED;
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'number') return value;
  if (typeof value !== 'object' || depth >= MAX_DEPTH) return `[${typeof value}]`;
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => redactField('', item, depth + 1));
  // Buffers, key objects, responses: nothing that belongs into a log.
  if (Object.getPrototypeOf(value) !== Object.prototype) return '[object]';
  const entries = Object.entries(value).slice(0, MAX_ITEMS);
  return Object.fromEntries(entries.map(([key, item]) => [key, redactField(key, item, depth + 1)]));
}
