/** What igd is as a library. Everything else is its own business and changes without notice. */
export {
  CheckpointError,
  ConfigError,
  DatasetError,
  GraphError,
  IgdError,
  InputError,
  RankingError,
  RunError,
  TransientError,
} from './errors.ts';
