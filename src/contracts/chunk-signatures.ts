/**
 * The signatures of an aws-chunked body, each over the one before. Stateful: call in wire order, once per chunk.
 * @see AWS Signature Version 4, "Signature calculations: transferring payload in multiple chunks"
 */
export interface ChunkSignatures {
  /** `sha256` is of the chunk's data, `signature` as it stands in the chunk's line. @throws GatewayError SignatureDoesNotMatch */
  readonly chunk: (sha256: Buffer, signature: string) => void;
  /** `trailer` is `name:value\n` of every trailing header, in order. @throws GatewayError SignatureDoesNotMatch */
  readonly trailer: (trailer: string, signature: string) => void;
}
