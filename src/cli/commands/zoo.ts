import type { Command } from 'commander';
import { alignColumns } from '../../report/table.ts';
import { type ZooEntry, type ZooReading, zooEntries } from '../../schemas/zoo/zoo.ts';
import { print } from '../storage-location.ts';

export function define(command: Command): void {
  command
    .argument('[words...]', 'what a model has in its id, architecture or reading: "imagenet swin"')
    .option('--json', 'as JSON')
    .action((words: string[], { json }: { json?: boolean }) => {
      const found = [...zooEntries().values()].filter((entry) => hasAll(entry, words));
      if (json === true) return print(JSON.stringify(found, null, 2));
      if (found.length === 0) return print(`no model of the zoo has ${words.join(' and ')}`);
      const header = ['id', 'clean', 'robust', 'architecture', 'read as'];
      for (const [id, clean, robust, architecture, reading] of columns([header, ...found.map(cells)]))
        print(`${id}  ${clean}  ${robust}  ${architecture}  ${reading}`);
      print(
        `\n${found.length} models; accuracies as RobustBench has them, in percent; "igd fetch ID" gets the file ID.pt`,
      );
    });
}

function hasAll(entry: ZooEntry, words: readonly string[]): boolean {
  const text = `${entry.id} ${entry.architecture} ${inWords(entry.reading)}`.toLowerCase();
  return words.every((word) => text.includes(word.toLowerCase()));
}

function cells({ id, published, architecture, reading }: ZooEntry): string[] {
  return [id, published.clean.toFixed(2), published.robust.toFixed(2), architecture, inWords(reading)];
}

function inWords(reading: ZooReading): string {
  if (reading.kind === 'refused') return `not read: ${reading.reason}`;
  const { model, normalize, stateDict, networks, join } = reading;
  const { architecture, normalization, ...options } = model;
  const facts = Object.entries(options).map(([key, value]) => `${key} ${value}`);
  const input = normalize === undefined ? normalization : 'given in numbers';
  return [
    networks === 1 ? architecture : `${architecture} of ${networks}`,
    ...facts,
    `normalization ${input ?? (networks === 1 ? 'in the file' : 'its own')}`,
    ...(stateDict === undefined ? [] : [`state dict "${stateDict}"`]),
    ...(join === undefined ? [] : [`of files M0, M1, ... after "igd join ${join}"`]),
  ].join(', ');
}

/** The numbers in columns to the right, the words after them to the left. */
function columns(rows: readonly string[][]): string[][] {
  const width = Math.max(...rows.map((row) => row[3]?.length ?? 0));
  const numbers = alignColumns(rows.map((row) => row.slice(0, 3)));
  return rows.map(([, , , architecture = '', reading = ''], i) => [
    ...numbers[i]!,
    architecture.padEnd(width),
    reading,
  ]);
}
