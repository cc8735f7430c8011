import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readSchedules } from '../../infra/schedules.ts';
import { parseParameterSweep } from '../../src/schemas/parameter-sweep.ts';
import { parseConfig } from '../../src/schemas/parse-config.ts';
import { igd, scratch } from '../support/cli.ts';
import { missingFrom } from '../support/records.ts';

/** What the first edition wrote; its README says how. */
const FIRST_EDITION = 'test/fixtures/first-edition';
/** The only thing that another edition may say otherwise. */
const IGNORED = new Set(['igdVersion']);

let folder: ReturnType<typeof scratch>;
beforeEach(() => {
  folder = scratch();
});
afterEach(() => folder.remove());

const read = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

/** A copy to work on, and where its rankings are. */
function copyOf(name: 'run' | 'sweep'): { readonly dir: string; readonly rankings: readonly [string, string] } {
  const dir = folder.path(name);
  cpSync(join(FIRST_EDITION, name), dir, { recursive: true });
  return { dir, rankings: ['--rankings', join(dir, 'rankings')] };
}

describe("a run of the first edition's", () => {
  const before = read(`${FIRST_EDITION}/run/report.json`);

  test('is reported on as it was', async () => {
    const { dir, rankings } = copyOf('run');
    rmSync(join(dir, 'report.json'));
    const { code, stderr } = await igd(['report', dir, ...rankings]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(missingFrom(read(join(dir, 'report.json')), before, IGNORED)).toEqual([]);
  });

  test('is finished, and stays so: its config gives the same ids', async () => {
    const { dir, rankings } = copyOf('run');
    const { code, stdout } = await igd(['run', `${FIRST_EDITION}/config.json`, '--out', dir, ...rankings]);
    expect(code).toBe(0);
    expect(stdout).toContain('finished already; nothing was done');
    expect(read(join(dir, 'plan.json'))).toEqual(read(`${FIRST_EDITION}/run/plan.json`));
  });
});

describe("a parameter sweep of the first edition's", () => {
  test('is gone on with where nothing is left to do, and its report is the same', async () => {
    const { dir, rankings } = copyOf('sweep');
    rmSync(join(dir, 'sweep.json'));
    const { code, stderr } = await igd(['run', `${FIRST_EDITION}/sweep.config.json`, '--out', dir, ...rankings]);
    expect(code, stderr).toBe(0);
    // No job of any stage was begun.
    expect(stderr).not.toContain('"kind"');
    expect(missingFrom(read(join(dir, 'sweep.json')), read(`${FIRST_EDITION}/sweep/sweep.json`), IGNORED)).toEqual([]);
  });

  test('has adversarial examples that hold', async () => {
    const { dir, rankings } = copyOf('sweep');
    const { code, stdout } = await igd(['verify', join(dir, 'importantUnits=6'), ...rankings]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/all \d+ adversarial examples hold/);
  });
});

describe("configs of the first edition's", () => {
  test.each(['config.json', 'sweep.config.json'])('%s is valid', async (name) => {
    const { code, stdout } = await igd(['validate', `${FIRST_EDITION}/${name}`]);
    expect(stdout).toContain('is a valid run config');
    expect(code).toBe(0);
  });

  const examples = readdirSync('examples', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.json'))
    .map((file) => `examples/${file}`);

  test.each(examples)('%s is read', (path) => {
    const text = readFileSync(path, 'utf8');
    const runs = parseParameterSweep(text, path)?.runs.map(({ config }) => config) ?? [parseConfig(text, path)];
    expect(runs.flatMap(({ variants }) => variants)).not.toHaveLength(0);
  });

  test('schedules are read', () => {
    expect(readSchedules('schedules').length).toBeGreaterThan(0);
  });
});

describe('the comparison is awake', () => {
  const before = { a: 1, b: [{ c: null }, { c: 'x' }], seconds: 3 };
  const missing = (now: unknown) => missingFrom(now, before, new Set(['seconds']));

  test('to values that changed, went or moved, not to new ones', () => {
    expect(missing({ ...before, seconds: 4, d: 5 })).toEqual([]);
    expect(missing({ ...before, a: 2 })).toEqual(['/a: was 1, is 2']);
    expect(missing({ a: 1, b: [{}, { c: 'x' }] })).toEqual(['/b/0/c: was null, is undefined']);
    expect(missing({ a: 1, b: [{ c: null }] })).toEqual(['/b: had 2 entries, has 1']);
    expect(missing({ a: 1 })).toEqual(['/b: is undefined']);
    expect(missing({ b: before.b })).toEqual(['/a: was 1, is undefined']);
    expect(missing(null)).toEqual([': is null']);
    expect(missing({ a: 1, b: {} })).toEqual(['/b: had 2 entries, has undefined']);
  });
});
