/**
 * This machine's clock against those of the issuer and of the gateway, as their answers tell the time. Two of them tell
 * whose clock is wrong, which one alone cannot. Enters: answers. Leaves: what is wrong, and who can fix it.
 */
import type { Finding } from './finding.ts';
import type { HttpAnswer } from '../platform/http-call.ts';
import type { Http } from './http.ts';

/** By how much this machine is ahead, in milliseconds; negative: behind; `undefined`: nobody says. */
export type AheadMs = number | undefined;

/** Signatures are good for 15 minutes; tokens are often refused a minute before or after their time. */
const LIMIT_MS = { warning: 30_000, wrong: 300_000 };
/** What the way, and whole seconds in the header, can make up. */
const UNSURE_MS = 1500;

/** The same calls; `aheadMs` gives what the last answer to them told of the time. */
export function watchingTime(http: Http): { readonly http: Http; readonly aheadMs: () => AheadMs } {
  let last: AheadMs;
  const call: Http['call'] = async (...args) => {
    const sentMs = Date.now();
    const answer = await http.call(...args);
    last = aheadOf(answer, (sentMs + Date.now()) / 2);
    return answer;
  };
  return { http: { ...http, call }, aheadMs: () => last };
}

function aheadOf({ headers }: HttpAnswer, nowMs: number): AheadMs {
  const dateMs = Date.parse(String(headers['date']));
  // What was kept on the way is as old as `Age` says.
  const ageSeconds = /^\d{1,9}$/.test(String(headers['age'])) ? Number(headers['age']) : 0;
  // The header has whole seconds, cut off.
  return Number.isNaN(dateMs) ? undefined : nowMs - (dateMs + 500 + ageSeconds * 1000);
}

/** Says what the two tell of this machine's clock. */
export function compareClocks(issuer: AheadMs, gateway: AheadMs): Omit<Finding, 'check'> {
  const known = [
    ...(gateway === undefined ? [] : [{ whose: "the gateway's", aheadMs: gateway }]),
    ...(issuer === undefined ? [] : [{ whose: "the issuer's", aheadMs: issuer }]),
  ];
  if (known.length === 0) {
    return { state: 'warning', found: 'neither the issuer nor the gateway sent a Date header' };
  }
  const away = known.filter(({ aheadMs }) => Math.abs(aheadMs) >= UNSURE_MS);
  const found = away.map(({ whose, aheadMs }) => {
    const seconds = Math.round(Math.abs(aheadMs) / 1000);
    return `${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} ${whose}`;
  });
  const worstMs = Math.max(...known.map(({ aheadMs }) => Math.abs(aheadMs)));
  if (worstMs < LIMIT_MS.warning) return { state: 'ok', found: found.length === 0 ? 'right' : found.join(', ') };
  const state = worstMs < LIMIT_MS.wrong ? 'warning' : 'wrong';
  return { state, found: found.join(', '), remedy: remedyOf(issuer, gateway) };
}

function remedyOf(issuer: AheadMs, gateway: AheadMs): string {
  if (issuer === undefined || gateway === undefined) {
    const whose = gateway === undefined ? 'identity provider' : 'gateway';
    return `have the clock of this machine set by NTP; if it is, tell who runs the ${whose} that its clock is wrong`;
  }
  if (Math.abs(issuer - gateway) < LIMIT_MS.warning) return 'have the clock of this machine set by NTP';
  const isOneRight = Math.min(Math.abs(issuer), Math.abs(gateway)) < LIMIT_MS.warning;
  if (!isOneRight) return 'no two clocks agree: have the clock of this machine set by NTP, and run this again';
  return Math.abs(issuer) < Math.abs(gateway)
    ? 'this machine and the issuer agree: tell who runs the gateway that its clock is wrong'
    : 'this machine and the gateway agree: tell who runs the identity provider that its clock is wrong';
}
