/** A walk-through: how a page says a kind of thing is added. */
export interface WalkThrough {
  readonly title: string;
  readonly edits: readonly Edit[];
}

/** What becomes of one file. */
export interface Edit {
  readonly path: string;
  /** Of a new file its text, of one that is there the lines that change. */
  readonly change: { readonly text: string } | { readonly hunks: readonly Hunk[] };
}

/** Lines that stand one below the other, and what stands there afterwards. */
interface Hunk {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** `- `path`: words`, and a block indented below. */
const ITEM = /^`([^`]+)`.*?(?:^ {2}```(\w+)\n(.*?)^ {2}```$|(?![\s\S]))/ms;

/** The walk-throughs of a page. Throws where an item has no block, or one that is neither a file nor a change. */
export function walkThroughsIn(page: string): WalkThrough[] {
  const section = page.split(/^## /m).find((text) => text.startsWith('Walk-throughs\n')) ?? '';
  return section
    .split(/^### /m)
    .slice(1)
    .map((text) => {
      const [heading = '', ...items] = text.split(/^- (?=`)/m);
      return { title: heading.split('\n', 1)[0] ?? '', edits: items.map(editOf) };
    });
}

function editOf(item: string): Edit {
  const [, path = '', language, block = ''] = ITEM.exec(item) ?? [];
  return { path, change: changeIn(path, language, block.replaceAll(/^ {2}/gm, '')) };
}

function changeIn(path: string, language: string | undefined, block: string): Edit['change'] {
  if (language === 'ts') return { text: block };
  if (language === 'diff') return { hunks: block.trimEnd().split(/^@@\n/m).map(hunkOf) };
  throw new Error(`${path}: say what goes into it in a block of ts (a new file) or diff, not of ${language}`);
}

function hunkOf(text: string): Hunk {
  const lines = text.trimEnd().split('\n');
  const without = (sign: string) => lines.filter((line) => !line.startsWith(sign)).map((line) => line.slice(1));
  return { before: without('+'), after: without('-') };
}

/** A file after an edit; `text` is undefined where there is none. Throws where the edit does not fit, or not in one place. */
export function edited(text: string | undefined, { path, change }: Edit): string {
  if ('text' in change) {
    if (text !== undefined) throw new Error(`${path} is there already`);
    return change.text;
  }
  if (text === undefined) throw new Error(`${path} is not there`);
  return change.hunks.reduce((current, hunk) => withHunk(current, hunk, path), text);
}

function withHunk(text: string, { before, after }: Hunk, path: string): string {
  const lines = text.split('\n');
  const isAt = (line: number) => before.every((wanted, i) => lines[line + i] === wanted);
  const places = lines.flatMap((_, line) => (isAt(line) ? [line] : []));
  const [place] = places;
  if (before.length === 0) throw new Error(`${path}: a change says none of the lines it is beside`);
  if (place === undefined || places.length > 1)
    throw new Error(`${path} has ${places.length} places with the lines\n${before.join('\n')}`);
  return lines.toSpliced(place, before.length, ...after).join('\n');
}
