/**
 * Reads the small XML documents that clients send. Bytes enter, elements leave. Never: a document type, an entity but
 * the five of XML and character references, processing past the limits of depth and number.
 */
import { StoreError } from './store-error.ts';

export interface XmlElement {
  readonly name: string;
  /** What stands in an element without children; empty in one with children. */
  readonly text: string;
  readonly children: readonly XmlElement[];
}

const MAX_DEPTH = 8;
const MAX_ELEMENTS = 60_000;
const TOKEN = /<(\/?)([A-Za-z][A-Za-z0-9]*)((?:\s+[A-Za-z:]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/y;
const DECLARATION = /^\s*<\?xml[^?<>]*\?>/;
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

interface Unfinished {
  readonly name: string;
  text: string;
  readonly children: XmlElement[];
}

/** Gives the root. @throws StoreError MalformedXML */
export function readXml(document: Buffer): XmlElement {
  const source = decodeUtf8(document).replace(DECLARATION, '').trim();
  const top: Unfinished = { name: '', text: '', children: [] };
  const open: Unfinished[] = [top];
  let elements = 0;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const token = TOKEN.exec(source);
    const inside = open.at(-1);
    if (token === null || inside === undefined) throw malformed();
    const [, closing, name = '', attributes = '', alone, text] = token;
    if (text !== undefined) {
      inside.text += decodeText(text);
    } else if (closing === '/') {
      if (inside.name !== name || open.length === 1 || attributes !== '' || alone === '/') throw malformed();
      open.pop();
      open.at(-1)?.children.push(finish(inside));
    } else {
      elements += 1;
      if (elements > MAX_ELEMENTS || open.length > MAX_DEPTH) throw malformed();
      const element = { name, text: '', children: [] };
      if (alone === '/') inside.children.push(element);
      else open.push(element);
    }
  }
  const [root] = top.children;
  if (open.length !== 1 || root === undefined || top.children.length > 1 || top.text.trim() !== '') throw malformed();
  return root;
}

/** Text of the only child of this name, `undefined` without one. @throws StoreError MalformedXML when there are more */
export function childText(element: XmlElement, name: string): string | undefined {
  return child(element, name)?.text;
}

/** @throws StoreError MalformedXML when there are more */
function child(element: XmlElement, name: string): XmlElement | undefined {
  const [found, more] = element.children.filter((one) => one.name === name);
  if (more !== undefined) throw malformed();
  return found;
}

/** @throws StoreError MalformedXML when another child is there */
export function onlyChildren(element: XmlElement, names: readonly string[]): void {
  if (element.children.some(({ name }) => !names.includes(name))) throw malformed();
}

export function malformed(): StoreError {
  return new StoreError(
    'MalformedXML',
    400,
    'The XML you provided was not well-formed or did not validate against our published schema.',
  );
}

function finish({ name, text, children }: Unfinished): XmlElement {
  if (children.length > 0 && text.trim() !== '') throw malformed();
  return { name, text: children.length > 0 ? '' : text, children };
}

function decodeUtf8(document: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(document);
  } catch {
    throw malformed();
  }
}

function decodeText(text: string): string {
  // A bare carriage return is a line feed to XML; one that is meant comes as a reference.
  return text.replaceAll(/\r\n?/g, '\n').replaceAll(/&([^;&]{0,10};?)/g, (_, reference: string) => {
    const numeric = /^#(?:x([0-9A-Fa-f]{1,6})|(\d{1,7}));$/.exec(reference);
    if (numeric !== null) {
      const code = numeric[1] === undefined ? Number(numeric[2]) : Number.parseInt(numeric[1], 16);
      if (code > 0x10ffff || code === 0 || (code >= 0xd800 && code <= 0xdfff)) throw malformed();
      return String.fromCodePoint(code);
    }
    const character = reference.endsWith(';') ? ENTITIES[reference.slice(0, -1)] : undefined;
    if (character === undefined) throw malformed();
    return character;
  });
}
