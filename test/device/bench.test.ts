import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { describeOnWebGpu } from './support.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** What bench/gpu prints, of a tiny network: facts as lines of JSON, and the table. */
async function bench(device: string) {
  const sizes = ['--width', '4', '--images', '8', '--batches', '4', '--iterations', '1', '--rounds', '1'];
  const args = ['--import', 'tsx', 'bench/gpu/index.ts', '--device', device, ...sizes];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT });
  const lines = stdout.split('\n');
  const facts = lines.filter((line) => line.startsWith('{')).map((line): Record<string, unknown> => JSON.parse(line));
  const rows = lines.filter((line) => line.startsWith('| ')).map((line) => line.split(' | ')[0]);
  return { facts: new Map(facts.map(({ what, ...others }) => [what, others])), rows: rows.slice(1) };
}

const ROWS = ['| forward', '| gradient', '| APGD step'];

test('bench/gpu times one worker and two', async () => {
  const { facts, rows } = await bench('cpu');
  expect(rows).toEqual([...ROWS, '| APGD step, two workers']);
  expect(facts.get('apgd, two workers')).toMatchObject({ batch: 4, images: 8 });
});

describeOnWebGpu('bench/gpu', () => {
  test('times WebGPU by one worker, and compares it with the CPU', async () => {
    const { facts, rows } = await bench('webgpu');
    expect(rows).toEqual(ROWS);
    const { from, logits, signsThatDiffer } = facts.get('deviations') as {
      from: string;
      logits: { worst: number; of: number };
      signsThatDiffer: number;
    };
    expect(from).toBe('the CPU');
    expect(logits.worst / logits.of).toBeLessThan(1e-5);
    expect(signsThatDiffer).toBeLessThan(1e-3);
  });
});
