/** Loaded into a process under test: at SIGUSR2 something happens in it that nobody catches. */
import cluster from 'node:cluster';

process.on('SIGUSR2', () => {
  setTimeout(() => {
    throw new Error('thrown out of a timer');
  }, 1);
});

/** At SIGWINCH: what a primary said to its workers, or a worker to its primary, could not be said. */
process.on('SIGWINCH', () => {
  for (const worker of [...Object.values(cluster.workers ?? {}), cluster.worker])
    worker?.emit('error', new Error('write EPIPE'));
});
