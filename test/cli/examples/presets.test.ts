import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { resolveSuite } from '../../../src/attacks/suites.ts';
import { CATALOGUE } from '../../../src/datasets/catalogue.ts';
import { executeAnalysis } from '../../../src/runs/analyze.ts';
import type { JobExecutor } from '../../../src/runs/jobs/executor.ts';
import { JobContext } from '../../../src/runs/jobs/job-context.ts';
import { runJob } from '../../../src/runs/jobs/run-job.ts';
import { analysisSource } from '../../../src/runs/planning/analysis-plan.ts';
import type { Plan } from '../../../src/runs/planning/plan.ts';
import { checkPublished } from '../../../src/runs/planning/published.ts';
import { executeRun, type RunOptions } from '../../../src/runs/run.ts';
import { onnxRuntime } from '../../../src/runtime/session.ts';
import type { RunConfig } from '../../../src/schemas/config.ts';
import { type ParameterSweepRun, parseParameterSweep } from '../../../src/schemas/parameter-sweep.ts';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import { MemoryStore } from '../../../src/stores/memory-store.ts';
import { hasRequirement } from '../../support/require.ts';
import { cutDown, folder, standInOf } from './cut-down.ts';

const PAPER = join(import.meta.dirname, '../../../examples/paper');
const README = readFileSync(join(PAPER, 'README.md'), 'utf8');
const presets = readdirSync(PAPER)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.replace('.json', ''));

afterAll(() => folder.remove());

type Run = Pick<ParameterSweepRun, 'config' | 'source'>;

/** The runs of a preset: one, or those of its parameter sweep. */
function runsOf(text: string, name: string): readonly Run[] {
  return parseParameterSweep(text, name)?.runs ?? [{ config: parseConfig(text, name), source: JSON.parse(text) }];
}

const whole = hasRequirement('whole');
const kinds = new Set<string>();

/** Of one network, suite and analysis: presets of a kind differ in layer, variants, data and what was published. */
function isFirstOfItsKind({ suite, analysis }: RunConfig, name: string): boolean {
  const kind = JSON.stringify([standInOf(name), suite, analysis]);
  return kinds.size < kinds.add(kind).size;
}

/** For `igd analyze`. */
const isAnalysis = ({ analysis }: RunConfig) => analysis.attack !== undefined || analysis.lossSurface !== undefined;

describe.each(presets)('the preset %s', (name) => {
  const runs = runsOf(readFileSync(join(PAPER, `${name}.json`), 'utf8'), name);
  const { config } = runs[0]!;

  test('is valid, and says where its numbers are from', () => {
    expect(config.name).toBe(name);
    expect(README).toContain(`\`${name}\``);
    for (const { config: one } of runs) {
      expect(() => checkPublished(one.published, resolveSuite(one))).not.toThrow();
      const { source, note, variants, shift } = one.published!;
      expect(source).toMatch(/^(Kulkarni and Weng, .*, (Table|Figure)s? \d|github\.com\/weiC29\/.*\.(txt|png|md))/);
      // Without numbers it says why.
      if (numbersOf(variants).length === 0 && shift === undefined) expect(note).toMatch(/publishes no|without numbers/);
      for (const { robust, clean } of Object.values(variants))
        if (robust !== undefined && clean !== undefined) expect(robust).toBeLessThan(clean);
    }
  });

  test.runIf(isFirstOfItsKind(runs.at(-1)!.config, name) || whole)('runs on two images with a stand-in', async () => {
    // Of a parameter sweep its end: before it only the value differs.
    const last = runs.at(-1)!;
    const text = JSON.stringify(await cutDown(name, last.config, last.source));
    if (isAnalysis(config)) await analyse(text, last.config);
    else await evaluate(text, last.config);
  });
});

async function evaluate(text: string, { variants, published, ...preset }: RunConfig): Promise<void> {
  const { report } = await executeRun(optionsOf(text));
  expect(report.variants.map(({ id }) => id)).toEqual(variants.map(({ id }) => id));
  expect(report.run).toMatchObject({
    images: 2,
    suite: resolveSuite(preset).map(({ name, group }) => ({ name, group })),
  });
  // Labels are what the undefended network says, so the attacks had something to do.
  const base = report.variants.find(({ id }) => id === 'none');
  expect(base?.clean.accuracy).toBe(1);
  for (const { forwards, gradients } of base?.attacks.slice(0, 1) ?? [])
    expect(forwards + gradients).toBeGreaterThan(0);
  // Every published number has its place beside ours.
  const shown = report.published!.rows.map((row) => Number((100 * row.published).toFixed(6)));
  expect(sorted(shown)).toEqual(sorted(numbersOf(published?.variants ?? {})));
}

async function analyse(text: string, { published, analysis, variants }: RunConfig): Promise<void> {
  const written = parseConfig(text, 'preset');
  const source = JSON.stringify(analysisSource(JSON.parse(text), written));
  const report = await executeAnalysis(optionsOf(source));
  expect(report).toMatchObject({ attacked: 2, images: 2, attack: { attack: analysis.attack?.attack } });
  expect(report.surfaces).toHaveLength(analysis.lossSurface === undefined ? 0 : 2 * variants.length);
  const shown = report.published?.rows.map((row) => Number((100 * row.published).toFixed(6))) ?? [];
  expect(sorted(shown)).toEqual(sorted(numbersOf(published?.shift ?? {})));
}

/** As `igd run` would be called, but for jobs done in this thread. */
function optionsOf(text: string): RunOptions {
  const stores = { runs: new MemoryStore(), rankings: new MemoryStore() };
  return {
    ...stores,
    config: parseConfig(text, 'preset'),
    source: JSON.parse(text),
    executor: (plan) => inProcess(plan, stores),
    listener: { stage: () => undefined, progress: () => undefined, done: () => undefined },
  };
}

function inProcess(plan: Plan, stores: { runs: MemoryStore; rankings: MemoryStore }): JobExecutor {
  const context = new JobContext({ plan, ...stores, runtime: onnxRuntime({ threads: 1 }) });
  return {
    run: async (jobs, listener) => {
      for (const job of jobs) {
        await runJob(context, job, () => undefined);
        listener.done(job);
      }
    },
    close: () => context.release(),
  };
}

/** Every number at any depth. */
function numbersOf(value: object): number[] {
  return Object.values(value).flatMap((item: unknown) => {
    if (typeof item === 'number') return [item];
    return typeof item === 'object' && item !== null ? numbersOf(item) : [];
  });
}

function sorted(numbers: readonly number[]): number[] {
  return numbers.toSorted((a, b) => a - b);
}

describe('examples/paper/README.md', () => {
  test('names files that `igd fetch` knows', () => {
    const named = [...README.matchAll(/igd fetch ([\w-]+)/g)].map(([, file = '']) => file);
    expect(named.length).toBeGreaterThan(3);
    for (const file of named) expect(Object.keys(CATALOGUE)).toContain(file);
  });

  test('names no preset that is not there', () => {
    const named = [...README.matchAll(/`((?:table|figure|fork)[\w-]*)`/g)].map(([, preset]) => preset);
    expect(new Set(named)).toEqual(new Set(presets));
  });
});
