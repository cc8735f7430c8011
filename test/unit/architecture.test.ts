import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Architecture, PURE_ROOMS, problemsOf, type Sources } from '../support/architecture.ts';
import { ROOT } from '../support/markdown.ts';

/** Rooms, those that others stand on first. A new one gets its level here. */
const ARCHITECTURE: Architecture = {
  levels: [
    ['errors', 'package-root'],
    ['schemas', 'numeric'],
    ['stores', 'checkpoints', 'onnx'],
    ['datasets', 'models', 'runtime'],
    ['attacks', 'defense'],
    ['ranking', 'evaluation', 'report'],
    ['runs'],
    ['workers'],
    ['service'],
    ['api'],
    ['index'],
    ['cli', 'functions', 'containers', 'infra'],
    ['bench'],
  ],
  // The report says what each group of an analysis is called, and draws an audit's sample again.
  sameLevel: ['report -> evaluation'],
  packages: [
    { name: /^@aws-sdk\//, only: ['src/stores/s3', 'src/service'] },
    { name: /^onnxruntime-/, only: ['src/runtime'] },
    // A benchmark draws images to read them.
    { name: /^sharp$/, only: ['src/datasets/image', 'bench'] },
    { name: /^commander$/, only: ['src/cli'] },
    { name: /^(aws-cdk-lib|constructs|cdk-nag)(\/|$)/, only: ['infra'] },
  ],
  withoutNode: PURE_ROOMS,
};

function sourcesIn(folders: readonly string[]): Sources {
  const files = folders.flatMap((folder) =>
    readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => posix.join(folder, file.replaceAll('\\', '/'))),
  );
  return Object.fromEntries(files.map((file) => [file, readFileSync(`${ROOT}${file}`, 'utf8')]));
}

test('the rooms stand one on the other', () => {
  const sources = sourcesIn(['src', 'infra', 'functions', 'containers', 'bench']);
  expect(Object.keys(sources).length).toBeGreaterThan(250);
  expect(problemsOf(sources, ARCHITECTURE)).toEqual([]);
});

test('no file has more than 300 lines, but for what is generated', () => {
  const sources = sourcesIn(['src', 'infra', 'functions', 'containers', 'bench']);
  const long = Object.entries(sources).filter(([, text]) => text.trimEnd().split('\n').length > 300);
  expect(long.map(([file]) => file)).toEqual(['src/onnx/proto/onnx_pb.ts']);
});

describe('the check is awake', () => {
  const problems = (sources: Sources) => problemsOf(sources, ARCHITECTURE);

  test('to arrows up', () => {
    expect(problems({ 'src/runs/a.ts': "import { b } from '../onnx/b.ts';" })).toEqual([]);
    expect(problems({ 'src/onnx/b.ts': "import { a } from '../runs/a.ts';" })).toEqual([
      'src/onnx/b.ts -> src/runs/a.ts: onnx is below runs',
    ]);
    expect(problems({ 'src/api/a.ts': "import { main } from '../index.ts';" })).toHaveLength(1);
    expect(problems({ 'src/errors.ts': "import { a } from './schemas/a.ts';" })).toHaveLength(1);
  });

  test('to arrows within a level', () => {
    expect(problems({ 'src/report/a.ts': "import { b } from '../evaluation/b.ts';" })).toEqual([]);
    expect(problems({ 'src/evaluation/b.ts': "import { a } from '../report/a.ts';" })).toEqual([
      'src/evaluation/b.ts -> src/report/a.ts: evaluation is beside report',
    ]);
  });

  test.each([
    "import type { A } from '../runs/a.ts';",
    "import '../runs/a.ts';",
    "export { a } from '../runs/a.ts';",
    "export type * from '../runs/a.ts';",
    "const later = () => import('../runs/a.ts');",
    "type A = import('../runs/a.ts').A;",
    "const load: () => Promise<typeof import('../runs/a.ts')> = other;",
  ])('to every kind of import: %s', (text) => {
    expect(problems({ 'src/onnx/b.ts': text })).toEqual(['src/onnx/b.ts -> src/runs/a.ts: onnx is below runs']);
  });

  test('to imports that cannot be read, and not to text that looks like one', () => {
    expect(problems({ 'src/onnx/b.ts': 'const a = import(name);' })).toHaveLength(1);
    expect(problems({ 'src/onnx/b.ts': "// import '../runs/a.ts'\nconst a = `from '../runs/a.ts'`;" })).toEqual([]);
    expect(() => problems({ 'src/onnx/b.ts': 'import {' })).toThrow('src/onnx/b.ts is not TypeScript');
  });

  test('to cycles of files, each once', () => {
    const cycle = {
      'src/onnx/a.ts': "import { b } from './b.ts';",
      'src/onnx/b.ts': "import type { C } from './deep/c.ts';",
      'src/onnx/deep/c.ts': "export { a } from '../a.ts';",
      'src/onnx/d.ts': "import { a } from './a.ts';",
    };
    expect(problems(cycle)).toEqual(['cycle: src/onnx/a.ts -> src/onnx/b.ts -> src/onnx/deep/c.ts -> src/onnx/a.ts']);
    expect(problems({ ...cycle, 'src/onnx/b.ts': '' })).toEqual([]);
    expect(problems({ 'src/onnx/a.ts': "import { a } from './a.ts';" })).toHaveLength(1);
  });

  test('to packages where they do not belong', () => {
    expect(problems({ 'src/stores/s3/a.ts': "import { S3Client } from '@aws-sdk/client-s3';" })).toEqual([]);
    expect(problems({ 'src/cli/a.ts': "import { S3Client } from '@aws-sdk/client-s3';" })).toEqual([
      'src/cli/a.ts -> @aws-sdk/client-s3: only src/stores/s3, src/service may',
    ]);
    expect(problems({ 'src/cli/a.ts': "import { env } from 'onnxruntime-node';" })).toHaveLength(1);
    expect(problems({ 'src/datasets/cifar.ts': "type S = typeof import('sharp');" })).toHaveLength(1);
  });

  test("to Node's modules in the pure core, with their scheme or without", () => {
    expect(problems({ 'src/numeric/a.ts': "import { join } from 'node:path';" })).toEqual([
      'src/numeric/a.ts -> node:path: numeric is to do without Node',
    ]);
    expect(problems({ 'src/attacks/a.ts': "import type { Hash } from 'crypto';" })).toHaveLength(1);
    expect(problems({ 'src/stores/a.ts': "import { join } from 'node:path';" })).toEqual([]);
  });

  test('to a module imported twice', () => {
    const twice = "import { b } from './b.ts';\nimport type { B } from './b.ts';";
    expect(problems({ 'src/onnx/a.ts': twice })).toEqual(['src/onnx/a.ts -> src/onnx/b.ts: imported twice']);
    expect(problems({ 'src/onnx/a.ts': "import { b } from './b.ts';\nexport { b } from './b.ts';" })).toEqual([]);
  });

  test('to rooms without a level', () => {
    expect(problems({ 'src/attic/a.ts': '' })).toEqual(['the room attic has no level']);
  });
});
