import { describe, expect, it } from 'vitest';
import { aggregate } from '../../../src/report/aggregate.ts';
import { proofText } from '../../../src/report/proof-text.ts';
import { reportHtml } from '../../../src/report/report-files.ts';
import type { ModelProof } from '../../../src/schemas/proof.ts';
import { reportSchema } from '../../../src/schemas/report.ts';
import { LOIR, makeRun, NONE } from './fixture.ts';

const PROOF: ModelProof = {
  images: 6,
  seconds: 0.25,
  checks: [
    { check: 'optimisation', difference: 3.4e-7 },
    { check: 'neighbours', difference: 0 },
  ],
  notes: [],
};
const ODD: ModelProof = {
  ...PROOF,
  images: 2,
  checks: [{ check: 'optimisation', difference: 2e-4 }],
  notes: [
    { code: 'ill-conditioned', message: 'it magnifies rounding' },
    { code: 'gradient-zero', message: 'all 2 gradients are zero everywhere' },
  ],
};

describe('the proof of the models', () => {
  const { facts, shards, transfers, report: without } = makeRun({ variants: [NONE, LOIR] });
  const proofs = new Map([
    [NONE.id, PROOF],
    [LOIR.id, ODD],
  ]);
  const report = aggregate({ ...facts, proofs }, shards, transfers);

  it('is in the report, its oddities among the flags of the variant', () => {
    expect(reportSchema.parse(report).variants.map(({ proof }) => proof)).toEqual([PROOF, ODD]);
    const codes = report.variants.map(({ flags }) => flags.map(({ code }) => code));
    expect(codes[0]).not.toContain('ill-conditioned');
    expect(codes[1]).toContain('ill-conditioned');
    // Of what shards look for on every image they say more.
    expect(codes[1]).not.toContain('gradient-zero');
  });

  it('is a line of the page, and no line where a run has none', () => {
    expect(reportHtml(report)).toContain(`<dt>Proof of the models</dt><dd>${proofText([PROOF, ODD])}</dd>`);
    expect(reportHtml(without)).not.toContain('Proof of the models');
    expect(reportSchema.parse(without).variants[0]).not.toHaveProperty('proof');
  });

  it('in words: what was worst of all', () => {
    expect(proofText([PROOF])).toBe('6 images, 0.3 s; relative differences: optimisation 3e-7 and neighbours 0');
    expect(proofText([PROOF, ODD])).toBe(
      '2 images each, 0.5 s; relative differences: optimisation 2e-4 and neighbours 0',
    );
  });
});
