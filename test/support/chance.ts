/**
 * What tests draw at random. On a developer's machine each run draws anew; in CI one seed stands, so that a red main means
 * a change and not chance. SALLYPORT_TEST_SEED repeats a run.
 */
const CI_SEED = 1_195_312_010;

const isCi = process.env['CI'] === 'true';

/** The seed of this run; `undefined`: every property draws its own. */
export const fixedSeed: number | undefined =
  process.env['SALLYPORT_TEST_SEED'] === undefined
    ? isCi
      ? CI_SEED
      : undefined
    : Number(process.env['SALLYPORT_TEST_SEED']);

/** Tries of what takes long: all of them in CI, and a third elsewhere. */
export const triesOf = (count: number): number => (isCi ? count : Math.ceil(count / 3));

const third = (fixedSeed ?? Math.floor(Math.random() * 2 ** 31)) % 3;

/** Whether a case of this number is tried, of cases that take long: all of them in CI, and elsewhere every third, another third in each run. */
export const isTried = (index: number): boolean => isCi || index % 3 === third;
