/**
 * What is measured of a request while it happens, so that it is known wherever the request ends: the bytes of its bodies, and
 * what the store said last. What stages find out is in their contexts.
 */
import type { Effects } from '../audit/audit-trail.ts';
import type { UpstreamResponse } from '../contracts/upstream.ts';

/** The measurements of one request. */
export class Meter {
  #bytesIn = 0;
  #bytesOut = 0;
  #upstreamRequestId: string | undefined;
  #versionId: string | undefined;

  /** Counts plaintext bytes of the client's body. */
  received(bytes: number): void {
    this.#bytesIn += bytes;
  }

  /** Counts bytes of an answer's body. */
  sent(bytes: number): void {
    this.#bytesOut += bytes;
  }

  /** Takes note of an answer of the store's. */
  answered({ headers }: Pick<UpstreamResponse, 'headers'>): void {
    this.#upstreamRequestId = headers.get('x-amz-request-id');
    this.#versionId = headers.get('x-amz-version-id');
  }

  get bytesIn(): number {
    return this.#bytesIn;
  }

  get bytesOut(): number {
    return this.#bytesOut;
  }

  /** What the store said last. */
  get lastAnswer(): Pick<Effects, 'upstreamRequestId' | 'versionId'> {
    return { upstreamRequestId: this.#upstreamRequestId, versionId: this.#versionId };
  }
}
