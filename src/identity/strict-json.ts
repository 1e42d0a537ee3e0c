/**
 * Bytes -> one JSON object. Parsers differ in which of two equal members they keep, so that a token with two `sub` could
 * be one person to its issuer's checks and another here: such objects are refused, at any depth. So is invalid UTF-8,
 * and nesting that no token needs.
 */
export type JsonObject = Readonly<Record<string, unknown>>;

const MAX_DEPTH = 16;

/** On text that JSON.parse has accepted: every string, with its colon where it is a member's name, and every bracket. */
const TOKENS = /"([^"\\]*(?:\\.[^"\\]*)*)"([ \t\r\n]*:)?|[{}[\]]/g;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parses one JSON object whose member names are unique at every level.
 * @see RFC 7519 section 4 (duplicate claim names), RFC 7515 section 4 (duplicate header parameters)
 * @returns `undefined` for anything else
 */
export const parseStrictObject = (bytes: Uint8Array): JsonObject | undefined => {
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(bytes);
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return isPlain(text) ? (value as JsonObject) : undefined;
};

const isPlain = (text: string): boolean => {
  const open: Set<string>[] = [];
  for (const [token, name = '', colon] of text.matchAll(TOKENS)) {
    if (token === '{' || token === '[') {
      if (open.push(new Set()) > MAX_DEPTH) return false;
    } else if (token === '}' || token === ']') {
      open.pop();
    } else if (colon !== undefined) {
      // `"\u0073ub"` and `"sub"` are the same name.
      const unescaped = name.includes('\\') ? (JSON.parse(`"${name}"`) as string) : name;
      const names = open.at(-1);
      if (names === undefined || names.has(unescaped)) return false;
      names.add(unescaped);
    }
  }
  return true;
};

/** Reads an own member; a name such as `constructor` never reaches the prototype. */
export const member = (object: JsonObject, name: string): unknown =>
  Object.hasOwn(object, name) ? object[name] : undefined;
