import { writeFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { readCheckpoint } from '../../checkpoints/read-checkpoint.ts';
import { safetensorsParts } from '../../checkpoints/write-safetensors.ts';
import { InputError } from '../../errors.ts';
import { ARCHITECTURES } from '../../models/architectures/table.ts';
import { locateNetwork } from '../../models/locate.ts';
import { float32, type Tensor } from '../../numeric/tensor.ts';
import { localPath } from '../../stores/open.ts';
import { addJson, printJson } from '../output.ts';
import { print } from '../storage-location.ts';

/** `models.0=FILE`, `policy_net=FILE#KEYS` or `alpha_scale=0.15`. */
interface Part {
  readonly name: string;
  readonly source: string;
}

export function define(command: Command): void {
  addJson(command)
    .argument(
      '<name=file...>',
      'where the weights of each file go, e.g. models.0=a.pt models.1=b.pt#ema; or a number',
      parsePart,
    )
    .requiredOption('--out <file>', 'the .safetensors to write')
    .action(async (parts: readonly Part[], { out }: { readonly out: string }) => {
      const state = new Map<string, Tensor>();
      for (const part of parts) for (const [name, tensor] of await tensorsOf(part)) add(state, name, tensor);
      const network = locateNetwork(state, ARCHITECTURES);
      if (network === undefined)
        throw new InputError('together these are no network that igd knows: call its members models.0, models.1, ...');
      await writeFile(out, safetensorsParts(state));
      printJson({ out, architecture: network.architecture.name, tensors: state.size });
      print(`${out}: ${network.architecture.name}, ${state.size} tensors`);
    });
}

function parsePart(text: string, others: readonly Part[] = []): readonly Part[] {
  const [, name, source] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || source === undefined)
    throw new InvalidArgumentError('give NAME=FILE, NAME=FILE#KEYS or NAME=NUMBER');
  return [...others, { name, source }];
}

/** The tensors of a part by their new names; a number is a tensor of no axes. */
async function tensorsOf({ name, source }: Part): Promise<Map<string, Tensor>> {
  const number = Number(source);
  if (Number.isFinite(number)) return new Map([[name, float32([], [number])]]);
  const [file = '', stateDict] = source.split('#');
  const { state } = await readCheckpoint(await localPath(file), stateDict === undefined ? {} : { stateDict });
  return new Map([...state].map(([key, tensor]) => [`${name}.${key}`, tensor]));
}

function add(state: Map<string, Tensor>, name: string, tensor: Tensor): void {
  if (state.has(name)) throw new InputError(`"${name}" is given twice: every file needs a name of its own`);
  state.set(name, tensor);
}
