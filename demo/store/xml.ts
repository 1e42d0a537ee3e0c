/**
 * Small XML documents from plain values. What enters may be hostile (keys); what leaves is well-formed.
 */

/** Text, or nested elements; `undefined` leaves an element out, an array repeats it. A name may bring attributes. */
type XmlValue = string | number | boolean | undefined | XmlElements | readonly XmlElements[];
export interface XmlElements {
  readonly [name: string]: XmlValue;
}

/** Renders one document with a root element and an optional default namespace. */
export function xmlDocument(root: string, elements: XmlElements, namespace?: string): string {
  const attribute = namespace === undefined ? '' : ` xmlns="${namespace}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${attribute}>${renderElements(elements)}</${root}>`;
}

function renderElements(elements: XmlElements): string {
  return Object.entries(elements)
    .map(([name, value]) => renderElement(name, value))
    .join('');
}

function renderElement(name: string, value: XmlValue): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return (value as readonly XmlElements[]).map((item) => renderElement(name, item)).join('');
  const inner = typeof value === 'object' ? renderElements(value as XmlElements) : escapeText(String(value));
  return `<${name}>${inner}</${name.replace(/ .*/, '')}>`;
}

// Control characters have no legal form in XML 1.0; S3 writes them as references all the same, and so do we.
const SPECIAL = /[&<>"\u0000-\u001f\u007f]/g;

function escapeText(text: string): string {
  return text.replace(SPECIAL, (character) => `&#x${character.charCodeAt(0).toString(16)};`);
}
