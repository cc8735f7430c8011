// Entry of the container: does the task its environment names, and exits as AWS Batch is to understand it.
import { load } from '../../bin/load.mjs';

const { main } = await load('service/task-runner');
process.exitCode = await main();
