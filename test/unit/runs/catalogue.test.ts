import { mkdirSync, symlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { findEntries, type Tree } from '../../../src/runs/catalogue/find-entries.ts';
import { readRun } from '../../../src/runs/catalogue/read-run.ts';
import { FileStore } from '../../../src/stores/folder-store.ts';
import { listFolder } from '../../../src/stores/list-folder.ts';
import { within } from '../../../src/stores/store.ts';
import { scratch } from '../../support/cli.ts';
import { putRun } from '../../support/run-folders.ts';

const kept = scratch();
const store = new FileStore(kept.dir);
const tree: Tree = { store, listFolder: (folder) => listFolder({ kind: 'folder', root: kept.dir }, folder) };
const json = (value: unknown) => JSON.stringify(value);

beforeAll(async () => {
  await putRun(store, 'deep/er/run/');
  await putRun(store, 'cut/partial/001/');
  await putRun(store, 'cut/partial/002/', { images: 20 });
  await store.put('cut/plan.json', json({ config: { name: 'cut' } }));
  await store.put('begun/plan.json', json({ config: { name: 'just begun' } }));
  await store.put('old/report.json', json({ schema: 'igd.report/1' }));
  await store.put('looked/plan.json', json({}));
  await store.put('looked/analysis.json', json({}));
  await store.put('shifts/plan.json', json({}));
  const group = { shift: 0.1, standardError: null, median: 0.1, images: 3, units: 16 };
  const groups = { trueClass: group, postAttackClass: null, otherClasses: group, unimportant: group };
  const analysis = {
    ...{ schema: 'igd.analysis/1', name: 'where it goes', id: 'x' },
    checkpoint: { uri: 'x.pt', sha256: 'a', architecture: 'ResNet-18' },
    ...{ attack: { attack: 'gama' }, threat: { norm: 'Linf', epsilon: 8 / 255 } },
    ...{ layer: 'layer4', units: 64, importantUnits: 16, ranking: 'loir', attacked: 3, images: 5 },
    shift: { successful: { images: 3, groups }, unsuccessful: { images: 0, groups } },
    ...{ surfaces: [], published: null },
  };
  await store.put('shifts/analysis.json', json(analysis));
  const share = { accuracy: 0.5, correct: 5, interval: [0.2, 0.8] };
  const variants = [{ id: 'none', mask: 'none', clean: share, robust: share, worstCase: share }];
  const runs = [0.01, 1].map((value) => ({ value, folder: `temperature=${value}`, id: 'x', images: 10, variants }));
  const sweep = { schema: 'igd.sweep/1', name: 'heat', key: 'temperature', igdVersion: '0.2.0', runs };
  await store.put('heat/sweep.json', json(sweep));
  await putRun(store, 'heat/temperature=0.01/', { temperature: 0.01 });
  await store.put('.hidden/plan.json', json({}));
  // What a link leads to lies elsewhere.
  symlinkSync(kept.path('deep'), kept.path('link'));
  mkdirSync(kept.path('empty'));
});
afterAll(() => kept.remove());

describe('findEntries', () => {
  it('finds runs, sweeps and analyses at any depth, and says how they are', async () => {
    const entries = await findEntries(tree);
    const found = Object.fromEntries(
      entries.map(({ key, kind, name, status, page }) => [key, [kind, name, status, page]]),
    );
    expect(found).toEqual({
      'deep/er/run': ['run', 'rn18-thresholds', 'complete', 'report.html'],
      // The report of the last attempt.
      cut: ['run', 'rn18-thresholds', 'partial', 'partial/002/report.html'],
      begun: ['run', 'just begun', 'unfinished', undefined],
      old: ['run', 'old', 'unreadable', undefined],
      looked: ['analysis', 'looked', 'unreadable', undefined],
      shifts: ['analysis', 'where it goes', 'complete', 'analysis.html'],
      heat: ['sweep', 'heat', 'complete', 'sweep.html'],
      'heat/temperature=0.01': ['run', 'rn18-thresholds', 'complete', 'report.html'],
    });
    expect(entries.find(({ key }) => key === 'cut')?.summary?.images).toBe(20);
    expect(entries.find(({ key }) => key === 'old')?.note).toBe(
      'old/report.json is no report of this version of igd: write it anew with "igd report"',
    );
    expect(entries.find(({ key }) => key === 'shifts')?.note).toBe(
      'units of layer4 under gama, Linf, ε = 8/255: 3 of 5 images attacked',
    );
    expect(entries.find(({ key }) => key === 'heat')?.note).toBe('2 runs over temperature: 0.01, 1');
  });

  it('is newest first', async () => {
    const dates = (await findEntries(tree)).map(({ date }) => date.getTime());
    expect(dates).toEqual(dates.toSorted((a, b) => b - a));
  });

  it('finds the folder itself', async () => {
    const run = {
      store: within(store, 'deep/er/run/'),
      listFolder: (folder: string) => tree.listFolder(`deep/er/run/${folder}`),
    };
    expect(await findEntries(run)).toMatchObject([{ key: '.', name: 'rn18-thresholds', page: 'report.html' }]);
  });

  it('reads what is whole once, and what is not anew', async () => {
    const known = await findEntries(tree);
    const get = vi.spyOn(store, 'get');
    expect(await findEntries(tree, known)).toEqual(known);
    const reports = get.mock.calls.map(([key]) => key).sort();
    expect(reports).toEqual([
      ...['begun/plan.json', 'cut/partial/002/report.json', 'heat/sweep.json', 'looked/analysis.json'],
      ...['old/report.json', 'shifts/analysis.json'],
    ]);
    get.mockRestore();
    await putRun(store, 'cut/partial/003/', { images: 30 });
    const cut = (await findEntries(tree, known)).find(({ key }) => key === 'cut');
    expect(cut?.summary?.images).toBe(30);
  });
});

describe('a sweep of the service', () => {
  const swept = scratch();
  const files = new FileStore(swept.dir);
  const listed: Tree = {
    store: files,
    listFolder: (folder) => listFolder({ kind: 'folder', root: swept.dir }, folder),
  };
  afterAll(() => swept.remove());
  const found = async () =>
    (await findEntries(listed))
      .map(({ key, kind, status, page, note }) => [key, kind, status, page, note])
      .toSorted((a, b) => String(a[0]).localeCompare(String(b[0])));
  const share = { accuracy: 0.5, correct: 5, interval: [0.2, 0.8] };
  const variants = [{ id: 'none', mask: 'none', clean: share, robust: share, worstCase: share }];
  const run = (value: number) => ({ value, folder: `temperature=${value}`, id: 'x', images: 10, variants });
  const report = { schema: 'igd.sweep/1', name: 'heat', key: 'temperature', igdVersion: '0.2.0' };

  it('is one while it is under way, whole in part, and whole; its runs are what each has', async () => {
    const runs = [1, 2].map((value) => ({ value, folder: `temperature=${value}` }));
    await files.put(
      'heat/sweep-plan.json',
      json({ schema: 'igd.sweep-plan/1', name: 'heat', key: 'temperature', runs }),
    );
    for (const { folder } of runs) await files.put(`heat/${folder}/plan.json`, json({ config: { name: 'heat' } }));
    await files.put('heat/attempts/001/evaluate.json', '{}');
    const note = '2 runs over temperature: 1, 2';
    expect(await found()).toEqual([
      ['heat', 'sweep', 'unfinished', undefined, note],
      ['heat/temperature=1', 'run', 'unfinished', undefined, undefined],
      ['heat/temperature=2', 'run', 'unfinished', undefined, undefined],
    ]);
    await putRun(files, 'heat/temperature=1/');
    await putRun(files, 'heat/partial/001/temperature=2/', { images: 20 });
    await files.put('heat/partial/001/sweep.json', json({ ...report, runs: [run(1)], missing: ['temperature=2'] }));
    expect(await found()).toEqual([
      ['heat', 'sweep', 'partial', 'partial/001/sweep.html', '1 run over temperature: 1'],
      // As its report has it, of which nothing is missing here.
      ['heat/partial/001/temperature=2', 'run', 'complete', 'report.html', undefined],
      ['heat/temperature=1', 'run', 'complete', 'report.html', undefined],
    ]);
    await putRun(files, 'heat/temperature=2/');
    await files.put('heat/sweep.json', json({ ...report, runs: [run(1), run(2)] }));
    expect(await found()).toEqual([
      ['heat', 'sweep', 'complete', 'sweep.html', note],
      ['heat/temperature=1', 'run', 'complete', 'report.html', undefined],
      ['heat/temperature=2', 'run', 'complete', 'report.html', undefined],
    ]);
  });
});

describe('readRun', () => {
  const read = (folder: string) => readRun({ store: within(store, folder), where: (key) => folder + key });

  it('reads a report with what became of its images', async () => {
    const { report, outcomes, suite } = await read('deep/er/run/');
    expect(report.run.images).toBe(40);
    expect(outcomes.get('loir')).toHaveLength(40);
    expect(suite).toBeUndefined();
  });

  it('takes the suite of a plan beside it', async () => {
    await store.put('cut/partial/002/plan.json', json({ suite: [{ name: 'apgd-ce', iterations: 7 }] }));
    expect((await read('cut/partial/002/')).suite).toEqual([{ name: 'apgd-ce', iterations: 7 }]);
    await store.remove('cut/partial/002/plan.json');
  });

  it.each([
    ['begun/', 'begun/ holds a run without a report'],
    ['empty/', 'empty/report.json is not there'],
    ['old/', 'is no report of this version'],
  ])('refuses %s by name', async (folder, message) => {
    await expect(read(folder)).rejects.toThrow(message);
  });

  it('refuses a report without images.csv', async () => {
    const bytes = await store.get('deep/er/run/report.json');
    await store.put('alone/report.json', bytes!);
    await expect(read('alone/')).rejects.toThrow('alone/images.csv is not there: runs are compared image by image');
    await store.remove('alone/report.json');
  });
});
