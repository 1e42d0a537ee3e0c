/**
 * Enters: the names and values of headers, or the fields of a form. Leaves: whether a request is only to be decided, or a
 * refusal. A request that says anything like it and does not say exactly this is never performed.
 */
import { GatewayError } from '../../errors/gateway-error.ts';

/** Asks for the decision, and for nothing else; of the answer, says what it was. */
export const DRY_RUN_HEADER = 'x-sallyport-dry-run';

/** What somebody may have meant by it. */
const ALIKE = /sallyport[^a-z0-9]?dry/i;

/** Tells whether a request (lower-case names) asks for a dry run. @throws GatewayError InvalidArgument */
export function asksForDryRun(headers: ReadonlyMap<string, string>): boolean {
  let asks = false;
  for (const [name, value] of headers) {
    if (!ALIKE.test(name)) continue;
    if (name !== DRY_RUN_HEADER || value !== 'true') throw refuse(name);
    asks = true;
  }
  return asks;
}

/** A form asks by a header of its request, which its signer did not make. @throws GatewayError InvalidArgument */
export function refuseDryRunFields(fields: ReadonlyMap<string, string>): void {
  for (const name of fields.keys()) if (ALIKE.test(name)) throw refuse(name);
}

function refuse(name: string): GatewayError {
  return new GatewayError('InvalidArgument', { detail: name, clientFields: { ArgumentName: name } });
}
