/**
 * The import directions of the house, checked by dependency-cruiser. A cruise that silently reads nothing would pass, so the
 * number of modules it saw must be the number of files there are.
 */
import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cruise, format, type ICruiseResult } from 'dependency-cruiser';

const require = createRequire(import.meta.url);
const { forbidden, options } = require('../.dependency-cruiser.cjs') as {
  forbidden: NonNullable<ICruiseResult['summary']['ruleSetUsed']>['forbidden'];
  options: object;
};

const files = (await readdir('src', { recursive: true })).filter((name) => name.endsWith('.ts'));
const { output } = await cruise(['src'], { ...options, validate: true, ruleSet: { forbidden: forbidden ?? [] } });
const result = output as ICruiseResult;
const seen = result.modules.filter(({ source }) => source.startsWith('src/') && source.endsWith('.ts')).length;

if (seen !== files.length) {
  console.error(`directions: ${seen} modules were read, but src/ has ${files.length} files`);
  process.exitCode = 1;
}
if (result.summary.error > 0) {
  const { output: text } = await format(result, { outputType: 'err' });
  console.error(text);
  process.exitCode = 1;
}
if (process.exitCode === undefined)
  console.log(
    `directions: ${seen} modules, ${result.summary.totalDependenciesCruised} imports, all as the house has it`,
  );
