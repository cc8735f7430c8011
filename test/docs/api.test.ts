import { describe, expect, test } from 'vitest';
import { undocumented } from '../support/documented.ts';

test('everything that the package exports says what it is, member by member', () => {
  expect(undocumented('src/index.ts')).toEqual([]);
});

describe('the check is awake', () => {
  const modules = (files: Readonly<Record<string, string>>) => undocumented('index.ts', (path) => files[path] ?? '');

  test('to names and members without a word', () => {
    const source = '/** A. */ export interface A { /** a */ a: 1; b: 2; c(): void }\nexport const x = 1;';
    expect(modules({ 'index.ts': source })).toEqual(['A.b', 'A.c', 'x']);
  });

  test('to what is exported from elsewhere, under another name too', () => {
    const index = "export { y as x, type A } from './lib/a.ts';";
    const lib = "export { y } from '../y.ts';\n/** A. */ export interface A { b: 2 }";
    expect(modules({ 'index.ts': index, 'lib/a.ts': lib, 'y.ts': 'export function y() {}' })).toEqual(['x', 'A.b']);
  });

  test('to members that come from an interface nobody exports', () => {
    const index = "import type { B } from './b.ts';\n/** A. */ export interface A extends B { /** a */ a: 1 }";
    expect(modules({ 'index.ts': index, 'b.ts': 'export interface B { b: 2 }' })).toEqual(['A.b']);
  });

  test('to comments that are none: of a line, empty, or of something else', () => {
    const source = '// A.\nexport type A = 1;\n/** */\nexport type B = 1;\n/** C. */\ntype C = 1;\nexport type D = C;';
    expect(modules({ 'index.ts': source })).toEqual(['A', 'B', 'D']);
  });

  test('to public members of classes alone', () => {
    const source =
      '/** A. */ export class A { #a = 1; private b = 2; constructor() {}\n c = 3; /** d */ get d() { return 4 } }';
    expect(modules({ 'index.ts': source })).toEqual(['A.c']);
  });
});
