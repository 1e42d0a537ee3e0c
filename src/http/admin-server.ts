/**
 * The operator's port: health, readiness, metrics. Nothing of a client's is served or shown here; it listens apart from the
 * S3 port and on loopback unless configuration says otherwise. It answers no page in a browser, and no host but its own.
 */
import { createServer, type Server } from 'node:http';
import express, { type NextFunction, type Request, type Response } from 'express';
import type { HealthReport } from '../contracts/health.ts';
import { createHostCheck } from '../host-check/host-check.ts';

export interface Readiness {
  /** Whether requests can be served and recorded. */
  readonly ready: boolean;
  readonly reports: readonly HealthReport[];
}

export interface AdminServerOptions {
  readonly readiness: () => Readiness | Promise<Readiness>;
  /** What Prometheus reads. `accept`: what it says that it can. */
  readonly metrics: (accept: string | undefined) => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Hosts that requests may name beside those of loopback and the address that they came in on. */
  readonly allowedHosts?: readonly string[];
  /** Told of what nobody caught. */
  readonly uncaught: (error: unknown) => void;
}

const REFUSALS = {
  host: [421, 'no host of this port; see admin.allowedHosts\n'],
  page: [403, 'not for pages in browsers\n'],
} as const;

/** The time of a report as its age: operators ask for that, and clocks may differ. */
function shown({ checkedAtMs, ...report }: HealthReport): object {
  if (checkedAtMs === undefined) return report;
  return { ...report, ageSeconds: Math.max(0, Math.round((Date.now() - checkedAtMs) / 100) / 10) };
}

/** Builds the server; the caller listens. */
export function createAdminServer(options: AdminServerOptions): Server {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  const hostCheck = createHostCheck({ hosts: options.allowedHosts ?? [], pages: 'typed' });
  app.use((req, res, next) => {
    const { method, originalUrl: target, rawHeaders, socket } = req;
    const refusal = hostCheck({ method, target, rawHeaders }, socket);
    if (refusal === undefined) next();
    else res.status(REFUSALS[refusal][0]).type('text/plain').send(REFUSALS[refusal][1]);
  });
  app.get('/healthz', (_req, res) => {
    res.type('text/plain').send('ok\n');
  });
  app.get('/readyz', async (_req, res) => {
    const { ready, reports } = await options.readiness();
    res.status(ready ? 200 : 503).json({ ready, dependencies: reports.map(shown) });
  });
  app.get('/metrics', async (req, res) => {
    const { contentType, text } = await options.metrics(req.get('accept'));
    res.set('content-type', contentType).send(text);
  });
  app.use((_req, res) => {
    res.status(404).type('text/plain').send('not found\n');
  });
  // Express's own page would show the stack. It knows what takes errors by the number of parameters.
  app.use((error: unknown, _req: Request, res: Response, next: NextFunction) => {
    options.uncaught(error);
    if (res.headersSent) next(error);
    else res.status(500).type('text/plain').send('failed\n');
  });
  return createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, app);
}
