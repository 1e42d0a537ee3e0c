/** The section `timeouts`: how long is waited for others. */
import { count, section } from '../values/schema-words.ts';

const timeout = (fallback: number, description: string) => count(100, 3_600_000, fallback, description);

export const timeouts = section(
  {
    requestHeadersMs: timeout(10_000, 'The whole head of a request must have arrived.'),
    requestBodyIdleMs: timeout(60_000, 'Longest pause in the body of a request.'),
    upstreamConnectMs: timeout(5000, 'A connection to a store must stand, TLS included.'),
    upstreamHeadersMs: timeout(
      60_000,
      "The store's answer must have begun, counted from the end of the request to it. Copies and the completion of an upload have ten minutes.",
    ),
    upstreamBodyIdleMs: timeout(60_000, "Longest pause in the store's answer."),
    earlyAnswerMs: timeout(
      // The least that common clients and proxies wait for a byte is 30 s (boto3 and nginx: 60 s): one blank may be late.
      10_000,
      'The answer to a copy or the completion of an upload that takes longer begins before its end is known, and a blank is sent each time that this passes again. Less than half of what clients and proxies wait for a byte.',
    ),
    queueMs: count(
      1,
      60_000,
      1000,
      'Longest wait of a request for its turn among those of all callers ([many callers at once](running.md#many-callers-at-once)); then it gets 503 SlowDown.',
    ),
    stsMs: timeout(5000, 'One call of STS, whole.'),
    jwksMs: timeout(5000, 'One call of an issuer (discovery or keys), whole.'),
    keyringMs: timeout(5000, 'One call of Vault or KMS, whole.'),
    keepAliveMs: timeout(
      75_000,
      "Life of an idle connection from the edge. Must exceed HAProxy's `http-keep-alive` and pool times, or requests race with its end.",
    ),
    drainDelayMs: count(
      0,
      3_600_000,
      2000,
      'After SIGTERM: time for the edge to see that readiness is gone, before connections are refused.',
    ),
    drainMs: timeout(
      60_000,
      'After that: requests in flight may finish, also those whose clients left. What has not is cut.',
    ),
  },
  'All in milliseconds.',
);
