import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Page, parsePage, ROOT, readPage } from '../support/markdown.ts';
import { walkThroughsIn } from '../support/walk-throughs.ts';

const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  ...['docs', 'examples'].flatMap((folder) =>
    readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md') && !file.includes('node_modules'))
      .map((file) => posix.join(folder, file.replaceAll('\\', '/'))),
  ),
];

/** Sources whose comments name files. */
const SOURCES = ['src', 'bench', 'infra', 'functions'].flatMap((folder) =>
  readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => posix.join(folder, file.replaceAll('\\', '/'))),
);

/** Files that somebody who follows a walk-through makes. */
const TO_BE_MADE = new Set(
  walkThroughsIn(readFileSync(`${ROOT}CONTRIBUTING.md`, 'utf8')).flatMap(({ edits }) =>
    edits.filter(({ change }) => 'text' in change).map(({ path }) => path),
  ),
);

/** npm scripts, by package.json. */
const SCRIPTS: readonly string[] = Object.keys(
  (JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { scripts: object }).scripts,
);

/** Commands, as igd itself lists them. */
const COMMANDS = commandsOf(
  spawnSync(process.execPath, ['bin/igd.mjs', '--help'], { cwd: ROOT, encoding: 'utf8' }).stdout,
);

function commandsOf(help: string): string[] {
  const [, list = ''] = help.split('\nCommands:\n');
  return [...list.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name = '']) => name);
}

/** What is wrong with a page that lies at `path`: a line each. */
function problemsOf(path: string, page: Page): string[] {
  return [
    ...page.links.filter((link) => !leadsSomewhere(path, page, link)).map((link) => `${path}: nothing is at ${link}`),
    ...named(page, /\bnpm run (?:-s |--silent )?([\w:-]+)/g)
      .filter((script) => !SCRIPTS.includes(script))
      .map((script) => `${path}: package.json has no script "${script}"`),
    ...named(page, /(?<![\w./-])igd ([a-z][a-z-]*)/g)
      .filter((command) => !COMMANDS.includes(command))
      .map((command) => `${path}: igd has no command "${command}"`),
    ...missingPaths(page.code).map((file) => `${path}: there is no ${file}`),
  ];
}

/** What of the repository a text names that is not there; parts of URLs and patterns are not looked at. */
function missingPaths(texts: readonly string[]): string[] {
  const paths = /(?<![\w./@-])(?:src|test|bench|docs|infra|functions)\/[\w./-]*\w(?![\w*{<]|\/[*{<])/g;
  const found = texts.flatMap((text) => [...text.matchAll(paths)].map(([name]) => name));
  return found.filter((name) => !existsSync(`${ROOT}${name}`) && !TO_BE_MADE.has(name));
}

function commentsOf(source: string): string[] {
  return [...source.matchAll(/\/\*.*?\*\/|\/\/[^\n]*/gs)].map(([comment]) => comment);
}

/** Links to other sites are taken on trust. */
function leadsSomewhere(path: string, page: Page, link: string): boolean {
  if (/^[a-z][a-z+.-]*:/i.test(link)) return true;
  const [file = '', anchor] = link.split('#', 2).map(decodeURIComponent);
  if (file === '') return anchor !== undefined && page.anchors.has(anchor);
  const target = posix.join(posix.dirname(path), file);
  if (target.startsWith('../') || !existsSync(`${ROOT}${target}`)) return false;
  return anchor === undefined || readPage(target).anchors.has(anchor);
}

function named(page: Page, pattern: RegExp): string[] {
  return page.code.flatMap((code) => [...code.matchAll(pattern)].map(([, name = '']) => name));
}

describe('what the documentation names is there', () => {
  test.each(PAGES)('%s', (path) => {
    expect(problemsOf(path, readPage(path))).toEqual([]);
  });

  test('in the comments of sources, too', () => {
    expect(SOURCES.length).toBeGreaterThan(250);
    const problems = SOURCES.flatMap((path) =>
      missingPaths(commentsOf(readFileSync(`${ROOT}${path}`, 'utf8'))).map((file) => `${path}: there is no ${file}`),
    );
    expect(problems).toEqual([]);
  });

  test('every page is reached from the README', () => {
    const reached = new Set(['README.md']);
    for (const path of reached)
      for (const link of readPage(path).links) {
        const target = posix.join(posix.dirname(path), link.split('#', 1)[0] ?? '');
        if (PAGES.includes(target)) reached.add(target);
      }
    expect(PAGES.filter((path) => !reached.has(path))).toEqual([]);
  });
});

describe('the check is awake', () => {
  const problems = (text: string, path = 'docs/some.md') => problemsOf(path, parsePage(text));

  test('to files that are not there, and to paths out of the repository', () => {
    expect(problems('[a](config.md) ![b](report.png) [c](../LICENSE)')).toEqual([]);
    expect(problems('[a](missing.md)')).toEqual(['docs/some.md: nothing is at missing.md']);
    expect(problems('[a](config.md)', 'README.md')).toHaveLength(1);
    expect(problems('![a](missing.png) <img src="missing.svg"> [b][c]\n\n[c]: missing.txt')).toHaveLength(3);
    expect(problems('[![a](missing.png)](missing.md)')).toHaveLength(2);
    expect(problems('[a](../../elsewhere.md) [b]()')).toHaveLength(2);
    expect(problems('[a](https://example.org/missing.md) [b](mailto:a@example.org)')).toEqual([]);
  });

  test('to anchors, here and on other pages', () => {
    expect(problems('[a](#one-two) [b](config.md#the-run-config)\n\n## One: `two`!')).toEqual([]);
    expect(problems('[a](#one)\n\n## Two\n\n```\n# One\n```')).toEqual(['docs/some.md: nothing is at #one']);
    expect(problems('[a](config.md#no-such-heading)')).toHaveLength(1);
  });

  test('to links only where Markdown has them', () => {
    expect(problems('`[a](missing.md)`\n\n```\n[b](missing.md)\n```\n\n<!-- [c](missing.md) -->')).toEqual([]);
  });

  test('to files that code and comments name', () => {
    expect(
      problems('`src/index.ts`, `src/attacks/`, `docs/*.md`, `src/attic/*.ts`, `https://a.org/docs/b.md`'),
    ).toEqual([]);
    expect(problems('`src/attic/a.ts`\n\n```sh\nnpx vitest run test/attic\n```')).toHaveLength(2);
    expect(
      missingPaths(commentsOf("const a = 'src/attic';\n/** See `src/attic/a.ts`,\n * src/attic. */ // bench/b.ts")),
    ).toEqual(['src/attic/a.ts', 'src/attic', 'bench/b.ts']);
  });

  test('to npm scripts and commands, in code', () => {
    expect(problems('`npm run demo`, `igd run`, and igd evaluates\n\n```sh\nnpx igd status RUN\n```')).toEqual([]);
    expect(problems('`npm run absent`')).toEqual(['docs/some.md: package.json has no script "absent"']);
    expect(problems('  ```sh\n  npx igd absent my-run.json\n  ```')).toEqual([
      'docs/some.md: igd has no command "absent"',
    ]);
    expect(problems('`igd absent\nCHECKPOINT`')).toHaveLength(1);
    expect(COMMANDS).toContain('status');
  });

  test.each([
    ['What a run leaves behind', 'what-a-run-leaves-behind'],
    ['ADR 1: `a_b` (c), d/e & f', 'adr-1-a_b-c-de--f'],
    ['[A link](x.md) in **bold**', 'a-link-in-bold'],
    ['Größe', 'größe'],
  ])('to how GitHub makes an anchor of "%s"', (heading, anchor) => {
    expect(parsePage(`# ${heading}`).anchors).toContain(anchor);
  });

  test('to headings that are alike', () => {
    expect([...parsePage('# A\n\n## B\n\n## B\n').anchors]).toEqual(['a', 'b', 'b-1']);
  });
});
