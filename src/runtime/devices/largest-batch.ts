import { GraphError } from '../../errors.ts';
import type { ElementType } from '../../numeric/tensor.ts';
import { GraphBuilder } from '../../onnx/builder.ts';
import { type Dim, describeNode, isBatch, type Model } from '../../onnx/graph.ts';
import type { Device } from '../../schemas/config.ts';
import { forDevice } from './for-device.ts';

/**
 * Bytes of a tensor up to which every device of WebGPU has it in one binding, by the specification's limit maxStorageBufferBindingSize.
 * Larger ones onnxruntime 1.30 binds in parts (microsoft/onnxruntime#25962), of which Pad, Where, Transpose and LayerNormalization read
 * the first alone, without a word, and Conv fails: test/device/large-tensors.test.ts. How large a binding may be on the device at
 * hand the node binding does not tell.
 */
const LARGEST_BINDING = 2 ** 27;

/** Images that the device computes right at once; Infinity where memory alone counts. Throws GraphError where it is not even one. */
export function largestBatch(model: Model, device: Device): number {
  if (device !== 'webgpu') return Number.POSITIVE_INFINITY;
  const { graph } = forDevice(model, device);
  const builder = GraphBuilder.from(graph);
  let largest = 0;
  for (const node of graph.nodes) {
    const sizes = node.outputs.filter(Boolean).map((name) => bytesAnImage(builder.shape(name), builder.type(name)));
    largest = Math.max(largest, ...sizes);
    if (largest <= LARGEST_BINDING) continue;
    throw new GraphError(
      `${device} cannot compute ${describeNode(node)}: of one image it makes ${mebibytes(largest)}, and onnxruntime computes right with ` +
        `${mebibytes(LARGEST_BINDING)} at most. Compute on another device (--device, compute.device)`,
    );
  }
  return largest === 0 ? Number.POSITIVE_INFINITY : Math.floor(LARGEST_BINDING / largest);
}

/** Bytes of a value per image; of one that has no images, none. */
function bytesAnImage(dims: readonly Dim[], type: ElementType): number {
  if (!dims.some(isBatch)) return 0;
  const elements = dims.reduce<number>((product, dim) => product * (isBatch(dim) ? dim.batch : dim), 1);
  return elements * (type === 'int64' || type === 'float64' ? 8 : 4);
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
