// Entry of the container: does the task its environment names, and exits as AWS Batch is to understand it.
import { main } from '../../dist/runner.js';

process.exitCode = await main();
