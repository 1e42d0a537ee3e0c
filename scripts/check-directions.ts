/**
 * The import directions of the house, checked by dependency-cruiser, and their drawing in docs/architecture.md, which `--write`
 * brings up to date. A cruise that silently reads nothing would pass, so the number of modules it saw must be the number of files
 * there are.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cruise, format, type ICruiseResult } from 'dependency-cruiser';
import { drawingOf, roomsOf, withDrawing } from './house-drawing.ts';

const require = createRequire(import.meta.url);
const { forbidden, options } = require('../.dependency-cruiser.cjs') as {
  forbidden: NonNullable<ICruiseResult['summary']['ruleSetUsed']>['forbidden'];
  options: object;
};

const FOLDERS = ['src', 'demo'];
const names = (await Promise.all(FOLDERS.map((folder) => readdir(folder, { recursive: true })))).flat();
const files = names.filter((name) => name.endsWith('.ts'));
const { output } = await cruise(FOLDERS, { ...options, validate: true, ruleSet: { forbidden: forbidden ?? [] } });
const result = output as ICruiseResult;
const seen = result.modules.filter(({ source }) => /^(src|demo)\/.*\.ts$/.test(source)).length;

if (seen !== files.length) {
  console.error(`directions: ${seen} modules were read, but ${FOLDERS.join(' and ')} have ${files.length} files`);
  process.exitCode = 1;
}
if (result.summary.error > 0) {
  const { output: text } = await format(result, { outputType: 'err' });
  console.error(text);
  process.exitCode = 1;
}
const PAGE = 'docs/architecture.md';
const page = await readFile(PAGE, 'utf8');
const rooms = roomsOf(result);
const current = withDrawing(page, drawingOf(rooms));
if (process.argv.includes('--write')) await writeFile(PAGE, current);
else if (page !== current) {
  console.error(`${PAGE} is not up to date; run \`npm run docs\``);
  process.exitCode = 1;
}
for (const room of rooms.keys()) {
  if (page.includes(`\n| \`${room}\` |`)) continue;
  console.error(`${PAGE} does not say what the room ${room} is for`);
  process.exitCode = 1;
}
if (process.exitCode === undefined)
  console.log(
    `directions: ${seen} modules, ${result.summary.totalDependenciesCruised} imports, all as the house has it`,
  );
