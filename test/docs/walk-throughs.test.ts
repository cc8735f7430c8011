import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scratch } from '../support/cli.ts';
import { ROOT } from '../support/markdown.ts';
import { type Edit, edited, walkThroughsIn } from '../support/walk-throughs.ts';

const PAGE = readFileSync(`${ROOT}CONTRIBUTING.md`, 'utf8');
const WALK_THROUGHS = walkThroughsIn(PAGE);
const TITLES = WALK_THROUGHS.map(({ title }) => title);
const EDITS = WALK_THROUGHS.flatMap(({ edits }) => edits);

const copy = scratch();
afterAll(() => copy.remove());

/** All that is compiled, and what is read besides when the copy is used. */
const COPIED = [
  ...['src', 'test', 'bench', 'infra', 'functions', 'containers', 'scripts', 'vitest.config.ts'],
  ...['package.json', 'tsconfig.json', 'biome.json', 'examples/demo/shapes10-rn18-w8.pt', 'examples/demo/test-64.bin'],
];

beforeAll(() => {
  const fixtures = join(ROOT, 'test/fixtures');
  for (const path of COPIED)
    cpSync(join(ROOT, path), copy.path(path), { recursive: true, filter: (source) => source !== fixtures });
  symlinkSync(join(ROOT, 'node_modules'), copy.path('node_modules'));
  // Of what a round leaves out, only src can be the worse.
  const ofSrc = { extends: './tsconfig.json', include: ['src'] };
  writeFileSync(copy.path('tsconfig.src.json'), JSON.stringify(ofSrc));
});

/** Puts the sources of the copy back to what they are here, and follows the walk-throughs but for these edits. */
function follow(leftOut: readonly Edit[] = []): void {
  for (const { path } of EDITS) {
    if (existsSync(join(ROOT, path))) cpSync(join(ROOT, path), copy.path(path));
    else rmSync(copy.path(path), { force: true });
  }
  for (const edit of EDITS.filter((one) => !leftOut.includes(one))) {
    const target = copy.path(edit.path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, edited(existsSync(target) ? readFileSync(target, 'utf8') : undefined, edit));
  }
}

/** What a program of the checkout prints, on both streams, in the copy. */
function run(program: string, ...args: string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd: copy.dir }, (_, stdout, stderr) => resolve(stdout + stderr));
  });
}

const compile = (project: string) => run('node_modules/.bin/tsc', '--noEmit', '--project', project);

/** By walk-through: what went wrong when what it adds was used. */
async function use(): Promise<Readonly<Record<string, string | null>>> {
  const output = await run(process.execPath, '--import', 'tsx', 'test/docs/use-what-was-added.mjs', copy.dir);
  if (!output.startsWith('{')) throw new Error(output);
  return JSON.parse(output) as Record<string, string | null>;
}

test('there is a walk-through for everything that has a table', () => {
  const things = ["An op's gradient", 'An attack', 'A norm', 'An architecture', 'A ranking', 'A data set'];
  expect(TITLES).toEqual(things);
});

test('what the walk-throughs say compiles, is as the rest of the code is, and works', async () => {
  follow();
  const files = new Set(EDITS.map(({ path }) => path));
  const [errors, lint, results] = await Promise.all([
    compile('tsconfig.json'),
    run('node_modules/.bin/biome', 'check', '--vcs-enabled=false', '--error-on-warnings', ...files),
    use(),
  ]);
  expect(errors).toBe('');
  expect(lint).toContain(`Checked ${files.size} files`);
  expect(lint).not.toContain('Found');
  expect(results).toEqual(Object.fromEntries(TITLES.map((title) => [title, null])));
});

/** Without a new file nothing that imports it would run, so it is the changes that could be one too many. */
const CHANGES = WALK_THROUGHS.map(({ title, edits }) => ({
  title,
  edits: edits.filter(({ change }) => 'hunks' in change),
}));

/** The first change of every walk-through at once, then the second, ... */
const ROUNDS = Array.from({ length: Math.max(...CHANGES.map(({ edits }) => edits.length)) }, (_, round) =>
  CHANGES.flatMap(({ title, edits }) => edits.slice(round, round + 1).map((edit) => ({ title, edit }))),
);

test.each(ROUNDS.map((left, round) => ({ change: round + 1, left })))(
  'change $change of a walk-through cannot be left out, whichever it is',
  async ({ left }) => {
    follow(left.map(({ edit }) => edit));
    const [errors, results] = await Promise.all([compile('tsconfig.src.json'), use()]);
    const unnoticed = left.filter(({ title, edit }) => results[title] === null && !errors.includes(`${edit.path}(`));
    expect(unnoticed).toEqual([]);
  },
);

describe('the check is awake', () => {
  const page = (block: string) => `## Walk-throughs\n\n### A thing\n\n- \`a.ts\`: what.\n\n${block}\n\n## More\n`;
  const edit = (language: string, lines: readonly string[]) => {
    const [walkThrough] = walkThroughsIn(
      page([`\`\`\`${language}`, ...lines, '```'].map((line) => `  ${line}`).join('\n')),
    );
    const [first] = walkThrough?.edits ?? [];
    if (first === undefined) throw new Error('there is no edit');
    return first;
  };

  test('to lines that are not there, or twice', () => {
    const change = edit('diff', [' a', '-b', '+c', '@@', ' d', '+e']);
    expect(edited('a\nb\nd\n', change)).toBe('a\nc\nd\ne\n');
    expect(() => edited('a\nb\nf\n', change)).toThrow('a.ts has 0 places with the lines\nd');
    expect(() => edited('a\nb\na\nb\nd\n', change)).toThrow('a.ts has 2 places with the lines\na\nb');
    expect(() => edited('d\n', edit('diff', ['+e']))).toThrow('a.ts: a change says none of the lines');
  });

  test('to files that should be there, and to files that should not', () => {
    expect(edited(undefined, edit('ts', ['a', '  b']))).toBe('a\n  b\n');
    expect(() => edited('', edit('ts', ['a']))).toThrow('a.ts is there already');
    expect(() => edited(undefined, edit('diff', [' a', '+b']))).toThrow('a.ts is not there');
  });

  test('to items that do not say what goes into a file', () => {
    expect(() => walkThroughsIn(page(''))).toThrow('a.ts: say what goes into it');
    expect(() => edit('sh', ['a'])).toThrow('not of sh');
  });
});
