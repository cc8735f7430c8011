import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { listSupportedBackends } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { igd, scratch, smallConfig, writeJson } from '../support/cli.ts';

/** Where onnxruntime's CUDA library is installed, CUDA may well come up: refusing it is not for this machine to show. */
const hasCuda = listSupportedBackends().some(({ name, bundled }) => name === 'cuda' && bundled);
if (hasCuda) console.info('skipped: onnxruntime has CUDA here, and may well use it');

test('onnxruntime reports nothing to anybody, in no thread: the temporary folder, where it would begin, stays empty', async () => {
  const folder = scratch();
  mkdirSync(folder.path('tmp'));
  const config = writeJson(folder.path('config.json'), smallConfig({ variants: ['none'] }));
  const unset = { TMPDIR: folder.path('tmp'), ORT_DISABLE_TELEMETRY: undefined };
  const run = ['run', config, '--out', folder.path('out'), '--rankings', folder.path('rankings')];
  for (const args of [['doctor'], run]) {
    const { code, stderr } = await igd(args, undefined, unset);
    expect(code, stderr).toBe(0);
    expect(readdirSync(unset.TMPDIR)).toEqual([]);
  }
  folder.remove();
});

describe('igd doctor', () => {
  test('proves the CPU and times it', async () => {
    const { code, stdout, stderr } = await igd(['doctor', '--device', 'cpu']);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^onnxruntime +1\.\d+\.\d+$/m);
    expect(stdout).toMatch(/^providers +cpu\b/m);
    expect(stdout).toMatch(/^in use +CPUExecutionProvider$/m);
    expect(stdout).toMatch(/^memory +\d+\.\d GiB free$/m);
    expect(stdout).toMatch(/^speed +\d+\.\d ms .* GFLOP\/s$/m);
  });

  test.skipIf(hasCuda)('refuses a device that is not there, in one line', async () => {
    const { code, stdout, stderr } = await igd(['doctor', '--device', 'cuda']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^igd: cuda cannot be used: .*CUDA needs an NVIDIA driver.*\n$/);
    expect(stdout).not.toContain('in use');
  });

  test('knows no other device', async () => {
    const { code, stderr } = await igd(['doctor', '--device', 'tpu']);
    expect(code).toBe(2);
    expect(stderr).toContain('cpu, cuda, webgpu');
  });
});

describe.skipIf(hasCuda)('igd run on a device that is not there', () => {
  test.each([
    ['the command line', {}, ['--device', 'cuda']],
    ['the config', { compute: { device: 'cuda' } }, []],
  ])('is refused before anything is computed, asked for by %s', async (_, changes, flags) => {
    const folder = scratch();
    const config = writeJson(folder.path('config.json'), smallConfig(changes));
    const { code, stderr } = await igd(['run', config, '--out', folder.path('out'), ...flags]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^igd: cuda cannot be used: .*\n$/);
    expect(existsSync(folder.path('out'))).toBe(false);
    folder.remove();
  });
});
