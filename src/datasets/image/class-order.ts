import { DatasetError } from '../../errors.ts';
import type { ClassOrder } from '../../schemas/config.ts';
import type { Note } from '../../schemas/notes.ts';
import { byCodePoint } from './text-order.ts';

/**
 * Class folders in the order in which they are numbered: as text, as torchvision's ImageFolder does, or by the number in each name. Says so
 * where the two differ, which is the most frequent cause of an accuracy of 0%. Throws DatasetError where names have no number to go by.
 */
export function orderedClasses(
  folders: readonly string[],
  order: ClassOrder | undefined,
  path: string,
): { readonly folders: string[]; readonly notes: Note[] } {
  const asText = folders.toSorted(byCodePoint);
  const numbers = numbersIn(folders);
  if (order === undefined || order === 'text') {
    const byNumber = numbers && asText.toSorted((a, b) => numbers.get(a)! - numbers.get(b)!);
    const place = byNumber?.findIndex((folder, label) => folder !== asText[label]) ?? -1;
    const isSaid = order !== undefined || byNumber === undefined || place < 0;
    return { folders: asText, notes: isSaid ? [] : [textOrderNote(asText[place]!, byNumber[place]!, place, path)] };
  }
  if (numbers === undefined)
    throw new DatasetError(
      `${path}: "classOrder" is "numeric", but its folders (${asText.slice(0, 3).join(', ')}, ...) are not numbers, or one prefix and a number, each another: ` +
        'write their names in a classes.txt in it, a line each in the order of the labels',
    );
  return { folders: folders.toSorted((a, b) => numbers.get(a)! - numbers.get(b)!), notes: [] };
}

/** The number each name ends in, where all are one prefix (or none) and different numbers. */
function numbersIn(folders: readonly string[]): ReadonlyMap<string, number> | undefined {
  const parts = folders.map((folder) => /^(\D*)(\d+)$/.exec(folder));
  const numbers = new Map<string, number>();
  for (const match of parts) {
    if (match === null || match[1] !== parts[0]?.[1]) return undefined;
    numbers.set(match[0], Number(match[2]));
  }
  return new Set(numbers.values()).size === folders.length ? numbers : undefined;
}

function textOrderNote(found: string, expected: string, label: number, path: string): Note {
  return {
    code: 'class-order',
    message:
      `the class folders of ${path} are numbers and are in the order of text, as torchvision's ImageFolder has them: label ${label} is folder ` +
      `"${found}", not "${expected}". If the model was trained with folder N as class N, say "classOrder": "numeric" (--class-order), or ` +
      'write the names of the folders in a classes.txt in it, a line each in the order of the labels; if not, "classOrder": "text"',
  };
}
