/** Defined beside the decoder that calls it; here for those who hand it on. */
export type { ChunkSignatures } from '../s3/body/aws-chunked.ts';
