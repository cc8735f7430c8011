import { Size } from 'aws-cdk-lib';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { serviceKeys } from '../src/schemas/service.ts';
import {
  grantObjects,
  grantOtherInputs,
  type ObjectAccess,
  type OtherInputs,
  otherInputsEnvironment,
} from './access.ts';
import type { Compute } from './compute.ts';
import { Handler } from './functions.ts';
import { grantMachines, grantRuns } from './run-access.ts';
import type { Storage } from './storage.ts';

/** A data set (CIFAR: 170 MB), and a checkpoint of up to some GB beside it: as much room as Lambda gives. */
const PLANNER_EPHEMERAL_STORAGE = Size.gibibytes(10);

export interface PipelineProps {
  readonly storage: Storage;
  readonly compute: Compute;
  readonly topic: Topic;
  readonly otherInputs: OtherInputs;
  readonly service: string;
}

/** The two functions and what they may do: the planner starts runs, the finalizer goes on with them and ends them. */
export class Pipeline extends Construct {
  readonly planner: Handler;
  readonly finalizer: Handler;

  constructor(scope: Construct, id: string, { storage, compute, topic, otherInputs, service }: PipelineProps) {
    super(scope, id);
    const { inputs, rankings, runs } = storage;
    this.finalizer = new Handler(this, 'Finalizer', {
      name: 'finalizer',
      service,
      description: 'Submits the next stage of a run, or writes its report; answers configs that the planner died of',
    });
    this.planner = new Handler(this, 'Planner', {
      name: 'planner',
      service,
      description: 'Validates a config, claims and plans its run, submits its jobs',
      onFailure: this.finalizer,
      environment: otherInputsEnvironment(otherInputs),
      ephemeralStorageSize: PLANNER_EPHEMERAL_STORAGE,
    });
    const ofRuns: ObjectAccess = { bucket: runs, keys: `${serviceKeys.runs}*`, write: true };
    const ofRankings: ObjectAccess = { bucket: rankings, keys: '*' };
    // It reads configs, and answers; a ranking a config names is imported into the store.
    const ofConfigs: ObjectAccess = { bucket: runs, keys: `${serviceKeys.configs}*`, write: true };
    const ofAnswers: ObjectAccess = { bucket: runs, keys: `${serviceKeys.answers}*`, write: true };
    const ofHistory: ObjectAccess = { bucket: runs, keys: `${serviceKeys.history}*`, write: true };
    const ofPlanner = [
      { bucket: inputs, keys: '*' },
      { ...ofRankings, write: true },
      ofConfigs,
      ofAnswers,
      ofHistory,
      ofRuns,
    ];
    grantObjects(this.planner.role, ofPlanner);
    grantOtherInputs(this.planner.role, otherInputs);
    // It answers where the planner could not: that a config was rejected.
    const ofRejections: ObjectAccess = { bucket: runs, keys: serviceKeys.rejected('*'), write: true };
    const ofFinalizer = [ofRankings, ofRuns, ofAnswers, ofHistory, { ...ofConfigs, write: false }, ofRejections];
    grantObjects(this.finalizer.role, ofFinalizer);
    for (const handler of [this.planner, this.finalizer]) {
      grantRuns(handler.role, compute, topic);
    }
    grantMachines(this.finalizer.role, compute);
  }
}
