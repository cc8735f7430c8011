/// <reference lib="esnext.disposable" preserve="true" />
/**
 * igd as a library: open PyTorch and ONNX classifiers, differentiate, rank, defend and attack them, and do whole runs.
 * Images are row-major Float32Arrays [N, C, H, W] with values in [0, 1]. What is not exported here is igd's own business and
 * changes without notice.
 *
 * @module igd
 */

// Attacks
export { type AttackOptions, type AttackResult, attack } from './api/attack.ts';
// Runtimes and gradient rules of your own
export { type CheckGradientOptions, checkGradient } from './api/check-gradient.ts';
// Rankings
export type { ClipOptions } from './api/clip-features.ts';
// Models
export { type DefendOptions, defend } from './api/defend.ts';
// Whole runs
export { evaluate } from './api/evaluate.ts';
export { gradientModel } from './api/gradient-model.ts';
export type { GradientQuery, LayerInfo, LogitsOptions, OpenModel } from './api/model.ts';
export { type ModelSource, type OpenModelOptions, openModel } from './api/open-model.ts';
export { type Ranking, type RankUnitsOptions, rankUnits } from './api/rank-units.ts';
export { type LabelledImages, type ReadImagesOptions, readImages } from './api/read-images.ts';
export type { EvaluateOptions, RunProgress } from './api/run-in-folder.ts';
export type { StopSignal } from './api/stop-signal.ts';
export type { AttackChoice, SuiteChoice } from './api/suite-entries.ts';
// Attacks of your own
export type {
  Attack,
  AttackContext,
  AttackCost,
  AttackedModel,
  AttackPoints,
  Candidates,
  LossBatch,
  LossGradient,
  SavedAttack,
  ThreatModel,
} from './attacks/core/attack.ts';
export { defineAttack } from './attacks/core/attack-scheduler.ts';
export type { LossName } from './attacks/core/losses.ts';
export {
  type AttackDefinition,
  type AttackRound,
  type AttackSetup,
  attackRounds,
  type LossParameters,
  type ModelAnswer,
  type ModelQuery,
  type PerImageAttack,
  type RoundOptions,
  type Sample,
} from './attacks/core/per-image-attack.ts';
export { predictedClass } from './attacks/core/predictions.ts';
export { clipToThreat, distance } from './attacks/norms/threat-model.ts';
// Errors
export {
  CheckpointError,
  ConfigError,
  DatasetError,
  GraphError,
  IgdError,
  InputError,
  ModelError,
  RankingError,
  RunError,
  TransientError,
} from './errors.ts';
export type { ProtocolProgress } from './evaluation/protocol.ts';
export type { ImageShape } from './models/classifier.ts';
export {
  keyedStream,
  type RandomSource,
  type RandomStream,
  type StreamKey,
  type StreamState,
} from './numeric/random.ts';
export type { ElementType, Tensor, TensorData, TypedTensor } from './numeric/tensor.ts';
export type { CheckReport, Suspect } from './onnx/autodiff/check-gradient.ts';
export {
  type Arithmetic,
  eachInput,
  type GradientRule,
  type GradientTable,
  type InputRule,
  type Operand,
  perInput,
  type RuleContext,
  type RuleSite,
} from './onnx/autodiff/rule.ts';
export { GRADIENT_RULES } from './onnx/autodiff/rule-table.ts';
export { type AttributeLike, GraphBuilder, type NodeOptions } from './onnx/builder.ts';
export { encodeModel } from './onnx/codec/model.ts';
export type { Attribute, Dim, Graph, Model, Node, ValueInfo } from './onnx/graph.ts';
export type { Feeds, Fetches, Runtime, Session, SessionUsage } from './onnx/runtime.ts';
export type { TypedShape } from './onnx/shapes/operands.ts';
export type { RankingDiagnostics } from './ranking/diagnostics.ts';
export { onnxRuntime, type RuntimeOptions } from './runtime/session.ts';
export type { AttackName, AttackSpec, Norm, Protocol, SuiteName } from './schemas/attacks.ts';
export type { BinaryOutput, ClassOrder, DatasetFormat, Device, Preprocessing } from './schemas/config.ts';
export { configSchema, type RunConfig, type RunConfigInput } from './schemas/config.ts';
export { parseConfig } from './schemas/parse-config.ts';
export { type Flag, type Report, reportSchema } from './schemas/report.ts';
export type { AttackUsage, ModelChecks } from './schemas/results.ts';
export type { SimilarityName } from './schemas/similarities.ts';
export type { RankingMethod } from './schemas/variants.ts';
