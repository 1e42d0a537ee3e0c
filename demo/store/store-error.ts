/**
 * A refusal of the embedded store, as the client sees it. Messages are fixed text: no secret is ever put into one.
 */
export class StoreError extends Error {
  readonly code: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: string, status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'StoreError';
    this.code = code;
    this.status = status;
    this.headers = headers;
  }
}

export const accessDenied = (message = 'Access Denied'): StoreError => new StoreError('AccessDenied', 403, message);
export const noSuchKey = (headers: Readonly<Record<string, string>> = {}): StoreError =>
  new StoreError('NoSuchKey', 404, 'The specified key does not exist.', headers);
export const noSuchBucket = (): StoreError =>
  new StoreError('NoSuchBucket', 404, 'The specified bucket does not exist.');
export const notImplemented = (what: string): StoreError =>
  new StoreError('NotImplemented', 501, `The embedded store does not implement ${what}.`);
export const invalidArgument = (message: string): StoreError => new StoreError('InvalidArgument', 400, message);
export const preconditionFailed = (): StoreError =>
  new StoreError('PreconditionFailed', 412, 'At least one of the preconditions did not hold.');
export const invalidRequest = (message: string): StoreError => new StoreError('InvalidRequest', 400, message);
