/**
 * Compares the model of S3 that the documentation is made from with that of the newest botocore, so that a header which
 * AWS's SDKs begin to send is judged here before it turns a client away.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MODEL_FILE, newIn, readBotocore, readModel, type Model } from './s3-model/model.ts';

const HELP = `Compares scripts/s3-model/model.json with the S3 model of the newest botocore (from PyPI, by pip).

  node scripts/s3-model.ts            names what the newest model has and ours has not; exit code 1 if anything
  node scripts/s3-model.ts --update   takes the newest model; then judge what is new in scripts/s3-model/judgements.ts
`;
const SERVICE = 'botocore/data/s3/2006-03-01/service-2.json.gz';
const TRIES = 3;

const run = promisify(execFile);

async function newestModel(): Promise<Model> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-s3-model-'));
  try {
    const download = [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--no-deps',
      '--only-binary',
      ':all:',
      '-d',
      folder,
      'botocore',
    ];
    for (let attempt = 1; ; attempt += 1) {
      try {
        await run('python3', download);
        break;
      } catch (error) {
        if (attempt === TRIES) throw error;
      }
    }
    const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error('pip downloaded no wheel of botocore');
    await run('python3', ['-m', 'zipfile', '-e', join(folder, wheel), folder]);
    return readBotocore(await readFile(join(folder, SERVICE)), wheel.split('-')[1] ?? '');
  } finally {
    await rm(folder, { recursive: true });
  }
}

const [option] = process.argv.slice(2);
if (option === undefined) {
  const newest = await newestModel();
  const known = readModel();
  const added = newIn(newest, known);
  for (const line of added) console.error(`new in botocore ${newest.botocore}: ${line}`);
  if (added.length > 0) {
    console.error('Run `node scripts/s3-model.ts --update`, judge what is new, then `npm run docs`.');
    process.exitCode = 1;
  } else {
    console.log(`botocore ${newest.botocore} names nothing that the model of ${known.botocore} does not`);
  }
} else if (option === '--update') {
  const newest = await newestModel();
  await writeFile(MODEL_FILE, `${JSON.stringify(newest, undefined, 1)}\n`);
  console.log(`${MODEL_FILE} is that of botocore ${newest.botocore}`);
} else {
  console.log(HELP);
  if (option !== '--help') process.exitCode = 2;
}
