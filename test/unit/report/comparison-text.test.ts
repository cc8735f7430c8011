import { expect, it } from 'vitest';
import { compareRuns } from '../../../src/report/compare/compare-runs.ts';
import {
  comparisonJunit,
  comparisonMarkdown,
  comparisonText,
  remarksOf,
} from '../../../src/report/compare/comparison-text.ts';
import { breaking, changedRun } from './compare-fixture.ts';
import { LOIR, RANDOM } from './fixture.ts';

const BEFORE = changedRun();
const COMPARISON = compareRuns(BEFORE, changedRun(breaking(BEFORE, 'loir', 20)));

it('says in a table what was measured, and how', () => {
  const text = comparisonText(COMPARISON);
  expect(text).toMatch(/^loir +robust +[\d.]+% +[\d.]+% +−10\.0 +\[−[\d.]+, −[\d.]+\] +< 0\.001 +< 0\.001$/m);
  expect(text).toMatch(/^none +clean .* 1\.000 +1\.000$/m);
  expect(text).toContain("Holm's correction over 4 tests");
  expect(text).toContain('to another end came 20 images of loir');
});

it('says what was left out', () => {
  const other = changedRun(undefined, { variants: [LOIR, RANDOM], images: 80 });
  expect(remarksOf(compareRuns(BEFORE, other))).toEqual(
    expect.arrayContaining([
      'compared on 80 images that both have (a 200, b 80)',
      'not compared, in a alone: none',
      'not compared, in b alone: random',
      'images: 200 in a, 80 in b',
    ]),
  );
});

it('is Markdown that says at its head how it ended, whatever a run is called', () => {
  const named = { ...COMPARISON, b: { ...COMPARISON.b, name: '<img src=x> | [a](b)' } };
  const markdown = comparisonMarkdown(named, 0.05);
  expect(markdown.split('\n', 1)[0]).toBe(
    '## ❌ &lt;img src=x> \\| \\[a\\](b): robust accuracy of loir fell 10.0 points (p < 0.001)',
  );
  expect(comparisonMarkdown(compareRuns(BEFORE, BEFORE), 0.05)).toMatch(/^## ✅ .*nothing changed/);
});

it('is JUnit with a failed case for what fell, whatever a run is called', () => {
  const named = { ...COMPARISON, b: { ...COMPARISON.b, name: 'a"<&\u0007b' } };
  const junit = comparisonJunit(named, 0.05);
  expect(junit).toContain('tests="4" failures="1"');
  expect(junit).toContain('name="igd check a&quot;&lt;&amp;b"');
  expect(junit.match(/<failure /g)).toHaveLength(1);
  expect(junit).toMatch(
    /name="robust accuracy of loir">\n +<failure message="robust accuracy of loir fell 10\.0 points/,
  );
  expect(comparisonJunit(named, 1e-9)).toContain('failures="0"');
});
