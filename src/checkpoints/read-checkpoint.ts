import { CheckpointError } from '../errors.ts';
import type { Tensor } from '../numeric/tensor.ts';
import { type CheckpointFormat, detectFormat } from './detect.ts';
import { locatedIn } from './messages.ts';
import type { ModuleInfo } from './module-info.ts';
import { readSafetensors } from './safetensors.ts';
import { type ByteSource, MemoryBudget, openFile, sha256 } from './source.ts';
import { findStateDict, type Named, plainNames, tensorsBelow } from './state-dict.ts';
import { openTorchLegacy } from './torch/legacy.ts';
import { readTensors, type TorchFile } from './torch/tensors.ts';
import { openTorchZip } from './torch/zip.ts';
import type { StateDict } from './weights.ts';

export type { CheckpointFormat } from './detect.ts';
export type { StateDict } from './weights.ts';

/** Trained weights as read from a file. */
export interface Checkpoint {
  readonly path: string;
  readonly format: CheckpointFormat;
  /** Of the whole file, in hex. */
  readonly sha256: string;
  /** Floats of any width as float32; integers as they are. Tensors of one storage may share memory. */
  readonly state: StateDict;
  /** What was done to find the weights, a line each: keys followed, prefixes taken off, tensors left out. */
  readonly notes: readonly string[];
  /** The modules of a network that was pickled whole, or saved as TorchScript; a state dict names none. */
  readonly modules?: readonly ModuleInfo[] | undefined;
  /** Names of what looks like a mean and a standard deviation of images beside the weights. */
  readonly aside?: readonly string[] | undefined;
}

export interface ReadOptions {
  /** The keys, joined by dots, that lead to the state dict, for files that hold several. */
  readonly stateDict?: string;
}

/**
 * Reads a PyTorch checkpoint (zip or legacy) or a safetensors file; the format is told by content. No code in the file
 * is run. Throws CheckpointError, one line that starts with the path.
 */
export async function readCheckpoint(path: string, options: ReadOptions = {}): Promise<Checkpoint> {
  try {
    if (path.toLowerCase().endsWith('.onnx')) {
      throw new CheckpointError('is an ONNX graph, not a checkpoint of weights');
    }
    const file = await openFile(path);
    try {
      const weights = await readWeights(file, options);
      return { path, ...weights, sha256: await sha256(file) };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw locatedIn(path, error);
  }
}

/** The same for bytes anywhere; errors do not name a file. */
export async function readWeights(
  source: ByteSource,
  options: ReadOptions = {},
): Promise<Pick<Checkpoint, 'format' | 'state' | 'notes' | 'modules' | 'aside'>> {
  const format = await detectFormat(source);
  const { entries, notes, modules, aside } = await READERS[format](source, options);
  return { format, state: entries, notes, ...(modules && { modules }), ...(aside && { aside }) };
}

type Reader = (source: ByteSource, options: ReadOptions) => Promise<Named<Tensor>>;

const READERS: Readonly<Record<CheckpointFormat, Reader>> = {
  'torch-zip': torchReader(openTorchZip),
  'torch-legacy': torchReader(openTorchLegacy),
  safetensors: async (source, { stateDict }) => {
    const entries = await readSafetensors(source);
    return plainNames(stateDict === undefined ? { entries, notes: [] } : tensorsBelow(entries, stateDict));
  },
};

/** Finds the state dict first, then reads its tensors alone: an optimizer's state beside it costs nothing. */
function torchReader(open: (source: ByteSource, budget: MemoryBudget) => Promise<TorchFile>): Reader {
  return async (source, { stateDict }) => {
    const budget = new MemoryBudget(source.size);
    const { root, readStorage, classes, notes } = await open(source, budget);
    const found = plainNames(findStateDict(root, stateDict, classes));
    const entries = await readTensors(found.entries, readStorage, budget);
    return { entries, notes: [...found.notes, ...notes()], modules: found.modules, aside: found.aside };
  };
}
