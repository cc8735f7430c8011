import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { ROOT, readPage } from '../support/markdown.ts';

/** Pages whose blocks of code start igd, and workflows that do. */
const PAGES = [
  'README.md',
  'examples/ci/README.md',
  'examples/demo/README.md',
  'docs/commands.md',
  'docs/aws.md',
  'examples/cluster/README.md',
];
const WORKFLOWS = ['examples/ci/robustness.yml'];

/** Lines that start igd, cut at comments, pipes and what else a shell takes for itself. */
function startsIn(text: string): string[] {
  const lines = text.replaceAll(/\\\n\s*/g, ' ').split('\n');
  return lines.flatMap((line) => {
    const [, start] = /^\s*(?:npx igd|node \S*bin\/igd\.mjs) (.*)$/.exec(line) ?? [];
    return start === undefined ? [] : [start.split(/\s[#|>&]/, 1)[0]!.trim()];
  });
}

/** What the steps of a workflow run; a folded block (>-) is one line. */
function scriptsIn(workflow: string): string {
  const folded = workflow.replaceAll(/run: >-\n((?: {10}\S.*\n)+)/g, (_, block: string) => {
    return `run: ${block.trim().replaceAll(/\n\s+/g, ' ')}\n`;
  });
  return [...folded.matchAll(/^\s*- run: (.*)$/gm)].map(([, script]) => script).join('\n');
}

/** Throws where the command does not take these words. */
async function parse(start: string): Promise<void> {
  const [name = '', ...words] = start.match(/'[^']*'|"[^"]*"|\S+/g) ?? [];
  const { define } = (await import(`../../src/cli/commands/${name}.ts`)) as { define: (command: Command) => void };
  const command = new Command(name).exitOverride().configureOutput({ writeErr: () => {} });
  define(command);
  command.action(() => {}).parse(words, { from: 'user' });
}

const STARTS = [
  ...PAGES.flatMap((path) => readPage(path).code.flatMap(startsIn)),
  ...WORKFLOWS.flatMap((path) => startsIn(scriptsIn(readFileSync(`${ROOT}${path}`, 'utf8')))),
].filter((start) => !start.startsWith('-'));

describe('commands of the documentation are commands of igd', () => {
  test.each([...new Set(STARTS)])('igd %s', async (start) => {
    await expect(parse(start)).resolves.toBeUndefined();
  });

  test('those of the workflow among them', () => {
    expect(STARTS).toContainEqual(expect.stringMatching(/^check robustness\/config\.json --baseline .* --github$/));
  });
});

test('the check is awake', async () => {
  await expect(parse('check c.json --baseline b')).rejects.toThrow("required option '--out <dir>'");
  await expect(parse('check c.json --baseline b --out o --junt x')).rejects.toThrow("unknown option '--junt'");
  await expect(parse('check c.json d.json --baseline b --out o')).rejects.toThrow('too many arguments');
  expect(startsIn('npx igd list --stack S | head # newest')).toEqual(['list --stack S']);
});
