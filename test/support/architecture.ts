import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { parseSync } from 'oxc-parser';

/** The rooms that run wherever JavaScript does, in a browser as well. */
export const PURE_ROOMS = ['numeric', 'schemas', 'onnx', 'models', 'attacks', 'defense', 'ranking', 'evaluation'];

/** Sources by their path from the root of the repository. */
export type Sources = Readonly<Record<string, string>>;

export interface Architecture {
  /** Rooms, those that others stand on first: a file imports from its own room and from levels below. */
  readonly levels: readonly (readonly string[])[];
  /** Arrows within a level, and between no other rooms of it. */
  readonly sameLevel: readonly string[];
  /** Packages that only some folders or files know. */
  readonly packages: readonly { readonly name: RegExp; readonly only: readonly string[] }[];
  /** Rooms without anything of Node. */
  readonly withoutNode: readonly string[];
}

interface Import {
  readonly from: string;
  /** A file of the repository, or a package. */
  readonly to: string;
  /** `import ... from` by itself: one is enough for a file. */
  readonly isDeclaration: boolean;
}

/** What breaks the rules: a line each. */
export function problemsOf(sources: Sources, architecture: Architecture): string[] {
  const imports = Object.entries(sources).flatMap(([file, text]) => importsOf(file, text));
  const inside = imports.filter(({ to }) => isFile(to));
  const packages = imports.filter(({ to }) => !isFile(to));
  return [
    ...unknownRooms(Object.keys(sources), architecture),
    ...inside.flatMap((one) => arrowProblem(one, architecture)),
    ...packages.flatMap((one) => packageProblem(one, architecture)),
    ...repeatedImports(imports),
    ...cyclesOf(inside),
  ];
}

/** src/errors.ts is the room "errors", src/onnx/graph.ts is in "onnx", infra/app.ts in "infra". */
function roomOf(file: string): string {
  const [top = '', second = ''] = file.split('/');
  return top === 'src' ? second.replace(/\.ts$/, '') : top;
}

const isFile = (target: string) => target.includes('/') && /\.(ts|json)$/.test(target);

function unknownRooms(files: readonly string[], { levels }: Architecture): string[] {
  const known = new Set(levels.flat());
  return [...new Set(files.map(roomOf))]
    .filter((room) => !known.has(room))
    .map((room) => `the room ${room} has no level`);
}

function arrowProblem({ from, to }: Import, { levels, sameLevel }: Architecture): string[] {
  const [room, other] = [roomOf(from), roomOf(to)];
  const [level, otherLevel] = [room, other].map((name) => levels.findIndex((rooms) => rooms.includes(name)));
  if (room === other || level === undefined || otherLevel === undefined || otherLevel < level) return [];
  if (otherLevel > level) return [`${from} -> ${to}: ${room} is below ${other}`];
  return sameLevel.includes(`${room} -> ${other}`) ? [] : [`${from} -> ${to}: ${room} is beside ${other}`];
}

function packageProblem({ from, to }: Import, { packages, withoutNode }: Architecture): string[] {
  if (to === UNKNOWN) return [`${from} imports something that only running it tells`];
  if (withoutNode.includes(roomOf(from)) && isBuiltin(to))
    return [`${from} -> ${to}: ${roomOf(from)} is to do without Node`];
  return packages
    .filter(({ name, only }) => name.test(to) && !only.some((place) => from === place || from.startsWith(`${place}/`)))
    .map(({ only }) => `${from} -> ${to}: only ${only.join(', ')} may`);
}

function repeatedImports(imports: readonly Import[]): string[] {
  const arrows = imports.filter(({ isDeclaration }) => isDeclaration).map(({ from, to }) => `${from} -> ${to}`);
  return [...new Set(arrows.filter((arrow, i) => arrows.indexOf(arrow) !== i))].map(
    (arrow) => `${arrow}: imported twice`,
  );
}

/** The shortest cycle through each file that is in one, each cycle once. */
function cyclesOf(imports: readonly Import[]): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to]);
  const cycles = [...next.keys()].map((file) => cycleThrough(file, next)).filter((cycle) => cycle !== undefined);
  return [...new Set(cycles.map((cycle) => `cycle: ${startingAtFirst(cycle)}`))];
}

function cycleThrough(file: string, next: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const paths = [[file]];
  const seen = new Set<string>();
  for (const path of paths)
    for (const to of next.get(path.at(-1) ?? '') ?? []) {
      if (to === file) return path;
      if (!seen.has(to)) paths.push([...path, to]);
      seen.add(to);
    }
  return undefined;
}

function startingAtFirst(cycle: readonly string[]): string {
  const start = cycle.indexOf([...cycle].sort()[0] ?? '');
  const turned = [...cycle.slice(start), ...cycle.slice(0, start)];
  return [...turned, turned[0]].join(' -> ');
}

/** Stands for what a dynamic import computes. */
const UNKNOWN = '(computed)';

/** Every kind of import: of values and of types, exported on, dynamic, and in the place of a type. */
function importsOf(file: string, text: string): Import[] {
  const { program, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file} is not TypeScript: ${errors[0]?.message}`);
  return sourcesIn(program).map(({ target, isDeclaration }) => ({
    from: file,
    to: target.startsWith('.') ? posix.join(posix.dirname(file), target) : target,
    isDeclaration,
  }));
}

interface Source {
  readonly target: string;
  readonly isDeclaration: boolean;
}

function sourcesIn(node: unknown): Source[] {
  if (typeof node !== 'object' || node === null) return [];
  if (Array.isArray(node)) return node.flatMap(sourcesIn);
  const within = Object.values(node).flatMap(sourcesIn);
  const { type, source } = node as { readonly type?: unknown; readonly source?: { readonly value?: unknown } | null };
  if (!source || !/^(Import|Export|TSImport)/.test(String(type))) return within;
  const target = typeof source.value === 'string' ? source.value : UNKNOWN;
  return [{ target, isDeclaration: type === 'ImportDeclaration' }, ...within];
}
