/**
 * Enters: a document from a store. Leaves: its elements, or nothing.
 * Reads the XML that S3 stores write: elements and text. Refuses all else (DOCTYPE, CDATA, comments, processing
 * instructions, unknown entities, unbalanced tags), so there is nothing to expand and nothing to fetch. One pass of its
 * own, because a general parser holds the event loop ten times as long over a page of 1,000 keys.
 */
import { GatewayError } from '../../errors/gateway-error.ts';

export interface XmlElement {
  readonly name: string;
  readonly children: readonly XmlElement[];
  /** Unescaped text; of an element with children, what stands between them. */
  readonly text: string;
}

interface OpenElement {
  readonly name: string;
  readonly children: XmlElement[];
  text: string;
}

const MAX_DEPTH = 16;
/** A full page is some 12,000. Elements cost more memory than the bytes that make them. */
const MAX_ELEMENTS = 65_536;

const NAME = /^[A-Za-z_][\w.-]*$/;
const START_TAG = /^([A-Za-z_][\w.-]*)(?:\s+[\w:.-]+\s*=\s*(?:"[^"<&]*"|'[^'<&]*'))*\s*(\/?)$/;
const REFERENCE = /&(?:(lt|gt|amp|quot|apos)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));|&/g;
const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Reads a document of at most `maxBytes`; `undefined` when it is longer or is not of the accepted kind. */
export function readXml(document: Uint8Array, maxBytes: number): XmlElement | undefined {
  if (document.length > maxBytes) return undefined;
  try {
    // Stores keep a slow answer alive by blanks, some before the declaration.
    return readElements(utf8.decode(document).trimStart());
  } catch {
    return undefined;
  }
}

/** Gives the children of one name. */
export function childrenOf(parent: XmlElement, name: string): readonly XmlElement[] {
  return parent.children.filter((child) => child.name === name);
}

/** Gives the text of the only child of a name; `undefined` when there is none, several, or one with children. */
export function textOf(parent: XmlElement, name: string): string | undefined {
  let found: XmlElement | undefined;
  for (const child of parent.children) {
    if (child.name !== name) continue;
    if (found !== undefined) return undefined;
    found = child;
  }
  return found?.children.length === 0 ? found.text : undefined;
}

function readElements(text: string): XmlElement {
  const top: OpenElement = { name: '', children: [], text: '' };
  const open: OpenElement[] = [];
  let current = top;
  let count = 0;
  let position = text.startsWith('<?xml ') ? text.indexOf('?>') + 2 : 0;
  for (;;) {
    const start = text.indexOf('<', position);
    current.text += unescapeXml(text.slice(position, start < 0 ? undefined : start));
    if (start < 0) break;
    const end = text.indexOf('>', start);
    if (end < 0) throw malformed();
    position = end + 1;
    if (text.charCodeAt(start + 1) === 0x2f) {
      if (text.slice(start + 2, end).trimEnd() !== current.name) throw malformed();
      const parent = open.pop();
      if (parent === undefined) throw malformed();
      current = parent;
      continue;
    }
    const { name, isEmpty } = readStartTag(text.slice(start + 1, end));
    const element: OpenElement = { name, children: [], text: '' };
    current.children.push(element);
    count += 1;
    if (count > MAX_ELEMENTS) throw malformed();
    if (isEmpty) continue;
    open.push(current);
    if (open.length > MAX_DEPTH) throw malformed();
    current = element;
  }
  const [root, second] = top.children;
  if (current !== top || root === undefined || second !== undefined || top.text.trim() !== '') throw malformed();
  return root;
}

function readStartTag(tag: string): { name: string; isEmpty: boolean } {
  if (NAME.test(tag)) return { name: tag, isEmpty: false };
  const [whole, name, slash] = START_TAG.exec(tag) ?? [];
  if (whole === undefined || name === undefined) throw malformed();
  return { name, isEmpty: slash === '/' };
}

function unescapeXml(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(REFERENCE, (_, name?: string, decimal?: string, hex?: string) => {
    if (name !== undefined) return NAMED[name] ?? '';
    if (decimal === undefined && hex === undefined) throw malformed();
    const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
    // NUL and surrogates are no characters; a lone surrogate could not be encoded again.
    if (code === 0 || (code >= 0xd800 && code <= 0xdfff)) throw malformed();
    return String.fromCodePoint(code);
  });
}

function malformed(): GatewayError {
  return new GatewayError('InternalError', { detail: 'the store sent XML that is not understood' });
}
