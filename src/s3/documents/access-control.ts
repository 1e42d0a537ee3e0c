/**
 * The ACL of an object. Leaves: who may do what, with groups by name and accounts without: the store's account ids are no
 * client's business.
 */
import { S3_NAMESPACE, textElement, XML_DECLARATION } from './xml.ts';
import { childrenOf, textOf, type XmlElement } from './xml-reader.ts';
import { readStoreDocument, required, unusable } from './stored-document.ts';

/** How clients see the account that owns everything in a store. */
export const OWNER = 'owner';
const OTHER = 'another-account';
const PERMISSIONS: ReadonlySet<string> = new Set(['FULL_CONTROL', 'WRITE', 'WRITE_ACP', 'READ', 'READ_ACP']);
const XSI = 'http://www.w3.org/2001/XMLSchema-instance';

/** Writes the client's AccessControlPolicy from the store's. @throws GatewayError InternalError */
export function renderAccessControl(document: Uint8Array): string {
  const root = readStoreDocument(document, 'AccessControlPolicy');
  const [owner] = childrenOf(root, 'Owner');
  const [list] = childrenOf(root, 'AccessControlList');
  if (owner === undefined || list === undefined) throw unusable('AccessControlPolicy');
  const ownerId = required(owner, 'ID');
  const grants = childrenOf(list, 'Grant').map((grant) => renderGrant(grant, ownerId));
  return (
    `${XML_DECLARATION}<AccessControlPolicy xmlns="${S3_NAMESPACE}"><Owner>${textElement('ID', OWNER)}</Owner>` +
    `<AccessControlList>${grants.join('')}</AccessControlList></AccessControlPolicy>`
  );
}

function renderGrant(grant: XmlElement, ownerId: string): string {
  const [grantee] = childrenOf(grant, 'Grantee');
  const permission = required(grant, 'Permission');
  if (grantee === undefined || !PERMISSIONS.has(permission)) throw unusable('Grant');
  const uri = textOf(grantee, 'URI');
  const [type, who] =
    uri === undefined
      ? ['CanonicalUser', textElement('ID', textOf(grantee, 'ID') === ownerId ? OWNER : OTHER)]
      : ['Group', textElement('URI', uri)];
  const element = `<Grantee xmlns:xsi="${XSI}" xsi:type="${type}">${who}</Grantee>`;
  return `<Grant>${element}${textElement('Permission', permission)}</Grant>`;
}
