/** Prints which modules of OpenTelemetry a gateway loads, with the variables of this process. */
import { registerHooks } from 'node:module';

const loaded: string[] = [];
registerHooks({
  load: (url, context, next) => {
    if (url.includes('@opentelemetry')) loaded.push(url);
    return next(url, context);
  },
});
await import('../../../src/compose/gateway.ts');
await import('../../../src/compose/sidecar.ts');
const { startTracing } = await import('../../../src/telemetry/start-tracing.ts');
await startTracing(process.env, () => undefined);
process.stdout.write(JSON.stringify(loaded));
