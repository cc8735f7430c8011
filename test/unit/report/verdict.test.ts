import { describe, expect, it } from 'vitest';
import { verdictSentence } from '../../../src/report/page/headline.ts';
import { conf, LOIR, makeRun, NONE } from './fixture.ts';

describe('verdict', () => {
  it('tells what the best defence adds in the worst case, and whether chance may have', () => {
    const { report } = makeRun({ variants: [NONE, LOIR, conf(0.8)], images: 500 });
    expect(verdictSentence(report)).toMatch(
      /^Undefended, the model classifies [\d.]+% of clean images and [\d.]+% under attack\. In the worst case the best defence, (loir|conf@0\.8), holds [\d.]+% against [\d.]+%: \+[\d.]+ points, which chance may explain \(p = [\d.]+ for the best of 2\)\.$/,
    );
  });

  it('trusts a difference that the test does', () => {
    const { report } = makeRun({ variants: [NONE, LOIR], images: 200 });
    const [none, loir] = report.variants;
    const better = { ...loir!, worstCase: { ...none!.worstCase, accuracy: none!.worstCase.accuracy + 0.1 } };
    const comparison = { a: 'none', b: 'loir', measure: 'worst-case', onlyA: 1, onlyB: 21, pValue: 1.1e-5 } as const;
    expect(verdictSentence({ ...report, variants: [none!, better], comparisons: [comparison] })).toMatch(
      /: \+10\.0 points \(p < 0\.001\)\.$/,
    );
  });

  it('says what there is where there is no defence, or nothing undefended', () => {
    expect(verdictSentence(makeRun({ variants: [NONE] }).report)).toMatch(/^Undefended, the model .* under attack\.$/);
    expect(verdictSentence(makeRun({ variants: [LOIR] }).report)).toMatch(/^loir classifies .* under attack\.$/);
  });
});
