import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { type Comparison, table } from './table.ts';
import { OUTLIER, type Verdict } from './verdict.ts';

/**
 * The exports that bench/zoo/make.py has made, compared with PyTorch through the library: which compute, which are refused
 * with which message, and whether one is wrong.
 *
 * npm run bench:zoo -- FOLDER [--smooth FOLDER] [--write docs/models.md] [--json comparisons.json] [--only NAME,NAME]
 *
 * --smooth: models made with `make.py --smooth`. Where PyTorch's own float32 is beyond rounding on nearly every image, because a
 * kink is near, they decide in place of those with kinks.
 *
 * A process an architecture, so that what ends one is a finding and not the end.
 */

/** Between these the table is written. */
const MARKS = ['<!-- exporters by architecture -->', '<!-- end of exporters by architecture -->'] as const;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    write: { type: 'string' },
    json: { type: 'string' },
    smooth: { type: 'string' },
    only: { type: 'string' },
  },
});
const [root] = positionals;
if (root === undefined) throw new Error('give the folder that bench/zoo/make.py has made; see the head of this file');

const only = values.only?.split(',');
const names = readdirSync(root)
  .filter((name) => existsSync(join(root, name, 'facts.json')))
  .filter((name) => only === undefined || only.some((part) => name.includes(part)))
  .sort();
const comparisons: Comparison[] = [];
for (const name of names) {
  const comparison = { name: name.replace('_', ':'), ...(await withoutKinks(name, await compared(join(root, name)))) };
  comparisons.push(comparison);
  for (const [how, verdict] of Object.entries(comparison.verdicts))
    console.error(`${name} ${how} ${describe(verdict)}`);
}
const text = table(comparisons);
console.log(text);
if (values.write !== undefined) await writeTable(values.write, text);
if (values.json !== undefined) await writeFile(values.json, JSON.stringify(comparisons));

async function writeTable(path: string, text: string): Promise<void> {
  const page = await readFile(path, 'utf8');
  const [from, to] = MARKS.map((mark) => page.indexOf(mark)) as [number, number];
  if (from < 0 || to < from) throw new Error(`${path} has no ${MARKS.join(' ... ')}`);
  await writeFile(path, `${page.slice(0, from + MARKS[0].length)}\n\n${text}\n${page.slice(to)}`);
}

async function compared(folder: string): Promise<Omit<Comparison, 'name'>> {
  const script = join(import.meta.dirname, 'compare-architecture.ts');
  try {
    const { stdout } = await promisify(execFile)('npx', ['tsx', script, folder], { maxBuffer: 2 ** 26 });
    return JSON.parse(stdout.trim().split('\n').at(-1)!) as Comparison;
  } catch (error) {
    const message = `the process ended: ${error instanceof Error ? error.message.slice(-200) : error}`;
    return { verdicts: { all: { kind: 'failed', message } } };
  }
}

/** Exports whose gradient no image decides, for kinks, get the verdict of their smooth twins, where there are some. */
async function withoutKinks(name: string, comparison: Omit<Comparison, 'name'>): Promise<Omit<Comparison, 'name'>> {
  const isOpen = (verdict: Verdict) =>
    verdict.kind === 'wrong' || (verdict.kind === 'ok' && verdict.quartile > OUTLIER);
  const twin = values.smooth === undefined ? undefined : join(values.smooth, name);
  if (twin === undefined || !existsSync(twin) || !Object.values(comparison.verdicts).some(isOpen)) return comparison;
  const smooth = (await compared(twin)).verdicts;
  const verdicts = Object.entries(comparison.verdicts).map(([how, verdict]) => {
    const other = isOpen(verdict) ? smooth[how] : undefined;
    return [how, other?.kind === 'ok' && other.quartile <= OUTLIER ? { ...other, smooth: true } : verdict] as const;
  });
  return { ...comparison, verdicts: Object.fromEntries(verdicts) };
}

function describe(verdict: Verdict): string {
  if (verdict.kind === 'ok')
    return `ok ${verdict.logits.toExponential(1)} ${verdict.quartile.toExponential(1)} ${verdict.outliers}`;
  return `${verdict.kind}: ${verdict.kind === 'wrong' ? verdict.what : verdict.message}`;
}
