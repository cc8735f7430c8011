import { describe, expect, it } from 'vitest';
import { RunError } from '../../../src/errors.ts';
import {
  classesCsv,
  imagesCsv,
  reportCsv,
  reportJson,
  reportJsonSchema,
  toCsv,
} from '../../../src/report/data-files.ts';
import { reportMarkdown } from '../../../src/report/markdown.ts';
import { reportFiles } from '../../../src/report/report-files.ts';
import { reportTable } from '../../../src/report/table.ts';
import { reportSchema } from '../../../src/schemas/report.ts';
import { CONF_VARIANTS, conf, LOIR, makeRun, NONE, type RunOptions } from './fixture.ts';

/** Runs at the edges of what there is. */
const RUNS: Readonly<Record<string, RunOptions>> = {
  usual: {},
  'one variant': { variants: [NONE] },
  'one image': { variants: [NONE, LOIR], images: 1, classes: 2 },
  'no base': { variants: [LOIR, conf(0.8)] },
  'no ranking': { variants: [NONE], ranking: false },
  'thresholds alone': { variants: CONF_VARIANTS, suite: ['apgd-ce'] },
  'a hundred classes': { variants: [NONE, LOIR], classes: 100, images: 300 },
  'too many classes to draw': { variants: [NONE, LOIR], classes: 230, images: 230 },
  'published numbers': {
    variants: [NONE, LOIR],
    published: {
      source: 'Paper | <Table> 1',
      differences: ['Published on 10,000 images, ours on 1,000.'],
      variants: { none: { clean: 85.71, attacks: { 'apgd-ce': 56.24 } }, loir: { note: 'Never printed.' } },
    },
  },
  'published notes alone': { variants: [NONE], published: { source: 'A log', differences: [], variants: {} } },
  smoothing: { variants: [NONE, LOIR], smoothing: { samples: 4, sigma: 16 / 255 }, temperature: 1 },
};

describe.each(Object.entries(RUNS))('the files of a run with %s', (_, options) => {
  const { report, shards } = makeRun(options);
  const files = reportFiles(report, shards);

  it('are all there', () => {
    expect([...files.keys()].sort()).toEqual([
      'classes.csv',
      'images.csv',
      'report.csv',
      'report.html',
      'report.json',
      'report.md',
    ]);
  });

  it('hold no slip of the tongue', () => {
    for (const [name, text] of [...files, ['table', reportTable(report)] as const]) {
      expect(text.match(/undefined|NaN|Infinity|\[object/g), name).toBeNull();
      expect(text.endsWith('\n'), name).toBe(true);
    }
  });

  it('are the same every time', () => {
    expect(reportFiles(makeRun(options).report, shards.toReversed())).toEqual(files);
  });
});

describe('report.json', () => {
  const { report } = makeRun({ variants: [NONE, conf(0.8)], images: 50 });

  it('is the report', () => {
    expect(JSON.parse(reportJson(report))).toEqual(report);
  });

  it('has its keys in one order, whatever order the report was built in', () => {
    const { run, variants, ...others } = report;
    const backwards = { variants, ...others, run: { ...Object.fromEntries(Object.entries(run).toReversed()), ...run } };
    expect(Object.keys(backwards.run)).not.toEqual(Object.keys(run));
    expect(reportJson(backwards)).toBe(reportJson(report));
  });

  it('is never written where it does not fit the schema', () => {
    const broken = { ...report, run: { ...report.run, temperature: Number.NaN } };
    expect(() => reportJson(broken)).toThrow(RunError);
    expect(() => reportJson(broken)).toThrow(/run\.temperature/);
  });

  it('has a JSON Schema, closed like ours', () => {
    const schema = JSON.parse(reportJsonSchema());
    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
    expect(schema.additionalProperties).toBe(false);
    expect(schema.required).toEqual(Object.keys(reportSchema.shape));
    expect(schema.properties.schema.const).toBe('igd.report/2');
  });
});

describe('report.csv', () => {
  const { report } = makeRun({ variants: [NONE, conf(0.8)], images: 50, suite: ['apgd-ce', 'square'] });
  const lines = reportCsv(report).trimEnd().split('\n');

  it('has a row for each stage of each variant', () => {
    expect(lines.map((line) => line.split(',').slice(0, 4).join(','))).toEqual([
      'variant,mask,threshold,attack',
      'none,none,,clean',
      'none,none,,apgd-ce',
      'none,none,,square',
      'none,none,,worst-case',
      'conf@0.8,confidence,0.8,clean',
      'conf@0.8,confidence,0.8,apgd-ce',
      'conf@0.8,confidence,0.8,square',
      'conf@0.8,confidence,0.8,worst-case',
    ]);
    expect(new Set(lines.map((line) => line.split(',').length))).toEqual(new Set([12]));
  });

  it('carries the numbers of the report', () => {
    const { attacks, robust } = report.variants[0]!;
    const [, last] = attacks;
    const { accuracy, correct, interval } = robust;
    const { broken, seconds, forwards, gradients } = last!;
    expect(lines[3]).toBe(
      ['none,none,,square', accuracy, correct, ...interval, broken, seconds, forwards, gradients].join(','),
    );
  });

  it('quotes what needs it', () => {
    const [first] = report.variants;
    const odd = { ...first!, id: 'a "b", c\nd' };
    expect(reportCsv({ ...report, variants: [odd] })).toContain('\n"a ""b"", c\nd",none,,clean,');
  });
});

describe('text that a spreadsheet would compute', () => {
  /** Computed by none, and the way back: an apostrophe before it is ours. */
  const back = (cell: string) => cell.replace(/^'(?='*[=+\-@\t\r\n])/, '');

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\r=1', "'=1", "''-1"])('%j has an apostrophe before it', (name) => {
    const { report } = makeRun({ variants: [NONE], images: 4, classes: 2, classNames: [name, 'cat'] });
    const [, row = ''] = classesCsv(report).split(/\n(?=none,)/);
    const cell = row.split(',')[2]!.replaceAll('"', '');
    expect(cell).toBe(`'${name}`);
    expect(back(cell)).toBe(name);
  });

  it('leaves numbers and other text alone', () => {
    expect(toCsv(['a', 'b', 'c', 'd'], [[-1.5, 'a=b', "l'eau", "'tis"]])).toBe("a,b,c,d\n-1.5,a=b,l'eau,'tis\n");
  });
});

describe('classes.csv', () => {
  it('has every class under every variant, as report.json has them', () => {
    const { report } = makeRun({ variants: [NONE, LOIR], images: 60, classes: 5 });
    const [header, ...rows] = classesCsv(report).trimEnd().split('\n');
    expect(header).toBe('variant,class,name,images,clean,robust');
    expect(rows).toEqual(
      report.variants.flatMap(({ id, perClass }) =>
        perClass.map((row) => [id, row.class, row.name, row.images, row.clean, row.robust].join(',')),
      ),
    );
    expect(rows).toHaveLength(10);
  });
});

describe('images.csv', () => {
  const { report, shards } = makeRun({ variants: [LOIR, NONE], images: 30, imagesPerShard: 7 });
  const [header, ...rows] = imagesCsv(report, shards.toReversed()).trimEnd().split('\n');

  it('is in the order of variants, then of images', () => {
    expect(header).toBe('image,label,variant,clean_prediction,broken_by,adversarial_prediction');
    const order = rows.map((row) => row.split(',')).map(([image, , variant]) => `${variant} ${image}`);
    const images = Array.from({ length: 30 }, (_, image) => image);
    expect(order).toEqual([...images.map((image) => `loir ${image}`), ...images.map((image) => `none ${image}`)]);
  });

  it('leaves empty what is not', () => {
    const outcomes = new Map(
      shards.filter(({ variant }) => variant === 'none').flatMap(({ images }) => images.map((one) => [one.image, one])),
    );
    for (const row of rows.slice(30)) {
      const [image, label, , clean, brokenBy, adversarial] = row.split(',');
      const outcome = outcomes.get(Number(image));
      expect([label, clean]).toEqual([String(outcome?.label), String(outcome?.cleanPrediction)]);
      expect([brokenBy, adversarial]).toEqual([outcome?.brokenBy ?? '', String(outcome?.adversarialPrediction ?? '')]);
    }
  });
});

describe('what people read', () => {
  const { report } = makeRun({ images: 500 });

  it('report.md', async () => {
    await expect(reportMarkdown(report)).toMatchFileSnapshot('snapshots/report.md.txt');
  });

  it('the table at the end of a run', async () => {
    await expect(reportTable(report)).toMatchFileSnapshot('snapshots/table.txt');
  });

  it('has aligned columns and no footer without flags', () => {
    const [variant] = report.variants;
    const plain = {
      ...report,
      flags: [],
      ranking: { ...report.ranking, methods: [] },
      variants: [{ ...variant!, flags: [] }],
    };
    expect(reportTable(plain)).toMatch(/^variant .*\n {0}none .*\n$/);
    expect(reportMarkdown(plain)).not.toContain('Read this first');
  });

  it('is not Markdown or HTML where it came from others', () => {
    const flag = { code: 'odd', message: '<img src=x> | *stars* [link](http://example.org) `code` _under_\n# heading' };
    const markdown = reportMarkdown({ ...report, flags: [flag] });
    expect(markdown).toContain(
      '- &lt;img src=x> \\| \\*stars\\* \\[link\\](http://example.org) \\`code\\` \\_under\\_ \\# heading (`odd`)',
    );
  });
});
