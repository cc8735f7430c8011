import { describe, expect, it } from 'vitest';
import { aggregate } from '../../../src/report/aggregate.ts';
import { quantisedLines } from '../../../src/report/quantised.ts';
import { reportFiles } from '../../../src/report/report-files.ts';
import { type QuantisedExamples, type ShardResult, shardResultSchema } from '../../../src/schemas/results.ts';
import { LOIR, type MadeRun, makeRun, NONE } from './fixture.ts';

const MADE = makeRun({ variants: [NONE, LOIR], suite: ['apgd-ce', 'apgd-t'], images: 400 });

const brokenIn = ({ images }: ShardResult) => images.flatMap(({ image, brokenBy }) => (brokenBy === null ? [] : image));

/** The run with what its shards say of their rounded examples. */
function rounded(says: (shard: ShardResult) => Partial<QuantisedExamples> | undefined, made: MadeRun = MADE) {
  const shards = made.shards.map((shard): ShardResult => {
    const said = says(shard);
    const quantised = said && { bits: 8, right: [], outside: 0, offGrid: 0, ...said };
    return shardResultSchema.parse({ ...shard, quantised });
  });
  return { shards, again: (order: readonly ShardResult[]) => aggregate(made.facts, order, made.transfers) };
}

describe('what becomes of examples in files', () => {
  it('adds the images whose rounded example is right to the robust ones, in whatever order shards come', () => {
    const { shards, again } = rounded((shard) => ({ right: brokenIn(shard).slice(0, 3), outside: 2, offGrid: 1 }));
    const report = again(shards);
    expect(again(shards.toReversed())).toEqual(report);
    for (const { robust, quantised } of report.variants) {
      // Two shards a variant.
      expect(quantised).toMatchObject({ bits: 8, restored: 6, outside: 4, offGrid: 2 });
      expect(quantised?.robust.correct).toBe(robust.correct + 6);
      expect(quantised?.robust.interval[0]).toBeGreaterThan(robust.interval[0]);
    }
    // Nothing else of the report moves.
    const without = report.variants.map(({ quantised: _, ...variant }) => variant);
    expect({ ...report, variants: without }).toEqual(MADE.report);
    const [first] = quantisedLines(report);
    expect(first?.text).toMatch(
      /^rounded to 8 bits, 6 of \d+ adversarial examples are classified right: at most [\d.]+% is robust, [\d.]+% before; /,
    );
    expect(first?.text).toContain(
      'rounding takes 4 of them beyond epsilon, a pixel by 1/510 at most; they count all the same',
    );
    expect(first?.text).toContain('the images of 2 are not of 8 bits themselves');
    const files = reportFiles(report, shards);
    for (const name of ['report.md', 'report.html'])
      expect(files.get(name)).toContain('6 of 153 adversarial examples are classified right');
  });

  it('is not there where a shard does not say it, as of runs of before', () => {
    const { shards, again } = rounded((shard) => (shard === MADE.shards[1] ? undefined : {}));
    const { variants } = again(shards);
    expect(variants.map(({ quantised }) => quantised !== undefined)).toEqual([false, true]);
    expect(quantisedLines(MADE.report)).toEqual([]);
    expect(reportFiles(MADE.report, MADE.shards).get('report.md')).not.toContain('As files');
  });

  it('says that all of them hold, and counts what has no prediction as wrong', () => {
    const { shards, again } = rounded((shard) => ({ unpredicted: brokenIn(shard).slice(0, 1) }));
    const [first] = quantisedLines(again(shards));
    expect(first?.text).toMatch(
      /^rounded to 8 bits, none of .* is classified right: at most .* is robust, as before; /,
    );
    expect(first?.text).toContain('of 2 the model gives no prediction');
  });

  it('is refused of images that no attack broke', () => {
    const { shards, again } = rounded((shard) => ({ right: shard.images.slice(-1).map(({ image }) => image) }));
    const unbroken = shards.some((shard) => !brokenIn(shard).includes(shard.images.at(-1)!.image));
    expect(unbroken).toBe(true);
    expect(() => again(shards)).toThrow(/images whose examples are rounded though no attack broke them/);
  });
});
