import { describe, expect, it } from 'vitest';
import { plannedSample, survivorsIn } from '../../../src/evaluation/audit/sample.ts';
import { markedInterval } from '../../../src/numeric/hypergeometric.ts';
import { aggregate } from '../../../src/report/aggregate.ts';
import { auditLines } from '../../../src/report/audit.ts';
import { reportFiles } from '../../../src/report/report-files.ts';
import { reportTable } from '../../../src/report/table.ts';
import type { AuditReport, Report } from '../../../src/schemas/report.ts';
import type { ShardResult } from '../../../src/schemas/results.ts';
import { LOIR, type MadeRun, makeRun, NONE } from './fixture.ts';

const BOUND = { halfWidth: 0.01, confidence: 0.95 };

/** A made-up run of 1,000 images whose audit breaks the first `breaks` images of each variant's sample. */
function audited(breaks: number, made: MadeRun = makeRun({ variants: [NONE, LOIR], suite: ['apgd-ce', 'apgd-t'] })) {
  const facts = { ...made.facts, run: { ...made.facts.run, audit: { suite: 'standard', ...BOUND } } };
  const samples = new Map<string, number[]>();
  const audits = facts.variants.flatMap(({ id }): ShardResult[] => {
    const outcomes = made.shards.filter(({ variant }) => variant === id).flatMap(({ images }) => images);
    const { images, seed } = facts.run;
    const sample = plannedSample(survivorsIn(outcomes), { ...BOUND, images, variants: 2, seed });
    samples.set(id, sample);
    const found = sample.map((image, place) => {
      const outcome = outcomes.find((candidate) => candidate.image === image)!;
      return place < breaks ? { ...outcome, brokenBy: 'square', adversarialPrediction: 9 - outcome.label } : outcome;
    });
    const attacks = [{ attack: 'square', seconds: 0.5, forwards: 10, gradients: 20, runtimeSeconds: 0 }];
    const half = Math.ceil(found.length / 2);
    return [found.slice(half), [], found.slice(0, half)].map((part) => ({
      schema: 'igd.shard/2',
      variant: id,
      images: part,
      attacks: part.length === 0 ? [] : attacks,
      checks: { randomised: false, probabilities: false, zeroGradientImages: 0 },
    }));
  });
  return { facts, made, audits, samples, report: aggregate(facts, made.shards, made.transfers, audits) };
}

describe('the audit of a report', () => {
  it('is the exact interval of what both suites leave, each variant with its part of the allowance', () => {
    const { report, samples } = audited(1);
    for (const { id, audit, robust } of report.variants) {
      const sample = samples.get(id)!;
      const count = { population: robust.correct, sample: sample.length, marked: 1 };
      const [least, most] = markedInterval(count, 0.975);
      expect(audit).toMatchObject({ survivors: robust.correct, sample: sample.length, broken: [sample[0]] });
      expect(audit?.interval).toEqual([(robust.correct - most) / 1000, (robust.correct - least) / 1000]);
      expect(audit!.interval[1] - audit!.interval[0]).toBeLessThanOrEqual(2 * BOUND.halfWidth + 1e-12);
      expect(audit).toMatchObject({ seconds: 1, forwards: 20, gradients: 40 });
      expect(audit?.needed).toBeUndefined();
    }
    expect(report.variants.flatMap(({ flags }) => flags.map(({ code }) => code))).not.toContain('audit-wide');
  });

  it('does not depend on the order of its parts, and is refused where one is missing or there twice', () => {
    const { facts, made, audits, report } = audited(3);
    const again = (results: readonly ShardResult[]) => aggregate(facts, made.shards, made.transfers, results);
    expect(again(audits.toReversed())).toEqual(report);
    expect(() => again(audits.slice(1))).toThrow(/variant none: the audit's results are of other images/);
    expect(() => again([...audits, audits[0]!])).toThrow(/delete audit\/none in the run's folder and run it again/);
  });

  it('is flagged where it is wider than asked, with the sample that would have done, and where it is missing', () => {
    const { facts, made, report } = audited(30);
    const { audit, flags } = report.variants[0]!;
    expect(audit!.needed).toBeGreaterThan(audit!.sample);
    expect(audit!.needed).toBeLessThanOrEqual(audit!.survivors);
    const message = flags.find(({ code }) => code === 'audit-wide')?.message;
    expect(message).toMatch(/points wide, 2 were asked: standard broke 30 of \d+; a sample of \d+ would have done/);
    const without = aggregate(facts, made.shards, made.transfers);
    expect(without.variants[0]?.flags.find(({ code }) => code === 'audit-missing')?.message).toContain('standard');
    expect(auditLines(without)).toEqual([]);
  });

  it('is in the summary, the tables and the page, and in none of a run without one', () => {
    const { report, made } = audited(0);
    const [first] = auditLines(report);
    expect(first?.text).toMatch(
      /^standard would leave [\d.]+% to 2[\d.]+% \(95%\), from \d+ of \d+ survivors, at \d+% of its cost; it broke none$/,
    );
    expect(reportTable(report)).toContain(`\naudit\nnone  ${first?.text}\n`);
    const files = reportFiles(report, made.shards);
    for (const name of ['report.md', 'report.html']) expect(files.get(name)).toContain(first?.text);
    expect(reportTable(made.report)).not.toContain('audit');
    for (const [name, text] of reportFiles(made.report, made.shards))
      expect(text.toLowerCase(), name).not.toContain('audit');
  });

  const text = (audit: Partial<AuditReport>) => {
    const whole = {
      suite: 'standard',
      survivors: 2890,
      sample: 180,
      broken: [512],
      accuracy: 0.2874,
      confidence: 0.95,
    };
    const rest = { interval: [0.2804, 0.2889] as [number, number], seconds: 0, forwards: 0, gradients: 0 };
    const [line] = auditLines({
      variants: [{ id: 'none', audit: { ...whole, ...rest, ...audit } }],
    } as unknown as Report);
    return line?.text;
  };

  it.each([
    [
      {},
      'standard would leave 28.0% to 28.9% (95%), from 180 of 2,890 survivors, at 6% of its cost; it broke image 512',
    ],
    [
      { confidence: 0.999, sample: 3 },
      'standard would leave 28.0% to 28.9% (99.9%), from 3 of 2,890 survivors, at less than 1% of its cost; it broke image 512',
    ],
    [
      { survivors: 180, interval: [0.28, 0.28] as [number, number] },
      'standard leaves 28.0%: of 180 survivors, all tried, it broke image 512',
    ],
    [{ survivors: 0, sample: 0 }, 'nothing is left for standard to break'],
  ])('says in words: %o', (audit, expected) => {
    expect(text(audit)).toBe(expected);
  });
});
