import { defineConfig } from 'vitest/config';
import type { TestSpecification } from 'vitest/node';
import { BaseSequencer } from 'vitest/node';

/** The files that take longest, the longest first: begun early, they leave no worker alone at the end. */
const LONGEST = [
  'fidelity/autoattack',
  'cli/run',
  'cli/demo',
  'cli/service',
  'package/package',
  'unit/workers/engines',
  'cli/examples/presets',
  'service/flow',
  'unit/workers/executors',
  'unit/workers/two-at-once',
  'docs/walk-throughs',
  'service/submission',
  'cli/uris',
  'cli/commands',
  'fidelity/reference',
  'infra/checks',
];

/** Long files first; those that share their process last and together, so that it is kept from one to the next. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId, project }: TestSpecification) => {
      const place = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return [project.config.isolate ? 0 : 1, place === -1 ? LONGEST.length : place] as const;
    };
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => {
      const [[sharesA, placeA], [sharesB, placeB]] = [rank(a), rank(b)];
      return sharesA - sharesB || placeA - placeB;
    });
  }
}

interface Options {
  readonly isolate?: false;
  readonly exclude?: string[];
  readonly setupFiles?: string[];
  readonly globalSetup?: string[];
}

/** A part of the tests, by its folders. */
function project(name: string, include: readonly string[], options: Options = {}) {
  return {
    extends: true as const,
    test: { name, include: include.map((folder) => `test/${folder}/**/*.test.ts`), ...options },
  };
}

/** Folders of unit tests that set the environment of an emulator for their process. */
const EMULATED = ['unit/stores', 'unit/workers'];

export default defineConfig({
  test: {
    globalSetup: 'test/support/build.ts',
    // Numeric tests own a core each; two files at once is what two cores bear.
    maxWorkers: 2,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    sequence: { sequencer: LongestFirst },
    projects: [
      project('fidelity', ['fidelity']),
      // Sessions of a device are made in a process, one after the other.
      project('device', ['device'], { isolate: false, globalSetup: ['test/support/webgpu.ts'] }),
      project('cli', ['cli', 'docs', 'package']),
      project('service', ['service', ...EMULATED]),
      // These leave nothing behind in their process: what they import is loaded once for all.
      project('infra', ['infra'], { isolate: false, setupFiles: ['test/infra/setup.ts'] }),
      project('unit', ['unit'], { isolate: false, exclude: EMULATED.map((folder) => `test/${folder}/**`) }),
    ],
  },
});
