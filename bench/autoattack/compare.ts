import type { BenchJob, SideResult } from './sides.ts';

/** Both sides as a table, then the images whose outcome differs. */
export function compare({ attacks, count }: BenchJob, ours: SideResult, theirs: SideResult | undefined): string {
  const rows = attacks.map((attack, index) => rowOf(attack, index, attacks, count, ours, theirs));
  const total = rowOf('all', undefined, attacks, count, ours, theirs);
  const header = ['attack', 'robust', 'original', 'seconds', 'original', 'times faster', 'outside onnxruntime'];
  const table = [header, ...rows, total].map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(10) : cell.padStart(10))).join('  '),
  );
  return [...table, ...differences(ours, theirs)].join('\n');
}

function rowOf(
  name: string,
  index: number | undefined,
  attacks: readonly string[],
  count: number,
  ours: SideResult,
  theirs: SideResult | undefined,
): string[] {
  const seen = index === undefined ? attacks : attacks.slice(0, index + 1);
  const robust = (side: SideResult) =>
    side.brokenBy.filter((breaker) => breaker === null || (breaker !== 'clean' && !seen.includes(breaker))).length /
    count;
  const part = (side: SideResult) => side.attacks.filter(({ attack }) => index === undefined || attack === name);
  const seconds = (side: SideResult) => part(side).reduce((sum, entry) => sum + entry.seconds, 0);
  const runtime = part(ours).reduce((sum, { runtimeSeconds = 0 }) => sum + runtimeSeconds, 0);
  const own = seconds(ours);
  return [
    name,
    percent(robust(ours)),
    theirs === undefined ? '' : percent(robust(theirs)),
    own.toFixed(1),
    isTimed(theirs) ? seconds(theirs).toFixed(1) : '',
    isTimed(theirs) ? (seconds(theirs) / own).toFixed(2) : '',
    percent(1 - runtime / own),
  ];
}

function isTimed(side: SideResult | undefined): side is SideResult {
  return side !== undefined && side.attacks.length > 0;
}

function differences(ours: SideResult, theirs: SideResult | undefined): string[] {
  if (theirs === undefined) return [];
  const differing = [...ours.brokenBy.keys()].filter((image) => ours.brokenBy[image] !== theirs.brokenBy[image]);
  if (differing.length === 0) return ['every image has the same outcome'];
  const lines = differing.map(
    (image) => `  image ${image}: ${said(ours.brokenBy[image])} here, ${said(theirs.brokenBy[image])} there`,
  );
  return [
    `${differing.length} of ${ours.brokenBy.length} images have another outcome (random starts differ: two seeds of the original do too):`,
    ...lines,
  ];
}

function said(breaker: string | null | undefined): string {
  if (breaker === 'clean') return 'wrong from the start';
  return breaker == null ? 'robust' : `broken by ${breaker}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}
