import { describeReading } from '../../schemas/reading.ts';
import type { Report } from '../../schemas/report.ts';
import { testimonyText } from '../../schemas/testimony.ts';
import { count, counted, list, radius } from '../format.ts';
import { fitsHalfWidth, MOST_CLASSES_DRAWN, overlapChart } from '../plots/overlap.ts';
import { proofText } from '../proof-text.ts';
import { type Content, html, type Markup, note, section } from './markup.ts';

/** How far classes share their important units; null where no variant needs a ranking. */
export function rankingSection({ ranking, dataset }: Report): Markup | null {
  if (ranking.methods.length === 0) return null;
  const panels = ranking.methods.map((method, place) => {
    const facts = [
      `mean overlap ${method.meanOverlap.toFixed(2)}`,
      counted(method.deadUnits, 'dead unit'),
      `ranked on ${counted(method.probeImages, 'image')}`,
    ];
    const chart =
      method.overlap.length > MOST_CLASSES_DRAWN
        ? note(`${count(method.overlap.length)} classes are too many to draw; report.json has the matrix.`)
        : overlapChart(method, dataset.classNames, place);
    return html`<figure>\n<h3>${method.method}</h3>\n<p class="facts">${facts.join(' · ')}</p>\n${chart}\n</figure>\n`;
  });
  return section(
    'Important units shared by classes',
    html`<div class="${ranking.methods.every(fitsHalfWidth) ? 'panels' : 'panels wide'}">\n${panels}</div>\n`,
    note(
      'Jaccard overlap of the important units of each two classes: 0 where they share none, 1 where they are the same. ' +
        'A ranking whose classes all overlap carries no class information, and its masks are blind pruning.',
    ),
  );
}

type Entry = readonly [term: string, description: Content];

/** What was run, to the bit: enough to run it again. */
export function provenanceSection(report: Report): Markup {
  const entries = [...runEntries(report), ...inputEntries(report), ...proofEntries(report), ...rankingEntries(report)];
  const items = entries.map(([term, description]) => html`<dt>${term}</dt><dd>${description}</dd>\n`);
  return section('What was run', html`<dl>\n${items}</dl>\n`);
}

function runEntries({ run }: Report): Entry[] {
  const { smoothing, threat } = run;
  return [
    ['Run', html`${run.name} <code>${run.id}</code>`],
    ['Suite', list(run.suite.map(({ name }) => name))],
    ['Threat model', `${threat.norm}, ε = ${radius(threat.epsilon)}`],
    ['Temperature', run.temperature],
    [
      'Smoothing',
      smoothing === null ? 'none' : `${counted(smoothing.samples, 'noise sample')}, σ = ${radius(smoothing.sigma)}`,
    ],
    ['Adversarial examples', `${run.examples} misclassified iterate`],
    ['Seed', run.seed],
    ['Work', `${counted(run.images, 'image')} in ${counted(run.shards, 'shard')}`],
  ];
}

function inputEntries({ checkpoint, dataset }: Report): Entry[] {
  const file = ({ uri, sha256, images }: Report['dataset']['test']) =>
    html`${uri} · ${counted(images, 'image')}<br><code>sha256 ${sha256}</code>`;
  return [
    ['Checkpoint', html`${checkpoint.uri}<br><code>sha256 ${checkpoint.sha256}</code>`],
    ['Architecture', `${checkpoint.architecture}, ${checkpoint.classes} classes`],
    ...describeReading(checkpoint.reading ?? []).map((text): Entry => ['Read', text]),
    ...testimonyEntries(checkpoint),
    ...checkpoint.notes.map((text): Entry => ['Note', text]),
    ['Test set', html`${dataset.format} · ${file(dataset.test)}`],
    ...(dataset.probe === null ? [] : [['Probe set', file(dataset.probe)] satisfies Entry]),
  ];
}

/** Reports of runs before 0.2 have no proofs. */
function proofEntries({ variants }: Report): Entry[] {
  const proofs = variants.flatMap(({ proof }) => proof ?? []);
  return proofs.length === 0 ? [] : [['Proof of the models', proofText(proofs)]];
}

/** Reports of the first edition have no testimony. */
function testimonyEntries({ testimony }: Report['checkpoint']): Entry[] {
  return testimony === undefined ? [] : [['Reading', testimonyText(testimony)]];
}

function rankingEntries({ ranking }: Report): Entry[] {
  if (ranking.methods.length === 0) return [];
  const methods = ranking.methods.map(({ method, signed, digest }): Entry => {
    const origin = digest === null ? 'imported' : html`<code>${digest}</code>`;
    return [`Ranking ${method}`, html`${signed ? 'signed' : 'absolute'} · ${origin}`];
  });
  const masked = `${ranking.importantUnits ?? 'all'} of ${ranking.units ?? '?'} units of ${ranking.layer ?? 'no layer'}`;
  return [['Masks keep', masked], ...methods];
}
