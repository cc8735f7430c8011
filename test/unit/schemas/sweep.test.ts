import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../../src/errors.ts';
import { parseParameterSweep, withSweptTexts } from '../../../src/schemas/parameter-sweep.ts';
import { parseConfig } from '../../../src/schemas/parse-config.ts';
import { smallConfig } from '../../support/cli.ts';

const textOf = (changes: Readonly<Record<string, unknown>>) => JSON.stringify(smallConfig(changes));
const sweepOf = (changes: Readonly<Record<string, unknown>>) => parseParameterSweep(textOf(changes), 'c.json');

function problem(changes: Readonly<Record<string, unknown>>): string {
  try {
    sweepOf(changes);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('the sweep was accepted');
}

describe('a parameter sweep', () => {
  test('is not what a plain config is', () => {
    expect(sweepOf({})).toBeUndefined();
  });

  test('stands for a run for each value, each a config of its own', () => {
    const sweep = sweepOf({ importantUnits: undefined, sweep: { importantUnits: [10, 25] } });
    expect(sweep).toMatchObject({ name: 'small', key: 'importantUnits' });
    expect(sweep?.runs.map(({ label, value }) => [label, value])).toEqual([
      ['importantUnits=10', 10],
      ['importantUnits=25', 25],
    ]);
    for (const { config, source, value } of sweep?.runs ?? []) {
      expect(config.importantUnits).toBe(value);
      expect(source).not.toHaveProperty('sweep');
      expect(parseConfig(JSON.stringify(source), 'one')).toEqual(config);
      // And nothing else differs: every variant that masks keeps as many units.
      const masks = config.variants.flatMap(({ mask }) => (mask !== null && 'importantUnits' in mask ? mask : []));
      expect(masks.map(({ importantUnits }) => importantUnits)).toEqual(masks.map(() => value));
      expect({ ...source, importantUnits: 0 }).toEqual({ ...sweep?.runs[0]?.source, importantUnits: 0 });
    }
  });

  test.each([
    ['layer', ['layer3', 'layer4'], ['layer=layer3', 'layer=layer4']],
    ['temperature', [0.01, 1], ['temperature=0.01', 'temperature=1']],
    ['threat.epsilon', ['2/255', '8/255'], ['threat.epsilon=2-255', 'threat.epsilon=8-255']],
    ['smoothing.sigma', ['4/255', 0.05], ['smoothing.sigma=4-255', 'smoothing.sigma=0.05']],
  ])('goes over %s', (key, values, labels) => {
    const sweep = sweepOf({ sweep: { [key]: values } });
    expect(sweep?.runs.map(({ label }) => label)).toEqual(labels);
  });

  test('over data can be moved into a bucket, with what is published at its values', () => {
    const dataset = { format: 'npy', test: 'x.npy', testLabels: 'labels.npy' };
    const published = { source: 's', images: 9, at: { 'c/fog.npy': { none: { clean: 70 } } } };
    const written = smallConfig({
      ...{ variants: ['none'], dataset, published },
      sweep: { 'dataset.test': ['c/fog.npy', 'c/snow.npy'] },
    });
    const sweep = parseParameterSweep(JSON.stringify(written), 'c.json');
    const moved = withSweptTexts(written, sweep!, (path) => `s3://b/${path}`);
    const runs = parseParameterSweep(JSON.stringify(moved), 'c.json')?.runs ?? [];
    expect(runs.map(({ value, config }) => [value, config.published?.variants.none?.clean])).toEqual([
      ['s3://b/c/fog.npy', 70],
      ['s3://b/c/snow.npy', undefined],
    ]);
  });

  test('goes over data, in folders that are called after what tells the paths apart', () => {
    const dataset = { format: 'npy', test: 'x.npy', testLabels: 'c/labels.npy' };
    const labels = (sweep: object) => {
      const runs = sweepOf({ variants: ['none'], dataset, sweep })?.runs ?? [];
      return runs.map(({ label, config }) => [label, config.dataset.test, config.dataset.severity]);
    };
    expect(labels({ 'dataset.test': ['s3://b/c/fog.npy', 's3://b/c/snow.npy'] })).toEqual([
      ['dataset.test=fog.npy', 's3://b/c/fog.npy', undefined],
      ['dataset.test=snow.npy', 's3://b/c/snow.npy', undefined],
    ]);
    expect(labels({ 'dataset.test': ['c/fog/1', 'c/fog/2', 'c/snow/1'] }).map(([label]) => label)).toEqual(
      ['fog-1', 'fog-2', 'snow-1'].map((name) => `dataset.test=${name}`),
    );
    expect(labels({ 'dataset.test': ['/a/b/fog.npy'] }).map(([label]) => label)).toEqual(['dataset.test=fog.npy']);
    expect(labels({ 'dataset.test': ['c/fog/3/', 'c/fog/4'] }).map(([label]) => label)).toEqual(
      ['3', '4'].map((name) => `dataset.test=${name}`),
    );
    expect(problem({ sweep: { 'dataset.test': ['a/x', 'a/x/'] } })).toContain('names a value twice');
    expect(labels({ 'dataset.severity': [1, 5] })).toEqual([
      ['dataset.severity=1', 'x.npy', 1],
      ['dataset.severity=5', 'x.npy', 5],
    ]);
    expect(problem({ sweep: { 'dataset.test': ['a/x', 'a/x'] } })).toContain('names a value twice');
    expect(problem({ dataset, variants: ['none'], sweep: { 'dataset.severity': [6] } })).toContain('dataset.severity');
  });

  test('reaches into sections, and makes those that are not there', () => {
    const [first] = sweepOf({ sweep: { 'threat.epsilon': ['2/255'] } })?.runs ?? [];
    expect(first?.config.threat).toEqual({ norm: 'Linf', epsilon: 2 / 255 });
    const [smoothed] = sweepOf({ smoothing: null, sweep: { 'smoothing.sigma': ['4/255'] } })?.runs ?? [];
    expect(smoothed?.config.smoothing).toEqual({ samples: 1, sigma: 4 / 255 });
    const samples = sweepOf({ smoothing: { sigma: '4/255' }, sweep: { 'smoothing.samples': [1, 16] } })?.runs ?? [];
    expect(samples.map(({ config }) => config.smoothing)).toEqual([1, 16].map((n) => ({ samples: n, sigma: 4 / 255 })));
  });

  test('is refused where it is none, with what to do', () => {
    expect(problem({ sweep: {} })).toContain('exactly one of importantUnits');
    expect(problem({ sweep: { importantUnits: [1], layer: ['layer4'] } })).toContain('exactly one');
    expect(problem({ sweep: { importantUnits: [] } })).toContain('sweep: importantUnits');
    expect(problem({ sweep: { importantUnits: [5, 5] } })).toContain('names a value twice');
    expect(problem({ sweep: { importantUnit: [5] } })).toContain('importantUnits');
    expect(problem({ sweep: { importantUnits: 5 } })).toContain('sweep: importantUnits');
    expect(problem({ sweep: 7 })).toContain('sweep:');
  });

  test('names the run whose value the config cannot take', () => {
    expect(problem({ sweep: { importantUnits: [5, -2] } })).toMatch(/c\.json, importantUnits -2: importantUnits: /);
    expect(problem({ sweep: { 'threat.epsilon': ['8 of 255'] } })).toContain('threat.epsilon');
  });

  test('is refused, and told what it is, where one run is wanted: by the planner too, which reads configs the same way', () => {
    expect(() => parseConfig(textOf({ sweep: { importantUnits: [5] } }), 'c.json')).toThrow(
      /c\.json: sweep: stands for several runs.*"igd submit"/,
    );
  });
});

describe('the analysis section', () => {
  const parse = (analysis: unknown) => parseConfig(textOf({ analysis }), 'c.json').analysis;

  test('fills in defaults', () => {
    expect(parseConfig(textOf({}), 'c.json').analysis).toEqual({
      ranking: 'loir',
      mask: { kind: 'top-k', layer: 'layer4', importantUnits: 12, ranking: 'loir' },
    });
    expect(parse({ lossSurface: { images: [0] } }).lossSurface).toEqual({ images: [0], points: 21 });
    expect(parse({ attack: { attack: 'apgd-cw', iterations: 7 } }).attack).toMatchObject({
      iterations: 7,
      restarts: 1,
    });
  });

  test('wants an odd number of points, and each image once', () => {
    expect(() => parse({ lossSurface: { images: [0], points: 20 } })).toThrow('must be odd');
    expect(() => parse({ lossSurface: { images: [0, 0] } })).toThrow('names an image twice');
    expect(() => parse({ lossSurface: { images: [-1] } })).toThrow(ConfigError);
  });
});
