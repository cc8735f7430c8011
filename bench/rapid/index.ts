import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { reportSchema } from '../../src/index.ts';
import type { Report } from '../../src/schemas/report.ts';

/**
 * Two runs of the same images and variants side by side, one of suite `standard` and one of `rapid`: verdicts and cost, in units of
 * a forward (a gradient is 3). Each folder is one that `igd run` has left.
 *
 * npx tsx bench/rapid/index.ts STANDARD_RUN RAPID_RUN
 */

const [standard, rapid] = process.argv.slice(2).map(reportOf);
if (standard === undefined || rapid === undefined) throw new Error('give STANDARD_RUN RAPID_RUN');
if (standard.dataset.test.sha256 !== rapid.dataset.test.sha256 || standard.run.images !== rapid.run.images)
  throw new Error('these are not two runs of the same images');

const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
const thousands = (count: number) => Math.round(count).toLocaleString('en-GB');

console.log(
  `${standard.run.images} images of ${standard.checkpoint.architecture}\n\n` +
    '| variant | `standard`: own attack | worst case | units | `rapid`: robust | worst case | units |\n|---|---|---|---|---|---|---|',
);
for (const one of standard.variants) {
  const other = rapid.variants.find(({ id }) => id === one.id);
  if (other === undefined) continue;
  const cells = [one, other].flatMap((variant) => [
    percent(variant.robust.accuracy),
    percent(variant.worstCase.accuracy),
    thousands(unitsOf(variant.attacks)),
  ]);
  console.log(`| ${one.id} | ${cells.join(' | ')} |`);
}
const [all, cheap] = [standard, rapid].map(totalOf) as [number, number];
console.log(`| made once | | | | | | ${thousands(unitsOf(rapid.run.crafting ?? []))} |`);
console.log(`| in all | | | ${thousands(all)} | | | ${thousands(cheap)} |`);
const none = standard.variants.find(({ id }) => id === 'none');
const rapidNone = rapid.variants.find(({ id }) => id === 'none');
if (none !== undefined && rapidNone !== undefined) {
  const alone = unitsOf([...rapidNone.attacks, ...(rapid.run.crafting ?? [])]);
  console.log(
    `\nbase alone: 1/${(unitsOf(none.attacks) / alone).toFixed(1)} of standard's cost; all: 1/${(all / cheap).toFixed(1)}`,
  );
}

function reportOf(folder: string): Report {
  return reportSchema.parse(JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')));
}

function unitsOf(attacks: readonly { readonly forwards: number; readonly gradients: number }[]): number {
  return attacks.reduce((sum, { forwards, gradients }) => sum + forwards + 3 * gradients, 0);
}

function totalOf({ variants, run }: Report): number {
  return unitsOf([...variants.flatMap(({ attacks }) => attacks), ...(run.crafting ?? [])]);
}
