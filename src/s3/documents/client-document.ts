/**
 * How documents of clients are read: strictly. An element that is not expected, repeated, or mixed with text is
 * MalformedXML: what is not understood here would be lost on the way to the store.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import { readXml, textOf, type XmlElement } from './xml-reader.ts';

/** Reads a client's document of one name. @throws GatewayError MalformedXML */
export function readClientDocument(document: Uint8Array, name: string, maxBytes: number): XmlElement {
  const root = readXml(document, maxBytes);
  if (root?.name !== name) throw malformedXml(`not a ${name}`);
  return root;
}

/** Refuses children of other names than these, and text beside children. @throws GatewayError MalformedXML */
export function expectChildren(parent: XmlElement, names: readonly string[]): void {
  if (parent.text.trim() !== '') throw malformedXml(`text in ${parent.name}`);
  for (const child of parent.children) {
    if (!names.includes(child.name)) throw malformedXml(`an unknown element in ${parent.name}`);
  }
}

/** Gives the text of the one child of that name; `undefined` where there is none. @throws GatewayError MalformedXML */
export function optionalText(parent: XmlElement, name: string): string | undefined {
  if (!parent.children.some((child) => child.name === name)) return undefined;
  return requiredText(parent, name);
}

/** Gives the text of the one child of that name. @throws GatewayError MalformedXML */
export function requiredText(parent: XmlElement, name: string): string {
  const text = textOf(parent, name);
  if (text === undefined) throw malformedXml(`${parent.name} without one ${name}`);
  return text;
}

/** Creates the failure of a document that is not understood. */
export function malformedXml(detail: string): GatewayError {
  return new GatewayError('MalformedXML', { detail });
}
