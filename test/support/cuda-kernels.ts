interface CudaKernels {
  /** Version of the op in a graph of opset 18; 0 where it has none. */
  readonly opset18: number;
  readonly opset20: number;
  /** Versions of the op that there are kernels for: one, a range, or an open range. */
  readonly kernels: string;
}

/**
 * The CUDA kernels for float32 of the ops in igd's graphs, from OperatorKernels.md of microsoft/onnxruntime at 001d12d, those
 * for versions before opset 18 left out.
 */
const CUDA_KERNELS: Readonly<Record<string, CudaKernels>> = {
  Abs: { opset18: 13, opset20: 13, kernels: '13+' },
  Add: { opset18: 14, opset20: 14, kernels: '14+' },
  And: { opset18: 7, opset20: 7, kernels: '7+' },
  ArgMax: { opset18: 13, opset20: 13, kernels: '13+' },
  ArgMin: { opset18: 13, opset20: 13, kernels: '13+' },
  AveragePool: { opset18: 11, opset20: 19, kernels: '11-18 19-21' },
  BatchNormalization: { opset18: 15, opset20: 15, kernels: '15+' },
  Cast: { opset18: 13, opset20: 19, kernels: '13-18 19-20' },
  Ceil: { opset18: 13, opset20: 13, kernels: '13+' },
  Clip: { opset18: 13, opset20: 13, kernels: '13+' },
  Concat: { opset18: 13, opset20: 13, kernels: '13+' },
  ConstantOfShape: { opset18: 9, opset20: 20, kernels: '9+' },
  Conv: { opset18: 11, opset20: 11, kernels: '11-21' },
  ConvTranspose: { opset18: 11, opset20: 11, kernels: '11+' },
  Cos: { opset18: 7, opset20: 7, kernels: '7+' },
  CumSum: { opset18: 14, opset20: 14, kernels: '14+' },
  DepthToSpace: { opset18: 13, opset20: 13, kernels: '13+' },
  Div: { opset18: 14, opset20: 14, kernels: '14+' },
  Dropout: { opset18: 13, opset20: 13, kernels: '13+' },
  Elu: { opset18: 6, opset20: 6, kernels: '6+' },
  Equal: { opset18: 13, opset20: 19, kernels: '13+' },
  Erf: { opset18: 13, opset20: 13, kernels: '13+' },
  Exp: { opset18: 13, opset20: 13, kernels: '13+' },
  Expand: { opset18: 13, opset20: 13, kernels: '13+' },
  EyeLike: { opset18: 9, opset20: 9, kernels: '9+' },
  Flatten: { opset18: 13, opset20: 13, kernels: '13+' },
  Floor: { opset18: 13, opset20: 13, kernels: '13+' },
  Gather: { opset18: 13, opset20: 13, kernels: '13+' },
  GatherElements: { opset18: 13, opset20: 13, kernels: '13+' },
  GatherND: { opset18: 13, opset20: 13, kernels: '13+' },
  Gelu: { opset18: 0, opset20: 20, kernels: '20+' },
  Gemm: { opset18: 13, opset20: 13, kernels: '13+' },
  GlobalAveragePool: { opset18: 1, opset20: 1, kernels: '1+' },
  GlobalMaxPool: { opset18: 1, opset20: 1, kernels: '1+' },
  Greater: { opset18: 13, opset20: 13, kernels: '13+' },
  GreaterOrEqual: { opset18: 16, opset20: 16, kernels: '16+' },
  HardSigmoid: { opset18: 6, opset20: 6, kernels: '6-21' },
  HardSwish: { opset18: 14, opset20: 14, kernels: '14-21' },
  Identity: { opset18: 16, opset20: 19, kernels: '14-18 19+' },
  InstanceNormalization: { opset18: 6, opset20: 6, kernels: '6+' },
  IsInf: { opset18: 10, opset20: 20, kernels: '10-19 20+' },
  IsNaN: { opset18: 13, opset20: 20, kernels: '13-19 20+' },
  LRN: { opset18: 13, opset20: 13, kernels: '13+' },
  LayerNormalization: { opset18: 17, opset20: 17, kernels: '17+' },
  LeakyRelu: { opset18: 16, opset20: 16, kernels: '16+' },
  Less: { opset18: 13, opset20: 13, kernels: '13+' },
  LessOrEqual: { opset18: 16, opset20: 16, kernels: '16+' },
  Log: { opset18: 13, opset20: 13, kernels: '13+' },
  LogSoftmax: { opset18: 13, opset20: 13, kernels: '13+' },
  MatMul: { opset18: 13, opset20: 13, kernels: '13+' },
  Max: { opset18: 13, opset20: 13, kernels: '13+' },
  MaxPool: { opset18: 12, opset20: 12, kernels: '12+' },
  Min: { opset18: 13, opset20: 13, kernels: '13+' },
  Mod: { opset18: 13, opset20: 13, kernels: '13+' },
  Mul: { opset18: 14, opset20: 14, kernels: '14+' },
  Neg: { opset18: 13, opset20: 13, kernels: '13+' },
  Not: { opset18: 1, opset20: 1, kernels: '1+' },
  OneHot: { opset18: 11, opset20: 11, kernels: '11+' },
  Or: { opset18: 7, opset20: 7, kernels: '7+' },
  PRelu: { opset18: 16, opset20: 16, kernels: '16+' },
  Pad: { opset18: 18, opset20: 19, kernels: '18+' },
  Pow: { opset18: 15, opset20: 15, kernels: '15+' },
  Range: { opset18: 11, opset20: 11, kernels: '11+' },
  Reciprocal: { opset18: 13, opset20: 13, kernels: '13+' },
  ReduceL1: { opset18: 18, opset20: 18, kernels: '18+' },
  ReduceL2: { opset18: 18, opset20: 18, kernels: '18+' },
  ReduceLogSum: { opset18: 18, opset20: 18, kernels: '18+' },
  ReduceLogSumExp: { opset18: 18, opset20: 18, kernels: '18+' },
  ReduceMax: { opset18: 18, opset20: 20, kernels: '18+' },
  ReduceMean: { opset18: 18, opset20: 18, kernels: '18+' },
  ReduceMin: { opset18: 18, opset20: 20, kernels: '18+' },
  ReduceProd: { opset18: 18, opset20: 18, kernels: '18+' },
  ReduceSum: { opset18: 13, opset20: 13, kernels: '13+' },
  ReduceSumSquare: { opset18: 18, opset20: 18, kernels: '18+' },
  Relu: { opset18: 14, opset20: 14, kernels: '14+' },
  Reshape: { opset18: 14, opset20: 19, kernels: '14-18 19-20' },
  Resize: { opset18: 18, opset20: 19, kernels: '18 19+' },
  Round: { opset18: 11, opset20: 11, kernels: '11+' },
  ScatterElements: { opset18: 18, opset20: 18, kernels: '18+' },
  ScatterND: { opset18: 18, opset20: 18, kernels: '18+' },
  Selu: { opset18: 6, opset20: 6, kernels: '6+' },
  Shape: { opset18: 15, opset20: 19, kernels: '15-18 19-20' },
  Shrink: { opset18: 9, opset20: 9, kernels: '9+' },
  Sigmoid: { opset18: 13, opset20: 13, kernels: '13+' },
  Sign: { opset18: 13, opset20: 13, kernels: '13+' },
  Sin: { opset18: 7, opset20: 7, kernels: '7+' },
  Size: { opset18: 13, opset20: 19, kernels: '13+' },
  Slice: { opset18: 13, opset20: 13, kernels: '13+' },
  Softmax: { opset18: 13, opset20: 13, kernels: '13+' },
  Softplus: { opset18: 1, opset20: 1, kernels: '1+' },
  Softsign: { opset18: 1, opset20: 1, kernels: '1+' },
  SpaceToDepth: { opset18: 13, opset20: 13, kernels: '13+' },
  Split: { opset18: 18, opset20: 18, kernels: '18+' },
  Sqrt: { opset18: 13, opset20: 13, kernels: '13+' },
  Squeeze: { opset18: 13, opset20: 13, kernels: '13-20' },
  Sub: { opset18: 14, opset20: 14, kernels: '14+' },
  Sum: { opset18: 13, opset20: 13, kernels: '13+' },
  Tanh: { opset18: 13, opset20: 13, kernels: '13+' },
  ThresholdedRelu: { opset18: 10, opset20: 10, kernels: '10+' },
  Tile: { opset18: 13, opset20: 13, kernels: '13+' },
  TopK: { opset18: 11, opset20: 11, kernels: '11+' },
  Transpose: { opset18: 13, opset20: 13, kernels: '13-20' },
  Trilu: { opset18: 14, opset20: 14, kernels: '14+' },
  Unsqueeze: { opset18: 13, opset20: 13, kernels: '13-20' },
  Where: { opset18: 16, opset20: 16, kernels: '16+' },
  Xor: { opset18: 7, opset20: 7, kernels: '7+' },
};

/** Whether onnxruntime has a CUDA kernel for the op in a graph of that opset. */
export function hasCudaKernel(op: string, opset: 18 | 20): boolean {
  const known = CUDA_KERNELS[op];
  if (known === undefined) return false;
  const version = opset === 18 ? known.opset18 : known.opset20;
  return known.kernels.split(' ').some((range) => {
    const [first = 0, last] = range.replace('+', '').split('-').map(Number);
    // An open range is for the version that it begins at, lest a later one mean something else.
    if (range.endsWith('+')) return version === first;
    return version >= first && version <= (last ?? first);
  });
}
