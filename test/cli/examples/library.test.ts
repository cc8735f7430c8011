import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDataset } from '../../../src/datasets/open.ts';
import { golden, rowErrors } from '../../support/golden.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

/** As a user would: what it imports as "igd" is this package as it is built. */
function start(
  example: string,
  ...args: string[]
): { child: ChildProcess; output: { stdout: string; stderr: string } } {
  const child = spawn(process.execPath, [`examples/library/${example}`, ...args], { cwd: ROOT });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  return { child, output };
}

async function run(example: string, ...args: string[]): Promise<string> {
  const { child, output } = start(example, ...args);
  const code = await new Promise((finish, reject) => child.on('error', reject).on('close', finish));
  expect({ code, stderr: output.stderr }).toEqual({ code: 0, stderr: '' });
  return output.stdout;
}

describe('examples/library', () => {
  test('attack-my-model prints clean and robust accuracy, and the cost of each attack', async () => {
    const printed = await run('attack-my-model.mjs');
    expect(printed).toContain('CIFAR ResNet-18, width 8\nclean accuracy  93.8%\nrobust accuracy 31.3%\n');
    expect(printed).toMatch(/apgd-ce: \d+ gradients in [\d.]+ s\napgd-t: \d+ gradients in [\d.]+ s\n/);
  });

  test('custom-attack breaks some images by itself and leaves the others to APGD', async () => {
    const printed = await run('custom-attack.mjs');
    expect(printed).toMatch(/^right before: 93\.8%, after: \d+\.\d%\n/);
    const [, own, others] = /sign-flip broke (\d+) images, apgd-ce (\d+) of the others/.exec(printed) ?? [];
    expect(Number(own)).toBeGreaterThan(0);
    expect(Number(own) + Number(others)).toBeLessThanOrEqual(15);
  });

  describe('gradient-server', () => {
    let url: string;
    let server: ReturnType<typeof start>;
    beforeAll(async () => {
      server = start('gradient-server.mjs');
      url = await new Promise((ready, reject) => {
        server.child.on('close', () => reject(new Error(server.output.stderr)));
        server.child.stdout?.on('data', () => {
          const [found] = /http:\S+\//.exec(server.output.stdout) ?? [];
          if (found !== undefined) ready(found);
        });
      });
    });
    afterAll(() => void server?.child.kill());

    const post = (query: string, body: Uint8Array<ArrayBuffer>) => fetch(`${url}${query}`, { method: 'POST', body });

    test('answers with gradients that add up to that of the cross-entropy in PyTorch', async () => {
      const data = await openDataset({ format: 'cifar10', path: 'examples/demo/test.bin', split: 'test', limit: 1 });
      const image = new Uint8Array((await data.pixels(0, 1)).buffer as ArrayBuffer);
      const logits = golden('test/fixtures/shapes10/base.logits.npy').data.subarray(0, 10);
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
      const gradient = new Float32Array(image.length / 4);
      for (const [category, logit] of logits.entries()) {
        const answer = await post(`?class=${category}`, image);
        expect(answer.status).toBe(200);
        const part = new Float32Array(await answer.arrayBuffer());
        const share = Math.exp(logit) / total - Number(data.labels[0] === category);
        for (let k = 0; k < gradient.length; k++) gradient[k]! += share * part[k]!;
      }
      const expected = golden('test/fixtures/shapes10/base.gradient.npy').data.subarray(0, gradient.length);
      expect(rowErrors(gradient, expected, 1)[0]).toBeLessThan(1e-3);
    });

    test.each([
      ['?class=10', 3072 * 4, 400],
      ['', 3072 * 4, 400],
      ['?class=1', 3072 * 4 - 1, 400],
      ['?class=1', 3072 * 4 + 1, 400],
    ])('refuses %s with %i bytes', async (query, bytes, status) => {
      expect((await post(query, new Uint8Array(bytes))).status).toBe(status);
    });

    test('refuses what is no POST', async () => {
      expect((await fetch(url)).status).toBe(405);
    });
  });
});
