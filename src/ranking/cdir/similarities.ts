import { RankingError } from '../../contracts/errors.ts';
import type { SimilarityName, SimilaritySpec } from '../../contracts/similarities.ts';
import { cosineSimilarity, cubedCosineSimilarity } from './cosine.ts';
import type { Features } from './features.ts';
import { mutualInformation } from './mutual-information.ts';
import { rankReorder } from './rank-reorder.ts';

type OptionsOf = { readonly [N in SimilarityName]: Omit<Extract<SimilaritySpec, { readonly name: N }>, 'name'> };
type SpecOf<N extends SimilarityName> = { [K in N]: { readonly name: K } & OptionsOf[K] }[N];

interface Similarity<N extends SimilarityName> {
  /** [units, concepts], in float64. */
  readonly score: (features: Features, spec: SpecOf<N>) => Float64Array;
  /** Images of a probe set of `images` that it looks at for each unit. */
  readonly looksAt: (spec: SpecOf<N>, images: number) => number;
}

/** A new way to compare is a function and a row here, with its numbers in contracts/similarities.ts. */
const SIMILARITIES: { readonly [N in SimilarityName]: Similarity<N> } = {
  soft_wpmi: { score: mutualInformation, looksAt: ({ topK }) => topK },
  wpmi: {
    score: (features, spec) => mutualInformation(features, { ...spec, pStart: 1, pEnd: 1 }),
    looksAt: ({ topK }) => topK,
  },
  rank_reorder: {
    score: (features, { topFraction, scalePower }) =>
      rankReorder(features, { topImages: Math.trunc(features.images * topFraction), scalePower }),
    looksAt: ({ topFraction }, images) => Math.trunc(images * topFraction),
  },
  cos_similarity: { score: cosineSimilarity, looksAt: (_, images) => images },
  cos_similarity_cubed: { score: cubedCosineSimilarity, looksAt: (_, images) => images },
};

/** How much each unit is like each concept: [units, concepts]. Throws RankingError where there are too few images. */
export function similarity<N extends SimilarityName>(features: Features, spec: SpecOf<N>): Float64Array {
  requireImages(spec, features.images);
  return SIMILARITIES[spec.name].score(features, spec);
}

/** Throws RankingError where a probe set of this many images is too small for the similarity. */
export function requireImages<N extends SimilarityName>(spec: SpecOf<N>, images: number): void {
  const wanted = SIMILARITIES[spec.name].looksAt(spec, images);
  if (wanted >= 2 && wanted <= images) return;
  throw new RankingError(
    `similarity ${spec.name} would look at ${wanted} of ${images} probe images for each unit: give more probe images, ` +
      'or another topK or topFraction',
  );
}
