import { describe, expect, test } from 'vitest';
import { planAnalysis } from '../../../src/runs/planning/analysis-plan.ts';
import { planRun } from '../../../src/runs/planning/plan.ts';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import { smallConfig } from '../../support/cli.ts';
import { RUN_INPUTS } from '../../support/run-inputs.ts';

function planOf(changes: Readonly<Record<string, unknown>> = {}) {
  const source = JSON.parse(JSON.stringify(smallConfig(changes)));
  return planRun(parseConfig(JSON.stringify(source), 'c.json'), source, RUN_INPUTS);
}

describe('the plan of an analysis', () => {
  const source = JSON.parse(JSON.stringify(smallConfig({ analysis: { lossSurface: { images: [3, 12] } } })));
  const config = parseConfig(JSON.stringify(source), 'c.json');

  test('knows the images there are', () => {
    expect(() => planAnalysis(planRun(config, source, RUN_INPUTS))).toThrow(
      /there is no image 12, the test set has 12/,
    );
  });

  test('is told from that of a run, which no analysis changes', () => {
    const plain = planOf();
    expect(planRun(config, source, RUN_INPUTS).id).toBe(plain.id);
    const other = { ...config, analysis: { ...config.analysis, lossSurface: { images: [3], points: 5 } } };
    const ids = [planAnalysis(planRun(other, source, RUN_INPUTS)).id, planAnalysis(plain).id, plain.id];
    expect(new Set(ids).size).toBe(3);
  });
});
