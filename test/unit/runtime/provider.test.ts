import { describe, expect, it } from 'vitest';
import { RunError } from '../../../src/errors.ts';
import {
  PROBE_INPUT,
  PROBE_OUTPUT,
  probeImages,
  probeModel,
  providersInUse,
  requireProvider,
} from '../../../src/runtime/provider.ts';
import { onnxRuntime } from '../../../src/runtime/session.ts';
import { timeConvolutions } from '../../../src/runtime/timing.ts';

const SHAPE = { layers: 2, channels: 4, size: 8, images: 3 };

describe('a device', () => {
  it('is the one that a profile names', async () => {
    expect(await providersInUse('cpu')).toEqual(['CPUExecutionProvider']);
  });

  it('is used or refused, never replaced', async () => {
    for (const device of ['cuda', 'webgpu'] as const) {
      const session = await onnxRuntime({ device })
        .createSession(probeModel(SHAPE))
        .catch((error: unknown) => error);
      if (session instanceof Error) {
        expect(session).toBeInstanceOf(RunError);
        expect(String(session)).toMatch(new RegExp(`^RunError: ${device} cannot be used: \\S[^\\n]*$`));
      } else {
        await expect(requireProvider(device)).resolves.toBeUndefined();
      }
    }
  });

  it('is timed on convolutions', async () => {
    const { milliseconds, gigaflops } = await timeConvolutions({ device: 'cpu', threads: 2 });
    expect(milliseconds).toBeGreaterThan(0);
    expect(gigaflops).toBeGreaterThan(0);
  });
});

describe('the probe', () => {
  it('averages each neighbourhood: 1/2 everywhere stays 1/2 away from the border', async () => {
    const session = await onnxRuntime().createSession(probeModel({ ...SHAPE, layers: 1 }));
    const { [PROBE_OUTPUT]: y } = await session.run({ [PROBE_INPUT]: probeImages(SHAPE) });
    await session.release();
    expect(y?.dims).toEqual([3, 4, 8, 8]);
    expect(y?.data[9]).toBeCloseTo(0.5, 5);
    expect(y?.data[0]).toBeCloseTo((0.5 * 4) / 9, 5);
  });
});
