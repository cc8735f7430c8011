import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type ZooEntry, zooEntries } from '../../src/schemas/zoo/zoo.ts';
import { type Outcome, outcomeOf, readTruth } from './compare.ts';

/**
 * RobustBench's models as igd reads them, beside RobustBench's own code: what make.py made is opened with `zoo`, and once more
 * with nothing stated at all.
 *
 * python bench/zoo-robustbench/make.py OUT --robustbench CHECKOUT
 * npx tsx bench/zoo-robustbench/index.ts OUT [--only WORD] [--write docs/models.md]
 *
 * Prints a line for each model that is not right both ways, then the table by leaderboard; `--write` puts the table between
 * the marks of that page. Ends with code 1 where a number is wrong without a word.
 */

interface Result {
  readonly entry: ZooEntry;
  readonly byZoo: Outcome;
  readonly alone: Outcome;
}

const MARKS = ['<!-- zoo by leaderboard -->', '<!-- end of zoo by leaderboard -->'] as const;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string', default: '' }, write: { type: 'string' } },
});
const [folder] = positionals;
if (folder === undefined) throw new Error('give the folder that make.py wrote');

const results: Result[] = [];
for (const entry of zooEntries().values()) {
  if (!entry.id.includes(values.only)) continue;
  const result = await resultOf(entry, join(folder, entry.id));
  const { byZoo, alone } = result;
  const isKnown = byZoo.kind === 'right' && byZoo.assumed.length === 0;
  if (!isKnown || alone.kind !== 'right')
    console.log(`${entry.id}\n  zoo    ${inWords(byZoo)}\n  alone  ${inWords(alone)}`);
  results.push(result);
}
const table = tableOf(results);
console.log(table);
if (values.write !== undefined) await writeTable(values.write, table);
if (results.some(isSilentlyWrong)) process.exitCode = 1;

/** Of what was not made there is nothing to be right about: it has to be refused by the table. */
async function resultOf(entry: ZooEntry, stem: string): Promise<Result> {
  const path = `${stem}.pt`;
  if (!existsSync(path)) {
    const { reading } = entry;
    if (reading.kind === 'read') throw new Error(`${path} is not there: run make.py`);
    const refusal = { kind: 'refused', message: reading.reason } as const;
    return { entry, byZoo: refusal, alone: refusal };
  }
  const truth = await readTruth(stem);
  return {
    entry,
    byZoo: await outcomeOf({ path, zoo: entry.id }, truth),
    alone: await outcomeOf({ path }, truth),
  };
}

/** With the zoo nothing is to be left to assume; without it, what was assumed is said. */
function isSilentlyWrong({ byZoo, alone }: Result): boolean {
  return byZoo.kind === 'wrong' || (alone.kind === 'wrong' && alone.assumed.length === 0);
}

function inWords(outcome: Outcome): string {
  if (outcome.kind === 'refused') return `refused: ${outcome.message}`;
  const { kind, logits, gradient, assumed } = outcome;
  const errors = `logits ${logits.toExponential(1)}, gradient ${gradient.toExponential(1)}`;
  return [`${kind} (${errors})`, ...assumed].join('; ');
}

function tableOf(all: readonly Result[]): string {
  const boards = [...new Set(all.map(({ entry }) => boardOf(entry)))];
  return [
    '| leaderboard | models | right | refused by name | wrong | alone: right | another function, assumptions said | refused | wrong without a word |',
    '|---|--:|--:|--:|--:|--:|--:|--:|--:|',
    ...boards.map((board) => rowOf(board, (result) => boardOf(result.entry) === board)),
    rowOf('all', () => true),
  ].join('\n');

  function rowOf(name: string, isOf: (result: Result) => boolean): string {
    const ofBoard = all.filter(isOf);
    const count = (is: (result: Result) => boolean) => String(ofBoard.filter(is).length);
    const cells = [
      String(ofBoard.length),
      ...(['right', 'refused', 'wrong'] as const).map((kind) => count(({ byZoo }) => byZoo.kind === kind)),
      count(({ alone }) => alone.kind === 'right'),
      count(({ alone }) => alone.kind === 'wrong' && alone.assumed.length > 0),
      count(({ alone }) => alone.kind === 'refused'),
      count(({ alone }) => alone.kind === 'wrong' && alone.assumed.length === 0),
    ];
    return `| ${name} | ${cells.join(' | ')} |`;
  }
}

function boardOf({ leaderboard }: ZooEntry): string {
  return `${leaderboard.dataset}, ${leaderboard.threat}`;
}

async function writeTable(path: string, text: string): Promise<void> {
  const page = await readFile(path, 'utf8');
  const [from, to] = MARKS.map((mark) => page.indexOf(mark)) as [number, number];
  if (from < 0 || to < from) throw new Error(`${path} has no ${MARKS.join(' ... ')}`);
  await writeFile(path, `${page.slice(0, from + MARKS[0].length)}\n\n${text}\n\n${page.slice(to)}`);
}
